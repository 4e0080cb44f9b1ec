"""MobileNet v1 (Howard et al., 2017, arXiv 1704.04861), after TensorFlow's slim: padding "same", 1x1 classifier.

Each block convolves depthwise with 3x3 and then mixes channels with 1x1.
"""

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution, Width

STEM = 32
BLOCKS = (  # filters, stride
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)


def mobilenet_v1(width: Width = 1.0, resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build `width` MobileNet-`resolution`."""
    g = Graph("mobilenet_v1")
    x = g.input(3, resolution, resolution)
    x = g.conv(x, scaled(STEM, width), 3, stride=2, padding="same", activation="relu6", name="conv1")
    for number, (filters, stride) in enumerate(BLOCKS, start=1):
        with g.scope(f"block{number}"):
            x = depthwise_separable(g, x, scaled(filters, width), stride)
    with g.stage("head"):
        x = g.conv(g.global_pool(x), classes, bias=True, name="classifier")
        g.softmax(x)
    return g.build()


def scaled(filters: int, width: float) -> int:
    """Return the filters at a width, at least 8."""
    return max(int(filters * width), 8)


def depthwise_separable(g: Graph, x: Tensor, filters: int, stride: int) -> Tensor:
    """Add a 3x3 depthwise and a 1x1 convolution."""
    x = g.depthwise(x, 3, stride, padding="same", activation="relu6", name="depthwise")
    return g.conv(x, filters, activation="relu6", name="pointwise")
