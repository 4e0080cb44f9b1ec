"""MnasNet (Tan et al., CVPR 2019, arXiv 1807.11626), after TensorFlow's TPU models: padding "same".

Blocks are MobileNetV2's, some with a squeeze-and-excite module of a quarter of the block's input channels. The
last convolution has 1280 filters at every width.
"""

from dataclasses import dataclass
from typing import Literal

from simulator.network.graph import Graph
from simulator.network.ir import Network
from workloads.blocks import SqueezeExcite, inverted_residual, round_channels
from workloads.parameters import Classes, Resolution, Width

Variant = Literal["a1", "b1", "small"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one shape; the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int
    se: bool = False
    skip: bool = True


A1 = (
    Stage(1, 3, 1, 1, 16, skip=False),
    Stage(2, 3, 2, 6, 24),
    Stage(3, 5, 2, 3, 40, se=True),
    Stage(4, 3, 2, 6, 80),
    Stage(2, 3, 1, 6, 112, se=True),
    Stage(3, 5, 2, 6, 160, se=True),
    Stage(1, 3, 1, 6, 320),
)
B1 = (
    Stage(1, 3, 1, 1, 16, skip=False),
    Stage(3, 3, 2, 3, 24),
    Stage(3, 5, 2, 3, 40),
    Stage(3, 5, 2, 6, 80),
    Stage(2, 3, 1, 6, 96),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320, skip=False),
)
SMALL = (
    Stage(1, 3, 1, 1, 8),
    Stage(1, 3, 2, 3, 16),
    Stage(2, 3, 2, 6, 16),
    Stage(4, 5, 2, 6, 32, se=True),
    Stage(3, 3, 1, 6, 32, se=True),
    Stage(3, 5, 2, 6, 88, se=True),
    Stage(1, 3, 1, 6, 144),
)
STAGES = {"a1": A1, "b1": B1, "small": SMALL}
STEM = {"a1": 32, "b1": 32, "small": 8}
HEAD = 1280


def mnasnet(
    variant: Variant = "a1", width: Width = 1.0, resolution: Resolution = 224, classes: Classes = 1000
) -> Network:
    """Build MnasNet-A1, -B1 or -small."""
    g = Graph("mnasnet")
    x = g.input(3, resolution, resolution)
    x = g.conv(x, round_channels(STEM[variant] * width), 3, stride=2, padding="same", activation="relu", name="conv1")
    for number, stage in enumerate(STAGES[variant], start=1):
        for index in range(stage.repeats):
            with g.stage(f"stage{number}"), g.scope(f"block{number}_{index + 1}"):
                x = inverted_residual(
                    g,
                    x,
                    round_channels(stage.filters * width),
                    x.channels * stage.expansion,
                    stage.kernel,
                    stride=stage.stride if index == 0 else 1,
                    activation="relu",
                    se=SqueezeExcite(x.channels // 4, "relu", "sigmoid") if stage.se else None,
                    skip=stage.skip,
                ).output
    with g.stage("head"):
        x = g.conv(x, HEAD, activation="relu", name="conv_last")
        g.softmax(g.linear(g.global_pool(x), classes, bias=True, name="fc"))
    return g.build()
