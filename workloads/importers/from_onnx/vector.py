"""ONNX ops of the vector unit: activations, elementwise ops, norms, pools, softmax."""

from collections.abc import Callable, Sequence
from math import prod

from simulator.network.graph import Tensor
from simulator.network.ir import Op
from simulator.network.ops import OPS as TABLE
from simulator.network.ops import VECTOR_OPS
from workloads.importers import lowering
from workloads.importers.from_onnx import volumes
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.from_onnx.products import spatial_rank, window, without_pad
from workloads.importers.views import C, View, merged, natural, repeated

Results = Sequence[Value]
Handler = Callable[[Context, Node], Results]


def activation(kind: str, position: int = 0) -> Handler:
    """Return a handler for a function of one element."""

    def apply(c: Context, node: Node) -> Results:
        return [activated(c, node, kind, position)]

    return apply


def activated(c: Context, node: Node, kind: str, position: int = 0) -> View:
    """Apply a function to each element of an input."""
    sole = c.sole(node, position)
    return lowering.unary(c.g, c.view(node, position), lambda x: c.g.activate(x, kind, sole, c.name(node)))


def clip(c: Context, node: Node) -> Results:
    """Clip: ReLU6 or ReLU at their bounds."""
    bounds = []
    for position, attribute, default in ((1, "min", float("-inf")), (2, "max", float("inf"))):
        const = c.const(node, position)
        floats = const.floats() if const else None
        unknown = node.has(position) and not floats
        bounds.append(float("nan") if unknown else floats[0] if floats else node.float(attribute, default))
    kinds = {(0.0, 6.0): "relu6", (0.0, float("inf")): "relu"}
    return [activated(c, node, kinds.get((bounds[0], bounds[1]), "clip"))]


def function(c: Context, node: Node) -> Results:
    """Apply an activation that was spelled out."""
    return [activated(c, node, node.text("kind", "activation"))]


def plain(op: Op, variant: str = "") -> Handler:
    """Return a handler for an op of the vector unit that ONNX has by that name."""
    entry = TABLE[op]
    if op is Op.ACTIVATION:
        return activation(variant)
    if entry.windowed:
        return pool(variant)
    return combination(op, variant) if entry.inputs is None else unary(op, variant)


def unary(op: Op, variant: str = "") -> Handler:
    """Return a handler for an op of one input, over any axis."""

    def apply(c: Context, node: Node) -> Results:
        return [lowering.unary(c.g, c.view(node), lambda x: c.g.apply(op, x, variant=variant, name=c.name(node)))]

    return apply


def lrn(c: Context, node: Node) -> Results:
    """LRN: ONNX has no default for its size."""
    size = node.int("size", 0)
    if size < 1:
        raise c.wrong(node, "not a size", "1 or more", str(size))
    return [lowering.unary(c.g, c.view(node), lambda x: c.g.lrn(x, size, name=c.name(node)))]


def batch_norm(c: Context, node: Node) -> Results:
    """BatchNormalization, inside the layer before it where that multiplies."""
    sole = c.sole(node)
    folded = lowering.unary(c.g, c.view(node), lambda x: c.g.fold_norm(x, sole, c.name(node)))
    return [folded, *[Const((folded.dims[1] if len(folded.dims) > 1 else 1,))] * (len(node.outputs) - 1)]


def norm(kind: str) -> Handler:
    """Return a handler for a norm by statistics of the values themselves."""

    def apply(c: Context, node: Node) -> Results:
        view = c.view(node)
        elements = alike(c, node, kind, view.dims)
        y = lowering.unary(c.g, view, lambda x: c.g.normalize(x, kind, elements=elements, name=c.name(node)))
        return [y, *[Const((1,))] * (len(node.outputs) - 1)]

    return apply


