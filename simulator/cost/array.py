"""Time of one tile on the array: MACs, networks, ports of memories, preload and skew.

Operands stream over networks of their own while PEs multiply, so the slowest sets the pace:

    pace = max(MAC cycles, words of each operand / words a cycle, bytes at each memory / bytes a cycle)
    cycles = pace + preload + skew

A run's `cycle_parts` split this: compute = MAC cycles, delivery = pace - MAC cycles, preload, skew. What sets up a tile
is part of the skew.
"""

from simulator.cost.blocks import cut_again, cut_lead, cut_tile, cut_whole
from simulator.cost.case import (
    DOUBLE_BUFFERED,
    EXPOSED,
    FIXED_POINT,
    FIXED_POINT_BITS,
    HEIGHT,
    HIDDEN,
    INPUTS,
    MOVING,
    OUTPUTS,
    STATIONARY,
    SUM_BITS,
    WIDTH,
    Ints,
    Record,
    Scratch,
)
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit
from simulator.cost.reuse import (
    array_extents,
    count_words,
    first_extent,
    first_window,
    set_returned,
    set_sizes,
)


@jit
def packed_taps(layer: Record, mapping: Record) -> int:
    """Taps of a strided window that lie side by side in the lanes over input channels; 1 where none do."""
    return layer.stride[HEIGHT] * layer.stride[WIDTH] if mapping.channel_packing else 1


@jit
def mac_slots(machine: Record, layer: Record, mapping: Record, reuse: Record, lead: Record) -> int:
    """MACs that the most-loaded PE has time for, over all steps of a tile.

    It has min(block, rest) elements of each dimension in a step; summed over a dimension's steps, and multiplied. With
    channel packing, a window of stride s is one of stride 1 over s*s times the channels, with that many fewer taps; a
    share of a tap counts as such. A step that has a least length counts as the MACs of that time.
    """
    share = layer.skip if mapping.skips else FIXED_POINT
    if machine.step_cycles > 1:
        least = machine.step_cycles * machine.macs_per_cycle * packed_taps(layer, mapping)
        slots = floored_steps(reuse, lead, share, least << FIXED_POINT_BITS)
        return ((slots - 1) >> FIXED_POINT_BITS) + 1
    slots, first = 1, reuse.steps + 1
    for d in range(8):
        loads = 0
        for i in range(lead.kinds[first, d]):
            loads += lead.extent[first, d, i] * lead.times[first, d, i]
        slots *= loads
    return ((slots * share - 1) >> FIXED_POINT_BITS) + 1 if mapping.skips else slots


@jit
def floored_steps(reuse: Record, lead: Record, share: int, least: int) -> int:
    """Sum over steps of max(least, share * MACs of the most-loaded PE).

    Steps are of as many kinds as there are combinations of loads, one for each dimension; all steps of a kind have the
    product of its loads as MACs, and there are the product of their times of them. `pick` counts through the kinds.
    """
    first, total, pick = reuse.steps + 1, 0, 0
    while True:
        steps, macs, rest = 1, share, pick
        for d in range(8):
            kinds = lead.kinds[first, d]
            i, rest = rest % kinds, rest // kinds
            steps *= lead.times[first, d, i]
            macs *= lead.extent[first, d, i]
        if rest > 0:
            return total
        total += steps * max(least, macs)
        pick += 1


@jit
def tile_words(machine: Record, layer: Record, mapping: Record, tile: Ints, scratch: Scratch, out: Record) -> None:
    """Write the words and MAC cycles of a tile of extents `tile` of the outermost memory into `out` (`VARIANT`)."""
    reuse, blocks, lead = scratch.reuse, scratch.blocks, scratch.lead
    packed = packed_taps(layer, mapping)
    array_extents(tile, mapping.lowered, reuse.y)
    cut_tile(reuse.y, reuse, blocks)
    cut_lead(reuse, packed, blocks, lead)
    count_words(machine, layer, mapping, reuse, blocks, lead, out)
    out.mac_slots = mac_slots(machine, layer, mapping, reuse, lead)
    out.mac_cycles = ceil_div(out.mac_slots, machine.macs_per_cycle * packed)
    out.first_step = 1
    for d in range(8):
        out.first_step *= min(reuse.y[d], reuse.block[reuse.steps + 1, d])
    out.first_skew = used_skew(mapping, reuse) if machine.skew_over_used else machine.skew_cycles
    out.first_window = 0 if machine.preload[INPUTS] == HIDDEN else first_window(layer, reuse)
    if machine.arrays > 1:
        count_one_array(machine, layer, mapping, scratch, out)
        return
    out.network_sums = out.sums
    for operand in range(3):
        out.network_words[operand] = out.crossed[machine.array_level[operand], operand]


