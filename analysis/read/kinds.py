"""Kinds of op as papers tell them apart: the first layer, 1x1, 3x3, depthwise, fully connected, ..."""

from simulator.network.ir import MAC_OPS, Op
from simulator.result.run import LayerResult, Run

_NAMES = {
    Op.ACTIVATION: "activation",
    Op.ADD: "addition",
    Op.LINEAR: "fully connected",
    Op.MATMUL: "matrix product",
    Op.MUL: "multiplication",
    Op.POOL: "pooling",
}


def kinds_of(run: Run) -> dict[str, str]:
    """Return the kind of every layer by its name.

    The first layer that multiplies is a kind of its own: no other has as few input channels and as many pixels.
    """
    first = next((layer.name for layer in run.layers if layer.op in MAC_OPS), "")
    return {layer.name: f"first layer, {kind_of(layer)}" if layer.name == first else kind_of(layer)
            for layer in run.layers}  # fmt: skip


def kind_of(layer: LayerResult) -> str:
    """Return the kind of a layer, wherever it stands."""
    size = "x".join(map(str, layer.kernel))
    if layer.op is Op.DEPTHWISE:
        return f"depthwise {size}"
    if layer.op is Op.CONV:
        return f"grouped {size}" if layer.groups > 1 else size
    return _NAMES.get(layer.op, layer.op.value)
