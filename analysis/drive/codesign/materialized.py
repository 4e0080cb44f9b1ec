"""Which tensors of a network must be whole at some time, wherever they are: the others exist in slices only.

expand -> depthwise -> project      # a block is a sum over slices of its inner tensors, each a few channels
conv -> pool                        # on machines that pool on the way out
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from simulator.network.ir import Op
from simulator.result.ledger import stored_tensors
from simulator.result.run import LayerResult, Run

Materialized: TypeAlias = Mapping[int, int]
"""Side of a map -> words of the largest tensor of that resolution that must be whole."""


def materialized(run: Run) -> Materialized:
    """Return the largest tensors of a run's network that must be whole, a sample of each."""
    layers, inner = {layer.name: layer for layer in run.layers}, set(inner_tensors(run))
    found: dict[int, int] = {}
    for layer in running(run):
        if layer.name not in inner:
            _, channels, height, width = layers[(layer.name, *layer.fused)[-1]].output_shape
            found[height] = max(found.get(height, 0), channels * height * width)
    return found


def running(run: Run) -> list[LayerResult]:
    """Return the layers that make a stored tensor: neither folded nor fused into another."""
    producers = run.producer_of()
    return [layer for layer in run.layers if not layer.folded and layer.name not in producers]


def inner_tensors(run: Run) -> Iterator[str]:
    """Yield the layers that make inner tensors of inverted residuals: what widens, and the depthwise layer behind it.

    Each channel of the depthwise layer needs one of the widening layer, and adds to all that the narrowing one makes.
    """
    stored, layers = stored_tensors(run), {layer.name: layer for layer in run.layers}
    readers: dict[str, list[LayerResult]] = {}
    for layer in running(run):
        names = {*layer.inputs, *(name for fused in layer.fused for name in layers[fused].inputs)}
        for name in frozenset().union(*(stored.get(name, frozenset()) for name in names)) - {layer.name}:
            readers.setdefault(name, []).append(layer)
    for expand in running(run):
        (depthwise, *more) = readers.get(expand.name, [expand])
        behind = readers.get(depthwise.name, [])
        if not more and depthwise.op is Op.DEPTHWISE and len(behind) == 1 and _inverted(expand, depthwise, behind[0]):
            yield from (expand.name, depthwise.name)


def _inverted(expand: LayerResult, depthwise: LayerResult, project: LayerResult) -> bool:
    """Whether a convolution widens, and another narrows again behind a depthwise layer."""
    convs = expand.op is Op.CONV and project.op is Op.CONV
    widens = expand.output_shape[1] > expand.input_shapes[0][1]
    return convs and widens and project.output_shape[1] < depthwise.output_shape[1]
