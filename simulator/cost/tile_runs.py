"""The tiles of a mapping one by one, as data: what each moves and computes, in runs of equal ones.

A timeline plays them. The search and `simulator.cost.evaluate` need their sums alone, and never make this list.
"""

import numpy as np

from simulator.cost.case import (
    INPUTS,
    NONE,
    ONE,
    OUTERMOST,
    RESIDUALS,
    WEIGHTS,
    ZERO,
    Case,
    Record,
    Records,
    Scratch,
    record_type,
)
from simulator.cost.energy import read_bytes
from simulator.cost.jit import jit
from simulator.cost.layout import transfer
from simulator.cost.play import clear
from simulator.cost.tiles import next_tile, outermost_loop, start_tiles
from simulator.cost.transfers import load_cycles, store_cycles

TILE_RUN = record_type(
    [
        (name, np.int64)
        for name in (
            *("deeper", "load", "compute", "store", "deeper_bytes", "load_bytes", "store_bytes", "count"),
            *("inputs_bytes", "weights_bytes", "load_runs", "weights_runs", "store_runs"),
        )
    ]
)
"""`count` equal tiles in a row: port and array cycles of each, see `simulator.cost.pipeline`, and bytes at the port.

Of what is loaded, `inputs_bytes`, residual operands among them, and `weights_bytes`; in so many contiguous runs.
"""


@jit
def residual_bytes(case: Case, scratch: Scratch, words_before: int, variant: Record) -> int:
    """Bytes of what is added to the outputs of the current tile, if it has just loaded any; see `load_residuals`."""
    if scratch.totals.loaded_residuals == words_before:
        return 0
    tiles, tile = scratch.tiles, case.mapping.tile
    return case.layer.residuals * transfer(tiles, case.machine, case.layer, tile, RESIDUALS, variant.sums)[0]


@jit
def weights_runs(case: Case, scratch: Scratch, words_before: int, parameters_before: int, variant: Record) -> int:
    """Contiguous runs of the weights that the current tile has just loaded, and of the parameters of fused ops."""
    tiles, totals, runs = scratch.tiles, scratch.totals, ZERO
    if totals.loaded[WEIGHTS] > words_before:
        in_one = tiles.whole[WEIGHTS] > 0 or case.machine.outermost[WEIGHTS] != OUTERMOST
        runs = ONE if in_one else variant.weights_runs
    return runs + int(totals.loaded_parameters > parameters_before)


@jit
def fill_run(case: Case, scratch: Scratch, advanced: int, next_advanced: int, variant: Record, run: Record) -> None:
    """Fill in what the current tile moves and computes.

    What came of the first tile's weights before the layer began does not cross the port any more. Of the operand with
    deeper buffering, bytes are its own: residuals count as inputs, but come with the rest.
    """
    totals, deeper = scratch.totals, case.machine.deeper_operand
    read, written, residuals = read_bytes(totals), totals.dram_written, totals.loaded_residuals
    runs_before, words, parameters = totals.dma_runs, totals.loaded[WEIGHTS], totals.loaded_parameters
    inputs, weights = totals.dram_read[INPUTS], totals.dram_read[WEIGHTS]
    run.deeper, run.load = load_cycles(case, scratch, advanced, next_advanced, variant)
    run.compute = variant.array_cycles
    runs_between = totals.dma_runs
    run.store = store_cycles(case, scratch, next_advanced, variant)
    came = case.layer.prefetched_bytes if advanced < 0 else ZERO
    run.deeper_bytes = 0
    if deeper == INPUTS:
        added = residual_bytes(case, scratch, residuals, variant)
        run.deeper_bytes = totals.dram_read[INPUTS] - inputs - added
    elif deeper == WEIGHTS:
        run.deeper_bytes = totals.dram_read[WEIGHTS] - weights - came
    run.load_bytes = read_bytes(totals) - read - came - run.deeper_bytes
    run.store_bytes = totals.dram_written - written
    run.store_runs = totals.dma_runs - runs_between
    run.inputs_bytes = totals.dram_read[INPUTS] - inputs
    run.weights_bytes = totals.dram_read[WEIGHTS] - weights - came
    of_weights = weights_runs(case, scratch, words, parameters, variant)
    run.weights_runs = of_weights if run.weights_bytes > 0 else 0
    run.load_runs = runs_between - runs_before - of_weights + run.weights_runs
    run.count = 1


@jit
def alike(run: Record, other: Record) -> bool:
    """Tell whether tiles of two runs move and compute the same."""
    cycles = run.deeper == other.deeper and run.load == other.load and run.store == other.store
    moved = run.deeper_bytes == other.deeper_bytes and run.load_bytes == other.load_bytes
    stored = run.store_bytes == other.store_bytes and run.store_runs == other.store_runs
    loaded = run.inputs_bytes == other.inputs_bytes and run.weights_bytes == other.weights_bytes
    pieces = run.load_runs == other.load_runs and run.weights_runs == other.weights_runs
    return cycles and moved and stored and loaded and pieces and run.compute == other.compute


@jit
def list_runs(case: Case, scratch: Scratch, runs: Records) -> int:
    """List the tiles of a mapping in the order in which they are played; return how many runs they are.

    The mapping was evaluated with the same `scratch`, whose edge variants are known therefore. `runs` has room for as
    many as there are tiles.
    """
    tiles, advanced, n = scratch.tiles, NONE, 0
    start_tiles(case.machine, case.layer, case.mapping, tiles)
    clear(scratch.totals)
    while True:
        next_advanced = outermost_loop(tiles)
        fill_run(case, scratch, advanced, next_advanced, scratch.variants[tiles.variant], runs[n])
        if n > 0 and alike(runs[n - 1], runs[n]):
            runs[n - 1].count += 1
        else:
            n += 1
        advanced = next_advanced
        if advanced < 0:
            return n
        next_tile(tiles, advanced, case.mapping.tile)
