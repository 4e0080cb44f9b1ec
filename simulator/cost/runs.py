"""Bursts that tiles take of the DRAM port at least and at most, known by how many there are and how large they may be.

What the tiles of a mapping take is in `simulator.cost.layout`; the floor of a search knows no single mapping.
"""

from simulator.cost.case import (
    CHANNELS,
    FIXED_POINT,
    FIXED_POINT_BITS,
    HEIGHT,
    INNERMOST_PLACE,
    INPUTS,
    OUTERMOST,
    OUTPUTS,
    PLACES,
    SUM_BITS,
    WEIGHTS,
    WIDTH,
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
from simulator.cost.crossing import bytes_at_least, in_padding
from simulator.cost.geometry import ceil_div, tile_box
from simulator.cost.jit import jit
from simulator.cost.reuse import operand_words
from simulator.cost.transfers import weights_at_port

Axes = tuple[int, int, int, int]
"""A figure of each axis of an activation: batch, channels, rows, columns."""


@jit
def inputs_in_tiles(machine: Record, layer: Record, tiles: Record) -> bool:
    """Whether each tile loads its own box of the inputs: none comes whole, stays from the tile before, or is there."""
    apart = machine.outermost[INPUTS] == OUTERMOST and not machine.keeps_halo
    return apart and not layer.resident[INPUTS] and tiles.whole[INPUTS] == 0


@jit
def inputs_once(machine: Record, layer: Record, trips: Ints, rows: int, columns: int, most: Ints) -> int:
    """Bytes in bursts at least of all tiles' inputs, each box once, if these have so many `rows` and `columns`.

    There are `trips` tiles along each dimension, of `most` elements at most.
    """
    b = layer.bounds
    size = bytes_at_least(machine, layer, b[N] * b[G] * b[C] * rows * columns, INPUTS)
    if layer.tiled[INPUTS]:
        return size
    high = 1 if in_padding(layer, HEIGHT) else trips[P]
    wide = 1 if in_padding(layer, WIDTH) else trips[Q]
    counts = (trips[N], trips[G] * trips[C], high, wide)
    totals = (b[N], ceil_div(b[G] * b[C], layer.atom[INPUTS]), rows, columns)
    return size + more_in_bursts(machine, layer, INPUTS, counts, totals, inputs_box(machine, layer, trips, most))


@jit
def more_of_outputs(machine: Record, layer: Record, trips: Ints, most: Ints) -> int:
    """Bytes beyond their own that outputs take in bursts at least, if each box is stored once."""
    if layer.resident[OUTPUTS] or layer.tiled[OUTPUTS]:
        return 0
    b = layer.bounds
    counts = (trips[N], trips[G] * trips[K], trips[P], trips[Q])
    totals = (b[N], ceil_div(b[G] * b[K], layer.atom[OUTPUTS]), b[P], b[Q])
    return more_in_bursts(machine, layer, OUTPUTS, counts, totals, outputs_box(layer, trips, most))


@jit
def inputs_box(machine: Record, layer: Record, trips: Ints, most: Ints) -> Axes:
    """What a tile has of the inputs at most, padding included."""
    rows = tile_box(most[P], layer.bounds[R], layer.stride[HEIGHT], layer.dilation[HEIGHT], machine.whole_rows)
    columns = tile_box(most[Q], layer.bounds[S], layer.stride[WIDTH], layer.dilation[WIDTH], machine.whole_rows)
    return most[N], channels_of(layer, INPUTS, trips, most), rows, columns


@jit
def outputs_box(layer: Record, trips: Ints, most: Ints) -> Axes:
    """What a tile has of the outputs at most."""
    return most[N], channels_of(layer, OUTPUTS, trips, most), most[P], most[Q]


@jit
def channels_of(layer: Record, kind: int, trips: Ints, most: Ints) -> int:
    """Atoms of channels that a tile has next to each other at most: of several groups only where it has all of each."""
    d = C if kind == INPUTS else K
    return ceil_div(most[d] * (most[G] if trips[d] == 1 else 1), layer.atom[kind])


@jit
def more_in_bursts(machine: Record, layer: Record, kind: int, counts: Axes, totals: Axes, box: Axes) -> int:
    """Bytes beyond their own that all boxes of a tensor take at least, of which `counts` lie along each axis.

    Along each axis they are `totals` long together, and `box` each at most. Places that a box may have whole make one
    run, with the first that none can have whole: as many runs as boxes so far, times all indices of the places outside.
    A run of L bits at addresses of which g divides all differences takes ceil((o + L) / g) g + B - g bits, see
    `simulator.cost.layout.box_transfer`: L + B - g or more, and no less than a burst B. The g of a tile divides that of
    its place, since the steps of tiles along it are in it, too.
    """
    runs, place = 1, 0
    while place < PLACES:
        axis = layer.axis[kind, place]
        runs *= counts[axis]
        if box[axis] < layer.whole[kind, place]:
            break
        place += 1
    for outer in range(place + 1, PLACES):
        runs *= totals[layer.axis[kind, outer]]
    words, burst = totals[0] * totals[1] * totals[2] * totals[3], 8 * machine.burst_bytes
    own = words * layer.word_bits[kind]
    touched = max(own + runs * (burst - layer.granule_bits[kind, place]), runs * burst)
    return (touched - own) >> 3


@jit
def most_stored(machine: Record, layer: Record, trips: Ints, most: Ints) -> int:
    """Bytes in bursts that a tile stores at most: of its outputs, and of its partial sums."""
    if layer.resident[OUTPUTS]:
        return 0
    return bytes_at_most(machine, layer, OUTPUTS, outputs_box(layer, trips, most), most[G]) + most_sums(machine, most)


@jit
def most_sums(machine: Record, most: Ints) -> int:
    """Bytes in bursts of a tile's partial sums at most."""
    return ((operand_words(most, OUTPUTS) * machine.bits[SUM_BITS]) >> 3) + machine.burst_bytes


@jit
def most_loaded(machine: Record, layer: Record, trips: Ints, most: Ints) -> int:
    """Bytes in bursts that a tile loads at most, where nothing comes whole; more of weights that come slower.

    The first also brings the parameters of fused ops.
    """
    size = most_sums(machine, most)
    size += layer.residuals * bytes_at_most(machine, layer, OUTPUTS, outputs_box(layer, trips, most), most[G])
    if not layer.resident[INPUTS]:
        size += bytes_at_most(machine, layer, INPUTS, inputs_box(machine, layer, trips, most), most[G])
    bits = layer.parameters * machine.bits[WEIGHTS] + 8 * machine.burst_bytes
    if not layer.resident[WEIGHTS]:
        words = operand_words(most, WEIGHTS)
        bits += words * layer.word_bits[WEIGHTS] + (1 if layer.tiled[WEIGHTS] else 2 * words) * 8 * machine.burst_bytes
    return size + weights_at_port(expanded((bits >> 3) + 1, layer.compression[WEIGHTS]), machine)


@jit
def bytes_at_most(machine: Record, layer: Record, kind: int, box: Axes, groups: int) -> int:
    """Bytes that a box of channels of so many groups takes at most: fewer than L + 2 B bits a run of L bits.

    Runs have one innermost place whole at least, unless that is the channels, and these lie apart.
    """
    words = box[0] * box[1] * box[2] * box[3] * groups
    inner, axis, runs = 1, layer.axis[kind, INNERMOST_PLACE], 1
    if axis != CHANNELS or (groups == 1 and not layer.scattered[kind]):
        inner = max(1, box[axis])
    if not layer.tiled[kind]:
        runs = words // inner
    return (
        expanded(((words * layer.word_bits[kind]) >> 3) + 1, layer.compression[kind]) + runs * 2 * machine.burst_bytes
    )


@jit
def expanded(size: int, ratio: int) -> int:
    """Bytes of what is coded at most: more than it was where weights are stored transformed; else no fewer."""
    return (size * max(ratio, FIXED_POINT) >> FIXED_POINT_BITS) + 1
