"""What a mapping takes at least: cycles, DRAM traffic and so the keys of its objective, without playing its tiles."""

import numpy as np

from simulator.cost.array import ARRAY_CYCLES, array_extents, operand_words, packed_taps, tile_cycles, tile_words
from simulator.cost.case import (
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
from simulator.cost.energy import register_energy
from simulator.cost.evaluate import executed_macs
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit
from simulator.cost.objectives import better, port_floor, set_keys
from simulator.cost.tiles import loaded_inputs


@jit
def mac_tables(layer: Record, mapping: Record, choices: Ints, counts: Ints, table: Ints) -> None:
    """For each choice of tile extent, the dimension's factor of the MAC cycles of all tiles (see `mac_steps`)."""
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
        step = mapping.spatial[d] * mapping.registers[d]
        cycles *= turns_of_fullest(y[d], step, mapping.registers[d])
        steps *= ceil_div(y[d], step)
    if mapping.skips:
        cycles = cycles * layer.skip >> FIXED_POINT_BITS
    cycles = cycles // (machine.macs_per_cycle * packed)
    return max(cycles, steps * machine.step_cycles) if machine.step_cycles > 1 else cycles


@jit
def array_bound(machine: Record, layer: Record, mapping: Record, program: Record, walk: Record, kind: Ints) -> int:
    """Cycles of the array for all tiles, if no partial sums preceded any of them; at the start of a walk.

    A kind of tile has full extents along some dimensions and the last ones along others: its cycles count as often as
    there are such tiles. The kind of all full ones comes last, so that the walk is left as it was.
    """
    cycles = 0
    for edges in range(walk.kinds - 2, -1, -2):
        tiles = 1
        for d in range(8):
            if edges & walk.bit[d]:
                walk.extent[d] = walk.last[d]
            else:
                walk.extent[d] = min(mapping.tile[d], layer.bounds[d])
                tiles *= walk.tiles[d] - 1 if walk.bit[d] else walk.tiles[d]
        tile_words(machine, layer, mapping, program, walk.extent, kind)
        tile_cycles(machine, program, True, kind)
        cycles += tiles * kind[ARRAY_CYCLES]
    return cycles


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
def bytes_at_least(machine: Record, layer: Record, words: int, operand: int) -> int:
    """Bytes, not counting bursts, that so many words of an operand make at the DRAM port."""
    if layer.resident[operand]:
        return 0
    return ((words * machine.bits[operand]) >> 3) * layer.compression[operand] >> FIXED_POINT_BITS


@jit
def traffic_bound(machine: Record, layer: Record, walk: Record, window: int) -> int:
    """Bytes that must cross the DRAM port; `window` is the product of input rows and columns over all tiles."""
    b = layer.bounds
    words = b[N] * b[G] * b[C] * window * turns_outside(walk, INPUTS, K, K, K)
    size = bytes_at_least(machine, layer, words, INPUTS)
    words = b[G] * b[K] * b[C] * b[R] * b[S] * turns_outside(walk, WEIGHTS, N, P, Q)
    size += bytes_at_least(machine, layer, words, WEIGHTS)
    if not layer.resident[OUTPUTS]:
        words = b[N] * b[G] * b[K] * b[P] * b[Q]
        size += bytes_at_least(machine, layer, words, OUTPUTS)
        spills = turns_outside(walk, OUTPUTS, C, R, S) - 1
        size += 2 * spills * ((words * machine.bits[SUM_BITS]) >> 3)
    return size


@jit
def first_load(machine: Record, layer: Record, tile: Ints, walk: Record) -> int:
    """Bytes, not counting bursts, that the first tile must load before its compute starts."""
    size = bytes_at_least(machine, layer, loaded_inputs(walk, machine, layer, tile), INPUTS)
    return size + bytes_at_least(machine, layer, operand_words(tile, WEIGHTS), WEIGHTS)


@jit
def transfer_floor(machine: Record, size: int) -> int:
    """Cycles from the request to the end of a transfer of so many bytes at least; without any there is none."""
    if size <= 0 or machine.dram_numerator == 0:
        return 0
    return machine.latency_cycles + port_floor(machine, size)


@jit
def promising(
    machine: Record,
    layer: Record,
    energy: Record,
    mapping: Record,
    program: Record,
    walk: Record,
    window: int,
    macs: int,
    objective: int,
    kind: Ints,
    keys: Floats,
    best_keys: Floats,
) -> bool:
    """Tell whether a mapping at the start of its walk may beat the best found; write what it has at least into `keys`.

    That is judged by its MAC cycles, then by all that the array does, which takes longer to find out. Whatever crosses
    the port crosses it one after the other, after the first latency. No compute starts before the first tile is loaded;
    all loads, and all stores but those of the last tiles, precede the last compute; the last store follows it, after a
    latency of its own.
    """
    size = traffic_bound(machine, layer, walk, window)
    if machine.overlapped:
        cycles = max(macs, port_floor(machine, size))
        return not no_better(machine, layer, energy, mapping, cycles, size, objective, keys, best_keys)
    load = first_load(machine, layer, mapping.tile, walk)
    stored = bytes_at_least(machine, layer, operand_words(mapping.tile, OUTPUTS), OUTPUTS)
    last = bytes_at_least(machine, layer, operand_words(walk.last, OUTPUTS), OUTPUTS)
    ends = transfer_floor(machine, load) + transfer_floor(machine, last)
    between = port_floor(machine, size - machine.out_slots * stored - load)
    port = max(ends + between + floor_macs(machine, layer, mapping, walk.last), transfer_floor(machine, size))
    cycles = max(ends + macs, port)
    if no_better(machine, layer, energy, mapping, cycles, size, objective, keys, best_keys):
        return False
    cycles = max(ends + array_bound(machine, layer, mapping, program, walk, kind), port)
    return not no_better(machine, layer, energy, mapping, cycles, size, objective, keys, best_keys)


@jit
def no_better(
    machine: Record,
    layer: Record,
    energy: Record,
    mapping: Record,
    cycles: int,
    size: int,
    objective: int,
    keys: Floats,
    best_keys: Floats,
) -> bool:
    """Tell whether a mapping of at least so many cycles and DRAM bytes is no better than the best found."""
    pj = register_energy(executed_macs(layer, mapping), mapping.retains, energy) + size * energy.dram_pj_per_byte
    pj += cycles * energy.leakage_pj_per_cycle
    set_keys(objective, cycles, pj, size, port_floor(machine, size), keys)
    return not better(keys, best_keys)
