"""ONNX ops that multiply and accumulate."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Op
from simulator.network.shapes import Pair, Sides, sides
from workloads.importers import lowering
from workloads.importers.from_onnx import volumes
from workloads.importers.from_onnx.context import Context, Value
from workloads.importers.from_onnx.model import Const, Dims, Node
from workloads.importers.views import View, look, own_layout, transposed

Results = Sequence[Value]


def conv(c: Context, node: Node) -> Results:
    """Conv."""
    return [convolution(c, node, weight=1, bias=2)]


def conv_integer(c: Context, node: Node) -> Results:
    """ConvInteger, whose scale and bias follow as ops of their own."""
    return [_of_integers(c, convolution(c, node, weight=1, bias=len(node.inputs)))]


def _of_integers(c: Context, y: View) -> View:
    c.integers.add(y.tensor.name)
    return y


def qlinear_conv(c: Context, node: Node) -> Results:
    """QLinearConv."""
    return [convolution(c, node, weight=3, bias=8)]


def deformed_conv(c: Context, node: Node) -> Results:
    """DeformConv: as many products as of a plain one; where its taps are is worked out by layers before."""
    return [convolution(c, node, weight=1, bias=3)]


def matmul_few_bits(c: Context, node: Node) -> Results:
    """MatMulNBits of onnxruntime: weights of few bits, packed; attributes say how many there are."""
    inner, filters = node.int("K", 0), node.int("N", 0)
    if filters < 1:
        raise c.wrong(node, "nothing tells how many weights there are", "N of 1 or more")
    return [_linear(c, node, c.view(node), inner, filters, node.has(5), 1)]


def convolution(c: Context, node: Node, weight: int, bias: int) -> View:
    """Convolve the first input; weights [K, C / groups, ...] and bias stand at these positions."""
    if volumes.is_volume(c.view(node)):
        return _over_volumes(c, node, weight, bias)
    rank = spatial_rank(c, node)
    dims = weight_dims(c, node, weight, rank)
    groups, channels = node.int("group", 1), c.view(node).dims[1]
    if groups < 1 or dims[1] * groups != channels:
        raise c.wrong(node, "weights and input do not match", f"{channels} input channels", f"{dims[1]} x {groups}")
    kernel, stride, padding, dilation = window(c, node, rank, dims[2:])
    own_bias = c.has_bias(node, weight, bias)
    name = c.name(node, weight)
    x, padding = without_pad(c, node, padding)
    return lowering.conv(c.g, x, dims[0], kernel, stride, padding, dilation, groups, own_bias, name)


def _over_volumes(c: Context, node: Node, weight: int, bias: int) -> View:
    """Convolve a volume, as images of all the slices that an output slice is made of."""
    dims, groups = weight_dims(c, node, weight, volumes.AXES), node.int("group", 1)
    channels = c.view(node).dims[1]
    if groups < 1 or dims[1] * groups != channels:
        raise c.wrong(node, "weights and input do not match", f"{channels} input channels", f"{dims[1]} x {groups}")
    has_bias, name = c.has_bias(node, weight, bias), c.name(node, weight)
    images, flat = volumes.unfolded(c, node, dims[2:])
    kernel, stride, padding, dilation = window(c, flat, 2, dims[3:])
    y = lowering.conv(c.g, images, dims[0], kernel, stride, padding, dilation, groups, has_bias, name)
    return volumes.folded(c, node, y)


def without_pad(c: Context, node: Node, padding: Sides) -> tuple[View, Sides]:
    """Return the first input and the padding; zeros that an op before puts around for this one alone join it."""
    view = c.view(node)
    layout = own_layout(view)
    before = c.g.layer(view.tensor.name)
    if not (layout and before and _is_of_maps(before) and c.comes_from(node, "Pad")):
        return view, padding
    c.g.take_back(before.name)
    x = Tensor(before.inputs[0], before.input_shapes[0])
    top, left, bottom, right = (inner + outer for inner, outer in zip(padding, before.padding, strict=True))
    return look(x, layout), (top, left, bottom, right)


def _is_of_maps(layer: Layer) -> bool:
    """Return whether a layer puts zeros around maps, and nowhere else."""
    (n, channels, height, width), (top, left, bottom, right) = layer.input_shapes[0], layer.padding
    grown = (n, channels, height + top + bottom, width + left + right)
    return layer.op is Op.PAD and not layer.variant and layer.output_shape == grown


def weight_dims(c: Context, node: Node, position: int, rank: int) -> Dims:
    """Return the weights' extents [K, C / groups, ...], or what attributes and the stated output say of them."""
    const = c.weight(node, position)
    if const:
        if len(const.dims) != rank + 2:
            raise c.wrong(node, "weights do not match the input", f"{rank + 2} axes", str(len(const.dims)))
        return const.dims
    output, kernel = c.model.shapes.get(node.outputs[0]), node.ints("kernel_shape")
    groups = max(1, node.int("group", 1))
    if not output or not kernel or len(output) < 2:
        raise c.wrong(node, "nothing tells how many weights there are", "an initializer, if only its extents")
    return (output[1], c.view(node).dims[1] // groups, *kernel)


def spatial_rank(c: Context, node: Node) -> int:
    """Return how many axes of the first input are spatial: one or two."""
    rank = len(c.view(node).axes) - 2
    if rank not in (1, 2):
        raise c.wrong(node, "only signals and images are supported", "an input of 3 or 4 axes", f"{rank + 2} axes")
    return rank


def window(c: Context, node: Node, rank: int, kernel: Dims) -> tuple[Pair, Pair, Sides, Pair]:
    """Return kernel, stride, padding and dilation of a node; a signal's axis is the vertical one."""
    stride = _pair(c, node, "strides", rank, (1,) * rank)
    dilation = _pair(c, node, "dilations", rank, (1,) * rank)
    size = _pair(c, node, "kernel_shape", rank, kernel)
    if size != _padded(kernel):
        raise c.wrong(node, "kernel_shape and weights do not match", str(kernel), str(node.ints("kernel_shape")))
    return size, stride, _padding(c, node, rank, size, stride, dilation), dilation


def _padding(c: Context, node: Node, rank: int, kernel: Pair, stride: Pair, dilation: Pair) -> Sides:
    automatic = node.text("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        size = c.view(node).dims[2:]
        top, left, bottom, right = sides("same", (size[0], size[1] if rank == 2 else 1), kernel, stride, dilation)
        return (top, left, bottom, right) if automatic == "SAME_UPPER" else (bottom, right, top, left)
    pads = node.ints("pads") or (0,) * (2 * rank)
    if len(pads) != 2 * rank:
        raise c.wrong(node, "not a padding", f"{2 * rank} numbers", str(pads))
    (top, left), (bottom, right) = (_padded(pads[:rank], 0), _padded(pads[rank:], 0))
    return (top, left, bottom, right)


def _pair(c: Context, node: Node, attribute: str, rank: int, default: Dims) -> Pair:
    values = node.ints(attribute) or default
    if len(values) != rank or min(values) < 1:
        raise c.wrong(node, f"not {attribute}", f"{rank} numbers of 1 or more", lowering.text(values))
    return _padded(values)


def _padded(values: Dims, filler: int = 1) -> Pair:
    return (values[0], values[1] if len(values) > 1 else filler)


def conv_transpose(c: Context, node: Node) -> Results:
    """ConvTranspose; its weights are [C, K / groups, ...]."""
    x, const = c.view(node), c.weight(node, 1)
    rank = volumes.AXES if volumes.is_volume(x) else spatial_rank(c, node)
    if const is None or len(const.dims) != rank + 2 or const.dims[0] != x.dims[1]:
        raise c.wrong(node, "weights and input do not match", f"{x.dims[1]} input channels")
    groups, name = node.int("group", 1), c.name(node, 1)
    if volumes.is_volume(x):
        return [volumes.transposed_conv(c, node, const.dims, c.has_bias(node, 1, 2), name)]
    kernel, stride, padding, dilation = window(c, node, rank, const.dims[2:])
    filters = const.dims[1] * groups
    extra = _padded(node.ints("output_padding") or (0,) * rank, 0)
    wanted = node.ints("output_shape")
    size = _padded(wanted[-rank:]) if wanted else None
    if not size:
        rows = [_grown(x.dims[2:], axis, kernel, stride, dilation) + extra[axis] for axis in range(rank)]
        size = _padded(tuple(rows))
    if node.text("auto_pad", "NOTSET").startswith("SAME"):
        size = _padded(tuple(extent * step for extent, step in zip(x.dims[2:], stride, strict=False)))
    elif not wanted:
        size = (size[0] - padding[0] - padding[2], size[1] - padding[1] - padding[3])
    return [lowering.transposed_conv(c.g, x, filters, kernel, size, groups, c.has_bias(node, 1, 2), name)]


def _grown(size: Dims, axis: int, kernel: Pair, stride: Pair, dilation: Pair) -> int:
    return (size[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1


def gemm(c: Context, node: Node) -> Results:
    """Gemm: a fully connected layer."""
    return [_gemm(c, node, weight=1, bias=2)]


def qgemm(c: Context, node: Node) -> Results:
    """QGemm: onnxruntime's quantised Gemm."""
    return [_gemm(c, node, weight=3, bias=6)]


def _gemm(c: Context, node: Node, weight: int, bias: int) -> View:
    x = c.view(node)
    if len(x.axes) != 2:
        raise c.wrong(node, "not a matrix", "an input of 2 axes", f"{len(x.axes)} axes")
    x = transposed(x, (1, 0), f"{c.title(node)}_transpose") if node.int("transA", 0) else x
    const = c.weight(node, weight)
    stated = c.model.shapes.get(node.outputs[0], ())
    if const is None and len(stated) == 2:
        return _linear(c, node, x, x.dims[1], stated[1], c.has_bias(node, weight, bias), weight)
    if const is None or len(const.dims) != 2:
        raise c.wrong(node, "nothing tells how many weights there are", "an initializer of 2 axes, if only its extents")
    inner, filters = const.dims[::-1] if node.int("transB", 0) else const.dims
    return _linear(c, node, x, inner, filters, c.has_bias(node, weight, bias), weight)


def _linear(c: Context, node: Node, x: View, inner: int, filters: int, bias: bool, weight: int) -> View:
    if x.dims[-1] != inner:
        raise c.wrong(node, "weights and input do not match", f"{inner} features", lowering.text(x.dims))
    return lowering.linear(c.g, x, filters, bias, c.name(node, weight))


def matmul(c: Context, node: Node) -> Results:
    """MatMul: of activations and weights a fully connected layer at each position, of two activations a product."""
    return [product(c, node, right=1)]


def matmul_integer(c: Context, node: Node) -> Results:
    """MatMulInteger."""
    return [_of_integers(c, product(c, node, right=1))]


def qlinear_matmul(c: Context, node: Node) -> Results:
    """QLinearMatMul."""
    return [product(c, node, right=3)]


def fused_matmul(c: Context, node: Node) -> Results:
    """FusedMatMul of onnxruntime: either operand may be transposed, and the product scaled."""
    if node.int("transBatchA", 0) or node.int("transBatchB", 0):
        raise c.wrong(node, "an operand whose batch is transposed too is not supported", "transA and transB alone")
    inputs = []
    for at, attribute in enumerate(("transA", "transB")):
        value, name = c.value(node, at), node.inputs[at]
        if node.int(attribute, 0) and len(value.dims if isinstance(value, View | Const) else ()) > 1:
            name = f"{name}::{node.label}"
            c.values[name] = _turned(value)
            c.readers[name] = [node]
        inputs.append(name)
    return [product(c, replace(node, inputs=tuple(inputs)), right=1)]


def _turned(value: Value | None) -> Value:
    """Return an array with its last two axes swapped."""
    if isinstance(value, Const):
        return Const((*value.dims[:-2], value.dims[-1], value.dims[-2]), name=value.name)
    assert isinstance(value, View)
    rank = len(value.axes)
    return transposed(value, (*range(rank - 2), rank - 1, rank - 2), value.name)


def product(c: Context, node: Node, right: int) -> View:
    """Multiply the first input by that at `right`, whichever of both is computed."""
    first, second = c.value(node, 0), c.value(node, right)
    if isinstance(first, View) and isinstance(second, View):
        return _of_two(c, node, first, second)
    if isinstance(first, Const) and isinstance(second, View) and len(second.axes) > 1:
        inner, filters = _matrix(c, node, first)[::-1]
        turned = (*range(len(second.axes) - 2), len(second.axes) - 1, len(second.axes) - 2)
        return transposed(_linear(c, node, transposed(second, turned, ""), inner, filters, False, 0), turned, "")
    if not isinstance(first, View) or not isinstance(second, Const) or not first.axes:
        raise c.wrong(node, "does not multiply what the network computes")
    if len(second.dims) > 2 and prod(second.dims[:-2]) > 1:
        return _by_many(c, node, first, second, right)
    inner, filters = _matrix(c, node, second)
    y = _linear(c, node, first, inner, filters, False, right)
    return View(y.tensor, y.axes[:-1]) if len(second.dims) == 1 else y


def _of_two(c: Context, node: Node, first: View, second: View) -> View:
    """Multiply two arrays that are computed; a vector is a matrix of one row or column."""
    rows, columns = len(first.axes) > 1, len(second.axes) > 1
    left = first if rows else replace(first, axes=((), *first.axes))
    right = second if columns else replace(second, axes=(*second.axes, ()))
    y = lowering.matmul(c.g, left, right, c.name(node))
    kept = [axis for at, axis in enumerate(y.axes) if (rows or at != len(y.axes) - 2)]
    return replace(y, axes=tuple(kept if columns else kept[:-1]))


def _by_many(c: Context, node: Node, first: View, second: Const, right: int) -> View:
    """Multiply by a matrix of weights for each element of leading axes, which are groups of one layer."""
    leading, (inner, filters) = second.dims[:-2], second.dims[-2:]
    own = first.dims[:-2]
    fits = len(first.dims) > 1 and first.dims[-1] == inner
    if not fits or (own[-len(leading) :] != leading and prod(own) > 1):
        got = f"{lowering.text(first.dims)} and {lowering.text(second.dims)}"
        raise c.wrong(node, "weights and input do not match", "equal leading axes, or none of the input", got)
    if prod(own) > 1:
        return lowering.batched_linear(c.g, first, len(own) - len(leading), filters, c.name(node, right))
    y = lowering.linear(c.g, first, prod(leading) * filters, False, c.name(node, right))
    split = lowering.reshape(c.g, y, (first.dims[-2], *leading, filters), c.title(node))
    return transposed(split, (*range(1, len(leading) + 1), 0, len(leading) + 1), c.title(node))


def _matrix(c: Context, node: Node, const: Const) -> tuple[int, int]:
    dims = const.dims if len(const.dims) > 1 else (*const.dims, 1)
    if len(dims) < 2 or any(extent != 1 for extent in dims[:-2]):
        raise c.wrong(node, "weights are not one matrix", "weights of 2 axes", lowering.text(const.dims))
    return dims[-2], dims[-1]


OPS = {
    "Conv": conv,
    "ConvInteger": conv_integer,
    "ConvTranspose": conv_transpose,
    "DeformConv": deformed_conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "MatMulInteger": matmul_integer,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
}
