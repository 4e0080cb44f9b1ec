"""VGG (Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556): stages of 3x3 convolutions, each halved by a pool."""

from typing import Literal

from simulator.network.graph import Graph
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution

Depth = Literal[11, 13, 16, 19]

FILTERS = (64, 128, 256, 512, 512)
CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # a stage


def vgg(depth: Depth = 16, resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build VGG of a depth: columns A, B, D and E of the paper's table."""
    g = Graph("vgg")
    x = g.input(3, resolution, resolution)
    for stage, (filters, convs) in enumerate(zip(FILTERS, CONVS[depth], strict=True), start=1):
        with g.stage(f"stage{stage}"):
            for number in range(1, convs + 1):
                x = g.conv(x, filters, 3, padding=1, bias=True, activation="relu", name=f"conv{stage}_{number}")
            x = g.max_pool(x, 2, stride=2, name=f"pool{stage}")
    x = g.linear(x, 4096, bias=True, activation="relu", name="fc6")
    x = g.linear(x, 4096, bias=True, activation="relu", name="fc7")
    g.softmax(g.linear(x, classes, bias=True, name="fc8"))
    return g.build()
