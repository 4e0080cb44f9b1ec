"""Parse YAML into plain data within bounds, collecting problems instead of stopping at the first."""

import re
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import yaml

from simulator.errors import Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 100_000
MAX_DIGITS = 18
OF_LAYERS = 8
"""So many times the bytes and values may stand in a file that has an entry for each layer of a network."""

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MERGES = ("<<", "<<<")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


Pair: TypeAlias = tuple[yaml.Node, yaml.Node]


class Mark(Protocol):
    """Where PyYAML or libyaml stood, counted from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class _Builder:
    """What has been found on the way through one file."""

    file: str
    times: int
    places: dict[str, Place] = field(default_factory=dict)
    key_places: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0
    merged: dict[int, list[Pair]] = field(default_factory=dict)  # by the identity of a mapping's node

    def complain(self, mark: Mark | None, message: str, path: str = "", expected: str = "", got: str = "") -> None:
        place = _place(mark)
        self.problems.append(
            Problem(message, self.file, place.line, place.column, path or None, expected or None, got or None)
        )

    def value(self, node: yaml.Node, path: str, depth: int) -> Value:
        """Turn a node into data. An alias is walked again each time, so that the count bounds what it expands to."""
        self.values += 1
        if depth > MAX_DEPTH:
            raise _TooMuch(node.start_mark)
        if self.values > MAX_VALUES * self.times:
            raise _TooMuch(node.start_mark, MAX_VALUES * self.times, "values")
        self.places[path] = _place(node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, _join(path, str(i)), depth + 1) for i, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for key_node, value_node in self.pairs(node, depth):
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(key_node.start_mark, "not a key", path, "a single word")
                continue
            key = key_node.value
            inner = _join(path, key)
            if key in result:
                first = self.key_places[inner].line
                self.complain(
                    key_node.start_mark, f"duplicate key, first given on line {first}", inner, "each key once"
                )
                continue
            self.key_places[inner] = _place(key_node.start_mark)
            result[key] = self.value(value_node, inner, depth + 1)
        return result

    def pairs(self, node: yaml.MappingNode, depth: int) -> list[Pair]:
        """Return the keys of a mapping and their values, those that it merges from others among them.

        `<<: *other` takes the keys of another mapping, or of a list of them, that the mapping does not have; `<<<`
        goes on inside the mappings that both have.
        """
        if depth > MAX_DEPTH:
            raise _TooMuch(node.start_mark)
        if id(node) not in self.merged:
            found = [pair for pair in node.value if pair[0].value not in _MERGES]
            for key, value in (pair for pair in node.value if pair[0].value in _MERGES):
                for base in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if not isinstance(base, yaml.MappingNode):
                        self.complain(base.start_mark, "nothing to merge", key.value, "a mapping, or a list of them")
                        continue
                    found = self.joined(found, self.pairs(base, depth + 1), key.value == "<<<", depth)
            self.merged[id(node)] = found
        return self.merged[id(node)]

    def joined(self, own: list[Pair], base: list[Pair], deep: bool, depth: int) -> list[Pair]:
        """Return a mapping's own pairs and those of a base that it does not have."""
        at = {key.value: index for index, (key, _) in enumerate(own) if isinstance(key, yaml.ScalarNode)}
        result = list(own)
        for key, value in base:
            index = at.get(key.value) if isinstance(key, yaml.ScalarNode) else None
            if index is None:
                result.append((key, value))
            elif deep and isinstance(value, yaml.MappingNode) and isinstance(own[index][1], yaml.MappingNode):
                mine = own[index][1]
                inner = self.joined(self.pairs(mine, depth + 1), self.pairs(value, depth + 1), deep, depth + 1)
                result[index] = (own[index][0], yaml.MappingNode(mine.tag, inner, mine.start_mark, mine.end_mark))
        return result

    def scalar(self, node: yaml.ScalarNode, path: str) -> Scalar:
        text = node.value
        if node.style:  # quoted or a block, so not a number or a word of YAML's own
            return str(text)
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text) and len(text) <= MAX_DIGITS:
            return int(text)
        number = float(text) if _FLOAT.fullmatch(text) else None
        if _NOT_FINITE.fullmatch(text) or (number is not None and abs(number) > 10**MAX_DIGITS):
            expected = f"a finite number of at most {MAX_DIGITS} digits"
            self.complain(node.start_mark, "not a usable number", path, expected, text[:MAX_DIGITS])
            return 0
        return str(text) if number is None else number


class _TooMuch(Exception):
    def __init__(self, mark: Mark | None, limit: int = MAX_DEPTH, unit: str = "levels") -> None:
        super().__init__(unit)
        self.mark = mark
        self.expected = f"at most {limit} {unit}"


def parse(text: str, file: str, times: int = 1) -> tuple[Value, dict[str, Place], dict[str, Place], list[Problem]]:
    """Return the data, the places of values and of keys by dotted path, and the problems."""
    builder = _Builder(file, times)
    data: Value = None
    try:
        _check_events(text, builder)
        node = None if builder.problems else yaml.compose(text, _LOADER)
        data = None if node is None else builder.value(node, "", 1)
    except _TooMuch as error:
        builder.complain(error.mark, "the file holds too much", expected=error.expected)
    except yaml.YAMLError as error:
        builder.problems.append(_syntax_problem(error, text, file))
    except UnicodeError:
        builder.problems.append(Problem("not a text file", file, 1, 1, expected="UTF-8"))
    builder.places.setdefault("", Place(1, 1))
    return data, builder.places, builder.key_places, builder.problems


def _check_events(text: str, builder: _Builder) -> None:
    """Refuse tags, and bound the nesting before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if depth > MAX_DEPTH:
            raise _TooMuch(event.start_mark)
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":  # "!" is what libyaml gives a quoted scalar
            builder.complain(event.start_mark, "tags are not allowed", expected="plain values", got=tag)


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place, lines = _place(mark), text.split("\n")
    if place.line > len(lines):
        place = Place(len(lines), len(lines[-1]) + 1)  # libyaml ends the last line itself
    cause = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if "nesting" in cause:  # libyaml has a bound of its own
        return Problem(
            "the file holds too much", file, place.line, place.column, expected=f"at most {MAX_DEPTH} levels"
        )
    tab = "\t" in lines[place.line - 1][: place.column]
    expected = "spaces, not tabs" if tab else "lines of `key: value`, nested ones indented with spaces"
    return Problem(f"not valid YAML: {cause}", file, place.line, place.column, expected=expected)


def _place(mark: Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
