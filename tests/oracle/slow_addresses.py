"""Where words of a tensor lie in the DRAM of the slow simulator, and what a tile of it takes of the port."""

from fractions import Fraction
from math import ceil, gcd
from types import SimpleNamespace

from simulator.nest import Dim, Operand
from simulator.network.ir import Op
from tests.oracle.naive_bursts import CHANNELS, COLUMNS, DEEP, ROWS, Walk
from tests.oracle.slow_array import AXES

N, G, K, C, P, Q, R, S = Dim
SCALE = 2**20
"""Shares of zeros count in such parts of one, so that bytes and cycles are whole."""

ORDERS = {"n": DEEP, "c": CHANNELS, "h": ROWS, "w": COLUMNS}
WEIGHT_ORDERS = {"k": CHANNELS, "c": DEEP, "r": ROWS, "s": COLUMNS}
DEALERS = (Op.SHUFFLE, Op.GATHER)


def widths_of(network, folds):
    """Channels of the stored tensor in which each tensor lies, and which tensors have their channels dealt out."""
    widths = {name: shape[1] for name, shape in network.inputs.items()}
    widths |= {layer.name: layer.output_shape[1] for layer in network.layers}
    free = [layer for layer in network.layers if layer.op in folds]
    parts = {layer.name for layer in free if layer.op in (Op.SPLIT, *DEALERS)}
    dealt, before = set(), None
    while before != (before := dict(widths)):
        for layer in free:
            of_all = sum(shape[1] for shape in layer.input_shapes)
            if layer.op is Op.CONCAT and of_all == layer.output_shape[1]:
                for name in set(layer.inputs) - parts:
                    widths[name] = max(widths[name], widths[layer.name])
            if layer.name in parts:
                widths[layer.name] = widths[layer.inputs[0]]
                if layer.op in DEALERS or layer.inputs[0] in dealt:
                    dealt.add(layer.name)
    return widths, dealt


def is_tiled(machine, weights, coded):
    """Whether tiles of a tensor lie in one piece."""
    return coded or (machine.dram.weights if weights else machine.dram.activations) == "tiled"


def taken(box, whole, steps, machine, bits, weights=False, dealt=False, groups=None):
    """Bytes, runs and descriptors of a tile: its positions and the extents and steps by axis, channels in words.

    `groups` are (channels of a group, channels that a tile has of it, groups that it has).
    """
    dram = machine.dram
    layout, letters = (dram.weights, WEIGHT_ORDERS) if weights else (dram.activations, ORDERS)
    order, atom = [letters[letter] for letter in reversed(layout)], 1 if weights else dram.atom_channels
    of_group, part, many = groups or (whole[CHANNELS], whole[CHANNELS], 1)
    step = of_group * many if part >= of_group else gcd(of_group, part) if of_group < whole[CHANNELS] else part
    channels = sorted(box[CHANNELS])
    if dealt:
        pieces, step = [[c] for c in channels], 1
    elif part >= of_group:
        pieces = [channels] if channels else []
    else:
        pieces = [[c for c in channels if c // of_group == g] for g in sorted({c // of_group for c in channels})]
    steps = {CHANNELS: [1 if step % atom else step // atom]} | steps
    stored = whole | {CHANNELS: ceil(whole[CHANNELS] / atom)}
    atoms = [range(piece[0] // atom, piece[0] // atom + ceil(len(piece) / atom)) for piece in pieces]
    walks = [Walk(box | {CHANNELS: a}, steps, stored, order, bits * atom, 8 * dram.burst_bytes) for a in atoms]
    return SimpleNamespace(
        size=ceil(sum(walk.touched_bits for walk in walks) / 8),
        runs=sum(len(walk.runs) for walk in walks),
        descriptors=sum(walk.blocks(machine.descriptor_dimensions) for walk in walks),
    )


def tile_taken(nest, sizes, machine, operand, tile, bits, lines=None, wide=0, dealt=False):
    """The same of a tile of a layer, the ranges of all dimensions, where full tiles have such sizes.

    `lines` are the input rows and columns that it loads, padding counted; the stored tensor may have more channels.
    """
    weights, inputs = operand is Operand.WEIGHTS, operand is Operand.INPUTS
    channel, deep, axes = (K, C, (R, S)) if weights else (C if inputs else K, N, (P, Q))
    own = nest.bounds[channel]
    box = {DEEP: list(tile[deep]), CHANNELS: [g * own + c for g in tile[G] for c in tile[channel]]}
    whole = {DEEP: nest.bounds[deep], CHANNELS: wide or nest.bounds[G] * own}
    steps = {DEEP: [sizes[deep]]}
    for axis, d in zip((ROWS, COLUMNS), axes, strict=True):
        box[axis], whole[axis], steps[axis] = list(tile[d]), nest.bounds[d], [sizes[d]]
    for axis in (0, 1) if lines else ():
        margin, moved = (nest.padding[axis], nest.padding[axis + 2]), machine.dma_moves_padding
        box[ROWS + axis] = sorted(at - (0 if moved else margin[0]) for at in lines[axis])
        whole[ROWS + axis] = nest.input_size[axis] + (sum(margin) if moved else 0)
        along = zip(AXES[axis], (nest.stride[axis], nest.dilation[axis]), strict=True)
        steps[ROWS + axis] = [sizes[d] * by for d, by in along if sizes[d] < nest.bounds[d]]
    return taken(box, whole, steps, machine, bits, weights, dealt, (own, sizes[channel], sizes[G]))


def coded(dram, bits, operand, zeros, kernel):
    """Bits at the port for each bit, where runs of zeros are coded: a value, and how many zeros precede it.

    `kernel` is that of filters which may be stored transformed.
    """
    if dram.winograd and kernel:
        made, taps = dram.winograd
        if kernel == (taps, taps):
            return Fraction(round((made + taps - 1) ** 2 / taps**2 * SCALE), SCALE)
    if operand not in dram.run_length:
        return Fraction(1)
    covered = sum(zeros**k for k in range(dram.run_length_max + 1))
    return min(Fraction(1), Fraction(round((dram.run_length_bits + bits) / bits / covered * SCALE), SCALE))
