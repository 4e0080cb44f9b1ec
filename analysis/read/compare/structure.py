"""Networks of different families: layers correspond by how far the maps are reduced, by what they do, and in order."""

from collections import Counter
from collections.abc import Callable, Hashable
from math import log2

from simulator.network.ir import MAC_OPS
from simulator.result.run import LayerResult, Run

POOLED = "1x1"


def family(run: Run) -> str:
    """Return a network's name without its parameters."""
    return run.network.name.partition(":")[0]


def reduction_of(run: Run) -> Callable[[LayerResult], Hashable]:
    """Return how far a layer's outputs are reduced from the network's inputs, in halvings.

    log2(rows of the input / rows of the output), rounded: networks of 224 and of 227 rows reduce theirs alike. What is
    pooled to one element is a kind of its own.
    """
    height = run.layers[0].input_shapes[0][2] if run.layers and run.layers[0].input_shapes else 1

    def reduction(layer: LayerResult) -> Hashable:
        _, _, rows, columns = layer.output_shape
        return POOLED if rows == columns == 1 else round(log2(height / rows))

    return reduction


def kind_of(layer: LayerResult) -> Hashable:
    """Return what a layer does: whether it mixes pixels, as a depthwise one does, if it multiplies; or else its op."""
    return ("multiplies", layer.kernel != (1, 1)) if multiplies(layer) else layer.op


def role_of(layer: LayerResult) -> Hashable:
    """Return a layer's op, what it does, and whether it widens, keeps or narrows the channels."""
    inputs, outputs = sum(shape[1] for shape in layer.input_shapes), layer.output_shape[1]
    return (layer.op, kind_of(layer), (outputs > inputs) - (outputs < inputs))


def multiplies(layer: LayerResult) -> bool:
    """Whether a layer multiplies."""
    return layer.op in MAC_OPS


def size_names(before: Run, after: Run) -> dict[Hashable, str]:
    """Name each reduction by the size that most layers of either network have there: "56x56", "56x56 -> 55x55"."""
    sizes: dict[Hashable, dict[int, Counter[str]]] = {}
    for place, run in enumerate((before, after)):
        reduction = reduction_of(run)
        for layer in run.layers:
            _, _, rows, columns = layer.output_shape
            counts = sizes.setdefault(reduction(layer), {}).setdefault(place, Counter())
            counts[f"{rows}x{columns}"] += 1
    return {
        level: " -> ".join(dict.fromkeys(counts.most_common(1)[0][0] for _, counts in sorted(found.items())))
        for level, found in sizes.items()
    }
