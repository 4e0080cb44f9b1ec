"""Evaluate one mapping of one layer: play its tiles, add up words, bytes and cycles.

A tile loads the operands whose indices changed, computes, and stores the outputs whose indices change next; partial
sums that return later are loaded again. Tiles of equal extents are of one edge variant (a dimension has at most two
extents), so the array is evaluated once a variant.
"""

from simulator.cost.array import pace_of, packed_taps, tile_cycles, tile_words
from simulator.cost.case import (
    COLUMNS,
    FIXED_POINT,
    INPUTS,
    NONE,
    OUTERMOST,
    OUTPUTS,
    RESIDUALS,
    ROWS,
    SUM_BITS,
    WEIGHTS,
    ZERO,
    Case,
    Record,
    Scratch,
)
from simulator.cost.energy import executed_macs
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit, jit_inside
from simulator.cost.layout import packed_bytes, packed_transfer, transfer
from simulator.cost.pipeline import advance, finish, reset
from simulator.cost.reuse import operand_words, set_reuse
from simulator.cost.tiles import FIRST, fits, loaded_inputs, next_tile, outermost_loop, start_tiles, sums_complete
from simulator.cost.traffic import layer_traffic


@jit
def port_cycles(size: int, machine: Record) -> int:
    """Cycles the DRAM port is taken by so many bytes."""
    if machine.dram_numerator == 0:
        return 0
    return ceil_div(size * machine.dram_denominator, machine.dram_numerator)


@jit
def transfer_cycles(size: int, descriptors: int, machine: Record) -> int:
    """Cycles of a transfer at the port: those of its bytes, or those of its descriptors where the engine takes longer.

    The engine sets up a descriptor while it moves what the one before describes.
    """
    return max(port_cycles(size, machine), descriptors * machine.descriptor_cycles)


@jit
def new_variant(case: Case, scratch: Scratch, out: Record) -> None:
    """Fill the figures of the current tile's edge variant, but for what depends on partial sums before it."""
    machine, layer, tiles, tile = case.machine, case.layer, scratch.tiles, case.mapping.tile
    extent = tiles.extent
    weights, sums = operand_words(extent, WEIGHTS), operand_words(extent, OUTPUTS)
    out.box_rows = NONE  # the variant has loaded nothing yet
    size, runs, descriptors = transfer(tiles, machine, layer, tile, WEIGHTS, weights)
    out.weights_bytes, out.weights_runs, out.weights_descriptors = size, runs, descriptors
    size, runs, descriptors = transfer(tiles, machine, layer, tile, OUTPUTS, sums)
    out.outputs_bytes, out.outputs_runs, out.outputs_descriptors = size, runs, descriptors
    out.sums_bytes = packed_bytes(sums, machine.bits[SUM_BITS], FIXED_POINT, machine.burst_bytes)
    tile_words(machine, layer, case.mapping, extent, scratch, out)


@jit_inside
def fill_variant(case: Case, scratch: Scratch) -> None:
    """Fill the figures of the current tile's edge variant, its words from its twin if there is one.

    The twin has the same extents, and differs in whether partial sums precede it.
    """
    variant, variants = scratch.tiles.variant, scratch.variants
    twin = variant ^ FIRST
    if variants[twin].tiles == 0:
        new_variant(case, scratch, variants[variant])
    else:
        variants[variant] = variants[twin]
        variants[variant].tiles = 0
    tile_cycles(case.machine, scratch.reuse, variant & FIRST, variants[variant])


@jit_inside
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
def load_inputs(case: Case, scratch: Scratch, advanced: int, variant: Record) -> tuple[int, int]:
    """Account for the inputs that the current tile loads, whose outermost advanced loop is at `advanced`.

    Return bytes and DMA descriptors. What no level outside the PEs holds comes from DRAM whenever the PEs take it, in
    one run.
    """
    machine, layer, tiles, totals = case.machine, case.layer, scratch.tiles, scratch.totals
    home = machine.outermost[INPUTS]
    if layer.resident[INPUTS] or (home == OUTERMOST and advanced > tiles.depth[INPUTS]):
        return 0, 0
    if home == OUTERMOST:
        words = loaded_inputs(tiles, machine, layer, case.mapping.tile, advanced)
        size, runs, descriptors = inputs_transfer(case, scratch, words, variant)
    else:
        words = variant.crossed[home, INPUTS]
        size, runs, descriptors = packed_transfer(machine, layer, words, INPUTS)
    totals.loaded[INPUTS] += words
    totals.dram_read[INPUTS] += size
    totals.dma_runs += runs
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
    if home != OUTERMOST:
        words = variant.crossed[home, WEIGHTS]
        size, runs, descriptors = packed_transfer(machine, layer, words, WEIGHTS)
    totals.loaded[WEIGHTS] += words
    totals.dram_read[WEIGHTS] += size
    totals.dma_runs += runs
    return size, descriptors


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
    totals.loaded[OUTPUTS] += words
    totals.dram_read[OUTPUTS] += size
    totals.dma_runs += descriptors
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
        totals.first_weights_bytes = weights
        weights -= case.layer.prefetched_bytes
        for_weights = for_weights if weights > 0 else 0
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


@jit_inside
def play_tiles(case: Case, scratch: Scratch) -> int:
    """Play all tiles, from the first, through the pipeline; return when the last of them is over."""
    tiles, variants, pipe, port = scratch.tiles, scratch.variants, scratch.pipe, case.port
    for i in range(tiles.variants):
        variants[i].tiles = 0
    reset(pipe, port)
    advanced, i = NONE, ZERO
    while True:
        variant = variants[tiles.variant]
        if variant.tiles == 0:
            fill_variant(case, scratch)
        variant.tiles += 1
        next_advanced = outermost_loop(tiles)
        deeper, load = load_cycles(case, scratch, advanced, next_advanced, variant)
        store = store_cycles(case, scratch, next_advanced, variant)
        count_transfers(port, deeper, load, store, scratch.totals)
        advance(pipe, port, i, deeper, load, variant.array_cycles, store)
        i += 1
        advanced = next_advanced
        if advanced < 0:
            return finish(pipe, port, i, port_cycles(case.layer.prefetch_bytes, case.machine))
        next_tile(tiles, advanced, case.mapping.tile)


@jit
def evaluate(case: Case, scratch: Scratch) -> bool:
    """Fill `scratch.totals` and `scratch.moved` for one mapping; return False (both undefined) if its tiles do not fit.

    `simulator.cost.convert` makes the scratch.
    """
    if not begin(case, scratch):
        return False
    totals = scratch.totals
    clear(totals)
    totals.cycles = play_tiles(case, scratch)
    add_variants(case, scratch)
    totals.fill_cycles, totals.wait_cycles = scratch.pipe.fill_cycles, scratch.pipe.wait_cycles
    totals.drain_cycles = totals.cycles - scratch.pipe.array_free
    totals.executed_macs = executed_macs(case.layer, case.mapping)
    totals.retains = case.mapping.retains
    if case.machine.overlapped:
        overlap(case, scratch.reuse, totals)
    layer_traffic(case.machine, totals, scratch.moved)
    return True
