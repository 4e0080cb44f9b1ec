"""Ops of onnxruntime's own, which its optimizer and its quantizer write."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from simulator.network.ir import Op
from workloads.importers import lowering
from workloads.importers.from_onnx import attention, movement, products, vector
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


def skip_norm(kind: str) -> Handler:
    """Return a handler for the sum of two tensors and its norm along the last axis; the sum is an output, too."""

    def apply(c: Context, node: Node) -> Results:
        name = c.g.unique(f"{c.title(node)}_sum")
        y = lowering.elementwise(c.g, Op.ADD, [c.view(node, 0), c.view(node, 1)], name)
        size = y.dims[-1]
        normal = lowering.unary(c.g, y, lambda x: c.g.normalize(x, kind, elements=size, name=c.name(node)))
        results: list[Value] = [normal, Const((1,)), Const((1,)), y]
        return results[: len(node.outputs)]

    return apply


OPS: dict[str, Handler] = {
    **attention.CONTRIB,
    "BiasGelu": vector.activation("gelu"),
    "FastGelu": vector.activation("gelu"),
    "FusedConv": fused_conv,
    "FusedGemm": fused_gemm,
    "FusedMatMul": products.fused_matmul,
    "GroupNorm": vector.norm("group_norm"),
    "MatMulNBits": products.matmul_few_bits,
    "NhwcConv": channels_first(products.conv, always=True),
    "NhwcFusedConv": channels_first(fused_conv, always=True),
    "NhwcMaxPool": channels_first(vector.pool("max"), always=True),
    "QGemm": products.qgemm,
    "QLinearAdd": movement.qlinear_add,
    "QLinearAveragePool": channels_first(vector.pool("average")),
    "QLinearConcat": movement.qlinear_concat,
    "QLinearConv": channels_first(products.qlinear_conv),
    "QLinearGlobalAveragePool": channels_first(vector.global_pool("average")),
    "QLinearLeakyRelu": vector.activation("leaky_relu"),
    "QLinearMul": movement.qlinear_mul,
    "QLinearSigmoid": vector.activation("sigmoid"),
    "QLinearSoftmax": vector.unary(Op.SOFTMAX),
    "QuickGelu": vector.activation("swish"),
    "SkipLayerNormalization": skip_norm("layer_norm"),
    "SkipSimplifiedLayerNormalization": skip_norm("rms_norm"),
}
"""Op of the domain com.microsoft -> what makes its layers; others are those of ONNX itself."""
