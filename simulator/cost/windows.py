"""Tiles of windows, as pools have them: boxes of outputs and of the inputs that they reach, and what these move."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from simulator.cost.case import CHANNELS, DEEP, LAYER, ROWS, TILES, Ints
from simulator.cost.convert import machine_record, record
from simulator.cost.geometry import clipped, tile_box
from simulator.cost.layout import box_transfer
from simulator.cost.stored import tensor_fields
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer
from simulator.network.shapes import Shape

BYTES, RUNS, DESCRIPTORS = range(3)
"""Columns of transfers [tile, 3]: bytes in bursts, contiguous runs, descriptors."""

Part = tuple[int, int]
"""Where a part of an axis begins, and how far it extends."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Parts of each axis of a tensor, in the order of a nest: rows, samples, channels, columns. Tiles are all boxes."""

    rows: list[Part]
    samples: list[Part]
    channels: list[Part]
    columns: list[Part]

    @property
    def each(self) -> list[tuple[Part, Part, Part, Part]]:
        """Every box as samples, channels, rows, columns."""
        return [(n, c, h, w) for h in self.rows for n in self.samples for c in self.channels for w in self.columns]

    @property
    def elements(self) -> Ints:
        """Elements of every box."""
        return np.array([prod(extent for _, extent in box) for box in self.each], np.int64)

    def box_bytes(self, bits: int) -> Ints:
        """Bytes of every box, in whole bytes."""
        size: Ints = (self.elements * bits + 7) // 8
        return size


def cut_windows(layer: Layer, atom: int, n: int) -> tuple[Boxes, Boxes]:
    """Cut windows into n tiles or a few more: boxes of the outputs, and of the inputs that their windows reach.

    Rows are cut first, then samples and channels, which share no input; columns last. Channels that lie together in an
    `atom` stay together. What two tiles need comes twice; while columns are whole, lines come whole.
    """
    samples, channels, height, width = layer.output_shape
    cuts, left = [], n
    for extent in (height, samples, -(-channels // atom), width):
        cuts.append(parts(extent, min(extent, left)))
        left = -(-left // extent)
    rows, deep, atoms, columns = cuts
    together = [(start * atom, min(channels, (start + some) * atom) - start * atom) for start, some in atoms]
    across = [reached(layer, 1, part) for part in columns] if len(columns) > 1 else [(0, layer.input_shapes[0][3])]
    made = Boxes(rows, deep, together, columns)
    return made, Boxes([reached(layer, 0, part) for part in rows], deep, together, across)


def parts(extent: int, count: int) -> list[Part]:
    """Parts of an extent, as equal as whole numbers allow."""
    return [(start, end - start) for start, end in pairwise(ends_of(extent, count).tolist())]


def ends_of(extent: int, count: int) -> Ints:
    """Where parts of an extent, as equal as whole numbers allow, start and end."""
    ends: Ints = np.linspace(0, extent, count + 1).round().astype(np.int64)
    return ends


def reached(layer: Layer, axis: int, part: Part) -> Part:
    """Rows (axis 0) or columns (1) of the input, from first to last, that windows of a part of the outputs reach."""
    first, count = part
    taps, stride, dilation = layer.kernel[axis], layer.stride[axis], layer.dilation[axis]
    start = first * stride - layer.padding[axis]
    box = tile_box(count, taps, stride, dilation, 0) if count else 0
    return max(0, start), clipped(start, box, layer.input_shapes[0][2 + axis])


def box_transfers(boxes: Boxes, sizes: Ints, operand: Operand, shape: Shape, hardware: Hardware) -> Ints:
    """What each box of an activation takes of DRAM as it lies there: bytes in bursts, contiguous runs, descriptors.

    `sizes` are the bytes of the boxes: all that counts of tensors that lie tile by tile.
    """
    dram, bits = hardware.dram, hardware.output_bits if operand is Operand.OUTPUTS else hardware.input_bits
    if dram.activations == "tiled" or operand in dram.run_length:
        return in_one_run(sizes, hardware)
    atom = dram.atom_channels
    facts, machine, tiles = record(LAYER), machine_record(hardware), record(TILES)
    facts["word_bits"][operand] = atom * bits
    for name, values in tensor_fields(dram.activations, shape, atom, atom * bits, dram.burst_bytes).items():
        facts[name][operand] = values
    tiles["copies"] = 1
    found = np.zeros((len(sizes), 3), np.int64)
    for i, box in enumerate(boxes.each):
        tiles["start"], tiles["box"] = zip(*box, strict=True)
        first, channels = box[CHANNELS]
        tiles["start"][CHANNELS], tiles["box"][CHANNELS] = first // atom, -(-channels // atom)
        if sizes[i]:
            found[i] = box_transfer(tiles, machine, facts, int(operand))  # which older numba cannot take as an enum
    return found


def in_one_run(sizes: Ints, hardware: Hardware) -> Ints:
    """Let each transfer be one contiguous run, rounded up to whole bursts."""
    burst, some = hardware.dram.burst_bytes, np.minimum(sizes, 1)
    return np.stack((-(-sizes // burst) * burst, some, some), axis=1)


assert (DEEP, CHANNELS, ROWS) == (0, 1, 2), "boxes list axes as records do"
