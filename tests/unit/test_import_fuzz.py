"""Whatever a file holds, a network comes of it or a clear error: never a traceback, nor time and memory without end."""

import re
import struct
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.network.ir import Network
from tests.caffe_text import prototxt
from tests.written_networks import CSV, SCALE_SIM, TIMELOOP, YAML
from workloads.load import load_network

MERGED = """\
base: &base
  instance: {N: 1, Hstride: 1}
problem:
  <<<: *base
  shape: cnn-layer
  instance: {C: 3, K: 8, R: 3, S: 3, P: 10, Q: 10, densities: {Weights: {distribution: fixed, density: 0.5}}}
"""
FORKS = """\
input: "data" input_shape { dim: 1 dim: 4 dim: 16 dim: 16 }
input: "steps" input_shape { dim: 5 dim: 1 dim: 8 }
layer { name: "p" type: "Proposal" bottom: "data" top: "rois" proposal_param { post_nms_topn: 9 } }
layer { name: "r" type: "ROIPooling" bottom: "data" bottom: "rois" top: "r"
        roi_pooling_param { pooled_h: 2 pooled_w: 3 } }
layer { name: "i" type: "Interp" bottom: "data" top: "i" interp_param { shrink_factor: 2 zoom_factor: 3 pad_end: -1 } }
layer { name: "m" type: "Pooling" bottom: "data" top: "m" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "u" type: "Upsample" bottom: "m" bottom: "mask" top: "u" upsample_param { scale: 2 pad_out_h: 1 } }
layer { name: "o" type: "Reorg" bottom: "data" top: "o" reorg_param { stride: 2 reverse: false } }
layer { name: "s" type: "SPP" bottom: "data" top: "s" spp_param { pyramid_height: 3 } }
layer { name: "c" type: "Slice" bottom: "data" top: "c1" top: "c2" slice_param { axis: 1 slice_point: 1 } }
layer { name: "t" type: "Tile" bottom: "c1" top: "t" tile_param { axis: 1 tiles: 3 } }
layer { name: "a" type: "ArgMax" bottom: "t" top: "a" argmax_param { axis: 1 } }
layer { name: "e" type: "Reduction" bottom: "t" top: "e" reduction_param { operation: MEAN axis: 2 } }
layer { name: "d" type: "Deconvolution" bottom: "data" top: "d"
        convolution_param { num_output: 2 kernel_size: 3 dilation: 2 } }
layer { name: "g" type: "LSTM" bottom: "steps" top: "g" recurrent_param { num_output: 6 } }
"""
SEEDS = {
    "csv": (CSV, SCALE_SIM, "Layer, M, N, K, Sparsity,\nfc, 128, 1000, 4096, 2:4,\n"),
    "prototxt": (*(prototxt(load_network(spec)) for spec in ("squeezenet:version=1.1", "shufflenet_v2")), FORKS),
    "yaml": (YAML, TIMELOOP, MERGED),
}
PIECES = (
    "0",
    "-1",
    "65536",
    "999999999999999999",
    "1e99",
    "nan",
    '"',
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "\0",
    "é",
    "",
)
LONGEST = settings(deadline=timedelta(seconds=60), suppress_health_check=list(HealthCheck))

Draw = Callable[[st.SearchStrategy], object]


