"""Write fitted values into the text of a machine's file, each with its rows beside it; all else stays as it is."""

import re
from collections.abc import Sequence
from pathlib import Path

from analysis.drive.fit.fitting import Estimate
from analysis.drive.fit.parameters import number_of, value_of
from simulator.errors import InputError, Problem
from simulator.hardware.load import read_hardware
from simulator.hardware.vary import parts_of
from simulator.source import Document, Rejected, parse_yaml
from simulator.source.parser import Place, Value

SCALAR = re.compile(r"\"[^\"]*\"|'[^']*'|[^,{}\[\]#\s][^,{}\[\]#]*?(?=\s*(?:[,}\]]|\s#|$))")
COMMENT = re.compile(r"(?:^|\s+)#\s*(.*)$")


def fitted_text(text: str, file: Path, out: Path, estimates: Sequence[Estimate], rows: int) -> str:
    """Return a machine's file with fitted values in it; `out` is where it will lie, as what it names must be found.

    Raises InputError for a file in which a value cannot be placed, and for names that are not found from there.
    """
    for own in estimates:
        document, lines = parse_yaml(text, str(file)), text.splitlines()
        place, missing = _place(document, own.parameter.path)
        _write(lines, place, missing, own, rows)
        text = "\n".join(lines) + "\n"
    _check(text, file, out, estimates)
    return text


def _place(document: Document, path: str) -> tuple[Place, tuple[str, ...]]:
    """Return where a value stands, and no keys; or where the mapping does that lacks it, and the keys to add there."""
    try:
        parts = [str(part) for part in parts_of(document.data, path)]
    except Rejected as error:
        raise InputError(_unplaced(document.file, path)) from error
    known = len(parts)
    while known and document.get(".".join(parts[:known])) is None:
        known -= 1
    if known == len(parts):
        return document.places[".".join(parts)], ()
    if not isinstance(document.data if not known else document.get(".".join(parts[:known])), dict):
        raise InputError(_unplaced(document.file, path))
    if parts[known] == "buffers":
        raise InputError(_unplaced(document.file, path))
    return document.places[".".join(parts[:known])] if known else Place(0, 1), tuple(parts[known:])


def _unplaced(file: str, path: str) -> Problem:
    return Problem("no place for the fitted value", file, path=path, expected="a value of it in the file, to change")


def _write(lines: list[str], place: Place, missing: tuple[str, ...], estimate: Estimate, rows: int) -> None:
    """Put one value into the lines of a file, and what is to be said of it behind."""
    value = shown(estimate.parameter.written(estimate.value))
    said = f"{estimate.parameter.path} fitted on {rows} rows, {interval(estimate)}"
    if not missing:
        line = lines[place.line - 1]
        old = SCALAR.match(line, place.column - 1)
        assert old is not None
        said = f"{said}, was {old[0].strip()}"
        lines[place.line - 1] = _commented(line[: old.start()] + value + line[old.end() :], said)
        return
    entry = f"{missing[0]}: {_nested(missing[1:], value)}"
    if not place.line:
        lines.append(_commented(entry, said))
    elif lines[place.line - 1][place.column - 1] == "{":
        line, at = lines[place.line - 1], place.column
        lines[place.line - 1] = _commented(f"{line[:at]}{entry}, {line[at:]}", said)
    else:
        lines.insert(place.line - 1, _commented(" " * (place.column - 1) + entry, said))


def _nested(keys: tuple[str, ...], value: str) -> str:
    """Write a value below keys.

    >>> _nested(("inputs", "words_per_cycle"), "8"), _nested((), "8")
    ('{inputs: {words_per_cycle: 8}}', '8')
    """
    return f"{{{keys[0]}: {_nested(keys[1:], value)}}}" if keys else value


def _commented(line: str, said: str) -> str:
    """Put words behind a line, before those that stand there.

    >>> _commented("launch: 4 us  # a guess", "fitted on 22 rows, was 3 us")
    'launch: 4 us  # fitted on 22 rows, was 3 us; a guess'
    """
    old = COMMENT.search(line)
    code, more = (line[: old.start()], f"; {old[1]}") if old else (line.rstrip(), "")
    return f"{code}  # {said}{more}"


def interval(estimate: Estimate) -> str:
    """Write the interval of an estimate in the units of its file."""
    low, high = (shown(estimate.parameter.written(value)) for value in (estimate.low, estimate.high))
    return f"95% between {low} and {high}"


def shown(value: Value) -> str:
    """Write a value as YAML has it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check(text: str, file: Path, out: Path, estimates: Sequence[Estimate]) -> None:
    """Read what would be written, from where it would be; raise InputError unless every fitted value is there."""
    hardware = read_hardware(parse_yaml(text, str(out)))
    for own in estimates:
        written = own.parameter.written(own.value)
        if value_of(hardware, own.parameter.path, own.parameter.kind) != number_of(written, own.parameter.kind):
            raise InputError(_unplaced(str(file), own.parameter.path))
