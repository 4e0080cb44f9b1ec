"""Try whether the tests notice small errors: `python .ci/mutate.py [--minutes M] [--seed TEXT] [MODULE ...]`.

Every mutant (`mutants.py`) runs against the tests that `mutation.yaml` names for its module, in a process forked from
one that has collected them: functions that are loaded get the mutant's code. One that lives so is tried once more, in a
process that imports everything anew, since what was made on import may hide it. It must make a test fail, end in an
error, or take far longer than the module as it is. One that lives is either explained in `survivors.yaml`, or ends this
command with 1. Kernels run as plain Python, since compiled code would have to be compiled for each mutant. Groups of
modules with the same tests take turns, in an order that the seed decides, for as many minutes as are given; all take
hours.
"""

import argparse
import gc
import importlib.machinery
import json
import math
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import IO, TYPE_CHECKING

import yaml
from mutants import Mutant, mutants_of

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent
PLAIN = "NUMBA_DISABLE_JIT"
SETTINGS = {"HYPOTHESIS_PROFILE": "mutation", "MPLBACKEND": "Agg"}
LIVES = 0
MEMORY_BYTES = 6 << 30
FEW, MANY = 5, 25
"""Mutants for which tests are collected once: of a sample, and of all."""


@dataclass(frozen=True)
class Subject:
    """A module and what tests it."""

    path: Path
    tests: tuple[str, ...]
    seconds: int
    """CPU time after which a mutant counts as noticed: several times what the tests take."""


Work = tuple[Subject, Mutant]
Group = tuple[Subject, list[Work]]
"""A module whose tests several modules have, and mutants of all of them."""


def subjects(kernels: bool, names: list[str]) -> Iterator[Subject]:
    """Yield the modules to change: those whose functions numba compiles, or the others."""
    config = yaml.safe_load((FOLDER / "mutation.yaml").read_text())
    for group in config:
        for name in group["modules"]:
            path = ROOT / name
            compiled = "import jit" in path.read_text()
            if compiled == kernels and (not names or any(name.startswith(part) for part in names)):
                yield Subject(path, tuple(group["tests"]), group["seconds"])


def explained() -> dict[str, set[str]]:
    """Return the names of the mutants that may live, by module."""
    known = yaml.safe_load((FOLDER / "survivors.yaml").read_text()) or {}
    return {module: {entry["mutant"] for entry in entries} for module, entries in known.items()}


def run_tests(subject: Subject, *plugins: object) -> int:
    """Run the tests of a module up to the first that fails; return pytest's status."""
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "--assert=plain"]
    return int(pytest.main([*options, *subject.tests], list(plugins)))


def fork_quiet() -> int:
    """Fork a process that prints nothing; return its number, in the process itself 0."""
    child = os.fork()
    if not child:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
    return child


def limit(subject: Subject, until: float = math.inf) -> None:
    """Let this process take no more time and memory than a mutant may, and little more than is left."""
    seconds = math.ceil(max(1, min(subject.seconds, until - time.monotonic())))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def lives_anew(subject: Subject, mutant: Mutant | None) -> bool:
    """Tell whether the tests of a module, changed or as it is, pass where everything is imported anew."""
    child = fork_quiet()
    if not child:
        status = 3
        try:
            limit(subject)
            if mutant:
                load_changed(mutant)
            status = run_tests(subject)
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == LIVES


