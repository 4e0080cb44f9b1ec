"""Play the tiles of a mapping through the pipeline, one after the other, and jump over iterations that are alike.

Iterations of a DRAM loop are alike if each moves and computes the same, tile by tile, as the one before: all but the
first, the last, and those whose inputs reach into the padding. Time is max and plus, so once the state of the pipeline
after some iterations is the state before them, a while later, it stays so: as many as are left can be jumped over, and
what they add is what those added. So a layer takes as many steps as its tiles differ, not as many as there are.
"""

from simulator.cost.case import NONE, ZERO, Case, P, R, Record, Scratch
from simulator.cost.geometry import box
from simulator.cost.jit import jit
from simulator.cost.pipeline import advance, catch_up, copy, finish, reset, ring_of, shift, uniform_shift
from simulator.cost.tiles import next_tile, outermost_loop
from simulator.cost.transfers import count_transfers, load_cycles, port_cycles, store_cycles, weights_at_port

WORTH = 6
"""Iterations that must be left for the state to be worth comparing."""


@jit
def first_alike(case: Case, d: int) -> int:
    """First iteration of the loop over a dimension that those after it may be like."""
    for axis in range(2):
        if d == P + axis:
            return case.layer.pad[axis] // (case.mapping.tile[d] * case.layer.stride[axis]) + 1
    return 1


