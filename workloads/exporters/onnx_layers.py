"""Say each kind of layer in ONNX, so that the importer makes the same layer of it."""

import re
from collections.abc import Callable
from math import prod

from simulator.network.graph import Tensor
from simulator.network.ir import Layer, Op
from simulator.network.ops import CONVOLUTIONS, OPS, VECTOR_OPS, WINDOWED_OPS, follows
from simulator.network.shapes import window_outputs
from workloads.exporters.onnx_writer import Writer
from workloads.importers.views import MAPS, look, reshaped

_RANGE = re.compile(r"(\d+):(\d+)")
MORE_INPUTS = frozenset({"prelu", "swish"})  # functions that ONNX, or the version written, has no op of one input for
TWO_ONLY = frozenset({"Div", "Mul", "Pow", "Sub"})
MODES = {"bicubic": "cubic", "bilinear": "linear", "nearest": "nearest"}
SETTLES = VECTOR_OPS | CONVOLUTIONS | {Op.PAD, Op.CONCAT}
"""Ops whose nodes need a reshaped tensor in order; others might look through the reshape."""


def write_layer(w: Writer, layer: Layer) -> None:
    """Add the nodes of a layer; where ONNX cannot say it, an op of the project's own."""
    if not WRITERS.get(layer.op, plain)(w, layer):
        w.own(layer)


def plain(w: Writer, layer: Layer) -> bool:
    """Write an op of one input and no attributes by its name, if ONNX has it."""
    op = OPS[layer.op].onnx.get(layer.variant)
    if op is None or len(layer.inputs) > 1 or not follows(layer):
        return False
    w.node(op, layer.inputs, layer.name)
    return True


