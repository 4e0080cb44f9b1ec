"""Evaluate one mapping of one layer: play its tiles, add up words, bytes and cycles."""

import numpy as np

from simulator.cost.array import pace_of, packed_taps
from simulator.cost.case import ONE, WEIGHTS, Case, Record, Scratch
from simulator.cost.energy import dram_bytes, executed_macs
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit
from simulator.cost.play import play_tiles
from simulator.cost.reuse import set_reuse
from simulator.cost.tiles import fits, start_tiles
from simulator.cost.traffic import layer_traffic
from simulator.cost.transfers import transfer_cycles, weights_at_port
from simulator.cost.variants import count_variants


@jit
def overlap(case: Case, reuse: Record, totals: Record) -> None:
    """Let the first loads and the last stores of the layer overlap with its neighbours: the longer of array and port.

    Nothing waits between tiles either: the MACs, networks and ports of the next one fill what one leaves of a cycle, or
    of the time of the slowest of them.
    """
    macs = ceil_div(totals.mac_slots, case.machine.macs_per_cycle * packed_taps(case.layer, case.mapping))
    pace = pace_of(case.machine, reuse, totals)
    totals.array_cycles += max(macs, pace) - totals.mac_cycles - totals.delivery_cycles
    totals.mac_cycles, totals.delivery_cycles = macs, max(0, pace - macs)
    slowed = weights_at_port(totals.dram_read[WEIGHTS], case.machine) - totals.dram_read[WEIGHTS]
    totals.port_cycles = transfer_cycles(dram_bytes(totals) + slowed, totals.dma_descriptors, case.machine)
    totals.cycles = max(totals.array_cycles, totals.port_cycles)
    totals.fill_cycles, totals.wait_cycles, totals.drain_cycles = 0, totals.cycles - totals.array_cycles, 0


@jit
def begin(case: Case, scratch: Scratch) -> bool:
    """Stand at the first tile of the mapping; return False if its tiles do not fit."""
    machine, layer, mapping, tiles = case.machine, case.layer, case.mapping, scratch.tiles
    start_tiles(machine, layer, mapping, tiles)
    set_reuse(machine, mapping, scratch.reuse)
    return fits(tiles, machine, layer, mapping, scratch.reuse)


@jit
def play(case: Case, scratch: Scratch, most_cycles: float) -> bool:
    """Fill the rest of `scratch.totals`, and `scratch.moved`, from the first tile on, its edge variants being counted.

    Return False (all undefined) if that takes more than `most_cycles`.
    """
    totals = scratch.totals
    if not play_tiles(case, scratch, ONE, np.inf if case.machine.overlapped else most_cycles):
        return False
    totals.fill_cycles, totals.wait_cycles = scratch.pipe.fill_cycles, scratch.pipe.wait_cycles
    totals.drain_cycles = totals.cycles - scratch.pipe.array_free
    totals.executed_macs = executed_macs(case.layer, case.mapping)
    totals.retains = case.mapping.retains
    if case.machine.overlapped:
        overlap(case, scratch.reuse, totals)
    layer_traffic(case.machine, totals, scratch.moved)
    return True


@jit
def evaluate(case: Case, scratch: Scratch) -> bool:
    """Fill `scratch.totals` and `scratch.moved` for one mapping; return False (both undefined) if its tiles do not fit.

    `simulator.cost.convert` makes the scratch.
    """
    if not begin(case, scratch):
        return False
    count_variants(case, scratch)
    return play(case, scratch, np.inf)
