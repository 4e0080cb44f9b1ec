"""Write a bundled network as different exporters would write it to ONNX."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simulator.network.ir import Layer, Network, Op
from tests.onnx_graphs import GraphWriter

HEADS = frozenset({Op.LINEAR, Op.SOFTMAX})


@dataclass(frozen=True, slots=True)
class Style:
    """An exporter's habits."""

    opset: int = 17
    norms: bool = False  # batch norms stand by themselves, not folded into weights of numbered names
    open_batch: bool = False  # shapes are worked out by chains of Shape, Gather, Concat
    spelled: bool = False  # activations are spelled out
    reduced: bool = False  # global pools are ReduceMean
    quantized: bool = False  # QuantizeLinear and DequantizeLinear around each op
    channels_last: bool = False  # Transpose around each op


STYLES = {
    "traced, folded": Style(13, spelled=True),
    "traced, unfolded, open batch": Style(11, norms=True, open_batch=True, spelled=True),
    "programs": Style(18, norms=True, reduced=True),
    "quantized": Style(13, quantized=True),
    "channels last": Style(15, norms=True, reduced=True, channels_last=True),
}


def save_as(network: Network, style: Style, path: Path) -> str:
    """Write the network and return its path."""
    return _StyledWriter(network, style).write(path)


class _StyledWriter:
    """Keeps, by layer, the tensor that it has become."""

    def __init__(self, network: Network, style: Style) -> None:
        self.g = GraphWriter(style.opset)
        self.network, self.style = network, style
        self.made: dict[str, str] = {}
        self.vectors: set[str] = set()  # layers whose tensors have two axes
        if style.quantized:
            self.g.floats("scale", 0.1, scalar=True)
            self.g.weight("zero", dtype=2)
            self.g.weight("zero_weights", dtype=3)

    def write(self, path: Path) -> str:
        for name, (_, *extents) in self.network.inputs.items():
            dims = ("batch" if self.style.open_batch else 1, *extents)
            if self.style.channels_last:
                dims = (dims[0], *dims[2:], dims[1])
            x = self.g.input(dims, name)
            self.made[name] = self.quantized(x) if self.style.quantized else x
        for layer in self.network.layers:
            y = WRITERS[layer.op](self, layer, *[self.before(layer, name) for name in layer.inputs])
            self.made[layer.name] = self.after(layer, y)
        return self.g.save(path, *(self.made[name] for name in self.network.outputs))

    def before(self, layer: Layer, name: str) -> str:
        """Return a layer's input in the form that its op wants."""
        x = self.made[name]
        if self.style.channels_last and layer.op not in HEADS and name not in self.vectors:
            x = self.g.node("Transpose", x, perm=[0, 3, 1, 2])
        return x

    def after(self, layer: Layer, y: str) -> str:
        y = self.quantized(y) if self.style.quantized else y
        if layer.op in {*HEADS, Op.RESHAPE} or set(layer.inputs) & self.vectors:
            self.vectors.add(layer.name)
        elif self.style.channels_last:
            y = self.g.node("Transpose", y, perm=[0, 2, 3, 1])
        return y

    def quantized(self, x: str) -> str:
        """Quantize a tensor, and undo it for the op that reads it."""
        return str(self.g.node("DequantizeLinear", self.g.node("QuantizeLinear", x, "scale", "zero"), "scale", "zero"))

    def weight(self, name: str, *dims: int) -> str:
        if not self.style.quantized:
            return self.g.weight(name, *dims)
        values = self.g.weight(f"{name}_quantized", *dims, dtype=3)
        return str(self.g.node("DequantizeLinear", values, "scale", "zero_weights"))

    def bias(self, layer: Layer) -> tuple[str, ...]:
        """Return the bias: the module's own, or one that the exporter made of a batch norm."""
        folded = not (self.style.norms or self.style.quantized)
        name = f"{layer.name}.bias" if layer.bias else f"onnx::Conv_{len(self.g.nodes)}1" if folded else ""
        return (self.g.weight(name, layer.output_shape[1]),) if name else ()

    def shape(self, x: str, *parts: int | tuple[int, int]) -> str:
        """Return the dims of a reshape; with an open batch, numbers that are axes of `x` are looked up."""
        g, number = self.g, len(self.g.nodes)
        if not self.style.open_batch:
            return g.ints(f"dims{number}", *(1 if part == ("batch",) else part for part in parts))
        pieces = [
            self.looked_up(x, 0) if part == ("batch",) else g.ints(f"dims{number}_{at}", part)
            for at, part in enumerate(parts)
        ]
        return str(g.node("Concat", *pieces, axis=0))

    def looked_up(self, x: str, axis: int) -> str:
        g, number = self.g, len(self.g.nodes)
        extent = g.node("Gather", g.node("Shape", x), g.ints(f"axis{number}", axis, scalar=True), axis=0)
        if self.style.opset < 13:
            return str(g.node("Unsqueeze", extent, axes=[0]))
        return str(g.node("Unsqueeze", extent, g.ints(f"at{number}", 0)))


