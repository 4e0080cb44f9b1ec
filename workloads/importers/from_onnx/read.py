"""Read an ONNX file into a `Model`: the only place that knows the onnx package."""

import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import InputError, Problem
from simulator.source.files import opened
from workloads.importers.bounds import LONGEST_NAME, shorten
from workloads.importers.from_onnx.functions import MOST_NODES, inlined
from workloads.importers.from_onnx.model import Attribute, Branch, Const, Dims, Model, Node
from workloads.importers.from_onnx.strip import MalformedError, strip

if TYPE_CHECKING:
    import onnx

MOST_BYTES = 1 << 34
MOST_STRIPPED_BYTES = 1 << 27
FEW = 1 << 14  # elements of a constant whose values are kept
STANDARD_DOMAINS = ("", "ai.onnx")


def read_file(path: Path) -> Model:
    """Read a file; raise InputError where it is no ONNX model, or the onnx package is missing."""
    with opened(path, MOST_BYTES) as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise InputError(Problem("the file is empty", str(path), expected="an ONNX model"))
        content = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        return read_bytes(content, str(path), path.parent)


def read_bytes(content: memoryview, file: str, folder: Path | None = None) -> Model:
    """Read a model from bytes; `folder` is where its external tensors are."""
    proto = _parse(content, file)
    try:
        return _model(proto, folder)
    except UnicodeDecodeError as error:
        raise _broken(file, "a name is not text") from error


def inferred_shapes(model: Model, sizes: Mapping[str, int]) -> dict[str, Dims]:
    """Return the shapes that ONNX's own inference finds; extents left open are those in `sizes`, or 1."""
    if not model.source:
        return {}
    import onnx

    proto = onnx.ModelProto.FromString(model.source)
    for value in proto.graph.input:
        for at, dim in enumerate(value.type.tensor_type.shape.dim):
            given = sizes.get(f"{value.name}.{at}", sizes.get(dim.dim_param, 1))
            dim.dim_value = dim.dim_value or given
    try:
        return dict(_shapes(onnx.shape_inference.infer_shapes(proto).graph.value_info))
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        return {}


def _parse(content: memoryview, file: str) -> "onnx.ModelProto":
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as error:
        expected = 'pip install "squeezesim[onnx]"'
        raise InputError(Problem("ONNX needs the extra onnx", file, expected=expected)) from error
    try:
        stripped = strip(content)
        if len(stripped) > MOST_STRIPPED_BYTES:
            raise _broken(file, "the graph is too large")
        proto = onnx.ModelProto.FromString(stripped)
        return inlined(proto) if proto.functions else proto
    except (MalformedError, DecodeError) as error:
        raise _broken(file, str(error).partition("\n")[0]) from error


def _model(proto: "onnx.ModelProto", folder: Path | None) -> Model:
    graph = proto.graph
    if len(graph.node) > MOST_NODES:
        raise InputError(Problem("too many nodes", expected=f"at most {MOST_NODES}", got=str(len(graph.node))))
    constants = {_text(tensor.name): _const(tensor, folder) for tensor in graph.initializer}
    for sparse in graph.sparse_initializer:
        name = _text(sparse.values.name)
        constants[name] = Const(tuple(sparse.dims), name=name)
    inputs = {name: _extents(value) for value in graph.input if (name := _text(value.name)) not in constants}
    opset = max((entry.version for entry in proto.opset_import if entry.domain in STANDARD_DOMAINS), default=1)
    outputs = tuple(_text(value.name) for value in graph.output)
    shapes = dict(_shapes([*graph.value_info, *graph.output]))
    nodes = tuple(_node(node) for node in graph.node)
    metadata = {_text(entry.key): _text(entry.value) for entry in proto.metadata_props}
    return Model(nodes, constants, inputs, outputs, shapes, opset, metadata, proto.SerializeToString())


def _node(node: "onnx.NodeProto") -> Node:
    attributes = {_text(entry.name): value for entry in node.attribute if (value := _attribute(entry)) is not None}
    domain = "" if node.domain in STANDARD_DOMAINS else _text(node.domain)
    inputs, outputs = tuple(map(_text, node.input)), tuple(map(_text, node.output))
    return Node(_text(node.op_type), _text(node.name)[:LONGEST_NAME], inputs, outputs, attributes, domain)


