"""What each tile moves: its loads and its store as bytes, runs and descriptors, and the cycles they take at the port.

A tile loads the operands whose indices changed, and stores the outputs whose indices change next; partial sums that
return later are loaded again. Tiles of equal extents are of one edge variant (a dimension has at most two extents), so
their figures are found once a variant.
"""

from simulator.cost.case import (
    COLUMNS,
    FIXED_POINT,
    FIXED_POINT_BITS,
    INPUTS,
    NONE,
    OUTERMOST,
    OUTPUTS,
    RESIDUALS,
    ROWS,
    SUM_BITS,
    WEIGHTS,
    Case,
    Record,
    Scratch,
)
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit
from simulator.cost.layout import packed_bytes, packed_transfer, transfer
from simulator.cost.reuse import operand_words
from simulator.cost.tiles import FIRST, loaded_inputs, sums_complete


@jit
def port_cycles(size: int, machine: Record) -> int:
    """Cycles the DRAM port is taken by so many bytes."""
    if machine.dram_numerator == 0:
        return 0
    return ceil_div(size * machine.dram_denominator, machine.dram_numerator)


@jit
def weights_at_port(size: int, machine: Record) -> int:
    """Bytes of activations that take the port as long as so many bytes of weights, from a memory of their own.

    = ceil(size x ratio), where the ratio is that of a byte's times.
    """
    return size + (((size * (machine.weights_ratio - FIXED_POINT) - 1) >> FIXED_POINT_BITS) + 1)


@jit
def transfer_cycles(size: int, descriptors: int, machine: Record) -> int:
    """Cycles of a transfer at the port: those of its bytes, or those of its descriptors where the engine takes longer.

    The engine sets up a descriptor while it moves what the one before describes.
    """
    return max(port_cycles(size, machine), descriptors * machine.descriptor_cycles)


@jit
def inputs_transfer(case: Case, scratch: Scratch, words: int, variant: Record) -> tuple[int, int, int]:
    """Bytes, contiguous runs and descriptors of the inputs of the current tile, of which `loaded_inputs` noted the box.

    Boxes of one variant that are as long, and begin in the interior or at the same edge, begin at the same place modulo
    a granule: what the last one made holds. What halos leave to load begins anywhere.
    """
    machine, layer, tiles = case.machine, case.layer, scratch.tiles
    if layer.tiled[INPUTS]:
        return packed_transfer(machine, layer, words, INPUTS)
    rows, columns = tiles.box[ROWS], tiles.box[COLUMNS]
    at_edge = 2 * int(tiles.start[ROWS] == 0) + int(tiles.start[COLUMNS] == 0)
    same = rows == variant.box_rows and columns == variant.box_columns and at_edge == variant.box_at_edge
    if machine.keeps_halo or not same:
        size, runs, descriptors = transfer(tiles, machine, layer, case.mapping.tile, INPUTS, words)
        variant.box_rows, variant.box_columns, variant.box_at_edge = rows, columns, at_edge
        variant.inputs_bytes, variant.inputs_runs, variant.inputs_descriptors = size, runs, descriptors
    return variant.inputs_bytes, variant.inputs_runs, variant.inputs_descriptors


@jit
def fill_transfers(case: Case, scratch: Scratch, out: Record) -> None:
    """Fill in what tiles of `tiles.extent` move, of the inputs what the first of all would; at the first tile."""
    machine, layer, tiles, tile = case.machine, case.layer, scratch.tiles, case.mapping.tile
    weights, sums = operand_words(tiles.extent, WEIGHTS), operand_words(tiles.extent, OUTPUTS)
    out.box_rows = NONE  # no box of inputs is known
    inputs_transfer(case, scratch, loaded_inputs(tiles, machine, layer, tile, NONE), out)
    size, runs, descriptors = transfer(tiles, machine, layer, tile, WEIGHTS, weights)
    out.weights_bytes, out.weights_runs, out.weights_descriptors = size, runs, descriptors
    size, runs, descriptors = transfer(tiles, machine, layer, tile, OUTPUTS, sums)
    out.outputs_bytes, out.outputs_runs, out.outputs_descriptors = size, runs, descriptors
    out.sums_bytes = packed_bytes(sums, machine.bits[SUM_BITS], FIXED_POINT, machine.burst_bytes)


