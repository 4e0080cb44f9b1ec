"""What the list of layers tells of a network, as far as accuracy goes."""

from math import log, prod

from simulator.network.ir import Layer, Network
from simulator.network.ops import Op

FEATURES = (
    "log MACs",
    "log weights of convolutions",
    "log layers that multiply",
    "log channels, weighted by MACs",
    "log height of the input",
    "log elements of all outputs",
    "share of depthwise MACs",
    "share of grouped MACs",
    "share of pointwise MACs",
    "share of MACs of kernels of 5 and more",
    "share of parameters behind the last pool",
    "scalings a layer",
    "shortcuts a layer",
)


def features_of(network: Network) -> tuple[float, ...]:
    """Return the features of a network that multiplies, in the order of FEATURES."""
    layers = [layer for layer in network.layers if layer.macs]
    macs, params = network.macs, max(1, network.params)
    flat = sum(layer.params for layer in layers if layer.output_shape[2:] == (1, 1))
    return (
        log(macs),
        log(params - flat + 1),
        log(len(layers)),
        log(sum(layer.output_shape[1] * layer.macs for layer in layers) / macs),
        log(next(iter(network.inputs.values()))[2]),
        log(sum(prod(layer.output_shape) for layer in layers)),
        _share(layers, macs, [_is_depthwise(layer) for layer in layers]),
        _share(layers, macs, [layer.groups > 1 and not _is_depthwise(layer) for layer in layers]),
        _share(layers, macs, [layer.kernel == (1, 1) and layer.groups == 1 for layer in layers]),
        _share(layers, macs, [max(layer.kernel) >= 5 for layer in layers]),
        flat / params,
        sum(layer.op is Op.MUL for layer in network.layers) / len(layers),
        sum(layer.op is Op.ADD for layer in network.layers) / len(layers),
    )


def _is_depthwise(layer: Layer) -> bool:
    return layer.groups > 1 and layer.groups == layer.output_shape[1]


def _share(layers: list[Layer], macs: int, chosen: list[bool]) -> float:
    return sum(layer.macs for layer, one in zip(layers, chosen, strict=True) if one) / macs
