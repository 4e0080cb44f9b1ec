"""DenseNet-BC (Huang et al., CVPR 2017, arXiv 1608.06993), after torchvision.

A dense layer normalises, narrows with 1x1 and makes k new maps with 3x3, which join all maps before them. Norms stand
before their activation and after a concatenation, where no convolution can take them in: each is one elementwise pass.
"""

from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution

Depth = Literal[121, 161, 169, 201]

GROWTH = {121: 32, 161: 48, 169: 32, 201: 32}
BLOCKS = {121: (6, 12, 24, 16), 161: (6, 12, 36, 24), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
BOTTLENECK = 4  # filters of the 1x1, in multiples of the growth


def densenet(depth: Depth = 121, resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build DenseNet of a depth."""
    g = Graph("densenet")
    growth = GROWTH[depth]
    x = g.input(3, resolution, resolution)
    x = g.conv(x, 2 * growth, 7, stride=2, padding=3, activation="relu", name="conv1")
    x = g.max_pool(x, 3, stride=2, padding=1, name="pool1")
    for block, layers in enumerate(BLOCKS[depth], start=1):
        with g.stage(f"block{block}"):
            for number in range(1, layers + 1):
                with g.scope(f"block{block}_{number}"):
                    x = dense_layer(g, x, growth)
        if block < len(BLOCKS[depth]):
            with g.scope(f"transition{block}"):
                x = transition(g, x)
    with g.stage("head"):
        x = g.global_pool(g.activation(x, "norm_relu"))
        g.softmax(g.linear(x, classes, bias=True, name="fc"))
    return g.build()


def dense_layer(g: Graph, x: Tensor, growth: int) -> Tensor:
    """Make `growth` new maps of all before and join them."""
    y = g.conv(g.activation(x, "norm_relu", "norm1"), BOTTLENECK * growth, activation="relu", name="conv1")
    y = g.conv(y, growth, 3, padding=1, name="conv2")
    return g.concat(x, y, name="concat")


def transition(g: Graph, x: Tensor) -> Tensor:
    """Halve the channels and the map."""
    x = g.conv(g.activation(x, "norm_relu", "norm"), x.channels // 2, name="conv")
    return g.avg_pool(x, 2, stride=2, name="pool")
