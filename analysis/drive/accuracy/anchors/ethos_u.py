"""Arm Ethos-U55: its open estimator, operator by operator, on two MobileNets. A peer, not a measurement."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from statistics import median

from analysis.drive.accuracy.anchor import Anchor, Row, absolute_deviations
from analysis.drive.accuracy.bounds import at_most
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary

MACHINES = ("ethos_u55_32", "ethos_u55_128", "ethos_u55_256")
Figures = Mapping[str, str]


def rows() -> Iterator[Row]:
    """Yield the cycles of each operator, network by network, and how far they are off in the median."""
    every: list[Row] = []
    for (accelerator, memory, width, resolution), members in groupby(published("ethos_u"), key=case_of):
        run = simulate(machine(accelerator, memory), f"mobilenet_v1:width={width},resolution={resolution}")
        layers = [layer for layer in run.layers if layer.cycles and layer.op != "softmax"]
        part = f"{accelerator}, {memory}, {width} at {resolution}"
        pairs = [(row, layers[int(row["layer"])]) for row in members]
        found = [Row(layer.name, float(row["cycles"]), layer.cycles, None, "cycles", part) for row, layer in pairs]
        yield from found
        every += found
        yield Row("median deviation", None, 100 * median(absolute_deviations(found)), at_most(10), "%", part, False)
    yield Row("median deviation", None, 100 * median(absolute_deviations(every)), at_most(10), "%", "all", False)


def case_of(row: Figures) -> tuple[str, str, str, str]:
    """Return what is simulated together."""
    return row["accelerator"], row["memory"], row["width"], row["resolution"]


def machine(accelerator: str, memory: str) -> Hardware:
    """Return an accelerator with its weights in flash, as its file says, or in SRAM."""
    hardware = load_hardware(accelerator)
    return vary(hardware, {"dram.weights_bandwidth": "4 GB/s"}) if memory == "Sram_Only" else hardware


CODED = (
    "The estimator codes the networks' own weights without loss, which leaves 67 to 88% of the bytes; here they cross "
    "the port as they are. Layers that wait for flash take longer by that much."
)

ANCHOR = Anchor(
    name="ethos_u",
    title="Arm Ethos-U55: operators of two MobileNets by Arm's estimator",
    source="ethos-u-vela 5.2.0 (pypi.org), with vela.ini's Ethos_U55_High_End_Embedded",
    machines=MACHINES,
    rows=rows,
    given="estimated",
    remarks=(
        "A step is 4 cycles, in which every output of a block takes 32 channels of a tap, 8 channels of four taps, or "
        "of a channel four taps. Nothing is fitted.",
        "The output stage works on a block while the array makes the next one, and on the last one alone. So does the "
        "estimator; delays between steps, which it adds where a block has a single position, are left out.",
        "Average pools run on the vector unit here, and on the array there: a layer of each network.",
        "Cycles and bus beats of Arm's own model of the hardware are published of five networks whose layers are not "
        "published with them, or only in part: none is compared.",
        CODED,
    ),
)
