"""A mapped loop nest as a record of integers, and the odometers that step through it.

Loops stand at positions: those inside a tile of each memory level, outermost first, then those over registers. What the
loops at a position step over lies in a block, from `begin` on, `extent` long; one iteration leaves a smaller block to
the next position. After the last loops outside the PEs it is that of the first PE, which has most to do; the others
have theirs at whole multiples of `own` further on.
"""

import numpy as np

from simulator.cost.case import MAX_LEVELS, Ints, Record, record_type
from simulator.cost.jit import jit

_I = np.int64
POSITIONS = MAX_LEVELS + 1

NEST = record_type(
    [
        # The mapping and the layer:
        ("registers", _I),  # position of the loops over registers, the last
        ("shared", _I),  # position of the loops whose blocks the PEs share out
        ("bounds", _I, 8),
        ("tile", _I, 8),
        ("dram_order", _I, 8),
        ("dram_loops", _I),  # how many loops there are over tiles
        ("order", _I, (POSITIONS, 8)),
        ("loops", _I, POSITIONS),  # how many each order lists
        ("block", _I, (POSITIONS, 8)),  # extents of the blocks that the loops of a position step by
        ("spatial", _I, 8),
        ("own", _I, 8),  # what one PE has of a step of the array
        ("lowered", _I),
        ("step", _I, (8, 3)),  # how far one step of each dimension moves in each operand
        # Loops over tiles: index, count, first index and extent of the tile,
        ("tile_at", _I, 8),
        ("tiles", _I, 8),
        ("start", _I, 8),
        ("tile_extent", _I, 8),
        # inside a tile: index and count of each loop, blocks as the array sees them, end of the step,
        ("at", _I, (POSITIONS, 8)),
        ("trips", _I, (POSITIONS, 8)),
        ("begin", _I, (POSITIONS, 8)),
        ("extent", _I, (POSITIONS, 8)),
        ("end", _I, 8),
        # and the PEs in one cycle: dimensions with more than one index, first index, positions with work, position.
        ("live", _I, 8),
        ("outer", _I),  # how many of the live ones are looped over outside the last two
        ("first", _I, 8),
        ("active", _I, 8),
        ("pe", _I, 8),
    ]
)


@jit
def begin_tile(nest: Record) -> None:
    """Set the extents of the current tile, in the layer's own dimensions."""
    for x in range(8):
        nest.start[x] = nest.tile_at[x] * nest.tile[x]
        nest.tile_extent[x] = min(nest.tile[x], nest.bounds[x] - nest.start[x])


@jit
def advance(counter: Ints, limit: Ints, order: Ints, loops: int) -> bool:
    """Step an odometer whose last wheel in `order` turns fastest; False once it is at zero again."""
    for i in range(loops - 1, -1, -1):
        x = order[i]
        counter[x] += 1
        if counter[x] < limit[x]:
            return True
        counter[x] = 0
    return False


@jit
def next_tile(nest: Record) -> bool:
    """Step to the next tile; False once it is the first again."""
    return advance(nest.tile_at, nest.tiles, nest.dram_order, nest.dram_loops)


@jit
def begin_loops(nest: Record, position: int) -> None:
    """Start the loops from a position on, whose block is set. A loop that no order lists runs once."""
    for at in range(position, nest.registers + 1):
        for x in range(8):
            nest.at[at, x] = 0
            nest.trips[at, x] = 1
        for i in range(nest.loops[at]):
            x = nest.order[at, i]
            extent, size = nest.extent[at, x], nest.block[at, x]
            nest.trips[at, x] = 1 if extent <= size else -(-extent // size)
        if at < nest.registers:
            enter_block(nest, at)


@jit
def enter_block(nest: Record, position: int) -> None:
    """Set the block that the loops at a position leave to the next."""
    for x in range(8):
        gone = nest.at[position, x] * nest.block[position, x]
        begin, extent = nest.begin[position, x] + gone, min(nest.block[position, x], nest.extent[position, x] - gone)
        if position == nest.shared:
            nest.end[x] = begin + extent
            extent = min(extent, nest.own[x])
        nest.begin[position + 1, x], nest.extent[position + 1, x] = begin, extent


@jit
def next_cycle(nest: Record) -> bool:
    """Step the innermost loops, and when they are through, those around them; False at the end of the tile."""
    for position in range(nest.registers, -1, -1):
        if step_loops(nest, position):
            if position < nest.registers:
                enter_block(nest, position)
                begin_loops(nest, position + 1)
            return True
    return False


@jit
def step_loops(nest: Record, position: int) -> bool:
    """Step the loops of a position, the last of their order fastest; False once they are at zero again."""
    return advance(nest.at[position], nest.trips[position], nest.order[position], nest.loops[position])


@jit
def begin_cycle(nest: Record) -> None:
    """Find the first index of each dimension, and how many of its PEs have one within the step."""
    registers = nest.registers
    for i in range(nest.outer + 2):
        x = nest.live[i]
        first = nest.begin[registers, x] + nest.at[registers, x]
        left, stride, active = nest.end[x] - first, nest.own[x], nest.spatial[x]
        if left <= (active - 1) * stride:
            active = -(-left // stride)
        nest.first[x], nest.active[x] = first, active


@jit
def next_pes(nest: Record) -> bool:
    """Step the positions of PEs along all live dimensions but the last two; False once they are at zero again."""
    return advance(nest.pe, nest.active, nest.live, nest.outer)
