"""What has been made of a model's tensors so far, and what an op asks about its inputs."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simulator.errors import InputError, Problem
from simulator.network.graph import Tensor
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import shorten
from workloads.importers.from_onnx.model import Const, Dims, Model, Node
from workloads.importers.views import LINES, STEPS, Layout, View, fan, layout_of, shape_in


@dataclass(frozen=True, slots=True)
class Parts:
    """A sequence of tensors, as some exporters split one into."""

    values: tuple[View | Const, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A tensor behind the place where a graph is cut, because its extents depend on the data."""

    at: str  # the op that makes the first


Value = View | Const | Parts | Cut


class DependsOnDataError(Exception):
    """What an op makes, or whether it runs at all, depends on the data."""


_FOLDED_BY_EXPORTER = re.compile(
    r"onnx::Conv_\d+|.*_fused_bn.*|.*[/_]batchnorm/.*|.*/(BatchNorm_Fold|FusedBatchNorm).*|.*_Fold_bias"
)
_NORM_SCOPE = re.compile(r"[/_]batchnorm/")
_NUMBER = re.compile(r"\d+")
_QUANTIZED = re.compile(r"(_quantized|_DequantizeLinear)$")
_UNTOLD_NAME = re.compile(r"(node_|n)?\w*_?\d+")
CHANNELS_LAST_TO_FIRST = (0, 3, 1, 2)
SCALING = frozenset({"Add", "Cast", "DequantizeLinear", "Div", "Identity", "Mul", "QuantizeLinear", "Sub"})
DEEPEST_SCALING = 8
RECURRENT = frozenset({"GRU", "LSTM", "RNN"})
PASSING = frozenset({"Cast", "DequantizeLinear", "Identity", "QuantizeLinear", "Transpose"})


