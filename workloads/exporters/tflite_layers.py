"""Say each kind of layer in TFLite, channels last, so that the importer makes the same layer of it."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from simulator.errors import InputError, Problem
from simulator.network.graph import Tensor
from simulator.network.ir import ACROSS_CHANNELS, Layer, Network, Op, Shape
from simulator.network.shapes import sides, window_reach
from workloads.exporters.tflite_writer import Writer
from workloads.importers.views import MAPS, look, reshaped

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
LAST = {0: 0, 1: 3, 2: 1, 3: 2}  # axis of [N, C, H, W] -> where it stands channels last
SAME, VALID = 0, 1
_CHANNELS = re.compile(r"^(\d+):(\d+)$")
_PART = re.compile(r"([NCHW]) (\d+):(-?\d+):(-?\d+) of (\d+)")
FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "abs": ("ABS", "AbsOptions"),
    "ceil": ("CEIL", ""),
    "cos": ("COS", "CosOptions"),
    "elu": ("ELU", ""),
    "exp": ("EXP", "ExpOptions"),
    "floor": ("FLOOR", ""),
    "gelu": ("GELU", "GeluOptions"),
    "hard_swish": ("HARD_SWISH", "HardSwishOptions"),
    "leaky_relu": ("LEAKY_RELU", "LeakyReluOptions"),
    "log": ("LOG", ""),
    "neg": ("NEG", "NegOptions"),
    "relu": ("RELU", ""),
    "relu6": ("RELU6", ""),
    "round": ("ROUND", ""),
    "sigmoid": ("LOGISTIC", ""),
    "sign": ("SIGN", "SignOptions"),
    "sin": ("SIN", ""),
    "sqrt": ("SQRT", ""),
    "tanh": ("TANH", ""),
}
"""Variant of an activation -> its op, and the table of that op's options."""
FUSED = {"relu": 1, "relu6": 3, "tanh": 4}  # activations that an op may have in it, as the schema numbers them
PAIRS: Mapping[tuple[Op, str], tuple[str, str]] = {
    (Op.ADD, ""): ("ADD", "AddOptions"),
    (Op.ADD, "max"): ("MAXIMUM", "MaximumMinimumOptions"),
    (Op.ADD, "min"): ("MINIMUM", "MaximumMinimumOptions"),
    (Op.ADD, "sub"): ("SUB", "SubOptions"),
    (Op.MUL, ""): ("MUL", "MulOptions"),
    (Op.MUL, "and"): ("LOGICAL_AND", "LogicalAndOptions"),
    (Op.MUL, "div"): ("DIV", "DivOptions"),
    (Op.MUL, "equal"): ("EQUAL", "EqualOptions"),
    (Op.MUL, "greater"): ("GREATER", "GreaterOptions"),
    (Op.MUL, "greater_or_equal"): ("GREATER_EQUAL", "GreaterEqualOptions"),
    (Op.MUL, "less"): ("LESS", "LessOptions"),
    (Op.MUL, "less_or_equal"): ("LESS_EQUAL", "LessEqualOptions"),
    (Op.MUL, "mod"): ("FLOOR_MOD", "FloorModOptions"),
    (Op.MUL, "or"): ("LOGICAL_OR", "LogicalOrOptions"),
    (Op.MUL, "pow"): ("POW", "PowOptions"),
}
"""Op and variant -> the op of two operands."""
CONSTANTS = {f"{variant or op.value}_constant": (op, variant) for op, variant in PAIRS}
"""Variant of an activation that combines with constants, one for all or one for each channel -> that op's key."""
POOLS = {"average": "AVERAGE_POOL_2D", "lp": "L2_POOL_2D", "max": "MAX_POOL_2D"}
RESIZES = {
    "bilinear": ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
    "nearest": ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
}
AXIS_OF_CHANNELS, AXIS_OF_FILTERS = 3, 0


def last(shape: Shape) -> Shape:
    """Return a shape channels last."""
    n, c, h, w = shape
    return (n, h, w, c)


def cannot(layer: Layer, what: str) -> InputError:
    """Return an error for a layer that TFLite has no op for."""
    return InputError(
        Problem(f"TFLite has no {what}", path=layer.name, got=f"{layer.op.value} {layer.variant}".strip())
    )


