"""ONNX ops on sequences of tensors, into which PyTorch's newer exporter splits."""

from collections.abc import Sequence

from workloads.importers.from_onnx.context import Context, Parts, Value
from workloads.importers.from_onnx.indexing import parts_of
from workloads.importers.from_onnx.model import Const, Node
from workloads.importers.from_onnx.movement import joined
from workloads.importers.views import View

Results = Sequence[Value]


def split(c: Context, node: Node) -> Results:
    """SplitToSequence: parts of a size, or of as many sizes; without one, each element by itself."""
    view = c.view(node)
    axis = c.axis(node, 0, len(view.axes))
    extent, given = view.dims[axis], c.ints(node, 1)
    const = c.const(node, 1)
    step = given[0] if given else 1
    if step < 1:
        raise c.wrong(node, "not a size of parts", "1 or more", str(step))
    even = tuple(min(step, extent - start) for start in range(0, extent, step))
    sizes = given if given and const and const.dims else even
    parts = parts_of(c, node, view, axis, sizes)
    if given or node.int("keepdims", 1):
        return [Parts(parts)]
    views = [part for part in parts if isinstance(part, View)]
    return [Parts(tuple(View(part.tensor, (*part.axes[:axis], *part.axes[axis + 1 :])) for part in views))]


def at(c: Context, node: Node) -> Results:
    """SequenceAt."""
    values, index = c.parts(node), c.ints(node, 1) or (0,)
    if not -len(values) <= index[0] < len(values):
        raise c.wrong(node, "there is no such part", f"one of {len(values)}", str(index[0]))
    return [values[index[0]]]


def construct(c: Context, node: Node) -> Results:
    """SequenceConstruct."""
    values = [c.value(node, position) for position in range(len(node.inputs))]
    return [Parts(tuple(value for value in values if isinstance(value, View | Const)))]


def length(c: Context, node: Node) -> Results:
    """SequenceLength."""
    import numpy as np

    return [Const((), np.asarray(len(c.parts(node)), np.int64))]


def concat(c: Context, node: Node) -> Results:
    """ConcatFromSequence, along an axis that the tensors have, or along a new one."""
    values = list(c.parts(node))
    if node.int("new_axis", 0):
        axis = c.axis(node, 0, len(values[0].dims) + 1)
        values = [unsqueezed(value, axis) for value in values]
    return [joined(c, node, values)]


def unsqueezed(value: View | Const, axis: int) -> View | Const:
    """Return an array with an axis of one element more."""
    if isinstance(value, Const):
        return Const((*value.dims[:axis], 1, *value.dims[axis:]))
    return View(value.tensor, (*value.axes[:axis], (), *value.axes[axis:]), value.name)


def insert(c: Context, node: Node) -> Results:
    """SequenceInsert: behind the last, unless told."""
    values, new, given = list(c.parts(node)), c.value(node, 1), c.ints(node, 2)
    if not isinstance(new, View | Const):
        raise c.wrong(node, "input 1 is not a tensor")
    at = given[0] if given else len(values)
    return [Parts((*values[:at], new, *values[at:]))]


def erase(c: Context, node: Node) -> Results:
    """SequenceErase: the last, unless told."""
    values, given = list(c.parts(node)), c.ints(node, 1)
    if not values:
        raise c.wrong(node, "the sequence is empty")
    del values[given[0] if given else -1]
    return [Parts(tuple(values))]


def empty(c: Context, node: Node) -> Results:
    """SequenceEmpty."""
    return [Parts(())]


OPS = {
    "ConcatFromSequence": concat,
    "SequenceAt": at,
    "SequenceConstruct": construct,
    "SequenceEmpty": empty,
    "SequenceErase": erase,
    "SequenceInsert": insert,
    "SequenceLength": length,
    "SplitToSequence": split,
}
