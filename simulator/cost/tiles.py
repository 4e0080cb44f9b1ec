"""The loops over a layer's tiles: extents, order, and which operand changes when."""

from simulator.cost.array import array_extents, crossings, operand_words
from simulator.cost.case import INPUTS, OUTPUTS, RELEVANT, SUM_BITS, WEIGHTS, C, G, Ints, N, P, Q, R, Record, S
from simulator.cost.geometry import box, ceil_div, clipped_box, fill
from simulator.cost.jit import jit

FIRST = 1  # bit of a tile's kind: no partial sums precede it
MAX_KINDS = 512


@jit
def start_walk(machine: Record, layer: Record, mapping: Record, walk: Record) -> None:
    """Cut the layer into tiles and stand at the first."""
    walk.loops = 0
    fill(walk.depth, -1)
    fill(walk.at, 0)
    for j in range(8):
        d = mapping.dram_order[j]
        if mapping.tile[d] < layer.bounds[d]:
            walk.order[walk.loops] = d
            for operand in range(3):
                if RELEVANT[operand, d]:
                    walk.depth[operand] = walk.loops
            walk.loops += 1
    if machine.reloads:
        walk.depth[INPUTS] = walk.depth[WEIGHTS] = walk.loops - 1
    walk.kind = FIRST
    walk.kinds = 2
    for d in range(8):
        walk.tiles[d] = ceil_div(layer.bounds[d], mapping.tile[d])
        walk.last[d] = layer.bounds[d] - (walk.tiles[d] - 1) * mapping.tile[d]
        walk.extent[d] = min(mapping.tile[d], layer.bounds[d])
        walk.bit[d] = 0
        if walk.last[d] < walk.extent[d]:
            walk.bit[d] = walk.kinds
            walk.kinds *= 2


@jit
def outermost_turn(walk: Record) -> int:
    """Position of the outermost loop that turns after this tile, or -1 if it is the last."""
    for j in range(walk.loops - 1, -1, -1):
        d = walk.order[j]
        if walk.at[d] + 1 < walk.tiles[d]:
            return j
    return -1


@jit
def turn(walk: Record, outermost: int, tile: Ints) -> None:
    """Go to the next tile: the loop at `outermost` advances, those inside it start again."""
    for j in range(outermost, walk.loops):
        d = walk.order[j]
        walk.at[d] = walk.at[d] + 1 if j == outermost else 0
        if walk.bit[d]:
            at_end = walk.at[d] == walk.tiles[d] - 1
            walk.extent[d] = walk.last[d] if at_end else tile[d]
            walk.kind = walk.kind | walk.bit[d] if at_end else walk.kind & ~walk.bit[d]
    if walk.at[C] == 0 and walk.at[R] == 0 and walk.at[S] == 0:
        walk.kind |= FIRST
    else:
        walk.kind &= ~FIRST


@jit
def sums_complete(walk: Record) -> bool:
    """Tell whether the tile adds the last products to its outputs."""
    return walk.at[C] == walk.tiles[C] - 1 and walk.at[R] == walk.tiles[R] - 1 and walk.at[S] == walk.tiles[S] - 1


@jit
def loaded_inputs(walk: Record, machine: Record, layer: Record, tile: Ints) -> int:
    """Words of inputs that the current tile loads: its box without padding."""
    x, at = walk.extent, walk.at
    words = x[N] * x[G] * x[C]
    for axis in range(2):
        a, b = P + axis, R + axis
        words *= clipped_box(
            at[a] * tile[a],
            x[a],
            at[b] * tile[b],
            x[b],
            layer.stride[axis],
            layer.dilation[axis],
            layer.pad[axis],
            layer.size[axis],
            machine.whole_rows,
        )
    return words


@jit
def tile_footprint(x: Ints, layer: Record, operand: int) -> int:
    """Words of the operand that a buffer tile of extents `x` holds; inputs with their padding, as a box."""
    if operand != INPUTS:
        return operand_words(x, operand)
    rows = box(x[P], x[R], layer.stride[0], layer.dilation[0])
    columns = box(x[Q], x[S], layer.stride[1], layer.dilation[1])
    return x[N] * x[G] * x[C] * rows * columns


@jit
def room_words(operand: int, machine: Record, layer: Record, mapping: Record, program: Record) -> int:
    """Words of the operand that its buffer must hold at once for one tile.

    That is the tile, unless weights stream and go to the array a single time: then it is one fill of the array.
    """
    if operand == WEIGHTS and machine.streams[WEIGHTS]:
        y = program.y
        array_extents(mapping.tile, mapping.lowered, y)
        if crossings(y, mapping, program, operand)[0] == 1:
            for d in range(8):
                y[d] = min(y[d], mapping.spatial[d] * mapping.registers[d])
            return operand_words(y, operand)
    return tile_footprint(mapping.tile, layer, operand)


@jit
def buffer_demand(walk: Record, machine: Record, layer: Record, mapping: Record, program: Record, buffer: int) -> int:
    """Bytes that a mapping keeps in one buffer, resident tensors apart.

    A double-buffered operand takes twice its room if it changes between tiles, and so does each addend; one that
    streams is replaced as it is consumed.
    """
    demand = 0
    for operand in range(3):
        if machine.buffer_of[operand] == buffer and not layer.resident[operand]:
            bits = machine.bits[SUM_BITS] if operand == OUTPUTS else machine.bits[operand]
            size = (room_words(operand, machine, layer, mapping, program) * bits + 7) >> 3
            twice = machine.double_buffered[buffer] and not machine.streams[operand] and walk.depth[operand] >= 0
            demand += 2 * size if twice else size
    if machine.buffer_of[OUTPUTS] == buffer and layer.addends > 0:
        words = operand_words(mapping.tile, OUTPUTS)
        size = layer.addends * ((words * machine.bits[OUTPUTS] + 7) >> 3)
        demand += 2 * size if machine.double_buffered[buffer] else size
    return demand


@jit
def fits(walk: Record, machine: Record, layer: Record, mapping: Record, program: Record) -> bool:
    """Tell whether a tile fits every buffer."""
    for buffer in range(machine.buffers):
        if buffer_demand(walk, machine, layer, mapping, program, buffer) > machine.capacity_bytes[buffer]:
            return False
    return True