def write_layer(w: Writer, layer: Layer, network: Network) -> None:
    """Add the ops of a layer; raise InputError where TFLite cannot say it."""
    if layer.constant_elements and layer.op not in (Op.ACTIVATION, Op.ADD, Op.CONCAT, Op.MUL):
        raise cannot(layer, "op with such constants beside its inputs")
    if layer.op is Op.COL2IM:
        transposed_conv(w, layer, network)
    elif not _is_taps(layer, network):
        WRITERS.get(layer.op, unknown)(w, layer)


def unknown(w: Writer, layer: Layer) -> None:
    """Refuse an op."""
    raise cannot(layer, "op of this kind")


def _readers(layer: Layer, network: Network) -> list[Layer]:
    return [other for other in network.layers if layer.name in other.inputs]


def _is_taps(layer: Layer, network: Network) -> bool:
    """Return whether a layer makes the products of a transposed convolution, whose op is written behind it."""
    readers = _readers(layer, network) if layer.op is Op.CONV else []
    return len(readers) == 1 and readers[0].op is Op.COL2IM and layer.name not in network.outputs


def windowed(w: Writer, layer: Layer) -> tuple[str, int]:
    """Return what an op with windows reads and how it pads: as TensorFlow does, or not, behind a padding of its own."""
    padding, (h, wide) = layer.padding, layer.input_shapes[0][2:]
    if layer.ceil:
        reach = [window_reach(k, d) for k, d in zip(layer.kernel, layer.dilation, strict=True)]
        needed = [(o - 1) * s + r for o, s, r in zip(layer.output_shape[2:], layer.stride, reach, strict=True)]
        top, left = padding[:2]
        padding = (top, left, max(0, needed[0] - h - top), max(0, needed[1] - wide - left))
    if padding == sides("same", (h, wide), layer.kernel, layer.stride, layer.dilation):
        return layer.inputs[0], SAME if any(padding) else VALID
    if not any(padding):
        return layer.inputs[0], VALID
    if min(padding) < 0:
        raise cannot(layer, f"padding of less than nothing: {padding}")
    return _padded(w, layer.inputs[0], layer.input_shapes[0], padding, f"{layer.name}::pad"), VALID


def _padded(w: Writer, name: str, shape: Shape, padding: Sequence[int], output: str) -> str:
    top, left, bottom, right = padding
    n, c, h, wide = shape
    pads = w.numbers(f"{output}s", [(0, 0), (top, bottom), (left, right), (0, 0)])
    return w.op("PAD", [name, pads], output, (n, h + top + bottom, wide + left + right, c), "PadOptions")


