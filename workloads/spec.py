"""Read a network's spec, `name:key=value,key=value`, against the signature of its builder."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network
from workloads.parameters import Between

Builder = Callable[..., Network]
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a builder takes under one name: a type, the values it may have, the one it has unless given."""

    name: str
    kind: type
    choices: tuple[Value, ...]
    bounds: Between | None
    default: Value

    @property
    def expected(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        kind = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[self.kind]
        return f"{kind}, {self.bounds}" if self.bounds else kind

    def parse(self, text: str) -> Value:
        """Return the value that a user wrote, or raise ValueError."""
        value = _parse(self.kind, text)
        if self.choices and value not in self.choices:
            raise ValueError(text)
        if self.bounds and not (isinstance(value, int | float) and self.bounds.low <= value <= self.bounds.high):
            raise ValueError(text)
        return value


def _parse(kind: type, text: str) -> Value:
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    if kind in (int, float):
        return int(text) if kind is int else float(text)
    return text


@cache
def parameters_of(builder: Builder) -> Mapping[str, Parameter]:
    """Return the parameters of a builder by name, in the order of its signature."""
    hints = get_type_hints(builder, include_extras=True)
    signature = inspect.signature(builder).parameters
    own = {name: _parameter(name, hints[name], parameter.default) for name, parameter in signature.items()}
    return MappingProxyType(own)


def _parameter(name: str, hint: object, default: Value) -> Parameter:
    if get_origin(hint) in (Union, UnionType):
        hint = next(option for option in get_args(hint) if option is not NoneType)
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return Parameter(name, type(choices[0]), choices, None, default)
    if get_origin(hint) is Annotated:
        kind, allowed = get_args(hint)
        if isinstance(allowed, Between):
            return Parameter(name, kind, (), allowed, default)
        return Parameter(name, kind, allowed.values, None, default)
    if not isinstance(hint, type):
        raise TypeError(f"{name}: {hint} is not a type that a spec can carry")
    return Parameter(name, hint, (), None, default)


def split_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Return the name and the parameters as text.

    >>> split_spec("mobilenet_v1:width=0.5,resolution=160")
    ('mobilenet_v1', {'width': '0.5', 'resolution': '160'})
    """
    name, colon, rest = spec.partition(":")
    pairs: dict[str, str] = {}
    problems = []
    for item in rest.split(",") if colon else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if not (key and equals and value):
            problems.append(Problem("not a parameter", path=name, expected="key=value", got=item))
        elif key in pairs:
            problems.append(Problem("given twice", path=f"{name}.{key}"))
        pairs[key] = value
    if problems:
        raise InputError(*problems)
    return name.strip(), pairs


def parse_parameters(name: str, builder: Builder, texts: Mapping[str, str]) -> dict[str, Value]:
    """Return the values given in `texts`, each of its parameter's type; raise InputError with all that is wrong."""
    known = parameters_of(builder)
    problems = list(_problems(name, known, texts))
    if problems:
        raise InputError(*problems)
    return {key: known[key].parse(text) for key, text in texts.items()}


def _problems(name: str, known: Mapping[str, Parameter], texts: Mapping[str, str]) -> Iterator[Problem]:
    for key, text in texts.items():
        path = f"{name}.{key}"
        if key not in known:
            expected = "one of " + ", ".join(known)
            yield Problem("unknown parameter", path=path, expected=expected, got=key, suggestion=nearest(key, known))
            continue
        try:
            known[key].parse(text)
        except (ValueError, KeyError):
            choice = nearest(text, map(str, known[key].choices))
            yield Problem("not an allowed value", path=path, expected=known[key].expected, got=text, suggestion=choice)
