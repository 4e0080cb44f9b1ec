"""What a mapping takes at least: cycles, DRAM traffic and so the keys of its objective, without playing its tiles."""

import numpy as np

from simulator.cost.array import packed_taps, tile_cycles, tile_words
from simulator.cost.case import (
    FIXED_POINT_BITS,
    INPUTS,
    NONE,
    ONE,
    OUTERMOST,
    OUTPUTS,
    RELEVANT,
    SUM_BITS,
    WEIGHTS,
    C,
    Case,
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
    Scratch,
)
from simulator.cost.energy import executed_macs, mac_energy
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit, jit_inside
from simulator.cost.objectives import better, port_floor, set_keys
from simulator.cost.reuse import array_extents, operand_words
from simulator.cost.tiles import loaded_inputs, tile_footprint

ANY_VARIANT = 0
"""Position of a variant that bounds may write into: no tile has it while none is played."""


@jit
def pe_extent(machine: Record, mapping: Record, d: int) -> int:
    """What one PE has of a step of the array along a dimension."""
    if machine.levels > machine.chip_levels:
        return mapping.inner_tile[machine.chip_levels, d]
    return mapping.registers[d]


@jit
def mac_tables(machine: Record, layer: Record, mapping: Record, choices: Ints, counts: Ints, table: Ints) -> None:
    """For each choice of tile extent, the dimension's factor of the MAC cycles of all tiles (see `mac_slots`)."""
    for d in range(8):
        own = pe_extent(machine, mapping, d)
        step = mapping.spatial[d] * own
        packed = packed_taps(layer, mapping) if d == C else 1
        for choice in range(counts[d]):
            tile = choices[d, choice]
            full = layer.bounds[d] // tile
            table[d, choice] = full * lead_extent(tile * packed, step, own)
            if layer.bounds[d] > full * tile:
                table[d, choice] += lead_extent((layer.bounds[d] - full * tile) * packed, step, own)


@jit
def lead_extent(extent: int, step: int, own: int) -> int:
    """What the most-loaded PE has of an extent: sum of min(own, rest) over the array's steps.

    Cut once more on the way, into tiles of an inner level, it has no less.
    """
    full = extent // step
    return full * own + min(own, extent - full * step)


@jit
def mac_bound(machine: Record, layer: Record, mapping: Record, factors: Ints, pick: Ints) -> int:
    """MAC cycles that the picked tiles take at least; where lowered, those of the full tiles."""
    cycles = 1
    if mapping.lowered:
        for d in range(8):
            cycles *= layer.bounds[d] // mapping.tile[d]
        return cycles * floor_macs(machine, layer, mapping, mapping.tile)
    for d in range(8):
        cycles *= factors[d, pick[d]]
    if mapping.skips:
        cycles = cycles * layer.skip >> FIXED_POINT_BITS
    return cycles // (machine.macs_per_cycle * packed_taps(layer, mapping))


@jit
def floor_macs(machine: Record, layer: Record, mapping: Record, extents: Ints) -> int:
    """MAC cycles that a tile needs at least: those of its MACs, or of its steps."""
    y = np.empty(8, np.int64)
    array_extents(extents, mapping.lowered, y)
    cycles, steps, packed = 1, 1, packed_taps(layer, mapping)
    y[C] *= packed
    for d in range(8):
        own = pe_extent(machine, mapping, d)
        step = mapping.spatial[d] * own
        cycles *= lead_extent(y[d], step, own)
        steps *= ceil_div(y[d], step)
    if mapping.skips:
        cycles = cycles * layer.skip >> FIXED_POINT_BITS
    cycles = cycles // (machine.macs_per_cycle * packed)
    return max(cycles, steps * machine.step_cycles) if machine.step_cycles > 1 else cycles


@jit_inside
def array_bound(case: Case, scratch: Scratch) -> int:
    """Cycles of the array for all tiles, if no partial sums preceded any of them; at the first tile.

    An edge variant has full extents along some dimensions and the last ones along others: its cycles count as often as
    there are such tiles. The variant of all full ones comes last, so that the tiles are left as they were.
    """
    cycles, tiles, mapping = 0, scratch.tiles, case.mapping
    out = scratch.variants[ANY_VARIANT]
    for edges in range(tiles.variants - 2, -1, -2):
        times = 1
        for d in range(8):
            if edges & tiles.bit[d]:
                tiles.extent[d] = tiles.last[d]
            else:
                tiles.extent[d] = min(mapping.tile[d], case.layer.bounds[d])
                times *= tiles.trips[d] - 1 if tiles.bit[d] else tiles.trips[d]
        tile_words(case.machine, case.layer, mapping, tiles.extent, scratch, out)
        tile_cycles(case.machine, scratch.reuse, ONE, out)
        cycles += times * out.array_cycles
    return cycles


@jit
def may_fit(machine: Record, layer: Record, whole: Ints, tile: Ints, twice: int) -> bool:
    """Whether tiles of these extents could fit the outermost memories beside what is there `whole`.

    Weights that stream may take no room. With `twice`, what changes between tiles takes double-buffered memories twice.
    """
    for memory in range(machine.memories):
        if machine.level_of[memory] != OUTERMOST:
            continue
        demand = 0
        for operand in range(3):
            stays = layer.resident[operand] or whole[operand] > 0
            held = machine.memory_of[OUTERMOST, operand] == memory and not stays
            if not held or (operand == WEIGHTS and machine.streams[WEIGHTS]):
                continue
            bits = machine.bits[SUM_BITS] if operand == OUTPUTS else machine.bits[operand]
            size = (tile_footprint(tile, layer, operand) * bits + 7) >> 3
            double = twice and machine.double_buffered[memory] and not machine.streams[operand]
            demand += 2 * size if double and changes(layer, tile, operand) else size
        if demand > machine.capacity_bytes[memory]:
            return False
    return True


