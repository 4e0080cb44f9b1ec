"""AlexNet (Krizhevsky et al., NeurIPS 2012), as its two towers run in Caffe, and the later one-tower network.

`two_group` is bvlc_alexnet: 227x227, convolutions 2, 4 and 5 in two groups, normalisation before pooling. `one_tower`
(Krizhevsky 2014, arXiv 1404.5997, as in torchvision) has 224x224, no groups, fewer filters, no normalisation.
"""

from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution

Variant = Literal["two_group", "one_tower"]

RESOLUTION = {"two_group": 227, "one_tower": 224}


def alexnet(variant: Variant = "two_group", resolution: Resolution | None = None, classes: Classes = 1000) -> Network:
    """Build AlexNet; the resolution is the variant's own unless given."""
    g = Graph("alexnet")
    size = resolution or RESOLUTION[variant]
    x = g.input(3, size, size)
    x = two_group_features(g, x) if variant == "two_group" else one_tower_features(g, x)
    x = g.linear(x, 4096, bias=True, activation="relu", name="fc6")
    x = g.linear(x, 4096, bias=True, activation="relu", name="fc7")
    g.softmax(g.linear(x, classes, bias=True, name="fc8"))
    return g.build()


# Share of zeros in each convolution's inputs, as Chen et al. (Eyeriss, JSSC 2017, table V) measured it.
ZEROS = {"conv1": 0.0001, "conv2": 0.387, "conv3": 0.725, "conv4": 0.793, "conv5": 0.776}


def two_group_features(g: Graph, x: Tensor) -> Tensor:
    """Add Caffe's layers up to the last pool."""

    def conv(
        x: Tensor, filters: int, kernel: int, name: str, stride: int = 1, padding: int = 0, groups: int = 1
    ) -> Tensor:
        zeros = ZEROS[name]
        return g.conv(x, filters, kernel, stride, padding, groups, 1, True, "relu", name, zero_inputs_fraction=zeros)

    x = g.lrn(conv(x, 96, 11, "conv1", stride=4), size=5, name="norm1")
    x = g.max_pool(x, 3, stride=2, ceil=True, name="pool1")
    x = g.lrn(conv(x, 256, 5, "conv2", padding=2, groups=2), size=5, name="norm2")
    x = g.max_pool(x, 3, stride=2, ceil=True, name="pool2")
    x = conv(x, 384, 3, "conv3", padding=1)
    x = conv(x, 384, 3, "conv4", padding=1, groups=2)
    x = conv(x, 256, 3, "conv5", padding=1, groups=2)
    return g.max_pool(x, 3, stride=2, ceil=True, name="pool5")


def one_tower_features(g: Graph, x: Tensor) -> Tensor:
    """Add torchvision's layers up to the last pool."""
    x = g.conv(x, 64, 11, stride=4, padding=2, bias=True, activation="relu", name="conv1")
    x = g.max_pool(x, 3, stride=2, name="pool1")
    x = g.conv(x, 192, 5, padding=2, bias=True, activation="relu", name="conv2")
    x = g.max_pool(x, 3, stride=2, name="pool2")
    x = g.conv(x, 384, 3, padding=1, bias=True, activation="relu", name="conv3")
    x = g.conv(x, 256, 3, padding=1, bias=True, activation="relu", name="conv4")
    x = g.conv(x, 256, 3, padding=1, bias=True, activation="relu", name="conv5")
    return g.max_pool(x, 3, stride=2, name="pool5")
