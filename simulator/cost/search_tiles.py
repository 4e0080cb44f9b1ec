"""Search the tiles of a layer for one spatial mapping: every extent of a list and every loop order that matters.

The number of tiles a dimension is cut into is chosen from lists that depend on the layer alone, so what a smaller
buffer, array or bandwidth can do, a larger one can too. A candidate is evaluated only if lower bounds on its objective
(MAC or array cycles, DRAM traffic) do not rule it out.
"""

from typing import NamedTuple

import numpy as np

from simulator.cost.array import tile_cycles, tile_words
from simulator.cost.bounds import counted_no_better, cycles_bound, may_fit, no_better
from simulator.cost.case import (
    ONE,
    OUTPUTS,
    UNLIMITED,
    ZERO,
    Best,
    C,
    Case,
    Floats,
    Ints,
    K,
    N,
    P,
    Q,
    R,
    Record,
    S,
    Scratch,
)
from simulator.cost.crossing import Crossing, counted_crossing, least_crossing, least_ends
from simulator.cost.energy import dram_bytes, layer_energy
from simulator.cost.evaluate import play
from simulator.cost.geometry import ceil_div, clipped, tile_box
from simulator.cost.jit import jit
from simulator.cost.macs import floor_macs, mac_bound, mac_tables
from simulator.cost.objectives import (
    BY_CYCLES,
    BY_CYCLES_PLUS_DMA,
    BY_ENERGY_DELAY,
    CYCLES_KEY,
    ENERGY_KEY,
    KEYS,
    OBJECTIVE_KEY,
    better,
    set_keys,
)
from simulator.cost.reuse import set_reuse
from simulator.cost.tiles import FIRST, fits, set_loops, start_tiles
from simulator.cost.variants import count_variants


class Choices(NamedTuple):
    """What to try: tile extents [8, *] with how many there are [8], largest first; DRAM orders [6, 8], of which row m
    of `tries` [8, 6] lists those that differ when the groups of dimensions in mask m are tiled (-1 ends it). Tiles that
    have neither whole rows nor the fewest are longer than wide, or wider than long, by `elongation` at most.
    """

    extents: Ints
    counts: Ints
    orders: Ints
    tries: Ints
    elongation: int


NOTHING = Crossing(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)


class TileBound(NamedTuple):
    """Input rows times columns that all tiles load, MAC cycles at least, and room for the keys of these."""

    window: int
    macs: int
    keys: Floats


@jit
def axis_tables(machine: Record, layer: Record, choices: Ints, counts: Ints, table: Ints) -> None:
    """Input rows (axis 0) and columns (1) that all tiles together load once each.

    `table` [2, *, *] is indexed by axis, choice of output extent (P or Q), choice of filter extent (R or S).
    """
    for axis in range(2):
        pixel, tap = P + axis, R + axis
        for i in range(counts[pixel]):
            for j in range(counts[tap]):
                table[axis, i, j] = axis_total(machine, layer, axis, choices[pixel, i], choices[tap, j])


