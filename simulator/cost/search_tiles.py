"""Search the mappings of one layer under one dataflow: every tile and loop order, for the best placements on the array.

The number of tiles a dimension is cut into is chosen from lists that depend on the layer alone, so what a smaller
buffer, array or bandwidth can do, a larger one can too. A candidate is evaluated only if lower bounds on its objective
(MAC or array cycles, DRAM traffic) do not rule it out.
"""

from typing import TypeAlias

import numpy as np

from simulator.cost.array import ARRAY_CYCLES, BUS_INPUTS, BUS_OUTPUTS, BUS_WEIGHTS, set_program
from simulator.cost.bounds import mac_bound, mac_tables, no_better, promising
from simulator.cost.case import C, Floats, Ints, K, N, P, Q, R, Record, S
from simulator.cost.energy import PARTS, energy_parts
from simulator.cost.evaluate import CYCLES, DMA_CYCLES, DRAM_INPUTS, DRAM_OUTPUTS_WRITTEN, evaluate, new_kind
from simulator.cost.geometry import clipped_box
from simulator.cost.jit import jit
from simulator.cost.objectives import KEYS, better, set_keys
from simulator.cost.tiles import fits, start_walk

Scratch: TypeAlias = tuple[Record, Record, Ints, Ints, Ints]
"""What `evaluate` writes into: program, walk, state, kinds, totals."""


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
    """Input rows (or columns) of all tiles of so many outputs and filter taps along the axis."""
    total, pixel, tap = 0, layer.bounds[P + axis], layer.bounds[R + axis]
    for a in range(0, pixel, pixels):
        for b in range(0, tap, taps):
            total += clipped_box(
                a,
                min(pixels, pixel - a),
                b,
                min(taps, tap - b),
                layer.stride[axis],
                layer.dilation[axis],
                layer.pad[axis],
                layer.size[axis],
                machine.whole_rows,
            )
    return total


@jit
def next_choice(pick: Ints, counts: Ints) -> bool:
    """Advance the mixed-radix number of tile choices; False after the last.

    Columns are cut only in tiles of the fewest rows, as a buffer of whole rows would be.
    """
    while True:
        d = 7
        while d >= 0:
            pick[d] += 1
            if pick[d] < counts[d]:
                break
            pick[d] = 0
            d -= 1
        if d < 0:
            return False
        if pick[Q] == 0 or pick[P] == counts[P] - 1:
            return True


@jit
def tiled_groups(walk: Record) -> int:
    """Which groups of loops are tiled: 1 pixels (N, P, Q), 2 filters (K), 4 reduction (C, R, S)."""
    mask = 0
    if walk.tiles[N] > 1 or walk.tiles[P] > 1 or walk.tiles[Q] > 1:
        mask |= 1
    if walk.tiles[K] > 1:
        mask |= 2
    if walk.tiles[C] > 1 or walk.tiles[R] > 1 or walk.tiles[S] > 1:
        mask |= 4
    return mask


@jit
def dram_total(totals: Ints) -> int:
    """Bytes through the DRAM port in either direction."""
    size = 0
    for t in range(DRAM_INPUTS, DRAM_OUTPUTS_WRITTEN + 1):
        size += totals[t]
    return size


@jit
def placements(
    machine: Record,
    layer: Record,
    mapping: Record,
    spatial: Ints,
    registers: Ints,
    program: Record,
    walk: Record,
    kinds: Ints,
    figures: Ints,
) -> None:
    """Write array cycles and buffer accesses, the layer taken as one tile, into `figures` [*, 2].

    Placement i is `spatial[i]`, `registers[i]` [*, 8].
    """
    for d in range(8):
        mapping.tile[d] = layer.bounds[d]
    start_walk(machine, layer, mapping, walk)
    kind = kinds[0]
    for i in range(len(spatial)):
        for d in range(8):
            mapping.spatial[d], mapping.registers[d] = spatial[i, d], registers[i, d]
        set_program(mapping, machine.forwarding, program)
        new_kind(machine, layer, mapping, program, walk, kind)
        figures[i, 0] = kind[ARRAY_CYCLES]
        figures[i, 1] = kind[BUS_INPUTS] + kind[BUS_WEIGHTS] + 2 * kind[BUS_OUTPUTS]