@jit
def used_skew(mapping: Record, reuse: Record) -> int:
    """Rows + columns - 2 of those PEs of an array that the first step of a tile of extents `reuse.y` gives work.

    Blocks of a dimension go to the columns of a row first, then to the next row.
    """
    rows = columns = 1
    for d in range(8):
        wide = mapping.spatial[d] // (mapping.arrays[d] * mapping.rows[d])
        blocks = ceil_div(first_extent(reuse, d), reuse.block[reuse.steps + 1, d])
        columns *= min(wide, blocks)
        rows *= min(mapping.rows[d], ceil_div(blocks, wide))
    return rows + columns - 2


@jit
def count_one_array(machine: Record, layer: Record, mapping: Record, scratch: Scratch, out: Record) -> None:
    """Write the words that cross the networks of the most-loaded of several arrays, the first.

    Of each step it takes what lies in its own PEs: a tile of extents sum over steps of min(own part, rest), in steps of
    its own part, and likewise for inner tiles.
    """
    reuse, blocks = scratch.reuse, scratch.blocks
    for d in range(8):
        reuse.spatial[d] = mapping.spatial[d] // mapping.arrays[d]
        if mapping.arrays[d] > 1:
            keep_first_array(reuse, blocks, d)
    cut_tile(reuse.y, reuse, blocks)
    count_words(machine, layer, mapping, reuse, blocks, scratch.lead, scratch.spare)
    out.network_sums = scratch.spare.sums
    for operand in range(3):
        out.network_words[operand] = scratch.spare.crossed[machine.array_level[operand], operand]
    set_sizes(machine, mapping, reuse)


@jit
def keep_first_array(reuse: Record, blocks: Record, d: int) -> None:
    """Shrink a tile, its inner tiles and its steps along a dimension to what the first array has of them.

    The tile's blocks are listed; those of full inner tiles are listed in their place.
    """
    steps, own = reuse.steps, reuse.spatial[d] * reuse.block[reuse.steps + 1, d]
    reuse.y[d] = share_of(blocks, steps, d, own)
    for cut in range(1, steps):
        cut_whole(blocks, cut, d, reuse.block[cut, d])
        for inner in range(cut + 1, steps + 1):
            cut_again(blocks, inner, d, reuse.block[inner, d])
        reuse.block[cut, d] = share_of(blocks, steps, d, own)
    reuse.block[steps, d] = own


@jit
def share_of(blocks: Record, cut: int, d: int, own: int) -> int:
    """Add up what is at most `own` of every block of a cut."""
    share = 0
    for i in range(blocks.kinds[cut, d]):
        share += blocks.times[cut, d, i] * min(own, blocks.extent[cut, d, i])
    return share


@jit
def buffer_port_cycles(machine: Record, out: Record) -> int:
    """Cycles that the slowest port of a memory outside the array needs for what lies within it.

    That are reads of operands and of partial sums that return, and writes of partial sums, each at its own width.
    """
    slowest = 0
    for memory in range(machine.memories):
        reading, writing = machine.read_bytes_per_cycle[memory], machine.write_bytes_per_cycle[memory]
        if reading > 0:
            slowest = max(slowest, ceil_div(bytes_at_port(machine, out, memory, True), reading))
        if writing > 0:
            slowest = max(slowest, ceil_div(bytes_at_port(machine, out, memory, False), writing))
    return slowest


@jit
def bytes_at_port(machine: Record, out: Record, memory: int, reading: bool) -> int:
    """Bytes that a memory reads for what lies within it, or that are written from there."""
    level, size = machine.level_of[memory], 0
    for operand in range(3):
        if machine.memory_of[level, operand] != memory or (operand != OUTPUTS and not reading):
            continue
        bits = machine.bits[SUM_BITS] if operand == OUTPUTS else machine.bits[operand]
        for to in range(level + 1, machine.levels + 1):
            if machine.keeps[to, operand] and machine.source[to, operand] == level:
                words = out.returned[to] if operand == OUTPUTS and reading else out.crossed[to, operand]
                size += ceil_div(words * bits, 8)
    return size


