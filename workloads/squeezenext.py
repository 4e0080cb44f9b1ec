"""SqueezeNext (Gholami et al., CVPR Workshops 2018, arXiv 1803.10615), after the authors' Caffe definitions.

A block of Co outputs squeezes twice with 1x1 convolutions, to Co/2 and Co/4, spans its window with a 3x1 and a 1x3 of
Co/2 each, whose order alternates from block to block, expands with a 1x1 to Co and adds the shortcut. At the head
of a stage a 1x1 convolution stands on the shortcut. The paper numbers convolutions in the order used here.

v1 starts with 7x7 and, where the shape changes, squeezes the block's input. v2 to v5 start with 5x5, and there squeeze
the shortcut's output: the definition of v5 does, and figure 6 of the paper shows it (conv33, 32 to 64 with stride 2,
feeds conv34, 64 to 32, with six blocks before them, as v2 has). That gives v2 to v4 0.72, 0.74 and 0.75 M weights
(0.73, 0.75 and 0.76 M with batch norm) where the paper's table has 0.74, 0.74 and 0.77 M; squeezing the input would
give 0.70, 0.71 and 0.73 M. v2 to v5 all make 224.9 M MACs, 228.0 to 229.0 M as the paper counts (with biases).

The paper does not give the blocks of depths 34 and 44, only parameters. Twice the blocks of depth 23 give those of
depth 44 at each width: 1.2, 2.6 and 4.4 M with batch norm. One and a half times them give depth 34 1.04, 2.13 and
3.66 M without batch norm for 1.0, 2.1 and 3.8 M; no block counts of four stages round to all three.

What the authors changed from variant to variant is free as well: `blocks` a stage, `kernel` of the first layer, what
the head of a stage `squeezes`; and what they kept: the `order` of the 3x1 and the 1x3, how wide the `narrowest` layer
of a block is. A variant is a name for some of these.
"""

from typing import Annotated, Literal, NamedTuple

from simulator.errors import InputError, Problem
from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads.parameters import Between, Classes, Groups, Resolution, Width

Variant = Literal["v1", "v2", "v3", "v4", "v5"]
Depth = Literal[23, 34, 44]
Kernel = Literal[3, 5, 7]
Order = Literal["alternating", "3x1_first", "1x3_first"]
Squeezes = Literal["input", "shortcut"]
Narrowest = Annotated[int, Between(1, 256)]

STAGES = (32, 64, 128, 256)  # channels at width 1
BLOCKS: dict[tuple[int, str], tuple[int, int, int, int]] = {  # a network of depth d has d - 2 blocks
    (23, "v1"): (6, 6, 8, 1),
    (23, "v2"): (6, 6, 8, 1),
    (23, "v3"): (4, 8, 8, 1),
    (23, "v4"): (2, 10, 8, 1),
    (23, "v5"): (2, 4, 14, 1),
    (34, "v1"): (9, 9, 12, 2),
    (44, "v1"): (12, 12, 16, 2),
}
STEM = 64  # filters of the first layer and
HEAD = 128  # of the last 1x1; neither scales with the width


MOST_BLOCKS = 1000  # in a stage


class Project(NamedTuple):
    """The 1x1 on the shortcut of a stage's first block: its stride, and what the block's squeeze reads."""

    stride: int
    squeezes: Squeezes


def squeezenext(
    width: Width = 1.0,
    depth: Depth = 23,
    variant: Variant = "v1",
    groups: Groups = 1,
    blocks: str | None = None,
    kernel: Kernel | None = None,
    squeezes: Squeezes | None = None,
    order: Order = "alternating",
    narrowest: Narrowest = 1,
    resolution: Resolution = 227,
    classes: Classes = 1000,
) -> Network:
    """Build `width`-SqNxt-`depth`; with groups=2 it is the paper's 1.0-G-SqNxt-23.

    `blocks` (6-6-8-1), `kernel` of the first layer and what the head of a stage `squeezes` are the variant's unless
    given; with `blocks`, the depth follows from them.
    """
    counts = blocks_of(blocks) if blocks else variant_blocks(depth, variant)
    squeezes = squeezes or ("input" if variant == "v1" else "shortcut")
    g = Graph("squeezenext")
    x = g.input(3, resolution, resolution)
    with g.stage("conv1"):
        x = g.conv(x, STEM, kernel=kernel or (7 if variant == "v1" else 5), stride=2, activation="relu")
        x = g.max_pool(x, kernel=3, stride=2, ceil=True)
    number = 0
    for stage, (channels, count) in enumerate(zip(STAGES, counts, strict=True), start=1):
        with g.stage(f"block{stage}"):
            for index in range(count):
                project = Project(2 if stage > 1 else 1, squeezes) if index == 0 else None
                spans = ((1, 3), (3, 1)) if flat_first(order, number) else ((3, 1), (1, 3))
                x = block(g, x, int(channels * width), groups, project, spans, narrowest)
                number += 1
    with g.stage("head"):
        x = g.conv(x, HEAD, activation="relu")
        x = g.linear(g.global_pool(x), classes, name=f"fc{classes}")
        g.softmax(x)
    return g.build()


def variant_blocks(depth: Depth, variant: Variant) -> tuple[int, ...]:
    """Return the blocks of each stage of a published network."""
    if (depth, variant) not in BLOCKS:
        raise InputError(Problem("no such SqueezeNext", path="variant", expected=f"v1 at depth {depth}", got=variant))
    return BLOCKS[depth, variant]


def blocks_of(text: str) -> tuple[int, ...]:
    """Read the blocks of each stage.

    >>> blocks_of("6-6-8-1")
    (6, 6, 8, 1)
    """
    counts = text.split("-")
    if len(counts) != len(STAGES) or not all(c.isdecimal() and 1 <= int(c[:9]) <= MOST_BLOCKS for c in counts):
        expected = f"{len(STAGES)} numbers from 1 to {MOST_BLOCKS}, such as 6-6-8-1"
        raise InputError(Problem("not the blocks of each stage", path="blocks", expected=expected, got=text))
    return tuple(int(count) for count in counts)


def flat_first(order: Order, number: int) -> bool:
    """Whether the 1x3 stands before the 3x1 in the block of that number, counted from 0 through the network."""
    return number % 2 == 1 if order == "alternating" else order == "1x3_first"


def block(
    g: Graph,
    x: Tensor,
    filters: int,
    groups: int,
    project: Project | None,
    spans: tuple[tuple[int, int], tuple[int, int]],
    narrowest: int,
) -> Tensor:
    """Add one block, whose window is spanned by two convolutions of the kernels `spans`."""
    shortcut, stride = x, 1
    if project:
        shortcut = g.conv(x, filters, stride=project.stride, activation="relu")
        x, stride = (x, project.stride) if project.squeezes == "input" else (shortcut, 1)
    half, quarter = max(filters // 2, narrowest), max(filters // 4, narrowest)
    x = g.conv(x, half, stride=stride, groups=groups, activation="relu")
    x = g.conv(x, quarter, activation="relu")
    x = g.conv(x, half, spans[0], padding="half", groups=groups, activation="relu")
    x = g.conv(x, half, spans[1], padding="half", groups=groups, activation="relu")
    x = g.conv(x, filters, activation="relu")
    return g.add(shortcut, x, activation="relu")
