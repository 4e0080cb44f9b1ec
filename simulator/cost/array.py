"""The array's program on one buffer tile: words moved and cycles taken, in closed form.

Inside a tile the loops of `buffer_order` run step by step. At each step the array covers `spatial * registers` of every
dimension. An operand's registers are filled again whenever a loop turns that is, or lies outside of, the innermost
loop that indexes the operand (its *reload depth*); loops further in reuse what is there. Loops that make a single turn
in a full tile do not count. Every quantity is then a product over dimensions of the sum over that dimension's steps.
"""

from simulator.cost.case import (
    FIXED_POINT,
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
from simulator.cost.geometry import axis_words, ceil_div
from simulator.cost.jit import jit

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
    PASSES,  # fills of the stationary operand
    WINDOW,  # words of inputs that the array takes at its first step
    STEP,  # MACs of the fullest PE at the first step
    MAC_STEPS,  # MACs that the fullest PE has time for; in PEs that pack taps, times as many
    ARRAY_CYCLES,
    DELIVERY_CYCLES,  # of these, in excess of the MACs because an operand's network is slower
    PRELOAD_CYCLES,
    SKEW_CYCLES,
    FIGURES,
) = range(17)


HIDDEN, BEHIND_STEP = 0, 2  # of `exposed`
STATIONARY = 2  # of `stays`


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
    full, turns = program.y, program.turns
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
        if operand == mapping.stationary:
            program.stays[operand] = STATIONARY
        if operand == INPUTS and mapping.retains and depth >= 0:
            loop = mapping.buffer_order[depth]
            program.slides[0] = slides(loop, P, R, mapping.spatial, forwarding)
            program.slides[1] = slides(loop, Q, S, mapping.spatial, forwarding)


@jit
def crossings(y: Ints, mapping: Record, program: Record, operand: int) -> tuple[int, int, int]:
    """How often each word of the operand crosses its network, how many PEs take it in all, how many steps take any.

    A word crosses once per turn of the outer loops that reuse it. A loop that reloads reaches ceil(y / registers) PE
    positions over its turns; one that does not is served by one crossing to the positions of its fullest turn.
    """
    turns = positions = fills = 1
    for d in range(8):
        reused = not RELEVANT[operand, d]
        if program.reloads[operand, d]:
            n = ceil_div(y[d], mapping.spatial[d] * mapping.registers[d])
            fills *= n
            if reused:
                turns *= n
                positions *= ceil_div(y[d], mapping.registers[d])
        elif reused:
            positions *= min(mapping.spatial[d], ceil_div(y[d], mapping.registers[d]))
    return turns, positions, fills


@jit
def operand_words(y: Ints, operand: int) -> int:
    """Words of weights or outputs in extents `y`."""
    words = 1
    for d in range(8):
        if RELEVANT[operand, d]:
            words *= y[d]
    return words


@jit
def input_words(y: Ints, layer: Record, mapping: Record, program: Record, per_pe: int) -> int:
    """Words of inputs that all steps together fetch, for the array as a whole (0) or summed over PEs (1)."""
    if mapping.lowered:
        return y[G] * y[C] * y[P]
    words = y[N] * y[G] * y[C]
    for axis in range(2):
        pixel, tap = P + axis, R + axis
        pixels, taps, sliding = mapping.registers[pixel], mapping.registers[tap], program.slides[axis]
        spread = mapping.spatial[pixel] * mapping.spatial[tap]
        if not per_pe:
            pixels, taps = pixels * mapping.spatial[pixel], taps * mapping.spatial[tap]
        elif spread > 1:
            sliding = 0
        words *= axis_words(y[pixel], pixels, y[tap], taps, layer.stride[axis], layer.dilation[axis], sliding)
    return words


@jit
def packed_taps(layer: Record, mapping: Record) -> int:
    """Taps of a strided window that lie side by side in the lanes over input channels; 1 where none do."""
    return layer.stride[0] * layer.stride[1] if mapping.packs else 1


@jit
def floored_steps(y: Ints, mapping: Record, packed: int, share: int, least: int) -> int:
    """Sum over steps of max(least, share * MACs of the fullest PE).

    A full turn of dimension d gives that PE registers[d] elements. Only the last turn may give fewer, in which case d
    is *short*. Steps thus are of 2**(short dimensions) kinds: each short dimension is at its last turn, or at one of
    the others. All steps of a kind have the same MACs, the product of elements over dimensions, so that the sum is

        sum over kinds of (product of turns) * max(least, share * product of elements).
    """
    short = 0  # a bit a dimension
    for d in range(8):
        extent, step = y[d] * packed if d == C else y[d], mapping.spatial[d] * mapping.registers[d]
        if extent > step and 0 < extent % step < mapping.registers[d]:
            short |= 1 << d
    total, last = 0, short  # the short dimensions at their last turn: every subset of them, down to none
    while True:
        turns, macs = 1, share
        for d in range(8):
            extent, step = y[d] * packed if d == C else y[d], mapping.spatial[d] * mapping.registers[d]
            if last >> d & 1:
                macs *= extent % step
            else:
                turns *= extent // step if short >> d & 1 else ceil_div(extent, step)
                macs *= min(mapping.registers[d], extent)
        total += turns * max(least, macs)
        if last == 0:
            return total
        last = (last - 1) & short


