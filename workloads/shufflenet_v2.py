"""ShuffleNet v2 (Ma et al., ECCV 2018, arXiv 1807.11164).

A unit splits the channels, transforms one half, joins and shuffles; with a stride it transforms all of them twice over.

The plain networks follow the authors (github.com/megvii-model/ShuffleNet-Series): the shortcut of a strided unit keeps
its channels (24 of 116 in the first), and the classifier has no bias. `projection=half`, as in torchvision, makes both
branches equal; so do the variants with squeeze-and-excite and residual paths (pytorchcv 0.0.74).

The paper's appendix also has two large networks: `depth=50` is ShuffleNet v2-50 (2.3 G MACs), `depth=164` with
`se=true` SE-ShuffleNet v2-164 (12.7 G MACs).
"""

from typing import Annotated, Literal

from simulator.errors import InputError, Problem
from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from workloads import shufflenet_v2_large
from workloads.blocks import squeeze_excite
from workloads.parameters import Classes, OneOf, Resolution

Width = Annotated[float, OneOf((0.5, 1.0, 1.5, 2.0))]
Depth = Literal[50, 164]
Projection = Literal["kept", "half"]

STEM = 24
FILTERS = {0.5: (48, 96, 192), 1.0: (116, 232, 464), 1.5: (176, 352, 704), 2.0: (244, 488, 976)}
UNITS = (4, 8, 4)
LAST = {0.5: 1024, 1.0: 1024, 1.5: 1024, 2.0: 2048}
STEM_50 = 64
FILTERS_50 = (244, 488, 976, 1952)
UNITS_50 = (3, 4, 6, 3)
LAST_50 = 2048
REDUCTION = 16  # of squeeze and excite


def shufflenet_v2(
    width: Width = 1.0,
    depth: Depth | None = None,
    se: bool = False,
    residual: bool = False,
    projection: Projection = "kept",
    resolution: Resolution = 224,
    classes: Classes = 1000,
) -> Network:
    """Build ShuffleNet v2 `width`x, or one of the large networks of a given depth."""
    if depth and width != 1.0:
        raise InputError(Problem("the large networks have one width", path="width", expected="1.0", got=str(width)))
    g = Graph("shufflenet_v2")
    x = g.input(3, resolution, resolution)
    if depth == 164:
        if not se:
            raise InputError(Problem("the network of depth 164 has these modules", path="se", expected="true"))
        x = shufflenet_v2_large.features(g, x)
        bias = True
    else:
        half = se or residual or projection == "half" or depth == 50
        x = features_50(g, x, se, residual) if depth else features(g, x, width, half, se, residual)
        bias = half
    with g.stage("head"):
        g.softmax(g.linear(g.global_pool(x), classes, bias=bias, name="fc"))
    return g.build()


def features(g: Graph, x: Tensor, width: float, half: bool, se: bool, residual: bool) -> Tensor:
    """Add the layers of the paper's table 5 up to the pool."""
    x = g.conv(x, STEM, 3, stride=2, padding=1, activation="relu", name="conv1")
    x = g.max_pool(x, 3, stride=2, padding=1, name="pool1")
    for stage, (filters, units) in enumerate(zip(FILTERS[width], UNITS, strict=True), start=2):
        for index in range(units):
            with g.stage(f"stage{stage}"), g.scope(f"stage{stage}_{index + 1}"):
                kept = filters // 2 if half else x.channels
                x = unit(g, x, se, residual) if index else strided_unit(g, x, filters, kept, 2, se)
    return g.conv(x, LAST[width], activation="relu", name="conv5")


def features_50(g: Graph, x: Tensor, se: bool, residual: bool) -> Tensor:
    """Add the layers of ShuffleNet v2-50 up to the pool."""
    x = g.conv(x, STEM_50, 3, stride=2, padding=1, activation="relu", name="conv1")
    x = g.max_pool(x, 3, stride=2, padding=1, name="pool1")
    for stage, (filters, units) in enumerate(zip(FILTERS_50, UNITS_50, strict=True), start=2):
        for index in range(units):
            with g.stage(f"stage{stage}"), g.scope(f"stage{stage}_{index + 1}"):
                stride = 1 if stage == 2 else 2
                x = unit(g, x, se, residual) if index else strided_unit(g, x, filters, filters // 2, stride, se)
    return g.conv(x, LAST_50, activation="relu", name="conv6")


def unit(g: Graph, x: Tensor, se: bool, residual: bool) -> Tensor:
    """Transform half of the channels and shuffle."""
    kept, x = g.split(x, x.channels // 2, x.channels // 2, name="split")
    y = branch(g, x, x.channels, x.channels, 1, se)
    y = g.add(x, y, name="add") if residual else y
    return g.shuffle(g.concat(kept, y, name="concat"), 2, name="shuffle")


def strided_unit(g: Graph, x: Tensor, filters: int, kept: int, stride: int, se: bool) -> Tensor:
    """Transform all channels twice, to `kept` filters on the shortcut and the rest on the branch, and shuffle."""
    y = g.depthwise(x, 3, stride, padding=1, name="shortcut_depthwise")
    shortcut = g.conv(y, kept, activation="relu", name="shortcut")
    y = branch(g, x, filters // 2, filters - kept, stride, se)
    return g.shuffle(g.concat(shortcut, y, name="concat"), 2, name="shuffle")


def branch(g: Graph, x: Tensor, narrow: int, filters: int, stride: int, se: bool) -> Tensor:
    """Add 1x1, depthwise 3x3 and 1x1."""
    y = g.conv(x, narrow, activation="relu", name="compress")
    y = g.depthwise(y, 3, stride, padding=1, name="depthwise")
    y = g.conv(y, filters, activation="relu", name="expand")
    return squeeze_excite(g, y, filters // REDUCTION) if se else y
