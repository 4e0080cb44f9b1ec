"""Collect the ops, tensors and buffers of a TFLite graph, and put them into a flatbuffer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from simulator.errors import InputError, Problem

MARK = b"TFL3"
VERSION = 3
SCALE = 1 / 128  # of int8 values; a file needs some, and no figure here depends on it

LEFT_OUT = -1  # in place of an input

Fields = Mapping[str, Any]


def schema() -> ModuleType:
    """Return the schema; raise InputError where its package is missing."""
    try:
        import tflite
    except ImportError as error:
        raise InputError(
            Problem("TFLite needs the extra tflite", expected='pip install "squeezesim[tflite]"')
        ) from error
    module: ModuleType = tflite
    return module


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    dims: Sequence[int]
    kind: str
    buffer: int = 0
    channel_axis: int | None = None  # along which scales differ


@dataclass(frozen=True, slots=True)
class _Operator:
    kind: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: str
    fields: Fields


@dataclass(slots=True)
class Writer:
    """A graph on its way out; a tensor goes by its name."""

    tensors: dict[str, _Tensor] = field(default_factory=dict)
    buffers: list[np.ndarray] = field(default_factory=lambda: [np.zeros(0, np.uint8)])
    operators: list[_Operator] = field(default_factory=list)
    _zeros: dict[int, int] = field(default_factory=dict)  # size -> the buffer of zeros that weights of it share

    def tensor(self, name: str, dims: Sequence[int]) -> str:
        """Declare what an op makes, or an input."""
        self.tensors[name] = _Tensor(name, tuple(dims), "INT8")
        return name

    def weights(self, name: str, dims: Sequence[int], channel_axis: int) -> str:
        """Add weights of int8, all zero, with a scale for each channel."""
        self.tensors[name] = _Tensor(name, tuple(dims), "INT8", self._zeroed(int(np.prod(dims))), channel_axis)
        return name

    def bias(self, name: str, size: int) -> str:
        """Add a bias of int32, all zero."""
        self.tensors[name] = _Tensor(name, (size,), "INT32", self._zeroed(4 * size), 0)
        return name

    def constant(self, name: str, dims: Sequence[int]) -> str:
        """Add an operand of int8, all zero, with one scale."""
        self.tensors[name] = _Tensor(name, tuple(dims), "INT8", self._zeroed(int(np.prod(dims))))
        return name

    def numbers(self, name: str, values: Any) -> str:
        """Add a constant of integers that an op reads: axes, shapes, paddings."""
        array = np.asarray(values, "<i4")
        self.buffers.append(array.reshape(-1).view(np.uint8))
        self.tensors[name] = _Tensor(name, array.shape, "INT32", len(self.buffers) - 1)
        return name

    def op(
        self, kind: str, inputs: Sequence[str], output: str, dims: Sequence[int], options: str = "", **fields: Any
    ) -> str:
        """Add an op that makes a tensor of these extents; return its name."""
        self.tensor(output, dims)
        order = {made: at for at, made in enumerate(self.tensors)}
        read = [order[name] if name else LEFT_OUT for name in inputs]
        self.operators.append(_Operator(kind, read, [order[output]], options, fields))
        return output

    def _zeroed(self, size: int) -> int:
        if size not in self._zeros:
            self.buffers.append(np.zeros(size, np.uint8))
            self._zeros[size] = len(self.buffers) - 1
        return self._zeros[size]

    def serialized(self, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """Return the file."""
        import flatbuffers

        order = {name: at for at, name in enumerate(self.tensors)}
        builder = _Builder(schema(), flatbuffers.Builder(1 << 16))
        kinds = list(dict.fromkeys(operator.kind for operator in self.operators))
        graph = builder.table(
            "SubGraph",
            Tensors=[self._tensor(builder, tensor) for tensor in self.tensors.values()],
            Inputs=_indices(order[name] for name in inputs),
            Outputs=_indices(order[name] for name in outputs),
            Operators=[self._operator(builder, operator, kinds) for operator in self.operators],
            Name=name,
        )
        model = builder.table(
            "Model",
            Version=VERSION,
            OperatorCodes=[self._code(builder, kind) for kind in kinds],
            Subgraphs=[graph],
            Description="squeezesim",
            Buffers=[builder.table("Buffer", **({"Data": data} if data.size else {})) for data in self.buffers],
        )
        builder.builder.Finish(model, MARK)
        return bytes(builder.builder.Output())

    def _tensor(self, b: "_Builder", tensor: _Tensor) -> int:
        count = 1 if tensor.channel_axis is None else tensor.dims[tensor.channel_axis]
        scales, zeros = np.full(count, SCALE, "<f4"), np.zeros(count, "<i8")
        scaled = b.table(
            "QuantizationParameters", Scale=scales, ZeroPoint=zeros, QuantizedDimension=tensor.channel_axis or 0
        )
        kind = b.number("TensorType", tensor.kind)
        dims = np.asarray(tensor.dims, "<i4")
        told = {"Shape": dims, "Type": kind, "Buffer": tensor.buffer, "Name": tensor.name}
        return b.table("Tensor", **told, Quantization=b.offset(scaled))

    def _operator(self, b: "_Builder", operator: _Operator, kinds: Sequence[str]) -> int:
        told: dict[str, Any] = {
            "OpcodeIndex": kinds.index(operator.kind),
            "Inputs": _indices(operator.inputs),
            "Outputs": _indices(operator.outputs),
        }
        if operator.options:
            made = b.table(operator.options, **operator.fields)
            told |= {
                "BuiltinOptionsType": b.number("BuiltinOptions", operator.options),
                "BuiltinOptions": b.offset(made),
            }
        return b.table("Operator", **told)

    def _code(self, b: "_Builder", kind: str) -> int:
        number = b.number("BuiltinOperator", kind)
        return b.table("OperatorCode", DeprecatedBuiltinCode=min(number, 127), BuiltinCode=number, Version=1)


@dataclass(frozen=True, slots=True)
class _Offset:
    """Where a table is that another one holds."""

    at: int


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds any table of the schema: fields that are arrays, texts and lists of tables first, then the table."""

    schema: ModuleType
    builder: Any

    def number(self, enumeration: str, name: str) -> int:
        """Return the number of a name."""
        return int(getattr(getattr(self.schema, enumeration), name))

    def offset(self, at: int) -> _Offset:
        """Mark what `table` returned as a table inside of another."""
        return _Offset(at)

    def table(self, kind: str, **fields: Any) -> int:
        """Write a table; return where it is."""
        placed = {name: self._placed(value) for name, value in fields.items()}
        getattr(self.schema, f"{kind}Start")(self.builder)
        for name, value in placed.items():
            getattr(self.schema, f"{kind}Add{name}")(self.builder, value)
        return int(getattr(self.schema, f"{kind}End")(self.builder))

    def _placed(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self.builder.CreateNumpyVector(value)
        if isinstance(value, str):
            return self.builder.CreateString(value)
        if isinstance(value, list):
            self.builder.StartVector(4, len(value), 4)
            for at in reversed(value):
                self.builder.PrependUOffsetTRelative(at)
            return self.builder.EndVector()
        return value.at if isinstance(value, _Offset) else value


def _indices(numbers: Any) -> np.ndarray:
    return np.asarray(list(numbers), "<i4")
