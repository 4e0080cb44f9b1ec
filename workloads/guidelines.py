"""Small networks on which ShuffleNetV2's paper measures its guidelines (arXiv 1807.11164, section 2, tables 1 to 4).

Each is a stack of ten blocks on 56x56 maps; channels are such that all cases of a guideline cost about equal MACs.
"""

from collections.abc import Callable
from math import isqrt

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network

BLOCKS = 10
SIZE = 56


def channel_ratio(narrow: int, wide: int) -> Network:
    """Build the stack of guideline 1: 1x1 convolutions that widen and narrow by turns."""
    return _stack(f"{narrow}:{wide}", narrow, lambda g, x: g.conv(g.conv(x, wide), narrow))


def grouped(groups: int, channels: int) -> Network:
    """Build the stack of guideline 2: 1x1 convolutions in groups."""
    return _stack(f"{groups} groups", channels, lambda g, x: g.conv(x, channels, groups=groups))


def fragmented(fragments: int, arrangement: str, channels: int = 128) -> Network:
    """Build the stack of guideline 3: a block's 1x1 convolution cut into fragments, "series" or "parallel".

    `channels` are those of one fragment. Fragments in series are narrower by the root of their number. Parallel ones
    see all channels and make an equal share each, which is joined. MACs stay the same.
    """
    width = isqrt(channels * channels // fragments) if arrangement == "series" else channels

    def block(g: Graph, x: Tensor) -> Tensor:
        if arrangement == "parallel" and fragments > 1:
            return g.concat(*(g.conv(x, channels // fragments) for _ in range(fragments)))
        for _ in range(fragments):
            x = g.conv(x, width)
        return x

    return _stack(f"{fragments} in {arrangement}", width, block)


def elementwise(relu: bool, shortcut: bool, channels: int = 128) -> Network:
    """Build the stack of guideline 4: ResNet's bottleneck, with and without ReLU and shortcut."""
    activation = "relu" if relu else ""

    def block(g: Graph, x: Tensor) -> Tensor:
        y = g.conv(x, channels // 4, activation=activation)
        y = g.conv(y, channels // 4, kernel=3, padding=1, activation=activation)
        y = g.conv(y, channels)
        if shortcut:
            return g.add(x, y, activation=activation)
        return g.relu(y) if relu else y

    return _stack(f"relu={relu} shortcut={shortcut}", channels, block)


def _stack(name: str, channels: int, block: Callable[[Graph, Tensor], Tensor]) -> Network:
    g = Graph(name)
    x = g.input(channels, SIZE, SIZE)
    for number in range(1, BLOCKS + 1):
        with g.scope(f"block{number}"):
            x = block(g, x)
    return g.build()
