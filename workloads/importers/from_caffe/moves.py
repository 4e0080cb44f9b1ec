"""Caffe's layers that move data, look at it differently or change the size of maps."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from simulator.network.ir import Layer, Op
from simulator.network.shapes import Pair, window_reach
from workloads.importers import lowering
from workloads.importers.from_caffe.context import Context
from workloads.importers.from_caffe.text import Message
from workloads.importers.from_caffe.windows import CONVOLUTION
from workloads.importers.views import MAPS, View, look, transposed

Views = Sequence[View]


def axis_of(param: Message, name: str, default: int, view: View) -> int:
    """Return an axis of a blob, counted from the front; it may be given from the back."""
    axis, rank = param.int(name, default), len(view.axes)
    if not -rank <= axis < rank:
        raise param.wrong(name, "there is no such axis", f"-{rank} to {rank - 1}")
    return axis % rank


def concat(c: Context, layer: Message, views: Views) -> Views:
    """Concat."""
    param = layer.message("concat_param")
    axis = axis_of(param, "axis", param.int("concat_dim", 1), views[0])
    if any(len(view.axes) != len(views[0].axes) for view in views):
        raise layer.wrong("bottom", "the blobs differ in how many axes they have", str(len(views[0].axes)))
    return [lowering.concat(c.g, views, axis, (), c.name(layer))] if len(views) > 1 else views


def cut(c: Context, layer: Message, views: Views) -> Views:
    """Slice: at its points, or into equal parts, one for each top."""
    param, view = layer.message("slice_param"), views[0]
    axis = axis_of(param, "axis", param.int("slice_dim", 1), view)
    count, extent, points = len(layer.texts("top")), view.dims[axis], param.ints("slice_point")
    points = points or [extent // max(1, count) * part for part in range(1, count)]
    bounds = [0, *points, extent]
    sizes = [end - start for start, end in pairwise(bounds)]
    if len(sizes) != count or min(sizes) < 1 or (not param.ints("slice_point") and extent % count):
        raise layer.wrong("slice_param", "parts do not add up to the axis", f"{extent} in {count} parts")
    names = layer.texts("top")
    parts = zip(bounds, sizes, names, strict=False)
    return [
        view if name in c.silenced else lowering.take(c.g, view, axis, start, size, c.g.unique(name))
        for start, size, name in parts
    ]


def flatten(c: Context, layer: Message, views: Views) -> Views:
    """Flatten, from one axis to another."""
    param, view = layer.message("flatten_param"), views[0]
    first, last = axis_of(param, "axis", min(1, len(view.axes) - 1), view), axis_of(param, "end_axis", -1, view)
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
    """Permute and Transpose; axes that are not named follow in their order."""
    order = layer.message("permute_param").ints("order") or layer.message("transpose_param").ints("dim")
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


def crop(c: Context, layer: Message, views: Views) -> Views:
    """Crop: the first blob to the extents of the second, from an axis on."""
    if len(views) != 2 or len(views[0].axes) != len(views[1].axes):
        raise layer.wrong("bottom", "not two blobs of as many axes", "a blob and one of the wanted size")
    param, view = layer.message("crop_param"), views[0]
    offsets = param.ints("offset") or [0]
    for at, axis in enumerate(range(axis_of(param, "axis", 2, view), len(view.axes))):
        start, extent = offsets[min(at, len(offsets) - 1)], views[1].dims[axis]
        if start < 0 or start + extent > view.dims[axis]:
            raise layer.wrong("crop_param", f"the crop of axis {axis} does not fit", f"within {view.dims[axis]}")
        view = lowering.take(c.g, view, axis, start, extent, c.name(layer))
    return [view]


def interp(c: Context, layer: Message, views: Views) -> Views:
    """Interp: shrunk, then zoomed, to a size, or to that of a second blob; a negative padding crops before."""
    param = layer.message("interp_param")
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    shrink, zoom = param.int("shrink_factor", 1), param.int("zoom_factor", 1)
    pad = param.int("pad_beg", 0) + param.int("pad_end", 0)
    if min(shrink, zoom) < 1 or param.int("pad_beg", 0) > 0 or param.int("pad_end", 0) > 0:
        raise layer.wrong("interp_param", "a factor or padding is out of range", "factors of 1 or more, no padding > 0")
    shrunk = [(extent + pad - 1) // shrink + 1 for extent in x.size]
    rows, columns = (extent + (extent - 1) * (zoom - 1) for extent in shrunk)
    size: Pair = (param.int("height", rows), param.int("width", columns))
    return [_resized(c, layer, views, size if len(views) < 2 else _size(views[1]), "bilinear")]


def upsample(c: Context, layer: Message, views: Views) -> Views:
    """Upsample: by a scale less what is left out at the end, or to a size; SegNet's puts back what a pool took."""
    param = layer.message("upsample_param")
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    scale = param.int("scale", param.int("stride", 2))
    down, right = param.int("scale_h", scale), param.int("scale_w", scale)
    rows, columns = x.size[0] * down - param.int("pad_out_h", 0), x.size[1] * right - param.int("pad_out_w", 0)
    size: Pair = (
        param.int("upsample_h", param.int("height", rows)),
        param.int("upsample_w", param.int("width", columns)),
    )
    return [_resized(c, layer, views, size, "nearest")]


