"""FLUX_CNN, an open 16 x 16 design: cycles of single layers in RTL simulation."""

from collections.abc import Iterator, Mapping

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.source.parser import Value

MACHINE = "flux_16x16"
WITHOUT_DMA: dict[str, Value] = {"dram.bandwidth": "unlimited", "dram.latency_cycles": 0}
"""For layers that lie in SRAM when they start, and stay there."""


def rows() -> Iterator[Row]:
    """Yield the cycles of each layer."""
    machine = load_hardware(MACHINE)
    on_chip = vary(machine, WITHOUT_DMA)
    for row in published("flux"):
        run = simulate(on_chip if row["memory"] == "sram" else machine, layer(row))
        yield Row(row["layer"], float(row["cycles"]), run.total.cycles, within(0.03), "cycles", row["memory"])


def layer(row: Mapping[str, str]) -> Network:
    """Return a network of one convolution, whose inputs hold their padding if they have any."""
    channels, filters, kernel, stride, height, width = (
        int(row[key]) for key in ("channels", "filters", "kernel", "stride", "height", "width")
    )
    g = Graph("layer")
    rows_in, columns_in = ((outputs - 1) * stride + kernel for outputs in (height, width))
    g.conv(g.input(channels, rows_in, columns_in), filters, kernel, stride)
    return g.build()


ANCHOR = Anchor(
    name="flux",
    title="FLUX_CNN, 16x16: single layers in RTL simulation",
    source="github.com/Alivenderwww/FLUX_CNN at cc7efda, README.md",
    machines=(MACHINE,),
    rows=rows,
    machines_are="dot products (NVDLA, DPU, FLUX_CNN, VTA)",
    remarks=(
        "The latency of its memory, 30 cycles, is what one row leaves over the first three rows of inputs at 16 B a "
        "cycle; the others are held out.",
        "A layer of 8 channels takes as long as one of 16, and 3 channels cross the port as 16.",
    ),
)
