"""A machine with some keys changed: what sweeps, explanations and tests try.

Keys are dotted paths into the machine's file, items of a list by index or name: `array.rows`, `buffers.0.capacity`,
`buffers.main.capacity`, `dataflows.0.registers`, `energy.mac`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.errors import InputError, Problem, nearest
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.source import Document, Rejected, plain_document
from simulator.source.document import NOWHERE, PathParts, mark
from simulator.source.parser import Place, Value


@dataclass(frozen=True, slots=True)
class Change:
    """A value for the key at a path, and where both are written, if anywhere."""

    path: str
    value: Value
    place: Place = NOWHERE
    key_place: Place = NOWHERE


def vary(hardware: Hardware, changes: Mapping[str, Value]) -> Hardware:
    """Return a machine with other values at dotted paths, each checked as in a file.

    Quantities are text with a unit ("16 GB/s") or whole numbers of hertz, bytes, bytes a second or picoseconds. Raises
    InputError with every problem of the changed machine.

    >>> from simulator.hardware.load import load_hardware
    >>> from simulator.hardware.vary import vary
    >>> vary(load_hardware("squeezenext_16x16"), {"array.rows": 32, "buffers.main.capacity": "64 KiB"}).array.pes
    512
    """
    if hardware.document is None:
        expected = "a machine that was loaded or varied, not one changed by dataclasses.replace"
        raise InputError(Problem(f"{hardware.name} is in no form that can be varied", expected=expected))
    document = plain_document(hardware.document)
    for path, value in changes.items():
        try:
            document = changed(document, Change(path, value))
        except Rejected as error:
            message = f"{hardware.name} {error.message}"
            raise InputError(
                Problem(message, path=path, expected=error.expected, suggestion=error.suggestion)
            ) from error
    return read_hardware(document, bare_quantities=True)


def changed(document: Document, *changes: Change) -> Document:
    """Return a machine's document with changes in it, each of which keeps its place.

    Only what leads to a changed value is copied; what is no mapping on the way there becomes one. Raises Rejected for
    an item that a list does not have.
    """
    data, places, key_places = document.data, dict(document.places), dict(document.key_places)
    for change in changes:
        parts = parts_of(data, change.path)
        data = _as_mapping(_replaced(data, parts, change.value))
        dotted = ""
        for part in parts:
            dotted = f"{dotted}.{part}" if dotted else str(part)
            places.setdefault(dotted, change.place)
        mark(change.value, dotted, change.place, places)
        key_places[dotted] = change.key_place
    return replace(document, data=data, places=places, key_places=key_places)


def parts_of(data: Value, path: str) -> PathParts:
    """Return the parts of a path into data, names of list items turned into their indices; see `changed`.

    >>> parts_of({"buffers": [{"name": "main"}]}, "buffers.main.capacity")
    ('buffers', 0, 'capacity')
    """
    parts: list[str | int] = []
    value = data
    for part in path.split("."):
        if isinstance(value, list):
            index = _index(value, part)
            parts.append(index)
            value = value[index]
        else:
            parts.append(part)
            value = value.get(part) if isinstance(value, dict) else None
    return tuple(parts)


def _index(items: list[Value], part: str) -> int:
    names = [str(item.get("name", i)) if isinstance(item, dict) else str(i) for i, item in enumerate(items)]
    index = int(part) if part.isdecimal() else names.index(part) if part in names else len(items)
    if index >= len(items):
        expected = f"one of {', '.join(names)}, or an index below {len(items)}"
        raise Rejected("has no such item", expected, nearest(part, names))
    return index


def _replaced(value: Value, parts: PathParts, new: Value) -> Value:
    if not parts:
        return new
    first, *rest = parts
    if isinstance(first, int) and isinstance(value, list):
        return [_replaced(item, tuple(rest), new) if i == first else item for i, item in enumerate(value)]
    inner = value if isinstance(value, dict) else {}
    return {**inner, str(first): _replaced(inner.get(str(first)), tuple(rest), new)}


def _as_mapping(value: Value) -> dict[str, Value]:
    assert isinstance(value, dict)
    return value
