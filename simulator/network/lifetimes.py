"""Tell from when to when each tensor must be kept, residual branches included."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import prod

from simulator.network.ir import MAC_OPS, Layer, Network
from simulator.network.ops import OPS


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Indices of the layer that makes a tensor and of the last one that reads it.

    The network's inputs are made before the first layer (-1); its outputs live past the last (the number of layers).
    A tensor that nothing reads dies where it is made.
    """

    made: int
    last_read: int


def lifetimes(network: Network) -> dict[str, Lifetime]:
    """Return the lifetime of every tensor of the network by name, in the order they are made."""
    made = dict.fromkeys(network.inputs, -1)
    made.update((layer.name, index) for index, layer in enumerate(network.layers))
    last_read = {name: index for index, layer in enumerate(network.layers) for name in layer.inputs}
    last_read.update((name, len(network.layers)) for name in network.outputs)
    return {name: Lifetime(index, last_read.get(name, index)) for name, index in made.items()}


def words_alive(network: Network) -> list[int]:
    """Return the words of all tensors that are alive while each layer runs, the network's inputs and outputs included.

    A layer that goes element by element over a tensor that nobody else reads leaves its outputs in its place.
    """
    sizes = {name: prod(shape) for name, shape in network.inputs.items()}
    sizes |= {layer.name: prod(layer.output_shape) for layer in network.layers}
    readers = Counter(name for layer in network.layers for name in layer.inputs) + Counter(network.outputs)
    in_place = {layer.name for layer in network.layers if _in_place(layer) and readers[layer.inputs[0]] == 1}
    spans = ((life.made + (name in in_place), life.last_read, sizes[name]) for name, life in lifetimes(network).items())
    return summed(spans, len(network.layers))


def summed(spans: Iterable[tuple[int, int, int]], places: int) -> list[int]:
    """Sum sizes at every place that they lie at, each from its first place to its last: sums of what begins and ends.

    >>> summed([(0, 1, 10), (-1, 0, 5), (1, 7, 2)], 3)
    [15, 12, 2]
    """
    changes = [0] * (places + 1)
    for first, last, size in spans:
        changes[min(max(0, first), places)] += size
        changes[min(max(first, last + 1, 0), places)] -= size
    return list(accumulate(changes[:places]))


def _in_place(layer: Layer) -> bool:
    """Whether each output follows from the input of the same place alone."""
    same = len(layer.inputs) == 1 and layer.output_shape == layer.input_shapes[0]
    return same and layer.op not in MAC_OPS and not OPS[layer.op].windowed
