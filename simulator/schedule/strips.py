"""Rows of a stack: what each op makes in each strip, what it reads for that, and which rows wait for later strips.

    for strip                      # so many rows of what the last op makes
      for op of the stack
        make the rows that are new # those that ops behind it read in this strip, less those made before

Where nothing waits between strips, rows are made again that those before made, and went:

      for op of the stack
        make the rows that ops behind it read in this strip

An op that makes rows [a, b) of P reads rows [a*stride - top, (b-1)*stride - top + reach) of H, clipped to [0, H):
reach = (kernel-1)*dilation + 1. Of two ops that read one tensor, the one that reaches further down counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from simulator.network.ir import Layer
from simulator.network.ops import OPS
from simulator.network.shapes import Shape, window_reach

Rows = tuple[int, int]
"""The first row, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class Strips:
    """The rows of a tensor in each strip of a stack: where those made so far end, and the first still read then.

    Rows that are still read wait from strip to strip, or are `recomputed`.
    """

    height: int
    ends: tuple[int, ...]
    lows: tuple[int, ...]
    recomputed: bool = False

    @property
    def made(self) -> tuple[Rows, ...]:
        """Rows that each strip makes, with none left out between them; of none, both ends are the same."""
        before = (0, *self.ends[:-1])
        begins = tuple(map(min, before, self.lows)) if self.recomputed else before
        return tuple(zip(begins, self.ends, strict=True))

    @property
    def line_rows(self) -> int:
        """The most rows that wait from one strip to the next."""
        return max(max(0, begin - low) for (begin, _), low in zip(self.made, self.lows, strict=True))

    @property
    def held_rows(self) -> int:
        """The most rows that are there at a time: those that wait, and those that are new."""
        return max(end - min(low, begin) for (begin, end), low in zip(self.made, self.lows, strict=True))

    @property
    def again_rows(self) -> int:
        """Rows made more than once, as often as they are made again."""
        return sum(end - begin for begin, end in self.made) - self.height


def last_strips(height: int, strip_rows: int, recomputed: bool = False) -> Strips:
    """Return the strips of what a stack makes, which nothing in it reads."""
    ends = (*range(strip_rows, height, strip_rows), height)
    return Strips(height, ends, ends, recomputed)


def strips_before(height: int, readers: Iterable[tuple[Layer, Strips]]) -> Strips:
    """Return the strips of a tensor that ops of a stack read; what none of them reads is made in the last."""
    readers = tuple(readers)
    columns = [_needs(height, layer, strips) for layer, strips in readers]
    ends, lows = ([*zip(*each, strict=True)] for each in zip(*columns, strict=True))
    made, most = [], 1
    for together in ends:
        most = max(most, *together)
        made.append(most)
    made[-1] = height
    recomputed = any(strips.recomputed for _, strips in readers)
    return Strips(height, tuple(made), tuple(min(together) for together in lows), recomputed)


def before_pools(fused: Sequence[Layer], strips: Strips) -> list[tuple[Shape, Strips]]:
    """Return what fused pools read, the last first: a tensor's shape, and its strips. `strips` are of what is left.

    Outputs go through a pool as they are made. Only rows wait that windows of two strips share.
    """
    found: list[tuple[Shape, Strips]] = []
    for layer in reversed(fused):
        if OPS[layer.op].windowed:
            strips = strips_before(layer.input_shapes[0][2], [(layer, strips)])
            found.append((layer.input_shapes[0], strips))
    return found


def produced(fused: Sequence[Layer], strips: Strips) -> Strips:
    """Return the strips of what an op makes, from those of what the ops fused into it leave."""
    through = before_pools(fused, strips)
    return through[-1][1] if through else strips


def _needs(height: int, layer: Layer, strips: Strips) -> tuple[list[int], list[int]]:
    """Where the rows end that a reader needs until each strip, and where those begin that it needs from it on."""
    ends = [rows_read(layer, (0, end))[1] for end in strips.ends]
    lows = [rows_read(layer, (a, a + 1))[0] if a < strips.height else height for a, _ in strips.made]
    return ends, lows


def rows_read(layer: Layer, made: Rows) -> Rows:
    """Rows of its inputs that an op reads to make some of its outputs."""
    if not OPS[layer.op].windowed:
        return made
    (first, behind), height = made, layer.input_shapes[0][2]
    stride, top = layer.stride[0], layer.padding[0]
    reach = window_reach(layer.kernel[0], layer.dilation[0])
    return max(0, first * stride - top), min(height, max(1, (behind - 1) * stride - top + reach))


def strip_layer(layer: Layer, made: Rows) -> Layer:
    """Return what an op does in a strip as a layer of its own: padded above only at the top, below at the bottom."""
    (first, behind), (samples, channels, height, width) = made, layer.output_shape
    name, outputs = f"{layer.name}[{first}:{behind}]", (samples, channels, behind - first, width)
    if not OPS[layer.op].windowed:
        shapes = tuple(
            _with_rows(shape, behind - first) if shape[2] == height else shape for shape in layer.input_shapes
        )
        return replace(layer, name=name, input_shapes=shapes, output_shape=outputs)
    begin, end = rows_read(layer, made)
    stride, (top, left, _, right) = layer.stride[0], layer.padding
    above = max(0, top - first * stride)
    below = max(0, (behind - 1) * stride - top + window_reach(layer.kernel[0], layer.dilation[0]) - end)
    return replace(
        layer,
        name=name,
        input_shapes=(_with_rows(layer.input_shapes[0], end - begin),),
        output_shape=outputs,
        padding=(above, left, below, right),
        ceil=False,
    )


def _with_rows(shape: Shape, rows: int) -> Shape:
    samples, channels, _, width = shape
    return samples, channels, rows, width


def by_strips(layer: Layer) -> bool:
    """Tell whether rows of an op's outputs follow from rows of its inputs, every window meeting some input."""
    height = layer.output_shape[2]
    if height < 2 or layer.constant_elements:
        return False
    if OPS[layer.op].windowed:
        reach, (top, *_) = window_reach(layer.kernel[0], layer.dilation[0]), layer.padding
        return (
            len(layer.input_shapes) == 1
            and top < reach
            and (height - 1) * layer.stride[0] - top < layer.input_shapes[0][2]
        )
    return all(shape[2] in (1, height) for shape in layer.input_shapes)


def halo_rows(layer: Layer, strips: Strips) -> int:
    """Rows that an op reads again, in all strips together, where its inputs come from outside the stack."""
    read = [rows_read(layer, made) for made in strips.made if made[0] < made[1]]
    return sum(max(0, end - begin) for (_, end), (begin, _) in pairwise(read))