def outcome(content: bytes, suffix: str, skip_unknown: bool = False) -> Network | str:
    """Return the network, or the error that says what is wrong; anything else is raised."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"net.{suffix}"
        path.write_bytes(content)
        try:
            return load_network(str(path), skip_unknown=skip_unknown)
        except InputError as error:
            return error.render()


def is_clear(error: object) -> bool:
    """Tell whether an outcome is an error that names the file, in lines that can be read."""
    named = isinstance(error, str) and "net." in error and "Traceback" not in error
    return named and max(map(len, str(error).splitlines())) < 2000


def is_sound(network: object) -> bool:
    """Tell whether an outcome is a network whose layers make something of what they are given."""
    return isinstance(network, Network) and all(min(layer.output_shape) > 0 <= layer.macs for layer in network.layers)


@st.composite
def mutated_texts(draw: Draw, seeds: tuple[str, ...]) -> bytes:
    """Draw a text with some of its numbers, words, lines, characters or bytes changed."""
    content = draw(st.sampled_from(seeds)).encode()
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
        content = change(draw, content)
    return content


def _replaced(pattern: bytes, draw: Draw, content: bytes) -> bytes:
    """Replace a match by another one, or by a piece that rarely belongs there."""
    matches = list(re.finditer(pattern, content))
    if not matches:
        return content
    match = draw(st.sampled_from(matches))
    other = draw(st.sampled_from(PIECES).map(str.encode) | st.sampled_from(matches).map(re.Match.group))
    return content[: match.start()] + other + content[match.end() :]


def _cut(draw: Draw, content: bytes) -> bytes:
    start = draw(st.integers(0, len(content)))
    return content[:start] + content[start + draw(st.sampled_from([1, 2, 10, 100, len(content)])) :]


def _doubled(draw: Draw, content: bytes) -> bytes:
    start = draw(st.integers(0, len(content)))
    return content[:start] + content[max(0, start - draw(st.sampled_from([1, 10, 100]))) :]


def _flipped(draw: Draw, content: bytes) -> bytes:
    at = draw(st.integers(0, len(content)))
    return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]


CHANGES = (
    partial(_replaced, rb"-?\d+"),
    partial(_replaced, rb"[A-Za-z_]{3,}"),
    partial(_replaced, rb"[^\n]*\n"),
    _cut,
    _doubled,
    _flipped,
)


@pytest.mark.parametrize("suffix", SEEDS)
@given(data=st.data(), skip_unknown=st.booleans())
@LONGEST
def test_a_damaged_text_is_a_network_or_a_clear_error(suffix: str, data: st.DataObject, skip_unknown: bool):
    found = outcome(data.draw(mutated_texts(SEEDS[suffix])), suffix, skip_unknown)
    assert is_clear(found) or is_sound(found)


@pytest.mark.parametrize("suffix", [*SEEDS, "onnx", "tflite"])
@given(content=st.binary(max_size=300))
@LONGEST
def test_arbitrary_bytes_are_a_clear_error(suffix: str, content: bytes):
    assert is_clear(outcome(content, suffix))


def onnx_seed() -> bytes:
    """Return a model with convolutions, a chain of shapes around a shuffle, an index, a product and a resize."""
    from tests.onnx_graphs import GraphWriter

    g = GraphWriter()
    x = g.conv(g.input(("batch", 3, 8, 8)), "conv", 8, 3, 3)
    batch = g.node("Slice", g.node("Shape", x), g.ints("from", 0), g.ints("to", 1))
    wide = g.node("Concat", batch, g.ints("wide", 2, 4, 8, 8), axis=0)
    y = g.node("Transpose", g.node("Reshape", x, wide), perm=[0, 2, 1, 3, 4])
    y = g.node("Reshape", y, g.node("Concat", batch, g.ints("flat", 8, 8, 8), axis=0))
    left, right = g.node("Split", y, g.ints("parts", 4, 4), outputs=2, axis=1)
    y = g.node("Concat", left, g.node("Mul", right, g.node("Sigmoid", right)), axis=1)
    y = g.node("Gather", y, g.ints("index", 1, 3, 5, 7), axis=1)
    y = g.node("Pad", y, g.ints("pads", 0, 0, 1, 1, 0, 0, 1, 1))
    y = g.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    y = g.node("Resize", y, "", g.floats("scales", 1, 1, 2, 2), mode="linear")
    y = g.node("Expand", g.node("ReduceMean", y, axes=[2, 3], keepdims=1), g.ints("grown", 1, 4, 2, 2))
    y = g.node("Tile", y, g.ints("times", 1, 2, 1, 1))
    y = g.node("Flatten", y, axis=1)
    g.node("Gemm", y, g.weight("fc.weight", 10, 32), g.weight("fc.bias", 10), transB=1, name="fc")
    content: bytes = g.model("fc_out0").SerializeToString()
    return content


def sequence_seed() -> bytes:
    """Return a model with a recurrent layer, attention, an einsum, lookups and a norm that is spelled out."""
    from tests.onnx_graphs import GraphWriter

    g = GraphWriter(opset=23)
    x = g.input((6, 1, 8))
    y, last = g.node("LSTM", x, g.weight("w", 1, 16, 8), g.weight("r", 1, 16, 4), outputs=2, hidden_size=4)
    y = g.node("Squeeze", y, g.ints("axes", 1))
    y = g.node("Transpose", y, perm=[1, 0, 2])
    y = g.node("Attention", y, y, y, q_num_heads=2, kv_num_heads=1 + 1)
    d = g.node("Sub", y, g.node("ReduceMean", y, g.ints("last", -1)))
    squares = g.node("ReduceMean", g.node("Mul", d, d), g.ints("behind", -1))
    y = g.node("Div", d, g.node("Sqrt", g.node("Add", squares, g.floats("eps", 1e-5, scalar=True))))
    y = g.node("Einsum", y, g.weight("e", 2, 4, 3), equation="bij,hjk->bhik")
    y, _ = g.node("TopK", y, g.ints("k", 2), outputs=2)
    y = g.node("MatMul", y, g.weight("m", 2, 2, 5))
    y = g.node("GatherND", y, g.weight("index", 3, 2), batch_dims=0)
    y = g.node("Where", g.node("Greater", y, g.floats("zero", 0.0, scalar=True)), y, y)
    g.node("Add", y, g.node("ReduceSum", last), name="sum")
    content: bytes = g.model("sum_out0").SerializeToString()
    return content


OTHER_OPS = ["Einsum", "Expand", "If", "Loop", "NonZero", "Range", "Scan", "SequenceInsert", "SequenceMap", "Where"]
NUMBERS = st.sampled_from([0, 1, -1, 2, 3, 7, -2, 100, 65536, 1 << 31, (1 << 62), -(1 << 62)])


@st.composite
def mutated_models(draw: Draw) -> bytes:
    """Draw the model with some nodes, inputs, attributes, extents or constants changed."""
    import onnx

    model = onnx.ModelProto.FromString(draw(st.sampled_from([onnx_seed, sequence_seed]))())
    graph = model.graph
    for change in draw(st.lists(st.integers(0, 8), min_size=1, max_size=4)):
        node, tensor = draw(st.sampled_from(list(graph.node))), draw(st.sampled_from(list(graph.initializer)))
        names = [name for other in graph.node for name in (*other.input, *other.output)]
        if change == 0 and node.input:
            node.input[draw(st.integers(0, len(node.input) - 1))] = draw(st.sampled_from(["", *names]))
        elif change == 1 and node.input:
            del node.input[draw(st.integers(0, len(node.input) - 1))]
        elif change == 2:
            node.op_type = draw(st.sampled_from([other.op_type for other in graph.node] + OTHER_OPS))
        elif change == 3 and node.attribute:
            attribute = draw(st.sampled_from(list(node.attribute)))
            attribute.i = draw(NUMBERS)
            attribute.ints[:] = draw(st.lists(NUMBERS, max_size=5))
        elif change == 4 and node.attribute:
            del node.attribute[draw(st.integers(0, len(node.attribute) - 1))]
        elif change == 5:
            tensor.dims[:] = draw(st.lists(NUMBERS, max_size=5))
        elif change == 6 and tensor.int64_data:
            tensor.int64_data[:] = [draw(NUMBERS) for _ in tensor.int64_data]
        elif change == 7:
            del graph.node[draw(st.integers(0, len(graph.node) - 2))]
        else:
            dims = graph.input[0].type.tensor_type.shape.dim
            dims[draw(st.integers(0, len(dims) - 1))].dim_value = draw(NUMBERS)
    content: bytes = model.SerializeToString()
    return content


@given(data=st.data(), skip_unknown=st.booleans())
@LONGEST
def test_a_damaged_model_is_a_network_or_a_clear_error(data: st.DataObject, skip_unknown: bool):
    pytest.importorskip("onnx")
    found = outcome(data.draw(mutated_models()), "onnx", skip_unknown)
    assert is_clear(found) or is_sound(found)


@given(data=st.data())
@LONGEST
def test_a_model_with_damaged_bytes_is_a_network_or_a_clear_error(data: st.DataObject):
    pytest.importorskip("onnx")
    content = onnx_seed()
    for change in data.draw(st.lists(st.sampled_from([_cut, _doubled, _flipped]), min_size=1, max_size=3)):
        content = change(data.draw, content)
    found = outcome(content, "onnx")
    assert is_clear(found) or is_sound(found)


def tflite_seed() -> bytes:
    """Return a model with windows, products, a norm that is spelled out, slices and a recurrent layer."""
    from tests.tflite_graphs import TfliteGraph

    t = TfliteGraph()
    x = t.conv(t.input(1, 8, 8, 4), "conv", 8, 3, FusedActivationFunction=3)
    pads = t.numbers("pads", [(0, 0), (1, 1), (1, 1), (0, 0)])
    y = t.op("PAD", [x, pads], "pad", (1, 10, 10, 8))
    window = {"FilterHeight": 3, "FilterWidth": 3, "StrideH": 1, "StrideW": 1, "Padding": 1}
    y = t.op("MAX_POOL_2D", [y], "pool", (1, 8, 8, 8), "Pool2DOptions", **window)
    y = t.op("ADD", [x, y], "sum", (1, 8, 8, 8), "AddOptions")
    bounds = [t.numbers(f"cut{at}", numbers) for at, numbers in enumerate(([0, 0, 0, 2], [1, 8, 8, 6], [1, 1, 1, 1]))]
    y = t.op("STRIDED_SLICE", [y, *bounds], "part", (1, 8, 8, 4), "StridedSliceOptions", BeginMask=7, EndMask=7)
    y = t.op("RESHAPE", [y, t.numbers("rows", [1, 64, 4])], "flat", (1, 64, 4), "ReshapeOptions")
    given_names = [t.weights(f"w{at}", (3, 4 if at < 4 else 3), 0) for at in range(8)]
    y = t.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [y, *given_names], "steps", (1, 64, 3))
    y = t.op("MEAN", [y, t.numbers("axes", [1])], "mean", (1, 3), "ReducerOptions")
    t.op("FULLY_CONNECTED", [y, t.weights("fc", (5, 3), 0)], "out", (1, 5), "FullyConnectedOptions")
    return t.serialized("net", ["data"], ["out"])


@given(data=st.data(), skip_unknown=st.booleans())
@LONGEST
def test_a_tflite_model_with_damaged_bytes_is_a_network_or_a_clear_error(data: st.DataObject, skip_unknown: bool):
    pytest.importorskip("tflite")
    content = tflite_seed()
    for change in data.draw(st.lists(st.sampled_from([_cut, _doubled, _flipped, _flipped]), min_size=1, max_size=6)):
        content = change(data.draw, content)
    found = outcome(content, "tflite", skip_unknown)
    assert is_clear(found) or is_sound(found)


@pytest.mark.parametrize(
    ("op", "values"),
    [
        ("ConstantOfShape", [1 << 40]),
        ("ConstantOfShape", [1 << 20] * 3),
        ("Expand", [1 << 40, 1]),
        ("Tile", [1 << 40]),
        ("Range", [0, 1 << 40, 1]),
        ("Reshape", [1 << 40]),
    ],
)
def test_a_constant_without_bounds_is_not_computed(op: str, values: list[int]):
    pytest.importorskip("onnx")
    from tests.onnx_graphs import GraphWriter

    g = GraphWriter()
    numbers = g.ints("numbers", *values)
    starts = [g.ints(f"n{at}", value, scalar=True) for at, value in enumerate(values)]
    inputs = {"ConstantOfShape": [numbers], "Range": starts}.get(op, [g.floats("one", 1.0), numbers])
    g.node("Add", g.input((1, 8, 4, 4)), g.node(op, *inputs), name="sum")
    assert is_clear(outcome(g.model("sum_out0").SerializeToString(), "onnx"))


def test_a_length_beyond_the_end_of_a_model_is_noticed():
    pytest.importorskip("onnx")
    huge = bytes([0x3A]) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"  # field 7, the graph, of 2^62 bytes
    assert is_clear(outcome(huge, "onnx"))
    assert is_clear(outcome(onnx_seed()[:-100], "onnx"))
    nested = b""
    for _ in range(200):
        nested = bytes([0x0A]) + struct.pack("B", min(127, len(nested))) + nested[:127]
    assert is_clear(outcome(nested, "onnx"))


def test_deep_nesting_is_noticed_in_every_text():
    assert is_clear(outcome(b"layer {" * 100_000, "prototxt"))
    assert is_clear(outcome(b"[" * 100_000, "yaml"))
    assert is_clear(outcome(b"a: " + b"{a: " * 1000, "yaml"))


def test_aliases_that_multiply_are_noticed():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert is_clear(outcome("\n".join(lines).encode(), "yaml"))


def test_more_layers_than_any_network_has_are_refused():
    conv = '\nlayer { type: "ReLU" bottom: "data" top: "data" }'
    head = 'input: "data" input_shape { dim: 1 dim: 1 dim: 1 dim: 1 }'
    assert is_clear(outcome((head + conv * 30_000).encode(), "prototxt"))
    assert is_clear(outcome(("Layer, M, N, K,\n" + "a, 1, 1, 1,\n" * 30_000).encode(), "csv"))


@pytest.mark.parametrize("suffix", [*SEEDS, "onnx", "tflite"])
def test_an_empty_file_is_told_to_be_empty_or_no_network(suffix: str):
    assert is_clear(outcome(b"", suffix))
    assert is_clear(outcome(b"\n\n", suffix))