def conv(w: Writer, layer: Layer) -> None:
    """Write a convolution."""
    x, padding = windowed(w, layer)
    filters, channels = layer.output_shape[1], layer.input_shapes[0][1]
    by_channel = layer.op is Op.DEPTHWISE
    dims = (1, *layer.kernel, filters) if by_channel else (filters, *layer.kernel, channels // layer.groups)
    axis = AXIS_OF_CHANNELS if by_channel else AXIS_OF_FILTERS
    (down, right), (tall, wide) = layer.stride, layer.dilation
    fields = {"Padding": padding, "StrideH": down, "StrideW": right, "DilationHFactor": tall, "DilationWFactor": wide}
    kind = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if by_channel else ("CONV_2D", "Conv2DOptions")
    fields |= {"DepthMultiplier": filters // channels} if by_channel else {}
    learned = [w.weights(f"{layer.name}.weight", dims, axis)]
    learned += [w.bias(f"{layer.name}.bias", filters)] if layer.bias else []
    w.op(kind[0], [x, *learned], layer.name, last(layer.output_shape), kind[1], **fields)


def linear(w: Writer, layer: Layer) -> None:
    """Write a fully connected layer at each position; of several groups, a 1x1 convolution."""
    if layer.groups > 1:
        conv(w, layer)
        return
    filters, channels = layer.output_shape[1], layer.input_shapes[0][1]
    learned = [w.weights(f"{layer.name}.weight", (filters, channels), AXIS_OF_FILTERS)]
    learned += [w.bias(f"{layer.name}.bias", filters)] if layer.bias else []
    inputs = [layer.inputs[0], *learned]
    w.op("FULLY_CONNECTED", inputs, layer.name, last(layer.output_shape), "FullyConnectedOptions", KeepNumDims=True)


def matmul(w: Writer, layer: Layer) -> None:
    """Write a product of two activations, its groups an axis of their own."""
    (n, channels, rows, columns), (_, filters, *_) = layer.input_shapes[0], layer.output_shape
    groups, name = layer.groups, layer.name
    inner, outer = channels // groups, filters // groups
    view = look(Tensor(layer.inputs[1], layer.input_shapes[1]), MAPS)
    orders = [(n, groups, inner, outer), (n, groups, outer, inner)]
    right_dims = next((dims for dims in orders if reshaped(view, dims, "")), None)
    if columns != 1 or right_dims is None:
        raise cannot(layer, "product of these tensors")
    turned = {"AdjY": True} if right_dims != orders[0] else {}
    left = _reshape(w, layer.inputs[0], f"{name}::left", (n, rows, groups, inner))
    left = _transpose(w, left, f"{name}::rows", (0, 2, 1, 3), (n, groups, rows, inner))
    right = _transpose(w, layer.inputs[1], f"{name}::first", TO_FIRST, layer.input_shapes[1])
    right = _reshape(w, right, f"{name}::right", right_dims)
    y = w.op(
        "BATCH_MATMUL", [left, right], f"{name}::product", (n, groups, rows, outer), "BatchMatMulOptions", **turned
    )
    y = _transpose(w, y, f"{name}::turned", (0, 2, 1, 3), (n, rows, groups, outer))
    _reshape(w, y, name, last(layer.output_shape))


def _reshape(w: Writer, name: str, output: str, dims: Sequence[int]) -> str:
    return w.op("RESHAPE", [name, w.numbers(f"{output}::dims", list(dims))], output, dims, "ReshapeOptions")


def _transpose(w: Writer, name: str, output: str, order: Sequence[int], dims: Sequence[int]) -> str:
    return w.op("TRANSPOSE", [name, w.numbers(f"{output}::order", list(order))], output, dims, "TransposeOptions")


def transposed_conv(w: Writer, layer: Layer, network: Network) -> None:
    """Write a transposed convolution in place of its products and of what adds them up."""
    taps = next((other for other in network.layers if other.name == layer.inputs[0]), None)
    _, filters, height, width = layer.output_shape
    (n, channels, *size) = taps.input_shapes[0] if taps else layer.input_shapes[0]
    if taps is None or not _is_taps(taps, network) or taps.groups > 1:
        raise cannot(layer, "transposed convolution of these products")
    strides = [max(1, -(-made // was)) for made, was in zip((height, width), size, strict=True)]
    shape = w.numbers(f"{layer.name}::shape", [n, height, width, filters])
    inputs = [shape, w.weights(f"{layer.name}.weight", (filters, *layer.kernel, channels), 0), taps.inputs[0]]
    inputs += [w.bias(f"{layer.name}.bias", filters)] if layer.variant == "bias" else []
    fields = {"Padding": SAME, "StrideH": strides[0], "StrideW": strides[1]}
    w.op("TRANSPOSE_CONV", inputs, layer.name, last(layer.output_shape), "TransposeConvOptions", **fields)


def pool(w: Writer, layer: Layer) -> None:
    """Write a pooling layer."""
    if layer.variant not in POOLS or layer.dilation != (1, 1):
        raise cannot(layer, "pool of this kind")
    x, padding = windowed(w, layer)
    fields = {"FilterHeight": layer.kernel[0], "FilterWidth": layer.kernel[1], "Padding": padding}
    fields |= {"StrideH": layer.stride[0], "StrideW": layer.stride[1]}
    w.op(POOLS[layer.variant], [x], layer.name, last(layer.output_shape), "Pool2DOptions", **fields)


def combination(w: Writer, layer: Layer) -> None:
    """Write an elementwise op of two operands, one of which may be constant, or a sum of more of one shape."""
    (kind, options), inputs = PAIRS.get((layer.op, layer.variant), ("", "")), list(layer.inputs)
    n, *sample = last(layer.output_shape)
    if layer.constant_elements:
        if layer.constant_elements != prod(sample) or layer.constant_elements <= layer.input_shapes[0][1]:
            raise cannot(layer, "operand of so many constants")
        inputs.append(w.constant(f"{layer.name}.constant", (1, *sample)))
    if kind == "ADD" and len(inputs) > 2 and len(set(layer.input_shapes)) == 1:
        kind, options = "ADD_N", "AddNOptions"
    elif not kind or len(inputs) != 2:
        raise cannot(layer, "operation of this kind")
    w.op(kind, inputs, layer.name, (n, *sample), options)


def activation(w: Writer, layer: Layer) -> None:
    """Write a function of one element, or a batch norm of its own."""
    dims, x, name, variant = last(layer.output_shape), layer.inputs[0], layer.name, layer.variant
    if layer.output_shape != layer.input_shapes[0]:
        raise cannot(layer, "activation of this kind")
    if variant in CONSTANTS and layer.constant_elements in (0, dims[-1]):
        kind, options = PAIRS[CONSTANTS[variant]]
        w.op(
            kind, [x, w.constant(f"{name}.constant", dims[-1:] if layer.constant_elements else ())], name, dims, options
        )
    elif layer.constant_elements:
        raise cannot(layer, "operand of so many constants")
    elif variant == "norm" or (variant.startswith("norm_") and variant[5:] in FUSED):
        x = w.op("MUL", [x, w.constant(f"{name}.scale", dims[-1:])], f"{name}::scaled", dims, "MulOptions")
        fused = {"FusedActivationFunction": FUSED[variant[5:]]} if variant != "norm" else {}
        w.op("ADD", [x, w.constant(f"{name}.shift", dims[-1:])], name, dims, "AddOptions", **fused)
    elif variant == "swish":
        gate = w.op("LOGISTIC", [x], f"{name}::sigmoid", dims)
        w.op("MUL", [x, gate], name, dims, "MulOptions")
    elif variant == "hard_sigmoid":
        y = w.op("ADD", [x, w.constant(f"{name}::three", ())], f"{name}::sum", dims, "AddOptions")
        y = w.op("RELU6", [y], f"{name}::clip", dims)
        w.op("MUL", [y, w.constant(f"{name}::sixth", ())], name, dims, "MulOptions")
    elif variant == "prelu":
        w.op("PRELU", [x, w.constant(f"{name}.slope", (1, 1, dims[-1]))], name, dims)
    elif variant in FUNCTIONS:
        kind, options = FUNCTIONS[variant]
        w.op(kind, [x], name, dims, options)
    else:
        raise cannot(layer, "activation of this kind")


def softmax(w: Writer, layer: Layer) -> None:
    """Write a softmax, over the channels."""
    w.op("SOFTMAX", layer.inputs, layer.name, last(layer.output_shape), "SoftmaxOptions", Beta=1.0)


def lrn(w: Writer, layer: Layer) -> None:
    """Write a local response normalisation."""
    if layer.variant != ACROSS_CHANNELS or layer.window % 2 == 0:
        raise cannot(layer, "normalisation of this kind")
    options, radius = "LocalResponseNormalizationOptions", layer.window // 2
    w.op("LOCAL_RESPONSE_NORMALIZATION", layer.inputs, layer.name, last(layer.output_shape), options, Radius=radius)


def normalization(w: Writer, layer: Layer) -> None:
    """Write a norm over the channels of each position, spelled out as converters do."""
    x, name, dims = layer.inputs[0], layer.name, last(layer.output_shape)
    if layer.window != dims[-1] or layer.variant not in ("layer_norm", "lp_norm", "rms_norm"):
        raise cannot(layer, "norm of this kind")
    if layer.variant == "lp_norm":
        w.op("L2_NORMALIZATION", [x], name, dims, "L2NormOptions")
        return
    axis, one = w.numbers(f"{name}::axis", [3]), (*dims[:3], 1)
    if layer.variant == "layer_norm":
        mean = w.op("MEAN", [x, axis], f"{name}::mean", one, "ReducerOptions", KeepDims=True)
        x = w.op("SUB", [x, mean], f"{name}::centred", dims, "SubOptions")
    y = w.op("MUL", [x, x], f"{name}::squares", dims, "MulOptions")
    y = w.op("MEAN", [y, axis], f"{name}::variance", one, "ReducerOptions", KeepDims=True)
    y = w.op("ADD", [y, w.constant(f"{name}::epsilon", ())], f"{name}::positive", one, "AddOptions")
    y = w.op("RSQRT", [y], f"{name}::inverse", one)
    w.op("MUL", [x, y], name, dims, "MulOptions")


def upsample(w: Writer, layer: Layer) -> None:
    """Write a change of resolution."""
    if layer.variant not in RESIZES or layer.input_shapes[0][:2] != layer.output_shape[:2]:
        raise cannot(layer, "change of resolution of this kind")
    kind, options = RESIZES[layer.variant]
    size = w.numbers(f"{layer.name}::size", layer.output_shape[2:])
    w.op(kind, [layer.inputs[0], size], layer.name, last(layer.output_shape), options)


def concat(w: Writer, layer: Layer) -> None:
    """Write a concatenation, along the axis on which the inputs add up."""
    for axis in (1, 2, 3, 0):
        joined, constant = list(layer.input_shapes[0]), list(layer.output_shape)
        joined[axis] = sum(shape[axis] for shape in layer.input_shapes)
        constant[axis] -= joined[axis]
        joined[axis] = layer.output_shape[axis]
        if tuple(joined) == layer.output_shape and constant[axis] >= 0 and prod(constant) == layer.constant_elements:
            n, c, h, wide = constant
            more = [w.constant(f"{layer.name}.constant", last((n, c, h, wide)))] if prod(constant) else []
            inputs, shape = [*layer.inputs, *more], last(layer.output_shape)
            w.op("CONCATENATION", inputs, layer.name, shape, "ConcatenationOptions", Axis=LAST[axis])
            return
    raise cannot(layer, "concatenation of these tensors")


def split(w: Writer, layer: Layer) -> None:
    """Write a part of an axis."""
    part = _PART.fullmatch(_CHANNELS.sub(rf"C \1:\2:1 of {layer.input_shapes[0][1]}", layer.variant, count=1))
    if not part:
        raise cannot(layer, "part of this kind")
    axis, (start, stop, step) = "NCHW".index(part[1]), map(int, part.groups()[1:4])
    extent = layer.input_shapes[0][axis]
    wanted = list(layer.input_shapes[0])
    wanted[axis] = len(range(start, stop, step))
    if step < 1 or stop > extent or tuple(wanted) != layer.output_shape or int(part[5]) != extent:
        raise cannot(layer, "part of this kind")
    at = LAST[axis]
    whole = last(layer.input_shapes[0])
    bounds = ([0] * 4, list(whole), [1] * 4)
    for numbers, value in zip(bounds, (start, stop, step), strict=True):
        numbers[at] = value
    inputs = [
        w.numbers(f"{layer.name}::{key}", values) for key, values in zip(("from", "to", "by"), bounds, strict=True)
    ]
    shape = last(layer.output_shape)
    w.op("STRIDED_SLICE", [layer.inputs[0], *inputs], layer.name, shape, "StridedSliceOptions")


def shuffle(w: Writer, layer: Layer) -> None:
    """Write a channel shuffle: reshape, transpose, reshape."""
    (n, h, wide, channels), groups, name = last(layer.input_shapes[0]), layer.groups, layer.name
    x = _reshape(w, layer.inputs[0], f"{name}::groups", (n, h, wide, groups, channels // groups))
    x = _transpose(w, x, f"{name}::turned", (0, 1, 2, 4, 3), (n, h, wide, channels // groups, groups))
    _reshape(w, x, name, last(layer.output_shape))


def gather(w: Writer, layer: Layer) -> None:
    """Write an index of channels; which ones is not known, so it counts down."""
    (n, channels, *size), output = layer.input_shapes[0], layer.output_shape
    if output != (n, output[1], *size):
        raise cannot(layer, "index of this kind")
    index = w.numbers(f"{layer.name}::index", [channels - 1 - at % channels for at in range(output[1])])
    w.op("GATHER", [layer.inputs[0], index], layer.name, last(output), "GatherOptions", Axis=AXIS_OF_CHANNELS)


def reshape(w: Writer, layer: Layer) -> None:
    """Write a reshape, in the order of channels first; of another order only that it moves all is said."""
    before, after = layer.input_shapes[0], layer.output_shape
    if prod(before) != prod(after):
        raise cannot(layer, "reshape of this kind")
    x = _transpose(w, layer.inputs[0], f"{layer.name}::first", TO_FIRST, before)
    x = _reshape(w, x, f"{layer.name}::dims_of", after)
    _transpose(w, x, layer.name, TO_LAST, last(after))


def pad(w: Writer, layer: Layer) -> None:
    """Write a padding with zeros."""
    (n, c, h, wide), (top, left, bottom, right) = layer.input_shapes[0], layer.padding
    if layer.variant or layer.output_shape != (n, c, h + top + bottom, wide + left + right) or min(layer.padding) < 0:
        raise cannot(layer, "padding of this kind")
    _padded(w, layer.inputs[0], layer.input_shapes[0], layer.padding, layer.name)


WRITERS: dict[Op, Callable[[Writer, Layer], Any]] = {
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
    Op.NORMALIZATION: normalization,
    Op.UPSAMPLE: upsample,
    Op.CONCAT: concat,
    Op.SPLIT: split,
    Op.SHUFFLE: shuffle,
    Op.GATHER: gather,
    Op.RESHAPE: reshape,
    Op.PAD: pad,
}
