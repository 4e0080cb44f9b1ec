"""Evaluate one mapping of one layer: play its tiles, add up words, bytes and cycles."""

from simulator.cost.array import pace_of, packed_taps
from simulator.cost.case import ONE, Case, Record, Scratch
from simulator.cost.energy import executed_macs
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit, jit_inside
from simulator.cost.play import play_tiles
from simulator.cost.reuse import set_reuse
from simulator.cost.tiles import fits, start_tiles
from simulator.cost.traffic import layer_traffic
from simulator.cost.transfers import transfer_cycles


@jit_inside
def clear(totals: Record) -> None:
    """Set all totals of a layer to zero."""
    totals.mac_cycles = totals.mac_slots = totals.sums = totals.array_cycles = totals.delivery_cycles = 0
    totals.preload_cycles = totals.skew_cycles = totals.loaded_residuals = totals.stored_outputs = 0
    totals.stored_sums = totals.dram_written = totals.port_cycles = totals.dma_cycles = totals.tiles = 0
    totals.dma_runs = totals.dma_descriptors = 0
    for operand in range(3):
        totals.loaded[operand] = totals.dram_read[operand] = 0


@jit_inside
def add_variants(case: Case, scratch: Scratch) -> None:
    """Add the figures of all edge variants, as often as each occurs."""
    levels, totals = case.machine.levels, scratch.totals
    totals.network_returned = 0
    for operand in range(3):
        totals.network_words[operand] = 0
    for to in range(1, levels + 1):
        totals.returned[to] = 0
        for operand in range(3):
            totals.crossed[to, operand] = totals.delivered[to, operand] = 0
    for i in range(scratch.tiles.variants):
        variant = scratch.variants[i]
        tiles = variant.tiles
        if tiles > 0:
            totals.tiles += tiles
            totals.mac_cycles += tiles * variant.mac_cycles
            totals.mac_slots += tiles * variant.mac_slots
            totals.sums += tiles * variant.sums
            totals.array_cycles += tiles * variant.array_cycles
            totals.delivery_cycles += tiles * variant.delivery_cycles
            totals.preload_cycles += tiles * variant.preload_cycles
            totals.skew_cycles += tiles * variant.skew_cycles
            totals.network_returned += tiles * variant.network_returned
            for operand in range(3):
                totals.network_words[operand] += tiles * variant.network_words[operand]
            for to in range(1, levels + 1):
                totals.returned[to] += tiles * variant.returned[to]
                for operand in range(3):
                    totals.crossed[to, operand] += tiles * variant.crossed[to, operand]
                    totals.delivered[to, operand] += tiles * variant.delivered[to, operand]


@jit
def dram_bytes(totals: Record) -> int:
    """Bytes through the DRAM port in either direction."""
    size = totals.dram_written
    for operand in range(3):
        size += totals.dram_read[operand]
    return size


@jit_inside
def overlap(case: Case, reuse: Record, totals: Record) -> None:
    """Let the first loads and the last stores of the layer overlap with its neighbours: the longer of array and port.

    Nothing waits between tiles either: the MACs, networks and ports of the next one fill what one leaves of a cycle, or
    of the time of the slowest of them.
    """
    macs = ceil_div(totals.mac_slots, case.machine.macs_per_cycle * packed_taps(case.layer, case.mapping))
    pace = pace_of(case.machine, reuse, totals)
    totals.array_cycles += max(macs, pace) - totals.mac_cycles - totals.delivery_cycles
    totals.mac_cycles, totals.delivery_cycles = macs, max(0, pace - macs)
    totals.port_cycles = transfer_cycles(dram_bytes(totals), totals.dma_descriptors, case.machine)
    totals.cycles = max(totals.array_cycles, totals.port_cycles)
    totals.fill_cycles, totals.wait_cycles, totals.drain_cycles = 0, totals.cycles - totals.array_cycles, 0


@jit_inside
def begin(case: Case, scratch: Scratch) -> bool:
    """Stand at the first tile of the mapping; return False if its tiles do not fit."""
    machine, layer, mapping, tiles = case.machine, case.layer, case.mapping, scratch.tiles
    start_tiles(machine, layer, mapping, tiles)
    set_reuse(machine, mapping, scratch.reuse)
    return fits(tiles, machine, layer, mapping, scratch.reuse)


@jit
def evaluate(case: Case, scratch: Scratch) -> bool:
    """Fill `scratch.totals` and `scratch.moved` for one mapping; return False (both undefined) if its tiles do not fit.

    `simulator.cost.convert` makes the scratch.
    """
    if not begin(case, scratch):
        return False
    totals = scratch.totals
    clear(totals)
    totals.cycles = play_tiles(case, scratch, ONE)
    add_variants(case, scratch)
    totals.fill_cycles, totals.wait_cycles = scratch.pipe.fill_cycles, scratch.pipe.wait_cycles
    totals.drain_cycles = totals.cycles - scratch.pipe.array_free
    totals.executed_macs = executed_macs(case.layer, case.mapping)
    totals.retains = case.mapping.retains
    if case.machine.overlapped:
        overlap(case, scratch.reuse, totals)
    layer_traffic(case.machine, totals, scratch.moved)
    return True
