"""Evaluate one mapping of one layer: play its tiles, add up words, bytes and cycles.

A tile loads the operands whose indices changed, computes, and stores the outputs whose indices change next; partial
sums that return later are loaded again. Tiles of equal extents are of one kind (a dimension has at most two extents),
so the array program is evaluated once a kind.
"""

from simulator.cost.array import (
    ARRAY_CYCLES,
    BUS_OUTPUTS,
    DELIVERY_CYCLES,
    FIGURES,
    MAC_CYCLES,
    MAC_STEPS,
    SUMS,
    operand_words,
    packed_taps,
    set_program,
    tile_cycles,
    tile_words,
)
from simulator.cost.case import (
    FIXED_POINT,
    FIXED_POINT_BITS,
    INPUTS,
    OUTPUTS,
    SUM_BITS,
    WEIGHTS,
    Ints,
    Record,
)
from simulator.cost.geometry import ceil_div, fill
from simulator.cost.jit import jit
from simulator.cost.pipeline import advance, finish
from simulator.cost.tiles import FIRST, fits, loaded_inputs, outermost_turn, start_walk, sums_complete, turn

# Beyond `steps`: figures of a kind of tile. Bytes are those at the DRAM port, in whole bursts.
(
    WEIGHTS_BYTES,
    OUTPUTS_BYTES,
    SUMS_BYTES,
    STORE_CYCLES,  # of final outputs
    TILES,  # how many tiles are of this kind
    KIND_FIGURES,
) = range(FIGURES, FIGURES + 6)

# Beyond `steps`: totals of a layer.
(
    SUMS_READ,  # partial sums read from the buffer by the array
    LOADED_INPUTS,  # words from DRAM into the buffer
    LOADED_WEIGHTS,
    LOADED_SUMS,  # partial sums that return
    LOADED_ADDENDS,  # words of other tensors added to the outputs
    STORED_OUTPUTS,  # final outputs, words
    STORED_SUMS,  # partial sums that leave before they are complete
    DRAM_INPUTS,  # bytes through the port: compressed, in whole bursts
    DRAM_WEIGHTS,
    DRAM_OUTPUTS_READ,
    DRAM_OUTPUTS_WRITTEN,
    PORT_CYCLES,
    DMA_CYCLES,  # of all transactions: latency and port
    ALL_TILES,
    CYCLES,
    FIRST_WEIGHTS_BYTES,  # bytes of weights that the first tile loads
    EXECUTED_MACS,  # all, less skipped zero weights
    REGISTERS,  # 1 where PEs keep operands in registers, 0 where these come from the networks at every MAC
    TOTALS,
) = range(FIGURES, FIGURES + 19)


@jit
def port_bytes(words: int, bits: int, compression: int, burst: int) -> int:
    """Bytes that cross the DRAM port for so many words: compressed, then rounded up to whole bursts."""
    size = (words * bits + 7) >> 3
    if compression != FIXED_POINT:
        size = (size * compression + FIXED_POINT - 1) >> FIXED_POINT_BITS
    return ceil_div(size, burst) * burst


@jit
def port_cycles(size: int, machine: Record) -> int:
    """Cycles the DRAM port is taken by so many bytes."""
    if machine.dram_numerator == 0:
        return 0
    return ceil_div(size * machine.dram_denominator, machine.dram_numerator)


@jit
def new_kind(machine: Record, layer: Record, mapping: Record, program: Record, walk: Record, out: Ints) -> None:
    """Fill the figures of the current tile's kind."""
    x, burst = walk.extent, machine.burst_bytes
    weights, sums = operand_words(x, WEIGHTS), operand_words(x, OUTPUTS)
    out[WEIGHTS_BYTES] = port_bytes(weights, machine.bits[WEIGHTS], layer.compression[WEIGHTS], burst)
    out[OUTPUTS_BYTES] = port_bytes(sums, machine.bits[OUTPUTS], layer.compression[OUTPUTS], burst)
    out[SUMS_BYTES] = port_bytes(sums, machine.bits[SUM_BITS], FIXED_POINT, burst)
    out[STORE_CYCLES] = port_cycles(out[OUTPUTS_BYTES], machine)
    tile_words(machine, layer, mapping, program, x, out)
    tile_cycles(machine, program, walk.kind & FIRST, out)


