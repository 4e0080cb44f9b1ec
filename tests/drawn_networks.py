"""Draw small networks of every op, with everything that a network can carry."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import prod

from hypothesis import strategies as st

from simulator.network.graph import Tensor
from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Layer, Network, Op
from workloads.importers.assembly import Assembly

ACTIVATIONS = ("relu", "relu6", "hard_swish", "swish", "hard_sigmoid", "prelu", "norm", "norm_relu", "clip", "mystery")
Draw = Callable[[st.SearchStrategy], object]

NAMES = st.text("abcXYZ019_/.-", min_size=1, max_size=8).filter(lambda name: not name.startswith(("-", ".")))
FACTS = st.dictionaries(NAMES, st.text("abc ,;:'\"()é%1.", max_size=20).map(str.strip), max_size=3)
SHARES = st.none() | st.sampled_from([Fraction(n, 8) for n in range(9)]).map(float)


@st.composite
def networks(draw: Draw) -> Network:
    """Draw a network of up to a dozen layers."""
    g = Assembly(draw(NAMES))
    batch, channels = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 4, 6, 8]))
    tensors = [g.input(channels, draw(st.integers(1, 9)), draw(st.integers(1, 9)), "data", batch)]
    for number in range(draw(st.integers(1, 12))):
        x = draw(st.sampled_from(tensors))
        add = draw(st.sampled_from([step for step, fits in STEPS.items() if fits(x)]))
        stage = draw(st.sampled_from(["", "", "stem", "head"]))
        with g.stage(stage):
            made = add(draw, g, x, tensors, f"{draw(NAMES)}.{number}")
        tensors.extend(made)
    network = g.build()
    layers = tuple(_detailed(draw, layer) for layer in network.layers)
    return replace(network, layers=layers, facts=draw(FACTS))


@st.composite
def chains(draw: Draw, heights: tuple[int, int] = (5, 14), widths: tuple[int, int] = (3, 6)) -> Network:
    """Windows of all kinds one behind the other, sums of what lies between, concats."""
    g = Assembly("chain")
    size = draw(st.integers(*heights)), draw(st.integers(*widths))
    x = g.input(draw(st.integers(1, 3)), *size, batch=draw(st.integers(1, 2)))
    for _ in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(("window", "window", "pool", "sum", "join", "relu")))
        if kind == "window":
            rows, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
            reach = (rows - 1) * dilation + 1
            above, below = draw(st.integers(0, reach - 1)), draw(st.integers(0, reach - 1))
            above += max(0, reach - x.size[0] - above - below) if reach > x.size[0] + above + below else 0
            stride = draw(st.integers(1, 2)) if x.size[0] > 4 else 1
            x = g.conv(x, draw(st.integers(1, 4)), (rows, 1), (stride, 1), (above, 0, below, 0), dilation=(dilation, 1))
        elif kind == "pool" and x.size[0] > 3:
            x = g.max_pool(x, (draw(st.integers(2, 3)), 1), (draw(st.integers(1, 2)), 1), (draw(st.integers(0, 1)), 0))
        elif kind == "sum":
            x = g.add(g.conv(x, x.channels, (3, 1), padding=(1, 0)), x)
        elif kind == "join":
            x = g.concat(x, g.conv(x, 2, (3, 1), padding=(1, 0)), g.relu(x))
        else:
            x = g.relu(x)
    return g.build()


def _detailed(draw: Draw, layer: Layer) -> Layer:
    if draw(st.booleans()):
        return layer
    return replace(
        layer,
        zero_inputs_fraction=draw(SHARES),
        zero_weights_fraction=draw(SHARES) if layer.macs else None,
        zero_outputs_fraction=draw(SHARES),
        zero_columns=draw(st.booleans()),
    )


def _conv(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    groups = draw(st.sampled_from([group for group in (1, 2, x.channels) if x.channels % group == 0]))
    filters = groups * draw(st.integers(1, 3))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(2))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(2))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    missing = [max(0, r - size) for r, size in zip(reach, x.size, strict=True)]
    padding = (padding[0] + missing[0], padding[1] + missing[1], *padding[2:])
    stride = tuple(draw(st.integers(1, 2)) for _ in range(2))
    return [g.conv(x, filters, kernel, stride, padding, groups, dilation, draw(st.booleans()), name=name)]


def _pool(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    kernel = (draw(st.integers(1, min(3, x.size[0]))), draw(st.integers(1, min(3, x.size[1]))))
    pool = draw(st.sampled_from([g.max_pool, g.avg_pool]))
    return [pool(x, kernel, draw(st.integers(1, 3)), draw(st.integers(0, 1)), draw(st.booleans()), name)]


def _global_pool(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    return [g.global_pool(x, draw(st.sampled_from(["average", "max"])), name)]


def _linear(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    inputs = x.channels * x.size[0] * x.size[1]
    groups = draw(st.sampled_from([group for group in (1, 2) if inputs % group == 0]))
    return [g.linear(x, groups * draw(st.integers(1, 4)), draw(st.booleans()), groups=groups, name=name)]


def _activation(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    return [g.activation(x, draw(st.sampled_from(ACTIVATIONS)), name)]


def _combined(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    others = [y for y in tensors if y.shape == x.shape or y.shape == (*x.shape[:2], 1, 1)]
    chosen = draw(st.lists(st.sampled_from(others), min_size=1, max_size=2))
    return [draw(st.sampled_from([g.add, g.mul]))(x, *chosen, name=name)]


def _concat(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    axis = draw(st.integers(0, 3))
    others = [y for y in tensors if all(y.shape[at] == x.shape[at] for at in range(4) if at != axis)]
    others = others if axis else [y for y in others if y.shape[0] == x.shape[0]]
    chosen = draw(st.lists(st.sampled_from(others), min_size=1, max_size=2))
    return [g.concat(x, *chosen, axis=axis, name=name)] if axis else [g.concat(x, *chosen, name=name)]


def _split(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    first = draw(st.integers(1, x.channels - 1))
    return list(g.split(x, first, x.channels - first, name=name))


def _shuffle(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    return [g.shuffle(x, draw(st.sampled_from([n for n in (1, 2, 3, x.channels) if x.channels % n == 0])), name)]


def _gather(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    return [g.gather(x, draw(st.integers(1, 6)), name)]


def _reshape(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    channels, height, width = x.shape[1:]
    shapes = [(-1, 1, 1), (height, width, channels), (1, -1, 1), (channels, 1, -1)]
    return [g.reshape(x, draw(st.sampled_from(shapes)), name)]


def _resized(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    if draw(st.booleans()):
        size = (draw(st.integers(1, 12)), draw(st.integers(1, 12)))
        return [g.upsample(x, size, draw(st.sampled_from(["bilinear", "nearest", "mystery"])), name)]
    return [g.pad(x, tuple(draw(st.integers(0, 2)) for _ in range(4)), name)]


def _scores(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    kind = draw(st.sampled_from(["softmax", "lrn", "layer_norm", "instance_norm", "rms_norm"]))
    if kind == "softmax":
        return [g.softmax(x, name)]
    if kind != "lrn":
        return [g.normalize(x, kind, elements=draw(st.none() | st.integers(1, 40)), name=name)]
    return [g.lrn(x, draw(st.sampled_from([3, 5])), draw(st.sampled_from([ACROSS_CHANNELS, WITHIN_CHANNEL])), name)]


def _product(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    groups = draw(st.sampled_from([group for group in (1, 2) if x.channels % group == 0]))
    columns = draw(st.integers(1, 4))
    whole = g.global_pool(x) if draw(st.booleans()) else g.slice(g.reshape(x, (-1, 1, 1)), 0, x.channels)
    right = g.gather(whole, columns * x.channels)
    shape = (x.shape[0], groups * columns, *x.size)
    layer = Layer(name, Op.MATMUL, (x.name, right.name), (x.shape, right.shape), shape, groups=groups)
    return [right, g.put(layer)]


def _unknown(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    shape = draw(st.sampled_from([x.shape, tensors[0].shape, (2, 3, 4, 5)]))
    weights = draw(st.sampled_from([0, 1, 50]))
    return [g.put(Layer(name, Op.UNKNOWN, (x.name,), (x.shape,), shape, variant="Mystery", constant_elements=weights))]


def _with_constants(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    elements = draw(st.sampled_from([1, x.channels, prod(x.shape[1:]), 2 * prod(x.shape[1:])]))
    if draw(st.booleans()):
        return [g.apply(draw(st.sampled_from([Op.ADD, Op.MUL])), x, name=name, constants=elements)]
    shape = (x.shape[0], draw(st.integers(1, 4)), prod(x.shape[1:]), 1)
    return [g.put(Layer(name, Op.GATHER, (x.name,), (x.shape,), shape, constant_elements=elements))]


def _transposed(draw: Draw, g: Assembly, x: Tensor, tensors: list[Tensor], name: str) -> list[Tensor]:
    kernel, stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3))), draw(st.integers(1, 3))
    y = g.conv(x, draw(st.integers(1, 2)) * prod(kernel), name=f"{name}.taps")
    size = [(extent - 1) * stride + taps for extent, taps in zip(x.size, kernel, strict=True)]
    shape = (x.shape[0], y.channels // prod(kernel), *size)
    sums = g.put(Layer(name, Op.COL2IM, (y.name,), (y.shape,), shape, kernel))
    return [sums, y] if draw(st.booleans()) else [sums]


STEPS = {
    _activation: lambda x: True,
    _combined: lambda x: True,
    _concat: lambda x: x.channels < 100,
    _conv: lambda x: True,
    _gather: lambda x: True,
    _global_pool: lambda x: True,
    _linear: lambda x: x.channels * x.size[0] * x.size[1] < 10_000,
    _pool: lambda x: min(x.size) > 0,
    _product: lambda x: x.channels < 10,
    _reshape: lambda x: True,
    _resized: lambda x: max(x.size) < 100,
    _scores: lambda x: True,
    _shuffle: lambda x: True,
    _split: lambda x: x.channels > 1,
    _transposed: lambda x: max(x.size) < 20,
    _unknown: lambda x: True,
    _with_constants: lambda x: prod(x.shape) < 1000,
}
"""Step -> whether it can follow a tensor."""


def nests(network: Network) -> list[tuple[object, ...]]:
    """Return what Timeloop can hold of each layer that multiplies: bounds, strides, dilations, share of zeros."""
    slides = (Op.CONV, Op.DEPTHWISE)
    return [
        (layer.nest.bounds, layer.nest.stride, layer.nest.dilation, layer.zero_weights_fraction, layer.op in slides)
        for layer in network.layers
        if layer.nest
    ]
