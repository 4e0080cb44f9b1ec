"""Vision transformers: ViT (Dosovitskiy et al., ICLR 2021) and DeiT (Touvron et al., ICML 2021).

arXiv 2010.11929 and 2012.12877. After timm: patches of 16 by 16 pixels, a class token, learned positions, a classifier
on the class token. DeiT is the same network trained otherwise; distilled, it has a second token and a second
classifier, and answers with their mean.
"""

from typing import Literal

from simulator.network.ir import Network, Op
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.parameters import Classes, Resolution
from workloads.transformer import check_multiple, encoder, linear, norm, tokens_of

Variant = Literal["tiny", "small", "base"]

PATCH, DEPTH, WIDEN = 16, 12, 4
SIZES = {"tiny": (192, 3), "small": (384, 6), "base": (768, 12)}  # features and heads: table 1 of DeiT


def vit(variant: Variant = "tiny", resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build a ViT with patches of 16 x 16."""
    return _transformer("vit", variant, resolution, classes, tokens=1)


def deit(
    variant: Variant = "tiny", distilled: bool = False, resolution: Resolution = 224, classes: Classes = 1000
) -> Network:
    """Build a DeiT, with or without the token that learned from a teacher."""
    return _transformer("deit", variant, resolution, classes, tokens=1 + distilled)


def _transformer(name: str, variant: Variant, resolution: int, classes: int, tokens: int) -> Network:
    """Build a transformer; `tokens` learned ones precede those of patches, each with a classifier of its own."""
    check_multiple(resolution, PATCH)
    features, heads = SIZES[variant]
    g = Assembly(name)
    with g.stage("stem"):
        image = g.input(3, resolution, resolution)
        x = g.conv(image, features, PATCH, stride=PATCH, bias=True, name="patches")
        y = lowering.concat(g, [tokens_of(g, x, "tokens")], 1, [(1, tokens, features)], "with_learned")
        elements = y.dims[1] * features
        y = lowering.unary(g, y, lambda z: g.apply(Op.ADD, z, name="positions", constants=elements))
    for number in range(1, DEPTH + 1):
        with g.stage(f"block{number}"):
            y = encoder(g, y, heads, WIDEN * features, "gelu", f"block{number}")
    with g.stage("head"):
        y = norm(g, y, "norm")
        names = ("class", "distillation")[:tokens]
        scores = [
            linear(g, lowering.take(g, y, 1, at, 1, f"{token}_token"), classes, f"{token}_scores")
            for at, token in enumerate(names)
        ]
        whole = scores[0] if tokens == 1 else lowering.elementwise(g, Op.ADD, scores, "mean", "mean")
        lowering.unary(g, whole, lambda z: g.softmax(z, name="softmax"))
    return g.build()