@jit
def all_tiles(walk: Record) -> int:
    """Number of tiles of the walk."""
    n = 1
    for d in range(8):
        n *= walk.tiles[d]
    return n


@jit
def keep_better(mapping: Record, keys: Floats, best: Record, best_keys: Floats) -> None:
    """Make this mapping the best if it is."""
    if better(keys, best_keys):
        for k in range(KEYS):
            best_keys[k] = keys[k]
        for d in range(8):
            best.tile[d], best.dram_order[d] = mapping.tile[d], mapping.dram_order[d]
            best.spatial[d], best.registers[d] = mapping.spatial[d], mapping.registers[d]


@jit
def set_order(machine: Record, layer: Record, mapping: Record, order: Ints, walk: Record) -> None:
    """Give the mapping a DRAM order, and start its walk."""
    for d in range(8):
        mapping.dram_order[d] = order[d]
    start_walk(machine, layer, mapping, walk)


@jit
def attempt(
    machine: Record,
    layer: Record,
    energy: Record,
    objective: int,
    mapping: Record,
    scratch: Scratch,
    parts: Floats,
    keys: Floats,
    best: Record,
    best_keys: Floats,
) -> bool:
    """Evaluate a mapping and make it the best if it is; False if its tiles do not fit."""
    program, walk, state, kinds, totals = scratch
    if not evaluate(machine, layer, mapping, program, walk, state, kinds, totals):
        return False
    pj = energy_parts(energy, totals, parts)
    set_keys(objective, totals[CYCLES], pj, dram_total(totals), totals[DMA_CYCLES], keys)
    keep_better(mapping, keys, best, best_keys)
    return True


@jit
def search_tiles(
    machine: Record,
    layer: Record,
    energy: Record,
    objective: int,
    mapping: Record,
    most_tiles: int,
    choices: Ints,
    counts: Ints,
    orders: Ints,
    tries: Ints,
    scratch: Scratch,
    best: Record,
    best_keys: Floats,
) -> int:
    """Try all tiles and DRAM orders for the placement in `mapping`; improve `best`; return how many were evaluated.

    Mappings of more than `most_tiles` are left out. `choices` [8, *] with `counts` [8] are the extents to try, largest
    first; `orders` [6, 8] the DRAM orders, of which row m of `tries` [8, 6] lists those that differ when the groups in
    mask m are tiled (-1 ends it).
    """
    program, walk, _, kinds, _ = scratch
    most = choices.shape[1]
    table, factors = np.empty((2, most, most), np.int64), np.empty(choices.shape, np.int64)
    axis_tables(machine, layer, choices, counts, table)
    mac_tables(layer, mapping, choices, counts, factors)
    pick, parts, keys = np.zeros(8, np.int64), np.empty(len(PARTS)), np.empty(KEYS)
    evaluated, going = 0, True
    while going:
        for d in range(8):
            mapping.tile[d] = choices[d, pick[d]]
        window = table[0, pick[P], pick[R]] * table[1, pick[Q], pick[S]]
        macs = mac_bound(machine, layer, mapping, factors, pick)
        going = next_choice(pick, counts)
        if no_better(machine, layer, energy, mapping, macs, 0, objective, keys, best_keys):
            continue
        start_walk(machine, layer, mapping, walk)
        set_program(mapping, machine.forwarding, program)
        if all_tiles(walk) > most_tiles or not fits(walk, machine, layer, mapping, program):
            continue
        for order in tries[tiled_groups(walk)]:
            if order < 0:
                break
            set_order(machine, layer, mapping, orders[order], walk)
            if promising(
                machine, layer, energy, mapping, program, walk, window, macs, objective, kinds[0], keys, best_keys
            ):
                evaluated += attempt(machine, layer, energy, objective, mapping, scratch, parts, keys, best, best_keys)
    return evaluated
