"""Which layers must have equally many filters: those whose outputs are added, multiplied or passed on together."""

from collections import defaultdict

from analysis.drive.explain.change import CannotChange
from simulator.network.ir import Layer, Network
from simulator.network.ops import OPS, Channels


def tied(network: Network, name: str) -> frozenset[str]:
    """Return the layers whose filters change if those of a layer do, itself included.

    Raises CannotChange where the number is not free: in the network's inputs, in what its outputs are made of without
    another convolution or product, and in what a gather picks from.
    """
    classes = _Classes()
    makers: dict[str, list[str]] = defaultdict(list)
    fixed = {*network.inputs, *_made_into_outputs(network)}
    for layer in network.layers:
        channels = OPS[layer.op].channels
        if channels is Channels.TIED:
            for source in _joined(layer):
                classes.join(layer.name, source)
        elif channels is Channels.CHOSEN:
            makers[layer.name].append(layer.name)
        else:
            fixed.add(layer.name)
            fixed.update(() if channels is Channels.DERIVED else layer.inputs)
    wanted = classes.root(name)
    if any(classes.root(tensor) == wanted for tensor in fixed):
        raise CannotChange(f"the filters of {name} are not free: its outputs or inputs of the network depend on them")
    return frozenset(maker for maker in makers if classes.root(maker) == wanted)


def _made_into_outputs(network: Network) -> set[str]:
    """Return the outputs, and the tensors of which ops that have no filters make them."""
    layers = {layer.name: layer for layer in network.layers}
    found: set[str] = set()
    waiting = list(network.outputs)
    while waiting:
        name = waiting.pop()
        if name not in found and name in layers:
            found.add(name)
            waiting += () if _chooses(layers[name]) else layers[name].inputs
    return found


def _chooses(layer: Layer) -> bool:
    return OPS[layer.op].channels is Channels.CHOSEN


def _joined(layer: Layer) -> list[str]:
    """Return the inputs that have the channels of the output: not those that are stretched."""
    channels = layer.output_shape[1]
    return [name for name, shape in zip(layer.inputs, layer.input_shapes, strict=True) if shape[1] == channels]


class _Classes:
    """Tensors joined into classes of equal channels."""

    def __init__(self) -> None:
        self.parents: dict[str, str] = {}

    def root(self, name: str) -> str:
        """Return the representative of a tensor's class."""
        while self.parents.get(name, name) != name:
            name = self.parents[name]
        return name

    def join(self, first: str, second: str) -> None:
        """Make two tensors' classes one."""
        self.parents[self.root(first)] = self.root(second)
