"""Try whether the tests notice small errors: `python .ci/mutate.py [--minutes M] [--seed TEXT] [MODULE ...]`.

Every mutant (`mutants.py`) runs against the tests that `mutation.yaml` names for its module, in a process forked from
one that has all libraries loaded. It must make a test fail, end in an error, or take far longer than the module as it
is. One that lives is either explained in `survivors.yaml`, or ends this command with 1. Kernels run as plain Python,
since compiled code would have to be compiled for each mutant. Modules with the same tests come together, in an order
that the seed decides, for as many minutes as are given; all of them take hours.
"""

import argparse
import importlib.machinery
import json
import math
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml
from mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent
PLAIN = "NUMBA_DISABLE_JIT"
SETTINGS = {"HYPOTHESIS_PROFILE": "mutation", "MPLBACKEND": "Agg"}
LIVES = 0
MEMORY_BYTES = 6 << 30


@dataclass(frozen=True)
class Subject:
    """A module and what tests it."""

    path: Path
    tests: tuple[str, ...]
    seconds: int
    """CPU time after which a mutant counts as noticed: several times what the tests take."""


Work = tuple[Subject, Mutant | None]


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


def start(subject: Subject, mutant: Mutant | None) -> int:
    """Fork a process that runs the tests of a module, changed or as it is; return its number."""
    child = os.fork()
    if child:
        return child
    status = 3
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (subject.seconds, subject.seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        if mutant:
            load_changed(mutant)
        import pytest

        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "--assert=plain"]
        status = int(pytest.main([*options, *subject.tests]))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def load_changed(mutant: Mutant) -> None:
    """Let the import of the module give the mutant."""
    original = importlib.machinery.SourceFileLoader.get_code
    code = compile(mutant.tree(), str(mutant.path), "exec")

    def get_code(loader: importlib.machinery.SourceFileLoader, fullname: str):  # type: ignore[no-untyped-def]
        return code if Path(loader.path) == mutant.path else original(loader, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def try_all(work: list[Work], until: float, report: IO[str]) -> None:
    """Try mutants one after the other; write a line for each of them, first whether it lives.

    A module without a change must pass its tests.
    """
    import hypothesis  # noqa: F401  loaded here once and not in every fork
    import numba  # noqa: F401
    import pytest  # noqa: F401

    sys.path.insert(0, str(ROOT))
    for subject, mutant in work:
        if time.monotonic() > until:
            break
        module = str(subject.path.relative_to(ROOT))
        _, status = os.waitpid(start(subject, mutant), 0)
        if mutant:
            report.write(json.dumps([status == LIVES, module, mutant.name]) + "\n")
            report.flush()
        elif status != LIVES:
            sys.exit(f"{module}: its tests do not pass as it is (status {status})")


def try_in_processes(work: list[Work], kernels: bool, until: float) -> list[tuple[bool, str, str]]:
    """Share mutants out to a process for each core; return of each whether it lives, its module and its name."""
    count = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder) / str(number) for number in range(count)]
        children = [share(work[number::count], kernels, until, report) for number, report in enumerate(reports)]
        statuses = [os.waitpid(child, 0)[1] for child in children]
        if any(statuses):
            sys.exit("a process that tries mutants failed")
        return [tuple(json.loads(line)) for report in reports for line in report.read_text().splitlines()]


def share(work: list[Work], kernels: bool, until: float, report: Path) -> int:
    """Fork a process that tries some of the mutants; return its number."""
    if child := os.fork():
        return child
    os.environ.update(SETTINGS, **({PLAIN: "1"} if kernels else {}))
    status = 1
    try:
        with report.open("w") as lines:
            try_all(work, until, lines)
        status = 0
    except SystemExit as end:
        print(end, file=sys.stderr)
    finally:
        os._exit(status)


def work_of(chosen: list[Subject], order: random.Random, share: float) -> list[Work]:
    """Return what to try, group by group of modules with the same tests: first a module as it is, then its mutants."""
    groups: dict[tuple[str, ...], list[Subject]] = {}
    for subject in chosen:
        groups.setdefault(subject.tests, []).append(subject)
    work: list[Work] = []
    for group in order.sample(list(groups.values()), len(groups)):
        mutants: list[Work] = [(subject, mutant) for subject in group for mutant in mutants_of(subject.path)]
        work += [(group[0], None), *order.sample(mutants, round(share * len(mutants)))]
    return work


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
        work = work_of(list(subjects(kernels, options.modules)), random.Random(options.seed), options.share)
        seconds = 60 * options.minutes / 2 if options.minutes else math.inf
        found += try_in_processes(work, kernels, time.monotonic() + seconds)
    known = explained()
    living = [(module, name) for lives, module, name in found if lives]
    new = [(module, name) for module, name in living if name not in known.get(module, ())]
    for module, name in new:
        print(f"lives  {module}  {name}")
    print(f"{len(found):,} mutants tried, {len(found) - len(living):,} noticed, {len(living) - len(new)} explained")
    return bool(new)


if __name__ == "__main__":
    sys.exit(main())
