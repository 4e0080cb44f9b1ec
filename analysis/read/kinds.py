"""Kinds of layers that accelerators treat differently and papers tell apart, and how a run's totals fall to them.

A layer is of one of a few `KINDS`; `detailed` tells further what window it has, or what op it is.
"""

from collections.abc import Callable

from analysis.read.theme import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from simulator.network.ir import MAC_OPS, Op
from simulator.result.run import LayerResult, Run

Figure = Callable[[LayerResult], float]
KindsOf = Callable[[Run], dict[str, str]]

FIRST, ONE_BY_ONE, LARGER, ONE_BY_N = "first", "1x1", "3x3 and larger", "1xN and Nx1"
GROUPED, DEPTHWISE, LINEAR, OTHER = "grouped", "depthwise", "fully connected", "other ops"
KINDS = (FIRST, ONE_BY_ONE, LARGER, ONE_BY_N, GROUPED, DEPTHWISE, LINEAR, OTHER)
"""In the order shown: the first layer that multiplies, of few channels and many pixels; then by window and groups."""

COLOURS = dict(zip(KINDS, (BLACK, BLUE, GREEN, SKY, ORANGE, VERMILLION, PURPLE, GREY), strict=True))

_OTHER_NAMES = {
    Op.ACTIVATION: "activation",
    Op.ADD: "addition",
    Op.MATMUL: "matrix product",
    Op.MUL: "multiplication",
    Op.POOL: "pooling",
}


def kinds_of(run: Run) -> dict[str, str]:
    """Return the kind of every layer by its name."""
    first = next((layer.name for layer in run.layers if layer.op in MAC_OPS), "")
    return {layer.name: FIRST if layer.name == first else kind_of(layer) for layer in run.layers}


def kind_of(layer: LayerResult) -> str:
    """Return the kind of a layer that is not the first.

    A convolution of a single pixel is what a fully connected layer does.
    """
    if layer.op not in MAC_OPS:
        return OTHER
    if layer.op is Op.DEPTHWISE:
        return DEPTHWISE
    if layer.op is not Op.CONV or layer.output_shape[2:] == layer.input_shapes[0][2:] == (1, 1):
        return LINEAR
    if layer.groups > 1:
        return GROUPED
    height, width = layer.kernel
    return ONE_BY_ONE if height == width == 1 else ONE_BY_N if 1 in layer.kernel else LARGER


def detailed_kinds_of(run: Run) -> dict[str, str]:
    """Return the kind of every layer by its name, with its window or its op."""
    return {
        layer.name: f"first layer, {detailed(layer)}" if kind == FIRST else detailed(layer)
        for layer, kind in zip(run.layers, kinds_of(run).values(), strict=True)
    }


def detailed(layer: LayerResult) -> str:
    """Return the kind of a layer, wherever it stands, with its window: "3x3", "grouped 1x1", "pooling"."""
    kind, window = kind_of(layer), "x".join(map(str, layer.kernel))
    if kind in (GROUPED, DEPTHWISE):
        return f"{kind} {window}"
    if kind in (LINEAR, OTHER):
        return _OTHER_NAMES.get(layer.op, kind if kind == LINEAR else layer.op.value)
    return window


def by_kind(run: Run, measure: Figure, kinds: KindsOf = kinds_of) -> dict[str, float]:
    """Sum a measure of layers over each kind that the run has, in the order of `KINDS` or else of appearance."""
    kind = kinds(run)
    sums: dict[str, float] = dict.fromkeys([*KINDS, *kind.values()], 0)
    for layer in run.layers:
        sums[kind[layer.name]] += measure(layer)
    present = set(kind.values())
    return {name: value for name, value in sums.items() if name in present}


def share_of(run: Run, kind: str, measure: Figure) -> float:
    """Return the share of a kind in the total of a run."""
    sums = by_kind(run, measure)
    whole = sum(sums.values())
    return sums.get(kind, 0.0) / whole if whole else 0.0
