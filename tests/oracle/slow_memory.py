"""What the tiles of an op on the array take of the memories of the slow simulator."""

from collections import Counter
from itertools import product
from math import ceil, prod

from simulator.nest import RELEVANT, Dim, Operand
from tests.oracle.slow_array import AXES
from tests.oracle.slow_port import bits_of

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand


class TileMemory:
    """The memories of an op; its mapping, its tiles and what stays on chip are those of the op."""

    def free_bytes(self) -> int:
        """What tiles and resident tensors leave of the memory of weights."""
        memory = next(memory for memory in self.machine.buffers if WEIGHTS in memory.holds)
        taken = self.job.reserved if INPUTS in memory.holds else 0
        whole = sum(self.bits_in(operand, words) for operand, words in self.whole.items())
        taken += ceil(whole / 8) + ceil(self.job.parameters * self.machine.weight_bits / 8)
        return memory.capacity_bytes - taken - sum(self.demand(Operand(o), memory) for o in memory.holds)

    def bits_in(self, operand, words) -> int:
        """Bits of inputs or weights on chip."""
        return len(words) * bits_of(self.machine)[operand]

    def whole_tensors(self):
        """Inputs and weights that come whole, the smaller first, into what tiles and resident tensors leave."""
        memory = next(memory for memory in self.machine.buffers if INPUTS in memory.holds)
        if memory.tile_bytes is None:
            return {}
        room, found = 8 * (memory.capacity_bytes - self.job.reserved - memory.tile_bytes), {}
        everything = [range(bound) for bound in self.nest.bounds]
        tensors = {INPUTS: self.box(everything), WEIGHTS: set(product(*(everything[d] for d in RELEVANT[WEIGHTS])))}
        here = {INPUTS: self.job.inputs_here, WEIGHTS: self.job.weights_here}
        for operand in sorted(tensors, key=lambda operand: self.bits_in(operand, tensors[operand])):
            if not here[operand] and self.bits_in(operand, tensors[operand]) <= room:
                found[operand] = tensors[operand]
                room -= self.bits_in(operand, tensors[operand])
        return found

    def demand(self, operand, memory) -> int:
        """Bytes that tiles of an operand take of a memory: twice if one is used while others come."""
        tile, tiles = self.mapping.tile, self.tiles
        if operand is OUTPUTS and self.job.outputs_stay:
            return ceil(self.unfinished() * self.machine.partial_sum_bits / 8)
        if operand in self.whole or (self.job.inputs_here, self.job.weights_here, False)[operand]:
            return 0
        words = prod(tile[d] for d in RELEVANT[operand])
        if operand is INPUTS:
            sides = [
                (tile[p] - 1) * stride + (tile[r] - 1) * dilation + 1
                for (p, r), stride, dilation in zip(AXES, self.nest.stride, self.nest.dilation, strict=True)
            ]
            words = tile[N] * tile[G] * tile[C] * prod(sides)
        if operand is WEIGHTS and operand in memory.streams and self.taken_once():
            words = prod(min(e, s) for d, e, s in self.steps_of_full_tile() if d in RELEVANT[WEIGHTS])
        bits = (*bits_of(self.machine)[:2], self.machine.partial_sum_bits)[operand]
        changes = len({self.key(operand, tile) for tile in tiles}) > 1
        twice = changes and memory.double_buffered and operand not in memory.streams
        return ceil(words * bits / 8) * (2 if twice else 1)

    def unfinished(self) -> int:
        """The most outputs of which sums are begun and not complete."""
        visits, begun, most = Counter(self.key(OUTPUTS, tile) for tile in self.tiles), {}, 0
        for tile in self.tiles:
            key = self.key(OUTPUTS, tile)
            begun[key] = prod(len(tile[d]) for d in RELEVANT[OUTPUTS])
            most = max(most, sum(begun.values()))
            visits[key] -= 1
            if not visits[key]:
                del begun[key]
        return most

    def steps_of_full_tile(self):
        """Each dimension, its extent in a full tile and what a step takes of it."""
        extents = map(len, self.array.indices([range(extent) for extent in self.mapping.tile]))
        return zip(Dim, extents, self.array.step, strict=True)

    def taken_once(self) -> bool:
        """Whether the array takes every weight of a tile a single time."""
        array = self.array
        return all(array.trips[d] == 1 for d in array.reloads[WEIGHTS] if d not in RELEVANT[WEIGHTS])
