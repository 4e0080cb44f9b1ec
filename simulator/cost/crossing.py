"""What must cross the DRAM port for a mapping, and how long that takes at least, without playing its tiles."""

from typing import NamedTuple

import numpy as np

from simulator.cost.case import (
    FIXED_POINT,
    FIXED_POINT_BITS,
    HEIGHT,
    INPUTS,
    NONE,
    OUTERMOST,
    OUTPUTS,
    RELEVANT,
    SUM_BITS,
    WEIGHTS,
    WIDTH,
    ZERO,
    C,
    Case,
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
from simulator.cost.energy import dram_bytes, read_bytes
from simulator.cost.geometry import tile_box
from simulator.cost.jit import jit
from simulator.cost.macs import floor_macs
from simulator.cost.objectives import port_floor
from simulator.cost.reuse import operand_words
from simulator.cost.tiles import FIRST, loaded_inputs


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
def parameter_bytes(machine: Record, layer: Record) -> int:
    """Bytes, not counting bursts, of the parameters of fused ops."""
    return (layer.parameters * machine.bits[WEIGHTS]) >> 3


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
    out.loaded_parameters = layer.parameters
    if not resident[OUTPUTS]:
        out.stored_outputs = words
        out.loaded[OUTPUTS] = words * (reloads_of(tiles, OUTPUTS) - 1) if home[OUTPUTS] == OUTERMOST else 0
        out.stored_sums = out.loaded[OUTPUTS]
        out.dram_written = bytes_at_least(machine, layer, words, OUTPUTS)
    for operand in range(OUTPUTS):
        out.dram_read[operand] = bytes_at_least(machine, layer, out.loaded[operand], operand)
    added = ((words * machine.bits[OUTPUTS]) >> 3) * layer.residual_compression >> FIXED_POINT_BITS
    out.dram_read[INPUTS] += layer.residuals * added
    out.dram_read[WEIGHTS] += parameter_bytes(machine, layer)
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
    if in_padding(layer, HEIGHT) or in_padding(layer, WIDTH):
        return 0
    return all_tiles(tiles)


@jit
def in_padding(layer: Record, axis: int) -> bool:
    """Whether all rows (axis 0) or columns (1) that a tile reads may lie in the padding, of which nothing is loaded."""
    window = (layer.bounds[R + axis] - 1) * layer.dilation[axis] + 1
    behind = (layer.bounds[P + axis] - 1) * layer.stride[axis] - layer.pad[axis] - layer.input_size[axis]
    return window <= layer.pad[axis] or behind >= 0


@jit
def first_load(machine: Record, layer: Record, tile: Ints, tiles: Record) -> int:
    """Bytes, not counting bursts, that the first tile must load before its compute starts."""
    size = 0
    if machine.outermost[INPUTS] == OUTERMOST:
        size = bytes_at_least(machine, layer, loaded_inputs(tiles, machine, layer, tile, NONE), INPUTS)
    size += parameter_bytes(machine, layer)
    return size + bytes_at_least(machine, layer, operand_words(tile, WEIGHTS), WEIGHTS)


@jit
def bytes_of_outputs(machine: Record, layer: Record, extents: Ints) -> int:
    """Bytes, not counting bursts, of the outputs of a tile."""
    return bytes_at_least(machine, layer, operand_words(extents, OUTPUTS), OUTPUTS)


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


ANY_SIZE = np.int64(1) << 50
"""More bytes than a tile has, and so few that some tiles of them can be added up."""


class Ends(NamedTuple):
    """Bytes of the first tile's load at least, of a tile's store at most, and of its partial sums if it stores any;
    of the last tile's store, and cycles of its MACs, at least. Bytes of a tile's load at most, and cycles of the first
    tile's MACs at least.
    """  # fmt: skip

    load: int
    store: int
    sums: int
    last: int
    macs: int
    most_load: int
    first_macs: int


@jit
def ends_of(case: Case, scratch: Scratch, store: int, sums: int) -> Ends:
    """Ends of a mapping, at its first tile; a full tile stores so many bytes."""
    machine, layer, last = case.machine, case.layer, scratch.tiles.last
    load = first_load(machine, layer, case.mapping.tile, scratch.tiles)
    stored = bytes_of_outputs(machine, layer, last)
    return Ends(load, store, sums, stored, floor_macs(machine, layer, case.mapping, last), ANY_SIZE, ZERO)


@jit
def least_ends(case: Case, scratch: Scratch) -> Ends:
    """Ends of a mapping at least, at its first tile, whatever its DRAM order."""
    machine, tile = case.machine, case.mapping.tile
    sums = (operand_words(tile, OUTPUTS) * machine.bits[SUM_BITS] + 7) >> 3
    return ends_of(case, scratch, bytes_of_outputs(machine, case.layer, tile), sums)


@jit
def least_crossing(case: Case, scratch: Scratch, window: int, ends: Ends) -> Crossing:
    """Find what must cross the port, and write it to the totals; at the first tile.

    `window` is the product of input rows and columns over all tiles, `ends` are `least_ends`.
    """
    set_least_crossing(case.machine, case.layer, scratch.tiles, window, scratch.totals)
    return crossing_of(case, scratch, ends)


@jit
def counted_crossing(case: Case, scratch: Scratch) -> Crossing:
    """Find what must cross the port once edge variants are counted, and it is known what words make at least."""
    set_counted_crossing(case.machine, case.layer, scratch.tiles, scratch.totals)
    full = scratch.variants[FIRST]
    return crossing_of(case, scratch, ends_of(case, scratch, full.outputs_bytes, full.sums_bytes))


@jit
def crossing_of(case: Case, scratch: Scratch, ends: Ends) -> Crossing:
    """Cycles at the port of the bytes that the totals say cross it at least.

    Whatever crosses the port crosses it one after the other, after the first latency. No compute starts before the
    first tile is loaded; all loads, and all stores but those of the last tiles, precede the last compute; the last
    store follows it, after a latency of its own. No store, and no load but those of the first tiles, which have slots,
    precedes the end of the first compute: all the rest crosses between that and the last compute.
    """
    machine, port, totals = case.machine, case.port, scratch.totals
    size, sums = dram_bytes(totals), ends.sums if totals.loaded[OUTPUTS] > 0 else 0
    slowed = (totals.dram_read[WEIGHTS] * (machine.weights_ratio - FIXED_POINT)) >> FIXED_POINT_BITS
    long = size + slowed
    latencies = least_transactions(machine, case.layer, scratch.tiles) * port.latency_cycles
    dma = latencies + port_floor(machine, long)
    if machine.overlapped:
        return Crossing(size, port_floor(machine, long), ZERO, dma, ZERO, ZERO, ZERO)
    first, store = transfer_floor(case, ends.load), transfer_floor(case, ends.last)
    before_last = long - port.out_slots * (ends.store + sums)
    through = max(transfer_floor(case, before_last) + ends.macs + store, transfer_floor(case, long))
    if all_tiles(scratch.tiles) > 1:
        between = before_last - max(port.slots, port.deeper_slots) * ends.most_load
        through = max(through, first + ends.first_macs + port_floor(machine, between) + ends.macs + store)
    loads = latencies + port_floor(machine, read_bytes(totals) + slowed)
    return Crossing(size, through, loads, dma, first, store, ends.macs)
