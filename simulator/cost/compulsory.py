"""What every mapping of a layer must bring to the array, and the cycles and energy that this takes.

That is each distinct word once, and more where a word serves few MACs at a time.
"""

from collections.abc import Sequence
from functools import cached_property
from math import inf, prod

import numpy as np

from simulator.cost.case import Floats, Ints
from simulator.cost.geometry import distinct
from simulator.cost.spatial import axes_of, most_unrolled
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Dim, LoopNest, Operand, array_bounds, footprint

REUSE = {
    Operand.INPUTS: (Dim.K,),
    Operand.WEIGHTS: (Dim.N, Dim.P, Dim.Q),
    Operand.OUTPUTS: (Dim.C, Dim.R, Dim.S),
}
"""Dimensions that do not index an operand: their bounds are how often a word serves within a step of the array."""


def distinct_words(nest: LoopNest, operand: Operand, lowered: bool = False) -> int:
    """Distinct words of an operand; of inputs, those that windows touch, in the padding too, or the lowered matrix."""
    if operand != Operand.INPUTS:
        return footprint(nest, nest.bounds, operand)
    n, g, _, c, p, q, r, s = nest.bounds
    if lowered:
        return n * g * c * p * q * r * s
    axes = zip((p, q), (r, s), nest.stride, nest.dilation, strict=True)
    rows, columns = (distinct(*axis) for axis in axes)
    return n * g * c * rows * columns


def words_energy(hardware: Hardware, nest: LoopNest, words: Sequence[Sequence[float]]) -> float:
    """Energy of every distinct word going through each memory that keeps it, and over the array's network, once.

    `words` prices a word read or written by level, registers last. What memories in DRAM's place would cost is not in.
    """
    network, energy = len(words) - 2, 0.0
    for operand in Operand:
        levels = [*(b.level for b in hardware.buffers if operand in b.holds), network]
        energy += distinct_words(nest, operand) * sum(words[level][operand] for level in levels)
    return energy


def fills_energy(nest: LoopNest, words: Sequence[Sequence[float]]) -> float:
    """Energy of every distinct input and weight being written into a register once."""
    return sum(distinct_words(nest, o) * words[-1][o] for o in (Operand.INPUTS, Operand.WEIGHTS))


