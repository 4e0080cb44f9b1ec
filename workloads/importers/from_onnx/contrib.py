"""Ops of onnxruntime's own, which its optimizer and its quantizer write."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from simulator.network.ir import Op
from workloads.importers import lowering
from workloads.importers.from_onnx import attention, indexing, movement, products, recurrent, vector
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Node
from workloads.importers.views import View, transposed

Results = Sequence[Value]
Handler = Callable[[Context, Node], Results]
TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def channels_first(handler: Handler, always: bool = False) -> Handler:
    """Return a handler for maps that lie channels last, always or where the attribute `channels_last` says so."""

    def apply(c: Context, node: Node) -> Results:
        if not (always or node.int("channels_last", 0)):
            return handler(c, node)
        turned = f"{node.inputs[0]}::{node.label}"
        c.values[turned] = transposed(c.view(node), TO_FIRST, "")
        c.readers[turned] = c.readers[node.inputs[0]]
        results = handler(c, replace(node, inputs=(turned, *node.inputs[1:])))
        return [transposed(value, TO_LAST, value.name) if isinstance(value, View) else value for value in results]

    return apply


def fused_conv(c: Context, node: Node) -> Results:
    """FusedConv: a convolution, its activation, and maybe a tensor added in between."""
    y = products.convolution(c, node, weight=1, bias=2)
    added = c.value(node, 3)
    if isinstance(added, View):
        y = lowering.elementwise(c.g, Op.ADD, [y, added], c.g.unique(f"{y.tensor.name}_add"))
    kind = node.text("activation", "").lower()
    if not kind:
        return [y]
    name = c.g.unique(f"{y.tensor.name}_{kind}")
    return [lowering.unary(c.g, y, lambda x: c.g.activation(x, kind, name))]


def fused_gemm(c: Context, node: Node) -> Results:
    """FusedGemm: a Gemm and its activation."""
    (y,) = products.gemm(c, node)
    kind = node.text("activation", "").lower()
    if not kind or not isinstance(y, View):
        return [y]
    name = c.g.unique(f"{y.tensor.name}_{kind}")
    return [lowering.unary(c.g, y, lambda x: c.g.activation(x, kind, name))]


def embedded(c: Context, node: Node) -> Results:
    """EmbedLayerNormalization: rows of up to three tables, added up and normalised.

    Inputs are tokens, maybe segments, tables of words, positions and maybe segments. Positions count up, so their rows
    are a constant operand.
    """
    words, places = c.weight(node, 2), c.weight(node, 3)
    if words is None or places is None or len(words.dims) != 2:
        raise c.wrong(node, "nothing tells how large the tables are", "initializers of 2 axes")
    name = c.title(node)
    y = indexing.embedding(c, node, words, c.view(node, 0), c.g.unique(f"{name}_words"))
    segments, kinds = (c.value(node, 1), c.weight(node, 4)) if node.has(1) else (None, None)
    if isinstance(segments, View) and kinds is not None:
        other = indexing.embedding(c, node, kinds, segments, c.g.unique(f"{name}_segments"))
        y = lowering.elementwise(c.g, Op.ADD, [y, other], c.g.unique(f"{name}_with_segments"))
    rows = prod(y.dims[1:])
    sums = c.g.unique(f"{name}_sum")
    y = lowering.unary(c.g, y, lambda x: c.g.apply(Op.ADD, x, name=sums, constants=rows))
    normed = c.name(node)
    normal = lowering.unary(c.g, y, lambda x: c.g.normalize(x, "layer_norm", elements=words.dims[1], name=normed))
    results: list[Value] = [normal, Const((y.dims[0],)), y]
    return results[: len(node.outputs)]


def group_norm(skip: int = -1) -> Handler:
    """Return a handler for a norm of groups of channels, maybe of a sum with the input at `skip`, maybe with SiLU."""

    def apply(c: Context, node: Node) -> Results:
        view, name = c.view(node), c.title(node)
        if skip > 0:
            view = lowering.elementwise(c.g, Op.ADD, [view, c.view(node, skip)], c.g.unique(f"{name}_sum"))
        elements, normed = vector.alike(c, node, "group_norm", view.dims), c.name(node)
        y = lowering.unary(c.g, view, lambda x: c.g.normalize(x, "group_norm", elements=elements, name=normed))
        if node.int("activation", 0):
            y = lowering.unary(c.g, y, lambda x: c.g.activation(x, "swish", c.g.unique(f"{name}_swish")))
        return [y, view][: len(node.outputs)]

    return apply


def gemm_gelu(c: Context, node: Node) -> Results:
    """GemmFastGelu: a product, a bias and the function of both."""
    y = products.product(c, node, right=1)
    name = c.g.unique(f"{c.title(node)}_gelu")
    return [lowering.unary(c.g, y, lambda x: c.g.activation(x, "gelu", name))]


def quantized_lstm(c: Context, node: Node) -> Results:
    """DynamicQuantizeLSTM: an LSTM whose weights are [directions, features, gates x hidden]."""
    names = [node.inputs[0]]
    for at in (1, 2):
        const = c.weight(node, at)
        if const is None or len(const.dims) != 3:
            raise c.wrong(node, "nothing tells how many weights there are", "initializers of 3 axes")
        names.append(f"{node.inputs[at]}::{node.label}")
        c.values[names[-1]] = Const((const.dims[0], const.dims[2], const.dims[1]), name=const.name)
    plain = replace(node, op="LSTM", inputs=(*names, *node.inputs[3:8]))
    c.readers[node.inputs[0]] = [plain if reader is node else reader for reader in c.readers[node.inputs[0]]]
    return recurrent.recurrence(c, plain)


def qlinear_where(c: Context, node: Node) -> Results:
    """QLinearWhere: a condition, then a tensor, its scale and zero point for either case."""
    return [vector.combined(c, node, Op.MUL, "where", (0, 1, 4))]


def biased(c: Context, node: Node) -> Results:
    """BiasAdd: a bias, and a tensor besides."""
    return [vector.combined(c, node, Op.ADD, "", range(len(node.inputs)))]


def bias_split_gelu(c: Context, node: Node) -> Results:
    """BiasSplitGelu: one half of the features by the function of the other."""
    view = vector.combined(c, node, Op.ADD, "", (0, 1))
    half, last = view.dims[-1] // 2, len(view.axes) - 1
    name = c.title(node)
    left, right = (lowering.take(c.g, view, last, at * half, half, f"{name}_half") for at in range(2))
    gate = lowering.unary(c.g, right, lambda x: c.g.activation(x, "gelu", c.g.unique(f"{name}_gelu")))
    return [lowering.elementwise(c.g, Op.MUL, [left, gate], c.name(node))]


def integer_product(c: Context, node: Node) -> Results:
    """DynamicQuantizeMatMul and MatMulIntegerToFloat: a product of integers, scaled back."""
    return [products.product(c, node, right=1)]


OPS: dict[str, Handler] = {
    **attention.CONTRIB,
    "BiasAdd": biased,
    "BiasGelu": vector.activation("gelu"),
    "BiasSplitGelu": bias_split_gelu,
    "DynamicQuantizeLSTM": quantized_lstm,
    "DynamicQuantizeMatMul": integer_product,
    "EmbedLayerNormalization": embedded,
    "FastGelu": vector.activation("gelu"),
    "FusedConv": fused_conv,
    "FusedGemm": fused_gemm,
    "FusedMatMul": products.fused_matmul,
    "GemmFastGelu": gemm_gelu,
    "GroupNorm": group_norm(),
    "MatMulIntegerToFloat": integer_product,
    "MatMulNBits": products.matmul_few_bits,
    "NhwcConv": channels_first(products.conv, always=True),
    "NhwcFusedConv": channels_first(fused_conv, always=True),
    "NhwcMaxPool": channels_first(vector.pool("max"), always=True),
    "QAttention": attention.packed,
    "QEmbedLayerNormalization": embedded,
    "QGemm": products.qgemm,
    "QLinearAdd": movement.qlinear_add,
    "QLinearAveragePool": channels_first(vector.pool("average")),
    "QLinearConcat": movement.qlinear_concat,
    "QLinearConv": channels_first(products.qlinear_conv),
    "QLinearGlobalAveragePool": channels_first(vector.global_pool("average")),
    "QLinearLeakyRelu": vector.activation("leaky_relu"),
    "QLinearMul": movement.qlinear_mul,
    "QLinearReduceMean": vector.reduction("average"),
    "QLinearSigmoid": vector.activation("sigmoid"),
    "QLinearSoftmax": vector.unary(Op.SOFTMAX),
    "QLinearWhere": qlinear_where,
    "QuickGelu": vector.activation("swish"),
    "SkipGroupNorm": group_norm(skip=3),
}
"""Op of the domain com.microsoft -> what makes its layers; others are those of ONNX itself."""