@jit
def changes(layer: Record, tile: Ints, operand: int) -> bool:
    """Whether an operand's words differ between tiles."""
    some = False
    for d in range(8):
        some = some or (RELEVANT[operand, d] and tile[d] < layer.bounds[d])
    return some


@jit
def reloads_of(tiles: Record, operand: int) -> int:
    """How often each word of an operand comes: the loops that do not index it and lie outside of one that does."""
    times = 1
    for j in range(tiles.depth[operand] + 1):
        d = tiles.order[j]
        if not RELEVANT[operand, d]:
            times *= tiles.trips[d]
    return times


@jit
def bytes_at_least(machine: Record, layer: Record, words: int, operand: int) -> int:
    """Bytes, not counting bursts, that so many words of an operand make at the DRAM port."""
    if layer.resident[operand]:
        return 0
    return ((words * machine.bits[operand]) >> 3) * layer.compression[operand] >> FIXED_POINT_BITS


@jit
def traffic_bound(machine: Record, layer: Record, tiles: Record, window: int) -> int:
    """Bytes that must cross the DRAM port; `window` is the product of input rows and columns over all tiles.

    What no level outside the PEs holds, or what halos may spare, crosses at least once where it is not padding.
    """
    b = layer.bounds
    words = tiles.whole[INPUTS] if tiles.whole[INPUTS] else b[N] * b[G] * b[C] * window * reloads_of(tiles, INPUTS)
    size = 0
    if not machine.keeps_halo and machine.outermost[INPUTS] == OUTERMOST:
        size = bytes_at_least(machine, layer, words, INPUTS)
    reloads = reloads_of(tiles, WEIGHTS) if machine.outermost[WEIGHTS] == OUTERMOST else 1
    words = b[G] * b[K] * b[C] * b[R] * b[S] * reloads
    size += bytes_at_least(machine, layer, words, WEIGHTS)
    words = b[N] * b[G] * b[K] * b[P] * b[Q]
    if layer.residuals > 0:
        added = ((words * machine.bits[OUTPUTS]) >> 3) * layer.residual_compression >> FIXED_POINT_BITS
        size += layer.residuals * added
    if not layer.resident[OUTPUTS]:
        size += bytes_at_least(machine, layer, words, OUTPUTS)
        spills = reloads_of(tiles, OUTPUTS) - 1 if machine.outermost[OUTPUTS] == OUTERMOST else 0
        size += 2 * spills * ((words * machine.bits[SUM_BITS]) >> 3)
    return size


@jit
def first_load(machine: Record, layer: Record, tile: Ints, tiles: Record) -> int:
    """Bytes, not counting bursts, that the first tile must load before its compute starts."""
    size = 0
    if machine.outermost[INPUTS] == OUTERMOST:
        size = bytes_at_least(machine, layer, loaded_inputs(tiles, machine, layer, tile, NONE), INPUTS)
    return size + bytes_at_least(machine, layer, operand_words(tile, WEIGHTS), WEIGHTS)


@jit
def transfer_floor(case: Case, size: int) -> int:
    """Cycles from the request to the end of a transfer of so many bytes at least; without any there is none."""
    if size <= 0 or case.machine.dram_numerator == 0:
        return 0
    return case.port.latency_cycles + port_floor(case.machine, size)


@jit
def port_bounds(case: Case, scratch: Scratch, window: int) -> tuple[int, int, int]:
    """Cycles of the first load and the last store, cycles of all transfers, and DRAM bytes at least; at the first tile.

    Whatever crosses the port crosses it one after the other, after the first latency. No compute starts before the
    first tile is loaded; all loads, and all stores but those of the last tiles, precede the last compute; the last
    store follows it, after a latency of its own.
    """
    machine, layer, mapping, tiles = case.machine, case.layer, case.mapping, scratch.tiles
    size = traffic_bound(machine, layer, tiles, window)
    if machine.overlapped:
        return 0, port_floor(machine, size), size
    load = first_load(machine, layer, mapping.tile, tiles)
    stored = bytes_at_least(machine, layer, operand_words(mapping.tile, OUTPUTS), OUTPUTS)
    last = bytes_at_least(machine, layer, operand_words(tiles.last, OUTPUTS), OUTPUTS)
    ends = transfer_floor(case, load) + transfer_floor(case, last)
    between = port_floor(machine, size - case.port.out_slots * stored - load)
    port = max(ends + between + floor_macs(machine, layer, mapping, tiles.last), transfer_floor(case, size))
    return ends, port, size


@jit
def no_better(case: Case, cycles: int, size: int, objective: int, keys: Floats, best: Floats) -> bool:
    """Tell whether a mapping of at least so many cycles and DRAM bytes is no better than the best keys found."""
    prices = case.prices
    pj = mac_energy(case.machine, prices, executed_macs(case.layer, case.mapping), case.mapping.retains)
    pj += prices.least_words_pj[case.mapping.retains]
    pj += size * prices.dram_pj_per_byte + cycles * prices.leakage_pj_per_cycle
    set_keys(objective, cycles, pj, size, port_floor(case.machine, size), keys)
    return not better(keys, best)
