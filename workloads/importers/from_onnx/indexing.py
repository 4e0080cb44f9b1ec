"""ONNX ops that take parts of a tensor."""

from collections.abc import Sequence
from itertools import accumulate

from simulator.network.ir import Layer, Op
from workloads.importers import lowering
from workloads.importers.bounds import shorten
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.views import View, look

Results = Sequence[Value]


def split(c: Context, node: Node) -> Results:
    """Split: one layer for each part."""
    view = c.view(node)
    axis = c.axis(node, 0, len(view.axes))
    extent = view.dims[axis]
    count = node.int("num_outputs", len(node.outputs))
    if not 1 <= count <= max(1, len(node.outputs)):
        raise c.wrong(node, "not as many parts as outputs", str(len(node.outputs)), str(count))
    step = -(-extent // count)
    even = tuple(max(0, min(step, extent - part * step)) for part in range(count))
    sizes = c.ints(node, 1, "split") or even
    if len(sizes) != len(node.outputs):
        raise c.wrong(node, "not as many parts as outputs", str(len(node.outputs)), str(len(sizes)))
    return parts_of(c, node, view, axis, sizes)


def parts_of(c: Context, node: Node, view: View, axis: int, sizes: Dims) -> tuple[View | Const, ...]:
    """Cut an axis into parts of these sizes, each a layer of its own; a part of no elements is a constant."""
    extent = view.dims[axis]
    if sum(sizes) != extent or min(sizes) < 0:
        raise c.wrong(node, "parts do not add up to the axis", str(extent), shorten(str(sizes)))
    ends = list(accumulate(sizes))
    name = c.name(node)
    return tuple(
        lowering.take(c.g, view, axis, end - size, size, f"{name}_{part}")
        if size
        else Const((*view.dims[:axis], 0, *view.dims[axis + 1 :]))
        for part, (end, size) in enumerate(zip(ends, sizes, strict=True), start=1)
    )


def cut(c: Context, node: Node) -> Results:
    """Slice."""
    view = c.view(node)
    starts, ends = c.ints(node, 1, "starts"), c.ints(node, 2, "ends")
    if starts is None or ends is None or len(starts) != len(ends):
        raise c.wrong(node, "starts and ends do not match")
    axes = c.ints(node, 3, "axes") or tuple(range(len(starts)))
    steps = c.ints(node, 4) or (1,) * len(starts)
    if not len(axes) == len(steps) == len(starts) or 0 in steps:
        raise c.wrong(node, "axes and steps do not match starts")
    for start, end, given, step in zip(starts, ends, axes, steps, strict=True):
        axis = c.checked_axis(node, given, len(view.axes))
        taken = range(*slice(start, end, step).indices(view.dims[axis]))
        if not taken:
            raise c.wrong(node, "nothing is left of an axis", f"a part of 0:{view.dims[axis]}", f"{start}:{end}:{step}")
        view = lowering.take(c.g, view, axis, taken[0], len(taken), c.name(node), step)
    return [view]


def gather(c: Context, node: Node) -> Results:
    """Gather: a slice where the index is a constant range, else an op of its own; or an embedding."""
    data, index = c.value(node, 0), c.value(node, 1)
    if isinstance(data, Const) and isinstance(index, View):
        return [embedding(c, node, data, index, c.name(node))]
    view = c.view(node)
    axis = c.axis(node, 0, len(view.axes))
    if not isinstance(index, View | Const):
        raise c.wrong(node, "needs an index")
    ints = index.ints() if isinstance(index, Const) else None
    extent = view.dims[axis]
    if ints and not all(-extent <= position < extent for position in ints):
        raise c.wrong(node, "the index is out of range", f"-{extent} to {extent - 1}", str(ints[:8]))
    wrapped = [position % extent for position in ints or ()]
    if wrapped and wrapped == list(range(wrapped[0], wrapped[0] + len(wrapped))):
        part = lowering.take(c.g, view, axis, wrapped[0], len(wrapped), c.name(node))
        dims = (*part.dims[:axis], *index.dims, *part.dims[axis + 1 :])
        return [lowering.reshape(c.g, part, dims, c.title(node))]
    if not all(index.dims):
        raise c.wrong(node, "the index is empty")
    return [lowering.gather(c.g, view, axis, index.dims, c.name(node))]


def embedding(c: Context, node: Node, data: Const, index: View, name: str) -> View:
    """Pick rows of a matrix of weights."""
    if len(data.dims) != 2 or c.axis(node, 0, 2) != 0:
        raise c.wrong(node, "not an embedding", "rows of a matrix of weights", lowering.text(data.dims))
    x = lowering.settle(c.g, index)
    tokens = x.shape[1] * x.shape[2] * x.shape[3]
    shape = (x.shape[0], data.dims[1], tokens, 1)
    y = c.g.put(Layer(name, Op.GATHER, (x.name,), (x.shape,), shape, constant_elements=data.size))
    flat = lowering.reshape(c.g, look(y, (0, 2, 1)), (*index.dims, data.dims[1]), c.title(node))
    return flat


OPS = {"Gather": gather, "Slice": cut, "Split": split}
