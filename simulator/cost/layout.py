"""How a tile lies in DRAM: its contiguous runs, the bursts that they touch, the descriptors that a DMA needs for them.

A tensor lies there row by row in some order of its four axes (places, innermost first), or tile by tile as a compiler
arranged it. Axes are batch, channels, rows, columns of an activation, and C, K, R, S of weights; where channels lie
together in atoms, an atom is the word that moves. The base of a tensor is that of a burst.
"""

from simulator.cost.case import (
    CHANNELS,
    DEEP,
    FIXED_POINT,
    FIXED_POINT_BITS,
    INPUTS,
    OUTPUTS,
    PLACES,
    RESIDUALS,
    ROWS,
    WEIGHTS,
    C,
    G,
    Ints,
    K,
    N,
    P,
    R,
    Record,
)
from simulator.cost.geometry import ceil_div, gcd
from simulator.cost.jit import jit


@jit
def set_box(tiles: Record, layer: Record, tile: Ints, kind: int) -> None:
    """Write the box that the current tile takes of a tensor, where it begins, and in which steps tiles do.

    Of inputs, rows and columns are left as they are: `loaded_inputs` knows them. Where a tile has channels of several
    groups but not all of each, there is a copy of the box for each group. Channels that a folded shuffle deals out lie
    apart: each is a copy.
    """
    box, extent = tiles.box, tiles.extent
    deep = C if kind == WEIGHTS else N
    channel = C if kind == INPUTS else K
    box[DEEP], tiles.step[DEEP] = extent[deep], tile[deep]
    groups, channels, step = extent[G], extent[channel], tile[channel]
    if step >= layer.bounds[channel]:
        groups, channels, step = 1, groups * channels, tile[G] * layer.bounds[channel]
    elif layer.bounds[G] > 1:
        step = gcd(layer.bounds[channel], step)
    if layer.scattered[kind]:
        groups, channels, step = groups * channels, 1, 1
    atom = layer.atom[kind]
    if atom > 1:
        channels, step = ceil_div(channels, atom), step // atom if step % atom == 0 else 1
    tiles.copies, box[CHANNELS], tiles.step[CHANNELS] = groups, channels, step
    for axis in range(2):
        if kind == INPUTS:
            tiles.step[ROWS + axis] = tiles.window_step[axis]
        else:
            d = R + axis if kind == WEIGHTS else P + axis
            box[ROWS + axis], tiles.start[ROWS + axis], tiles.step[ROWS + axis] = extent[d], 0, tile[d]


@jit
def box_transfer(tiles: Record, machine: Record, layer: Record, kind: int) -> tuple[int, int, int]:
    """Bytes in bursts that the box takes of the DRAM port, contiguous runs of it, and DMA descriptors.

    Places that the box has whole make one run with the first that it does not have whole: L bits of it. What lies
    outside repeats the run at every index. Runs begin at addresses o + n g for whole n, where g is the greatest common
    divisor of a burst B, the pitches of the places outside, and the pitch of the cut place times the steps of tiles
    along it; o is where this tile begins along that. Every such address modulo B is as likely as the others. A run at
    address a touches ceil((a mod B + L) / B) bursts, of which the mean over a = o, o + g, ..., o + B - g is

        ceil((o + L) / g) g + B - g,   in bits,

    because all a are o modulo g, so that o + L may be rounded up to g, and the mean of ceil((k g + m g) / B) over
    0 <= k < B / g is (m g + B - g) / B (Hermite's identity). It is exact over whole periods of the addresses. A DMA
    keeps nothing between runs: a burst that two of them touch comes twice.

    A descriptor takes a run, and repeats it along so many further dimensions as the engine strides over. Places of
    which the inner one is whole are one dimension.
    """
    run, place = 1, 0
    while place < PLACES:
        extent = tiles.box[layer.axis[kind, place]]
        run *= extent
        if extent < layer.whole[kind, place]:
            break
        place += 1
    runs = descriptors = tiles.copies
    granule, offset = layer.granule_bits[kind, place], 0
    if place < PLACES:
        axis, pitch = layer.axis[kind, place], layer.pitch_bits[kind, place]
        granule = gcd(tiles.step[axis] * pitch, granule)
        offset = tiles.start[axis] * pitch % granule
        dimensions, inside = 2, 1
        for outer in range(place + 1, PLACES):
            extent = tiles.box[layer.axis[kind, outer]]
            inside *= extent
            runs *= extent
            if dimensions > machine.descriptor_dimensions:
                descriptors *= extent
            if extent < layer.whole[kind, outer] and inside > 1:
                dimensions, inside = dimensions + 1, 1
    if run * runs == 0:
        return 0, 0, 0
    touched = ceil_div(offset + run * layer.word_bits[kind], granule) * granule + 8 * machine.burst_bytes - granule
    return (runs * touched + 7) >> 3, runs, descriptors


@jit
def packed_bytes(words: int, bits: int, compression: int, burst: int) -> int:
    """Bytes that cross the DRAM port for so many words in one run: compressed, then rounded up to whole bursts."""
    size = (words * bits + 7) >> 3
    if compression != FIXED_POINT:
        size = (size * compression + FIXED_POINT - 1) >> FIXED_POINT_BITS
    return ceil_div(size, burst) * burst


@jit
def packed_transfer(machine: Record, layer: Record, words: int, kind: int) -> tuple[int, int, int]:
    """Bytes of so many words in one run, with one descriptor; without words there is none."""
    operand = OUTPUTS if kind == RESIDUALS else kind
    ratio = layer.residual_compression if kind == RESIDUALS else layer.compression[kind]
    some = 1 if words > 0 else 0
    return packed_bytes(words, machine.bits[operand], ratio, machine.burst_bytes), some, some


@jit
def transfer(tiles: Record, machine: Record, layer: Record, tile: Ints, kind: int, words: int) -> tuple[int, int, int]:
    """Bytes, contiguous runs and descriptors of so many words that the current tile moves of a tensor.

    Where tensors lie tile by tile that is one run. What is compressed does: its words have no addresses of their own.
    """
    if layer.tiled[kind]:
        return packed_transfer(machine, layer, words, kind)
    set_box(tiles, layer, tile, kind)
    return box_transfer(tiles, machine, layer, kind)