@dataclass(slots=True)
class Context:
    """A model on its way into an assembly; `sizes` are extents that the user gives for names in the file."""

    model: Model
    nodes: tuple[Node, ...]
    g: Assembly
    sizes: Mapping[str, int]
    values: dict[str, Value] = field(default_factory=dict)
    readers: dict[str, list[Node]] = field(default_factory=dict)
    makers: dict[str, Node] = field(default_factory=dict)
    integers: set[str] = field(default_factory=set)  # layers whose ops multiply integers and leave them so
    unknown: list[Problem] = field(default_factory=list)  # ops that nobody knows
    cuts: dict[str, tuple[str, list[str]]] = field(default_factory=dict)  # op where a cut is -> why, and what follows
    failed: list[Problem] = field(default_factory=list)  # whatever else is wrong
    ends: list[str] = field(default_factory=list)  # tensors that are read behind a cut
    own: bool = False  # whether the project's own exporter wrote the model

    def __post_init__(self) -> None:
        """Note who reads what, and what the nodes will make."""
        self.values.update(self.model.constants)
        self.values.update((name, self._number(name)) for name in self.sizes if is_scalar(self.model, name))
        self._note(self.nodes)
        counts = Counter(name for node in self.nodes for name in node.outputs if name)
        twice = [name for name, count in counts.items() if count > 1 or name in self.model.constants]
        if twice:
            raise InputError(Problem("a tensor is made twice", path=shorten(twice[0]), expected="names made once"))

    def _note(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self.makers.update((name, node) for name in node.outputs if name)
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)
            for branch in node.branches():
                self._note(branch.nodes)

    def value(self, node: Node, position: int) -> Value | None:
        """Return an input, declaring it where it is one of the network's; None where it is left out."""
        if not node.has(position):
            return None
        name = node.inputs[position]
        if name not in self.values and name in self.model.inputs:
            self.values[name] = self._declared(name)
        if name in self.values:
            return self.values[name]
        if name in self.model.shapes and name not in self.makers:
            return Const(self.model.shapes[name], name=name)  # weights that were taken out, of which the extents stayed
        if name in self.makers:
            got = f"{shorten(name)}, which is made later: nodes must be in order, without cycles"
        else:
            got = f"{shorten(name)}, which nothing makes"
        raise self.wrong(node, "an input is missing", "a tensor made before", got)

    def view(self, node: Node, position: int = 0) -> View:
        """Return an input that layers or the user make."""
        value = self.value(node, position)
        if isinstance(value, View):
            return value
        got = "nothing" if value is None else "a constant" if isinstance(value, Const) else "a sequence of tensors"
        raise self.wrong(node, f"input {position} does not depend on the network's input", "a computed tensor", got)

    def parts(self, node: Node) -> tuple[View | Const, ...]:
        """Return the tensors of a sequence, the first input."""
        value = self.value(node, 0)
        if not isinstance(value, Parts):
            raise self.wrong(node, "input 0 is not a sequence of tensors")
        return value.values

    def const(self, node: Node, position: int) -> Const | None:
        """Return an input that is a constant; None where it is left out or computed."""
        value = self.value(node, position)
        return value if isinstance(value, Const) else None

    def ints(self, node: Node, position: int, attribute: str = "") -> Dims | None:
        """Return integers given as an input or, in older models, as an attribute."""
        if not node.has(position):
            return node.ints(attribute) if attribute else None
        value = self.value(node, position)
        if isinstance(value, View):
            raise DependsOnDataError("how large it is depends on the data")
        numbers = value.ints() if isinstance(value, Const) else None
        if numbers is None:
            what = attribute or f"input {position}"
            raise self.wrong(node, f"{what} is not constant", "values that do not depend on the network's input")
        return numbers

    def weight(self, node: Node, position: int) -> Const | None:
        """Return the weights at that position, of which only the extents need to be known; None where nothing is."""
        name = node.inputs[position] if node.has(position) else ""
        if name in self.values:
            value = self.values[name]
            return value if isinstance(value, Const) else Const(value.dims) if isinstance(value, View) else None
        dims = self.model.inputs.get(name) or self.model.shapes.get(name)
        known = tuple(extent for extent in dims or () if isinstance(extent, int))
        return Const(known, name=name) if dims and len(known) == len(dims) else None

    def has_bias(self, node: Node, weight: int, bias: int) -> bool:
        """Return whether an op has a bias of its own, not one that an exporter made of a batch norm.

        PyTorch's exporters name such a bias `onnx::Conv_123` (a number only, in old ones) or like its weight with
        `_bias` behind, and TensorFlow's with `fused_bn` or `batchnorm` in it; biases of the module keep their names. Of
        equal biases only one may be left, whose name is then that of another module.
        """
        if not node.has(bias):
            return False
        if self._is_nought(node.inputs[bias]):
            return False
        names = [node.inputs[at] if node.has(at) else "" for at in (bias, weight)]
        for at, name in enumerate(names):
            value = self.values.get(name)
            origin = value.name if isinstance(value, Const) and value.name else name
            names[at] = _QUANTIZED.sub("", origin)
        if _FOLDED_BY_EXPORTER.fullmatch(names[0]) or names[0] == f"{names[1]}_bias":
            return False
        if _FOLDED_BY_EXPORTER.fullmatch(names[1]) and not _is_of(names[0], node.label):
            return False
        numbered = _NUMBER.fullmatch(names[0]) and _NUMBER.fullmatch(names[1])
        return not (numbered and any(not _NUMBER.fullmatch(name) for name in self.model.constants))

    def is_of_norm(self, node: Node, const: Const) -> bool:
        """Return whether a node adds what was a batch norm, by TensorFlow's scope or the name of what it adds."""
        return bool(_NORM_SCOPE.search(node.label) or _FOLDED_BY_EXPORTER.fullmatch(_QUANTIZED.sub("", const.name)))

    def is_integer(self, x: Tensor) -> bool:
        """Return whether a tensor was made by an op on integers, whose scales and biases follow it."""
        return x.name in self.integers

    def _is_nought(self, name: str) -> bool:
        """Return whether a tensor is zeros that were worked out, for an op that wants a bias where a module has none.

        PyTorch's newer exporter writes such ones; zeros that a model holds are biases that were never trained.
        """
        value = self.values.get(name)
        return isinstance(value, Const) and not value.name and value.values is not None and not value.values.any()

    def reads_assumed(self, node: Node) -> bool:
        """Return whether the shape of an input is assumed."""
        values = (self.values.get(name) for name in node.inputs)
        return any(isinstance(value, View) and value.tensor.name in self.g.assumed for value in values)

    def sole(self, node: Node, position: int = 0) -> bool:
        """Return whether nobody else reads an input."""
        name = node.inputs[position] if node.has(position) else ""
        return len(self.readers.get(name, ())) == 1 and name not in self.model.outputs

    def comes_from(self, node: Node, op: str) -> bool:
        """Return whether the first input is made by an op of that kind for this node alone, maybe turned on the way."""
        name = node.inputs[0]
        while len(self.readers.get(name, ())) == 1 and name not in self.model.outputs and name in self.makers:
            maker = self.makers[name]
            if maker.op == op or maker.op not in PASSING:
                return maker.op == op
            name = maker.inputs[0] if maker.inputs else ""
        return False

    def title(self, node: Node) -> str:
        """Return what to call the layer of a node; the project's own exporter means its names to the letter."""
        return node.label if self.own else node.label.strip("/")

    def name(self, node: Node, weight: int | None = None) -> str:
        """Return a free name for the layer of a node: its own, or its module's where that says more."""
        label = self.title(node)
        if weight is not None and _UNTOLD_NAME.fullmatch(label) and node.has(weight):
            module, _, kind = node.inputs[weight].rpartition(".")
            label = module if kind.startswith("weight") and module else label
        return self.g.unique(label)

    def axis(self, node: Node, default: int, rank: int, attribute: str = "axis") -> int:
        """Return an axis, counted from the front."""
        return self.checked_axis(node, node.int(attribute, default), rank)

    def checked_axis(self, node: Node, axis: int, rank: int) -> int:
        """Return an axis counted from the front; it may be given from the back."""
        if not -rank <= axis < rank:
            raise self.wrong(node, "there is no such axis", f"-{rank} to {rank - 1}", str(axis))
        return axis % rank

    def wrong(self, node: Node, message: str, expected: str | None = None, got: str | None = None) -> InputError:
        """Return an error at a node."""
        path = f"{shorten(node.label)} ({shorten(node.op)})"
        return InputError(Problem(message, path=path, expected=expected, got=got))

    def settled(self, name: str) -> Tensor | None:
        """Return what a tensor of the model has become, for someone outside to read; None for a constant."""
        value = self.values.get(name)
        return lowering.settle(self.g, value) if isinstance(value, View) else None

    def _number(self, name: str) -> Const:
        """Return an input that is one number, as the user gives it."""
        import numpy as np

        dims = (1,) * len(self.model.inputs[name])
        return Const(dims, np.full(dims, self.sizes[name], np.int64), name)

    def _declared(self, name: str) -> View:
        dims = [self._extent(name, at, extent) for at, extent in enumerate(self.model.inputs[name])]
        layout = self._input_layout(name, len(dims))
        return fan(self.g.declare(self.g.unique(name), shape_in(layout, dims)), layout, dims)

    def _input_layout(self, name: str, rank: int) -> Layout:
        """Take maps as channels first where all that reads them transposes them so, and signals that are convolved."""
        if rank == 4 and self._is_turned(name):
            return (0, 2, 3, 1)
        readers = self.readers.get(name, [])
        if rank == 3 and any(node.op in ("Conv", "QLinearConv") for node in readers):
            return LINES
        if rank == 3 and any(node.op in RECURRENT and not node.int("layout", 0) for node in readers):
            return STEPS
        return layout_of(rank)

    def _is_turned(self, name: str, depth: int = 0) -> bool:
        """Return whether all that becomes of maps is to be turned channels first, maybe scaled before."""
        readers = self.readers.get(name, [])
        return bool(readers) and all(
            node.ints("perm") == CHANNELS_LAST_TO_FIRST
            if node.op == "Transpose"
            else depth < DEEPEST_SCALING and node.op in SCALING and self._is_turned(node.outputs[0], depth + 1)
            for node in readers
        )

    def _extent(self, name: str, at: int, extent: int | str | None) -> int:
        if isinstance(extent, int):
            return extent
        place = place_of(name, at, extent)
        return self.sizes.get(place, self.sizes.get(extent or place, 1))  # the batch, if nothing is given


def place_of(name: str, at: int, extent: str | None) -> str:
    """Return what to call an open axis by its place, which is that in the file where another tells it by the name."""
    return extent if extent and extent.startswith(f"{name}.") else open_name(name, at)


def is_scalar(model: Model, name: str) -> bool:
    """Return whether an input is one number, which a user may give by its name."""
    return all(extent == 1 for extent in model.inputs.get(name, (0,)))


def open_name(name: str, at: int) -> str:
    """Return what to call an axis of an input that the file leaves open without a name."""
    return f"{name}.{at}"


def _is_of(weight: str, label: str) -> bool:
    """Return whether weights bear the name of the module that a node does: "a.b.bias" and "/a/a.b/Conv"."""
    module, scope = weight.rpartition(".")[0], label.rpartition("/")[0].rpartition("/")[2]
    return module == scope or module.endswith(f".{scope}")
