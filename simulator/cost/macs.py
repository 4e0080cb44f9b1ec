"""MAC cycles that tiles take at least: tables by tile extent for the search, and those of one tile."""

import numpy as np

from simulator.cost.array import packed_taps
from simulator.cost.case import FIXED_POINT_BITS, C, Ints, Record
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit
from simulator.cost.reuse import array_extents


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
