"""A model's own functions: put in place of their calls, once it is known what that comes to."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from workloads.importers.bounds import MOST_LAYERS, shorten
from workloads.importers.from_onnx.strip import MalformedError

if TYPE_CHECKING:
    import onnx

MOST_NODES = 8 * MOST_LAYERS
MOST_EXPANDED = MOST_LAYERS  # nodes once every call is a body, constants aside: a file has them for nothing
MOST_EXPANDED_BYTES = 1 << 27
MOST_DEEP = 64  # functions that call one another

Key = tuple[str, str, str]


class Size(NamedTuple):
    """What nodes come to once the bodies of functions stand in place of their calls."""

    nodes: int  # constants aside
    bytes: int
    deep: int  # functions that call one another


def inlined(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """Put the bodies of the model's own functions in place of their calls; raise MalformedError where none may be."""
    import onnx.inliner

    _check(proto)
    try:
        return onnx.inliner.inline_local_functions(proto)
    except (ValueError, RuntimeError, IndexError, onnx.checker.ValidationError) as error:
        raise MalformedError("its functions cannot be put in place") from error


def _check(proto: "onnx.ModelProto") -> None:
    """Raise MalformedError for functions that are there twice, call themselves, or come to too much."""
    functions: dict[Key, onnx.FunctionProto] = {}
    for function in proto.functions:
        key = (function.domain, function.name, function.overload)
        if key in functions:
            raise MalformedError(f"its function {_name(key)} is there twice")
        functions[key] = function
    sizes: dict[Key, Size] = {}
    for key in functions:
        _size_of(key, functions, sizes, ())
    whole = _sum(proto.graph.node, sizes)
    if whole.nodes > MOST_EXPANDED or whole.bytes > MOST_EXPANDED_BYTES:
        most = f"at most {MOST_EXPANDED} nodes and {MOST_EXPANDED_BYTES} bytes"
        raise MalformedError(f"its functions come to {whole.nodes} nodes and {whole.bytes} bytes, {most}")


def _size_of(
    key: Key, functions: "dict[Key, onnx.FunctionProto]", sizes: dict[Key, Size], above: tuple[Key, ...]
) -> None:
    """Find what a function comes to, after those that it calls."""
    if key in above:
        raise MalformedError(f"its function {_name(key)} calls itself")
    if len(above) > MOST_DEEP or (key in sizes and sizes[key].deep > MOST_DEEP):
        raise MalformedError(f"its functions call one another more than {MOST_DEEP} deep")
    if key in sizes:
        return
    nodes = functions[key].node
    for called in {_called(node) for node in _all_nodes(nodes)} & functions.keys():
        _size_of(called, functions, sizes, (*above, key))
    nodes_in, bytes_in, deep = _sum(nodes, sizes)
    sizes[key] = Size(nodes_in, bytes_in, deep + 1)


def _sum(nodes: "Iterable[onnx.NodeProto]", sizes: dict[Key, Size]) -> Size:
    """Add up nodes, those of branches too: a call comes to what its function does."""
    found = [
        sizes.get(_called(node)) or Size(node.op_type != "Constant", node.ByteSize(), 0) for node in _all_nodes(nodes)
    ]
    deep = max((size.deep for size in found), default=0)
    return Size(sum(size.nodes for size in found), sum(size.bytes for size in found), deep)


def _all_nodes(nodes: "Iterable[onnx.NodeProto]") -> "Iterator[onnx.NodeProto]":
    """Yield nodes and those of the graphs among their attributes."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else ())):
                yield from _all_nodes(graph.node)


def _called(node: "onnx.NodeProto") -> Key:
    return node.domain, node.op_type, node.overload


def _name(key: Key) -> str:
    return shorten("::".join(filter(None, key)))
