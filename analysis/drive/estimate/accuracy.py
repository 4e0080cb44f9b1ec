"""Accuracies that a sweep or a search may use beside the published ones, each under a name that says what it is."""

import csv
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from io import StringIO
from math import isfinite
from pathlib import Path

from analysis.drive.estimate.command import PREFIX, NoAccuracy, arguments_of, percent_by_command
from analysis.drive.estimate.specs import meaning
from analysis.drive.estimate.surrogate import published_surrogate
from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from simulator.source import Document
from simulator.source.files import read_text
from workloads.load import load_network

MOST_BYTES = 4 * 2**20
GIVEN, SOURCE = "top1_given_percent", "top1_source"
ESTIMATE, LOW, HIGH = "top1_estimate_percent", "top1_low_percent", "top1_high_percent"
Figures = dict[str, int | float | str]


@dataclass
class Accuracy:
    """Finds the accuracy of networks by their specs, each once; a network that it cannot tell has none."""

    columns: tuple[str, ...]
    note: str
    find: Callable[[str], Figures]
    known: dict[str, Figures] = field(default_factory=dict)

    def figures(self, spec: str) -> Figures:
        """Return the columns of a network; none where its accuracy is not known."""
        if spec not in self.known:
            self.known[spec] = self.find(spec)
        return self.known[spec]


PLAN = "plan"
"""What allows the code that a plan names to run."""


def chosen(text: str, plan: Document) -> Accuracy | None:
    """Return the accuracies that a text means, `plan` those that the plan names; without a text those of its CSV file.

    A plan's command or function runs only where the text is `plan`: whoever opens a file has not asked to run it.
    """
    written = plan.data.get("accuracy")
    if not isinstance(written, dict) or text not in ("", PLAN):
        return read_accuracy(text) if text else None
    ((kind, what),) = written.items()
    if kind == "csv":
        return given_by_file(Path(plan.file).parent / str(what))
    if text != PLAN:
        expected = f"--accuracy {PLAN}, which allows it, or another --accuracy"
        message = f"the plan would run a {kind}"
        raise InputError(plan.problem(("accuracy", kind), message, expected=expected, got=str(what)))
    return read_accuracy(f"{PREFIX}{what}" if kind == "command" else str(what))


def read_accuracy(text: str) -> Accuracy:
    """Return the accuracies that `estimate`, a CSV file, a user's own command or Python means.

    `command:WORDS` runs those words, `module:function` calls that function, for each network.
    """
    if text == "estimate":
        return estimated()
    if text.startswith(PREFIX):
        words = arguments_of(text.removeprefix(PREFIX))
        return given_by(lambda spec, network: percent_by_command(words, spec, network), shlex.join(words))
    if text.lower().endswith(".csv"):
        return given_by_file(Path(text))
    module, colon, function = text.partition(":")
    if not colon:
        expected = "estimate, a CSV file, command:WORDS, or module:function"
        raise InputError(Problem("--accuracy is none of what it may be", expected=expected, got=text))
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(Problem(f"cannot import {text}: {error}", expected="a function of a network")) from error
    return given_by(lambda spec, network: _called(found, text, spec, network), text)


def _called(function: Callable[[Network], float | None], name: str, spec: str, network: Network) -> float | None:
    try:
        return function(network)
    except Exception as error:
        message = f"{name} fails: {type(error).__name__}: {error}"
        raise NoAccuracy(Problem(message, path=spec, expected="percent, or None")) from error


def estimated() -> Accuracy:
    """Return estimates of the surrogate; a network out of its range has none.

    Raises InputError where it tells families that it has not seen too badly to conclude anything.
    """
    surrogate = published_surrogate()
    if not surrogate.left_out.concludes:
        raise InputError(Problem(f"nothing can be concluded: {surrogate.left_out.text}"))

    def find(spec: str) -> Figures:
        try:
            found = surrogate.estimate(load_network(spec))
        except InputError:
            return {}
        return {ESTIMATE: found.percent, LOW: found.low, HIGH: found.high}

    return Accuracy((ESTIMATE, LOW, HIGH), surrogate.left_out.text, find)


def given_by(tell: Callable[[str, Network], float | None], source: str) -> Accuracy:
    """Return what a user's own function of spec and network, or command, tells: percent, or None."""

    def find(spec: str) -> Figures:
        percent = tell(spec, load_network(spec))
        if percent is None:
            return {}
        if isinstance(percent, bool) or not isinstance(percent, int | float) or not _is_percent(percent):
            raise NoAccuracy(Problem(f"{source} gives no accuracy", path=spec, expected="0 to 100", got=repr(percent)))
        return {GIVEN: float(percent), SOURCE: source}

    return Accuracy((GIVEN, SOURCE), f"top-1 as given by {source}", find)


def given_by_file(path: Path) -> Accuracy:
    """Return the accuracies of a CSV file with columns spec, top1_percent and source; raise InputError for bad ones."""
    table = list(csv.reader(StringIO(read_text(path, MOST_BYTES), newline="")))
    wanted = ["spec", "top1_percent", "source"]
    if not table or table[0] != wanted:
        got = ",".join(table[0])[:60] if table else "an empty file"
        raise InputError(Problem("not a table of accuracies", str(path), 1, expected=",".join(wanted), got=got))
    found: dict[tuple[object, ...], Figures] = {}
    problems: list[Problem] = []
    for line, row in enumerate(table[1:], start=2):
        try:
            found[_meaning_of(row, str(path), line)] = {GIVEN: float(row[1]), SOURCE: row[2]}
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return Accuracy((GIVEN, SOURCE), f"top-1 as given by {path}", lambda spec: found.get(meaning(spec), {}))


def _meaning_of(row: list[str], file: str, line: int) -> tuple[object, ...]:
    if len(row) != 3 or not row[2].strip():
        expected = "a spec in quotes if it has commas, its top-1 in percent, and where that is from"
        raise InputError(Problem("not an accuracy", file, line, expected=expected, got=",".join(row)[:60]))
    try:
        good = _is_percent(float(row[1]))
    except ValueError:
        good = False
    if not good:
        raise InputError(Problem("not a percentage", file, line, expected="0 to 100", got=row[1][:60]))
    try:
        return meaning(row[0])
    except InputError as error:
        problems = [
            Problem(p.message, file, line, path=p.path, expected=p.expected, got=p.got, suggestion=p.suggestion)
            for p in error.problems
        ]
        raise InputError(*problems) from error


def _is_percent(value: float) -> bool:
    return isfinite(value) and 0 <= value <= 100
