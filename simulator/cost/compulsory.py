"""What every mapping of a layer must bring to the array: each distinct word once. Cycles and energy that this takes."""

from collections.abc import Sequence

from simulator.cost.geometry import distinct
from simulator.hardware.model import Hardware
from simulator.nest import LoopNest, Operand, footprint


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
