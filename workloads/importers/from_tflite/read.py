"""Read a TFLite file: the only place that knows the package `tflite`, which is the schema as code."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from simulator.errors import InputError, Problem
from simulator.source.files import read_bytes
from workloads.importers.bounds import LONGEST_NAME, MOST_LAYERS, shorten
from workloads.importers.from_onnx.model import Const, Dims
from workloads.importers.from_onnx.read import FEW

MOST_BYTES = 1 << 32
MOST_OPS = 2 * MOST_LAYERS
MOST_TENSORS = 16 * MOST_LAYERS
MOST_AXES = 16
MOST_INPUTS = 4096
IDENTIFIER = slice(4, 8), b"TFL3"
BROKEN = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, MemoryError, KeyError)
"""What reading raises where an offset or a length leads astray."""
TYPES: Mapping[str, type[np.generic]] = {
    "BOOL": np.bool_,
    "FLOAT16": np.float16,
    "FLOAT32": np.float32,
    "FLOAT64": np.float64,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "INT8": np.int8,
    "UINT8": np.uint8,
}
"""Types of which values are read; of others only the extents are."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One op: its builtin name, or the code of a custom one. An input that is left out has an empty name."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Any = None  # the table of its kind; None where there is none

    def number(self, name: str) -> int:
        """Return an option, 0 where the file leaves it out and the schema says no other."""
        return int(getattr(self.options, name)()) if hasattr(self.options, name) else 0

    def numbers(self, name: str) -> Dims:
        """Return an option that is a list."""
        if not hasattr(self.options, name) or not getattr(self.options, f"{name}Length")():
            return ()
        return tuple(int(number) for number in getattr(self.options, f"{name}AsNumpy")())

    def has_output(self, position: int) -> bool:
        """Return whether the output at that position is given."""
        return position < len(self.outputs) and bool(self.outputs[position])

    def has(self, position: int) -> bool:
        """Return whether the input at that position is given."""
        return position < len(self.inputs) and bool(self.inputs[position])


@dataclass(frozen=True, slots=True)
class Graph:
    """The main graph of a file. Extents that it leaves open are missing from `dims`, and None in `inputs`."""

    operators: tuple[Operator, ...]
    constants: Mapping[str, Const]
    dims: Mapping[str, Dims]
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]


@dataclass(slots=True)
class _Tensors:
    """Tensors of a graph by number, each under a name of its own: files give the same one twice, or none."""

    names: list[str] = field(default_factory=list)
    constants: dict[str, Const] = field(default_factory=dict)
    dims: dict[str, Dims] = field(default_factory=dict)
    open: dict[str, tuple[int | None, ...]] = field(default_factory=dict)

    def of(self, indices: Iterator[int]) -> tuple[str, ...]:
        """Return the names of tensors; -1 stands for one that is left out."""
        return tuple("" if index == -1 else self.names[_checked(index)] for index in indices)


def _checked(index: int) -> int:
    if index < 0:
        raise IndexError("a negative index")
    return index


def read_graph(path: Path) -> Graph:
    """Read a file; raise InputError where it is no TFLite model, or the package is missing."""
    try:
        import tflite
    except ImportError as error:
        expected = 'pip install "squeezesim[tflite]"'
        raise InputError(Problem("TFLite needs the extra tflite", str(path), expected=expected)) from error
    content = read_bytes(path, MOST_BYTES)
    where, told = IDENTIFIER
    if content[where] != told:
        got = "an empty file" if not content else None
        raise InputError(Problem("not a TFLite model", str(path), expected="a file with the mark TFL3", got=got))
    try:
        return _graph(tflite, content)
    except BROKEN as error:
        led_astray = isinstance(error, struct.error | TypeError)  # flatbuffers say of these in which of their own reads
        reason = "an offset leads out of it" if led_astray else shorten(str(error).partition("\n")[0])
        problem = Problem(f"not a TFLite model: {reason}", str(path), expected="a file that a converter wrote")
        raise InputError(problem) from error