@jit
def mac_steps(y: Ints, machine: Record, layer: Record, mapping: Record) -> int:
    """MACs of the fullest PE, summed over steps: each dimension contributes the sum of min(registers, rest).

    Where lanes over channels pack taps, a window of stride s is one of stride 1 over s*s times the channels, with that
    many fewer taps; a share of a tap counts as such. A step that has a least length counts as the MACs of that time.
    """
    cycles, packed = 1, packed_taps(layer, mapping)
    if machine.step_cycles > 1:
        least = machine.step_cycles * machine.macs_per_cycle * packed
        share = layer.skip if mapping.skips else FIXED_POINT
        return ((floored_steps(y, mapping, packed, share, least << FIXED_POINT_BITS) - 1) >> FIXED_POINT_BITS) + 1
    for d in range(8):
        step = mapping.spatial[d] * mapping.registers[d]
        extent = y[d] * packed if d == C else y[d]
        turns = ceil_div(extent, step)
        last = extent - (turns - 1) * step
        cycles *= (turns - 1) * mapping.registers[d] + min(mapping.registers[d], last)
    if mapping.skips:
        cycles = ((cycles * layer.skip - 1) >> FIXED_POINT_BITS) + 1
    return cycles


@jit
def tile_words(machine: Record, layer: Record, mapping: Record, program: Record, tile: Ints, out: Ints) -> None:
    """Write the word counts and MAC cycles of a buffer tile of extents `tile` into `out` [FIGURES]."""
    y = program.y
    array_extents(tile, mapping.lowered, y)
    for operand in range(3):
        turns, positions, fills = crossings(y, mapping, program, operand)
        if operand == INPUTS:
            whole, apart = input_words(y, layer, mapping, program, 0), input_words(y, layer, mapping, program, 1)
        else:
            whole = apart = operand_words(y, operand)
        out[PES_INPUTS + operand] = apart * positions
        copies = machine.unicast[operand] and operand != OUTPUTS
        out[BUS_INPUTS + operand] = apart * positions if copies else whole * turns
        if operand in (0, mapping.stationary) or (mapping.stationary == 3 and fills < out[PASSES]):
            out[PASSES] = fills
    out[SUMS] = operand_words(y, OUTPUTS)
    out[MAC_STEPS] = mac_steps(y, machine, layer, mapping)
    out[MAC_CYCLES] = ceil_div(out[MAC_STEPS], machine.macs_per_cycle * packed_taps(layer, mapping))
    out[STEP] = 1
    for d in range(8):
        out[STEP] *= min(y[d], mapping.registers[d])
        y[d] = min(y[d], mapping.spatial[d] * mapping.registers[d])
    out[WINDOW] = input_words(y, layer, mapping, program, 0)


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
def preloads(machine: Record, program: Record, operand: int) -> bool:
    """Whether the operand's registers are filled before a pass, rather than while it runs.

    What a systolic array hands from PE to PE passes through, whatever loops turn, unless it is the stationary operand;
    that one shifts in as a whole, be it beneath the pass before.
    """
    if machine.shift_cycles[operand]:
        return program.stays[operand] == STATIONARY
    return machine.exposed[operand] > 0 and program.stays[operand] > 0


@jit
def preload_cycles(machine: Record, cycles: int, operand: int, words: Ints) -> int:
    """Cycles that filling an operand's registers in all passes of a tile keeps the PEs waiting.

    A fill shifts through a systolic array, or takes its share of `cycles`. Exposed, it adds all of that; behind a step,
    what exceeds the step's; hidden, what exceeds those of the pass before, where a tile's first hides in the last tile.
    """
    passes = words[PASSES]
    fills = passes * machine.shift_cycles[operand] if machine.shift_cycles[operand] else cycles
    if machine.exposed[operand] == BEHIND_STEP:
        return max(0, fills - passes * max(machine.step_cycles, ceil_div(words[STEP], machine.macs_per_cycle)))
    if machine.exposed[operand] == HIDDEN:
        return (passes - 1) * max(0, fills // passes - words[MAC_CYCLES] // passes)
    return fills


@jit
def tile_cycles(machine: Record, program: Record, first: bool, out: Ints) -> None:
    """Complete `out` with the cycles of the tile; `first`: no partial sums from earlier tiles are read.

    Operands stream over networks of their own while PEs multiply, so the slowest of MACs, networks and buffer ports
    sets the pace. Where exposed, filling registers that then stay adds to it, and where inputs stream, so does the
    first window of each pass, before which no PE can start (in a systolic array that is the skew). The skew adds, too:
    where fills are exposed the array runs empty before each pass, elsewhere one pass follows the other like two steps
    of one.
    """
    sums_read = out[BUS_OUTPUTS] - (out[SUMS] if first and not machine.initial_sums else 0)
    incoming = ceil_div(sums_read, machine.words_per_cycle[OUTPUTS])
    outgoing = ceil_div(out[BUS_OUTPUTS], machine.words_per_cycle[OUTPUTS])
    pace = max(incoming, outgoing) if machine.concurrent else incoming + outgoing
    preload = 0
    for operand in range(2):
        cycles = ceil_div(out[BUS_INPUTS + operand], machine.words_per_cycle[operand])
        if preloads(machine, program, operand):
            preload += preload_cycles(machine, cycles, operand, out)
        else:
            pace = max(pace, cycles)
    if machine.exposed[INPUTS] and not program.stays[INPUTS] and not machine.shift_cycles[INPUTS]:
        preload += out[PASSES] * ceil_div(out[WINDOW], machine.words_per_cycle[INPUTS])
    pace = max(pace, buffer_port_cycles(machine, out, sums_read))
    out[DELIVERY_CYCLES] = max(0, pace - out[MAC_CYCLES])
    out[PRELOAD_CYCLES] = preload
    empty = machine.exposed[INPUTS] == 1 or machine.exposed[WEIGHTS] == 1
    out[SKEW_CYCLES] = machine.skew_cycles * (out[PASSES] if empty else 1)
    out[ARRAY_CYCLES] = max(pace, out[MAC_CYCLES]) + preload + out[SKEW_CYCLES]