@jit
def fill_kind(machine: Record, layer: Record, mapping: Record, program: Record, walk: Record, kinds: Ints) -> None:
    """Fill the figures of the current tile's kind, its words from its twin if there is one.

    The twin has the same extents, and differs in whether partial sums precede it.
    """
    out, twin = kinds[walk.kind], kinds[walk.kind ^ FIRST]
    if twin[TILES] == 0:
        new_kind(machine, layer, mapping, program, walk, out)
        return
    for figure in range(TILES):
        out[figure] = twin[figure]
    tile_cycles(machine, program, walk.kind & FIRST, out)


@jit
def load_inputs(walk: Record, turned: int, machine: Record, layer: Record, tile: Ints, totals: Ints) -> int:
    """Account for the inputs that the current tile loads, whose outermost turned loop is at `turned`; return bytes."""
    size = 0
    if turned <= walk.depth[INPUTS] and not layer.resident[INPUTS]:
        words = loaded_inputs(walk, machine, layer, tile)
        size = port_bytes(words, machine.bits[INPUTS], layer.compression[INPUTS], machine.burst_bytes)
        totals[LOADED_INPUTS] += words
        totals[DRAM_INPUTS] += size
    return size


@jit
def load_weights(walk: Record, turned: int, layer: Record, kind: Ints, totals: Ints) -> int:
    """Account for the weights that the current tile loads; return their bytes."""
    if turned > walk.depth[WEIGHTS] or layer.resident[WEIGHTS]:
        return 0
    totals[LOADED_WEIGHTS] += operand_words(walk.extent, WEIGHTS)
    totals[DRAM_WEIGHTS] += kind[WEIGHTS_BYTES]
    return kind[WEIGHTS_BYTES]


@jit
def load_addends(machine: Record, layer: Record, kind: Ints, totals: Ints) -> int:
    """Account for what is added to the outputs that the current tile completes; return its bytes.

    The tensors have the outputs' shape and width before any pool, and count as inputs at the DRAM port.
    """
    each = port_bytes(kind[SUMS], machine.bits[OUTPUTS], layer.addends_compression, machine.burst_bytes)
    size = layer.addends * each
    totals[LOADED_ADDENDS] += layer.addends * kind[SUMS]
    totals[DRAM_INPUTS] += size
    return size


@jit
def load_sums(
    walk: Record, turned: int, next_turned: int, machine: Record, layer: Record, kind: Ints, totals: Ints
) -> int:
    """Account for partial sums that return, and for what is added to the outputs that the tile completes."""
    size = 0
    if turned <= walk.depth[OUTPUTS] and not walk.kind & FIRST and not layer.resident[OUTPUTS]:
        totals[LOADED_SUMS] += kind[SUMS]
        totals[DRAM_OUTPUTS_READ] += kind[SUMS_BYTES]
        size += kind[SUMS_BYTES]
    if layer.addends > 0 and next_turned <= walk.depth[OUTPUTS] and sums_complete(walk):
        size += load_addends(machine, layer, kind, totals)
    return size


@jit
def load_cycles(
    walk: Record,
    turned: int,
    next_turned: int,
    machine: Record,
    layer: Record,
    tile: Ints,
    kind: Ints,
    totals: Ints,
) -> tuple[int, int]:
    """Account for all that the current tile loads; return the port cycles of the early operand and of the rest."""
    inputs = load_inputs(walk, turned, machine, layer, tile, totals)
    weights = load_weights(walk, turned, layer, kind, totals)
    sums = load_sums(walk, turned, next_turned, machine, layer, kind, totals)
    if turned < 0:
        totals[FIRST_WEIGHTS_BYTES] = weights
        weights -= layer.prefetched_bytes
    if machine.early == INPUTS:
        return port_cycles(inputs, machine), port_cycles(weights + sums, machine)
    if machine.early == WEIGHTS:
        return port_cycles(weights, machine), port_cycles(inputs + sums, machine)
    return 0, port_cycles(inputs + weights + sums, machine)


@jit
def executed_macs(layer: Record, mapping: Record) -> int:
    """MACs that PEs execute: all, or what is left where zero weights are skipped."""
    return layer.macs * layer.skip >> FIXED_POINT_BITS if mapping.skips else layer.macs