@jit
def last_alike(case: Case, tiles: Record, d: int) -> int:
    """Last iteration of the loop over a dimension that may be like those before it; less than the first if none is.

    Along an axis of the map tiles must have whole windows, none of which the next one keeps.
    """
    machine, layer, last = case.machine, case.layer, tiles.trips[d] - 2
    for axis in range(2):
        pixel, tap = P + axis, R + axis
        if d == tap or (d == pixel and (machine.keeps_halo or tiles.trips[tap] > 1)):
            return -1
        if d == pixel:
            step = case.mapping.tile[d] * layer.stride[axis]
            window = box(case.mapping.tile[d], layer.bounds[tap], layer.stride[axis], layer.dilation[axis])
            last = min(last, (layer.input_size[axis] + layer.pad[axis] - max(window, step)) // step)
    return last


@jit
def set_mark(scratch: Scratch, port: Record, j: int, at: int, i: int) -> None:
    """Remember how things stand before iteration `at` of the loop at position j, at tile i."""
    marks, mark = scratch.marks, scratch.marks.states[j]
    mark.at, mark.tile = at, i
    copy(scratch.pipe, marks.pipes[j], port)
    crossed, now = marks.crossed[j], scratch.totals
    crossed.loaded_residuals, crossed.loaded_parameters = now.loaded_residuals, now.loaded_parameters
    crossed.stored_outputs = now.stored_outputs
    crossed.stored_sums, crossed.dram_written = now.stored_sums, now.dram_written
    crossed.port_cycles, crossed.dma_cycles = now.port_cycles, now.dma_cycles
    crossed.dma_runs, crossed.dma_descriptors = now.dma_runs, now.dma_descriptors
    for operand in range(3):
        crossed.loaded[operand], crossed.dram_read[operand] = now.loaded[operand], now.dram_read[operand]


@jit
def add_alike(scratch: Scratch, j: int, times: int) -> None:
    """Count what was moved since the mark once more, so many times."""
    before, now = scratch.marks.crossed[j], scratch.totals
    now.loaded_residuals += times * (now.loaded_residuals - before.loaded_residuals)
    now.loaded_parameters += times * (now.loaded_parameters - before.loaded_parameters)
    now.stored_outputs += times * (now.stored_outputs - before.stored_outputs)
    now.stored_sums += times * (now.stored_sums - before.stored_sums)
    now.dram_written += times * (now.dram_written - before.dram_written)
    now.port_cycles += times * (now.port_cycles - before.port_cycles)
    now.dma_cycles += times * (now.dma_cycles - before.dma_cycles)
    now.dma_runs += times * (now.dma_runs - before.dma_runs)
    now.dma_descriptors += times * (now.dma_descriptors - before.dma_descriptors)
    for operand in range(3):
        now.loaded[operand] += times * (now.loaded[operand] - before.loaded[operand])
        now.dram_read[operand] += times * (now.dram_read[operand] - before.dram_read[operand])


@jit
def jump(case: Case, scratch: Scratch, j: int, i: int) -> int:
    """Jump over iterations of the loop at position j, which is about to advance after tile i - 1; return the next tile.

    None is jumped over unless the state repeats with the tiles in the same slots and channels.
    """
    tiles, pipe, port, mark = scratch.tiles, scratch.pipe, case.port, scratch.marks.states[j]
    d = tiles.order[j]
    at = tiles.at[d] + 1
    if at < mark.first or at > mark.last - WORTH:
        return i
    if case.layer.prefetch_bytes == 0:
        catch_up(pipe, port)
    since, passed = i - mark.tile, at - mark.at
    if mark.at == NONE:
        set_mark(scratch, port, j, at, i)
    elif since % (ring_of(port) * port.channels) == 0:
        before, times = scratch.marks.pipes[j], (mark.last + 1 - at) // passed
        if times > 0 and uniform_shift(before, pipe, port):
            pipe.wait_cycles += times * (pipe.wait_cycles - before.wait_cycles)
            shift(pipe, port, times * (pipe.array_free - before.array_free))
            add_alike(scratch, j, times)
            tiles.at[d] += times * passed
            mark.at = NONE
            return i + times * since
        set_mark(scratch, port, j, at, i)
    return i


@jit
def forget_marks(case: Case, scratch: Scratch, jumps: int) -> None:
    """Find which iterations of each loop are alike, none where tiles shall be played one by one."""
    tiles, states = scratch.tiles, scratch.marks.states
    for j in range(tiles.loops):
        states[j].at = NONE
        states[j].first = first_alike(case, tiles.order[j])
        states[j].last = last_alike(case, tiles, tiles.order[j]) if jumps else NONE


@jit
def clear(totals: Record) -> None:
    """Let nothing have crossed the DRAM port."""
    totals.loaded_residuals = totals.stored_outputs = totals.stored_sums = totals.dram_written = 0
    totals.port_cycles = totals.dma_cycles = totals.dma_runs = totals.dma_descriptors = 0
    totals.loaded_parameters = 0
    for operand in range(3):
        totals.loaded[operand] = totals.dram_read[operand] = 0


@jit
def play_tiles(case: Case, scratch: Scratch, jumps: int, most_cycles: float) -> bool:
    """Play all tiles, from the first, through the pipeline, and note when the last of them is over.

    Return False as soon as that must be after `most_cycles`: what was waited for so far, and all that the array takes;
    or when no more tiles may be played. With `jumps` 0 no tile is jumped over.
    """
    tiles, pipe, port, totals = scratch.tiles, scratch.pipe, case.port, scratch.totals
    clear(totals)
    reset(pipe, port)
    forget_marks(case, scratch, jumps)
    advanced, i = NONE, ZERO
    while True:
        variant = scratch.variants[tiles.variant]
        next_advanced = outermost_loop(tiles)
        deeper, load = load_cycles(case, scratch, advanced, next_advanced, variant)
        store = store_cycles(case, scratch, next_advanced, variant)
        count_transfers(port, deeper, load, store, totals)
        advance(pipe, port, i, deeper, load, variant.array_cycles, store)
        if pipe.fill_cycles + pipe.wait_cycles + totals.array_cycles > most_cycles:
            return False
        i += 1
        scratch.work.left -= 1
        if scratch.work.left < 0:
            return False
        advanced = next_advanced
        if advanced < 0:
            ahead = weights_at_port(case.layer.prefetch_bytes, case.machine)
            totals.cycles = finish(pipe, port, i, port_cycles(ahead, case.machine))
            return True
        for inner in range(advanced + 1, tiles.loops):
            scratch.marks.states[inner].at = NONE
        i = jump(case, scratch, advanced, i)
        next_tile(tiles, advanced, case.mapping.tile)
