"""Change filters and kernels of layers, and let all that follows take the shapes that result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod

from analysis.drive.explain.change import CannotChange
from simulator.network.ir import Layer, Network, Op
from simulator.network.ops import OPS, Channels, follows
from simulator.network.shape_rules import Shapes
from simulator.network.shapes import Misfit, window_reach


@dataclass(frozen=True, slots=True)
class Edit:
    """What a layer is to have instead; None leaves what it has."""

    filters: int | None = None
    kernel: tuple[int, int] | None = None


NO_EDIT = Edit()


def edited(network: Network, edits: Mapping[str, Edit]) -> Network:
    """Return the network with changed layers; raise CannotChange where what follows cannot take the new shapes.

    Layers that meet the shapes they had stay as they were.
    """
    shapes = dict(network.inputs)
    layers = []
    for layer in network.layers:
        found = tuple(shapes[name] for name in layer.inputs)
        if found != layer.input_shapes or layer.name in edits:
            layer = _changed(layer, found, edits.get(layer.name, NO_EDIT))
        shapes[layer.name] = layer.output_shape
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def _changed(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Return the layer over other inputs: what it has of its own adapted to them, then its op's shape rule."""
    if OPS[layer.op].channels is Channels.FIXED or layer.constant_elements or not follows(layer):
        raise CannotChange(f"{layer.name} needs the shapes it has")
    adapted = ADAPTERS.get(layer.op, _as_it_is)(layer, inputs, edit)
    try:
        shape = OPS[layer.op].shape(adapted, inputs)
    except Misfit as misfit:
        raise CannotChange(f"{layer.name}: {misfit.message}") from misfit
    return replace(adapted, input_shapes=inputs, output_shape=shape)


def _as_it_is(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    return layer


def _window(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Convolve. A smaller kernel takes less padding, so that as many outputs remain if there was enough of it."""
    channels, before = inputs[0][1], layer.input_shapes[0][1]
    n, filters, *size = layer.output_shape
    groups = layer.groups
    if layer.op is Op.DEPTHWISE:
        groups, filters = channels, filters // before * channels
    layer = _with_kernel(layer, edit.kernel or layer.kernel)
    return replace(layer, groups=groups, output_shape=(n, edit.filters or filters, size[0], size[1]))


def _with_kernel(layer: Layer, kernel: tuple[int, int]) -> Layer:
    padding = list(layer.padding)
    for axis in range(2):
        reach = [window_reach(size, layer.dilation[axis]) for size in (layer.kernel[axis], kernel[axis])]
        less = reach[0] - reach[1]
        padding[axis] = max(0, padding[axis] - less // 2)
        padding[axis + 2] = max(0, padding[axis + 2] - (less - less // 2))
    return replace(layer, kernel=kernel, padding=(padding[0], padding[1], padding[2], padding[3]))


def _linear(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    n, filters, *_ = layer.output_shape
    if inputs[0][2:] != (1, 1):
        raise CannotChange(f"{layer.name}: a vector is needed")
    return replace(layer, output_shape=(n, edit.filters or filters, 1, 1))


def _pool(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Pool; a window over all of the input stays one."""
    whole = layer.kernel == layer.input_shapes[0][2:] and layer.output_shape[2:] == (1, 1)
    return replace(layer, kernel=inputs[0][2:]) if whole else layer


def _split(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Take the same part of the channels, if they still divide."""
    channels, before = inputs[0][1], layer.input_shapes[0][1]
    ends = [int(end) for end in layer.variant.split(":")] if layer.variant.replace(":", "").isdecimal() else []
    if len(ends) != 2 or any(end * channels % before for end in ends):
        raise CannotChange(f"{layer.name} takes a part of the channels")
    start, stop = (end * channels // before for end in ends)
    return replace(layer, variant=f"{start}:{stop}")


def _reshape(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Flatten; no other rearrangement tells what it would make of another shape."""
    if layer.output_shape[2:] != (1, 1) or layer.output_shape[0] != layer.input_shapes[0][0]:
        raise CannotChange(f"{layer.name} rearranges the shape it has")
    return replace(layer, output_shape=(inputs[0][0], prod(inputs[0][1:]), 1, 1))


ADAPTERS: dict[Op, Callable[[Layer, Shapes, Edit], Layer]] = {
    Op.CONV: _window,
    Op.DEPTHWISE: _window,
    Op.LINEAR: _linear,
    Op.POOL: _pool,
    Op.RESHAPE: _reshape,
    Op.SPLIT: _split,
}
"""Op -> a function (layer, shapes of its inputs, what to change) that returns the layer with what it has of its own
changed to suit them; others keep it."""
