"""MobileNet v2 (Sandler et al., CVPR 2018, arXiv 1801.04381), after TensorFlow's slim: padding "same", 1x1 classifier.

Channels are rounded to multiples of 8; the last convolution has 1280 filters, more only at widths above 1.
"""

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.blocks import Bottleneck, inverted_residual, round_channels
from workloads.parameters import Classes, Resolution, Width

STEM = 32
STAGES = (  # expansion t, filters c, repeats n, first stride s: table 2 of the paper
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
LAST = 1280


def mobilenet_v2(width: Width = 1.0, resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build `width` MobileNetV2 at a resolution."""
    g = Graph("mobilenet_v2")
    x = features(g, g.input(3, resolution, resolution), width)[-1].output
    x = last_conv(g, x, width)
    with g.stage("head"):
        x = g.conv(g.global_pool(x), classes, bias=True, name="classifier")
        g.softmax(x)
    return g.build()


def features(g: Graph, x: Tensor, width: float = 1.0, output_stride: int = 32) -> list[Bottleneck]:
    """Add the layers up to the 320 filters of the last bottleneck; return all bottlenecks.

    Once `output_stride` is reached, strides become dilations of the layers after (DeepLab's atrous convolution).
    """
    x = g.conv(x, round_channels(STEM * width), 3, stride=2, padding="same", activation="relu6", name="conv1")
    made: list[Bottleneck] = []
    reached, dilation = 2, 1
    for stage, (expansion, filters, repeats, first_stride) in enumerate(STAGES, start=1):
        for index in range(repeats):
            wanted = first_stride if index == 0 else 1
            stride = wanted if reached < output_stride else 1
            with g.stage(f"stage{stage}"), g.scope(f"block{len(made) + 1}"):
                block = inverted_residual(
                    g,
                    x,
                    round_channels(filters * width),
                    x.channels * expansion,
                    stride=stride,
                    dilation=dilation,
                )
            made.append(block)
            x = block.output
            reached *= stride
            dilation *= wanted // stride
    return made


def last_conv(g: Graph, x: Tensor, width: float = 1.0) -> Tensor:
    """Add the 1x1 convolution before pooling."""
    return g.conv(x, round_channels(LAST * max(width, 1.0)), activation="relu6", name="conv_last")