def _conv(w: _StyledWriter, layer: Layer, x: str) -> str:
    dims = (layer.output_shape[1], layer.input_shapes[0][1] // layer.groups, *layer.kernel)
    number = len(w.g.nodes)
    folded = not (layer.bias or w.style.norms or w.style.quantized)
    weight = w.weight(f"onnx::Conv_{number}" if folded else f"{layer.name}.weight", *dims)
    y = w.g.node(
        "Conv",
        x,
        weight,
        *w.bias(layer),
        kernel_shape=layer.kernel,
        strides=layer.stride,
        pads=layer.padding,
        dilations=layer.dilation,
        group=layer.groups,
        name=layer.name,
    )
    return _norm(w, layer, y) if w.style.norms and not layer.bias else str(y)


def _norm(w: _StyledWriter, layer: Layer, x: str) -> str:
    parts = ("weight", "bias", "running_mean", "running_var")
    return str(
        w.g.node("BatchNormalization", x, *[w.g.weight(f"{layer.name}.bn.{p}", layer.output_shape[1]) for p in parts])
    )


def _linear(w: _StyledWriter, layer: Layer, x: str) -> str:
    channels, filters = layer.input_shapes[0][1], layer.output_shape[1]
    if layer.inputs[0] not in w.vectors:
        x = w.g.node("Reshape", x, w.shape(x, ("batch",), channels))
    bias = w.bias(layer) if layer.bias else ()
    weight = w.weight(f"{layer.name}.weight", filters, channels)
    return str(w.g.node("Gemm", x, weight, *bias, transB=1, name=layer.name))


def _pool(w: _StyledWriter, layer: Layer, x: str) -> str:
    size = layer.input_shapes[0][2:]
    kind = {"average": "AveragePool", "max": "MaxPool"}[layer.variant]
    if layer.kernel == size and layer.variant == "average" and w.style.reduced:
        axes = {"axes": [2, 3]} if w.style.opset < 18 else {}
        given = () if axes else (w.g.ints(f"axes{len(w.g.nodes)}", -1, -2),)
        return str(w.g.node("ReduceMean", x, *given, keepdims=1, name=layer.name, **axes))
    if layer.kernel == size:
        return str(w.g.node(f"Global{kind}", x, name=layer.name))
    window: dict[str, Any] = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": layer.padding}
    return str(w.g.node(kind, x, ceil_mode=int(layer.ceil), name=layer.name, **window))


def _combined(op: str, w: _StyledWriter, layer: Layer, *xs: str) -> str:
    return str(w.g.node(op, *xs, name=layer.name))


def _activation(w: _StyledWriter, layer: Layer, x: str) -> str:
    g, number, kind = w.g, len(w.g.nodes), layer.variant
    if kind == "norm_relu":
        kind, x = "relu", _norm(w, layer, x)
    if kind == "relu6":
        bounds = (g.floats(f"low{number}", 0.0, scalar=True), g.floats(f"high{number}", 6.0, scalar=True))
        return str(g.node("Clip", x, *bounds, name=layer.name))
    if kind == "swish":
        return str(g.node("Mul", x, g.node("Sigmoid", x), name=layer.name))
    if kind == "hard_swish" and w.style.spelled:
        three, zero, six = (g.floats(f"c{value}_{number}", value, scalar=True) for value in (3.0, 0.0, 6.0))
        clipped = g.node("Clip", g.node("Add", x, three), zero, six)
        return str(g.node("Mul", x, g.node("Div", clipped, six), name=layer.name))
    if kind == "hard_swish" and w.style.reduced:
        return str(g.node("Mul", x, g.node("HardSigmoid", x, alpha=1 / 6), name=layer.name))
    op = "".join(word.capitalize() for word in kind.split("_"))
    return str(g.node({"HardSwish": "HardSwish"}.get(op, op), x, name=layer.name))


def _shuffle(w: _StyledWriter, layer: Layer, x: str) -> str:
    _, channels, height, width = layer.output_shape
    wide = w.shape(x, ("batch",), layer.groups, channels // layer.groups, height, width)
    turned = w.g.node("Transpose", w.g.node("Reshape", x, wide), perm=[0, 2, 1, 3, 4])
    return str(w.g.node("Reshape", turned, w.shape(x, ("batch",), -1, height, width), name=layer.name))


def _split(w: _StyledWriter, layer: Layer, x: str) -> str:
    start, stop = (int(bound) for bound in layer.variant.split(":"))
    bounds = [w.g.ints(f"{what}{len(w.g.nodes)}", value) for what, value in (("from", start), ("to", stop), ("on", 1))]
    return str(w.g.node("Slice", x, *bounds, name=layer.name))


def _reshape(w: _StyledWriter, layer: Layer, x: str) -> str:
    return str(w.g.node("Reshape", x, w.shape(x, ("batch",), -1), name=layer.name))


WRITERS = {
    Op.ACTIVATION: _activation,
    Op.ADD: partial(_combined, "Add"),
    Op.CONCAT: lambda w, layer, *xs: str(w.g.node("Concat", *xs, axis=1, name=layer.name)),
    Op.CONV: _conv,
    Op.DEPTHWISE: _conv,
    Op.LINEAR: _linear,
    Op.LRN: lambda w, layer, x: str(w.g.node("LRN", x, size=layer.window, name=layer.name)),
    Op.MUL: partial(_combined, "Mul"),
    Op.POOL: _pool,
    Op.RESHAPE: _reshape,
    Op.SHUFFLE: _shuffle,
    Op.SOFTMAX: lambda w, layer, x: str(w.g.node("Softmax", x, axis=1, name=layer.name)),
    Op.SPLIT: _split,
}
