"""The array's program on one buffer tile: words moved and cycles taken, in closed form.

Inside a tile the loops of `buffer_order` run step by step. At each step the array covers `spatial * registers` of every
dimension. An operand's registers are filled again whenever a loop turns that is, or lies outside of, the innermost
loop that indexes the operand (its *reload depth*); loops further in reuse what is there. Loops that make a single turn
in a full tile do not count. Every quantity is then a product over dimensions of the sum over that dimension's steps.
"""

import numpy as np

from simulator.kernels.geometry import axis_words, ceil_div
from simulator.kernels.jit import jit
from simulator.kernels.params import (
    FIXED_POINT_BITS,
    INPUTS,
    OUTPUTS,
    RELEVANT,
    SUM_BITS,
    WEIGHTS,
    C,
    G,
    Ints,
    N,
    P,
    Q,
    R,
    Record,
    S,
)

# One tile's figures, by position. Words are counted at the operand's own precision.
(
    MAC_CYCLES,
    BUS_INPUTS,  # words read from the buffer
    BUS_WEIGHTS,
    BUS_OUTPUTS,  # partial sums written to the buffer
    SUMS,  # of these, written for the first time in this tile
    PES_INPUTS,  # words that arrive in PEs
    PES_WEIGHTS,
    PES_OUTPUTS,  # partial sums that leave PEs
    PASSES,  # fills of the most stationary operand
    ARRAY_CYCLES,
    DELIVERY_CYCLES,  # of these, in excess of the MACs because an operand's network is slower
    PRELOAD_CYCLES,
    SKEW_CYCLES,
    FIGURES,
) = range(14)


@jit
def array_extents(tile: Ints, lowered: int, out: Ints) -> None:
    """Extents that the array sees: the tile's own, or those of its matrix product [N*P*Q, C*R*S] x [C*R*S, K]."""
    for d in range(8):
        out[d] = tile[d]
    if lowered:
        out[C] = tile[C] * tile[R] * tile[S]
        out[P] = tile[N] * tile[P] * tile[Q]
        out[N] = out[Q] = out[R] = out[S] = 1


@jit
def reload_depth(order: Ints, turns: Ints, operand: int) -> int:
    """Position in `order` of the innermost loop that indexes the operand and turns more than once, or -1."""
    for j in range(7, -1, -1):
        if RELEVANT[operand, order[j]] and turns[order[j]] > 1:
            return j
    return -1


@jit
def slides(loop: int, pixel: int, tap: int, spatial: Ints, forwarding: int) -> int:
    """How input windows overlap along one axis when `loop` turns: 1 over pixels, 2 over filter taps, 0 not.

    A PE can keep its own window; a window spread over PEs moves only where PEs forward inputs to their neighbours.
    """
    if not forwarding and (spatial[pixel] > 1 or spatial[tap] > 1):
        return 0
    return 1 if loop == pixel else 2 if loop == tap else 0


@jit
def set_program(mapping: Record, forwarding: int, program: Record) -> None:
    """Derive the facts of the array program that hold in every tile from the loop bounds of a full one."""
    full = np.empty(8, np.int64)
    turns = np.empty(8, np.int64)
    array_extents(mapping.tile, mapping.lowered, full)
    for d in range(8):
        turns[d] = ceil_div(full[d], mapping.spatial[d] * mapping.registers[d])
    program.slides[0] = program.slides[1] = 0
    for operand in range(3):
        program.stays[operand] = 0
        depth = reload_depth(mapping.buffer_order, turns, operand) if mapping.retains else 7
        for j in range(8):
            d = mapping.buffer_order[j]
            program.reloads[operand, d] = j <= depth
            if j > depth and turns[d] > 1:
                program.stays[operand] = 1
        if operand == INPUTS and mapping.retains and depth >= 0:
            loop = mapping.buffer_order[depth]
            program.slides[0] = slides(loop, P, R, mapping.spatial, forwarding)
            program.slides[1] = slides(loop, Q, S, mapping.spatial, forwarding)


@jit
def reuse_turns(y: Ints, mapping: Record, program: Record, operand: int) -> int:
    """How often each word of the operand crosses its network: once per turn of the outer loops that reuse it."""
    times = 1
    for d in range(8):
        if not RELEVANT[operand, d] and program.reloads[operand, d]:
            times *= ceil_div(y[d], mapping.spatial[d] * mapping.registers[d])
    return times


@jit
def reuse_positions(y: Ints, mapping: Record, program: Record, operand: int) -> int:
    """How many PEs take each word of the operand, summed over its crossings.

    A loop that reloads reaches ceil(y / registers) PE positions over its turns; one that does not is served by one
    crossing to the positions of its fullest turn.
    """
    times = 1
    for d in range(8):
        if not RELEVANT[operand, d]:
            step = mapping.spatial[d] * mapping.registers[d]
            covered = y[d] if program.reloads[operand, d] else min(y[d], step)
            times *= ceil_div(covered, mapping.registers[d])
    return times


@jit
def operand_words(y: Ints, operand: int) -> int:
    """Words of weights or outputs in extents `y`."""
    words = 1
    for d in range(8):
        if RELEVANT[operand, d]:
            words *= y[d]
    return words


@jit
def input_words(y: Ints, layer: Record, mapping: Record, program: Record, per_pe: bool) -> int:
    """Words of inputs that all steps together fetch, for the array as a whole or summed over PEs."""
    if mapping.lowered:
        return y[G] * y[C] * y[P]
    slides_v, slides_h = program.slides[0], program.slides[1]
    step = np.empty(8, np.int64)
    for d in range(8):
        step[d] = mapping.registers[d] if per_pe else mapping.registers[d] * mapping.spatial[d]
    if per_pe:
        slides_v = slides_v if mapping.spatial[P] == 1 and mapping.spatial[R] == 1 else 0
        slides_h = slides_h if mapping.spatial[Q] == 1 and mapping.spatial[S] == 1 else 0
    rows = axis_words(y[P], step[P], y[R], step[R], layer.stride[0], layer.dilation[0], slides_v)
    columns = axis_words(y[Q], step[Q], y[S], step[S], layer.stride[1], layer.dilation[1], slides_h)
    return y[N] * y[G] * y[C] * rows * columns