def delivery_cycles(hardware: Hardware, nest: LoopNest, lowered: bool) -> int:
    """Cycles that the array's networks and the ports of memories need at least: every word crosses once.

    What fills second registers may hide behind the steps; all else sets the pace, or adds to it.
    """
    array, bits = hardware.array, (hardware.input_bits, hardware.weight_bits)
    words = [distinct_words(nest, operand, lowered) for operand in Operand]
    cycles = [
        words[o] // (array.instances * array.delivery[o].words_per_cycle)
        for o in Operand
        if array.delivery[o].preload != "double_buffered"
    ]
    for buffer in hardware.buffers:
        if buffer.read_bytes_per_cycle:
            reading = sum(words[o] * bits[o] >> 3 for o in buffer.holds if o != Operand.OUTPUTS)
            cycles.append(reading // buffer.read_bytes_per_cycle)
    return max(cycles, default=0)


class ArrayEnergy:
    """What the words between a machine's one memory level and its array cost at least, under a dataflow.

    A step of the array takes each of its words once, and a word serves at most as many of the step's MACs as the bounds
    of the dimensions that do not index it: a word of inputs besides as many taps as there are, since windows may slide.
    The innermost loop that runs indexes all operands but one at most, so all but one come anew at every step. Of the
    registers of PEs the same holds with the bounds of the loops inside a PE.
    """

    def __init__(
        self,
        hardware: Hardware,
        nest: LoopNest,
        words: Sequence[Sequence[float]],
        dataflow: Dataflow,
        most_steps: float = inf,
    ) -> None:
        """`words` prices a word by level and operand; see `words_energy`. A layer has time for so many steps."""
        self.most_steps = most_steps
        self.nest, self.dataflow, self.lowered, self.array = nest, dataflow, dataflow.lowered, hardware.array
        self.memory, self.network, registers = (np.array(level, float) for level in (words[0], words[1], words[2]))
        self.filled = registers * (dataflow.stationary is not None)
        self.macs = float(prod(nest.bounds))
        self.distinct = [float(distinct_words(nest, operand, self.lowered)) for operand in Operand]
        self.extents = list(array_bounds(nest.bounds, self.lowered))
        if dataflow.channel_packing:
            self.extents[Dim.C] *= prod(nest.stride)
        self.known = len(hardware.level_names) == 1 and all(0 in hardware_levels(hardware, o) for o in Operand)

    def of(self, spatial: Ints, registers: Ints) -> Floats:
        """Picojoules of spatial mappings [*, 8], each taken for itself."""
        steps = self.mean(spatial * registers, np.array(self.extents))
        uses = {o: steps[:, REUSE[o]].prod(axis=1) * self.taps(o) for o in Operand}
        inside = {o: registers[:, REUSE[o]].prod(axis=1, dtype=float) * self.taps(o) for o in Operand}
        return self.energy(uses, inside)

    @cached_property
    def of_any(self) -> float:
        """The least picojoules of all spatial mappings, however they unroll, and whatever they hold in registers.

        Infinite if each takes too many steps.
        """
        if not self.known:
            return 0.0
        spatial = most_unrolled(axes_of(self.dataflow, self.array), tuple(self.extents))
        spatial = spatial[(-(-np.array(self.extents) // spatial)).prod(axis=1) <= self.most_steps]
        if len(spatial) == 0:
            return inf
        held, uses = self.most_held(), {}
        for o in Operand:
            whole = prod(self.extents[d] for d in REUSE[o])
            own = np.outer(spatial[:, REUSE[o]].prod(axis=1), [each[o] for each in held]).ravel()
            uses[o] = self.mean(own, whole) * self.taps(o)
        bounds = {d: self.extents[d] if d in self.dataflow.registers else 1 for d in Dim}
        inside = {o: np.full(len(own), float(prod(bounds[d] for d in REUSE[o])) * self.taps(o)) for o in Operand}
        return float(self.energy(uses, inside).min())

    def most_held(self) -> list[tuple[int, int, int]]:
        """Most elements of each operand's `REUSE` dimensions that loops in a PE may have together.

        The words of the stationary operand fit its registers: where x elements of some of its dimensions and y of its
        others are there, x y <= words. Of every y the most x are told; dimensions that do not index it are whole.
        """
        dims, stationary = self.dataflow.registers, self.dataflow.stationary
        most = [prod(self.extents[d] for d in REUSE[o] if d in dims) for o in Operand]
        if stationary is None or (stationary == Operand.INPUTS and self.array.delivery[stationary].forwarding):
            return [(most[0], most[1], most[2])]
        one, other = (o for o in Operand if o != stationary)
        free = self.tap_loops() if stationary == Operand.INPUTS else 1  # taps do not index what lies under a window
        words, x, found = max(1, self.array.registers_words[stationary]), 1, []
        while x <= min(words, most[one]):
            y = words // x
            each = [*most]
            each[one], each[other] = min(words // y, most[one]), min(y * free, most[other])
            found.append((each[0], each[1], each[2]))
            x = words // y + 1
        return found

    def tap_loops(self) -> int:
        """Filter taps that loops in a PE may go over."""
        return prod(self.extents[d] for d in (Dim.R, Dim.S) if d in self.dataflow.registers)

    def mean(self, steps: Ints, whole: Ints | int) -> Floats:
        """Elements that steps of so many have in the mean, at most: B / ceil(B / step) where all steps have B.

        Of packed channels that is not known: as many as a step may have.
        """
        most: Floats = np.minimum(steps, whole).astype(float)
        return most if self.dataflow.channel_packing else whole / np.ceil(whole / most)

    def taps(self, operand: Operand) -> int:
        """Taps that a word serves while windows slide."""
        slides = operand == Operand.INPUTS and not self.lowered
        return self.nest.bounds[Dim.R] * self.nest.bounds[Dim.S] if slides else 1

    def energy(self, uses: dict[Operand, Floats], inside: dict[Operand, Floats]) -> Floats:
        """Picojoules if words serve so many MACs at the array and in a PE at most: all operands but the dearest."""
        anew = {o: np.maximum(self.distinct[o], self.macs / uses[o]) for o in Operand}
        once = {o: self.of_words(o, np.full_like(anew[o], self.distinct[o]), anew[o] * 0) for o in Operand}
        moving = {o: self.of_words(o, anew[o], self.macs / inside[o]) for o in Operand}
        saved = np.max([moving[o] - once[o] for o in Operand], axis=0)
        total: Floats = (sum(moving.values()) - saved) * (1 - ROUNDING)
        return total if self.known else total * 0

    def of_words(self, operand: Operand, crossed: Floats, delivered: Floats) -> Floats:
        """Picojoules of an operand's words: at the memory, and in the network and registers of all PEs that they reach.

        Partial sums come back, but for the first time.
        """
        reached = np.maximum(crossed, delivered)
        energy: Floats = crossed * self.memory[operand] + reached * self.network[operand]
        if operand == Operand.OUTPUTS:
            energy += (crossed - self.distinct[operand]) * (self.memory[operand] + self.network[operand])
        else:
            energy += reached * self.filled[operand]
        return energy


ROUNDING = 1e-9
"""More than sums of products of floats are off by."""


def hardware_levels(hardware: Hardware, operand: Operand) -> set[int]:
    """Levels outside the PEs that hold an operand."""
    return {buffer.level for buffer in hardware.buffers if operand in buffer.holds and not buffer.in_pe}
