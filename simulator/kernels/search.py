"""Search the mappings of one layer under one dataflow: every tile and loop order, for the best placements on the array.

The number of tiles a dimension is cut into is chosen from lists that depend on the layer alone, so what a smaller
buffer, array or bandwidth can do, a larger one can too. A candidate is evaluated only if a lower bound on its objective
(MAC cycles, DRAM traffic) does not rule it out.
"""

from typing import TypeAlias

import numpy as np

from simulator.kernels.energy import PARTS, energy_parts, register_energy
from simulator.kernels.evaluate import (
    CYCLES,
    DMA_CYCLES,
    DRAM_INPUTS,
    DRAM_OUTPUTS_WRITTEN,
    evaluate,
    executed_macs,
    new_kind,
)
from simulator.kernels.geometry import ceil_div, clipped_box
from simulator.kernels.jit import jit
from simulator.kernels.objectives import KEYS, better, port_floor, set_keys
from simulator.kernels.params import (
    FIXED_POINT_BITS,
    INPUTS,
    OUTPUTS,
    SUM_BITS,
    WEIGHTS,
    C,
    Floats,
    G,
    Ints,
    K,
    N,
    P,
    Q,
    R,
    Record,
    S,
)
from simulator.kernels.steps import (
    ARRAY_CYCLES,
    BUS_INPUTS,
    BUS_OUTPUTS,
    BUS_WEIGHTS,
    MAC_CYCLES,
    array_extents,
    operand_words,
    packed_taps,
    set_program,
)
from simulator.kernels.walk import fits, loaded_inputs, start_walk

Scratch: TypeAlias = tuple[Record, Record, Ints, Ints, Ints]
"""What `evaluate` writes into: program, walk, state, kinds, totals."""


@jit
def axis_tables(machine: Record, layer: Record, choices: Ints, counts: Ints, table: Ints) -> None:
    """For each choice of tile height and width, the input rows and columns that all tiles together load."""
    for axis in range(2):
        pixel, tap = P + axis, R + axis
        for choice in range(counts[pixel]):
            tile = choices[pixel, choice]
            total = 0
            for start in range(0, layer.bounds[pixel], tile):
                extent = min(tile, layer.bounds[pixel] - start)
                total += clipped_box(
                    start,
                    extent,
                    0,
                    layer.bounds[tap],
                    layer.stride[axis],
                    layer.dilation[axis],
                    layer.pad[axis],
                    layer.size[axis],
                    machine.whole_rows,
                )
            table[axis, choice] = total


@jit
def mac_tables(layer: Record, mapping: Record, choices: Ints, counts: Ints, table: Ints) -> None:
    """For each choice of tile extent, the dimension's factor of the MAC cycles of all tiles (see `mac_cycles`)."""
    for d in range(8):
        registers, step = mapping.registers[d], mapping.spatial[d] * mapping.registers[d]
        packed = packed_taps(layer, mapping) if d == C else 1
        for choice in range(counts[d]):
            tile = choices[d, choice]
            full = layer.bounds[d] // tile
            table[d, choice] = full * turns_of_fullest(tile * packed, step, registers)
            if layer.bounds[d] > full * tile:
                table[d, choice] += turns_of_fullest((layer.bounds[d] - full * tile) * packed, step, registers)


@jit
def turns_of_fullest(extent: int, step: int, registers: int) -> int:
    """Loop turns of the fullest PE over an extent: sum of min(registers, rest) over the array's steps."""
    full = extent // step
    return full * registers + min(registers, extent - full * step)


@jit
def turns_outside(walk: Record, operand: int, a: int, b: int, c: int) -> int:
    """Product of the tiles of dimensions a, b and c whose loops lie outside the operand's depth."""
    times = 1
    for j in range(walk.depth[operand] + 1):
        d = walk.order[j]
        if d in (a, b, c):
            times *= walk.tiles[d]
    return times