def conv(w: Writer, layer: Layer) -> bool:
    """Write a convolution."""
    dims = (layer.output_shape[1], layer.input_shapes[0][1] // layer.groups, *layer.kernel)
    inputs = [layer.inputs[0], w.zeros(f"{layer.name}.weight", dims)]
    if layer.bias:
        inputs.append(w.zeros(f"{layer.name}.bias", dims[:1]))
    w.node(
        "Conv",
        inputs,
        layer.name,
        kernel_shape=layer.kernel,
        strides=layer.stride,
        pads=layer.padding,
        dilations=layer.dilation,
        group=layer.groups,
    )
    return True


def linear(w: Writer, layer: Layer) -> bool:
    """Write a fully connected layer: Gemm over vectors, MatMul over the positions of maps."""
    (n, channels, *size), filters, name = layer.input_shapes[0], layer.output_shape[1], layer.name
    if layer.groups != 1 or layer.variant:
        return False
    if size == [1, 1]:
        inputs = [w.reshape(layer.inputs[0], (n, channels), f"{name}::in")]
        inputs.append(w.zeros(f"{name}.weight", (filters, channels)))
        if layer.bias:
            inputs.append(w.zeros(f"{name}.bias", (filters,)))
        w.reshape(w.node("Gemm", inputs, f"{name}::out", name, transB=1), layer.output_shape, name)
        return True
    last = w.node("Transpose", [layer.inputs[0]], f"{name}::in", perm=(0, 2, 3, 1))
    y = w.node("MatMul", [last, w.zeros(f"{name}.weight", (channels, filters))], f"{name}::product", name)
    if layer.bias:
        y = w.node("Add", [y, w.zeros(f"{name}.bias", (filters,))], f"{name}::sum")
    w.node("Transpose", [y], name, f"{name}::out", perm=(0, 3, 1, 2))
    return True


def matmul(w: Writer, layer: Layer) -> bool:
    """Write a product of two activations, its groups an axis of their own."""
    (n, channels, rows, columns), (_, filters, *_) = layer.input_shapes[0], layer.output_shape
    groups, name = layer.groups, layer.name
    inner, outer = channels // groups, filters // groups
    right_dims = (n, groups, inner, outer)
    splits = reshaped(look(Tensor(layer.inputs[1], layer.input_shapes[1]), MAPS), right_dims, "")
    if columns != 1 or layer.variant or not splits:
        return False
    left = w.reshape(layer.inputs[0], (n, groups, inner, rows), f"{name}::left")
    left = w.node("Transpose", [left], f"{name}::rows", perm=(0, 1, 3, 2))
    right = w.reshape(layer.inputs[1], right_dims, f"{name}::right")
    y = w.node("MatMul", [left, right], f"{name}::product", name)
    y = w.node("Transpose", [y], f"{name}::turned", perm=(0, 1, 3, 2))
    w.reshape(y, layer.output_shape, name)
    return True


def pool(w: Writer, layer: Layer) -> bool:
    """Write a pooling layer; over whole maps it is global."""
    size = layer.input_shapes[0][2:]
    plain = layer.stride == layer.dilation == (1, 1) and not any(layer.padding)
    op = OPS[Op.POOL].onnx.get(layer.variant)
    if op is None:
        return False
    if layer.kernel == size and plain and not layer.ceil:
        w.node(f"Global{op}", layer.inputs, layer.name)
        return True
    outputs = window_outputs(size, layer.kernel, layer.stride, layer.padding, layer.dilation, layer.ceil)
    if outputs != layer.output_shape[2:]:
        return False
    w.node(
        op,
        layer.inputs,
        layer.name,
        kernel_shape=layer.kernel,
        strides=layer.stride,
        pads=layer.padding,
        dilations=layer.dilation,
        ceil_mode=int(layer.ceil),
    )
    return True


def combination(w: Writer, layer: Layer) -> bool:
    """Write an elementwise op."""
    op = OPS[layer.op].onnx.get(layer.variant, "")
    count = len(layer.inputs)
    if not op or count < 2 or (op in TWO_ONLY and count > 2):
        return False
    w.node("Add" if op == "Sum" and count == 2 else op, layer.inputs, layer.name)
    return True


def activation(w: Writer, layer: Layer) -> bool:
    """Write a function of one element, or a norm."""
    kind, x, name = layer.variant, layer.inputs[0], layer.name
    functions = {kind: op for kind, op in OPS[Op.ACTIVATION].onnx.items() if kind not in MORE_INPUTS}
    if layer.output_shape != layer.input_shapes[0] or w.joins_norm(x):
        return False
    if kind == "norm" or (kind.startswith("norm_") and kind[5:] in functions):
        if w.folds_norm(x):
            return False
        weights = [w.zeros(f"{name}.{part}", layer.output_shape[1:2]) for part in ("weight", "bias", "mean", "var")]
        scaled = name if kind == "norm" else f"{name}::norm"
        w.node("BatchNormalization", [x, *weights], scaled, name)
        if kind != "norm":
            w.node(functions[kind[5:]], [scaled], name, f"{name}::{kind[5:]}")
        return True
    if kind == "relu6":
        w.node("Clip", [x, w.scalar(f"{name}::min", 0.0), w.scalar(f"{name}::max", 6.0)], name)
    elif kind == "swish":
        w.node("Mul", [x, w.node("Sigmoid", [x], f"{name}::sigmoid")], name)
    elif kind in functions:
        w.node(functions[kind], [x], name)
    else:
        return False
    return True


def softmax(w: Writer, layer: Layer) -> bool:
    """Write a softmax."""
    if layer.variant:
        return False
    w.node("Softmax", layer.inputs, layer.name, axis=1)
    return True


def lrn(w: Writer, layer: Layer) -> bool:
    """Write a local response normalisation."""
    op = OPS[Op.LRN].onnx.get(layer.variant)
    if op is None or any(layer.padding) or layer.kernel != (1, 1):
        return False
    w.node(op, layer.inputs, layer.name, size=layer.window)
    return True


def upsample(w: Writer, layer: Layer) -> bool:
    """Write a change of resolution."""
    before, after = layer.input_shapes[0], layer.output_shape
    if layer.variant not in MODES or before[:2] != after[:2] or before == after:
        return False
    sizes = w.numbers(f"{layer.name}::sizes", after)
    w.node("Resize", [layer.inputs[0], "", "", sizes], layer.name, mode=MODES[layer.variant])
    return True


def concat(w: Writer, layer: Layer) -> bool:
    """Write a concatenation, along the axis on which the inputs add up."""
    shapes, output = layer.input_shapes, layer.output_shape
    for axis in (1, 2, 3, 0):
        joined = list(shapes[0])
        joined[axis] = sum(shape[axis] for shape in shapes)
        if tuple(joined) == output and len(shapes) > 1:
            w.node("Concat", layer.inputs, layer.name, axis=axis)
            return True
    return False


def split(w: Writer, layer: Layer) -> bool:
    """Write a slice of channels."""
    cut = _RANGE.fullmatch(layer.variant)
    (n, channels, *size), output = layer.input_shapes[0], layer.output_shape
    if not cut or (start := int(cut[1])) >= (stop := int(cut[2])) or stop - start == channels:
        return False
    if stop > channels or output != (n, stop - start, *size):
        return False
    parts = {"starts": start, "ends": stop, "axes": 1}
    w.node("Slice", [layer.inputs[0], *(w.numbers(f"{layer.name}::{k}", [v]) for k, v in parts.items())], layer.name)
    return True


def shuffle(w: Writer, layer: Layer) -> bool:
    """Write a channel shuffle: reshape, transpose, reshape."""
    n, channels, *size = layer.input_shapes[0]
    groups, name = layer.groups, layer.name
    if groups in (1, channels) or layer.variant or not w.is_new(layer):
        return False
    wide = w.reshape(layer.inputs[0], (n, groups, channels // groups, *size), f"{name}::groups")
    turned = w.node("Transpose", [wide], f"{name}::turned", perm=(0, 2, 1, 3, 4))
    w.reshape(turned, layer.output_shape, name)
    return True


def gather(w: Writer, layer: Layer) -> bool:
    """Write an index of channels; which ones is not known, so it counts down."""
    (n, channels, *size), output = layer.input_shapes[0], layer.output_shape
    if output[1] == 1 or output != (n, output[1], *size) or layer.variant:
        return False
    index = [channels - 1 - position % channels for position in range(output[1])]
    w.node("Gather", [layer.inputs[0], w.numbers(f"{layer.name}::index", index)], layer.name, axis=1)
    return True


def reshape(w: Writer, layer: Layer) -> bool:
    """Write a reshape, where neither it nor those that read it could be looked through."""
    before, after = layer.input_shapes[0], layer.output_shape
    maker = w.maker(layer.inputs[0])
    moved = maker is not None and maker.op in (Op.RESHAPE, Op.SHUFFLE, Op.LINEAR, Op.MATMUL)
    readers = w.readers(layer.name)
    safe = all(r.op in SETTLES or (r.op is Op.LINEAR and after[2:] == (1, 1) and r.groups == 1) for r in readers)
    if layer.variant or moved or not safe or before == after or prod(before) != prod(after) or before[0] != after[0]:
        return False
    if not w.is_new(layer):
        return False
    w.reshape(layer.inputs[0], after, layer.name)
    return True


def pad(w: Writer, layer: Layer) -> bool:
    """Write a padding."""
    (n, channels, height, width), (top, left, bottom, right) = layer.input_shapes[0], layer.padding
    if layer.variant or layer.output_shape != (n, channels, height + top + bottom, width + left + right):
        return False
    taken_up = any(reader.op in WINDOWED_OPS for reader in w.readers(layer.name))
    if not any(layer.padding) or taken_up:
        return False
    pads = w.numbers(f"{layer.name}::pads", (0, 0, top, left, 0, 0, bottom, right))
    w.node("Pad", [layer.inputs[0], pads], layer.name)
    return True


WRITERS: dict[Op, Callable[[Writer, Layer], bool]] = {
    Op.CONV: conv,
    Op.DEPTHWISE: conv,
    Op.LINEAR: linear,
    Op.MATMUL: matmul,
    Op.POOL: pool,
    Op.ADD: combination,
    Op.MUL: combination,
    Op.ACTIVATION: activation,
    Op.SOFTMAX: softmax,
    Op.LRN: lrn,
    Op.UPSAMPLE: upsample,
    Op.CONCAT: concat,
    Op.SPLIT: split,
    Op.SHUFFLE: shuffle,
    Op.GATHER: gather,
    Op.RESHAPE: reshape,
    Op.PAD: pad,
}
