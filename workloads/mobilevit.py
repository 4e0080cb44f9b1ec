"""MobileViT (Mehta and Rastegari, ICLR 2022, arXiv 2110.02178), after apple/ml-cvnets: images of 256 x 256.

A block lets the pixels at one place of all patches of 2 x 2 attend to each other, between convolutions; its output is
joined to its input before the last of them.
"""

from typing import Literal

from simulator.network.graph import Tensor
from simulator.network.ir import Network
from workloads.blocks import inverted_residual
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.views import MAPS, look, transposed
from workloads.parameters import Classes, Resolution
from workloads.transformer import check_multiple, encoder, norm

Variant = Literal["xxs", "xs", "s"]

STEM, HEADS, PATCH, LAST = 16, 4, 2, 4
SMALLEST = 64  # of which resolutions are multiples: 5 strides, and patches of two in the last stage
LAYERS = (2, 4, 3)  # of transformers in stages 3 to 5
SIZES = {  # expansion, filters of stages 1 to 5, features of the transformers: table 4 of the paper
    "xxs": (2, (16, 24, 48, 64, 80), (64, 80, 96)),
    "xs": (4, (32, 48, 64, 80, 96), (96, 120, 144)),
    "s": (4, (32, 64, 96, 128, 160), (144, 192, 240)),
}


def mobilevit(variant: Variant = "s", resolution: Resolution = 256, classes: Classes = 1000) -> Network:
    """Build a MobileViT; rows and columns are multiples of 64, as patches of stage 5 have two."""
    check_multiple(resolution, SMALLEST)
    expansion, filters, features = SIZES[variant]
    g = Assembly("mobilevit")
    x = g.conv(g.input(3, resolution, resolution), STEM, 3, stride=2, padding=1, activation="swish", name="conv1")
    x = _residuals(g, x, filters[0], expansion, 1, 1, "stage1")
    x = _residuals(g, x, filters[1], expansion, 2, 3, "stage2")
    for number, (width, size, layers) in enumerate(zip(filters[2:], features, LAYERS, strict=True), start=3):
        x = _residuals(g, x, width, expansion, 2, 1, f"stage{number}")
        with g.stage(f"stage{number}"):
            x = mobilevit_block(g, x, size, layers, f"stage{number}")
    with g.stage("head"):
        x = g.conv(x, LAST * x.channels, activation="swish", name="conv_last")
        g.softmax(g.linear(g.global_pool(x), classes, bias=True, name="fc"))
    return g.build()


def _residuals(g: Assembly, x: Tensor, filters: int, expansion: int, stride: int, count: int, name: str) -> Tensor:
    """Add inverted residuals, the first with the stride."""
    for index in range(count):
        with g.stage(name), g.scope(f"{name}/residual{index + 1}"):
            step = stride if index == 0 else 1
            x = inverted_residual(
                g, x, filters, x.channels * expansion, stride=step, activation="swish", padding=1
            ).output
    return x


def mobilevit_block(g: Assembly, x: Tensor, features: int, layers: int, name: str) -> Tensor:
    """Add a MobileViT block: figure 1b of the paper."""
    n, channels, height, width = x.shape
    y = g.conv(x, channels, 3, padding=1, activation="swish", name=f"{name}/local")
    y = g.conv(y, features, name=f"{name}/expand")
    rows, columns = height // PATCH, width // PATCH
    grid = lowering.reshape(g, look(y, MAPS), (n, features, rows, PATCH, columns, PATCH), f"{name}/unfold")
    unfolded = transposed(grid, (0, 3, 5, 2, 4, 1), f"{name}/unfold")
    tokens = lowering.reshape(g, unfolded, (n, height * width, features), f"{name}/unfold")
    for number in range(1, layers + 1):
        tokens = encoder(g, tokens, HEADS, 2 * features, "swish", f"{name}/layer{number}", PATCH * PATCH)
    tokens = norm(g, tokens, f"{name}/norm")
    apart = lowering.reshape(g, tokens, (n, PATCH, PATCH, rows, columns, features), f"{name}/fold")
    folded = transposed(apart, (0, 5, 3, 1, 4, 2), f"{name}/fold")
    y = lowering.as_maps(g, lowering.reshape(g, folded, (n, features, height, width), f"{name}/fold"), f"{name}/fold")
    y = g.conv(y, channels, activation="swish", name=f"{name}/project")
    y = g.concat(x, y, name=f"{name}/concat")
    return g.conv(y, channels, 3, padding=1, activation="swish", name=f"{name}/fuse")
