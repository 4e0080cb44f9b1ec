"""Change filters and kernels of layers, and let all that follows take the shapes that result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod

from analysis.drive.explain.change import CannotChange
from simulator.network.ir import Layer, Network, Op, Shape
from simulator.network.shapes import broadcast, window_outputs, window_reach


@dataclass(frozen=True, slots=True)
class Edit:
    """What a layer is to have instead; None leaves what it has."""

    filters: int | None = None
    kernel: tuple[int, int] | None = None


NO_EDIT = Edit()
Shapes = tuple[Shape, ...]


def edited(network: Network, edits: Mapping[str, Edit]) -> Network:
    """Return the network with changed layers; raise CannotChange where what follows cannot take the new shapes.

    Layers that meet the shapes they had stay as they were.
    """
    shapes = dict(network.inputs)
    layers = []
    for layer in network.layers:
        found = tuple(shapes[name] for name in layer.inputs)
        if found != layer.input_shapes or layer.name in edits:
            rule = RULES.get(layer.op, _refuse)
            layer = replace(rule(layer, found, edits.get(layer.name, NO_EDIT)), input_shapes=found)
        shapes[layer.name] = layer.output_shape
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def _refuse(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    raise CannotChange(f"{layer.name} needs the shapes it has")


def _window(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Convolve. A smaller kernel takes less padding, so that as many outputs remain if there was enough of it."""
    n, channels, *size = inputs[0]
    before, filters = layer.input_shapes[0][1], layer.output_shape[1]
    if layer.op is Op.DEPTHWISE:
        groups, filters = channels, edit.filters or filters // before * channels
    else:
        groups, filters = layer.groups, edit.filters or filters
    if channels % groups or filters % groups:
        raise CannotChange(
            f"{layer.name}: {channels} channels and {filters} filters do not divide into {groups} groups"
        )
    layer = _with_kernel(layer, edit.kernel or layer.kernel)
    rows, columns = window_outputs((size[0], size[1]), layer.kernel, layer.stride, layer.padding, layer.dilation)
    return replace(layer, groups=groups, output_shape=_positive(layer, (n, filters, rows, columns)))


def _with_kernel(layer: Layer, kernel: tuple[int, int]) -> Layer:
    padding = list(layer.padding)
    for axis in range(2):
        reach = [window_reach(size, layer.dilation[axis]) for size in (layer.kernel[axis], kernel[axis])]
        less = reach[0] - reach[1]
        padding[axis] = max(0, padding[axis] - less // 2)
        padding[axis + 2] = max(0, padding[axis + 2] - (less - less // 2))
    return replace(layer, kernel=kernel, padding=(padding[0], padding[1], padding[2], padding[3]))


def _linear(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    n, channels, height, width = inputs[0]
    filters = edit.filters or layer.output_shape[1]
    if (height, width) != (1, 1) or channels % layer.groups or filters % layer.groups:
        raise CannotChange(f"{layer.name}: a vector in as many groups is needed")
    return replace(layer, output_shape=(n, filters, 1, 1))


def _pool(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Pool; a window over all of the input stays one."""
    n, channels, height, width = inputs[0]
    if layer.kernel == layer.input_shapes[0][2:] and layer.output_shape[2:] == (1, 1):
        return replace(layer, kernel=(height, width), output_shape=(n, channels, 1, 1))
    size = window_outputs((height, width), layer.kernel, layer.stride, layer.padding, layer.dilation, layer.ceil)
    return replace(layer, output_shape=_positive(layer, (n, channels, *size)))


def _same(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    return replace(layer, output_shape=inputs[0])


def _resized(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    return replace(layer, output_shape=(*inputs[0][:2], *layer.output_shape[2:]))


def _shuffle(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    if inputs[0][1] % layer.groups:
        raise CannotChange(f"{layer.name}: {inputs[0][1]} channels do not divide into {layer.groups} groups")
    return replace(layer, output_shape=inputs[0])


def _elementwise(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    shape: tuple[int, ...] | None = inputs[0]
    for other in inputs[1:]:
        shape = broadcast(shape, other) if shape else None
    if shape is None:
        raise CannotChange(f"{layer.name} joins tensors of different shapes")
    n, c, h, w = shape
    return replace(layer, output_shape=(n, c, h, w))


def _concat(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Join along the axis along which the shapes add up."""
    before = layer.input_shapes
    axes = [axis for axis in range(4) if layer.output_shape[axis] == sum(shape[axis] for shape in before)]
    axis = axes[0] if len(before) > 1 else 1
    others = [[extent for i, extent in enumerate(shape) if i != axis] for shape in inputs]
    if any(other != others[0] for other in others):
        raise CannotChange(f"{layer.name} joins tensors of different shapes")
    shape = list(inputs[0])
    shape[axis] = sum(one[axis] for one in inputs)
    return replace(layer, output_shape=(shape[0], shape[1], shape[2], shape[3]))


def _split(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Take the same part of the channels, if they still divide."""
    n, channels, height, width = inputs[0]
    before = layer.input_shapes[0][1]
    ends = [int(end) for end in layer.variant.split(":")] if layer.variant.replace(":", "").isdecimal() else []
    if len(ends) != 2 or any(end * channels % before for end in ends):
        raise CannotChange(f"{layer.name} takes a part of the channels")
    start, stop = (end * channels // before for end in ends)
    return replace(layer, variant=f"{start}:{stop}", output_shape=(n, stop - start, height, width))


def _reshape(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    """Flatten; no other rearrangement tells what it would make of another shape."""
    if layer.output_shape[2:] != (1, 1) or layer.output_shape[0] != layer.input_shapes[0][0]:
        raise CannotChange(f"{layer.name} rearranges the shape it has")
    return replace(layer, output_shape=(inputs[0][0], prod(inputs[0][1:]), 1, 1))


def _pad(layer: Layer, inputs: Shapes, edit: Edit) -> Layer:
    n, channels, height, width = inputs[0]
    top, left, bottom, right = layer.padding
    return replace(layer, output_shape=(n, channels, height + top + bottom, width + left + right))


def _positive(layer: Layer, shape: Shape) -> Shape:
    if min(shape) < 1:
        raise CannotChange(f"the window of {layer.name} would be larger than its input")
    return shape


RULES: dict[Op, Callable[[Layer, Shapes, Edit], Layer]] = {
    Op.ACTIVATION: _same,
    Op.ADD: _elementwise,
    Op.CONCAT: _concat,
    Op.CONV: _window,
    Op.DEPTHWISE: _window,
    Op.LINEAR: _linear,
    Op.LRN: _same,
    Op.MUL: _elementwise,
    Op.PAD: _pad,
    Op.POOL: _pool,
    Op.RESHAPE: _reshape,
    Op.SHUFFLE: _shuffle,
    Op.SOFTMAX: _same,
    Op.SPLIT: _split,
    Op.UPSAMPLE: _resized,
}
"""Op -> a function (layer, shapes of its inputs, what to change) that returns the layer with its new output; others
need the shapes they have."""