@jit
def traffic_bound(machine: Record, layer: Record, walk: Record, window: int) -> int:
    """Bytes that must cross the DRAM port; `window` is the product of input rows and columns over all tiles."""
    b = layer.bounds
    size = 0
    if not layer.resident[INPUTS]:
        words = b[N] * b[G] * b[C] * window * turns_outside(walk, INPUTS, K, K, K)
        size += ((words * machine.bits[INPUTS]) >> 3) * layer.compression[INPUTS] >> FIXED_POINT_BITS
    words = b[G] * b[K] * b[C] * b[R] * b[S] * turns_outside(walk, WEIGHTS, N, P, Q)
    size += ((words * machine.bits[WEIGHTS]) >> 3) * layer.compression[WEIGHTS] >> FIXED_POINT_BITS
    if not layer.resident[OUTPUTS]:
        words = b[N] * b[G] * b[K] * b[P] * b[Q]
        size += ((words * machine.bits[OUTPUTS]) >> 3) * layer.compression[OUTPUTS] >> FIXED_POINT_BITS
        spills = turns_outside(walk, OUTPUTS, C, R, S) - 1
        size += 2 * spills * ((words * machine.bits[SUM_BITS]) >> 3)
    return size


@jit
def first_load(machine: Record, layer: Record, tile: Ints, walk: Record) -> int:
    """Bytes, not counting bursts, that the first tile must load before its compute starts."""
    size = 0
    if not layer.resident[INPUTS]:
        words = loaded_inputs(walk, machine, layer, tile)
        size += ((words * machine.bits[INPUTS]) >> 3) * layer.compression[INPUTS] >> FIXED_POINT_BITS
    words = operand_words(tile, WEIGHTS)
    return size + (((words * machine.bits[WEIGHTS]) >> 3) * layer.compression[WEIGHTS] >> FIXED_POINT_BITS)


