"""Words per level: how often each operand crosses from one level into the next, in closed form.

One tile of the outermost memory, drawn once (the tiles themselves are played, see `simulator.cost.evaluate`):

    for dram_order                    # tiles: what is not kept is loaded and stored
      ---- DRAM | level 0 ----
      for orders[0]                   # tiles of level 1, ...
        ---- level 0 | level 1 ----
        for orders[chip_levels - 1]   # steps of the array
          ---- chip | PEs ----
          parallel rows, columns, arrays
            for orders[...]           # blocks of the memories inside a PE, if there are any
              ---- memory | registers ----
              for registers           # one MAC an iteration and PE

The loops of each level cut the tile again; cut 0 is the tile as a whole, then come inner tiles, steps of the array,
what one PE has of a step, and its inner blocks down to the registers. A *destination* (a memory level, or the
registers after the last) holds one block of its cut. Its words are replaced whenever a loop runs that is, or lies
outside of, the innermost loop that indexes the operand and has a trip count above one; loops further in reuse them,
across the boundaries of levels. A tile of the outermost level starts with nothing inside.

Every count is then a product over dimensions of a sum over that dimension's blocks, whose extents are few: `BLOCKS`
lists them. That holds for edges as it does for full tiles.
"""

from simulator.cost.case import (
    DIMS_REUSED_BY,
    HEIGHT,
    HELD,
    INPUTS,
    MOVING,
    ONE,
    OUTPUTS,
    RELEVANT,
    REUSED_BY,
    STATIONARY,
    WHOLE,
    WIDTH,
    ZERO,
    C,
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
from simulator.cost.geometry import ceil_div, distinct, slid
from simulator.cost.jit import jit

PIXELS, TAPS = 1, 2
"""Whose windows slide along an axis: those of consecutive pixels, or of consecutive filter taps."""


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
def cut_of_loops(machine: Record, level: int) -> int:
    """Position of the cut that the loops inside a tile of a memory level make."""
    return level + 1 if level < machine.chip_levels else level + 2


@jit
def cut_of(machine: Record, destination: int) -> int:
    """Position of the cut of which a destination holds a block."""
    return destination if destination < machine.chip_levels else destination + 1


@jit
def set_reuse(machine: Record, mapping: Record, reuse: Record) -> None:
    """Derive what holds in every tile from the trip counts of a full one: sizes of blocks, and which loops reload."""
    set_sizes(machine, mapping, reuse)
    reuse.slides[HEIGHT] = reuse.slides[WIDTH] = 0
    for operand in range(3):
        reuse.held[operand] = MOVING
        for destination in range(1, machine.levels + 1):
            if machine.keeps[destination, operand]:
                set_reloads(machine, mapping, reuse, operand, destination)
        if operand == mapping.stationary:
            reuse.held[operand] = STATIONARY


@jit
def set_sizes(machine: Record, mapping: Record, reuse: Record) -> None:
    """Set the extents of each cut's blocks, and the trip counts of the loops that make them, in a full tile.

    No block is larger than the one that it is cut from; but packed lanes have more channels than there are.
    """
    levels, chip = machine.levels, machine.chip_levels
    reuse.steps, reuse.cuts = chip, levels + 1
    array_extents(mapping.tile, mapping.lowered, reuse.y)
    for d in range(8):
        reuse.block[WHOLE, d] = reuse.y[d]
        reuse.block[levels + 1, d] = mapping.registers[d]
        for level in range(1, levels):
            reuse.block[cut_of(machine, level), d] = mapping.inner_tile[level, d]
        reuse.spatial[d] = mapping.spatial[d]
        reuse.block[chip, d] = mapping.spatial[d] * reuse.block[chip + 1, d]
        for cut in range(1, chip if mapping.channel_packing and d == C else levels + 2):
            reuse.block[cut, d] = min(reuse.block[cut, d], reuse.block[cut - 1, d])
        for level in range(levels):
            outer = reuse.block[cut_of(machine, level), d]
            reuse.trips[level, d] = ceil_div(outer, reuse.block[cut_of_loops(machine, level), d])


@jit
def set_reloads(machine: Record, mapping: Record, reuse: Record, operand: int, destination: int) -> None:
    """Find the loops that replace an operand's words in a destination, and what they leave in place.

    Going outwards, the first loop that indexes the operand and runs more than once is the innermost that replaces
    them, and so does every loop outside of it. Registers that keep nothing are filled at every step, and so are those
    of a systolic array by what it hands from PE to PE: all but the stationary operand passes through, whatever runs.
    """
    at_array = destination == machine.array_level[operand]
    passes = at_array and machine.shift_cycles[operand] > 0 and operand != mapping.stationary
    reloads = destination == machine.levels and (passes or not mapping.retains)
    for d in range(8):
        reuse.deepest[operand, destination, d] = WHOLE
    for level in range(destination - 1, -1, -1):
        for j in range(7, -1, -1):
            d = mapping.orders[level, j]
            if reuse.trips[level, d] <= 1:
                continue
            if not reloads and RELEVANT[operand, d]:
                reloads = True
                stays = reuse.held[operand] == HELD and machine.windows_apart
                if operand == INPUTS and at_array and not stays:
                    set_slides(machine, mapping, reuse, level, d)
            if reloads:
                cut = cut_of_loops(machine, level)
                reuse.deepest[operand, destination, d] = max(reuse.deepest[operand, destination, d], cut)
            elif at_array:
                reuse.held[operand] = HELD


@jit
def set_slides(machine: Record, mapping: Record, reuse: Record, level: int, loop: int) -> None:
    """Tell along which axis input windows overlap from one iteration of `loop` to the next, and are kept as far.

    A PE can keep its own window; a window spread over PEs moves only where PEs forward inputs to their neighbours, and
    none moves from array to array. Where windows are apart, none moves after a loop that left it in place.
    """
    reuse.slide_cut = cut_of_loops(machine, level)
    for axis in range(2):
        pixel, tap = P + axis, R + axis
        spread = mapping.spatial[pixel] > 1 or mapping.spatial[tap] > 1
        apart = mapping.arrays[pixel] > 1 or mapping.arrays[tap] > 1
        if level < machine.chip_levels and not apart and (machine.forwarding or not spread):
            reuse.slides[axis] = PIXELS if loop == pixel else TAPS if loop == tap else 0


@jit
def busy_positions(reuse: Record, blocks: Record, cut: int, d: int) -> int:
    """PEs along a dimension that take what is brought once for each block of a cut, summed over these.

    A block is spread over the positions of its largest step. Where the cut is the steps, every step counts for itself.
    """
    if cut == reuse.steps:
        return blocks.count[cut + 1, d]
    if cut > reuse.steps:
        return blocks.count[cut, d]
    positions = 0
    for i in range(blocks.kinds[cut, d]):
        extent = blocks.extent[cut, d, i]
        for inner in range(cut + 1, reuse.steps):
            extent = min(extent, reuse.block[inner, d])
        positions += blocks.times[cut, d, i] * min(reuse.spatial[d], ceil_div(extent, reuse.block[reuse.steps + 1, d]))
    return positions


@jit
def multiplicity(reuse: Record, blocks: Record, lead: Record, operand: int, to: int) -> tuple[int, int]:
    """How often each word of the operand crosses towards a destination, and how many PEs take it in all.

    A word crosses once per iteration of the loops that reuse it and yet replace it: those of irrelevant dimensions that
    lie outside the innermost relevant one. Where such loops run inside the PEs, these are in step with one another.
    """
    crossings = positions = 1
    for i in range(DIMS_REUSED_BY[operand]):
        d = REUSED_BY[operand, i]
        cut = reuse.deepest[operand, to, d]
        crossings *= lead.count[cut, d] if cut > reuse.steps + 1 else blocks.count[cut, d]
        positions *= busy_positions(reuse, blocks, cut, d)
    return crossings, positions


@jit
def passes_of(reuse: Record, blocks: Record, operand: int, to: int) -> int:
    """How many fills of a destination there are, all of its words counted as one."""
    fills = 1
    for d in range(8):
        fills *= blocks.count[min(reuse.deepest[operand, to, d], reuse.steps), d]
    return fills


@jit
def operand_words(y: Ints, operand: int) -> int:
    """Words of weights or outputs in extents `y`."""
    if operand == OUTPUTS:
        return y[N] * y[G] * y[K] * y[P] * y[Q]
    return y[G] * y[K] * y[C] * y[R] * y[S]


@jit
def axis_words(blocks: Record, layer: Record, axis: int, pixel_cut: int, tap_cut: int) -> int:
    """Input rows (axis 0) or columns (1) that all pairs of a block of pixels and one of taps fetch."""
    words, pixel, tap = 0, P + axis, R + axis
    for i in range(blocks.kinds[pixel_cut, pixel]):
        for j in range(blocks.kinds[tap_cut, tap]):
            a, b = blocks.extent[pixel_cut, pixel, i], blocks.extent[tap_cut, tap, j]
            each = distinct(a, b, layer.stride[axis], layer.dilation[axis])
            words += blocks.times[pixel_cut, pixel, i] * blocks.times[tap_cut, tap, j] * each
    return words


@jit
def slid_words(blocks: Record, reuse: Record, layer: Record, axis: int, cut: int) -> int:
    """Input rows (or columns) fetched where windows keep their overlap while the loop of `slide_cut` runs.

    That loop steps over pixels (or taps) within each block of the cut before; the other dimension is cut as in `cut`.
    """
    a, b, stride, dilation = P + axis, R + axis, layer.stride[axis], layer.dilation[axis]
    if reuse.slides[axis] == TAPS:
        a, b, stride, dilation = b, a, dilation, stride
    words, outer = 0, reuse.slide_cut - 1
    step = reuse.block[reuse.slide_cut, a]
    for i in range(blocks.kinds[outer, a]):
        for j in range(blocks.kinds[cut, b]):
            run = slid(blocks.extent[outer, a, i], step, blocks.extent[cut, b, j], stride, dilation)
            words += blocks.times[outer, a, i] * blocks.times[cut, b, j] * run
    return words


@jit
def split_inside(reuse: Record, axis: int, cut: int) -> bool:
    """Tell whether loops inside a PE cut its pixels or taps along an axis before they reach a destination."""
    first, pixel, tap = reuse.steps + 1, P + axis, R + axis
    return reuse.block[cut, pixel] < reuse.block[first, pixel] or reuse.block[cut, tap] < reuse.block[first, tap]


@jit
def input_words(machine: Record, layer: Record, reuse: Record, blocks: Record, to: int, per_pe: int) -> int:
    """Words of inputs on their way to a destination, for the array as a whole (0) or summed over PEs (1).

    For the array a window is that of a whole step, unless loops inside the PEs cut it: then what PEs take at a time
    only overlaps, and is counted apart.
    """
    words, own = reuse.y[N] * reuse.y[G] * reuse.y[C], cut_of(machine, to)
    for axis in range(2):
        cut, sliding = own, to == machine.array_level[INPUTS] and reuse.slides[axis] > 0
        if own > reuse.steps:
            if not per_pe and not split_inside(reuse, axis, own):
                cut = reuse.steps
            elif reuse.spatial[P + axis] * reuse.spatial[R + axis] > 1:
                sliding = False
        words *= slid_words(blocks, reuse, layer, axis, cut) if sliding else axis_words(blocks, layer, axis, cut, cut)
    return words


@jit
def count_words(
    machine: Record, layer: Record, mapping: Record, reuse: Record, blocks: Record, lead: Record, out: Record
) -> None:
    """Write the words that cross to each destination of each operand in a tile of extents `reuse.y`, and the passes.

    `crossed` is what leaves the source (outputs: what enters it), `delivered` what arrives in all PEs together. Windows
    that are read apart leave it once for all PEs that take the same one.
    """
    out.sums = operand_words(reuse.y, OUTPUTS)
    for operand in range(3):
        for to in range(1, machine.levels + 1):
            if not machine.keeps[to, operand]:
                continue
            crossings, positions = multiplicity(reuse, blocks, lead, operand, to)
            if operand == INPUTS:
                whole = input_words(machine, layer, reuse, blocks, to, ZERO)
                apart = input_words(machine, layer, reuse, blocks, to, ONE) if to >= machine.chip_levels else whole
            else:
                whole = apart = operand_words(reuse.y, operand)
            out.crossed[to, operand] = whole * crossings
            out.delivered[to, operand] = apart * positions if to >= machine.chip_levels else whole * crossings
            if to == machine.array_level[operand]:
                if operand == INPUTS and machine.windows_apart:
                    out.crossed[to, operand] = apart * crossings
                if machine.unicast[operand] and operand != OUTPUTS:
                    out.crossed[to, operand] = out.delivered[to, operand]
                if mapping.stationary > OUTPUTS or operand == mapping.stationary:
                    fills = passes_of(reuse, blocks, operand, to)
                    out.passes = fills if operand in (INPUTS, mapping.stationary) else min(fills, out.passes)


@jit
def set_returned(machine: Record, first: bool, out: Record) -> None:
    """Count the partial sums that come back to each destination of outputs.

    All that leave it come back, but for the first time: `first` tells that none precede the tile. What came to a
    memory inside the PEs without sums is met a first time by what lies within.
    """
    fresh = out.sums if first and not machine.initial_sums else 0
    for to in range(1, machine.levels + 1):
        if not machine.keeps[to, OUTPUTS]:
            continue
        inside = to > machine.array_level[OUTPUTS]
        left = out.delivered[to, OUTPUTS] if inside else out.crossed[to, OUTPUTS]
        out.returned[to] = left - fresh
        if to >= machine.array_level[OUTPUTS]:
            fresh = out.delivered[to, OUTPUTS] - out.returned[to]


@jit
def first_window(layer: Record, reuse: Record) -> int:
    """Words of inputs that the array takes at its first step in a tile of extents `reuse.y`."""
    words = first_extent(reuse, N) * first_extent(reuse, G) * first_extent(reuse, C)
    for axis in range(2):
        pixels, taps = first_extent(reuse, P + axis), first_extent(reuse, R + axis)
        words *= distinct(pixels, taps, layer.stride[axis], layer.dilation[axis])
    return words


@jit
def first_extent(reuse: Record, d: int) -> int:
    """Extent of the first step along a dimension in a tile of extents `reuse.y`."""
    return min(reuse.y[d], min(reuse.block[reuse.steps - 1, d], reuse.block[reuse.steps, d]))