@jit
def count_load(totals: Record, operand: int, words: int, size: int, runs: int) -> None:
    """Account for words of an operand from DRAM, their bytes at its port and contiguous runs."""
    totals.loaded[operand] += words
    totals.dram_read[operand] += size
    totals.dma_runs += runs


@jit
def load_inputs(case: Case, scratch: Scratch, advanced: int, variant: Record) -> tuple[int, int]:
    """Account for the inputs that the current tile loads, whose outermost advanced loop is at `advanced`.

    Return bytes and DMA descriptors. What no level outside the PEs holds comes from DRAM whenever the PEs take it, in
    one run.
    """
    machine, layer, tiles, totals = case.machine, case.layer, scratch.tiles, scratch.totals
    home = machine.outermost[INPUTS]
    if layer.resident[INPUTS] or (home == OUTERMOST and advanced > tiles.depth[INPUTS]):
        return 0, 0
    if tiles.whole[INPUTS] > 0:
        words = tiles.whole[INPUTS]
        size, runs, descriptors = packed_transfer(machine, layer, words, INPUTS)
    elif home == OUTERMOST:
        words = loaded_inputs(tiles, machine, layer, case.mapping.tile, advanced)
        size, runs, descriptors = inputs_transfer(case, scratch, words, variant)
    else:
        words = variant.crossed[home, INPUTS]
        size, runs, descriptors = packed_transfer(machine, layer, words, INPUTS)
    count_load(totals, INPUTS, words, size, runs)
    return size, descriptors


@jit
def load_weights(case: Case, scratch: Scratch, advanced: int, variant: Record) -> tuple[int, int]:
    """Account for the weights that the current tile loads; return their bytes and DMA descriptors."""
    machine, layer, tiles, totals = case.machine, case.layer, scratch.tiles, scratch.totals
    home = machine.outermost[WEIGHTS]
    if layer.resident[WEIGHTS] or (home == OUTERMOST and advanced > tiles.depth[WEIGHTS]):
        return 0, 0
    words, size = operand_words(tiles.extent, WEIGHTS), variant.weights_bytes
    runs, descriptors = variant.weights_runs, variant.weights_descriptors
    if tiles.whole[WEIGHTS] > 0 or home != OUTERMOST:
        words = tiles.whole[WEIGHTS] if home == OUTERMOST else variant.crossed[home, WEIGHTS]
        size, runs, descriptors = packed_transfer(machine, layer, words, WEIGHTS)
    count_load(totals, WEIGHTS, words, size, runs)
    return size, descriptors


@jit
def load_parameters(case: Case, scratch: Scratch) -> tuple[int, int]:
    """Account for the parameters of fused ops, which come in one run with the first tile and stay for the others.

    They are as wide as weights, which they count as. Return bytes and DMA descriptors.
    """
    machine, totals, words = case.machine, scratch.totals, case.layer.parameters
    if words == 0:
        return 0, 0
    size = packed_bytes(words, machine.bits[WEIGHTS], FIXED_POINT, machine.burst_bytes)
    totals.loaded_parameters += words
    totals.dram_read[WEIGHTS] += size
    totals.dma_runs += 1
    return size, 1


@jit
def load_residuals(case: Case, scratch: Scratch, variant: Record) -> tuple[int, int]:
    """Account for what is added to the outputs that the current tile completes; return its bytes and DMA descriptors.

    The tensors have the outputs' shape and width before any pool, and count as inputs at the DRAM port.
    """
    machine, layer, totals, n = case.machine, case.layer, scratch.totals, case.layer.residuals
    size, runs, each = transfer(scratch.tiles, machine, layer, case.mapping.tile, RESIDUALS, variant.sums)
    totals.loaded_residuals += n * variant.sums
    totals.dram_read[INPUTS] += n * size
    totals.dma_runs += n * runs
    return n * size, n * each


