"""ONNX ops that move data, look at it differently, or do nothing at inference."""

from collections.abc import Sequence

from simulator.network.ir import Op
from workloads.importers import lowering
from workloads.importers.from_onnx import volumes
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.from_onnx.own_op import layer_of
from workloads.importers.from_onnx.vector import combined
from workloads.importers.views import (
    MAPS,
    H,
    View,
    W,
    arrange,
    arranged,
    laid_out,
    look,
    own_layout,
    repeated,
    shuffled_layout,
    transposed,
)

Results = Sequence[Value]
LOOK_THROUGH = frozenset(
    {"Flatten", "Gather", "MatMul", "Reshape", "Shape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Ops that may read a reshaped tensor as it lay before, or take up its reshape into theirs."""


def constant(c: Context, node: Node) -> Results:
    """Constant."""
    import numpy as np

    for value in node.attributes.values():
        if isinstance(value, Const):
            return [Const(value.dims, value.values, node.outputs[0])]
        if isinstance(value, int | float):
            return [Const((), np.asarray(value))]
        if isinstance(value, tuple) and not any(isinstance(entry, str) for entry in value):
            return [Const((len(value),), np.asarray(value))]
    return [Const(())]


def same(c: Context, node: Node) -> Results:
    """Pass the first input on: identity, casts, dropout, and quantisation, which layers do on their way out."""
    value = c.value(node, 0)
    if value is None:
        raise c.wrong(node, "needs an input")
    return [value, *[Const(())] * (len(node.outputs) - 1)]


def shape(c: Context, node: Node) -> Results:
    """Shape."""
    import numpy as np

    view = c.view(node)
    dims = view.dims[slice(node.int("start", 0), node.int("end", len(view.dims)))]
    return [Const((len(dims),), np.asarray(dims, np.int64))]


def size(c: Context, node: Node) -> Results:
    """Size."""
    import numpy as np

    return [Const((), np.asarray(np.prod(c.view(node).dims, dtype=object), np.int64))]


def reshape(c: Context, node: Node) -> Results:
    """Reshape."""
    view, given = c.view(node), c.const(node, 1)
    stated = c.model.shapes.get(node.outputs[0])
    wanted = stated if stated and given and given.values is None else c.ints(node, 1, "shape")
    try:
        dims = lowering.resolved(view.dims, wanted or (), bool(node.int("allowzero", 0)))
    except (ValueError, IndexError) as error:
        got = lowering.text(wanted or ())
        raise c.wrong(node, "not the same number of elements", lowering.text(view.dims), got) from error
    plain = own_layout(view) == MAPS
    return [_settled(c, node, lowering.reshape(c.g, view, dims, c.title(node)), plain)]


def _settled(c: Context, node: Node, view: View, plain: bool) -> View:
    """Move maps at once where a channel shuffle ends, and where plain maps become others for all that read them."""
    if len(view.axes) != 4:
        return view
    readers = c.readers.get(node.outputs[0], [])
    direct = plain and not any(reader.op in LOOK_THROUGH for reader in readers)
    layout = MAPS if direct else shuffled_layout(view)
    return arranged(c.g, view, layout) if layout else view


def flatten(c: Context, node: Node) -> Results:
    """Flatten."""
    view = c.view(node)
    axis = node.int("axis", 1)
    axis = axis if axis == len(view.axes) else c.checked_axis(node, axis, len(view.axes))
    return [lowering.flatten(c.g, view, axis, c.title(node))]


def squeeze(c: Context, node: Node) -> Results:
    """Squeeze."""
    view = c.view(node)
    given = c.ints(node, 1, "axes")
    rank = len(view.axes)
    axes = {c.checked_axis(node, axis, rank) for axis in given} if given else None
    gone = {at for at, extent in enumerate(view.dims) if extent == 1} if axes is None else axes
    if any(view.dims[at] != 1 for at in gone):
        raise c.wrong(node, "an axis has more than one element", "axes of 1", lowering.text(view.dims))
    return [View(view.tensor, tuple(a for at, a in enumerate(view.axes) if at not in gone), view.name)]


def unsqueeze(c: Context, node: Node) -> Results:
    """Unsqueeze."""
    view = c.view(node)
    given = c.ints(node, 1, "axes") or ()
    rank = len(view.axes) + len(given)
    new, old = {c.checked_axis(node, axis, rank) for axis in given}, iter(view.axes)
    if len(new) != len(given):
        raise c.wrong(node, "an axis is given twice", "axes given once", lowering.text(given))
    return [View(view.tensor, tuple(() if at in new else next(old) for at in range(rank)), view.name)]


def transpose(c: Context, node: Node) -> Results:
    """Transpose."""
    view = c.view(node)
    order = node.ints("perm") or tuple(range(len(view.axes)))[::-1]
    if sorted(order) != list(range(len(view.axes))):
        raise c.wrong(node, "not a permutation", f"the axes 0 to {len(view.axes) - 1}", str(order))
    return [transposed(view, order, c.title(node))]


def concat(c: Context, node: Node) -> Results:
    """Concat; constants among its inputs lie in memory with the weights."""
    return [concatenated(c, node, range(len(node.inputs)))]


def concatenated(c: Context, node: Node, positions: Sequence[int]) -> View:
    """Join the inputs at some positions."""
    values = [c.value(node, at) for at in positions]
    return joined(c, node, [value for value in values if isinstance(value, View | Const)])


def joined(c: Context, node: Node, values: Sequence[View | Const]) -> View:
    """Join tensors along the axis of a node."""
    views = [value for value in values if isinstance(value, View)]
    if not views:
        raise c.wrong(node, "needs a computed tensor")
    rank = len(views[0].axes)
    axis = c.axis(node, 1, rank)
    if any(len(value.dims) != rank for value in values):
        raise c.wrong(node, "inputs differ in how many axes they have", str(rank))
    constants = [value.dims for value in values if isinstance(value, Const) and value.dims[axis]]
    if len(views) == 1 and not constants:
        return views[0]
    return lowering.concat(c.g, views, axis, constants, c.name(node))


def pad(c: Context, node: Node) -> Results:
    """Pad; none at all is nothing."""
    view = c.view(node)
    pads = c.ints(node, 1, "pads") or node.ints("paddings") or ()
    rank = len(view.axes)
    axes = c.ints(node, 3) or tuple(range(rank))
    if len(pads) != 2 * len(axes):
        raise c.wrong(node, "not a padding", f"{2 * len(axes)} numbers", str(pads))
    sides = {c.checked_axis(node, axis, rank): (pads[at], pads[at + len(axes)]) for at, axis in enumerate(axes)}
    if not any(any(both) for both in sides.values()):
        return [view]
    layout = laid_out(view)
    spatial = {layout[axis]: both for axis, both in sides.items() if layout[axis] in (H, W)}
    beyond = any(any(both) for axis, both in sides.items() if layout[axis] not in (H, W))
    if rank > 4 or beyond or min(pads) < 0:
        return [lowering.repeat(c.g, view, _grown(view.dims, sides), c.name(node), Op.PAD)]
    (top, bottom), (left, right) = spatial.get(H, (0, 0)), spatial.get(W, (0, 0))
    x = c.g.pad(arrange(c.g, view, layout), (top, left, bottom, right), c.name(node))
    c.g.revise(x.name, "", _pad_kind(c, node), (None, None, None))
    return [look(x, layout)]


def _pad_kind(c: Context, node: Node) -> str:
    """Return what a padding is of, where that is not zeros."""
    mode, const = node.text("mode", "constant"), c.const(node, 2)
    value = (const.floats() if const else None) or (node.float("value", 0.0),)
    return mode if mode != "constant" else "constant" if value[0] else ""


def _grown(dims: Dims, sides: dict[int, tuple[int, int]]) -> Dims:
    return tuple(extent + sum(sides.get(axis, (0, 0))) for axis, extent in enumerate(dims))


def resize(c: Context, node: Node) -> Results:
    """Resize and Upsample."""
    view = c.view(node)
    if len(view.axes) != len(MAPS) and not volumes.is_volume(view):
        raise c.wrong(node, "only images and volumes are resized", "4 or 5 axes", f"{len(view.axes)} axes")
    dims = _resized(c, node, view.dims)
    if dims[:2] != view.dims[:2]:
        raise c.wrong(node, "batch or channels would change", lowering.text(view.dims), lowering.text(dims))
    mode = node.text("mode", "nearest")
    kind = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    if volumes.is_volume(view):
        return [volumes.resized(c, node, view, dims[2:], kind)]
    x = arrange(c.g, view, MAPS)
    return [look(c.g.upsample(x, (dims[2], dims[3]), kind, c.name(node)), MAPS) if dims != view.dims else view]


def _resized(c: Context, node: Node, dims: Dims) -> Dims:
    position = 1 if node.op == "Upsample" or c.model.opset < 11 else 2
    const = c.const(node, position)
    scales = const.floats() if const else None
    given = node.attributes.get("scales")
    if scales is None and isinstance(given, tuple):
        scales = tuple(float(scale) for scale in given if not isinstance(scale, str))
    axes = node.ints("axes") or tuple(range(len(dims)))
    wanted = c.ints(node, 3) or tuple(
        int(dims[c.checked_axis(node, axis, len(dims))] * scale) if 0 < scale < 1e9 else 0
        for axis, scale in zip(axes, scales or (), strict=False)
    )
    if len(wanted) != len(axes):
        raise c.wrong(node, "no size to resize to", "constant scales or sizes")
    result = dict(enumerate(dims)) | {axis % len(dims): extent for axis, extent in zip(axes, wanted, strict=True)}
    return tuple(result.values())


def expand(c: Context, node: Node) -> Results:
    """Expand: an element for many, which those that read it stretch themselves where they can."""
    view, given = c.view(node), c.ints(node, 1) or ()
    rank = max(len(view.axes), len(given))
    own, other = ((1,) * (rank - len(dims)) + tuple(dims) for dims in (view.dims, given))
    if any(a != b and 1 not in (a, b) for a, b in zip(own, other, strict=True)):
        raise c.wrong(node, "operands do not match", lowering.text(view.dims), lowering.text(given))
    return [repeated(view, tuple(map(max, own, other)), c.title(node))]


def tile(c: Context, node: Node) -> Results:
    """Tile."""
    view = c.view(node)
    times = c.ints(node, 1) or ()
    if len(times) != len(view.axes) or min(times, default=1) < 1:
        raise c.wrong(node, "not as many repeats as axes", f"{len(view.axes)} numbers of 1 or more", str(times))
    dims = tuple(extent * count for extent, count in zip(view.dims, times, strict=True))
    return [view if dims == view.dims else lowering.repeat(c.g, view, dims, c.name(node))]


def depth_to_space(c: Context, node: Node) -> Results:
    """DepthToSpace: a reshape that interleaves."""
    view, block = c.view(node), node.int("blocksize", 1)
    if len(view.axes) != 4 or block < 1 or view.dims[1] % block**2:
        raise c.wrong(node, "channels do not divide into blocks", f"a multiple of {block}x{block}")
    moved = lowering.depth_to_space(c.g, view, block, node.text("mode", "DCR") == "DCR", c.title(node))
    return [arranged(c.g, moved, MAPS)]


def space_to_depth(c: Context, node: Node) -> Results:
    """SpaceToDepth: the other way round."""
    view, block = c.view(node), node.int("blocksize", 1)
    if len(view.axes) != 4 or block < 1 or view.dims[2] % block or view.dims[3] % block:
        raise c.wrong(node, "maps do not divide into blocks", f"multiples of {block}")
    return [arranged(c.g, lowering.space_to_depth(c.g, view, block, c.title(node)), MAPS)]


def own_layer(c: Context, node: Node) -> Results:
    """Take a layer that the project's own exporter could not say in ONNX."""
    views = [c.view(node, at) for at in range(len(node.inputs))]
    if not views or any(len(view.axes) != 4 for view in views):
        raise c.wrong(node, "needs inputs of 4 axes")
    sources = [arrange(c.g, view, MAPS) for view in views]
    return [look(c.g.put(layer_of(c, node, sources)), MAPS)]


def qlinear_concat(c: Context, node: Node) -> Results:
    """QLinearConcat: a scale and a zero point, then three inputs for each tensor."""
    return [concatenated(c, node, range(2, len(node.inputs), 3))]


def qlinear_add(c: Context, node: Node) -> Results:
    """QLinearAdd."""
    return [combined(c, node, Op.ADD, "", (0, 3))]


def qlinear_mul(c: Context, node: Node) -> Results:
    """QLinearMul."""
    return [combined(c, node, Op.MUL, "", (0, 3))]


OPS = {
    "BitCast": same,
    "Cast": same,
    "CastLike": same,
    "Concat": concat,
    "Constant": constant,
    "DepthToSpace": depth_to_space,
    "DequantizeLinear": same,
    "Dropout": same,
    "DynamicQuantizeLinear": same,
    "Expand": expand,
    "Flatten": flatten,
    "Identity": same,
    "Layer": own_layer,
    "Pad": pad,
    "QuantizeLinear": same,
    "Reshape": reshape,
    "Resize": resize,
    "Shape": shape,
    "Size": size,
    "SpaceToDepth": space_to_depth,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
    "Upsample": resize,
}
