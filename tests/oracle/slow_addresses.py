"""Where words of a tensor lie in the DRAM of the slow simulator, and what a tile of it takes of the port."""

from math import ceil, gcd
from types import SimpleNamespace

from simulator.network.ir import Op
from tests.oracle.naive_bursts import CHANNELS, COLUMNS, DEEP, ROWS, Walk

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
    steps = steps | {CHANNELS: [1 if step % atom else step // atom]}
    stored = whole | {CHANNELS: ceil(whole[CHANNELS] / atom)}
    atoms = [range(piece[0] // atom, piece[0] // atom + ceil(len(piece) / atom)) for piece in pieces]
    walks = [Walk(box | {CHANNELS: a}, steps, stored, order, bits * atom, 8 * dram.burst_bytes) for a in atoms]
    return SimpleNamespace(
        size=ceil(sum(walk.touched_bits for walk in walks) / 8),
        runs=sum(len(walk.runs) for walk in walks),
        descriptors=sum(walk.blocks(machine.descriptor_dimensions) for walk in walks),
    )
