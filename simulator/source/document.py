"""A YAML file as plain data that remembers where each value stood."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from simulator.errors import InputError, Problem
from simulator.source.files import read_text
from simulator.source.parser import MAX_BYTES, Place, Value, parse

PathParts: TypeAlias = tuple[str | int, ...]


class Rejected(ValueError):
    """Raise from a validator to say what a value must be; `validate` adds the place.

    `path` leads from the validated value to the part of it that is wrong.
    """

    def __init__(
        self, message: str, expected: str | None = None, suggestion: str | None = None, path: PathParts = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.suggestion = suggestion
        self.path = path


class RejectedElsewhere(ValueError):
    """Raise from a validator where a value names another file that is wrong; `problems` are those of that file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(*problems)
        self.problems = problems


NOWHERE = Place(0, 0)
"""The place of what stands in no file: problems have neither line nor column."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. A dotted path names a value by its keys and list indices: `buffers.0.capacity`.

    `places` holds where each value begins, `key_places` where its key does.
    """

    file: str
    data: dict[str, Value]
    places: dict[str, Place]
    key_places: dict[str, Place]

    def place(self, path: str | PathParts, of_key: bool = False) -> Place:
        """Return where the value (or its key) at `path` stands, or the nearest enclosing one that is there."""
        dotted = dotted_path(path)
        if of_key and dotted in self.key_places:
            return self.key_places[dotted]
        while dotted not in self.places:
            dotted = dotted.rpartition(".")[0]
        return self.places[dotted]

    def get(self, path: str | PathParts) -> Value:
        """Return the value at `path`; None where there is none."""
        value: Value = self.data
        for part in dotted_path(path).split("."):
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list):
                value = value[int(part)] if part.isdecimal() and int(part) < len(value) else None
            else:
                return None
        return value

    def has(self, path: PathParts) -> bool:
        """Return whether there is a value at `path`, be it nothing."""
        value: Value = self.data
        for part in path:
            if isinstance(value, dict) and str(part) in value:
                value = value[str(part)]
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return False
        return True

    def problem(
        self,
        path: str | PathParts,
        message: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        suggestion: str | None = None,
        of_key: bool = False,
    ) -> Problem:
        """Return a problem with the value (or its key) at `path`; `got` is text as `show` gives it."""
        place = self.place(path, of_key)
        dotted = dotted_path(path) or None
        at = (self.file or None, place.line or None, place.column or None)
        return Problem(message, *at, dotted, expected, got, suggestion)


def load_yaml(path: str | Path, times: int = 1) -> Document:
    """Read a YAML file whose root is a mapping; raise InputError with every problem found.

    The file may hold 1 MiB, 32 levels and 100,000 values, or `times` as many bytes and values. Tags, duplicate keys and
    numbers that are not finite are refused. Scalars follow the core schema of YAML 1.2: `yes`, `no`, `on` and `off` are
    text. A mapping may merge others: `<<: *other`, and `<<<: *other` inside the mappings of both, too.
    """
    return parse_yaml(read_text(path, MAX_BYTES * times), str(path), times)


def parse_yaml(text: str, file: str = "<text>", times: int = 1) -> Document:
    """Parse YAML text as `load_yaml` does a file."""
    data, places, key_places, problems = parse(text, file, times)
    if problems:
        raise InputError(*problems)
    if not isinstance(data, dict):
        got = "an empty file" if data is None else show(data)
        raise InputError(Problem("not a mapping", file, 1, 1, expected="lines of `key: value`", got=got))
    return Document(file, data, places, key_places)


def plain_document(data: Mapping[str, Value], file: str = "") -> Document:
    """Return plain data as a document: problems tell the path of a value, but no line; `file` is where it is from."""
    return Document(file, dict(data), {"": NOWHERE}, {})


def mark(value: Value, dotted: str, at: Place, places: dict[str, Place]) -> None:
    """Put a value and all within it at a place."""
    places[dotted] = at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        mark(item, f"{dotted}.{key}" if dotted else str(key), at, places)


def dotted_path(path: str | PathParts) -> str:
    """Return a path in its dotted form."""
    return path if isinstance(path, str) else ".".join(str(part) for part in path)


def show(value: object, limit: int = 60) -> str:
    """Return a value the way a user may have written it, cut short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a mapping of {', '.join(str(key) for key in list(value)[:4]) or 'nothing'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
