"""GoogLeNet (Szegedy et al., CVPR 2015, arXiv 1409.4842), as deployed in Caffe: no auxiliary classifiers.

An inception module joins a 1x1, a 3x3 and a 5x5 convolution, the latter two after a 1x1 that reduces, and a pooled 1x1.
"""

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution

Filters = tuple[int, int, int, int, int, int]

MODULES: dict[str, Filters] = {  # 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection: table 1 of the paper
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOL_AFTER = {"3b": "pool3", "4e": "pool4"}


def googlenet(resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build GoogLeNet."""
    g = Graph("googlenet")
    x = g.input(3, resolution, resolution)
    with g.stage("stem"):
        x = stem(g, x)
    for name, filters in MODULES.items():
        with g.scope(f"inception{name}"):
            x = inception(g, x, filters)
        if name in POOL_AFTER:
            x = g.max_pool(x, 3, stride=2, ceil=True, name=POOL_AFTER[name])
    with g.stage("head"):
        g.softmax(g.linear(g.global_pool(x), classes, bias=True, name="classifier"))
    return g.build()


def stem(g: Graph, x: Tensor) -> Tensor:
    """Add the layers before the first inception module."""
    x = g.conv(x, 64, 7, stride=2, padding=3, bias=True, activation="relu", name="conv1")
    x = g.lrn(g.max_pool(x, 3, stride=2, ceil=True, name="pool1"), size=5, name="norm1")
    x = g.conv(x, 64, bias=True, activation="relu", name="conv2_reduce")
    x = g.lrn(g.conv(x, 192, 3, padding=1, bias=True, activation="relu", name="conv2"), size=5, name="norm2")
    return g.max_pool(x, 3, stride=2, ceil=True, name="pool2")


def inception(g: Graph, x: Tensor, filters: Filters) -> Tensor:
    """Add the four branches and join them."""
    narrow, reduce3, wide3, reduce5, wide5, projection = filters
    first = g.conv(x, narrow, bias=True, activation="relu", name="1x1")
    second = g.conv(x, reduce3, bias=True, activation="relu", name="3x3_reduce")
    second = g.conv(second, wide3, 3, padding=1, bias=True, activation="relu", name="3x3")
    third = g.conv(x, reduce5, bias=True, activation="relu", name="5x5_reduce")
    third = g.conv(third, wide5, 5, padding=2, bias=True, activation="relu", name="5x5")
    fourth = g.max_pool(x, 3, padding=1, ceil=True, name="pool")
    fourth = g.conv(fourth, projection, bias=True, activation="relu", name="pool_projection")
    return g.concat(first, second, third, fourth, name="concat")
