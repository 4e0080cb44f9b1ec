"""Write a network as Caffe's prototxt, in the new syntax or the legacy one, as its authors would."""

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Network, Op
from workloads.load import load_network

ACTIVATIONS = {
    "hard_sigmoid": "HardSigmoid",
    "hard_swish": "HSwish",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "sigmoid": "Sigmoid",
    "leaky_relu": "PReLU",
    "swish": "Swish",
}
LEGACY = {
    "Concat": "CONCAT",
    "Convolution": "CONVOLUTION",
    "Dropout": "DROPOUT",
    "Eltwise": "ELTWISE",
    "InnerProduct": "INNER_PRODUCT",
    "LRN": "LRN",
    "Pooling": "POOLING",
    "ReLU": "RELU",
    "Softmax": "SOFTMAX",
}


def prototxt(network: Network, legacy: bool = False) -> str:
    """Return the definition; each activation is written in place, each bias-free convolution with its batch norm."""
    ((data, shape),) = network.inputs.items()
    writer = _Writer(legacy, {data: data})
    lines = [f'name: "{network.name}"', f'input: "{data}"']
    lines += [f"input_dim: {extent}" for extent in shape]
    return "\n".join(lines + [line for layer in network.layers for line in writer.layer(layer, network)]) + "\n"


class _Writer:
    """Remembers in which blob each tensor lies."""

    def __init__(self, legacy: bool, blobs: dict[str, str]) -> None:
        self.legacy = legacy
        self.blobs = blobs
        self.sliced: set[str] = set()

    def layer(self, layer: Layer, network: Network) -> list[str]:
        bottoms = [self.blobs[name] for name in layer.inputs]
        if layer.op is Op.RESHAPE:
            self.blobs[layer.name] = layer.name
            return [self.text(layer.name, "Flatten", bottoms, [layer.name], "")]
        if layer.op is Op.SPLIT:
            return self.slice(layer, network)
        if layer.op is Op.ACTIVATION and layer.variant == "norm_relu":
            self.blobs[layer.name] = layer.name
            own = [layer.name]
            kinds = (("BatchNorm", bottoms), ("Scale", own), ("ReLU", own))
            return [
                self.text(f"{layer.name}/{kind}" if kind != "BatchNorm" else layer.name, kind, below, own, "")
                for kind, below in kinds
            ]
        if layer.op is Op.ACTIVATION:
            self.blobs[layer.name] = bottoms[0]
            return [self.text(layer.name, ACTIVATIONS[layer.variant], bottoms, bottoms, "")]
        self.blobs[layer.name] = layer.name
        kind, parameters = _kind(layer)
        texts = [self.text(layer.name, kind, bottoms, [layer.name], parameters)]
        if layer.op in (Op.CONV, Op.DEPTHWISE) and not layer.bias:
            for norm in ("BatchNorm", "Scale"):
                texts.append(self.text(f"{layer.name}/{norm}", norm, [layer.name], [layer.name], ""))
        return texts

    def slice(self, layer: Layer, network: Network) -> list[str]:
        """Write all parts of a split as the tops of one layer."""
        self.blobs[layer.name] = layer.name
        (source,) = layer.inputs
        if source in self.sliced:
            return []
        self.sliced.add(source)
        parts = [other for other in network.layers if other.op is Op.SPLIT and other.inputs == layer.inputs]
        points = " ".join(f"slice_point: {other.variant.partition(':')[0]}" for other in parts[1:])
        tops = [other.name for other in parts]
        return [self.text(f"{layer.name}/slice", "Slice", [self.blobs[source]], tops, f"slice_param {{ {points} }}")]

    def text(self, name: str, kind: str, bottoms: list[str], tops: list[str], parameters: str) -> str:
        joined = " ".join([f'bottom: "{blob}"' for blob in bottoms] + [f'top: "{blob}"' for blob in tops])
        if self.legacy and kind in LEGACY:
            return f'layers {{ name: "{name}" type: {LEGACY[kind]} {joined} {parameters} }}'
        return f'layer {{ name: "{name}" type: "{kind}" {joined} {parameters} }}'


def _kind(layer: Layer) -> tuple[str, str]:
    """Return a layer's type and its parameters."""
    filters, bias = layer.output_shape[1], str(layer.bias).lower()
    if layer.op in (Op.CONV, Op.DEPTHWISE):
        told = f"num_output: {filters} bias_term: {bias} group: {layer.groups} {_window(layer)}"
        dilation = layer.dilation[0]
        return "Convolution", f"convolution_param {{ {told} dilation: {dilation} }}"
    if layer.op is Op.LINEAR:
        return "InnerProduct", f"inner_product_param {{ num_output: {filters} bias_term: {bias} }}"
    if layer.op is Op.POOL:
        kind = {"max": "MAX", "average": "AVE"}[layer.variant]
        if layer.kernel == layer.input_shapes[0][2:]:
            return "Pooling", f"pooling_param {{ pool: {kind} global_pooling: true }}"
        mode = "" if layer.ceil else "round_mode: FLOOR"
        return "Pooling", f"pooling_param {{ pool: {kind} {_window(layer)} {mode} }}"
    if layer.op in (Op.ADD, Op.MUL):
        same = len(set(layer.input_shapes)) == 1
        operation = {Op.ADD: "SUM", Op.MUL: "PROD"}[layer.op]
        return ("Eltwise", f"eltwise_param {{ operation: {operation} }}") if same else ("Scale", "")
    told = {
        Op.LRN: f"lrn_param {{ local_size: {layer.window} }}",
        Op.SHUFFLE: f"shuffle_channel_param {{ group: {layer.groups} }}",
    }
    names = {Op.CONCAT: "Concat", Op.LRN: "LRN", Op.SHUFFLE: "ShuffleChannel", Op.SOFTMAX: "Softmax"}
    return names[layer.op], told.get(layer.op, "")


def _window(layer: Layer) -> str:
    (height, width), (down, right), (top, left, *_) = layer.kernel, layer.stride, layer.padding
    kernel = f"kernel_size: {height}" if height == width else f"kernel_h: {height} kernel_w: {width}"
    stride = f"stride: {down}" if down == right else f"stride_h: {down} stride_w: {right}"
    pad = f"pad: {top}" if top == left else f"pad_h: {top} pad_w: {left}"
    return f"{kernel} {stride} {pad}"


def imported(tmp_path: Path, text: str) -> Network:
    """Return the network of a definition."""
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    return load_network(str(path))


def refused(tmp_path: Path, text: str) -> str:
    """Return what is said of a definition that cannot be read."""
    with pytest.raises(InputError) as caught:
        imported(tmp_path, text)
    return caught.value.render()