def _text(value: str | bytes) -> str:
    """Return text; protobuf hands out bytes where they are not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _attribute(entry: "onnx.AttributeProto") -> Attribute | None:
    """Return an attribute's value; None for lists of graphs, which no op here reads."""
    if entry.HasField("g"):
        constants = {_text(tensor.name): _const(tensor, None) for tensor in entry.g.initializer}
        outputs = tuple(_text(value.name) for value in entry.g.output)
        inputs = tuple(_text(value.name) for value in entry.g.input)
        return Branch(tuple(_node(node) for node in entry.g.node), constants, outputs, inputs)
    if entry.HasField("t"):
        return _const(entry.t, None)
    if entry.HasField("i") or entry.type == entry.INT:
        return int(entry.i)
    if entry.HasField("f") or entry.type == entry.FLOAT:
        return float(entry.f)
    if entry.HasField("s") or entry.type == entry.STRING:
        return bytes(entry.s).decode("utf-8", "replace")
    if entry.strings:
        return tuple(bytes(text).decode("utf-8", "replace") for text in entry.strings)
    if entry.floats:
        return tuple(float(value) for value in entry.floats)
    return None if entry.graphs else tuple(int(value) for value in entry.ints)


def _const(tensor: "onnx.TensorProto", folder: Path | None) -> Const:
    from onnx import numpy_helper

    dims = tuple(int(extent) for extent in tensor.dims)
    if any(extent < 0 for extent in dims):
        raise InputError(Problem("a constant has a negative extent", path=shorten(_text(tensor.name)), got=str(dims)))
    name = _text(tensor.name)
    const = Const(dims, name=name)
    if folder is not None and tensor.data_location == tensor.EXTERNAL:
        _check_external(tensor, folder)
    if const.size > FEW or (tensor.data_location == tensor.EXTERNAL and not _load_external(tensor, folder)):
        return const
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
        return const  # no values, or not as many as its extents say
    return Const(dims, values, name) if values.dtype.kind in "biuf" and values.shape == dims else const


def _load_external(tensor: "onnx.TensorProto", folder: Path | None) -> bool:
    """Read a small constant from a file beside the model, or below; return whether it was there."""
    entries = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
    offset, length = entries.get("offset", "0"), entries.get("length", "")
    if folder is None or not (offset.isdecimal() and length.isdecimal()):
        return False
    if len(offset) > 15 or int(length or 0) > 8 * FEW:
        return False
    try:
        with opened(folder / entries.get("location", ""), MOST_BYTES) as stream:
            stream.seek(int(offset))
            tensor.raw_data = stream.read(int(length))
    except (OSError, InputError):
        return False
    tensor.data_location = tensor.DEFAULT
    return True


def _check_external(tensor: "onnx.TensorProto", folder: Path) -> None:
    """Raise InputError where a constant lies outside the model's folder, by its path or by a link."""
    for entry in tensor.external_data:
        location = _text(entry.value)
        inside = os.path.realpath(folder)
        if entry.key == "location" and not os.path.realpath(folder / location).startswith(os.path.join(inside, "")):
            expected = "a file in the folder of the model, or below"
            problem = Problem("a constant lies elsewhere", path=shorten(_text(tensor.name)), expected=expected)
            raise InputError(replace(problem, got=shorten(location)))


def _extents(value: "onnx.ValueInfoProto") -> tuple[int | str | None, ...]:
    shape = value.type.tensor_type.shape
    return tuple(int(dim.dim_value) if dim.dim_value > 0 else _text(dim.dim_param) or None for dim in shape.dim)


def _shapes(values: "Iterable[onnx.ValueInfoProto]") -> Iterator[tuple[str, Dims]]:
    for value in values:
        extents = _extents(value)
        known = tuple(extent for extent in extents if isinstance(extent, int))
        if value.type.tensor_type.HasField("shape") and len(known) == len(extents):
            yield _text(value.name), known


def _broken(file: str, reason: str) -> InputError:
    return InputError(Problem(f"not an ONNX model: {reason}", file, expected="a file that an ONNX exporter wrote"))
