"""The layers in the text of a run, one by one: those that are equal but for names are of one kind.

What speaks against a layer, whatever its name, speaks against its kind. A run of many layers has few kinds, so each is
looked at once, layers of a kind share what they hold, and the text is never one tree of JSON, which takes four times
its bytes.
"""

import json
import re
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from simulator.errors import Problem
from simulator.result.json_parse import complaints, negative, parse
from simulator.result.run import LayerResult

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Names: TypeAlias = dict[str, str | tuple[str, ...]]

NAMES = ("name", "stage", "fused", "inputs")
READER = "read_last_by"  # of what a layer keeps on chip, where it does

LONGEST_LINE = 1 << 16  # of a layer: longer ones are read, but not compared before

_SPACE = re.compile(r"[ \t\n\r]*")
_NAME = r'"[^"\\\x00-\x1f]*"'
_NAMED = re.compile(rf'"({"|".join((*NAMES, READER))})"\s*:\s*({_NAME}|\[\s*(?:{_NAME}(?:\s*,\s*{_NAME})*)?\s*\])')
_UNUSUAL = ("-", "NaN", "Infinity")
_LARGE = re.compile(r"[0-9](?:[0-9]{29}|[eE])")
"""One of these is in every text with a number below 0, without bounds or of too many digits."""
_DECODER = json.JSONDecoder()
_FIELDS = tuple(each.name for each in fields(LayerResult))


@dataclass(frozen=True, slots=True)
class LayerText:
    """A layer: its kind, and the names in which it differs from others of that."""

    kind: int
    names: Names


@dataclass(slots=True)
class LayerTexts:
    """The layers of a run's text; `around` is the text without them, `kinds` that of the first of each kind."""

    around: str = ""
    layers: list[LayerText] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    _known: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, text: str, at: int) -> int:
        """Add the layer that stands at a place; return the end of its text."""
        end = text.find("\n", at, at + LONGEST_LINE)
        line = text[at:end].rstrip(" \t\r,") if end > at else ""  # a layer, as runs are written
        rest, names = _parted(line)
        kind = self._known.get(rest)
        if kind is None:
            item, end = _DECODER.raw_decode(text, at)
            line = text[at:end]
            rest, names = _parted(line)
            kind = self._known.get(rest, len(self.kinds))
            if kind == len(self.kinds):
                self.kinds.append(line)
                self._known |= {rest: kind} if _all_named(item, names, line) else {}
        self.layers.append(LayerText(kind, names))
        return at + len(line)

    def read(self, file: str | None) -> tuple[list[LayerResult], list[Problem], list[Problem]]:
        """Return the layers, why some are none and left out, and their numbers below 0."""
        made, wrong, below = list[LayerResult](), list[Problem](), list[Problem]()
        firsts: list[_First] = []
        for at, layer in enumerate(self.layers):
            if new := layer.kind == len(firsts):
                firsts.append(_first(self.kinds[layer.kind], file))
            first = firsts[layer.kind]
            if first.result is not None:
                made.append(first.result if new else _named(first.result, layer.names))
            wrong += [_within(at, problem) for problem in first.wrong]
            below += [_within(at, problem) for problem in first.below]
        return made, wrong, below


@dataclass(frozen=True, slots=True)
class _First:
    """The first layer of a kind; None where it is wrong, which paths within it tell, as those of what is below 0."""

    result: LayerResult | None
    wrong: list[Problem]
    below: list[Problem]


def _first(text: str, file: str | None) -> _First:
    from pydantic import ValidationError

    below: list[Problem] = []
    if any(mark in text for mark in _UNUSUAL) or _LARGE.search(text):
        item, signed = parse(text, file)
        below = [*negative("", item, file)] if signed else []
    try:
        return _First(_adapter().validate_json(text, strict=True), [], below)
    except ValidationError as error:
        return _First(None, complaints(error, file), below)


@cache
def _adapter() -> "TypeAdapter[LayerResult]":
    from pydantic import TypeAdapter

    return TypeAdapter(LayerResult)


def _within(at: int, problem: Problem) -> Problem:
    """Say of which layer a problem is."""
    return replace(problem, path=".".join(filter(None, (f"layers.{at}", (problem.path or "").lstrip(".")))))


def _parted(text: str) -> tuple[tuple[str, ...], Names]:
    """Part the text of a layer into its names and what is left, with the keys of the names in it."""
    parts = _NAMED.split(text)
    keys, values = parts[1::3], parts[2::3]
    names: Names = {}
    for key, value in zip(keys, values, strict=True):
        names[key] = value[1:-1] if value[0] == '"' else tuple(value.split('"')[1::2])
    return (*parts[::3], *keys, *(value[0] for value in values)), names


def _all_named(item: object, names: Names, text: str) -> bool:
    """Whether the names parted from a layer's text are the layer's own, each there once.

    Without escapes no name looks like something else, so that other names in the same text are as good.
    """
    if not isinstance(item, dict) or "\\" in text:
        return False
    kept = item.get("kept")
    reader = {READER} & kept.keys() if isinstance(kept, dict) else set()
    return len(_NAMED.findall(text)) == len(names) and names.keys() == {*NAMES, *reader}


def _named(first: LayerResult, names: Names) -> LayerResult:
    """Return a layer that is as the first of its kind but for its names."""
    own: dict[str, object] = {key: getattr(first, key) for key in _FIELDS} | names
    if first.kept:
        own["kept"] = replace(first.kept, read_last_by=str(own[READER]))
    own.pop(READER, None)
    return LayerResult(**own)  # type: ignore[arg-type]


def layers_in(text: str) -> LayerTexts | None:
    """Find the layers of a run; None in text that is no run's, or has none, which reading it whole tells."""
    found = LayerTexts()
    try:
        mark, at = _past(text, 0, "{")
        while mark != "}":
            key, at = _DECODER.raw_decode(text, at)
            _, at = _past(text, at, ":")
            if key == "layers" and text.startswith("[", at) and not found.around:
                start, at = at, _add_layers(found, text, at)
                found.around = f"{text[:start]}[]{text[at:]}"
            elif key == "layers" or not isinstance(key, str):
                return None
            else:
                _, at = _DECODER.raw_decode(text, at)
            mark, at = _past(text, at, ",}")
    except (ValueError, RecursionError):
        return None
    return found if found.around and at == len(text) else None


def _add_layers(found: LayerTexts, text: str, at: int) -> int:
    """Add the layers of the list that stands at a place; return the place behind it."""
    mark, at = _past(text, at, "[")
    while mark != "]":
        if mark == "[" and text.startswith("]", at):
            return at + 1
        mark, at = _past(text, found.add(text, at), ",]")
    return at


def _past(text: str, at: int, marks: str) -> tuple[str, int]:
    """Return which of some marks stands next, and the place behind it and the space around it."""
    at = _behind_space(text, at)
    if not text.startswith(tuple(marks), at):
        raise ValueError(f"none of {marks}")
    return text[at], _behind_space(text, at + 1)


def _behind_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
