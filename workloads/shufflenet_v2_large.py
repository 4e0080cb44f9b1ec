"""The features of SE-ShuffleNet v2-164 (Ma et al., ECCV 2018, arXiv 1807.11164, appendix).

Its released form (github.com/megvii-model/ShuffleNet-Series, less the heads for training only) has 53 units of 1x1, 3x3
in groups and 1x1, with residual paths and squeeze-and-excite, 170 convolutions, 107 products, 12.78 G MACs and 124.95 M
parameters. This arrangement has them all: eight groups, modules that do not narrow, first units that split their input
too and have a dense 3x3 on the shortcut, and a 1x1 over all channels at the end of stages 2 to 4.
"""

from simulator.network.graph import Graph, Tensor

STEM = (64, 64, 128)
FILTERS = (128, 256, 512, 1024)  # of a branch; a stage has twice as many channels
UNITS = (10, 10, 23, 10)
LAST = 1280
GROUPS = 8


def features(g: Graph, x: Tensor) -> Tensor:
    """Add all layers up to the pool; stages 2 to 4 end in a 1x1 over all their channels."""
    with g.stage("stem"):
        for number, filters in enumerate(STEM, start=1):
            stride = 2 if number == 1 else 1
            x = g.conv(x, filters, 3, stride, padding=1, activation="relu", name=f"conv1_{number}")
        x = g.max_pool(x, 3, stride=2, padding=1, name="pool1")
    for stage, (filters, units) in enumerate(zip(FILTERS, UNITS, strict=True), start=1):
        with g.stage(f"stage{stage}"):
            for index in range(units):
                with g.scope(f"stage{stage}_{index + 1}"):
                    stride = 2 if stage > 1 and index == 0 else 1
                    x = unit(g, x, filters, stride, first=index == 0)
            x = g.conv(x, x.channels, activation="relu", name=f"stage{stage}_mix") if stage > 1 else x
    return g.conv(x, LAST, 3, padding=1, activation="relu", name="conv_last")


def unit(g: Graph, x: Tensor, filters: int, stride: int, first: bool) -> Tensor:
    """Transform half of the channels and add them; a stage's first unit convolves the other half instead."""
    kept, x = g.split(g.shuffle(x, 2, name="shuffle"), x.channels // 2, x.channels // 2, name="split")
    y = g.conv(x, filters, activation="relu", name="compress")
    y = g.conv(y, filters, 3, stride, padding=1, groups=GROUPS, activation="relu", name="grouped")
    y = gate(g, g.conv(y, filters, name="expand"))
    if first:
        kept = g.conv(kept, filters, 3, stride, padding=1, activation="relu", name="shortcut")
    else:
        y = g.add(x, y, activation="relu", name="add")
    return g.concat(kept, y, name="concat")


def gate(g: Graph, x: Tensor) -> Tensor:
    """Scale each channel by a gate made of all channels' means, with two products of full width."""
    with g.scope("se"):
        scale = g.linear(g.global_pool(x, name="pool"), x.channels, bias=True, activation="relu", name="fc1")
        scale = g.linear(scale, x.channels, bias=True, activation="sigmoid", name="fc2")
        return g.mul(x, scale, name="scale")
