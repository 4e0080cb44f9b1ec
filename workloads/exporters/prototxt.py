"""Write Caffe's prototxt, for inference: a layer of Caffe's for each layer, its top called like it.

Caffe pads both edges of an axis alike. Where the padding differs, the larger one stands for both if the output keeps
its size, as authors of such networks write them in Caffe: only the edge at which windows begin is another. What Caffe
has no layer or field for (a product of two blobs, an index) is refused by name.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import ACROSS_CHANNELS, Layer, Network, Op
from simulator.network.ops import OPS
from simulator.network.shapes import window_reach
from simulator.source.files import write_atomically
from workloads.exporters.records import CHANNELS

Kind = tuple[str, str]  # a type, and its fields

VECTORS = frozenset({Op.ACTIVATION, Op.LINEAR, Op.SOFTMAX})  # what Caffe does to a blob without rows and columns
ACTIVATIONS: Mapping[str, Kind] = {
    **{variant: (name, "") for variant, name in OPS[Op.ACTIVATION].caffe.items()},
    "leaky_relu": ("ReLU", "relu_param { negative_slope: 0.1 }"),
    "norm": ("BatchNorm", ""),
    "relu": ("ReLU", ""),
    "threshold": ("Threshold", ""),
}


def export_prototxt(network: Network, path: Path) -> None:
    """Write a network to a file."""
    write_atomically(path, prototxt_text(network))


def prototxt_text(network: Network) -> str:
    """Return a network as prototxt; raise InputError with every layer that Caffe cannot say."""
    lines = [f"name: {_quoted(network.name)}"]
    for name, shape in network.inputs.items():
        lines += [f"input: {_quoted(name)}", f"input_shape {{ {' '.join(f'dim: {extent}' for extent in shape)} }}"]
    problems: list[Problem] = []
    for layer in network.layers:
        try:
            lines += _lines(layer, network)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return "\n".join(lines) + "\n"


def _lines(layer: Layer, network: Network) -> Iterator[str]:
    if layer.constant_elements:
        raise _cannot(layer, "layer with constants beside its inputs")
    if layer.op is Op.SPLIT:
        yield from _slice(layer, network)
    elif layer.variant.startswith("norm_"):
        yield _layer(layer.name, ("BatchNorm", ""), layer.inputs, [layer.name])
        kind = _activation(layer, layer.variant.removeprefix("norm_"))
        yield _layer(f"{layer.name}_{kind[0].lower()}", kind, [layer.name], [layer.name])
    else:
        keeps_maps = layer.op in MAPS and not _is_vector(layer, network)
        written = MAPS[layer.op] if keeps_maps else KINDS.get(layer.op, _named)
        yield _layer(layer.name, written(layer), layer.inputs, [layer.name])


def _is_vector(layer: Layer, network: Network) -> bool:
    """Return whether a vector will do for all that read a layer; other types of Caffe's want maps of one element."""
    readers = [other for other in network.layers if layer.name in other.inputs]
    return all(other.op in VECTORS and other.groups == 1 and _is_vector(other, network) for other in readers)


def _layer(name: str, kind: Kind, bottoms: list[str] | tuple[str, ...], tops: list[str]) -> str:
    blobs = [f"bottom: {_quoted(blob)}" for blob in bottoms] + [f"top: {_quoted(blob)}" for blob in tops]
    return f"layer {{ name: {_quoted(name)} type: {_quoted(kind[0])} {' '.join([*blobs, kind[1]]).strip()} }}"


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text or not text.isprintable():
        expected = "printable characters, no quotes and no backslashes"
        raise InputError(Problem("a prototxt cannot hold this name", path=text, expected=expected))
    return f'"{text}"'


def _cannot(layer: Layer, what: str) -> InputError:
    return InputError(Problem(f"Caffe has no {what}", path=layer.name, got=f"{layer.op.value} {layer.variant}".strip()))


def _named(layer: Layer) -> Kind:
    """Return the type that the table of ops names."""
    name = OPS[layer.op].caffe.get(layer.variant)
    if name is None:
        raise _cannot(layer, "layer of this kind")
    return name, ""


def _window(layer: Layer) -> str:
    pairs = (
        (layer.kernel, "kernel_size", "kernel_h", "kernel_w"),
        (layer.stride, "stride", "stride_h", "stride_w"),
        ((_pad(layer, 0), _pad(layer, 1)), "pad", "pad_h", "pad_w"),
    )
    return " ".join(
        f"{both}: {down}" if down == right else f"{vertical}: {down} {horizontal}: {right}"
        for (down, right), both, vertical, horizontal in pairs
    )


def _pad(layer: Layer, axis: int) -> int:
    """Return the padding of both edges of an axis with which the output is as large."""
    before, after = layer.padding[axis], layer.padding[axis + 2]
    pad, size = max(before, after), layer.input_shapes[0][2 + axis]
    reach = window_reach(layer.kernel[axis], layer.dilation[axis])
    positions = (size + 2 * pad - reach + (layer.stride[axis] - 1) * layer.ceil) // layer.stride[axis] + 1
    if before != after and positions != layer.output_shape[2 + axis]:
        raise _cannot(layer, f"padding that differs between edges: {before} and {after}")
    return pad


def _conv(layer: Layer) -> Kind:
    down, right = layer.dilation
    dilation = f" dilation: {down} dilation: {right}" if (down, right) != (1, 1) else ""
    told = f"num_output: {layer.output_shape[1]} bias_term: {str(layer.bias).lower()} group: {layer.groups}"
    return "Convolution", f"convolution_param {{ {told} {_window(layer)}{dilation} }}"


