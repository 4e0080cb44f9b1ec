"""NVDLA: its performance spreadsheet on AlexNet, layer by layer, and the frames per second of its primer."""

from collections.abc import Iterator
from math import ceil, prod

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.network.ir import Op
from simulator.result.run import LayerResult

SPREADSHEET = "nvdla_spreadsheet"
SIZES = (2048, 1024, 512, 256, 128, 64, 32)
MACS = 2048
BYTES_PER_CYCLE = 10.24
CLASSES = 1000
ALEXNET = "alexnet:resolution=224"
BATCH = 16
"""Of the fully connected layers: their weights are fetched once for so many images."""

PRINTED = within(1e-5)
"""The spreadsheet's figures are known to five or six digits, and have fractions of a cycle."""


def rows() -> Iterator[Row]:
    """Yield the cycles of AlexNet's layers, by the spreadsheet and by its formula, then the primer's frames."""
    layers = spreadsheet_layers()
    cycles = {name: layer.cycles / images for name, (layer, images) in layers.items()}
    part = "spreadsheet, AlexNet"
    yield Row("conv1", 49617.6, cycles["conv1"], PRINTED, "cycles", part)
    yield Row("conv3", 164163, cycles["conv3"], PRINTED, "cycles", part)
    yield Row("total", 0.89544, 1e-6 * sum(cycles.values()), PRINTED, "ms", part)
    read = [prod(layer.input_shapes[0]) / images for layer, images in layers.values()]
    for (name, (layer, images)), outputs in zip(layers.items(), [*read[1:], CLASSES], strict=True):
        formula = max(mac_cycles(layer), dram_cycles(layer, images, outputs))
        yield Row(name, formula, cycles[name], PRINTED, "cycles", "spreadsheet's formulas", counts=False)
    for row in published("nvdla_primer"):
        run = simulate(f"nvdla_{row['macs']}", "resnet:depth=50")
        yield Row(f"{row['macs']} MACs", float(row["frames"]), 1 / run.total.latency_s, within(0.15), "1/s", "primer")


def spreadsheet_layers() -> dict[str, tuple[LayerResult, int]]:
    """Return AlexNet's layers by name, and for how many images each was run.

    The weights of a convolution come for every image, those of a fully connected layer for 16: a reading inferred from
    the printed total, see the anchor's remarks.
    """
    found: dict[str, tuple[LayerResult, int]] = {}
    for images, op in ((1, Op.CONV), (BATCH, Op.LINEAR)):
        run = simulate(SPREADSHEET, ALEXNET, batch=images)
        found |= {layer.name: (layer, images) for layer in run.layers if layer.op is op}
    return found


def mac_cycles(layer: LayerResult) -> float:
    """Return the spreadsheet's MAC cycles of one image: padded channels and filters, and all taps.

    round_up(C sh sw, 16) ceil(H' / sh) ceil(W' / sw) round_up(K, 16) R S / (sh sw) / MACs, where H' is as high as a map
    of stride 1 would be, so that ceil(H' / sh) is the height of the output. Groups come one after the other.
    """
    groups, packed = layer.groups, layer.stride[0] * layer.stride[1]
    filters, height, width = layer.output_shape[1:]
    channels = layer.input_shapes[0][1] // groups * packed
    lanes = 16 * ceil(channels / 16) * 16 * ceil(filters // groups / 16)
    return groups * lanes * height * width * layer.kernel[0] * layer.kernel[1] / packed / MACS


def dram_cycles(layer: LayerResult, images: int, outputs: float) -> float:
    """Return the spreadsheet's DRAM cycles of one image: inputs, weights and what is stored, each once.

    Filters of 3x3 travel in Winograd form. `outputs` are the bytes that the next layer reads, after a pool.
    """
    filters, taps = layer.output_shape[1], prod(layer.kernel)
    weights = filters * layer.input_shapes[0][1] / layer.groups * (16 if layer.kernel == (3, 3) else taps)
    return (prod(layer.input_shapes[0]) / images + weights / images + outputs) / BYTES_PER_CYCLE


ANCHOR = Anchor(
    name="nvdla",
    title="NVDLA, performance spreadsheet and primer",
    source="github.com/nvdla/hw, performance spreadsheet; nvdla.org, primer",
    machines=(SPREADSHEET, *(f"nvdla_{macs}" for macs in SIZES)),
    rows=rows,
    machines_are="dot products (NVDLA, DPU, FLUX_CNN, VTA)",
    remarks=(
        "Only three of the spreadsheet's figures and its MAC formula were at hand. How it counts DRAM was "
        "inferred from them, by trying readings until conv3 and the total came out to every printed digit: 10 "
        "GB/s are 10.24 bytes a nanosecond, weights of 3x3 filters travel in Winograd form (16 words for 9), the "
        "last pool downsamples what conv5 stores, fully connected layers share weights among 16 images. Rows of the "
        "formulas repeat that reading; conv4, conv5 and the fully connected layers are confirmed by the total "
        "alone.",
        "How the primer's buffer is shared out was chosen among some dozens of simple models by how well they "
        "agree with its seven rows: halves for data and weights, double-buffered. With one shared buffer the two "
        "smallest sizes are about 30% too fast. The rows are thus no independent test of the split.",
    ),
)
