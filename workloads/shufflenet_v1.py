"""ShuffleNet (Zhang et al., CVPR 2018, arXiv 1707.01083).

A unit narrows with a grouped 1x1, shuffles, convolves depthwise and expands with a grouped 1x1; with a stride it joins
the pooled input instead of adding it. The very first 1x1 is not grouped.

The members that the authors released (github.com/megvii-model/ShuffleNet-Series) have a first layer of their own and a
classifier without bias. Filters that do not divide into the groups are rounded to a multiple of 8, as in mmpretrain.
"""

from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.blocks import round_channels
from workloads.parameters import Classes, Resolution, Width

Groups = Literal[1, 2, 3, 4, 8]

FILTERS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}  # of the first stage, by groups; doubled at each next
UNITS = (4, 8, 4)
STEM = 24
RELEASED_STEM = {
    (3, 0.5): 12,
    (3, 1.0): 24,
    (3, 1.5): 24,
    (3, 2.0): 48,
    (8, 0.5): 16,
    (8, 1.0): 24,
    (8, 1.5): 24,
    (8, 2.0): 48,
}
BOTTLENECK = 4  # a unit's outputs over the filters of its narrow layers


def shufflenet_v1(
    groups: Groups = 3, width: Width = 1.0, resolution: Resolution = 224, classes: Classes = 1000
) -> Network:
    """Build ShuffleNet `width`x with a number of groups."""
    g = Graph("shufflenet_v1")
    x = g.input(3, resolution, resolution)
    released = (groups, width) in RELEASED_STEM
    stem = RELEASED_STEM.get((groups, width), int(STEM * width))
    x = g.conv(x, stem, 3, stride=2, padding=1, activation="relu", name="conv1")
    x = g.max_pool(x, 3, stride=2, padding=1, name="pool1")
    for stage, units in enumerate(UNITS, start=2):
        filters = scaled(FILTERS[groups] * 2 ** (stage - 2), width, groups)
        for index in range(units):
            with g.stage(f"stage{stage}"), g.scope(f"stage{stage}_{index + 1}"):
                first_groups = 1 if (stage, index) == (2, 0) else groups
                x = unit(g, x, filters, 2 if index == 0 else 1, first_groups, groups)
    with g.stage("head"):
        g.softmax(g.linear(g.global_pool(x), classes, bias=not released, name="fc"))
    return g.build()


def scaled(filters: int, width: float, groups: int) -> int:
    """Return the filters at a width, such that those of the narrow layers divide into the groups."""
    wanted = int(filters * width)
    return round_channels(wanted) if wanted % (BOTTLENECK * groups) else wanted


def unit(g: Graph, x: Tensor, filters: int, stride: int, first_groups: int, groups: int) -> Tensor:
    """Add the unit of the paper's figure 2b, with a stride that of figure 2c."""
    narrow = filters // BOTTLENECK
    y = g.conv(x, narrow, groups=first_groups, activation="relu", name="compress")
    y = g.shuffle(y, groups, name="shuffle") if groups > 1 else y
    y = g.depthwise(y, 3, stride, padding=1, name="depthwise")
    if stride == 1:
        return g.add(x, g.conv(y, filters, groups=groups, name="expand"), activation="relu", name="add")
    y = g.conv(y, filters - x.channels, groups=groups, activation="relu", name="expand")
    return g.concat(g.avg_pool(x, 3, stride=2, padding=1, name="pool"), y, name="concat")
