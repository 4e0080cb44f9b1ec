"""A machine tried with other values, as text gives them: `array.rows=32`, `buffers.main.capacity=2MiB`.

Paths and checks are those of a sweep's axes. The changed machine bears its changes in its name, so that whatever names
a run's machine tells them.
"""

from collections.abc import Sequence
from dataclasses import replace

from simulator.errors import InputError, Problem, nearest
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import Change, changed, parts_of
from simulator.source import Document, Rejected, parse_yaml, plain_document

LONGEST_NAME = 100


def with_settings(hardware: Hardware, texts: Sequence[str]) -> Hardware:
    """Return a machine with the values of `PATH=VALUE` texts, each checked as in a file; itself without any.

    Raises InputError with every problem, told of the text that causes it.

    >>> from simulator.hardware.load import load_hardware
    >>> with_settings(load_hardware("squeezenext_16x16"), ["array.rows=32"]).name
    'squeezenext_16x16[array.rows=32]'
    """
    if not texts:
        return hardware
    changes = _read(texts)
    assert hardware.document is not None
    document = plain_document(hardware.document, hardware.name)
    for path, change in changes.items():
        document = _changed(document, path, change, hardware.name)
    if "name" not in changes:
        document = changed(document, Change("name", _named(hardware.name, texts)))
    at = {".".join(map(str, parts_of(document.data, path))): path for path in changes}
    try:
        return read_hardware(document)
    except InputError as error:
        raise InputError(*(_told(problem, at, hardware.name) for problem in error.problems)) from error


def blamed(path: str, settings: Sequence[str]) -> str | None:
    """Return the first of the set paths that leads to a path, or that it leads to; None where none does."""
    return next((own for own in settings if f"{path}.".startswith(f"{own}.") or own.startswith(f"{path}.")), None)


def _read(texts: Sequence[str]) -> dict[str, Change]:
    """Return the change that each text asks for by its path; values are written as in YAML."""
    changes: dict[str, Change] = {}
    problems = []
    for text in texts:
        path, equals, value = (part.strip() for part in text.partition("="))
        if not path or not equals or not value or path in changes:
            message = "set twice" if path in changes else "not a setting"
            problems.append(Problem(message, "--set", expected="PATH=VALUE, like array.rows=32", got=f'"{text}"'))
            continue
        changes[path] = Change(path, parse_yaml(f"value: {value}", f"--set {text}").data["value"])
    if problems:
        raise InputError(*problems)
    return changes


def _changed(document: Document, path: str, change: Change, machine: str) -> Document:
    from simulator.hardware.schema import Machine

    first = path.partition(".")[0]
    if first not in Machine.model_fields:
        known = list(Machine.model_fields)
        expected = f"a path that begins with one of {', '.join(known)}"
        problem = Problem("no such key of a machine", "--set", expected=expected, got=path)
        raise InputError(replace(problem, suggestion=nearest(first, known)))
    try:
        return changed(document, change)
    except Rejected as error:
        problem = Problem(f"{machine} {error.message}", "--set", path=path, expected=error.expected)
        raise InputError(replace(problem, suggestion=error.suggestion)) from error


def _named(name: str, texts: Sequence[str]) -> str:
    """Name a changed machine by its changes, as many as a name has room for."""
    text = ",".join("=".join(part.strip() for part in text.split("=", 1)) for text in texts)
    room = LONGEST_NAME - len(name) - len("[...]")
    return f"{name}[{text}]" if len(text) <= room else f"{name}[{text[: max(0, room)]}...]"[-LONGEST_NAME:]


def _told(problem: Problem, at: dict[str, str], machine: str) -> Problem:
    """Tell a problem of the changed machine as one of the setting that causes it."""
    found = problem.path or ""
    own = blamed(found, list(at))
    if problem.file not in (None, "", machine):
        return problem
    return replace(problem, file="--set" if own else f"{machine} with --set", line=None, column=None)
