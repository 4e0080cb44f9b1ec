"""DeepLabv3 on MobileNetV2 (Sandler et al., 2018, arXiv 1801.04381, section 6.3), after TensorFlow's deeplab.

The backbone ends at its 320 filters and keeps its resolution at `output_stride` by dilation. A pooled and a 1x1 branch
are joined, with `aspp` also three 3x3 of dilations 6, 12 and 18 at stride 16 (twice as much at 8).
"""

from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads import mobilenet_v2
from workloads.parameters import Classes, Resolution

Backbone = Literal["mobilenet_v2"]
OutputStride = Literal[8, 16]

FILTERS = 256
ASPP_DILATIONS = (6, 12, 18)  # at output stride 16


def deeplabv3(
    backbone: Backbone = "mobilenet_v2",
    output_stride: OutputStride = 16,
    aspp: bool = False,
    resolution: Resolution = 513,
    classes: Classes = 21,
) -> Network:
    """Build DeepLabv3 without decoder; its output is one score a class and pixel."""
    g = Graph("deeplabv3")
    image = g.input(3, resolution, resolution)
    x = mobilenet_v2.features(g, image, output_stride=output_stride)[-1].output
    dilations = tuple(dilation * 16 // output_stride for dilation in ASPP_DILATIONS) if aspp else ()
    with g.stage("aspp"):
        x = spatial_pyramid(g, x, dilations)
    with g.stage("head"):
        x = g.conv(x, classes, bias=True, name="classifier")
        g.upsample(x, image.size, name="logits")
    return g.build()


def spatial_pyramid(g: Graph, x: Tensor, dilations: tuple[int, ...]) -> Tensor:
    """Join what the position, its surroundings at each dilation, and the whole image say."""
    pooled = g.conv(g.global_pool(x, name="image_pool"), FILTERS, activation="relu", name="image_pooling")
    branches = [g.upsample(pooled, x.size), g.conv(x, FILTERS, activation="relu", name="aspp0")]
    for number, dilation in enumerate(dilations, start=1):
        y = g.conv(x, FILTERS, 3, padding="same", dilation=dilation, activation="relu", name=f"aspp{number}")
        branches.append(y)
    return g.conv(g.concat(*branches), FILTERS, activation="relu", name="projection")
