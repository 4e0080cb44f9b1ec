"""An ONNX graph as plain data: nodes, constants and shapes, without protobuf and without weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from simulator.errors import InputError, Problem
from workloads.importers.bounds import shorten

if TYPE_CHECKING:
    import numpy as np

Dims: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Const:
    """A tensor that comes with the model: its extents, and its values where they are few and there.

    `name` is that of the initializer it was made from, if any.
    """

    dims: Dims
    values: "np.ndarray | None" = field(default=None, compare=False)
    name: str = ""

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.dims)

    def ints(self) -> Dims | None:
        """Return the values as integers; None where they are not known or not finite."""
        import numpy as np

        if self.values is None or not np.isfinite(self.values).all():
            return None
        return tuple(int(value) for value in self.values.reshape(-1))

    def floats(self) -> tuple[float, ...] | None:
        """Return the values as floats; None where they are not known."""
        return None if self.values is None else tuple(float(value) for value in self.values.reshape(-1))


@dataclass(frozen=True, slots=True)
class Branch:
    """A graph inside a node, which also reads what is made around it."""

    nodes: "tuple[Node, ...]"
    constants: Mapping[str, Const]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()


Attribute: TypeAlias = int | float | str | Const | Branch | tuple[int | float | str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One op; an input that is left out has an empty name."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    domain: str = ""

    @property
    def label(self) -> str:
        """What to call the node: its name, else what it makes."""
        return self.name or next((name for name in self.outputs if name), self.op)

    def has(self, position: int) -> bool:
        """Return whether the input at that position is given."""
        return position < len(self.inputs) and bool(self.inputs[position])

    def int(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else self._refuse(name, "a whole number", value)

    def float(self, name: str, default: float) -> float:
        """Return a number attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int | float) else self._refuse(name, "a number", value)

    def text(self, name: str, default: str) -> str:
        """Return a text attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else self._refuse(name, "text", value)

    def ints(self, name: str) -> Dims | None:
        """Return an attribute that is a list of integers; None where it is not given."""
        value = self.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, tuple):
            return self._refuse(name, "whole numbers", value)
        numbers = tuple(number for number in value if isinstance(number, int))
        return numbers if len(numbers) == len(value) else self._refuse(name, "whole numbers", value)

    def branches(self) -> list[Branch]:
        """Return the graphs inside the node."""
        return [value for value in self.attributes.values() if isinstance(value, Branch)]

    def _refuse(self, name: str, expected: str, value: object) -> NoReturn:
        path = f"{shorten(self.label)}.{name}"
        raise InputError(Problem("wrong attribute", path=path, expected=expected, got=shorten(str(value))))


@dataclass(frozen=True, slots=True)
class Model:
    """A graph. Extents that the file leaves open are names, or None."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Const]
    inputs: Mapping[str, tuple[int | str | None, ...]]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Dims]  # of inner tensors, where the file states them in full
    opset: int
    metadata: Mapping[str, str]
    source: bytes  # the file without weights
    warnings: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)  # ops of its own format that cannot be counted -> why
