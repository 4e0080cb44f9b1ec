"""ONNX ops that sample maps at places that are worked out: regions, grids, what a pool took."""

from collections.abc import Sequence

from simulator.network.ir import Layer, Op
from simulator.network.shapes import Pair
from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Node
from workloads.importers.from_onnx.products import spatial_rank, window
from workloads.importers.views import MAPS, VECTOR, View, fan, look

Results = Sequence[Value]
BOX = 3  # numbers that a suppression tells of each box it keeps: sample, class, box


def roi_align(c: Context, node: Node) -> Results:
    """RoiAlign: each region at the same size."""
    return [_regions(c, node, (node.int("output_height", 1), node.int("output_width", 1)))]


def roi_pool(c: Context, node: Node) -> Results:
    """MaxRoiPool: likewise."""
    height, width = node.ints("pooled_shape") or (0, 0)
    return [_regions(c, node, (height, width))]


def _regions(c: Context, node: Node, size: Pair) -> View:
    rois = c.value(node, 1)
    if not isinstance(rois, View | Const) or not rois.dims or min(size) < 1:
        raise c.wrong(node, "nothing tells how many regions there are, or their size", "regions of 4 or 5 numbers each")
    x = lowering.as_maps(c.g, c.view(node), c.title(node))
    shape = (rois.dims[0], x.channels, *size)
    return look(c.g.put(Layer(c.name(node), Op.ACTIVATION, (x.name,), (x.shape,), shape, variant="roi_pool")), MAPS)


def grid_sample(c: Context, node: Node) -> Results:
    """GridSample: each place of a grid from its neighbours in the maps."""
    grid, mode = c.value(node, 1), node.text("mode", "linear")
    if not isinstance(grid, View | Const) or len(grid.dims) != len(MAPS):
        raise c.wrong(node, "only images are sampled", "a grid of 4 axes")
    kind = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    return [_resized(c, node, (grid.dims[1], grid.dims[2]), kind)]


def max_unpool(c: Context, node: Node) -> Results:
    """MaxUnpool: what a pool took back where it was."""
    rank, view = spatial_rank(c, node), c.view(node)
    kernel, stride, (top, left, bottom, right), _ = window(c, node, rank, node.ints("kernel_shape") or (1,) * rank)
    given = c.ints(node, 2)
    size = (*view.dims[2:], 1)[:2]
    rows = (size[0] - 1) * stride[0] + kernel[0] - top - bottom
    columns = (size[1] - 1) * stride[1] + kernel[1] - left - right
    return [_resized(c, node, (given[-2], given[-1]) if given and rank > 1 else (rows, columns), "nearest")]


def _resized(c: Context, node: Node, size: Pair, kind: str) -> View:
    view = c.view(node)
    x = lowering.as_maps(c.g, view, c.title(node))
    return lowering.like_maps(c.g.upsample(x, size, kind, c.name(node)), view)


def suppression(c: Context, node: Node) -> Results:
    """NonMaxSuppression: worked out on the host; as many boxes as it may keep are an input of the network."""
    boxes, scores = c.view(node, 0), c.view(node, 1)
    const = c.const(node, 2)
    most = (const.ints() if const else None) or (boxes.dims[1],)
    count = scores.dims[0] * scores.dims[1] * min(most[0], boxes.dims[1])
    c.g.warnings.append(f"{c.title(node)}: boxes are chosen on the host, {count} at most, which is not counted")
    x = c.g.declare(c.g.unique(node.outputs[0]), (count, BOX, 1, 1))
    return [fan(x, VECTOR, (count, BOX))]


OPS = {
    "GridSample": grid_sample,
    "MaxRoiPool": roi_pool,
    "MaxUnpool": max_unpool,
    "NonMaxSuppression": suppression,
    "RoiAlign": roi_align,
}
