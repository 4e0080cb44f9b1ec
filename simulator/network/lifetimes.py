"""Tell from when to when each tensor must be kept, residual branches included."""

from dataclasses import dataclass

from simulator.network.ir import Network


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
