"""VTA: cycles of ResNets in RTL simulation, of the layers that run on the accelerator."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.network.graph import Graph
from simulator.network.ir import Network
from workloads.resnet import BLOCKS, FILTERS, basic, bottleneck

MACHINE = "vta_16x16"


def rows() -> Iterator[Row]:
    """Yield the cycles of each network."""
    for row in published("vta"):
        run = simulate(MACHINE, offloaded(int(row["depth"])))
        yield Row(row["network"], float(row["cycles"]), run.total.cycles, within(0.1), "cycles", row["half"])


def offloaded(depth: int) -> Network:
    """Return the stages of a ResNet; strides of bottlenecks are in their 3x3."""
    g = Graph(f"resnet{depth} without its ends")
    x = g.input(FILTERS[0], 56, 56)
    for stage, (filters, blocks) in enumerate(zip(FILTERS, BLOCKS[depth], strict=True), start=2):
        for index in range(blocks):
            stride = 2 if stage > 2 and index == 0 else 1
            with g.scope(f"block{stage}_{index + 1}"):
                x = basic(g, x, filters, stride) if depth < 50 else bottleneck(g, x, filters, stride, False)
    return g.build()


ANCHOR = Anchor(
    name="vta",
    title="VTA, 16x16: the stages of ResNet-18 and 50 in RTL simulation",
    source="github.com/apache/tvm-vta, pull request 30",
    machines=(MACHINE,),
    rows=rows,
    machines_are="dot products (NVDLA, DPU, FLUX_CNN, VTA)",
    remarks=(
        "Products and loads leave 1.0 and 6.1 million cycles unexplained, which is 9.7 and 9.5 for every 16 outputs: "
        "the array waits while the ALU works on the accumulators. How many operations that are is fitted on ResNet-18.",
        "ResNet-50 v2 normalizes before it convolves. Here it is v1.5, of the same convolutions; an add is fused, and "
        "a normalization by itself, before a block, costs nothing.",
    ),
)
