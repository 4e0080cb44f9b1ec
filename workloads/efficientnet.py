"""EfficientNet (Tan and Le, ICML 2019, arXiv 1905.11946), after TensorFlow's TPU models: padding "same".

Blocks are MobileNetV2's with a squeeze-and-excite module of a quarter of the block's input channels. b1 to b7 scale
width, depth and resolution together.
"""

from math import ceil
from typing import Literal

from simulator.network.graph import Graph
from simulator.network.ir import Network
from workloads.blocks import SqueezeExcite, inverted_residual, round_channels
from workloads.parameters import Classes, Resolution

Variant = Literal["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"]

STEM, HEAD = 32, 1280
STAGES = (  # repeats, kernel, first stride, expansion, filters: table 1 of the paper
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
SCALES = {  # width, depth, resolution
    "b0": (1.0, 1.0, 224),
    "b1": (1.0, 1.1, 240),
    "b2": (1.1, 1.2, 260),
    "b3": (1.2, 1.4, 300),
    "b4": (1.4, 1.8, 380),
    "b5": (1.6, 2.2, 456),
    "b6": (1.8, 2.6, 528),
    "b7": (2.0, 3.1, 600),
}


def efficientnet(variant: Variant = "b0", resolution: Resolution | None = None, classes: Classes = 1000) -> Network:
    """Build an EfficientNet; the resolution is the variant's own unless given."""
    width, depth, size = SCALES[variant]
    size = resolution or size
    g = Graph("efficientnet")
    x = g.input(3, size, size)
    x = g.conv(x, round_channels(STEM * width), 3, stride=2, padding="same", activation="swish", name="conv1")
    for number, (repeats, kernel, first_stride, expansion, filters) in enumerate(STAGES, start=1):
        for index in range(ceil(repeats * depth)):
            with g.stage(f"stage{number}"), g.scope(f"block{number}_{index + 1}"):
                x = inverted_residual(
                    g,
                    x,
                    round_channels(filters * width),
                    x.channels * expansion,
                    kernel,
                    stride=first_stride if index == 0 else 1,
                    activation="swish",
                    se=SqueezeExcite(x.channels // 4, "swish", "sigmoid"),
                ).output
    with g.stage("head"):
        x = g.conv(x, round_channels(HEAD * width), activation="swish", name="conv_last")
        g.softmax(g.linear(g.global_pool(x), classes, bias=True, name="fc"))
    return g.build()
