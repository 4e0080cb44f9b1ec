"""The shape rule of each kind of op: what a layer makes of inputs of some shapes.

A rule takes a layer and the shapes of its inputs, which may be others than the layer's own. What only its output tells
(filters, the size to resize to, how many channels are picked) is that of the layer's own. Rules raise `Misfit` where
the inputs do not fit.
"""

import re
from collections.abc import Callable
from math import prod
from typing import Protocol

from simulator.network.shapes import (
    Misfit,
    Pair,
    Shape,
    Sides,
    broadcast,
    joined,
    require_divisible,
    shape_of,
    text,
    window_outputs,
    window_reach,
)

Shapes = tuple[Shape, ...]


class Described(Protocol):
    """What shape rules and costs read of a layer, see `simulator.network.ir.Layer`."""

    @property
    def op(self) -> str:
        """Kind of op."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors read."""

    @property
    def input_shapes(self) -> Shapes:
        """Their shapes."""

    @property
    def output_shape(self) -> Shape:
        """Shape of what is made."""

    @property
    def kernel(self) -> Pair:
        """Window."""

    @property
    def stride(self) -> Pair:
        """Step of the window."""

    @property
    def padding(self) -> Sides:
        """Rows and columns around the input."""

    @property
    def dilation(self) -> Pair:
        """Distance of the window's taps."""

    @property
    def groups(self) -> int:
        """Groups of channels."""

    @property
    def variant(self) -> str:
        """What refines the op."""

    @property
    def ceil(self) -> bool:
        """Whether a last window may hang over the edge."""

    @property
    def window_elements(self) -> int:
        """Elements that a normalisation reads for each output."""


ShapeRule = Callable[[Described, Shapes], Shape]

_RANGE = re.compile(r"(-?\d+):(-?\d+)")


def same(layer: Described, inputs: Shapes) -> Shape:
    """An element of the output for each of the input."""
    return inputs[0]


def stated(layer: Described, inputs: Shapes) -> Shape:
    """What the layer says it makes; nothing tells what would follow from other inputs."""
    if inputs != layer.input_shapes:
        raise Misfit("it needs the shapes it has", " and ".join(map(text, layer.input_shapes)))
    return layer.output_shape


def convolved(layer: Described, inputs: Shapes) -> Shape:
    """As many channels as filters, at each place where the window fits."""
    n, channels, *_ = inputs[0]
    filters = layer.output_shape[1]
    require_divisible(layer.groups, "input channels", channels)
    require_divisible(layer.groups, "filters", filters)
    return (n, filters, *_windows(layer, inputs[0]))


def pooled(layer: Described, inputs: Shapes) -> Shape:
    """An output of each channel, at each place where the window fits."""
    return (*inputs[0][:2], *_windows(layer, inputs[0]))


def _windows(layer: Described, given: Shape) -> Pair:
    size = given[2:]
    rows, columns = window_outputs(size, layer.kernel, layer.stride, layer.padding, layer.dilation, layer.ceil)
    if min(rows, columns) < 1:
        reach = (window_reach(k, d) for k, d in zip(layer.kernel, layer.dilation, strict=True))
        got = f"a window of {text(reach)} over {text(size)}"
        raise Misfit("the window is larger than the padded input", got=got)
    return rows, columns


def multiplied(layer: Described, inputs: Shapes) -> Shape:
    """As many channels as filters, at each position."""
    n, channels, *size = inputs[0]
    require_divisible(layer.groups, "inputs", channels)
    require_divisible(layer.groups, "filters", layer.output_shape[1])
    return shape_of((n, layer.output_shape[1], *size))


def picked(layer: Described, inputs: Shapes) -> Shape:
    """As many channels as an index has entries."""
    n, _, *size = inputs[0]
    return shape_of((n, layer.output_shape[1], *size))


def resized(layer: Described, inputs: Shapes) -> Shape:
    """The channels of the input, at the size of the output."""
    return (*inputs[0][:2], *layer.output_shape[2:])


def accumulated(layer: Described, inputs: Shapes) -> Shape:
    """A channel for the products of each window of taps; rows and columns are stated, for the input that it has."""
    n, products, *size = inputs[0]
    taps, before = prod(layer.kernel), layer.input_shapes[0][2:]
    if tuple(size) != before:
        raise Misfit("it needs the rows and columns it has", text(before), text(size))
    require_divisible(taps, "products", products)
    return (n, products // taps, *layer.output_shape[2:])


def combined(layer: Described, inputs: Shapes) -> Shape:
    """The extents that all operands have or are stretched to."""
    shape: tuple[int, ...] = inputs[0]
    for name, other in zip(layer.inputs[1:], inputs[1:], strict=True):
        stretched = broadcast(shape, other)
        if stretched is None:
            raise Misfit(f"{name} does not match the other operands", text(shape), text(other))
        shape = stretched
    return shape_of(shape)


def concatenated(layer: Described, inputs: Shapes) -> Shape:
    """The inputs side by side, along the axis along which the layer's own add up: channels, if that is one."""
    sums = [axis for axis in (1, 0, 2, 3) if layer.output_shape[axis] == sum(s[axis] for s in layer.input_shapes)]
    if not sums:
        return stated(layer, inputs)
    return joined(inputs, layer.inputs, sums[0])


def sliced(layer: Described, inputs: Shapes) -> Shape:
    """The channels of a range, which the variant says ("8:16"); a cut along another axis makes what is stated."""
    n, channels, *size = inputs[0]
    ends = _RANGE.fullmatch(layer.variant)
    if not ends:
        return stated(layer, inputs)
    start, stop = int(ends[1]), int(ends[2])
    if not 0 <= start < stop <= channels:
        raise Misfit("not a range of channels", f"within 0:{channels}", layer.variant)
    return shape_of((n, stop - start, *size))


def shuffled(layer: Described, inputs: Shapes) -> Shape:
    """The input, its channels in another order."""
    require_divisible(layer.groups, "channels", inputs[0][1])
    return inputs[0]


def rearranged(layer: Described, inputs: Shapes) -> Shape:
    """As many elements in other axes; of each sample, unless the layer moves them between samples."""
    batch = layer.output_shape[0] * inputs[0][0] // layer.input_shapes[0][0]
    shape = (batch, *layer.output_shape[1:])
    if prod(shape) != prod(inputs[0]):
        raise Misfit("not the same number of elements", text(inputs[0]), text(shape))
    return shape


def padded(layer: Described, inputs: Shapes) -> Shape:
    """The input with a margin."""
    n, channels, height, width = inputs[0]
    top, left, bottom, right = layer.padding
    return (n, channels, height + top + bottom, width + left + right)