def _graph(schema: ModuleType, content: bytes) -> Graph:
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    if graph is None:
        raise ValueError("no graph")
    tensors = _Tensors()
    for index in range(_bounded(graph.TensorsLength(), MOST_TENSORS, "tensors")):
        _add_tensor(schema, model, graph.Tensors(index), tensors, index)
    kinds = [_kind(schema, model.OperatorCodes(at)) for at in range(_bounded(model.OperatorCodesLength(), MOST_OPS))]
    operators = tuple(
        _operator(schema, graph.Operators(at), kinds, tensors)
        for at in range(_bounded(graph.OperatorsLength(), MOST_OPS, "ops"))
    )
    inputs = tensors.of(_indices(graph, "Inputs"))
    outputs = tensors.of(_indices(graph, "Outputs"))
    return Graph(operators, tensors.constants, tensors.dims, {name: tensors.open[name] for name in inputs}, outputs)


def _bounded(count: int, most: int, what: str = "entries") -> int:
    if count > most:
        raise ValueError(f"{count} {what}, more than {most}")
    return count


def _add_tensor(schema: ModuleType, model: Any, tensor: Any, tensors: _Tensors, index: int) -> None:
    name = _text(tensor.Name())[:LONGEST_NAME]
    if not name or name in tensors.open:
        name = f"{name}#{index}"
    rank = _bounded(tensor.ShapeLength(), MOST_AXES, "axes")
    dims = tuple(int(tensor.Shape(at)) for at in range(rank))
    signature = tuple(int(tensor.ShapeSignature(at)) for at in range(_bounded(tensor.ShapeSignatureLength(), rank)))
    told = signature or dims
    tensors.names.append(name)
    tensors.open[name] = tuple(extent if extent >= 0 else None for extent in told)
    if min(told, default=0) >= 0:
        tensors.dims[name] = dims
    buffer = model.Buffers(tensor.Buffer()) if tensor.Buffer() < model.BuffersLength() else None
    length = max(buffer.DataLength(), buffer.Size()) if buffer is not None else 0
    if length and not tensor.IsVariable():
        tensors.constants[name] = Const(dims, _values(schema, tensor, buffer, dims), name)


def _values(schema: ModuleType, tensor: Any, buffer: Any, dims: Dims) -> "np.ndarray | None":
    """Return the values of a constant, where they are few and of a type that numpy has."""
    kind = TYPES.get(_names(schema, "TensorType").get(tensor.Type(), ""))
    count = int(np.prod(dims, dtype=object))
    if kind is None or count > FEW or not buffer.DataLength():
        return None
    data = buffer.DataAsNumpy().tobytes()
    return np.frombuffer(data, kind).reshape(dims) if len(data) == count * np.dtype(kind).itemsize else None


def _kind(schema: ModuleType, code: Any) -> str:
    """Return the name of an op; old files hold its number in a byte, newer ones in an integer."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _names(schema, "BuiltinOperator").get(number, f"BUILTIN_{number}")
    return (_text(code.CustomCode()) or name)[:LONGEST_NAME] if name == "CUSTOM" else name


def _operator(schema: ModuleType, operator: Any, kinds: list[str], tensors: _Tensors) -> Operator:
    kind = kinds[operator.OpcodeIndex()]
    inputs, outputs = (tensors.of(_indices(operator, which)) for which in ("Inputs", "Outputs"))
    if not any(outputs) and not any(inputs):
        raise ValueError(f"an op {kind} without tensors")
    table = operator.BuiltinOptions()
    family = getattr(schema, _names(schema, "BuiltinOptions").get(operator.BuiltinOptionsType(), ""), None)
    if table is None or family is None:
        return Operator(kind, inputs, outputs)
    options = family()
    options.Init(table.Bytes, table.Pos)
    return Operator(kind, inputs, outputs, options)


def _indices(owner: Any, which: str) -> Iterator[int]:
    count = _bounded(getattr(owner, f"{which}Length")(), MOST_INPUTS, which.lower())
    return (int(getattr(owner, which)(at)) for at in range(count))


@cache
def _names(schema: ModuleType, enumeration: str) -> Mapping[int, str]:
    """Return the names of an enumeration of the schema by their numbers."""
    found = vars(getattr(schema, enumeration))
    return {number: name for name, number in found.items() if isinstance(number, int) and not name.startswith("_")}


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
