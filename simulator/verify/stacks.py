"""Execute stacks on integers, strip by strip through line buffers, and compare with whole tensors, exactly.

Where rows that strips share are computed again, nothing is left between strips.

What ops make is reduced to eight bits again, so that any row that is missing, late or out of place shows in the end.
Folded concats, splits and shuffles join channels, take the first, and turn their order around, here as there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.hardware.model import Hardware
from simulator.network.ir import Layer, Network, Op
from simulator.network.ops import OPS
from simulator.network.shapes import Shape
from simulator.schedule import Stack
from simulator.schedule.fusion import Fusion, Group, fuse
from simulator.schedule.stacks import flow_of, strips_of
from simulator.schedule.strips import Rows, Strips, before_pools, produced, rows_read, strip_layer
from simulator.schedule.tensors import storage_of
from simulator.verify import VALUES, convolve

Tensor = NDArray[np.int8]
Ints = NDArray[np.int64]
Fetch = Callable[[str, Rows | None], Tensor]
"""Rows of a stored tensor, [N, C, H, W]; None: all of them."""


@dataclass(frozen=True, slots=True)
class StackVerdict:
    """What executing a stack found: outputs of its last op that differ, and rows that were gone when they were read."""

    stack: Stack
    strips: int
    outputs: int
    mismatches: int
    lost_rows: int

    @property
    def passed(self) -> bool:
        """Whether every row was there, and every output is right."""
        return not self.mismatches and not self.lost_rows


class LineBuffer:
    """So many rows of a tensor, each in the place of one that is no longer read."""

    def __init__(self, shape: Shape, rows: int) -> None:
        samples, channels, _, width = shape
        self.places: Tensor = np.zeros((samples, channels, rows, width), np.int8)
        self.held = [-1] * rows
        self.lost = 0

    def write(self, first: int, values: Tensor) -> None:
        """Put in rows from the first on."""
        for at in range(values.shape[2]):
            place = (first + at) % len(self.held)
            self.places[:, :, place], self.held[place] = values[:, :, at], first + at

    def clear(self) -> None:
        """Forget all rows."""
        self.held = [-1] * len(self.held)

    def read(self, rows: Rows) -> Tensor:
        """Return rows; what is there in place of one that is gone counts as lost."""
        places = [row % len(self.held) for row in range(*rows)]
        self.lost += sum(self.held[place] != row for place, row in zip(places, range(*rows), strict=True))
        return self.places[:, :, places]


class StreamedPool:
    """A pool through which rows go as they are made; those wait that windows of two strips share, and no others."""

    def __init__(self, layer: Layer, read: Strips, left: Strips) -> None:
        self.layer, self.read, self.left = layer, read, left
        self.buffer = LineBuffer(layer.input_shapes[0], read.line_rows)

    def put(self, strip: int, values: Tensor | None) -> Tensor | None:
        """Take the new rows of a strip; return those that the pool leaves then, if any."""
        (begin, end), (first, behind) = self.read.made[strip], self.left.made[strip]
        made = None
        if first < behind:
            rows = rows_read(self.layer, (first, behind))
            there = [self.buffer.read((rows[0], min(begin, rows[1])))] if rows[0] < begin else []
            there += [values[:, :, max(0, rows[0] - begin) : rows[1] - begin]] if values is not None else []
            made = _greatest(strip_layer(self.layer, (first, behind)), np.concatenate(there, axis=2)).astype(np.int8)
        if values is not None and self.buffer.held:
            keep = min(end - begin, len(self.buffer.held))
            self.buffer.write(end - keep, values[:, :, end - begin - keep :])
        return made


class StackExecution:
    """A stack of a network on random integers."""

    def __init__(self, network: Network, hardware: Hardware, stack: Stack, seed: int = 0) -> None:
        self.fusion: Fusion = fuse(network, hardware)
        self.layers = {layer.name: layer for layer in network.layers}
        self.shapes: Mapping[str, Shape] = network.inputs | {n: layer.output_shape for n, layer in self.layers.items()}
        self.left = {name: group.last.output_shape for name, group in self.fusion.groups.items()}
        storage = storage_of(network, self.fusion)
        self.stack, self.strips = stack, strips_of(flow_of(network, self.fusion, storage), stack)
        self.seed, self.given = seed, dict[str, Tensor]()

    def verdict(self) -> StackVerdict:
        """Execute the stack both ways and compare."""
        whole = self.whole()
        found, lost = self.by_strips()
        wrong = int(np.count_nonzero(found != whole))
        return StackVerdict(self.stack, len(self.strips[self.stack.ops[0]].ends), whole.size, wrong, lost)

    def whole(self) -> Tensor:
        """Execute op by op, tensors whole."""
        made: dict[str, Tensor] = {}

        def fetch(name: str, rows: Rows | None) -> Tensor:
            tensor = made[name] if name in made else self.outside(name)
            return tensor if rows is None else tensor[:, :, slice(*rows)]

        for op in self.stack.ops:
            made[op] = self.pooled(op, self.make(self.fusion.groups[op], (0, self.shapes[op][2]), fetch))
        return made[self.stack.ops[-1]]

    def by_strips(self) -> tuple[Tensor, int]:
        """Execute strip by strip; return what the last op makes, and how many rows were gone."""
        (*inner, last) = self.stack.ops
        buffers = {op: LineBuffer(self.left[op], self.strips[op].held_rows) for op in inner}
        pools = {op: list(self.pools(op)) for op in self.stack.ops}
        result = np.zeros(self.left[last], np.int8)

        def fetch(name: str, rows: Rows | None) -> Tensor:
            if name in buffers and rows is not None:
                return buffers[name].read(rows)
            tensor = self.outside(name)
            return tensor if rows is None else tensor[:, :, slice(*rows)]

        for strip in range(len(self.strips[last].ends)):
            for buffer in buffers.values() if self.stack.overlap == "recomputed" else ():
                buffer.clear()
            for op in self.stack.ops:
                group, rows = self.fusion.groups[op], self.strips[op].made[strip]
                made = produced(group.fused, self.strips[op]).made[strip]
                values = self.make(group, made, fetch) if made[0] < made[1] else None
                for pool in pools[op]:
                    values = pool.put(strip, values)
                if values is not None:
                    if op == last:
                        result[:, :, slice(*rows)] = values
                    else:
                        buffers[op].write(rows[0], values)
        waiting = (pool.buffer for each in pools.values() for pool in each)
        return result, sum(buffer.lost for buffer in (*buffers.values(), *waiting))

    def pools(self, op: str) -> Iterator["StreamedPool"]:
        """Yield what goes with an op and makes fewer rows, in order."""
        fused, strips = self.fusion.groups[op].fused, self.strips[op]
        windows = [layer for layer in fused if OPS[layer.op].windowed]
        before = [each for _, each in reversed(before_pools(fused, strips))]
        for layer, read, left in zip(windows, before, (*before[1:], strips), strict=False):
            yield StreamedPool(layer, read, left)

    def pooled(self, op: str, values: Tensor) -> Tensor:
        """Return what fused pools leave of a whole tensor."""
        for layer in self.fusion.groups[op].fused:
            if OPS[layer.op].windowed:
                values = _greatest(layer, values).astype(np.int8)
        return values

    def outside(self, name: str) -> Tensor:
        """Return a tensor that the stack does not make: random integers."""
        return self.given.setdefault(name, self.random(name, self.left.get(name, self.shapes[name])))

    def random(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Return integers that depend on the name and the seed."""
        generator = np.random.default_rng([self.seed, *name.encode()])
        return generator.integers(*VALUES, size=shape, dtype=np.int8)

    def make(self, group: Group, rows: Rows, fetch: Fetch) -> Tensor:
        """Make rows of what an op leaves: its own, what fused adds add to it, reduced to eight bits."""
        layer = group.producer
        values = (self.window if OPS[layer.op].windowed else self.elements)(layer, rows, fetch)
        for name in group.residuals:
            values = values + self.read(name, rows, fetch)
        low, high = VALUES
        reduced: Tensor = (np.mod(values + low, high - low) + low).astype(np.int8)
        return reduced

    def window(self, layer: Layer, rows: Rows, fetch: Fetch) -> Ints:
        """Convolve, or take the greatest of each window."""
        strip, inputs = strip_layer(layer, rows), self.read(layer.inputs[0], rows_read(layer, rows), fetch)
        nest = strip.nest
        if nest is None:
            return _greatest(strip, inputs)
        n, g, k, c, _, _, r, s = nest.bounds
        weights = self.random(f"weights of {layer.name}", (g, k, c, r, s))
        outputs = convolve(nest, inputs.reshape(n, g, c, *nest.input_size), weights)
        return outputs.reshape(strip.output_shape)

    def elements(self, layer: Layer, rows: Rows, fetch: Fetch) -> Ints:
        """Combine operands element by element, those of one row whole; concats join channels."""
        read = [
            self.read(name, rows if shape[2] > 1 else None, fetch).astype(np.int64)
            for name, shape in zip(layer.inputs, layer.input_shapes, strict=True)
        ]
        if layer.op in (Op.CONCAT, Op.SPLIT, Op.SHUFFLE):
            return self.folded(layer, read)
        total: Ints = np.zeros((1, 1, 1, 1), np.int64)
        for operand in read:
            total = total + operand
        return total

    def read(self, name: str, rows: Rows | None, fetch: Fetch) -> Tensor:
        """Return rows of a tensor, out of the stored ones that hold it."""
        if name not in self.fusion.folded:
            return fetch(self.fusion.producer_of.get(name, name), rows)
        layer = self.layers[name]
        return self.folded(layer, [self.read(each, rows, fetch) for each in layer.inputs]).astype(np.int8)

    def folded(self, layer: Layer, parts: list[Tensor] | list[Ints]) -> Ints:
        """Join channels, take the first of them, or turn their order around."""
        joined = np.concatenate(parts, axis=1) if layer.output_shape[1] > parts[0].shape[1] else parts[0]
        channels: Ints = joined[:, : layer.output_shape[1]].astype(np.int64)
        return channels[:, ::-1] if layer.op is Op.SHUFFLE else channels


def _greatest(strip: Layer, inputs: Tensor) -> Ints:
    """Return the greatest of each window of a strip."""
    (top, left, _, _), (_, _, rows, columns) = strip.padding, strip.output_shape
    (height, width), (down, across) = strip.kernel, strip.stride
    low = np.iinfo(np.int8).min
    reach = (rows - 1) * down + height, (columns - 1) * across + width
    size = max(reach[0], top + inputs.shape[2]), max(reach[1], left + inputs.shape[3])
    padded = np.full((*inputs.shape[:2], *size), low, np.int8)
    padded[:, :, top : top + inputs.shape[2], left : left + inputs.shape[3]] = inputs
    result: Ints = np.full((*inputs.shape[:2], rows, columns), low, np.int64)
    for r in range(height):
        for s in range(width):
            taken = padded[:, :, r : r + (rows - 1) * down + 1 : down, s : s + (columns - 1) * across + 1 : across]
            result = np.maximum(result, taken)
    return result


def verify_stack(network: Network, hardware: Hardware, stack: Stack, seed: int = 0) -> StackVerdict:
    """Execute a stack on random integers, strip by strip through line buffers, and compare with whole tensors."""
    return StackExecution(network, hardware, stack, seed).verdict()
