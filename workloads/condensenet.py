"""CondenseNet-74 (Huang et al., CVPR 2018, arXiv 1711.09224), deployed or at a stage of its condensation.

A layer normalises, narrows with a learned group convolution (1x1) and makes k new maps with a grouped 3x3; the growth k
doubles from block to block. While it learns, the 1x1 is dense, and each of C - 1 condensing stages zeroes another 1/C
of each filter group's columns: channels of which the group reads nothing any more. A machine that skips zero weights
leaves their steps out, any other takes as long as before. Deployed, an index picks the inputs each group kept, a
standard group convolution follows, a shuffle spreads its outputs, and the classifier reads half of the features.

Norms stand before their activation and after a concatenation: each is one elementwise pass.
"""

from typing import Annotated, Literal

from simulator.errors import InputError, Problem
from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Between, Classes, Resolution

Groups = Literal[4, 8]
Stage = Annotated[int, Between(0, 7)]

STAGES = ((4, 8), (6, 16), (8, 32), (10, 64), (8, 128))  # layers, growth
BOTTLENECK = 4  # filters of the 1x1, in multiples of the growth


def condensenet(
    groups: Groups = 4, stage: Stage | None = None, resolution: Resolution = 224, classes: Classes = 1000
) -> Network:
    """Build CondenseNet with G = C = `groups`; with `stage`, as it is after that many condensing stages."""
    if stage is not None and stage >= groups:
        raise InputError(
            Problem("no such condensing stage", path="stage", expected=f"0 to {groups - 1}", got=str(stage))
        )
    g = Graph("condensenet")
    x = g.input(3, resolution, resolution)
    x = g.conv(x, 2 * STAGES[0][1], 3, stride=2, padding=1, name="conv1")
    for block, (layers, growth) in enumerate(STAGES, start=1):
        with g.stage(f"block{block}"):
            x = x if block == 1 else g.avg_pool(x, 2, stride=2, name=f"transition{block - 1}")
            for number in range(1, layers + 1):
                with g.scope(f"block{block}_{number}"):
                    x = dense_layer(g, x, growth, groups, stage)
    with g.stage("head"):
        x = g.flatten(g.global_pool(g.activation(x, "norm_relu")))
        x = g.gather(x, x.channels // 2, name="index") if stage is None else x
        g.softmax(g.linear(x, classes, bias=True, name="classifier"))
    return g.build()


def dense_layer(g: Graph, x: Tensor, growth: int, groups: int, stage: int | None) -> Tensor:
    """Make `growth` new maps of all before and join them."""
    filters = BOTTLENECK * growth
    y = deployed_1x1(g, x, filters, groups) if stage is None else learning_1x1(g, x, filters, stage / groups)
    y = g.conv(y, growth, 3, padding=1, groups=groups, name="conv2")
    return g.concat(x, y, name="concat")


def deployed_1x1(g: Graph, x: Tensor, filters: int, groups: int) -> Tensor:
    """Pick each group's inputs, convolve in groups, interleave."""
    x = g.activation(g.gather(x, x.channels, name="index"), "norm_relu", "norm1")
    return g.relu(g.shuffle(g.conv(x, filters, groups=groups, name="conv1"), groups, name="shuffle"), "relu2")


def learning_1x1(g: Graph, x: Tensor, filters: int, pruned: float) -> Tensor:
    """Convolve densely with a share of zero weights."""
    x = g.activation(x, "norm_relu", "norm1")
    return g.conv(x, filters, activation="relu", name="conv1", zero_weights_fraction=pruned, zero_columns=True)