@jit
def mac_cycles(y: Ints, machine: Record, layer: Record, mapping: Record) -> int:
    """Cycles of the fullest PE, summed over steps: each dimension contributes the sum of min(registers, rest)."""
    cycles = 1
    for d in range(8):
        step = mapping.spatial[d] * mapping.registers[d]
        turns = ceil_div(y[d], step)
        last = y[d] - (turns - 1) * step
        cycles *= (turns - 1) * mapping.registers[d] + min(mapping.registers[d], last)
    if mapping.skips:
        cycles = ((cycles * layer.skip - 1) >> FIXED_POINT_BITS) + 1
    return ceil_div(cycles, machine.macs_per_cycle)


@jit
def fills(y: Ints, mapping: Record, program: Record, operand: int) -> int:
    """How many steps fill the operand's registers."""
    times = 1
    for d in range(8):
        if program.reloads[operand, d]:
            times *= ceil_div(y[d], mapping.spatial[d] * mapping.registers[d])
    return times


@jit
def tile_words(machine: Record, layer: Record, mapping: Record, program: Record, tile: Ints, out: Ints) -> None:
    """Write the word counts and MAC cycles of a buffer tile of extents `tile` into `out` [FIGURES]."""
    y = np.empty(8, np.int64)
    array_extents(tile, mapping.lowered, y)
    weights = operand_words(y, WEIGHTS)
    sums = operand_words(y, OUTPUTS)
    out[PES_INPUTS] = input_words(y, layer, mapping, program, True) * reuse_positions(y, mapping, program, INPUTS)
    out[PES_WEIGHTS] = weights * reuse_positions(y, mapping, program, WEIGHTS)
    out[PES_OUTPUTS] = sums * reuse_positions(y, mapping, program, OUTPUTS)
    if machine.unicast[INPUTS]:
        out[BUS_INPUTS] = out[PES_INPUTS]
    else:
        out[BUS_INPUTS] = input_words(y, layer, mapping, program, False) * reuse_turns(y, mapping, program, INPUTS)
    if machine.unicast[WEIGHTS]:
        out[BUS_WEIGHTS] = out[PES_WEIGHTS]
    else:
        out[BUS_WEIGHTS] = weights * reuse_turns(y, mapping, program, WEIGHTS)
    out[BUS_OUTPUTS] = sums * reuse_turns(y, mapping, program, OUTPUTS)
    out[SUMS] = sums
    out[PASSES] = min(
        fills(y, mapping, program, INPUTS), fills(y, mapping, program, WEIGHTS), fills(y, mapping, program, OUTPUTS)
    )
    out[MAC_CYCLES] = mac_cycles(y, machine, layer, mapping)


@jit
def buffer_port_cycles(machine: Record, words: Ints, sums_read: int) -> int:
    """Cycles that the slowest buffer port needs for the array's reads and writes of one tile."""
    slowest = 0
    for b in range(machine.buffers):
        reads = writes = 0
        if machine.buffer_of[INPUTS] == b:
            reads += ceil_div(words[BUS_INPUTS] * machine.bits[INPUTS], 8)
        if machine.buffer_of[WEIGHTS] == b:
            reads += ceil_div(words[BUS_WEIGHTS] * machine.bits[WEIGHTS], 8)
        if machine.buffer_of[OUTPUTS] == b:
            reads += ceil_div(sums_read * machine.bits[SUM_BITS], 8)
            writes += ceil_div(words[BUS_OUTPUTS] * machine.bits[SUM_BITS], 8)
        if machine.read_bytes_per_cycle[b] > 0:
            slowest = max(slowest, ceil_div(reads, machine.read_bytes_per_cycle[b]))
        if machine.write_bytes_per_cycle[b] > 0:
            slowest = max(slowest, ceil_div(writes, machine.write_bytes_per_cycle[b]))
    return slowest


@jit
def tile_cycles(machine: Record, program: Record, first: bool, out: Ints) -> None:
    """Complete `out` with the cycles of the tile; `first`: no partial sums from earlier tiles are read.

    Operands stream over networks of their own while PEs multiply, so the slowest of MACs, networks and buffer ports
    sets the pace; filling registers that then stay (where exposed) and the skew of a pass add to it.
    """
    sums_read = out[BUS_OUTPUTS] - (out[SUMS] if first else 0)
    incoming = ceil_div(sums_read, machine.words_per_cycle[OUTPUTS])
    outgoing = ceil_div(out[BUS_OUTPUTS], machine.words_per_cycle[OUTPUTS])
    pace = max(incoming, outgoing) if machine.concurrent else incoming + outgoing
    preload = 0
    for operand in range(2):
        cycles = ceil_div(out[BUS_INPUTS + operand], machine.words_per_cycle[operand])
        if machine.exposed[operand] and program.stays[operand]:
            preload += cycles
        else:
            pace = max(pace, cycles)
    pace = max(pace, buffer_port_cycles(machine, out, sums_read))
    out[DELIVERY_CYCLES] = max(0, pace - out[MAC_CYCLES])
    out[PRELOAD_CYCLES] = preload
    out[SKEW_CYCLES] = out[PASSES] * machine.skew_cycles
    out[ARRAY_CYCLES] = max(pace, out[MAC_CYCLES]) + preload + out[SKEW_CYCLES]
