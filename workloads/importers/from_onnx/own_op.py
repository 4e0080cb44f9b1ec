"""The op "Layer" of the project's own domain: a layer that ONNX has no op for, as attributes."""

from collections.abc import Sequence

from simulator.network.graph import Tensor
from simulator.network.ir import MAC_OPS, Layer, Op
from workloads.importers.from_onnx.context import Context
from workloads.importers.from_onnx.model import Dims, Node


def layer_of(c: Context, node: Node, sources: Sequence[Tensor]) -> Layer:
    """Return the layer that a node describes."""
    name = node.text("op", "")
    if name not in set(Op) or Op(name) in MAC_OPS - {Op.LINEAR}:
        raise c.wrong(node, "not an op that has no own in ONNX", "one of " + ", ".join(Op), name)
    n, channels, height, width = _numbers(c, node, "output", 4)
    top, left, bottom, right = _numbers(c, node, "padding", 4, (0, 0, 0, 0))
    groups = node.int("groups", 1)
    if groups < 1 or channels % groups or sources[0].channels % groups:
        raise c.wrong(node, "channels do not divide into groups", f"a multiple of {groups}")
    return Layer(
        c.name(node),
        Op(name),
        tuple(x.name for x in sources),
        tuple(x.shape for x in sources),
        (n, channels, height, width),
        padding=(top, left, bottom, right),
        groups=groups,
        bias=bool(node.int("bias", 0)),
        variant=node.text("variant", ""),
    )


def _numbers(c: Context, node: Node, attribute: str, count: int, default: Dims = ()) -> Dims:
    numbers = node.ints(attribute) or default
    if len(numbers) != count:
        raise c.wrong(node, f"not {attribute}", f"{count} numbers", str(numbers))
    return numbers
