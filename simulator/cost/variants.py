"""Edge variants: what the array and the DRAM port make of tiles of equal extents, and how many tiles are of each.

A dimension has at most two extents, that of full tiles and that of the last one. What a tile takes depends on its
extents and on whether partial sums precede it, not on when it comes: so counts and sums hold for every order of the
DRAM loops. Which tiles load and store, and how inputs are clipped at the edges of the map, is found out when they are
played.
"""

from simulator.cost.array import tile_cycles, tile_words
from simulator.cost.case import INPUTS, ONE, OUTPUTS, SUM_BITS, WEIGHTS, ZERO, C, Case, R, Record, S, Scratch
from simulator.cost.jit import jit
from simulator.cost.tiles import FIRST
from simulator.cost.transfers import fill_transfers


@jit
def tiles_of(tiles: Record, edges: int) -> tuple[int, int]:
    """Count the tiles of an edge variant, all and those that no partial sums precede.

    No dimension of the reduction has its last tile first unless it is the only one, and then it is no edge.
    """
    count = firsts = 1
    for d in range(8):
        edge = 1 if edges & tiles.bit[d] else 0
        times = 1 if edge else tiles.trips[d] - 1 if tiles.bit[d] else tiles.trips[d]
        count *= times
        firsts *= 1 - edge if d in (C, R, S) else times
    return count, firsts


@jit
def count_variants(case: Case, scratch: Scratch) -> None:
    """Fill in what array and port make of every edge variant, and add that up; at the first tile.

    The variant of full extents comes last, so that the tiles are left as they were.
    """
    machine, layer, mapping, tiles = case.machine, case.layer, case.mapping, scratch.tiles
    clear_tiles(scratch.totals, machine.levels)
    for edges in range(tiles.variants - 2, -1, -2):
        for d in range(8):
            full = min(mapping.tile[d], layer.bounds[d])
            tiles.extent[d] = tiles.last[d] if edges & tiles.bit[d] else full
        begins, follows = scratch.variants[edges | FIRST], scratch.variants[edges]
        tile_words(machine, layer, mapping, tiles.extent, scratch, begins)
        fill_transfers(case, scratch, begins)
        count, firsts = tiles_of(tiles, edges)
        if count > firsts:
            scratch.variants[edges] = scratch.variants[edges | FIRST]
            tile_cycles(machine, scratch.reuse, ZERO, follows)
        tile_cycles(machine, scratch.reuse, ONE, begins)
        begins.tiles, follows.tiles = firsts, count - firsts
        add_variant(scratch.totals, begins, machine.levels)
        add_variant(scratch.totals, follows, machine.levels)


@jit
def clear_tiles(totals: Record, levels: int) -> None:
    """Set all that tiles take, whatever comes before and after them, to zero."""
    totals.tiles = totals.mac_cycles = totals.mac_slots = totals.sums = totals.array_cycles = 0
    totals.delivery_cycles = totals.preload_cycles = totals.skew_cycles = totals.network_returned = 0
    totals.tile_bytes[SUM_BITS] = 0
    for operand in range(3):
        totals.network_words[operand] = totals.tile_bytes[operand] = 0
    for to in range(1, levels + 1):
        totals.returned[to] = 0
        for operand in range(3):
            totals.crossed[to, operand] = totals.delivered[to, operand] = 0


@jit
def add_variant(totals: Record, variant: Record, levels: int) -> None:
    """Add the figures of an edge variant, as often as it occurs."""
    tiles = variant.tiles
    if tiles == 0:
        return
    totals.tiles += tiles
    totals.mac_cycles += tiles * variant.mac_cycles
    totals.mac_slots += tiles * variant.mac_slots
    totals.sums += tiles * variant.sums
    totals.array_cycles += tiles * variant.array_cycles
    totals.delivery_cycles += tiles * variant.delivery_cycles
    totals.preload_cycles += tiles * variant.preload_cycles
    totals.skew_cycles += tiles * variant.skew_cycles
    totals.network_returned += tiles * variant.network_returned
    totals.tile_bytes[INPUTS] += tiles * variant.inputs_bytes
    totals.tile_bytes[WEIGHTS] += tiles * variant.weights_bytes
    totals.tile_bytes[OUTPUTS] += tiles * variant.outputs_bytes
    totals.tile_bytes[SUM_BITS] += tiles * variant.sums_bytes
    for operand in range(3):
        totals.network_words[operand] += tiles * variant.network_words[operand]
    for to in range(1, levels + 1):
        totals.returned[to] += tiles * variant.returned[to]
        for operand in range(3):
            totals.crossed[to, operand] += tiles * variant.crossed[to, operand]
            totals.delivered[to, operand] += tiles * variant.delivered[to, operand]
