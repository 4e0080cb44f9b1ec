"""EfficientFormer (Li et al., NeurIPS 2022, arXiv 2206.01191), after snap-research/EfficientFormer and timm: l1.

Blocks are maps that mix by pooling, until the last one of the last stage, which is a transformer's. Scales of layers
are folded into the layer before them, but for those behind a pool. The classifier is the mean of two.
"""

from typing import Literal

from simulator.network.graph import Tensor
from simulator.network.ir import Network, Op
from workloads.importers import lowering
from workloads.importers.assembly import Assembly
from workloads.importers.views import View, transposed
from workloads.parameters import Classes, Resolution
from workloads.transformer import add, check_multiple, linear, norm, perceptron, tokens_of

Variant = Literal["l1"]

WIDTHS, DEPTHS, WITH_ATTENTION = (48, 96, 224, 448), (3, 2, 6, 4), 1  # table 1 of the paper, l1
HEADS, KEY, VALUE, WIDEN, STRIDE = 8, 32, 128, 4, 32


def efficientformer(variant: Variant = "l1", resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build an EfficientFormer."""
    check_multiple(resolution, STRIDE)
    g = Assembly("efficientformer")
    with g.stage("stem"):
        x = g.input(3, resolution, resolution)
        for name, filters in (("conv1", WIDTHS[0] // 2), ("conv2", WIDTHS[0])):
            x = g.conv(x, filters, 3, stride=2, padding=1, bias=True, activation="relu", name=name)
    for stage, (width, depth) in enumerate(zip(WIDTHS, DEPTHS, strict=True), start=1):
        with g.stage(f"stage{stage}"):
            if stage > 1:
                x = g.conv(x, width, 3, stride=2, padding=1, bias=True, name=f"stage{stage}/embed")
            for block in range(1, depth + 1 - (WITH_ATTENTION if stage == len(WIDTHS) else 0)):
                x = _pooling_block(g, x, f"stage{stage}/block{block}")
    with g.stage(f"stage{len(WIDTHS)}"):
        tokens = _attention_block(g, tokens_of(g, x, "tokens"), f"stage{len(WIDTHS)}/block{DEPTHS[-1]}")
    with g.stage("head"):
        pooled = lowering.reduce(g, norm(g, tokens, "norm"), [1], "average", False, "pool")
        scores = [linear(g, pooled, classes, f"{name}_scores") for name in ("class", "distillation")]
        whole = lowering.elementwise(g, Op.ADD, scores, "mean", "mean")
        lowering.unary(g, whole, lambda y: g.softmax(y, name="softmax"))
    return g.build()


def _pooling_block(g: Assembly, x: Tensor, name: str) -> Tensor:
    """Add what a pool changes, scaled, then a perceptron of 1x1 convolutions: MetaBlock of four dimensions."""
    pooled = g.avg_pool(x, 3, padding=1, name=f"{name}/pool")
    change = g.apply(Op.ADD, pooled, x, variant="sub", name=f"{name}/change")
    scaled = g.apply(Op.ACTIVATION, change, variant="mul_constant", name=f"{name}/scale", constants=x.channels)
    x = g.add(x, scaled, name=f"{name}/add1")
    y = g.conv(x, WIDEN * x.channels, bias=True, activation="gelu", name=f"{name}/widen")
    return g.add(x, g.conv(y, x.channels, bias=True, name=f"{name}/narrow"), name=f"{name}/add2")


def _attention_block(g: Assembly, x: View, name: str) -> View:
    """Add attention whose scores have learned biases, then a perceptron: MetaBlock of three dimensions."""
    features = x.dims[-1]
    y = _attention(g, norm(g, x, f"{name}/norm1"), f"{name}/attention")
    x = add(g, x, y, f"{name}/add1")
    y = perceptron(g, norm(g, x, f"{name}/norm2"), WIDEN * features, "gelu", f"{name}/mlp")
    return add(g, x, y, f"{name}/add2")


def _attention(g: Assembly, x: View, name: str) -> View:
    n, tokens, features = x.dims
    projected = linear(g, x, HEADS * (2 * KEY + VALUE), f"{name}/qkv")
    heads = lowering.reshape(g, projected, (n, tokens, HEADS, 2 * KEY + VALUE), f"{name}/heads")
    starts = (("query", 0, KEY), ("key", KEY, KEY), ("value", 2 * KEY, VALUE))
    query, key, value = (
        transposed(lowering.take(g, heads, 3, start, size, f"{name}/{kind}"), (0, 2, 1, 3), f"{name}/heads")
        for kind, start, size in starts
    )
    scores = lowering.matmul(g, query, transposed(key, (0, 1, 3, 2), f"{name}/turned"), f"{name}/scores")
    biases = HEADS * tokens**2
    scores = lowering.unary(g, scores, lambda y: g.apply(Op.ADD, y, name=f"{name}/bias", constants=biases))
    weights = lowering.unary(g, scores, lambda y: g.softmax(y, name=f"{name}/softmax"))
    made = lowering.matmul(g, weights, value, f"{name}/product")
    joined = lowering.reshape(g, transposed(made, (0, 2, 1, 3), name), (n, tokens, HEADS * VALUE), f"{name}/joined")
    return linear(g, joined, features, f"{name}/projection")