@jit
def axis_total(machine: Record, layer: Record, axis: int, pixels: int, taps: int) -> int:
    """Input rows (or columns) of all tiles of so many outputs and filter taps along the axis.

    Full tiles that lie within the map load as many each; only those that reach into the padding are looked at one by
    one, and the last.
    """
    total, pixel, tap, size = 0, layer.bounds[P + axis], layer.bounds[R + axis], layer.input_size[axis]
    stride, dilation = layer.stride[axis], layer.dilation[axis]
    step, full, tiles = pixels * stride, pixel // pixels, ceil_div(pixel, pixels)
    for b in range(0, tap, taps):
        begin, own_taps = b * dilation - layer.pad[axis], min(taps, tap - b)
        length = tile_box(min(pixels, pixel), own_taps, stride, dilation, machine.whole_rows)
        first = min(full, ceil_div(max(0, -begin), step))
        after = max(first, min(full, (size - length - begin) // step + 1))
        total += (after - first) * length
        for i in range(first):
            total += clipped(begin + i * step, length, size)
        for i in range(after, tiles):
            length = tile_box(min(pixels, pixel - i * pixels), own_taps, stride, dilation, machine.whole_rows)
            total += clipped(begin + i * step, length, size)
    return total


@jit
def next_choice(pick: Ints, choices: Choices, last: int) -> bool:
    """Advance the mixed-radix number of tile choices at dimension `last`, with the first of those after it; False after
    the last number.
    """
    extents, counts = choices.extents, choices.counts
    for d in range(last + 1, 8):
        pick[d] = 0
    while True:
        d = last
        while d >= 0:
            pick[d] += 1
            if pick[d] < counts[d]:
                break
            pick[d] = 0
            d -= 1
        if d < 0:
            return False
        rows, columns = extents[P, pick[P]], extents[Q, pick[Q]]
        if pick[Q] == 0 or pick[P] == counts[P] - 1:
            return True
        if rows <= choices.elongation * columns and columns <= choices.elongation * rows:
            return True
        last = INNERMOST


INNERMOST = np.int64(S)
"""The last dimension; no literal, for which a callee would be compiled anew."""


@jit
def least_factors(factors: Ints, counts: Ints) -> Ints:
    """Products of the least factors of MAC cycles of the dimensions after each."""
    rest = np.ones(8, np.int64)
    for d in range(6, -1, -1):
        rest[d] = rest[d + 1] * factors[d + 1, : counts[d + 1]].min()
    return rest


@jit
def outermost_hopeless(factors: Ints, rest: Ints, pick: Ints, hopeless: int) -> int:
    """The outermost dimension such that what is picked up to it takes `hopeless` MAC steps or more, however those after
    it are picked; 8 if not even all together do.
    """
    steps = 1
    for d in range(8):
        steps *= factors[d, pick[d]]
        if steps * rest[d] >= hopeless:
            return d
    return 8


@jit
def mac_steps(factors: Ints, pick: Ints) -> int:
    """Product of the factors of MAC cycles of the picked tiles."""
    steps = 1
    for d in range(8):
        steps *= factors[d, pick[d]]
    return steps


@jit
def tiled_groups(tiles: Record) -> int:
    """Which groups of loops are tiled: 1 pixels (N, P, Q), 2 filters (K), 4 reduction (C, R, S)."""
    mask = 0
    if tiles.trips[N] > 1 or tiles.trips[P] > 1 or tiles.trips[Q] > 1:
        mask |= 1
    if tiles.trips[K] > 1:
        mask |= 2
    if tiles.trips[C] > 1 or tiles.trips[R] > 1 or tiles.trips[S] > 1:
        mask |= 4
    return mask


@jit
def judge(
    case: Case, scratch: Scratch, spatial: Ints, rows: Ints, arrays: Ints, registers: Ints, figures: Ints
) -> None:
    """Write what the array makes of the layer as one tile into `figures` [*, FIGURES]: its cycles, words at its
    networks, and the cycles that the MACs of all tiles take at least, however the layer is cut.

    Spatial mapping i is `spatial[i]`, `rows[i]`, `arrays[i]`, `registers[i]` [*, 8].
    """
    machine, mapping = case.machine, case.mapping
    for d in range(8):
        mapping.tile[d] = case.layer.bounds[d]
    start_tiles(machine, case.layer, mapping, scratch.tiles)
    out = scratch.variants[FIRST]  # `spare` holds the words of one of several arrays
    for i in range(len(spatial)):
        for d in range(8):
            mapping.spatial[d], mapping.rows[d] = spatial[i, d], rows[i, d]
            mapping.arrays[d], mapping.registers[d] = arrays[i, d], registers[i, d]
        set_reuse(machine, mapping, scratch.reuse)
        tile_words(machine, case.layer, mapping, scratch.tiles.extent, scratch, out)
        tile_cycles(machine, scratch.reuse, ONE, out)
        words = 2 * out.crossed[machine.array_level[OUTPUTS], OUTPUTS]
        for operand in range(OUTPUTS):
            words += out.crossed[machine.array_level[operand], operand]
        figures[i, CYCLES_COLUMN], figures[i, WORDS_COLUMN] = out.array_cycles, words
        figures[i, FLOOR_COLUMN] = floor_macs(machine, case.layer, mapping, case.layer.bounds)


CYCLES_COLUMN, WORDS_COLUMN, FLOOR_COLUMN = range(3)
FIGURES = 3
"""Columns of the figures by which spatial mappings are judged, and how many there are."""


@jit
def keep_better(mapping: Record, keys: Floats, best: Best) -> None:
    """Make this mapping the best if it is."""
    if better(keys, best.keys):
        for k in range(KEYS):
            best.keys[k] = keys[k]
        for d in range(8):
            best.mapping.tile[d], best.mapping.dram_order[d] = mapping.tile[d], mapping.dram_order[d]


@jit
def set_order(case: Case, scratch: Scratch, order: Ints) -> None:
    """Give the mapping of a layer that is cut into tiles a DRAM order, and stand at its first tile."""
    for d in range(8):
        case.mapping.dram_order[d] = order[d]
    set_loops(case.machine, case.layer, case.mapping, scratch.tiles)


@jit
def longest(objective: int, most_cycles: float, keys: Floats, best: Best) -> float:
    """Cycles beyond which a mapping of at least these keys is no better than the best, or than `most_cycles` allow."""
    if objective == BY_CYCLES:
        return min(most_cycles, best.keys[OBJECTIVE_KEY])
    if objective == BY_CYCLES_PLUS_DMA:
        return min(most_cycles, best.keys[OBJECTIVE_KEY] - (keys[OBJECTIVE_KEY] - keys[CYCLES_KEY]))
    if objective == BY_ENERGY_DELAY:
        return min(most_cycles, best.keys[OBJECTIVE_KEY] / keys[ENERGY_KEY] * ROUNDING)
    return most_cycles


ROUNDING = 1 + 1e-12
"""More than a quotient can be off by."""


@jit
def attempt(case: Case, scratch: Scratch, objective: int, most_cycles: float, keys: Floats, best: Best) -> None:
    """Play a mapping whose edge variants are counted, and make it the best if it is; `keys` are those at least."""
    if not play(case, scratch, longest(objective, most_cycles, keys, best)):
        return
    totals = scratch.totals
    pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
    set_keys(objective, totals.cycles, pj, dram_bytes(totals), totals.dma_cycles, keys)
    if totals.cycles <= most_cycles:
        keep_better(case.mapping, keys, best)


@jit
def try_orders(
    case: Case, scratch: Scratch, objective: int, most_cycles: float, bound: TileBound, choices: Choices, best: Best
) -> int:
    """Try the DRAM orders of the tile in `case` that differ, at the first; return how many mappings were played.

    What the array takes is the same in all of them, and counted only if the port may be fast enough.
    """
    machine, layer, tiles, keys = case.machine, case.layer, scratch.tiles, bound.keys
    played, counted, ends = 0, False, least_ends(case, scratch)
    for order in choices.tries[tiled_groups(tiles)]:
        if order < 0:
            break
        set_order(case, scratch, choices.orders[order])
        crossing = least_crossing(case, scratch, bound.window, ends)
        if no_better(case, cycles_bound(case, crossing, bound.macs), crossing, objective, keys, best.keys):
            continue
        if not counted or layer.resident[OUTPUTS]:
            set_reuse(machine, case.mapping, scratch.reuse)
            if not fits(tiles, machine, layer, case.mapping, scratch.reuse):
                if layer.resident[OUTPUTS]:
                    continue  # what outputs that stay take hangs on how many sums are unfinished, and so on the order
                break
        if not counted:
            count_variants(case, scratch)
            counted = True
        crossing = counted_crossing(case, scratch)
        array = bound.macs if machine.overlapped else scratch.totals.array_cycles
        cycles = cycles_bound(case, crossing, array)
        if cycles > most_cycles or counted_no_better(case, scratch, cycles, crossing.dma, objective, keys, best.keys):
            continue
        attempt(case, scratch, objective, most_cycles, keys, best)
        played += 1
    return played


@jit
def search_tiles(case: Case, scratch: Scratch, objective: int, most_cycles: float, choices: Choices, best: Best) -> int:
    """Try all tiles and DRAM orders for the spatial mapping in `case`; improve `best`; return how many were evaluated.

    What cannot be better than the best, or takes more than `most_cycles`, is left out; with it, unless lowered (where
    MAC cycles are no product over dimensions), all tiles of as many MAC steps. It ends before when the work that it may
    do is done.
    """
    machine, layer, mapping = case.machine, case.layer, case.mapping
    extents, counts = choices.extents, choices.counts
    table = np.empty((2, max(counts[P], counts[Q]), max(counts[R], counts[S])), np.int64)
    factors = np.empty(extents.shape, np.int64)
    rows, columns = table
    axis_tables(machine, layer, extents, counts, table)
    mac_tables(machine, layer, mapping, extents, counts, factors)
    rest, hopeless = least_factors(factors, counts), UNLIMITED
    pick, keys = np.zeros(8, np.int64), np.empty(KEYS)
    evaluated, going = 0, True
    set_loops(machine, layer, mapping, scratch.tiles)  # tells what is there whole
    while going and scratch.work.left > 0:
        scratch.work.left -= 1
        last = outermost_hopeless(factors, rest, pick, hopeless)
        if last <= INNERMOST:
            going = next_choice(pick, choices, last)
            continue
        for d in range(8):
            mapping.tile[d] = extents[d, pick[d]]
        window = rows[pick[P], pick[R]] * columns[pick[Q], pick[S]]
        steps, macs = mac_steps(factors, pick), mac_bound(machine, layer, mapping, factors, pick)
        going = next_choice(pick, choices, INNERMOST)
        if macs > most_cycles or no_better(case, macs, NOTHING, objective, keys, best.keys):
            if not mapping.lowered:
                hopeless = min(hopeless, steps)
            continue
        if may_fit(machine, layer, scratch.tiles.whole, mapping.tile, ONE):
            start_tiles(machine, layer, mapping, scratch.tiles)
            bound = TileBound(window, macs, keys)
            evaluated += try_orders(case, scratch, objective, most_cycles, bound, choices, best)
    return evaluated
