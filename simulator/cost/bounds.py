"""What a mapping takes at least: cycles, DRAM traffic and so the keys of its objective, without playing its tiles."""

from typing import NamedTuple

import numpy as np

from simulator.cost.array import packed_taps
from simulator.cost.case import (
    FIXED_POINT_BITS,
    INPUTS,
    NONE,
    OUTERMOST,
    OUTPUTS,
    RELEVANT,
    SUM_BITS,
    WEIGHTS,
    ZERO,
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
from simulator.cost.energy import dram_bytes, executed_macs, layer_energy, mac_energy
from simulator.cost.geometry import ceil_div, tile_box
from simulator.cost.jit import jit
from simulator.cost.objectives import better, port_floor, set_keys
from simulator.cost.reuse import array_extents, operand_words
from simulator.cost.tiles import FIRST, loaded_inputs, tile_footprint
from simulator.cost.traffic import layer_traffic


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
def set_least_crossing(machine: Record, layer: Record, tiles: Record, window: int, out: Record) -> None:
    """Write the words and bytes that must cross the DRAM port into `out` (`CROSSED`); at the first tile.

    `window` is the product of input rows and columns over all tiles. What no level outside the PEs holds, or what halos
    may spare, crosses at least once where it is not padding.
    """
    b, resident, home = layer.bounds, layer.resident, machine.outermost
    out.loaded[INPUTS] = out.loaded[OUTPUTS] = out.stored_outputs = out.stored_sums = out.dram_written = 0
    if not machine.keeps_halo and home[INPUTS] == OUTERMOST and not resident[INPUTS]:
        each_time = b[N] * b[G] * b[C] * window * reloads_of(tiles, INPUTS)
        out.loaded[INPUTS] = tiles.whole[INPUTS] if tiles.whole[INPUTS] else each_time
    reloads = reloads_of(tiles, WEIGHTS) if home[WEIGHTS] == OUTERMOST else 1
    out.loaded[WEIGHTS] = 0 if resident[WEIGHTS] else b[G] * b[K] * b[C] * b[R] * b[S] * reloads
    words = b[N] * b[G] * b[K] * b[P] * b[Q]
    out.loaded_residuals = layer.residuals * words
    if not resident[OUTPUTS]:
        out.stored_outputs = words
        out.loaded[OUTPUTS] = words * (reloads_of(tiles, OUTPUTS) - 1) if home[OUTPUTS] == OUTERMOST else 0
        out.stored_sums = out.loaded[OUTPUTS]
        out.dram_written = bytes_at_least(machine, layer, words, OUTPUTS)
    for operand in range(OUTPUTS):
        out.dram_read[operand] = bytes_at_least(machine, layer, out.loaded[operand], operand)
    added = ((words * machine.bits[OUTPUTS]) >> 3) * layer.residual_compression >> FIXED_POINT_BITS
    out.dram_read[INPUTS] += layer.residuals * added
    spilled = (words * machine.bits[SUM_BITS]) >> 3
    out.dram_read[OUTPUTS] = (reloads_of(tiles, OUTPUTS) - 1) * spilled if out.loaded[OUTPUTS] > 0 else 0
    out.dram_written += out.dram_read[OUTPUTS]


@jit
def set_counted_crossing(machine: Record, layer: Record, tiles: Record, totals: Record) -> None:
    """Put the bytes that tiles move in bursts in the place of what their words make, if edge variants are counted.

    Operands whose words differ from tile to tile move as often as these; of inputs that holds where none are clipped.
    """
    for operand in range(OUTPUTS):
        tiled = machine.outermost[operand] == OUTERMOST and totals.loaded[operand] > 0 and tiles.whole[operand] == 0
        if tiled and (operand == WEIGHTS or not clips(machine, layer)):
            size = bytes_at_least(machine, layer, totals.loaded[operand], operand)
            moved = totals.tile_bytes[operand] // repeats_of(tiles, operand)
            totals.dram_read[operand] += max(0, moved - size)
    if not layer.resident[OUTPUTS]:
        repeats = tiles.trips[C] * tiles.trips[R] * tiles.trips[S]
        if totals.loaded[OUTPUTS] > 0:
            totals.dram_read[OUTPUTS] = (reloads_of(tiles, OUTPUTS) - 1) * (totals.tile_bytes[SUM_BITS] // repeats)
        totals.dram_written = totals.tile_bytes[OUTPUTS] // repeats + totals.dram_read[OUTPUTS]


@jit
def repeats_of(tiles: Record, operand: int) -> int:
    """How many tiles in a row use the same words of an operand."""
    times = 1
    for j in range(tiles.depth[operand] + 1, tiles.loops):
        times *= tiles.trips[tiles.order[j]]
    return times


@jit
def clips(machine: Record, layer: Record) -> bool:
    """Whether what tiles take of the inputs may reach beyond the map."""
    some = False
    for axis in range(2):
        pixels = tile_box(layer.bounds[P + axis], 1, layer.stride[axis], 1, machine.whole_rows)
        reach = pixels + (layer.bounds[R + axis] - 1) * layer.dilation[axis]
        some = some or layer.pad[axis] > 0 or reach > layer.input_size[axis]
    return some


@jit
def all_tiles(tiles: Record) -> int:
    """Number of tiles."""
    n = 1
    for d in range(8):
        n *= tiles.trips[d]
    return n


@jit
def least_transactions(machine: Record, layer: Record, tiles: Record) -> int:
    """DMA loads at least: every tile loads something, unless it stays on chip or lies in the padding."""
    loads = machine.outermost[INPUTS] == OUTERMOST and machine.outermost[WEIGHTS] == OUTERMOST
    if not loads or layer.resident[INPUTS] or layer.resident[WEIGHTS] or layer.prefetched_bytes > 0:
        return 0
    if machine.dram_numerator == 0:
        return 0
    if tiles.whole[INPUTS] > 0 or tiles.whole[WEIGHTS] > 0:
        return 0
    for axis in range(2):
        window = (layer.bounds[R + axis] - 1) * layer.dilation[axis] + 1
        behind = (layer.bounds[P + axis] - 1) * layer.stride[axis] - layer.pad[axis] - layer.input_size[axis]
        if window <= layer.pad[axis] or behind >= 0:
            return 0
    return all_tiles(tiles)


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


class Crossing(NamedTuple):
    """What crosses the DRAM port at least: bytes; cycles of all transfers, one after the other, and of what goes on
    before and after; of the loads on one channel, their latencies included; of loads and stores so, whenever they are;
    of the first load, of the last store, and of the MACs of the last tile.
    """  # fmt: skip

    size: int
    port: int
    loads: int
    dma: int
    first: int
    store: int
    macs: int


@jit
def least_crossing(case: Case, scratch: Scratch, window: int) -> Crossing:
    """Find what must cross the port, and write it to the totals; at the first tile.

    `window` is the product of input rows and columns over all tiles.
    """
    machine, layer, tile = case.machine, case.layer, case.mapping.tile
    set_least_crossing(machine, layer, scratch.tiles, window, scratch.totals)
    sums = (operand_words(tile, OUTPUTS) * machine.bits[SUM_BITS] + 7) >> 3
    load, store = first_load(machine, layer, tile, scratch.tiles), bytes_of_outputs(machine, layer, tile)
    return crossing_of(case, scratch, scratch.tiles.last, load, store, sums)


@jit
def counted_crossing(case: Case, scratch: Scratch) -> Crossing:
    """Find what must cross the port once edge variants are counted, and it is known what words make at least."""
    machine, layer, tiles = case.machine, case.layer, scratch.tiles
    set_counted_crossing(machine, layer, tiles, scratch.totals)
    full = scratch.variants[FIRST]
    load = first_load(machine, layer, case.mapping.tile, tiles)
    return crossing_of(case, scratch, tiles.last, load, full.outputs_bytes, full.sums_bytes)


@jit
def crossing_of(case: Case, scratch: Scratch, last: Ints, load: int, stored: int, sums: int) -> Crossing:
    """Cycles at the port of the bytes that the totals say cross it at least.

    The first tile's load has so many at least; a tile stores so many or `sums`, if any, at most; the last one has
    extents `last`. Whatever crosses the port crosses it one after the other, after the first latency. No compute starts
    before the first tile is loaded; all loads, and all stores but those of the last tiles, precede the last compute;
    the last store follows it, after a latency of its own.
    """
    machine, layer, port, totals = case.machine, case.layer, case.port, scratch.totals
    size, late = dram_bytes(totals), port.out_slots * (stored + (sums if totals.loaded[OUTPUTS] > 0 else 0))
    latencies = least_transactions(machine, layer, scratch.tiles) * port.latency_cycles
    dma = latencies + port_floor(machine, size)
    if machine.overlapped:
        return Crossing(size, port_floor(machine, size), ZERO, dma, ZERO, ZERO, ZERO)
    first, store = transfer_floor(case, load), transfer_floor(case, bytes_of_outputs(machine, layer, last))
    macs = floor_macs(machine, layer, case.mapping, last)
    through = max(transfer_floor(case, size - late) + macs + store, transfer_floor(case, size))
    loads = latencies + port_floor(machine, size - totals.dram_written)
    return Crossing(size, through, loads, dma, first, store, macs)


@jit
def bytes_of_outputs(machine: Record, layer: Record, extents: Ints) -> int:
    """Bytes, not counting bursts, of the outputs of a tile."""
    return bytes_at_least(machine, layer, operand_words(extents, OUTPUTS), OUTPUTS)


@jit
def middle_bound(case: Case, crossing: Crossing, array: int) -> int:
    """Cycles at least, if tiles take so many on the array, without what goes before the first and after the last.

    Each channel loads one tile after the other. A tile is not loaded before the compute of the tile that had its slot
    has ended, and not computed before it is loaded: so every slot goes through load and compute in turn.
    """
    cycles = max(array, port_floor(case.machine, crossing.size))
    if case.machine.overlapped:
        return cycles
    slots = max(case.port.slots, case.port.deeper_slots)
    return max(cycles, max(crossing.loads // case.port.channels, (crossing.loads + array) // slots))


@jit
def cycles_bound(case: Case, crossing: Crossing, array: int) -> int:
    """Cycles at least, if tiles take so many on the array: see `middle_bound`, and `Crossing` for the ends."""
    if case.machine.overlapped:
        return max(array, crossing.port)
    cycles = max(crossing.first + array + crossing.store, crossing.port)
    cycles = max(cycles, crossing.loads // case.port.channels + crossing.macs + crossing.store)
    slots = max(case.port.slots, case.port.deeper_slots)
    return max(cycles, (crossing.loads + array) // slots + crossing.store)


@jit
def set_least(case: Case, cycles: int, crossing: Crossing, objective: int, keys: Floats) -> None:
    """Write the keys of a mapping that takes so many cycles at least, and brings every word to the array once."""
    prices, retains = case.prices, case.mapping.retains
    pj = mac_energy(case.machine, prices, executed_macs(case.layer, case.mapping), retains)
    pj += prices.least_words_pj[retains]
    pj += crossing.size * prices.dram_pj_per_byte + cycles * prices.leakage_pj_per_cycle
    set_keys(objective, cycles, pj, crossing.size, crossing.dma, keys)


@jit
def no_better(case: Case, cycles: int, crossing: Crossing, objective: int, keys: Floats, best: Floats) -> bool:
    """Tell whether a mapping that takes at least so much is no better than the best keys found; write its keys."""
    set_least(case, cycles, crossing, objective, keys)
    return not better(keys, best)


@jit
def counted_no_better(
    case: Case, scratch: Scratch, cycles: int, dma: int, objective: int, keys: Floats, best: Floats
) -> bool:
    """Tell the same of a mapping whose words at the array are counted, and those at the port at their least."""
    totals = scratch.totals
    totals.cycles, totals.retains = cycles, case.mapping.retains
    totals.executed_macs = executed_macs(case.layer, case.mapping)
    layer_traffic(case.machine, totals, scratch.moved)
    pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
    set_keys(objective, cycles, pj, dram_bytes(totals), dma, keys)
    return not better(keys, best)