def _size(view: View) -> Pair:
    """Return the rows and columns of a blob of maps."""
    return (view.dims[2], view.dims[3]) if len(view.dims) == len(MAPS) else (1, 1)


def _resized(c: Context, layer: Message, views: Views, size: Pair, kind: str) -> View:
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    if min(size) < 1:
        raise layer.wrong("type", f"nothing is left of the maps: {lowering.text(size)}", "a size of 1 or more")
    return views[0] if size == x.size else look(c.g.upsample(x, size, kind, c.name(layer)), MAPS)


def reorg(c: Context, layer: Message, views: Views) -> Views:
    """Reorg: each square of a map becomes channels, or the other way round."""
    param = layer.message("reorg_param")
    block, view = param.int("stride", 2), views[0]
    _, ch, *size = lowering.as_maps(c.g, view, layer.text("name")).shape
    if param.flag("reverse", False):
        if block < 1 or ch % block**2:
            raise layer.wrong("reorg_param", "channels do not divide into squares", f"a multiple of {block}x{block}")
        return [lowering.depth_to_space(c.g, view, block, True, c.name(layer))]
    if block < 1 or size[0] % block or size[1] % block:
        raise layer.wrong("reorg_param", "maps do not divide into squares", f"multiples of {block}")
    return [lowering.space_to_depth(c.g, view, block, c.name(layer))]


def tile(c: Context, layer: Message, views: Views) -> Views:
    """Tile: repeat an axis."""
    param = layer.message("tile_param")
    axis, tiles, dims = axis_of(param, "axis", 1, views[0]), param.int("tiles", 0), list(views[0].dims)
    if tiles < 1:
        raise param.wrong("tiles", "wrong value", "1 or more")
    dims[axis] *= tiles
    return [views[0] if tiles == 1 else lowering.repeat(c.g, views[0], dims, c.name(layer))]


def im2col(c: Context, layer: Message, views: Views) -> Views:
    """Im2col: the windows of a convolution side by side."""
    param = CONVOLUTION.param(layer)
    kernel, stride, pad = CONVOLUTION.kernel(param), CONVOLUTION.stride(param), CONVOLUTION.pad(param)
    x = lowering.as_maps(c.g, views[0], layer.text("name"))
    steps = zip(x.size, kernel, stride, pad, CONVOLUTION.dilation(param), strict=True)
    rows, columns = ((n + 2 * edge - window_reach(tap, wide)) // step + 1 for n, tap, step, edge, wide in steps)
    shape = (x.shape[0], x.channels * prod(kernel), rows, columns)
    y = c.g.put(Layer(c.name(layer), Op.RESHAPE, (x.name,), (x.shape,), shape, variant="im2col"))
    return [look(y, MAPS)]