@jit
def store_bytes(machine: Record, layer: Record, extents: Ints) -> int:
    """Bytes, not counting bursts, that a tile of such extents stores after its compute."""
    if layer.resident[OUTPUTS]:
        return 0
    words = operand_words(extents, OUTPUTS)
    return ((words * machine.bits[OUTPUTS]) >> 3) * layer.compression[OUTPUTS] >> FIXED_POINT_BITS


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
    """Figures of each placement `spatial[i]`, `registers[i]` [*, 8], the layer taken as one tile.

    Writes array cycles, those that no cutting into tiles can save, and buffer accesses into `figures` [*, 3]. Tiles
    may save deliveries, as their order is a loop order too, but not where registers keep nothing. Where a step has a
    least length, two even steps may be shorter than a full one and a short one.
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
        figures[i, 1] = kind[MAC_CYCLES] if mapping.retains else kind[ARRAY_CYCLES]
        if machine.step_cycles > 1:
            figures[i, 1] = floor_macs(machine, layer, mapping, layer.bounds)
        figures[i, 2] = kind[BUS_INPUTS] + kind[BUS_WEIGHTS] + 2 * kind[BUS_OUTPUTS]


@jit
def floor_macs(machine: Record, layer: Record, mapping: Record, extents: Ints) -> int:
    """MAC cycles that a tile needs at least, however it is cut further: those of its MACs, or of its steps."""
    y = np.empty(8, np.int64)
    array_extents(extents, mapping.lowered, y)
    cycles, steps, packed = 1, 1, packed_taps(layer, mapping)
    y[C] *= packed
    for d in range(8):
        step = mapping.spatial[d] * mapping.registers[d]
        cycles *= turns_of_fullest(y[d], step, mapping.registers[d])
        steps *= ceil_div(y[d], step)
    if mapping.skips:
        cycles = cycles * layer.skip >> FIXED_POINT_BITS
    cycles = cycles // (machine.macs_per_cycle * packed)
    return max(cycles, steps * machine.step_cycles) if machine.step_cycles > 1 else cycles


@jit
def ruled_out(
    machine: Record,
    layer: Record,
    energy: Record,
    mapping: Record,
    walk: Record,
    window: int,
    mac_cycles: int,
    objective: int,
    keys: Floats,
    best_keys: Floats,
) -> bool:
    """Tell whether even a lower bound of this mapping's keys is no better than the best found.

    Whatever crosses the port crosses it one after the other, after the first latency. No compute starts before the
    first tile is loaded; all loads, and all stores but those of the last tiles, precede the last compute; the last
    store follows it.
    """
    tile = mapping.tile
    size = traffic_bound(machine, layer, walk, window)
    last = store_bytes(machine, layer, walk.last)
    before_last = size - machine.out_slots * store_bytes(machine, layer, tile)
    last_macs = floor_macs(machine, layer, mapping, walk.last)
    cycles = max(mac_cycles, port_floor(machine, size))
    if not machine.overlapped:
        cycles = max(
            mac_cycles + port_floor(machine, first_load(machine, layer, tile, walk) + last),
            last_macs + port_floor(machine, before_last) + port_floor(machine, last),
            cycles,
        )
        if machine.dram_numerator > 0:
            cycles += machine.latency_cycles
    pj = register_energy(executed_macs(layer, mapping), mapping.retains, energy) + size * energy.dram_pj_per_byte
    pj += cycles * energy.leakage_pj_per_cycle
    set_keys(objective, cycles, pj, size, port_floor(machine, size), keys)
    return not better(keys, best_keys)


@jit
def mac_bound(machine: Record, layer: Record, mapping: Record, factors: Ints, pick: Ints, least: int) -> int:
    """MAC cycles that the picked tiles take at least, `least` or more; where lowered, those of the full tiles."""
    cycles = 1
    if mapping.lowered:
        for d in range(8):
            cycles *= layer.bounds[d] // mapping.tile[d]
        return max(least, cycles * floor_macs(machine, layer, mapping, mapping.tile))
    for d in range(8):
        cycles *= factors[d, pick[d]]
    if mapping.skips:
        cycles = cycles * layer.skip >> FIXED_POINT_BITS
    return max(least, cycles // (machine.macs_per_cycle * packed_taps(layer, mapping)))


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
def search_tiles(
    machine: Record,
    layer: Record,
    energy: Record,
    objective: int,
    mapping: Record,
    mac_cycles: int,
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

    `mac_cycles` are the placement's at best; mappings of more than `most_tiles` are left out. `choices` [8, *] with
    `counts` [8] are the extents to try, largest first; `orders` [6, 8] the DRAM orders, of which row m of `tries`
    [8, 6] lists those that differ when the groups in mask m are tiled (-1 ends it).
    """
    program, walk, state, kinds, totals = scratch
    table, factors = np.empty((2, choices.shape[1]), np.int64), np.empty(choices.shape, np.int64)
    axis_tables(machine, layer, choices, counts, table)
    mac_tables(layer, mapping, choices, counts, factors)
    pick, parts, keys = np.zeros(8, np.int64), np.empty(len(PARTS)), np.empty(KEYS)
    evaluated, going = 0, True
    while going:
        for d in range(8):
            mapping.tile[d] = choices[d, pick[d]]
        window = table[0, pick[P]] * table[1, pick[Q]]
        macs = mac_bound(machine, layer, mapping, factors, pick, mac_cycles)
        going = next_choice(pick, counts)
        start_walk(machine, layer, mapping, walk)
        set_program(mapping, machine.forwarding, program)
        if all_tiles(walk) > most_tiles or not fits(walk, machine, layer, mapping, program):
            continue
        for order in tries[tiled_groups(walk)]:
            if order < 0:
                break
            set_order(machine, layer, mapping, orders[order], walk)
            if not ruled_out(
                machine, layer, energy, mapping, walk, window, macs, objective, keys, best_keys
            ) and evaluate(machine, layer, mapping, program, walk, state, kinds, totals):
                evaluated += 1
                pj = energy_parts(energy, totals, parts)
                set_keys(objective, totals[CYCLES], pj, dram_total(totals), totals[DMA_CYCLES], keys)
                keep_better(mapping, keys, best, best_keys)
    return evaluated