def alike(c: Context, node: Node, kind: str, dims: Dims) -> int:
    """Elements that share their statistics."""
    rank = len(dims)
    if kind == "group_norm":
        return max(1, prod(dims[1:]) // max(1, node.int("num_groups", node.int("groups", 1))))
    if kind == "instance_norm":
        return max(1, prod(dims[2:]))
    if kind == "mean_variance_norm":
        axes = {c.checked_axis(node, axis, rank) for axis in node.ints("axes") or (0, 2, 3)}
        return prod(dims[axis] for axis in axes)
    first = c.axis(node, -1, rank)
    return dims[first] if kind == "lp_norm" else prod(dims[first:])


def combination(op: Op, variant: str = "") -> Handler:
    """Return a handler for an elementwise op of any number of inputs."""

    def apply(c: Context, node: Node) -> Results:
        return [combined(c, node, op, variant, range(len(node.inputs)))]

    return apply


def combined(c: Context, node: Node, op: Op, variant: str, positions: Sequence[int]) -> View:
    """Combine inputs element by element; constants among them are folded or a pass of their own."""
    values = [(at, value) for at in positions if (value := c.value(node, at)) is not None]
    views = [value for _, value in values if isinstance(value, View)]
    consts = [value for _, value in values if isinstance(value, Const)]
    if not views:
        raise c.wrong(node, "needs a computed tensor")
    if len(views) > 1:
        return lowering.elementwise(c.g, op, views, c.name(node), variant)
    (position,) = (at for at, value in values if isinstance(value, View))
    view = views[0]
    if len(consts) == 1 and _folds(c, node, op, view, consts[0], c.sole(node, position)):
        return view
    y = (
        lowering.unary(c.g, view, lambda x: _with_constants(c, x, op, variant, consts, c.name(node)))
        if consts
        else view
    )
    for const in consts:
        y = stretched(c, node, y, const)
    return y


def _with_constants(c: Context, x: Tensor, op: Op, variant: str, consts: Sequence[Const], name: str) -> Tensor:
    """Combine a tensor with constants: one value for all is part of the op, one for each channel is like a bias."""
    elements = sum(const.size for const in consts if const.size > 1)
    if elements <= x.channels:
        op, variant = Op.ACTIVATION, f"{variant or op.value}_constant"
    return c.g.apply(op, x, variant=variant, name=name, constants=elements)


def _folds(c: Context, node: Node, op: Op, view: View, const: Const, sole: bool) -> bool:
    """Fold a constant for each channel, or one for all, into the layer that multiplies before.

    Factors and addends of channels are a batch norm, unless what they follow is a sum of integers: then they scale it
    back.
    """
    x = view.tensor
    maker = c.g.layer(x.name)
    by_channel = const.size == x.channels and _aligned(view, const.dims)
    if maker is None or maker.nest is None or not (by_channel or const.size == 1) or len(const.dims) > len(view.axes):
        return False
    if op is Op.MUL and (const.size == 1 or c.is_integer(x)):
        return sole
    if op is Op.MUL or (by_channel and c.is_of_norm(node, const)):
        return sole and c.g.fold_norm(x, sole, "") == x
    return by_channel and node.op in ("Add", "Sub", "Sum") and c.g.fold_bias(x, sole)


def _aligned(view: View, dims: Dims) -> bool:
    """Return whether the one axis along which a constant varies is the channels."""
    offset = len(view.axes) - len(dims)
    varying = [at + offset for at, extent in enumerate(dims) if extent != 1]
    if len(varying) != 1:
        return not varying
    return varying[0] >= 0 and merged(view.axes[varying[0]]) == natural(view.tensor.shape, C)


def stretched(c: Context, node: Node, view: View, const: Const) -> View:
    """Repeat what has one element along an axis to the extents of a constant; one of equal values moves nothing."""
    rank = max(len(view.dims), len(const.dims))
    own, other = ((1,) * (rank - len(given)) + given for given in (view.dims, const.dims))
    if any(a != b and 1 not in (a, b) for a, b in zip(own, other, strict=True)):
        raise c.wrong(node, "operands do not match", lowering.text(view.dims), lowering.text(const.dims))
    wanted, name = tuple(max(a, b) for a, b in zip(own, other, strict=True)), f"{c.title(node)}_repeat"
    if wanted == own and rank == len(view.dims):
        return view
    uniform = const.values is not None and bool((const.values == const.values.flat[0]).all())
    return repeated(view, wanted, name) if uniform else lowering.repeat(c.g, view, wanted, name)


def pool(kind: str) -> Handler:
    """Return a handler for a pool; some also tell where they found what they took."""

    def apply(c: Context, node: Node) -> Results:
        return [pooled(c, node, kind), *[Const((1,))] * (len(node.outputs) - 1)]

    return apply


def pooled(c: Context, node: Node, kind: str) -> View:
    """Pool windows of an input."""
    if volumes.is_volume(c.view(node)):
        return volumes.pool(c, node, kind, node.ints("kernel_shape") or ())
    rank = spatial_rank(c, node)
    kernel = node.ints("kernel_shape") or ()
    if len(kernel) != rank or min(kernel) < 1:
        raise c.wrong(node, "not a kernel_shape", f"{rank} numbers of 1 or more", lowering.text(kernel))
    size, stride, padding, dilation = window(c, node, rank, kernel)
    ceil = bool(node.int("ceil_mode", 0))
    name = c.name(node)
    x, padding = (c.view(node), padding) if ceil else without_pad(c, node, padding)
    return lowering.pool(c.g, x, kind, size, stride, padding, dilation, ceil, name)


def global_pool(kind: str) -> Handler:
    """Return a handler that pools whole maps."""

    def apply(c: Context, node: Node) -> Results:
        view = c.view(node)
        if volumes.is_volume(view):
            return [lowering.reduce(c.g, view, volumes.global_axes(view), kind, True, c.name(node))]
        x = lowering.as_maps(c.g, view, c.title(node))
        return [lowering.like_maps(c.g.global_pool(x, kind, c.name(node)), view)]

    return apply


def reduction(kind: str) -> Handler:
    """Return a handler that reduces axes given as an attribute or an input."""

    def apply(c: Context, node: Node) -> Results:
        view = c.view(node)
        rank = len(view.axes)
        given = c.ints(node, 1, "axes")
        if not given and node.int("noop_with_empty_axes", 0):
            return [view]
        axes = sorted({c.checked_axis(node, axis, rank) for axis in given or range(rank)})
        return [lowering.reduce(c.g, view, axes, kind, bool(node.int("keepdims", 1)), c.name(node))]

    return apply


def arg_reduction(c: Context, node: Node) -> Results:
    """ArgMax and ArgMin."""
    view = c.view(node)
    axis = c.axis(node, 0, len(view.axes))
    return [lowering.reduce(c.g, view, [axis], node.op.lower(), bool(node.int("keepdims", 1)), c.name(node))]


NORMS = {
    "GroupNormalization": "group_norm",
    "InstanceNormalization": "instance_norm",
    "LayerNormalization": "layer_norm",
    "LpNormalization": "lp_norm",
    "MeanVarianceNormalization": "mean_variance_norm",
    "RMSNormalization": "rms_norm",
    "SimplifiedLayerNormalization": "rms_norm",
}
REDUCTIONS = {
    "ReduceL1": "l1",
    "ReduceL2": "l2",
    "ReduceLogSum": "log_sum",
    "ReduceLogSumExp": "log_sum_exp",
    "ReduceMax": "max",
    "ReduceMean": "average",
    "ReduceMin": "min",
    "ReduceProd": "product",
    "ReduceSum": "sum",
    "ReduceSumSquare": "sum_square",
}
OPS: dict[str, Handler] = {
    **{name: plain(op, variant) for op in VECTOR_OPS for variant, name in TABLE[op].onnx.items()},
    **{f"Global{name}": global_pool(kind) for kind, name in TABLE[Op.POOL].onnx.items()},
    **{op: norm(kind) for op, kind in NORMS.items()},
    **{op: reduction(kind) for op, kind in REDUCTIONS.items()},
    "Activation": function,
    "Add": combination(Op.ADD),
    "ArgMax": arg_reduction,
    "ArgMin": arg_reduction,
    "BatchNormalization": batch_norm,
    "Bernoulli": activation("bernoulli"),
    "Clip": clip,
    "CumProd": activation("cum_prod"),
    "LRN": lrn,
    "LogSoftmax": unary(Op.SOFTMAX),
    "RotaryEmbedding": activation("rotary_embedding"),
}
"""Op of ONNX -> what makes its layers; those of the table of ops by their names there, then those that need more."""