def load_changed(mutant: Mutant) -> None:
    """Let the import of the module give the mutant."""
    original = importlib.machinery.SourceFileLoader.get_code
    code = compile(mutant.tree(), str(mutant.path), "exec")

    def get_code(loader: importlib.machinery.SourceFileLoader, fullname: str):  # type: ignore[no-untyped-def]
        return code if Path(loader.path) == mutant.path else original(loader, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def functions_of(paths: set[str]) -> list[FunctionType]:
    """Find the functions of modules that are loaded."""
    return [each for each in gc.get_objects() if isinstance(each, FunctionType) and each.__code__.co_filename in paths]


def change_loaded(mutant: Mutant, functions: list[FunctionType]) -> bool:
    """Give the functions of a loaded module the mutant's code; False where one cannot take it."""
    module = compile(mutant.tree(), str(mutant.path), "exec")
    changed = {(code.co_qualname, code.co_firstlineno): code for code in codes_in(module)}
    for function in functions:
        if (old := function.__code__).co_filename == str(mutant.path):
            new = changed.get((old.co_qualname, old.co_firstlineno))
            if new is None or new.co_freevars != old.co_freevars:
                return False
            function.__code__ = new
    return True


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of all functions, of functions in them and of classes."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from codes_in(inner)


class OnceForEach:
    """A plugin of pytest: what is collected runs once for each mutant, each time in a fork."""

    def __init__(self, work: list[Work], until: float, report: IO[str]) -> None:
        """Take the mutants, the time when to end, and where a line goes for each: whether it lives, and its name."""
        self.work, self.until, self.report = work, until, report

    def pytest_runtestloop(self, session: "pytest.Session") -> bool | None:
        """Return None in a fork, for pytest to go on there and run the tests; True where there is nothing left.

        Tests that call compiled code run once before, so that no fork has to load it, where forks are many.
        """
        from _pytest.runner import runtestprotocol

        for item in session.items if PLAIN not in os.environ and len(self.work) > FEW else ():
            runtestprotocol(item, log=False, nextitem=None)
        functions = functions_of({str(subject.path) for subject, _ in self.work})
        gc.freeze()  # what is loaded is not moved about in every fork
        for subject, mutant in self.work:
            if time.monotonic() > self.until:
                break
            if not (child := os.fork()):
                limit(subject, self.until)
                return None if change_loaded(mutant, functions) else os._exit(LIVES)
            lives = os.waitpid(child, 0)[1] == LIVES
            if time.monotonic() > self.until:
                break  # it may have had no time to fail
            self.report.write(json.dumps([lives, str(mutant.path.relative_to(ROOT)), mutant.name]) + "\n")
            self.report.flush()
        return True


def try_some(first: Subject, work: list[Work], until: float, report: IO[str]) -> None:
    """Try mutants of modules that have the same tests; those that live where they are loaded, once more."""
    with tempfile.TemporaryFile("w+") as lines:
        if not (child := fork_quiet()):
            status = 3
            try:
                status = run_tests(first, OnceForEach(work, until, lines))
            finally:
                os._exit(status)
        os.waitpid(child, 0)
        lines.seek(0)
        tried = [json.loads(line) for line in lines]
    for (subject, mutant), (lives, module, name) in zip(work, tried, strict=False):
        if lives and time.monotonic() > until:
            break
        lives = lives and lives_anew(subject, mutant)
        if lives and name not in explained().get(module, ()):
            print(f"lives  {module}  {name}", flush=True)
        report.write(json.dumps([lives, module, name]) + "\n")
        report.flush()


def try_all(batches: list[Group], until: float, report: IO[str], check: bool) -> None:
    """Try mutants, batch by batch; where it is to be checked, a module without a change must pass its tests first."""
    import hypothesis  # noqa: F401  loaded here once and not in every fork
    import numba  # noqa: F401
    import pytest  # noqa: F401

    sys.path.insert(0, str(ROOT))
    checked = set()
    for first, work in batches:
        if time.monotonic() > until:
            break
        if check and first.tests not in checked and not lives_anew(first, None):
            sys.exit(f"{first.path.relative_to(ROOT)}: its tests do not pass as it is")
        checked.add(first.tests)
        try_some(first, work, until, report)


def try_in_processes(batches: list[Group], kernels: bool, until: float) -> list[tuple[bool, str, str]]:
    """Share batches out to a process for each core; return of each mutant whether it lives, its module and its name.

    What is tried for some minutes only does without a check of tests that pass as they are: it would take most of them.
    """
    count = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder) / str(number) for number in range(count)]
        children = [
            share(batches[number::count], kernels, until, report, until == math.inf)
            for number, report in enumerate(reports)
        ]
        statuses = [os.waitpid(child, 0)[1] for child in children]
        if any(statuses):
            sys.exit("a process that tries mutants failed")
        return [tuple(json.loads(line)) for report in reports for line in report.read_text().splitlines()]


def share(batches: list[Group], kernels: bool, until: float, report: Path, check: bool) -> int:
    """Fork a process that tries some of the mutants; return its number."""
    if child := os.fork():
        return child
    os.environ.update(SETTINGS, **({PLAIN: "1"} if kernels else {}))
    status = 1
    try:
        with report.open("w") as lines:
            try_all(batches, until, lines, check)
        status = 0
    except SystemExit as end:
        print(end, file=sys.stderr)
    finally:
        os._exit(status)


def batches_of(chosen: list[Subject], order: random.Random, share: float, at_once: int) -> list[Group]:
    """Return what to try, some mutants at once, of modules that have the same tests: the first of each group first."""
    groups: dict[tuple[str, ...], list[Subject]] = {}
    for subject in chosen:
        groups.setdefault(subject.tests, []).append(subject)
    found = []
    for group in order.sample(list(groups.values()), len(groups)):
        mutants = [(subject, mutant) for subject in group for mutant in mutants_of(subject.path)]
        tried = order.sample(mutants, round(share * len(mutants)))
        found.append([(group[0], tried[start : start + at_once]) for start in range(0, len(tried), at_once)])
    return [batch for batches in zip_longest(*found) for batch in batches if batch]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="beginnings of paths; all that are named in mutation.yaml")
    parser.add_argument("--minutes", type=float, help="for how long to try; all mutants")
    parser.add_argument("--share", type=float, default=1.0, help="part of the mutants to try at most")
    parser.add_argument("--seed", default="", help="what decides which ones come first")
    return parser.parse_args()


def main() -> int:
    """Try the mutants, print those that live and are not explained, and tell whether there are any."""
    options, found = arguments(), []
    for kernels in (True, False):
        chosen, order = list(subjects(kernels, options.modules)), random.Random(options.seed)
        batches = batches_of(chosen, order, options.share, FEW if options.minutes else MANY)
        seconds = 60 * options.minutes / 2 if options.minutes else math.inf
        found += try_in_processes(batches, kernels, time.monotonic() + seconds)
    known = explained()
    living = [(module, name) for lives, module, name in found if lives]
    new = [name for module, name in living if name not in known.get(module, ())]
    tried, left = (Counter(str(Path(row[-2]).parent) for row in rows) for rows in (found, living))
    for folder in sorted(tried):
        print(f"{folder}: {tried[folder]:,} tried, {left[folder]} live")
    print(f"{len(found):,} mutants tried, {len(found) - len(living):,} noticed, {len(living) - len(new)} explained")
    return bool(new)


if __name__ == "__main__":
    sys.exit(main())
