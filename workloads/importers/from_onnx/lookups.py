"""ONNX ops that move elements to or from places that are worked out, and others whose extents depend on attributes."""

from collections.abc import Sequence
from math import prod

from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Op
from workloads.importers import lowering
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.views import View, arranged, fan, layout_of, shape_in

Results = Sequence[Value]


def gather_elements(c: Context, node: Node) -> Results:
    """GatherElements: as many elements as the index has."""
    return [_picked(c, node, _dims(c, node, 1))]


def gather_nd(c: Context, node: Node) -> Results:
    """GatherND: for each vector of the index, what is left of the data."""
    data, index = _dims(c, node, 0), _dims(c, node, 1)
    batch = node.int("batch_dims", 0)
    if not index or not 0 <= batch < len(index) or batch + index[-1] > len(data):
        raise c.wrong(node, "the index does not suit the data", f"at most {len(data)} numbers", lowering.text(index))
    return [_picked(c, node, (*index[:-1], *data[batch + index[-1] :]))]


def scatter(c: Context, node: Node) -> Results:
    """ScatterND, ScatterElements and Scatter: the data with some elements replaced."""
    data = c.value(node, 0)
    return [_moved(c, node, data, "scatter") if isinstance(data, View) else _picked(c, node, _dims(c, node, 0))]


def top_k(c: Context, node: Node) -> Results:
    """TopK: the largest elements of an axis, and where they were."""
    view = c.view(node)
    axis = c.axis(node, -1, len(view.dims))
    count = (c.ints(node, 1, "k") or (node.int("k", 1),))[0]
    if not 1 <= count <= view.dims[axis]:
        raise c.wrong(node, "not as many elements", f"1 to {view.dims[axis]}", str(count))
    dims = (*view.dims[:axis], count, *view.dims[axis + 1 :])
    layout = layout_of(len(dims))
    x = arranged(c.g, view, layout).tensor
    shape = shape_in(layout, dims)
    y = c.g.put(Layer(c.name(node), Op.ACTIVATION, (x.name,), (x.shape,), shape, variant="top_k"))
    return [fan(y, layout, dims), fan(y, layout, dims)][: len(node.outputs)]


def one_hot(c: Context, node: Node) -> Results:
    """OneHot: a vector for each index."""
    view, depth = c.view(node), (c.ints(node, 1) or (0,))[0]
    axis = c.axis(node, -1, len(view.dims) + 1)
    if depth < 1:
        raise c.wrong(node, "a vector has no size", "a depth of 1 or more", str(depth))
    wide = View(view.tensor, (*view.axes[:axis], (), *view.axes[axis:]), view.name)
    return [lowering.repeat(c.g, wide, (*view.dims[:axis], depth, *view.dims[axis:]), c.name(node))]


def alike(c: Context, node: Node) -> Results:
    """EyeLike, RandomNormalLike and RandomUniformLike: a constant of the input's extents."""
    return [Const(_dims(c, node, 0))]


def drawn(c: Context, node: Node) -> Results:
    """RandomNormal and RandomUniform: values drawn before, as many as an attribute says."""
    return [Const(node.ints("shape") or ())]


def multinomial(c: Context, node: Node) -> Results:
    """Multinomial: so many classes drawn for each sample."""
    return [_picked(c, node, (_dims(c, node, 0)[0], node.int("sample_size", 1)))]


def reverse(c: Context, node: Node) -> Results:
    """ReverseSequence: the same elements, moved."""
    return [_moved(c, node, c.view(node), "reverse")]


def _moved(c: Context, node: Node, view: View, variant: str) -> View:
    def move(x: Tensor) -> Tensor:
        return c.g.put(Layer(c.name(node), Op.RESHAPE, (x.name,), (x.shape,), x.shape, variant=variant))

    return lowering.unary(c.g, view, move)


def _dims(c: Context, node: Node, position: int) -> Dims:
    value = c.value(node, position)
    if not isinstance(value, View | Const):
        raise c.wrong(node, f"input {position} is missing", "a tensor")
    return value.dims


def _picked(c: Context, node: Node, dims: Dims) -> View:
    """Add a layer that reads the first computed input and picks so many elements."""
    view = next((v for at in range(len(node.inputs)) if isinstance(v := c.value(node, at), View)), None)
    if view is None or not all(dims) or prod(dims) < 1:
        raise c.wrong(node, "needs a computed tensor, and an index that is not empty")
    x, layout = lowering.settle(c.g, view), layout_of(len(dims))
    y = c.g.put(Layer(c.name(node), Op.GATHER, (x.name,), (x.shape,), shape_in(layout, dims)))
    return fan(y, layout, dims)


OPS = {
    "EyeLike": alike,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Multinomial": multinomial,
    "OneHot": one_hot,
    "RandomNormal": drawn,
    "RandomUniform": drawn,
    "TensorScatter": scatter,
    "RandomNormalLike": alike,
    "RandomUniformLike": alike,
    "ReverseSequence": reverse,
    "Scatter": scatter,
    "ScatterElements": scatter,
    "ScatterND": scatter,
    "TopK": top_k,
}
