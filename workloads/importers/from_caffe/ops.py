"""Caffe's layers that compute."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Op
from simulator.network.ops import OPS as TABLE
from simulator.network.shapes import window_reach
from workloads.importers import lowering
from workloads.importers.from_caffe.context import Context
from workloads.importers.from_caffe.moves import axis_of
from workloads.importers.from_caffe.text import Message
from workloads.importers.from_caffe.windows import CONVOLUTION, POOLING
from workloads.importers.views import View

Views = Sequence[View]
Handler = Callable[[Context, Message, Views], Views]
ELTWISE = ("PROD", "SUM", "MAX")
OPERATIONS = {name: (op, variant) for op in (Op.ADD, Op.MUL) for variant, name in TABLE[op].caffe.items()}
POOLS = {name: kind for kind, name in TABLE[Op.POOL].caffe.items()} | {"STOCHASTIC": "max"}
REDUCTIONS = {"SUM": "sum", "ASUM": "l1", "SUMSQ": "sum_square", "MEAN": "average"}
DEEPEST_PYRAMID = 10
REGIONS = {"ACROSS_CHANNELS": ACROSS_CHANNELS, "WITHIN_CHANNEL": WITHIN_CHANNEL}


def convolution(c: Context, layer: Message, views: Views) -> Views:
    """Convolution, in any of its spellings."""
    param = CONVOLUTION.param(layer)
    channels = lowering.as_maps(c.g, views[0], layer.text("name")).channels
    filters = param.int("num_output", channels if CONVOLUTION.is_depthwise(layer) else 0)
    groups = param.int("group", channels if CONVOLUTION.is_depthwise(layer) else 1)
    kernel, stride, (vertical, horizontal) = (
        CONVOLUTION.kernel(param),
        CONVOLUTION.stride(param),
        CONVOLUTION.pad(param),
    )
    edges = (vertical, horizontal, vertical, horizontal)
    dilation, bias = CONVOLUTION.dilation(param), param.flag("bias_term", True)
    return [lowering.conv(c.g, views[0], filters, kernel, stride, edges, dilation, groups, bias, c.name(layer))]


def deconvolution(c: Context, layer: Message, views: Views) -> Views:
    """Deconvolution: a transposed convolution."""
    param = CONVOLUTION.param(layer)
    kernel, stride, pad = CONVOLUTION.kernel(param), CONVOLUTION.stride(param), CONVOLUTION.pad(param)
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    steps = zip(x.size, kernel, stride, pad, CONVOLUTION.dilation(param), strict=True)
    rows, columns = (step * (n - 1) + window_reach(tap, wide) - 2 * edge for n, tap, step, edge, wide in steps)
    filters, groups = param.int("num_output", 0), param.int("group", 1)
    if min(rows, columns) < 1:
        raise param.wrong("pad", "nothing is left of the maps", "less padding")
    bias = param.flag("bias_term", True)
    name = c.name(layer)
    return [lowering.transposed_conv(c.g, views[0], filters, kernel, (rows, columns), groups, bias, name)]


def inner_product(c: Context, layer: Message, views: Views) -> Views:
    """InnerProduct: what is behind its axis is one vector."""
    param = layer.message("inner_product_param")
    filters, axis = param.int("num_output", 0), axis_of(param, "axis", 1, views[0])
    if filters < 1:
        raise param.wrong("num_output", "wrong value", "1 or more")
    dims = views[0].dims
    name = c.name(layer)
    flat = lowering.reshape(c.g, views[0], (*dims[:axis], prod(dims[axis:])), f"{name}_flatten")
    return [lowering.linear(c.g, flat, filters, param.flag("bias_term", True), name)]


def pooling(c: Context, layer: Message, views: Views) -> Views:
    """Pooling, rounded up unless it says otherwise."""
    param = POOLING.param(layer)
    kind = POOLS[param.choice("pool", ("MAX", "AVE", "STOCHASTIC"))]
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    if param.flag("global_pooling", False):
        return [lowering.like_maps(c.g.global_pool(x, kind, c.name(layer)), views[0])]
    vertical, horizontal = POOLING.pad(param)
    edges = (vertical, horizontal, vertical, horizontal)
    ceil = param.choice("round_mode", ("CEIL", "FLOOR")) == "CEIL" and param.flag("ceil_mode", True)
    kernel, stride = POOLING.kernel(param), POOLING.stride(param)
    return [lowering.pool(c.g, views[0], kind, kernel, stride, edges, (1, 1), ceil, c.name(layer))]


def activation(kind: str) -> Handler:
    """Return a handler for a function of one element."""

    def apply(c: Context, layer: Message, views: Views) -> Views:
        sole = c.sole(layer)
        return [lowering.unary(c.g, views[0], lambda x: c.g.activate(x, kind, sole, c.name(layer)))]

    return apply


def plain(op: Op, variant: str = "") -> Handler:
    """Return a handler for an op of one input and no parameters that matter here."""
    if op is Op.ACTIVATION:
        return activation(variant)
    if op is Op.NORMALIZATION:
        return normalization(variant)

    def apply(c: Context, layer: Message, views: Views) -> Views:
        return [lowering.unary(c.g, views[0], lambda x: c.g.apply(op, x, variant=variant, name=c.name(layer)))]

    return apply


def normalization(kind: str) -> Handler:
    """Return a handler for a norm of a map (MVN) or of a position (SSD's Normalize), or of whole samples."""

    def apply(c: Context, layer: Message, views: Views) -> Views:
        if kind == "l2_norm":
            whole = layer.message("norm_param").flag("across_spatial", True)
        else:
            whole = layer.message("mvn_param").flag("across_channels", False)
        elements = prod(views[0].dims[1:]) if whole else None
        name = c.name(layer)
        return [lowering.unary(c.g, views[0], lambda x: c.g.normalize(x, kind, elements=elements, name=name))]

    return apply


def relu(c: Context, layer: Message, views: Views) -> Views:
    """ReLU, leaky where it has a slope."""
    leaky = layer.message("relu_param").float("negative_slope", 0.0) != 0.0
    return activation("leaky_relu" if leaky else "relu")(c, layer, views)


def clip(c: Context, layer: Message, views: Views) -> Views:
    """Clip: ReLU6 at its bounds."""
    param = layer.message("clip_param")
    bounds = (param.float("min", 0.0), param.float("max", 0.0))
    return activation("relu6" if bounds == (0.0, 6.0) else "clip")(c, layer, views)


def power(c: Context, layer: Message, views: Views) -> Views:
    """Power: (shift + scale x) ^ power, which by default is nothing."""
    param = layer.message("power_param")
    values = (param.float("power", 1.0), param.float("scale", 1.0), param.float("shift", 0.0))
    return views[:1] if values == (1.0, 1.0, 0.0) else activation("power")(c, layer, views)


def batch_norm(c: Context, layer: Message, views: Views) -> Views:
    """BatchNorm, and Scale and Bias of one bottom: inside the layer before where that multiplies."""
    sole = c.sole(layer)
    return [lowering.unary(c.g, views[0], lambda x: c.g.fold_norm(x, sole, c.name(layer)))]


def scale(c: Context, layer: Message, views: Views) -> Views:
    """Scale: by learned factors, or by those of a second bottom, as squeeze-and-excite does."""
    return _of_channels(c, layer, views, Op.MUL)


def bias(c: Context, layer: Message, views: Views) -> Views:
    """Bias: learned addends, or those of a second bottom."""
    return _of_channels(c, layer, views, Op.ADD)


def _of_channels(c: Context, layer: Message, views: Views, op: Op) -> Views:
    if len(views) == 1:
        return batch_norm(c, layer, views)
    param = layer.message("scale_param" if op is Op.MUL else "bias_param")
    along = _along(views[1], axis_of(param, "axis", 1, views[0]), views[0])
    return [lowering.elementwise(c.g, op, [views[0], along], c.name(layer))]


def axpy(c: Context, layer: Message, views: Views) -> Views:
    """Axpy: factors of channels times maps, plus maps."""
    if len(views) != 3:
        raise layer.wrong("bottom", "not three bottoms", "factors, maps, maps")
    name = c.name(layer)
    product = lowering.elementwise(c.g, Op.MUL, [views[1], _along(views[0], 0, views[1])], f"{name}_scale")
    return [lowering.elementwise(c.g, Op.ADD, [product, views[2]], c.g.unique(name))]


def _along(factors: View, axis: int, maps: View) -> View:
    """Return factors as an array of the maps' rank, their first axis at `axis`."""
    behind = len(maps.axes) - axis - len(factors.axes)
    return replace(factors, axes=((),) * axis + factors.axes + ((),) * behind)


def eltwise(c: Context, layer: Message, views: Views) -> Views:
    """Eltwise: a sum unless it says otherwise."""
    param = layer.message("eltwise_param")
    operation = param.choice("operation", ELTWISE) if "operation" in param.fields else "SUM"
    op, variant = OPERATIONS[operation]
    if len(views) < 2:
        raise layer.wrong("bottom", "an elementwise layer needs two bottoms or more", "two blobs of one shape")
    if any(view.dims != views[0].dims for view in views):
        shapes = " and ".join(lowering.text(view.dims) for view in views)
        raise layer.wrong("bottom", f"the blobs differ in shape: {shapes}", "blobs of one shape")
    return [lowering.elementwise(c.g, op, views, c.name(layer), variant)]


def reduction(c: Context, layer: Message, views: Views) -> Views:
    """Reduction: all axes from one on to a number each."""
    param, view = layer.message("reduction_param"), views[0]
    kind = REDUCTIONS[param.choice("operation", tuple(REDUCTIONS))]
    axes = range(axis_of(param, "axis", 0, view), len(view.axes))
    return [lowering.reduce(c.g, view, axes, kind, False, c.name(layer))]


def arg_max(c: Context, layer: Message, views: Views) -> Views:
    """ArgMax: the place of the largest element of an axis, or of each sample."""
    param, view = layer.message("argmax_param"), views[0]
    if param.int("top_k", 1) != 1:
        raise param.wrong("top_k", "only the largest element is supported", "1")
    if "axis" in param.fields:
        axes: Sequence[int] = [axis_of(param, "axis", 0, view)]
        return [lowering.reduce(c.g, view, axes, "argmax", True, c.name(layer))]
    y = lowering.reduce(c.g, view, range(1, len(view.axes)), "argmax", True, c.name(layer))
    return [lowering.reshape(c.g, y, (view.dims[0], 1, 1), c.name(layer))]


def pyramid(c: Context, layer: Message, views: Views) -> Views:
    """SPP: pools of 1, 2x2, 4x4, ... windows over the map, one behind the other."""
    param, name = layer.message("spp_param"), c.name(layer)
    kind, height = POOLS[param.choice("pool", ("MAX", "AVE", "STOCHASTIC"))], param.int("pyramid_height", 0)
    rows, columns = lowering.as_maps(c.g, views[0], name).size
    if not 1 <= height <= DEEPEST_PYRAMID or 2 ** (height - 1) > min(rows, columns):
        raise param.wrong("pyramid_height", "wrong value", "1 or more, with a window for every row and column at most")
    parts = []
    for level in range(height):
        bins = 2**level
        kernel = (-(-rows // bins), -(-columns // bins))
        top, left = (kernel[0] * bins - rows + 1) // 2, (kernel[1] * bins - columns + 1) // 2
        window = (kernel, kernel, (top, left, top, left), (1, 1), True)
        pooled = lowering.pool(c.g, views[0], kind, *window, c.g.unique(f"{name}_pool{level}"))
        parts.append(lowering.flatten(c.g, pooled, 1, f"{name}_flatten{level}"))
    return [lowering.concat(c.g, parts, 1, (), name) if height > 1 else parts[0]]


def split(c: Context, layer: Message, views: Views) -> Views:
    """Split: the same blob under several names."""
    return [views[0]] * len(layer.texts("top"))


def same(c: Context, layer: Message, views: Views) -> Views:
    """Do nothing, as dropout at inference."""
    return views[:1]


def lrn(c: Context, layer: Message, views: Views) -> Views:
    """LRN: across 5 channels unless it says otherwise, or over a square of each channel."""
    param = layer.message("lrn_param")
    size, region = param.int("local_size", 5), REGIONS[param.choice("norm_region", tuple(REGIONS))]
    if size % 2 == 0:
        raise param.wrong("local_size", "wrong value", "an odd number")
    return [lowering.unary(c.g, views[0], lambda x: c.g.lrn(x, size, region, c.name(layer)))]