@jit
def load_sums(case: Case, scratch: Scratch, advanced: int, next_advanced: int, variant: Record) -> tuple[int, int]:
    """Account for partial sums that return, and for what is added to the outputs that the tile completes.

    Partial sums are the layer's own affair, and lie in DRAM tile by tile.
    """
    machine, layer, tiles, totals, size = case.machine, case.layer, scratch.tiles, scratch.totals, 0
    home = machine.outermost[OUTPUTS]
    if layer.resident[OUTPUTS]:
        words = 0
    elif home != OUTERMOST:
        words = variant.returned[home]
        size = packed_bytes(words, machine.bits[SUM_BITS], FIXED_POINT, machine.burst_bytes)
    elif advanced <= tiles.depth[OUTPUTS] and not tiles.variant & FIRST:
        words, size = variant.sums, variant.sums_bytes
    else:
        words = 0
    descriptors = 1 if words > 0 else 0
    count_load(totals, OUTPUTS, words, size, descriptors)
    if layer.residuals > 0 and next_advanced <= tiles.depth[OUTPUTS] and sums_complete(tiles):
        added, more = load_residuals(case, scratch, variant)
        size, descriptors = size + added, descriptors + more
    return size, descriptors


@jit
def load_cycles(case: Case, scratch: Scratch, advanced: int, next_advanced: int, variant: Record) -> tuple[int, int]:
    """Account for all that the current tile loads; return the port cycles of the operand with deeper buffering, and of
    the rest.
    """  # fmt: skip
    machine, totals = case.machine, scratch.totals
    inputs, for_inputs = load_inputs(case, scratch, advanced, variant)
    weights, for_weights = load_weights(case, scratch, advanced, variant)
    sums, for_sums = load_sums(case, scratch, advanced, next_advanced, variant)
    if advanced < 0:
        beside, for_beside = load_parameters(case, scratch)
        weights, for_weights = weights + beside, for_weights + for_beside
        totals.first_weights_bytes = weights
        weights -= case.layer.prefetched_bytes
        for_weights = for_weights if weights > 0 else 0
    weights = weights_at_port(weights, machine)
    totals.dma_descriptors += for_inputs + for_weights + for_sums
    if machine.deeper_operand == INPUTS:
        rest = transfer_cycles(weights + sums, for_weights + for_sums, machine)
        return transfer_cycles(inputs, for_inputs, machine), rest
    if machine.deeper_operand == WEIGHTS:
        rest = transfer_cycles(inputs + sums, for_inputs + for_sums, machine)
        return transfer_cycles(weights, for_weights, machine), rest
    return 0, transfer_cycles(inputs + weights + sums, for_inputs + for_weights + for_sums, machine)


@jit
def store_cycles(case: Case, scratch: Scratch, next_advanced: int, variant: Record) -> int:
    """Account for the store of the current tile's outputs, if they change next; return its port cycles.

    They are final outputs or partial sums. Where no level outside the PEs holds them, what leaves the PEs is both: all
    but the last of each are partial sums.
    """
    machine, layer, tiles, totals = case.machine, case.layer, scratch.tiles, scratch.totals
    home, words, size = machine.outermost[OUTPUTS], variant.sums, variant.sums_bytes
    if layer.resident[OUTPUTS] or (home == OUTERMOST and next_advanced > tiles.depth[OUTPUTS]):
        return 0
    final = sums_complete(tiles)
    if home != OUTERMOST:
        words = variant.crossed[home, OUTPUTS] - (variant.sums if final else 0)
        size = packed_bytes(words, machine.bits[SUM_BITS], FIXED_POINT, machine.burst_bytes)
    elif final:
        words, size = 0, 0
    runs = descriptors = 1 if words > 0 else 0
    totals.stored_sums += words
    if final:
        totals.stored_outputs += variant.sums
        size += variant.outputs_bytes
        runs, descriptors = runs + variant.outputs_runs, descriptors + variant.outputs_descriptors
    totals.dram_written += size
    totals.dma_runs += runs
    totals.dma_descriptors += descriptors
    return transfer_cycles(size, descriptors, machine)


@jit
def count_transfers(port: Record, deeper: int, load: int, store: int, totals: Record) -> None:
    """Account for the DMA transactions of a tile, given the port cycles of each; without any there is none."""
    transactions = int(deeper > 0) + int(load > 0) + int(store > 0)
    totals.port_cycles += deeper + load + store
    totals.dma_cycles += deeper + load + store + transactions * port.latency_cycles
