"""A TFLite graph on its way into ONNX nodes.

TFLite lies channels last, ONNX channels first: maps are transposed before an op that knows channels, and back behind
it. An importer of ONNX follows transposes without moving anything, so none of them costs a thing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from simulator.errors import InputError, Problem
from workloads.importers.bounds import shorten
from workloads.importers.from_onnx.context import open_name
from workloads.importers.from_onnx.model import Attribute, Const, Dims, Model, Node
from workloads.importers.from_tflite.read import Graph, Operator

OPSET = 17
MAPS = 4  # axes of maps
DOMAIN = "tflite"  # of ops that no ONNX node stands for
NONE: Mapping[str, Attribute] = MappingProxyType({})
FUSED: Sequence[tuple[str, str, dict[str, Attribute]]] = (
    ("", "", {}),
    ("relu", "Relu", {}),
    ("relu_n1_to_1", "Clip", {"min": -1.0, "max": 1.0}),
    ("relu6", "Clip", {"min": 0.0, "max": 6.0}),
    ("tanh", "Tanh", {}),
    ("sign_bit", "Sign", {}),
)
"""By the number of a fused activation: what it is called, the op that it is, its attributes."""


@dataclass(slots=True)
class Translation:
    """Nodes and constants so far; `op` is the one that is being translated."""

    graph: Graph
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Const] = field(default_factory=dict)
    inputs: dict[str, tuple[int | str | None, ...]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    turned: dict[str, str] = field(default_factory=dict)  # input that is maps -> the same channels last
    readers: Counter[str] = field(default_factory=Counter)
    first_reader: dict[str, Operator] = field(default_factory=dict)
    makers: dict[str, Operator] = field(default_factory=dict)
    op: Operator = field(default_factory=lambda: Operator("", (), ()))
    label: str = ""

    def __post_init__(self) -> None:
        """Note who reads and makes what, and declare the inputs."""
        self.constants.update(self.graph.constants)
        self.outputs.extend(self.graph.outputs)
        for op in self.graph.operators:
            self.readers.update(op.inputs)
            for name in op.inputs:
                self.first_reader.setdefault(name, op)
            self.makers.update((name, op) for name in op.outputs)
        self.readers.update(self.graph.outputs)
        for name, dims in self.graph.inputs.items():
            self.declare(name, dims)

    def declare(self, name: str, dims: Sequence[int | None]) -> None:
        """Declare an input of the network; maps are declared channels first, and turned for those that read them."""
        told = [open_name(name, at) if extent is None else extent for at, extent in enumerate(dims)]
        if len(told) != MAPS:
            self.inputs[name] = tuple(told)
            return
        n, h, w, c = told
        self.inputs[name] = (n, c, h, w)
        self.turned[name] = f"{name}::last"
        self.nodes.append(Node("Transpose", name, (name,), (self.turned[name],), {"perm": (0, 2, 3, 1)}))

    def model(self) -> Model:
        """Return all as a model."""
        dims = {name: dims for name, dims in self.graph.dims.items() if name not in self.constants}
        outputs = tuple(dict.fromkeys(self.outputs))
        return Model(
            tuple(self.nodes), self.constants, self.inputs, outputs, dims, OPSET, {}, b"", tuple(self.warnings)
        )

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        output: str = "",
        name: str = "",
        also: Mapping[str, Attribute] = NONE,
        **attributes: Attribute,
    ) -> str:
        """Add a node, called like the op with `name` behind; return what it makes, something new unless told."""
        made = output or f"{self.op.outputs[0]}::{len(self.nodes)}"
        told = {**also, **attributes}
        self.nodes.append(Node(kind, f"{self.label}{name}", self._as_turned(inputs), (made,), told))
        return made

    def parts(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Attribute) -> None:
        """Add a node of several outputs."""
        self.nodes.append(Node(kind, self.label, self._as_turned(inputs), tuple(outputs), attributes))

    def unknown(self) -> None:
        """Add the op as it is, one that no ONNX node stands for."""
        op = self.op
        self.nodes.append(Node(op.kind, self.label, self._as_turned(op.inputs), op.outputs, {}, DOMAIN))

    def _as_turned(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.turned.get(name, name) for name in names)

    def ints(self, *values: int) -> str:
        """Return a constant vector of integers."""
        return self.constant(np.asarray(values, np.int64))

    def constant(self, values: np.ndarray) -> str:
        """Return a constant of these values."""
        name = f"{self.op.outputs[0]}::{len(self.nodes)}:{len(self.constants)}"
        self.constants[name] = Const(values.shape, values)
        return name

    def untold(self, dims: Dims) -> str:
        """Return a constant of these extents, whatever its values."""
        name = f"{self.op.outputs[0]}::{len(self.nodes)}:{len(self.constants)}"
        self.constants[name] = Const(dims)
        return name

    def known(self, name: str) -> Dims | None:
        """Return the values of a constant; None where they are computed."""
        const = self.constants.get(name)
        return const.ints() if const else None

    def dims(self, name: str) -> Dims:
        """Return the extents of a tensor; raise InputError where the file leaves them open."""
        if name not in self.graph.dims:
            raise self.wrong("an extent is open", "a file that states all of them", shorten(name))
        return self.graph.dims[name]

    def rank(self, name: str) -> int:
        """Return how many axes a tensor has."""
        return len(self.graph.dims[name] if name in self.graph.dims else self.graph.inputs.get(name, ()))

    def is_weight(self, name: str) -> bool:
        """Return whether a tensor lies in the file, maybe in another type or packed."""
        maker = self.makers.get(name)
        passed = maker is not None and maker.kind in ("DENSIFY", "DEQUANTIZE", "RESHAPE", "TRANSPOSE")
        return name in self.constants or (maker is not None and passed and self.is_weight(maker.inputs[0]))

    def first(self, name: str) -> str:
        """Return maps channels first."""
        return self.node("Transpose", [name], name="_first", perm=(0, 3, 1, 2)) if self.rank(name) == MAPS else name

    def last(self, name: str) -> None:
        """Make maps that are channels first the op's output, behind what is fused into it."""
        y = self.activated(name)
        self.node("Transpose", [y], self.op.outputs[0], "_last", perm=(0, 2, 3, 1))

    def end(self, name: str) -> None:
        """Make a tensor the op's output, behind what is fused into it."""
        y = self.activated(name)
        if self.nodes[-1].outputs == (y,):
            self.nodes[-1] = replace(self.nodes[-1], outputs=self.op.outputs[:1])
        else:
            self.node("Identity", [y], self.op.outputs[0], "_same")

    def activated(self, name: str) -> str:
        """Apply the activation that is fused into the op."""
        number = self.op.number("FusedActivationFunction")
        if not 0 <= number < len(FUSED):
            raise self.wrong("not an activation", f"0 to {len(FUSED) - 1}", str(number))
        called, kind, attributes = FUSED[number]
        return self.node(kind, [name], name=f"_{called}", also=attributes) if kind else name

    def wrong(self, message: str, expected: str | None = None, got: str | None = None) -> InputError:
        """Return an error at the op that is being translated."""
        return InputError(Problem(message, path=f"{shorten(self.label)} ({self.op.kind})", expected=expected, got=got))


Translator = Callable[[Translation, Operator], None]
