"""The op "Layer" of the project's own domain: a layer that ONNX has no op for, as attributes."""

from collections.abc import Sequence

from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Op
from simulator.network.ops import CONVOLUTIONS, MAC_OPS
from workloads.importers.from_onnx.context import Context
from workloads.importers.from_onnx.model import Dims, Node


def layer_of(c: Context, node: Node, sources: Sequence[Tensor]) -> Layer:
    """Return the layer that a node describes."""
    name = node.text("op", "")
    if name not in set(Op) or Op(name) in CONVOLUTIONS:
        raise c.wrong(node, "not an op without one of its own in ONNX", "one of " + ", ".join(Op), name)
    n, channels, height, width = _numbers(c, node, "output", 4)
    top, left, bottom, right = _numbers(c, node, "padding", 4, (0, 0, 0, 0))
    pairs = {key: _numbers(c, node, key, 2, (1, 1)) for key in ("kernel", "stride", "dilation")}
    groups, window, first = node.int("groups", 1), node.int("window", 1), sources[0]
    if min(window, *(extent for pair in pairs.values() for extent in pair)) < 1:
        raise c.wrong(node, "a window has no size", "1 or more")
    if groups < 1 or channels % groups or first.channels % groups:
        raise c.wrong(node, "channels do not divide into groups", f"a multiple of {groups}")
    if Op(name) in MAC_OPS and (first.shape[0], *first.size) != (n, height, width):
        raise c.wrong(node, "output and input do not match", "the same batch, rows and columns")
    return Layer(
        c.name(node),
        Op(name),
        tuple(x.name for x in sources),
        tuple(x.shape for x in sources),
        (n, channels, height, width),
        (pairs["kernel"][0], pairs["kernel"][1]),
        (pairs["stride"][0], pairs["stride"][1]),
        (top, left, bottom, right),
        (pairs["dilation"][0], pairs["dilation"][1]),
        groups,
        bool(node.int("bias", 0)),
        node.text("variant", ""),
        ceil=bool(node.int("ceil", 0)),
        window=window,
    )


def _numbers(c: Context, node: Node, attribute: str, count: int, default: Dims = ()) -> Dims:
    numbers = node.ints(attribute) or default
    if len(numbers) != count:
        raise c.wrong(node, f"not {attribute}", f"{count} numbers", str(numbers))
    return numbers