@jit
def preloads(machine: Record, reuse: Record, operand: int) -> bool:
    """Whether the operand's registers are filled before a pass, rather than while it runs.

    What a systolic array hands from PE to PE passes through, whatever loops run, unless it is the stationary operand;
    that one shifts in as a whole, be it during the pass before.
    """
    if machine.shift_cycles[operand]:
        return reuse.held[operand] == STATIONARY
    return machine.preload[operand] != HIDDEN and reuse.held[operand] != MOVING


@jit
def preload_cycles(machine: Record, cycles: int, operand: int, busy: int, out: Record) -> int:
    """Cycles that filling an operand's registers in all passes of a tile keeps the PEs waiting.

    Its words take `cycles` on their network, and what shifts through a systolic array a cycle a row in each pass.
    Exposed, a fill adds all of that; into a second register, what exceeds the step's; hidden, what exceeds the pass
    before, of which all together take `busy`. A tile's first fill hides in the tile before.
    """
    fills = max(cycles, out.passes * machine.shift_cycles[operand])
    if machine.preload[operand] == DOUBLE_BUFFERED:
        return max(0, fills - out.passes * max(machine.step_cycles, ceil_div(out.first_step, machine.macs_per_cycle)))
    if machine.preload[operand] == HIDDEN:
        return max(0, fills - busy)
    return fills


@jit
def sums_cycles(machine: Record, out: Record) -> int:
    """Cycles of partial sums on their network, in and out at once or in turn."""
    incoming = ceil_div(out.network_returned, machine.words_per_cycle[OUTPUTS])
    outgoing = ceil_div(out.network_words[OUTPUTS], machine.words_per_cycle[OUTPUTS])
    return max(incoming, outgoing) if machine.concurrent else incoming + outgoing


@jit
def pace_of(machine: Record, reuse: Record, out: Record) -> int:
    """Cycles of the slowest network or memory port: of a tile, or where nothing waits in between, of all together.

    Operands that are filled before a pass do not count.
    """
    pace = max(sums_cycles(machine, out), buffer_port_cycles(machine, out))
    for operand in range(OUTPUTS):
        if not preloads(machine, reuse, operand):
            pace = max(pace, ceil_div(out.network_words[operand], machine.words_per_cycle[operand]))
    return pace


@jit
def tile_cycles(machine: Record, reuse: Record, first: bool, out: Record) -> None:
    """Complete `out` with the cycles of the tile; `first`: no partial sums from earlier tiles are read.

    Where exposed, filling registers that then stay adds to the pace, and where inputs stream, so does the first window
    of each pass, before which no PE can start (in a systolic array that is the skew). The skew adds, too: where fills
    are exposed the array runs empty before each pass, elsewhere one pass follows the other like two steps of one.
    """
    set_returned(machine, first, out)
    fresh = out.network_sums if first and not machine.initial_sums else 0
    out.network_returned = out.network_words[OUTPUTS] - fresh
    pace, preload = pace_of(machine, reuse, out), 0
    for operand in range(OUTPUTS):
        if preloads(machine, reuse, operand):
            cycles = ceil_div(out.network_words[operand], machine.words_per_cycle[operand])
            preload += preload_cycles(machine, cycles, operand, max(pace, out.mac_cycles), out)
    if machine.preload[INPUTS] != HIDDEN and reuse.held[INPUTS] == MOVING and not machine.shift_cycles[INPUTS]:
        preload += out.passes * ceil_div(out.first_window, machine.words_per_cycle[INPUTS])
    out.delivery_cycles = max(0, pace - out.mac_cycles)
    out.preload_cycles = preload
    out.skew_cycles = machine.tile_setup_cycles + out.first_skew * (out.passes if runs_empty(machine) else 1)
    out.array_cycles = max(pace, out.mac_cycles) + preload + out.skew_cycles


@jit
def runs_empty(machine: Record) -> bool:
    """Whether the array runs empty before each pass: where fills of inputs or weights are exposed."""
    exposed = False
    for operand in range(OUTPUTS):
        exposed = exposed or machine.preload[operand] == EXPOSED
    return exposed
