"""Bytes that each memory must hold at once, from the words that lie in it in a walk of the tiles."""

from collections import Counter
from fractions import Fraction
from math import ceil, prod

from simulator.cost.case import SUM_BITS
from simulator.nest import REDUCTION, Dim, Operand
from tests.oracle.naive import COLUMNS, OUTERMOST, ROWS, box, part_of, plain, tiles_of, whole_tensors, words_in
from tests.oracle.naive_array import (
    axes_of,
    destinations,
    indices_of,
    iterations,
    own_block,
    schedule_of,
    steps_by,
    words_of,
)

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand


def memory_demands(machine, layer, mapping):
    """Bytes that each memory must hold of tiles at once, resident and whole tensors apart."""
    machine, layer, mapping = map(plain, (machine, layer, mapping))
    tiles = list(tiles_of(layer, mapping))
    demands = [0] * machine.memories
    for memory, level in enumerate(machine.level_of[: machine.memories]):
        double = 2 if machine.double_buffered[memory] else 1
        for operand in Operand:
            if machine.memory_of[level][operand] != memory:
                continue
            resident = level == OUTERMOST and layer.resident[operand]
            if resident and operand is OUTPUTS:
                demands[memory] += ceil(Fraction(unfinished(tiles, layer) * machine.bits[SUM_BITS], 8))
            if not resident and not (level == OUTERMOST and operand in whole_tensors(machine, layer)):
                words, twice = held(tiles, operand, level, machine, layer, mapping)
                bits = machine.bits[SUM_BITS if operand is OUTPUTS else operand]
                demands[memory] += ceil(Fraction(words * bits, 8)) * (double if twice else 1)
            if operand is WEIGHTS and level == OUTERMOST:
                demands[memory] += ceil(Fraction(layer.parameters * machine.bits[WEIGHTS], 8))
            if operand is OUTPUTS and level == OUTERMOST:
                size = ceil(Fraction(words_in(tiles[0], OUTPUTS) * machine.bits[OUTPUTS], 8))
                demands[memory] += layer.residuals * size * double
    return demands


def unfinished(tiles, layer):
    """The most outputs that are begun and not complete at one time."""
    reductions, seen, begun, most = prod(layer.bounds[d] for d in REDUCTION), Counter(), 0, 0
    for tile in tiles:
        outputs, size = part_of(tile, OUTPUTS), words_in(tile, OUTPUTS)
        begun += 0 if seen[outputs] else size
        seen[outputs] += prod(len(tile[d]) for d in REDUCTION)
        most = max(most, begun)
        begun -= size if seen[outputs] == reductions else 0
    return most


def held(tiles, operand, level, machine, layer, mapping):
    """Words of an operand that lie in one memory of a level together, and whether others take their place."""
    again = machine.reloads and operand is not OUTPUTS and len(tiles) > 1
    parts = {part_of(tile, operand) for tile in tiles}
    if level == OUTERMOST:
        twice = not machine.streams[operand] and (again or len(parts) > 1)
        return held_outermost(tiles[0], operand, machine, layer, mapping), twice
    blocks = [block for _, block in blocks_of(tiles[0], level, machine, mapping)]
    inside = {tuple(tuple(part) for part in indices_of(operand, block)) for block in blocks}
    twice = again or len(parts) > 1 or len(inside) > 1
    return words_in_box(blocks[0], operand, layer, mapping.lowered), twice


def blocks_of(tile, to, machine, mapping):
    """Every block that a destination holds of a tile, and how far the loops are; in the PEs, those of the first PE."""
    schedule, sizes, own = schedule_of(tile, machine, mapping), steps_by(machine, mapping), own_block(machine, mapping)

    def within(level, parts, counters):
        if level == to:
            yield counters, [parts[d][0] for d in Dim]
            return
        for advanced, inside in iterations(parts, schedule.loops[level], sizes[level]):
            if level == machine.chip_levels - 1:
                inside = {d: [inside[d][0][: own[d]]] for d in Dim}
            yield from within(level + 1, inside, (*counters, *advanced))

    return within(0, {d: [indices] for d, indices in axes_of(tile, mapping.lowered).items()}, ())


def words_in_box(block, operand, layer, lowered):
    """Words of a block; of windows of inputs, the box around them."""
    if operand is not INPUTS or lowered:
        return len(words_of(operand, block, layer, lowered))
    rows, columns = (len(box(block, axis, layer)) for axis in (ROWS, COLUMNS))
    return len(block[N]) * len(block[G]) * len(block[C]) * rows * columns


def held_outermost(tile, operand, machine, layer, mapping):
    """Words of a tile that lie in the outermost level together; of weights that leave it once, those of one fill."""
    if operand is WEIGHTS and machine.streams[WEIGHTS]:
        to = destinations(machine, WEIGHTS)[0]
        fills = weight_fills(tile, to, machine, layer, mapping)
        if max(Counter(word for fill in fills for word in fill).values()) == 1:
            return len(first_words(tile, min(to, machine.chip_levels), machine, layer, mapping))
    return words_in_box(tile, operand, layer, lowered=False) if operand is INPUTS else words_in(tile, operand)


def weight_fills(tile, to, machine, layer, mapping):
    """The weights of every fill of a destination; in the PEs, of the first one's."""
    replacing, fills, there = schedule_of(tile, machine, mapping).replacing[to, WEIGHTS], [], None
    for counters, work in blocks_of(tile, to, machine, mapping):
        if there != (there := counters[:replacing]):
            fills.append(words_of(WEIGHTS, work, layer, mapping.lowered))
    return fills


def first_words(tile, level, machine, layer, mapping):
    """The weights of the first tile of a level, or of the first step of the array after the last level outside it."""
    parts = {d: [indices] for d, indices in axes_of(tile, mapping.lowered).items()}
    for sizes in steps_by(machine, mapping)[:level]:
        parts = {d: [parts[d][0][: sizes[d]]] for d in Dim}
    return words_of(WEIGHTS, [parts[d][0] for d in Dim], layer, mapping.lowered)
