"""Caffe's layers, by type."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Op
from simulator.network.ops import OPS as TABLE
from simulator.network.ops import VECTOR_OPS
from simulator.network.shapes import Pair
from workloads.importers import lowering
from workloads.importers.from_caffe.context import Context
from workloads.importers.from_caffe.sources import image_data, input_layer, memory_data
from workloads.importers.from_caffe.text import Message
from workloads.importers.from_caffe.windows import CONVOLUTION, POOLING
from workloads.importers.views import View, look, transposed

Views = Sequence[View]
Handler = Callable[[Context, Message, Views], Views]
ELTWISE = ("PROD", "SUM", "MAX")
OPERATIONS = {name: (op, variant) for op in (Op.ADD, Op.MUL) for variant, name in TABLE[op].caffe.items()}
POOLS = {name: kind for kind, name in TABLE[Op.POOL].caffe.items()} | {"STOCHASTIC": "max"}
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
    size = lowering.as_maps(c.g, views[0], layer.text("name")).size
    rows, columns = (s * (n - 1) + k - 2 * p for n, k, s, p in zip(size, kernel, stride, pad, strict=True))
    filters, groups = param.int("num_output", 0), param.int("group", 1)
    bias = param.flag("bias_term", True)
    name = c.name(layer)
    return [lowering.transposed_conv(c.g, views[0], filters, kernel, (rows, columns), groups, bias, name)]


def inner_product(c: Context, layer: Message, views: Views) -> Views:
    """InnerProduct: what is behind its axis is one vector."""
    param = layer.message("inner_product_param")
    param.check_names(frozenset({"num_output", "bias_term", "weight_filler", "bias_filler", "axis", "transpose"}))
    filters, axis = param.int("num_output", 0), _axis(param, "axis", 1, views[0])
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
    if len(views) == 1:
        return batch_norm(c, layer, views)
    axis = _axis(layer.message("scale_param"), "axis", 1, views[0])
    return [lowering.elementwise(c.g, Op.MUL, [views[0], _along(views[1], axis, views[0])], c.name(layer))]


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


def concat(c: Context, layer: Message, views: Views) -> Views:
    """Concat."""
    param = layer.message("concat_param")
    axis = _axis(param, "axis", param.int("concat_dim", 1), views[0])
    if any(len(view.axes) != len(views[0].axes) for view in views):
        raise layer.wrong("bottom", "the blobs differ in how many axes they have", str(len(views[0].axes)))
    return [lowering.concat(c.g, views, axis, (), c.name(layer))] if len(views) > 1 else views


def cut(c: Context, layer: Message, views: Views) -> Views:
    """Slice: at its points, or into equal parts, one for each top."""
    param, view = layer.message("slice_param"), views[0]
    axis = _axis(param, "axis", param.int("slice_dim", 1), view)
    count, extent, points = len(layer.texts("top")), view.dims[axis], param.ints("slice_point")
    points = points or [extent // max(1, count) * part for part in range(1, count)]
    bounds = [0, *points, extent]
    sizes = [end - start for start, end in pairwise(bounds)]
    if len(sizes) != count or min(sizes) < 1 or (not param.ints("slice_point") and extent % count):
        raise layer.wrong("slice_param", "parts do not add up to the axis", f"{extent} in {count} parts")
    names = layer.texts("top")
    parts = zip(bounds, sizes, names, strict=False)
    return [lowering.take(c.g, view, axis, start, size, c.g.unique(name)) for start, size, name in parts]


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


def flatten(c: Context, layer: Message, views: Views) -> Views:
    """Flatten, from one axis to another."""
    param, view = layer.message("flatten_param"), views[0]
    first, last = _axis(param, "axis", min(1, len(view.axes) - 1), view), _axis(param, "end_axis", -1, view)
    dims = (*view.dims[:first], prod(view.dims[first : last + 1]), *view.dims[last + 1 :])
    return [lowering.reshape(c.g, view, dims, c.name(layer))]


def reshape(c: Context, layer: Message, views: Views) -> Views:
    """Reshape: 0 keeps an extent, -1 is what is left."""
    param, view = layer.message("reshape_param"), views[0]
    wanted = param.message("shape").ints("dim")
    first = param.int("axis", 0)
    count = param.int("num_axes", -1)
    start = first if first >= 0 else len(view.axes) + 1 + first
    stop = len(view.axes) if count < 0 else start + count
    try:
        dims = lowering.resolved(view.dims[start:stop], wanted, False)
    except (ValueError, IndexError) as error:
        message = f"not the same number of elements: {lowering.text(view.dims)} to {lowering.text(wanted)}"
        raise layer.wrong("reshape_param", message) from error
    return [lowering.reshape(c.g, view, (*view.dims[:start], *dims, *view.dims[stop:]), c.name(layer))]


def permute(c: Context, layer: Message, views: Views) -> Views:
    """Permute; axes it does not name follow in their order."""
    order = layer.message("permute_param").ints("order")
    rank = len(views[0].axes)
    full = [*order, *(axis for axis in range(rank) if axis not in order)]
    if sorted(full) != list(range(rank)):
        raise layer.wrong("permute_param", "not a permutation", f"the axes 0 to {rank - 1}")
    return [transposed(views[0], full, c.name(layer))]


def shuffle(c: Context, layer: Message, views: Views) -> Views:
    """ShuffleChannel."""
    groups = layer.message("shuffle_channel_param").int("group", 1)
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    return [lowering.like_maps(c.g.shuffle(x, groups, c.name(layer)), views[0]) if groups != 1 else views[0]]


def interp(c: Context, layer: Message, views: Views) -> Views:
    """Interp and Upsample: to a size, or by a factor."""
    param = layer.message("interp_param") if "interp_param" in layer.fields else layer.message("upsample_param")
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    zoom, factor = param.int("zoom_factor", 1), param.int("scale", 1)
    rows, columns = ((n + (n - 1) * (zoom - 1)) * factor for n in x.size)
    size: Pair = (param.int("height", rows), param.int("width", columns))
    kind = "bilinear" if "interp_param" in layer.fields else "nearest"
    return [look(c.g.upsample(x, size, kind, c.name(layer)), (0, 1, 2, 3))]


def crop(c: Context, layer: Message, views: Views) -> Views:
    """Crop: the first blob to the extents of the second, from an axis on."""
    if len(views) != 2 or len(views[0].axes) != len(views[1].axes):
        raise layer.wrong("bottom", "not two blobs of as many axes", "a blob and one of the wanted size")
    param, view = layer.message("crop_param"), views[0]
    offsets = param.ints("offset") or [0]
    for at, axis in enumerate(range(_axis(param, "axis", 2, view), len(view.axes))):
        start, extent = offsets[min(at, len(offsets) - 1)], views[1].dims[axis]
        if start < 0 or start + extent > view.dims[axis]:
            raise layer.wrong("crop_param", f"the crop of axis {axis} does not fit", f"within {view.dims[axis]}")
        view = lowering.take(c.g, view, axis, start, extent, c.name(layer))
    return [view]


def _axis(param: Message, name: str, default: int, view: View) -> int:
    axis, rank = param.int(name, default), len(view.axes)
    if not -rank <= axis < rank:
        raise param.wrong(name, "there is no such axis", f"-{rank} to {rank - 1}")
    return axis % rank


SOURCES: dict[str, Callable[[Context, Message], None]] = {
    "annotateddata": image_data,
    "data": image_data,
    "dummydata": input_layer,
    "imagedata": image_data,
    "input": input_layer,
    "memorydata": memory_data,
    "windowdata": image_data,
}
DROPPED = frozenset(
    {
        "accuracy",
        "contrastiveloss",
        "detectionevaluate",
        "detectionoutput",
        "euclideanloss",
        "hingeloss",
        "infogainloss",
        "multiboxloss",
        "multinomiallogisticloss",
        "sigmoidcrossentropyloss",
        "silence",
        "smoothl1loss",
    }
)
"""Losses, measures and what runs on the host."""
NAMED: dict[str, Handler] = {
    name.lower(): plain(op, variant)
    for op in VECTOR_OPS
    if TABLE[op].inputs == 1 and not TABLE[op].windowed
    for variant, name in TABLE[op].caffe.items()
}
"""Types that the table of ops names."""
OPS: dict[str, Handler] = {
    "axpy": axpy,
    "batchnorm": batch_norm,
    "bias": batch_norm,
    "bn": batch_norm,
    "clip": clip,
    "concat": concat,
    "convolution": convolution,
    "convolutiondepthwise": convolution,
    "crop": crop,
    "deconvolution": deconvolution,
    "depthwiseconvolution": convolution,
    "dropout": same,
    "eltwise": eltwise,
    "flatten": flatten,
    "innerproduct": inner_product,
    "interp": interp,
    "lrn": lrn,
    "permute": permute,
    "pooling": pooling,
    "power": power,
    "relu": relu,
    "reshape": reshape,
    "scale": scale,
    "shufflechannel": shuffle,
    "slice": cut,
    "softmaxloss": plain(Op.SOFTMAX),
    "softmaxwithloss": plain(Op.SOFTMAX),
    "split": split,
    "upsample": interp,
}
OPS = dict(sorted({**NAMED, **OPS}.items()))
"""Type in small letters, without underscores -> what adds it."""
