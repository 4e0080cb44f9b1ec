"""The layers in the text of a run, one by one: those that are equal but for names are of one kind.

What speaks against a layer, whatever its name, speaks against its kind. A run of many layers has few kinds, so each is
read once, layers of a kind share what they hold, and the text is never one tree of JSON, which takes four times its
bytes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from simulator.errors import InputError, Problem
from simulator.result.json_parse import complaints, is_usual, negative, parse
from simulator.result.run import LayerResult
from simulator.source.changed import changed

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Names: TypeAlias = dict[str, str | tuple[str, ...]]

NAMES = ("name", "stage", "fused", "inputs")
READER = "read_last_by"  # of what a layer keeps on chip, where it does
PARTS = ("mapping", "cycle_parts", "bounds", "footprint_bytes", "dram_parts")

LONGEST_LINE = 1 << 16  # of a layer: longer ones are read by a slower way

_SPACE = re.compile(r"[ \t\n\r]*")
_NAME = r'"[^"\\\x00-\x1f]*"'
_LIST = rf"\[\s*(?:{_NAME}(?:\s*,\s*{_NAME})*)?\s*\]"
_NAMED = re.compile(rf'"({"|".join((*NAMES, READER))})"\s*:\s*({_NAME}|{_LIST})')
_VALUES = {'"': re.compile(_NAME), "[": re.compile(_LIST)}
_DECODER = json.JSONDecoder()


class Kind(NamedTuple):
    """Where the text of the first layer of a kind stands, and each name in it: its key, first and last place."""

    start: int
    end: int
    names: tuple[tuple[str, int, int], ...]

    def rest(self, text: str) -> Iterator[str]:
        """Yield what is left without the names, and as what each is written."""
        at = self.start
        for _, start, end in self.names:
            yield text[at : start + 1]
            at = end
        yield text[at : self.end]


@dataclass(slots=True)
class LayerTexts:
    """The layers of a run's text, and `kinds`, the first layer of each one's kind.

    `around` is the text without them, `data` what it holds; `signed`: whether any number of that may be below 0.
    """

    around: str = ""
    data: dict[str, object] = field(default_factory=dict)
    signed: bool = False
    kinds: list[int] = field(default_factory=list)
    layers: list[LayerResult | str] = field(default_factory=list)  # the text of those that nobody read yet

    def add(self, layer: LayerResult | str, kind: int) -> None:
        """Add a layer of a kind."""
        self.layers.append(layer)
        self.kinds.append(kind)

    def read(self, file: str | None) -> tuple[list[LayerResult], list[Problem], list[Problem]]:
        """Return the layers, why some are none and left out, and their numbers below 0."""
        made, wrong, below = list[LayerResult](), list[Problem](), list[Problem]()
        for at, layer in enumerate(self.layers):
            if isinstance(layer, str):
                found, against, owed = _looked_at(layer, at, file)
                made += found
                wrong += against
                below += owed
            else:
                made.append(layer)
        return made, wrong, below


@dataclass(slots=True)
class _Reader:
    """Goes through the layers of a text; a kind is named after the place of its first layer in the list."""

    text: str
    found: LayerTexts = field(default_factory=LayerTexts)
    _firsts: dict[int, tuple[int, LayerResult, tuple[int, int]]] = field(default_factory=dict)  # where their texts are
    _kinds: dict[int, tuple[Kind, LayerResult]] = field(default_factory=dict)  # of which there are two layers or more
    _after: dict[int, int] = field(default_factory=dict)  # what came last behind one of a kind
    _parts: dict[str, object] = field(default_factory=dict)  # of layers, by how Python writes them

    def take(self, at: int) -> int:
        """Add the layer that stands at a place; return the end of its text."""
        before = self.found.kinds[-1] if self.found.kinds else 0
        end = self._again(self._after.get(before, before), at)
        if end is None:
            behind = max(at, self.text.find("\n", at, at + LONGEST_LINE))
            line = self.text[at:behind].rstrip(" \t\r,")  # a layer, as runs are written
            end = self._one(at, at + len(line)) or self._one(at, _DECODER.raw_decode(self.text, at)[1], sure=True)
        self._after[before] = self.found.kinds[-1]
        return end

    def _one(self, at: int, end: int, sure: bool = False) -> int:
        """Add what stands between two places, if that is a layer, or is one value for sure; return its end, or 0."""
        kind = _parted(self.text, at, end)
        mark = hash(tuple(kind.rest(self.text)))
        if mark in self._firsts:
            first, layer, place = self._firsts[mark]
            self._kinds[first] = _parted(self.text, *place), layer
            if again := self._again(first, at):
                return again
        line, here = self.text[at:end], len(self.found.kinds)
        if made := _plain(line):
            made = self._slim(made)
            if _all_named(made, kind, line):
                self._firsts[mark] = here, made, (at, end)
        elif not sure:
            return 0
        self.found.add(made or line, here)
        return end

    def _again(self, first: int, at: int) -> int | None:
        """Add the layer at a place if it is of a kind; return its end."""
        if first not in self._kinds:
            return None
        kind, layer = self._kinds[first]
        names, end = _alike(self.text, kind, at)
        if end is not None:
            self.found.add(_named(layer, names), first)
        return end

    def _slim(self, layer: LayerResult) -> LayerResult:
        """Return a layer that shares the parts that often are equal with those before."""
        parts = {part: getattr(layer, part) for part in PARTS}
        return changed(layer, {part: self._parts.setdefault(repr(own), own) for part, own in parts.items()})


def _parted(text: str, at: int, end: int) -> Kind:
    """Find the names in the text of a layer."""
    return Kind(at, end, tuple((match[1], *match.span(2)) for match in _NAMED.finditer(text, at, end)))


def _alike(text: str, kind: Kind, at: int) -> tuple[Names, int | None]:
    """Return the names of the layer that stands at a place, and its end; None where it is of another kind."""
    names: Names = {}
    last = kind.start
    for key, start, end in kind.names:
        same = text[last:start]
        value = _VALUES[text[start]].match(text, at + len(same)) if text.startswith(same, at) else None
        if value is None:
            return names, None
        names[key] = value[0][1:-1] if text[start] == '"' else tuple(value[0].split('"')[1::2])
        at, last = value.end(), end
    same = text[last : kind.end]
    return names, at + len(same) if text.startswith(same, at) else None


def _plain(text: str) -> LayerResult | None:
    """Return the layer that a text is; None where it is none, or has numbers that must be told of."""
    from pydantic import ValidationError

    try:
        item = None if is_usual(text) else parse(text, None)[0]
        return None if any(negative("", item, None)) else _adapter().validate_json(text, strict=True)
    except (InputError, ValidationError):
        return None


def _looked_at(text: str, at: int, file: str | None) -> tuple[list[LayerResult], list[Problem], list[Problem]]:
    """Return the layer that a text is, or why it is none, and its numbers below 0."""
    from pydantic import ValidationError

    below = [*negative(f"layers.{at}", parse(text, file)[0], file)]
    try:
        return [_adapter().validate_json(text, strict=True)], [], below
    except ValidationError as error:
        return [], complaints(error, file, "layers", at), below


@cache
def _adapter() -> "TypeAdapter[LayerResult]":
    from pydantic import TypeAdapter

    return TypeAdapter(LayerResult)


def _all_named(layer: LayerResult, kind: Kind, text: str) -> bool:
    """Whether the names found in a layer's text are the layer's own, each there once.

    All but `inputs` a layer must have; without escapes no name looks like something else. So other names in the same
    text are as good.
    """
    keys = sorted(key for key, _, _ in kind.names)
    own = sorted((*NAMES, READER) if layer.kept else NAMES)
    return keys == own and layer.inputs != () and "\\" not in text


def _named(first: LayerResult, names: Names) -> LayerResult:
    """Return a layer that is as the first of its kind but for its names."""
    own: dict[str, object] = {key: names[key] for key in NAMES}
    if first.kept:
        own["kept"] = changed(first.kept, {READER: names[READER]})
    return changed(first, own)


def layers_in(text: str, file: str | None = None) -> LayerTexts | None:
    """Find the layers of a run; None in text that is no run's, or has none, which reading it whole tells."""
    reader = _Reader(text)
    found = reader.found
    try:
        mark, at = _past(text, 0, "{")
        while mark != "}":
            key, at = _DECODER.raw_decode(text, at)
            _, at = _past(text, at, ":")
            if key == "layers" and text.startswith("[", at) and not found.around:
                start, at = at, _take_all(reader, at)
                found.around, found.data[key] = f"{text[:start]}[]{text[at:]}", []
            elif key == "layers" or not isinstance(key, str):
                return None
            else:
                at = _take_value(found, key, text, at, file)
            mark, at = _past(text, at, ",}")
    except (ValueError, RecursionError):
        return None
    return found if found.around and at == len(text) else None


def _take_value(found: LayerTexts, key: str, text: str, at: int, file: str | None) -> int:
    """Add what stands at a place, and is no layer; return the place behind it."""
    found.data[key], end = _DECODER.raw_decode(text, at)
    if not is_usual(text[at:end]):
        found.data[key], signed = parse(text[at:end], file)
        found.signed |= signed
    return end


def _take_all(reader: _Reader, at: int) -> int:
    """Add the layers of the list that stands at a place; return the place behind it."""
    mark, at = _past(reader.text, at, "[")
    while mark != "]":
        if mark == "[" and reader.text.startswith("]", at):
            return at + 1
        mark, at = _past(reader.text, reader.take(at), ",]")
    return at


def _past(text: str, at: int, marks: str) -> tuple[str, int]:
    """Return which of some marks stands next, and the place behind it and the space around it."""
    at = _behind_space(text, at)
    if not text.startswith(tuple(marks), at):
        raise ValueError(f"none of {marks}")
    return text[at], _behind_space(text, at + 1)


def _behind_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # there is always some, if none
