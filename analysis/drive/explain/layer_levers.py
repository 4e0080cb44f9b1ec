"""Changes of layers: each function yields changed networks for a layer, or several alike ones changed together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from analysis.drive.explain.change import UNKNOWN, CannotChange, Change
from analysis.drive.explain.shapes import Edit, edited
from analysis.drive.explain.ties import tied
from simulator.hardware.model import Hardware
from simulator.network.ir import Layer, Network, Op
from simulator.network.ops import CONVOLUTIONS, OPS, Channels

SMALLEST = 3
"""A side of kernels that see more than their own pixel."""

Changed = tuple[str, Network]
Layers = Sequence[Layer]  # alike: of the same op and shapes
Edges = frozenset[int]  # rows and columns of the array


def filters_down(network: Network, layers: Layers, edges: Edges) -> Iterator[Changed]:
    """Take filters away until rows or columns of the array divide what is left."""
    filters = _filters(layers[0])
    yield from _with_filters(network, layers, {filters // edge * edge for edge in edges} - {filters})


def filters_halved(network: Network, layers: Layers, edges: Edges) -> Iterator[Changed]:
    """Halve the filters."""
    filters = _filters(layers[0])
    yield from _with_filters(network, layers, {filters // 2} if filters % 2 == 0 else set())


def filters_up(network: Network, layers: Layers, edges: Edges) -> Iterator[Changed]:
    """Add filters until rows or columns of the array divide them: what the array does anyway, put to use."""
    filters = _filters(layers[0])
    yield from _with_filters(network, layers, {-(-filters // edge) * edge for edge in edges} - {filters})


def kernel_factored(network: Network, layers: Layers, edges: Edges) -> Iterator[Changed]:
    """Put an Rx1 and a 1xS convolution in the place of RxS, where that saves MACs."""
    layer = layers[0]
    rows, columns = layer.kernel
    if layer.op is Op.CONV and rows > 1 and columns > 1:
        changed = network
        for one in layers:
            changed = factored(changed, one)
        if changed.macs < network.macs:
            yield _kernel_text(layers, f"{rows}x1 and 1x{columns}"), changed


def kernel_smaller(network: Network, layers: Layers, edges: Edges) -> Iterator[Changed]:
    """Take each smaller odd kernel, down to 3 a side, so that pixels mix; with padding, as many outputs remain."""
    layer = layers[0]
    if layer.op in CONVOLUTIONS:
        kernel = layer.kernel
        while kernel != (smaller := (_smaller(kernel[0], SMALLEST), _smaller(kernel[1], SMALLEST))):
            kernel = smaller
            changed = edited(network, {one.name: Edit(kernel=kernel) for one in layers})
            yield _kernel_text(layers, f"{kernel[0]}x{kernel[1]}"), changed


def _kernel_text(layers: Layers, after: str) -> str:
    return f"{_named(layers)}: kernel -> {after}"


def _smaller(size: int, least: int) -> int:
    """Return the next smaller odd size, down to the least.

    >>> [_smaller(size, 3) for size in (11, 4, 3, 1)]
    [9, 3, 3, 1]
    """
    return min(size, max(least, size - 2 if size % 2 else size - 1))


def factored(network: Network, layer: Layer) -> Network:
    """Return the network with a layer's window spanned by two: down first, then across, under the layer's own name."""
    first = f"{layer.name}_down"
    taken = {other.name for other in network.layers} | set(network.inputs)
    while first in taken:
        first += "_"
    n, filters, rows, _ = layer.output_shape
    middle = (n, filters, rows, layer.input_shapes[0][3])
    top, left, bottom, right = layer.padding
    down = replace(
        layer,
        name=first,
        kernel=(layer.kernel[0], 1),
        stride=(layer.stride[0], 1),
        padding=(top, 0, bottom, 0),
        output_shape=middle,
        bias=False,
    )
    across = replace(
        layer,
        inputs=(first,),
        input_shapes=(middle,),
        kernel=(1, layer.kernel[1]),
        stride=(1, layer.stride[1]),
        padding=(0, left, 0, right),
    )
    pairs = ((down, across) if other.name == layer.name else (other,) for other in network.layers)
    return replace(network, layers=tuple(one for pair in pairs for one in pair))


def _filters(layer: Layer) -> int:
    return layer.output_shape[1]


def _with_filters(network: Network, layers: Layers, choices: set[int]) -> Iterator[Changed]:
    """Yield the network with each number of filters, in all layers that must have equally many."""
    if OPS[layers[0].op].channels is not Channels.CHOSEN:
        return
    together = frozenset().union(*(tied(network, layer.name) for layer in layers))
    others = len(together) - len(layers)
    also = f", with {others} tied by additions" if others else ""
    for filters in sorted(choices - {0}):
        changed = edited(network, {name: Edit(filters=filters) for name in together})
        what = f"{_named(layers)}: filters {_filters(layers[0])} -> {filters}{also}"
        yield what, changed


def _named(layers: Layers) -> str:
    first = layers[0]
    kernel = f" ({first.kernel[0]}x{first.kernel[1]})" if first.op in CONVOLUTIONS else ""
    return f"{first.name}{kernel}" + (f" and {len(layers) - 1} alike" if len(layers) > 1 else "")


LAYER_LEVERS: dict[str, Callable[[Network, Layers, Edges], Iterator[Changed]]] = {
    "filters_down": filters_down,
    "filters_halved": filters_halved,
    "filters_up": filters_up,
    "kernel_factored": kernel_factored,
    "kernel_smaller": kernel_smaller,
}


def layer_changes(network: Network, layers: Layers, machine: Hardware) -> Iterator[Change]:
    """Yield every change of a layer, or of alike ones together, that the network allows; a machine's array suggests."""
    edges = frozenset({machine.array.rows, machine.array.columns})
    for name, lever in LAYER_LEVERS.items():
        try:
            for what, changed in lever(network, layers, edges):
                yield Change(name, layers[0].name, what, network=changed, accuracy=UNKNOWN)
        except CannotChange:
            continue


def alike(network: Network) -> list[tuple[Layer, ...]]:
    """Group the layers that multiply by stage, op and shapes, in the order of the first of each."""
    groups: dict[tuple[object, ...], list[Layer]] = {}
    for layer in network.layers:
        if layer.nest is not None:
            key = (layer.stage, layer.op, layer.nest, layer.input_shapes, layer.output_shape)
            groups.setdefault(key, []).append(layer)
    return [tuple(group) for group in groups.values()]
