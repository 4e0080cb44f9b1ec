"""The loops over a layer's tiles: extents, order, and which operand changes when."""

from simulator.cost.case import (
    HEIGHT,
    INPUTS,
    OUTERMOST,
    OUTPUTS,
    RELEVANT,
    ROWS,
    SUM_BITS,
    WEIGHTS,
    WHOLE,
    WIDTH,
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
from simulator.cost.geometry import box, ceil_div, clipped, fill, gcd, tile_box
from simulator.cost.jit import jit
from simulator.cost.reuse import operand_words

FIRST = 1  # bit of an edge variant: no partial sums precede the tile


@jit
def start_tiles(machine: Record, layer: Record, mapping: Record, tiles: Record) -> None:
    """Cut the layer into tiles and stand at the first."""
    cut_tiles(layer, mapping, tiles)
    set_loops(machine, layer, mapping, tiles)


@jit
def cut_tiles(layer: Record, mapping: Record, tiles: Record) -> None:
    """Cut the layer into tiles, in whatever order they come."""
    tiles.variants = 2
    for d in range(8):
        tiles.trips[d] = ceil_div(layer.bounds[d], mapping.tile[d])
        tiles.last[d] = layer.bounds[d] - (tiles.trips[d] - 1) * mapping.tile[d]
        tiles.bit[d] = 0
        if tiles.last[d] < min(mapping.tile[d], layer.bounds[d]):
            tiles.bit[d] = tiles.variants
            tiles.variants *= 2
    for axis in range(2):
        a, b = P + axis, R + axis
        along = mapping.tile[a] * layer.stride[axis] if tiles.trips[a] > 1 else 0
        taps = mapping.tile[b] * layer.dilation[axis] if tiles.trips[b] > 1 else 0
        tiles.window_step[axis] = gcd(along, taps)


@jit
def set_loops(machine: Record, layer: Record, mapping: Record, tiles: Record) -> None:
    """Let the tiles that the layer is cut into come in the mapping's order, and stand at the first."""
    tiles.loops = 0
    fill(tiles.depth, -1)
    fill(tiles.at, 0)
    for j in range(8):
        d = mapping.dram_order[j]
        if mapping.tile[d] < layer.bounds[d]:
            tiles.order[tiles.loops] = d
            for operand in range(3):
                if RELEVANT[operand, d]:
                    tiles.depth[operand] = tiles.loops
            tiles.loops += 1
        tiles.extent[d] = min(mapping.tile[d], layer.bounds[d])
    if machine.reloads:
        tiles.depth[INPUTS] = tiles.depth[WEIGHTS] = tiles.loops - 1
    tiles.variant = FIRST
    fill(tiles.whole, 0)
    if machine.whole_bytes > 0:
        set_whole(machine, layer, tiles)


@jit
def set_whole(machine: Record, layer: Record, tiles: Record) -> None:
    """Let inputs and weights that fit come whole before the first tile, the smaller first; no tile loads them again."""
    room = 8 * machine.whole_bytes  # bits, as all of these
    inputs, weights = whole_words(machine, layer, INPUTS), whole_words(machine, layer, WEIGHTS)
    weights_first = weights * machine.bits[WEIGHTS] < inputs * machine.bits[INPUTS]
    for turn in range(2):
        operand = WEIGHTS if weights_first == (turn == 0) else INPUTS
        words = weights if operand == WEIGHTS else inputs
        size = words * machine.bits[operand]
        if size <= room and not layer.resident[operand]:
            tiles.whole[operand], tiles.depth[operand] = words, -1
            room -= size


@jit
def whole_words(machine: Record, layer: Record, operand: int) -> int:
    """Words of all of a layer's weights, or of the inputs that it touches, without padding."""
    b = layer.bounds
    if operand == WEIGHTS:
        return operand_words(b, WEIGHTS)
    words = b[N] * b[G] * b[C]
    for axis in range(2):
        length = tile_box(b[P + axis], b[R + axis], layer.stride[axis], layer.dilation[axis], machine.whole_rows)
        words *= clipped(-layer.pad[axis], length, layer.input_size[axis])
    return words


@jit
def outermost_loop(tiles: Record) -> int:
    """Position of the outermost loop that advances after this tile, or -1 if it is the last."""
    for j in range(tiles.loops - 1, -1, -1):
        d = tiles.order[j]
        if tiles.at[d] + 1 < tiles.trips[d]:
            return j
    return -1


@jit
def next_tile(tiles: Record, outermost: int, tile: Ints) -> None:
    """Go to the next tile: the loop at `outermost` advances, those inside it start again."""
    for j in range(outermost, tiles.loops):
        d = tiles.order[j]
        tiles.at[d] = tiles.at[d] + 1 if j == outermost else 0
        if tiles.bit[d]:
            at_end = tiles.at[d] == tiles.trips[d] - 1
            tiles.extent[d] = tiles.last[d] if at_end else tile[d]
            tiles.variant = tiles.variant | tiles.bit[d] if at_end else tiles.variant & ~tiles.bit[d]
    if tiles.at[C] == 0 and tiles.at[R] == 0 and tiles.at[S] == 0:
        tiles.variant |= FIRST
    else:
        tiles.variant &= ~FIRST


@jit
def sums_complete(tiles: Record) -> bool:
    """Tell whether the tile adds the last products to its outputs."""
    complete = True
    for d in (C, R, S):
        complete = complete and tiles.at[d] == tiles.trips[d] - 1
    return complete


@jit
def box_start(tiles: Record, layer: Record, tile: Ints, axis: int) -> int:
    """First input row (axis 0) or column (1) of the current tile's box; in the padding it is negative."""
    a, b = P + axis, R + axis
    return tiles.at[a] * tile[a] * layer.stride[axis] + tiles.at[b] * tile[b] * layer.dilation[axis] - layer.pad[axis]


@jit
def box_on_axis(tiles: Record, machine: Record, layer: Record, tile: Ints, axis: int) -> int:
    """Input rows (axis 0) or columns (1) of the current tile, without padding."""
    taps, stride, dilation = tiles.extent[R + axis], layer.stride[axis], layer.dilation[axis]
    length = tile_box(tiles.extent[P + axis], taps, stride, dilation, machine.whole_rows)
    return clipped(box_start(tiles, layer, tile, axis), length, layer.input_size[axis])


@jit
def loaded_inputs(tiles: Record, machine: Record, layer: Record, tile: Ints, advanced: int) -> int:
    """Words of inputs that the current tile loads: its box without padding, of which rows and columns are noted.

    Where the machine keeps halos and the innermost loop stepped along an axis, what the tile before held stays.
    """
    words = tiles.extent[N] * tiles.extent[G] * tiles.extent[C]
    for axis in range(2):
        start, length = max(0, box_start(tiles, layer, tile, axis)), box_on_axis(tiles, machine, layer, tile, axis)
        if machine.keeps_halo and advanced >= 0 and advanced == tiles.loops - 1 and tiles.order[advanced] == P + axis:
            held = overlap_on_axis(tiles, machine, layer, tile, axis)
            start, length = start + held, length - held
        tiles.box[ROWS + axis], tiles.start[ROWS + axis] = length, start
        words *= length
    return words


@jit
def overlap_on_axis(tiles: Record, machine: Record, layer: Record, tile: Ints, axis: int) -> int:
    """Input rows (or columns) that the current tile shares with the one before it along an axis.

    Both boxes are intervals, that of the tile before starts first: together they are as long as one box over the
    outputs of both.
    """
    a, now, at = P + axis, tiles.extent[P + axis], tiles.at[P + axis]
    length = box_on_axis(tiles, machine, layer, tile, axis)
    tiles.at[a], tiles.extent[a] = at - 1, tile[a]
    before = box_on_axis(tiles, machine, layer, tile, axis)
    tiles.extent[a] = tile[a] + now
    both = box_on_axis(tiles, machine, layer, tile, axis)
    tiles.at[a], tiles.extent[a] = at, now
    return max(0, before + length - both)


@jit
def tile_footprint(x: Ints, layer: Record, operand: int) -> int:
    """Words of the operand that a tile of extents `x` holds; inputs with their padding, as a box."""
    if operand != INPUTS:
        return operand_words(x, operand)
    rows = box(x[P], x[R], layer.stride[HEIGHT], layer.dilation[HEIGHT])
    columns = box(x[Q], x[S], layer.stride[WIDTH], layer.dilation[WIDTH])
    return x[N] * x[G] * x[C] * rows * columns


@jit
def level_footprint(layer: Record, mapping: Record, reuse: Record, level: int, operand: int) -> int:
    """Words of the operand that a tile of an inner level holds, or what one PE has of it."""
    y = mapping.inner_tile[level]
    for d in range(8):
        reuse.y[d] = min(y[d], reuse.block[WHOLE, d])
    if mapping.lowered and operand == INPUTS:
        return reuse.y[G] * reuse.y[C] * reuse.y[P]
    return tile_footprint(reuse.y, layer, operand)


@jit
def streams_once(machine: Record, reuse: Record, to: int) -> bool:
    """Tell whether weights stream through the outermost level, and to a destination a single time in a tile."""
    once = machine.streams[WEIGHTS] == 1
    for d in (N, P, Q):
        once = once and reuse.deepest[WEIGHTS, to, d] == WHOLE
    return once


@jit
def held_words(operand: int, machine: Record, layer: Record, mapping: Record, reuse: Record) -> int:
    """Words of the operand that the outermost level must hold at once for one tile.

    That is the tile, unless weights stream and leave a single time: then it is one fill of the next level that holds
    them, or of the array.
    """
    if operand == WEIGHTS:
        to = OUTERMOST + 1
        while not machine.keeps[to, WEIGHTS]:
            to += 1
        if streams_once(machine, reuse, to):
            fill = min(to, reuse.steps)
            for d in range(8):
                reuse.y[d] = min(reuse.block[fill - 1, d], reuse.block[fill, d])
            return operand_words(reuse.y, operand)
    return tile_footprint(mapping.tile, layer, operand)


@jit
def changes_inside(reuse: Record, level: int, operand: int) -> bool:
    """Tell whether loops of a tile replace the operand's words in an inner level."""
    changes = False
    for d in range(8):
        changes = changes or reuse.deepest[operand, level, d] > WHOLE
    return changes


@jit
def changes_between(machine: Record, tiles: Record, operand: int) -> bool:
    """Tell whether tiles replace the operand's words in inner levels, even where the outermost has it whole."""
    changes = machine.reloads == 1 and operand != OUTPUTS and tiles.loops > 0
    for j in range(tiles.loops):
        changes = changes or RELEVANT[operand, tiles.order[j]]
    return changes


@jit
def operand_demand(
    tiles: Record, machine: Record, layer: Record, mapping: Record, reuse: Record, memory: int, operand: int
) -> int:
    """Bytes that one operand takes of a memory, in one instance.

    In a double-buffered memory it takes them twice if it changes between tiles, unless it streams and is replaced as it
    is consumed. Partial sums have their own width.
    """
    level, bits = machine.level_of[memory], machine.bits[SUM_BITS] if operand == OUTPUTS else machine.bits[operand]
    if level == OUTERMOST:
        words = held_words(operand, machine, layer, mapping, reuse)
        twice = not machine.streams[operand] and tiles.depth[operand] >= 0
    else:
        words = level_footprint(layer, mapping, reuse, level, operand)
        twice = changes_between(machine, tiles, operand) or changes_inside(reuse, level, operand)
    size = (words * bits + 7) >> 3
    return 2 * size if twice and machine.double_buffered[memory] else size


@jit
def unfinished_words(tiles: Record, layer: Record, mapping: Record) -> int:
    """Words of outputs of which the sums are incomplete at one time, where all outputs stay on chip.

    Those are of the tile, and of all tiles that loops inside a tiled loop of the reduction go through.
    """
    words, again = operand_words(mapping.tile, OUTPUTS), False
    for j in range(tiles.loops):
        d = tiles.order[j]
        if not RELEVANT[OUTPUTS, d]:
            again = True
        elif again:
            words = words // mapping.tile[d] * layer.bounds[d]
    return words


@jit
def memory_demand(tiles: Record, machine: Record, layer: Record, mapping: Record, reuse: Record, memory: int) -> int:
    """Bytes that a mapping keeps in one instance of a memory for tiles, tensors that are there whole apart.

    Of outputs that stay, sums that are not complete take their own width. Residual operands lie where the outputs do
    before they leave, parameters of fused ops beside the weights.
    """
    demand, level = 0, machine.level_of[memory]
    for operand in range(3):
        resident = level == OUTERMOST and (layer.resident[operand] or tiles.whole[operand] > 0)
        if machine.memory_of[level, operand] == memory and not resident:
            demand += operand_demand(tiles, machine, layer, mapping, reuse, memory, operand)
    if layer.resident[OUTPUTS] and level == OUTERMOST and machine.memory_of[level, OUTPUTS] == memory:
        demand += (unfinished_words(tiles, layer, mapping) * machine.bits[SUM_BITS] + 7) >> 3
    if level == OUTERMOST and machine.memory_of[level, OUTPUTS] == memory and layer.residuals > 0:
        words = operand_words(mapping.tile, OUTPUTS)
        size = layer.residuals * ((words * machine.bits[OUTPUTS] + 7) >> 3)
        demand += 2 * size if machine.double_buffered[memory] else size
    if level == OUTERMOST and machine.memory_of[level, WEIGHTS] == memory:
        demand += (layer.parameters * machine.bits[WEIGHTS] + 7) >> 3
    return demand


@jit
def fits(tiles: Record, machine: Record, layer: Record, mapping: Record, reuse: Record) -> bool:
    """Tell whether a tile fits every memory."""
    for memory in range(machine.memories):
        if memory_demand(tiles, machine, layer, mapping, reuse, memory) > machine.capacity_bytes[memory]:
            return False
    return True
