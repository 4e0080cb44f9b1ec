"""Bursts, runs and descriptors of a tile in DRAM, counted address by address."""

from fractions import Fraction
from itertools import chain, groupby, pairwise, product
from math import ceil

from simulator.nest import Dim

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS, RESIDUALS = range(4)
DEEP, CHANNELS, ROWS, COLUMNS = range(4)


def tile_transfer(tile, mapping, machine, layer, kind, lines=None):
    """Bytes, runs and descriptors that a tile, the ranges of all dimensions, moves of a tensor.

    `lines` are the input rows and columns that it loads.
    """
    channel, deep, rows, columns = {INPUTS: (C, N, P, Q), WEIGHTS: (K, C, R, S)}.get(kind, (K, N, P, Q))
    pieces, step = channel_pieces(tile, mapping, layer, kind, channel)
    box = {DEEP: tile[deep], ROWS: tile[rows], COLUMNS: tile[columns]}
    steps = {DEEP: [mapping.tile[deep]], CHANNELS: [step], ROWS: [mapping.tile[rows]], COLUMNS: [mapping.tile[columns]]}
    if kind == INPUTS:
        box |= {ROWS: sorted(lines[0]), COLUMNS: sorted(lines[1])}
        for axis, (pixel, tap) in enumerate(((P, R), (Q, S))):
            along = {pixel: layer.stride[axis], tap: layer.dilation[axis]}
            steps[ROWS + axis] = [mapping.tile[d] * along[d] for d in along if mapping.tile[d] < layer.bounds[d]]
    order = layer.axis[kind]
    whole = dict(zip(order, layer.whole[kind], strict=True))
    found = [
        Walk(box | {CHANNELS: piece}, steps, whole, order, layer.word_bits[kind], 8 * machine.burst_bytes)
        for piece in pieces
    ]
    size = ceil(sum(walk.touched_bits for walk in found) / 8)
    return (
        size,
        sum(len(walk.runs) for walk in found),
        sum(walk.blocks(machine.descriptor_dimensions) for walk in found),
    )


def channel_pieces(tile, mapping, layer, kind, channel):
    """Positions in atoms of a tile's channels in the stored tensor, in pieces that lie apart, and the step of tiles.

    Each group of which it has a part is a piece; so is each channel that a shuffle dealt out. Tiles that cut atoms are
    taken to begin with one.
    """
    of_group, atom, step = layer.bounds[channel], layer.atom[kind], mapping.tile[channel]
    pieces = [[g * of_group + c for c in tile[channel]] for g in tile[G]]
    if step >= of_group:
        pieces, step = [list(chain.from_iterable(pieces))], of_group * mapping.tile[G]
    elif layer.bounds[G] > 1:
        step = next(d for d in range(step, 0, -1) if step % d == 0 and of_group % d == 0)
    if layer.scattered[kind]:
        pieces, step = [[c] for piece in pieces for c in piece], 1
    step = step // atom if step % atom == 0 else 1
    return [range(piece[0] // atom, piece[0] // atom + ceil(len(piece) / atom)) for piece in pieces], step


class Walk:
    """A walk over the addresses of a box's words, by axis innermost first; `steps` are those in which tiles begin."""

    def __init__(self, box, steps, whole, order, word_bits, burst_bits):
        self.burst_bits, pitch, inside = burst_bits, {}, word_bits
        for axis in order:
            pitch[axis], inside = inside, inside * whole[axis]
        words = sorted(sum(i * pitch[a] for a, i in zip(box, at, strict=True)) for at in product(*box.values()))
        apart = groupby(enumerate(words), lambda pair: pair[1] - pair[0] * word_bits)
        self.runs = [[address for _, address in run] for _, run in apart]
        self.touched_bits = 0
        if words:
            (length,) = {len(run) * word_bits for run in self.runs}
            cut = next((i for i, axis in enumerate(order) if len(box[axis]) < whole[axis]), len(order))
            moves = [step * pitch[axis] for axis in order[cut : cut + 1] for step in steps[axis]]
            moves += [pitch[axis] for axis in order[cut + 1 :] if whole[axis] > 1]
            self.touched_bits = len(self.runs) * mean_touched(self.starts(moves), length, burst_bits)

    def starts(self, moves):
        """Where in a burst runs begin: this box's, and all that lie some moves further on."""
        found = {self.runs[0][0] % self.burst_bits}
        while more := {(start + move) % self.burst_bits for start in found for move in moves} - found:
            found |= more
        return found

    def blocks(self, dimensions):
        """How many things are left when those that repeat at equal distances are gathered, once a dimension."""
        things = [run[0] for run in self.runs]
        for _ in range(dimensions - 1):
            things = things[:: equal_row(things)]
        return len(things)


def mean_touched(starts, length, burst_bits):
    """Bits of the bursts that a run of so many bits touches, on the average of its starts."""
    bursts = sum((start + length - 1) // burst_bits - start // burst_bits + 1 for start in starts)
    return Fraction(bursts * burst_bits, len(starts))


def equal_row(things):
    """How many things follow one another at one distance."""
    distances = [after - before for before, after in pairwise(things)]
    return 1 + next((i for i, distance in enumerate(distances) if distance != distances[0]), len(distances))