@jit
def store_tile(walk: Record, machine: Record, kind: Ints, totals: Ints) -> int:
    """Account for the store of the current tile's outputs, final or partial sums; return its port cycles."""
    if sums_complete(walk):
        totals[STORED_OUTPUTS] += kind[SUMS]
        totals[DRAM_OUTPUTS_WRITTEN] += kind[OUTPUTS_BYTES]
        return kind[STORE_CYCLES]
    totals[STORED_SUMS] += kind[SUMS]
    totals[DRAM_OUTPUTS_WRITTEN] += kind[SUMS_BYTES]
    return port_cycles(kind[SUMS_BYTES], machine)


@jit
def count_transfers(machine: Record, early: int, load: int, store: int, totals: Ints) -> None:
    """Account for the DMA transactions of a tile, given the port cycles of each; without any there is none."""
    transactions = (early > 0) + (load > 0) + (store > 0)
    totals[PORT_CYCLES] += early + load + store
    totals[DMA_CYCLES] += early + load + store + transactions * machine.latency_cycles


@jit
def add_kinds(kinds: Ints, n: int, initial: int, totals: Ints) -> None:
    """Add the figures of all kinds of tile, as often as each occurs; `initial`: first partial sums are read, too."""
    for kind in range(n):
        tiles = kinds[kind, TILES]
        if tiles > 0:
            for f in range(FIGURES):
                totals[f] += tiles * kinds[kind, f]
            first = kinds[kind, SUMS] if kind & FIRST and not initial else 0
            totals[SUMS_READ] += tiles * (kinds[kind, BUS_OUTPUTS] - first)
            totals[ALL_TILES] += tiles


@jit
def overlap(machine: Record, layer: Record, mapping: Record, totals: Ints) -> None:
    """Let the first loads and the last stores of the layer lie beneath its neighbours: the longer of array and port.

    Nothing is rounded between tiles either: where a PE does several MACs a cycle, those of the next tile fill the last.
    """
    if totals[DELIVERY_CYCLES] == 0:
        cycles = ceil_div(totals[MAC_STEPS], machine.macs_per_cycle * packed_taps(layer, mapping))
        totals[ARRAY_CYCLES] -= totals[MAC_CYCLES] - cycles
        totals[MAC_CYCLES] = cycles
    size = totals[DRAM_INPUTS] + totals[DRAM_WEIGHTS] + totals[DRAM_OUTPUTS_READ] + totals[DRAM_OUTPUTS_WRITTEN]
    totals[PORT_CYCLES] = port_cycles(size, machine)
    totals[CYCLES] = max(totals[ARRAY_CYCLES], totals[PORT_CYCLES])


@jit
def evaluate(
    machine: Record,
    layer: Record,
    mapping: Record,
    program: Record,
    walk: Record,
    state: Ints,
    kinds: Ints,
    totals: Ints,
) -> bool:
    """Fill `totals` [TOTALS] for one mapping; return False (totals undefined) if its tiles do not fit.

    Scratch, made by `simulator.cost.convert.make_scratch`: `program`, `walk`, `state`, `kinds` [MAX_KINDS,
    KIND_FIGURES].
    """
    start_walk(machine, layer, mapping, walk)
    set_program(mapping, machine.forwarding, program)
    if not fits(walk, machine, layer, mapping, program):
        return False
    fill(totals, 0)
    fill(state, 0)
    for kind in range(walk.kinds):
        kinds[kind, TILES] = 0
    port = (machine.early_slots, machine.slots, machine.out_slots, machine.channels, machine.latency_cycles)
    turned, i = -1, 0
    while True:
        kind = kinds[walk.kind]
        if kind[TILES] == 0:
            fill_kind(machine, layer, mapping, program, walk, kinds)
        kind[TILES] += 1
        next_turned = outermost_turn(walk)
        early, load = load_cycles(walk, turned, next_turned, machine, layer, mapping.tile, kind, totals)
        store = 0
        if next_turned <= walk.depth[OUTPUTS] and not layer.resident[OUTPUTS]:
            store = store_tile(walk, machine, kind, totals)
        count_transfers(machine, early, load, store, totals)
        advance(state, i, early, load, kind[ARRAY_CYCLES], store, port)
        i += 1
        turned = next_turned
        if turned < 0:
            break
        turn(walk, turned, mapping.tile)
    add_kinds(kinds, walk.kinds, machine.initial_sums, totals)
    totals[EXECUTED_MACS] = executed_macs(layer, mapping)
    totals[REGISTERS] = mapping.retains
    ahead = port_cycles(layer.prefetch_bytes, machine)
    totals[CYCLES] = finish(state, i, ahead, port)
    if machine.overlapped:
        overlap(machine, layer, mapping, totals)
    return True
