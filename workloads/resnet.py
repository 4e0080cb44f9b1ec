"""ResNet (He et al., CVPR 2016, arXiv 1512.03385).

v1 is the authors' (Caffe): a stage's first bottleneck strides in its first 1x1, conv1 has a bias, the pool no padding.
v1.5 (torchvision) strides in the 3x3. Depths 18 and 34 have basic blocks, the same in both, and follow torchvision.
"""

from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution

Depth = Literal[18, 34, 50, 101, 152]
Variant = Literal["v1", "v1.5"]

FILTERS = (64, 128, 256, 512)
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
EXPANSION = 4  # of a bottleneck


def resnet(
    depth: Depth = 50, variant: Variant = "v1", resolution: Resolution = 224, classes: Classes = 1000
) -> Network:
    """Build ResNet of a depth."""
    g = Graph("resnet")
    x = g.input(3, resolution, resolution)
    bottlenecks = depth >= 50
    authors = bottlenecks and variant == "v1"
    x = g.conv(x, 64, 7, stride=2, padding=3, bias=authors, activation="relu", name="conv1")
    x = g.max_pool(x, 3, stride=2, ceil=True, name="pool1") if authors else g.max_pool(x, 3, 2, padding=1, name="pool1")
    for stage, (filters, blocks) in enumerate(zip(FILTERS, BLOCKS[depth], strict=True), start=2):
        for index in range(blocks):
            stride = 2 if stage > 2 and index == 0 else 1
            with g.stage(f"stage{stage}"), g.scope(f"block{stage}_{index + 1}"):
                x = bottleneck(g, x, filters, stride, authors) if bottlenecks else basic(g, x, filters, stride)
    with g.stage("head"):
        g.softmax(g.linear(g.global_pool(x), classes, bias=True, name="fc"))
    return g.build()


def shortcut(g: Graph, x: Tensor, filters: int, stride: int) -> Tensor:
    """Return the input, through a 1x1 convolution where the block changes its shape."""
    return x if x.channels == filters and stride == 1 else g.conv(x, filters, stride=stride, name="shortcut")


def basic(g: Graph, x: Tensor, filters: int, stride: int) -> Tensor:
    """Add two 3x3 convolutions and the shortcut."""
    y = g.conv(x, filters, 3, stride, padding=1, activation="relu", name="conv1")
    y = g.conv(y, filters, 3, padding=1, name="conv2")
    return g.add(shortcut(g, x, filters, stride), y, activation="relu", name="add")


def bottleneck(g: Graph, x: Tensor, filters: int, stride: int, stride_first: bool) -> Tensor:
    """Add 1x1, 3x3 and 1x1 convolutions and the shortcut."""
    first, second = (stride, 1) if stride_first else (1, stride)
    y = g.conv(x, filters, stride=first, activation="relu", name="conv1")
    y = g.conv(y, filters, 3, second, padding=1, activation="relu", name="conv2")
    y = g.conv(y, filters * EXPANSION, name="conv3")
    return g.add(shortcut(g, x, filters * EXPANSION, stride), y, activation="relu", name="add")
