"""Kinds of layers that accelerators treat differently, and how a run's totals fall to them."""

from collections.abc import Callable

from analysis.read.theme import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from simulator.network.ir import MAC_OPS, Op
from simulator.result.run import LayerResult, Run

KINDS = ("first", "1x1", "3x3 and larger", "1xN and Nx1", "grouped", "depthwise", "linear", "other ops")
COLOURS = dict(zip(KINDS, (BLACK, BLUE, GREEN, SKY, ORANGE, VERMILLION, PURPLE, GREY), strict=True))
"""Kinds in the order shown: the first convolution, of few input channels, then by window and groups."""


def kinds_of(run: Run) -> dict[str, str]:
    """Name the kind of each layer of a run."""
    first = next((layer.name for layer in run.layers if layer.op is Op.CONV), "")
    return {layer.name: "first" if layer.name == first else kind_of(layer) for layer in run.layers}


def kind_of(layer: LayerResult) -> str:
    """Name the kind of a layer that is not the first."""
    if layer.op not in MAC_OPS:
        return "other ops"
    if layer.op is Op.DEPTHWISE:
        return "depthwise"
    if layer.op is not Op.CONV or layer.output_shape[2:] == layer.input_shapes[0][2:] == (1, 1):
        return "linear"
    if layer.groups > 1:
        return "grouped"
    height, width = layer.kernel
    return "1x1" if height == width == 1 else "1xN and Nx1" if 1 in layer.kernel else "3x3 and larger"


def by_kind(run: Run, measure: Callable[[LayerResult], float]) -> dict[str, float]:
    """Sum a measure of layers over each kind that the run has."""
    kinds = kinds_of(run)
    sums = dict.fromkeys(KINDS, 0.0)
    for layer in run.layers:
        sums[kinds[layer.name]] += measure(layer)
    present = set(kinds.values())
    return {kind: value for kind, value in sums.items() if kind in present}


MEASURES: dict[str, Callable[[LayerResult], float]] = {
    "MACs": lambda layer: layer.macs,
    "params": lambda layer: layer.params,
    "cycles": lambda layer: layer.cycles,
    "energy": lambda layer: layer.energy_pj,
}


def share_of(run: Run, kind: str, measure: str) -> float:
    """Return the share of a kind in a total of the run."""
    sums = by_kind(run, MEASURES[measure])
    whole = sum(sums.values())
    return sums.get(kind, 0.0) / whole if whole else 0.0
