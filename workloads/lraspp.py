"""Lite R-ASPP on MobileNetV3-Large (Howard et al., 2019, arXiv 1905.02244, section 6.4), after torchvision.

The last stage keeps a sixteenth of the resolution by dilation. Its features, gated by their own pooled means, and those
at an eighth are classified and added.
"""

from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads import mobilenet_v3
from workloads.parameters import Classes, Resolution

Backbone = Literal["mobilenet_v3_large"]

FILTERS = 128


def lraspp(backbone: Backbone = "mobilenet_v3_large", resolution: Resolution = 520, classes: Classes = 21) -> Network:
    """Build the segmentation network; its output is one score a class and pixel."""
    g = Graph("lraspp")
    image = g.input(3, resolution, resolution)
    blocks = mobilenet_v3.features(g, image, mobilenet_v3.LARGE, padding="half", dilated_from=13)
    high = mobilenet_v3.last_conv(g, blocks[-1].output, 960)
    with g.stage("head"):
        g.upsample(lite_head(g, blocks[3].output, high, classes), image.size, name="logits")
    return g.build()


def lite_head(g: Graph, low: Tensor, high: Tensor, classes: int) -> Tensor:
    """Classify the gated deep features and the shallow ones, and add."""
    x = g.conv(high, FILTERS, activation="relu", name="cbr")
    gate = g.conv(g.global_pool(high), FILTERS, activation="sigmoid", name="scale")
    x = g.upsample(g.mul(x, gate), low.size)
    low = g.conv(low, classes, bias=True, name="low_classifier")
    return g.add(low, g.conv(x, classes, bias=True, name="high_classifier"))