def _linear(layer: Layer) -> Kind:
    """Return an inner product, or a 1x1 convolution where there are several positions or groups."""
    if layer.groups > 1 or layer.output_shape[2:] != (1, 1):
        return _conv(layer)
    bias = str(layer.bias).lower()
    return "InnerProduct", f"inner_product_param {{ num_output: {layer.output_shape[1]} bias_term: {bias} }}"


def _pool(layer: Layer) -> Kind:
    name = OPS[Op.POOL].caffe.get(layer.variant)
    if name is None or layer.dilation != (1, 1):
        raise _cannot(layer, "pool of this kind")
    if layer.kernel == layer.input_shapes[0][2:] and layer.padding == (0, 0, 0, 0):
        return "Pooling", f"pooling_param {{ pool: {name} global_pooling: true }}"
    mode = "CEIL" if layer.ceil else "FLOOR"
    return "Pooling", f"pooling_param {{ pool: {name} {_window(layer)} round_mode: {mode} }}"


def _elementwise(layer: Layer) -> Kind:
    """Return an operation on blobs of one shape, or a blob and one for all its positions."""
    name = OPS[layer.op].caffe.get(layer.variant)
    if name is None:
        raise _cannot(layer, "operation of this kind")
    if len(set(layer.input_shapes)) == 1:
        return "Eltwise", f"eltwise_param {{ operation: {name} }}"
    first, *others = layer.input_shapes
    if layer.variant or len(others) != 1 or others[0] != (*first[:2], 1, 1):
        raise _cannot(layer, "operation on blobs of these shapes")
    return ("Scale", "scale_param { axis: 0 }") if layer.op is Op.MUL else ("Bias", "bias_param { axis: 0 }")


def _activation(layer: Layer, variant: str = "") -> Kind:
    if (variant or layer.variant) not in ACTIVATIONS or layer.output_shape != layer.input_shapes[0]:
        raise _cannot(layer, "activation of this kind")
    return ACTIVATIONS[variant or layer.variant]


def _lrn(layer: Layer) -> Kind:
    region = "ACROSS_CHANNELS" if layer.variant == ACROSS_CHANNELS else "WITHIN_CHANNEL"
    return "LRN", f"lrn_param {{ local_size: {layer.window} norm_region: {region} }}"


def _upsample(layer: Layer) -> Kind:
    height, width = layer.output_shape[2:]
    if layer.variant == "nearest":
        return "Upsample", f"upsample_param {{ upsample_h: {height} upsample_w: {width} }}"
    if layer.variant == "bilinear":
        return "Interp", f"interp_param {{ height: {height} width: {width} }}"
    raise _cannot(layer, "interpolation of this kind")


def _concat(layer: Layer) -> Kind:
    first, output = layer.input_shapes[0], layer.output_shape
    axes = [at for at in range(4) if sum(shape[at] for shape in layer.input_shapes) == output[at] != first[at]]
    if len(axes) != 1:
        raise _cannot(layer, "concat along no or several axes")
    return "Concat", f"concat_param {{ axis: {axes[0]} }}"


def _reshape(layer: Layer) -> Kind:
    return ("Flatten", "") if layer.output_shape[2:] == (1, 1) and not layer.variant else _shaped(layer)


def _shaped(layer: Layer) -> Kind:
    if layer.variant:
        raise _cannot(layer, "reshape of this kind")
    return "Reshape", f"reshape_param {{ shape {{ {' '.join(f'dim: {extent}' for extent in layer.output_shape)} }} }}"


def _slice(layer: Layer, network: Network) -> Iterator[str]:
    """Yield the slice of a blob into all the parts that layers take of it, where it is the first of them."""
    parts = [other for other in network.layers if other.op is Op.SPLIT and other.inputs == layer.inputs]
    bounds = [CHANNELS.fullmatch(other.variant) for other in parts]
    cuts = [(int(match[1]), int(match[2])) for match in bounds if match]
    if len(cuts) < len(parts):
        raise _cannot(layer, "slice of this kind")
    if layer != parts[0]:
        return
    tops: list[str] = []
    points = [0]
    for (start, stop), part in sorted(zip(cuts, parts, strict=True), key=lambda pair: pair[0]):
        if start < points[-1]:
            raise _cannot(layer, "slice into parts that overlap")
        tops += [f"{part.name}_before"] if start > points[-1] else []
        points += [start, stop] if start > points[-1] else [stop]
        tops.append(part.name)
    rest = points[-1] < layer.input_shapes[0][1]
    tops += [f"{layer.name}_rest"] if rest else []
    inner = " ".join(f"slice_point: {point}" for point in (points[1:] if rest else points[1:-1]))
    yield _layer(f"{layer.name}_slice", ("Slice", f"slice_param {{ axis: 1 {inner} }}"), layer.inputs, tops)
    unread = [top for top in tops if top not in {part.name for part in parts}]
    if unread:
        yield _layer(f"{layer.name}_silence", ("Silence", ""), unread, [])


KINDS: Mapping[Op, Callable[[Layer], Kind]] = {
    Op.ACTIVATION: _activation,
    Op.ADD: _elementwise,
    Op.CONCAT: _concat,
    Op.CONV: _conv,
    Op.DEPTHWISE: _conv,
    Op.LINEAR: _linear,
    Op.LRN: _lrn,
    Op.MUL: _elementwise,
    Op.POOL: _pool,
    Op.RESHAPE: _reshape,
    Op.SHUFFLE: lambda layer: ("ShuffleChannel", f"shuffle_channel_param {{ group: {layer.groups} }}"),
    Op.UPSAMPLE: _upsample,
}
"""Op -> its type in Caffe with its fields, where that is more than the name in the table of ops."""
MAPS: Mapping[Op, Callable[[Layer], Kind]] = {Op.LINEAR: _conv, Op.RESHAPE: _shaped}
"""Op that may make a vector -> its type where it must make maps."""
