"""ONNX graphs inside of graphs, places where the data decide, repeats that are views, and volumes."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from onnx import TensorProto, helper

from simulator.network.ir import Network, Op
from tests.onnx_graphs import GraphWriter
from workloads.load import load_network


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def body(nodes: Sequence[object], inputs: Sequence[str], outputs: Sequence[str]) -> object:
    infos = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names] for names in (inputs, outputs)
    ]
    return helper.make_graph(nodes, "body", *infos)


def looped(g: GraphWriter, count: str, going: str = "", more: str = "Identity") -> tuple[str, str]:
    """Add a loop that multiplies a state by a matrix in each turn, and hands out each state."""
    nodes = [
        helper.make_node("MatMul", ["state", "w"], ["next"]),
        helper.make_node("Identity", ["next"], ["told"]),
        helper.make_node(more, ["going"], ["on"]),
    ]
    inner = body(nodes, ["turn", "going", "state"], ["on", "next", "told"])
    g.weight("w", 8, 8)
    last, every = g.node("Loop", count, going, g.input((4, 8)), outputs=2, name="loop", body=inner)
    return last, every


def test_a_loop_of_a_constant_count_is_as_many_layers(file: Path):
    g = GraphWriter()
    _, every = looped(g, g.ints("count", 3, scalar=True))
    network = load_network(g.save(file, every))
    assert [layer.op for layer in network.layers] == [Op.LINEAR, Op.LINEAR, Op.LINEAR, Op.CONCAT]
    assert network.macs == 3 * 4 * 8 * 8
    assert sorted(network.layers[-1].output_shape) == [1, 3, 4, 8]


def test_a_graph_ends_at_a_loop_whose_count_the_data_decide(file: Path):
    g = GraphWriter()
    count = g.node("ReduceMax", g.node("Relu", g.input((5,), "counts"), name="relu"), keepdims=0, name="most")
    last, _ = looped(g, count)
    g.node("Relu", last, name="behind")
    network = load_network(g.save(file, "behind_out0"))
    assert network.outputs == ("most",)
    told = "loop: the graph ends here, as of Loop which layers run depends on the data, not counted behind it: behind"
    assert network.facts["warning"] == told


def test_a_scan_takes_a_turn_for_each_step(file: Path):
    g = GraphWriter()
    nodes = [helper.make_node("Add", ["state", "step"], ["next"]), helper.make_node("Relu", ["next"], ["told"])]
    inner = body(nodes, ["state", "step"], ["next", "told"])
    last, every = g.node(
        "Scan", g.input((1, 8), "first"), g.input((5, 1, 8), "steps"), outputs=2, body=inner, num_scan_inputs=1
    )
    network = load_network(g.save(file, last, every))
    counts = [sum(layer.op is op for layer in network.layers) for op in (Op.ADD, Op.ACTIVATION, Op.SPLIT, Op.CONCAT)]
    assert counts == [5, 5, 5, 1]


def test_a_sequence_is_mapped_and_grows_and_shrinks(file: Path):
    g = GraphWriter()
    x = g.input((4, 8))
    parts = g.node("SequenceInsert", g.node("SequenceConstruct", x, x), g.node("Relu", x))
    parts = g.node("SequenceErase", parts, g.ints("first", 0, scalar=True))
    inner = body([helper.make_node("Sigmoid", ["one"], ["made"])], ["one"], ["made"])
    mapped = g.node("SequenceMap", parts, body=inner)
    network = load_network(g.save(file, g.node("ConcatFromSequence", mapped, axis=0)))
    assert [layer.variant for layer in network.layers] == ["relu", "sigmoid", "sigmoid", ""]


def test_what_the_data_decide_ends_the_graph_and_what_was_read_there_leaves_it(file: Path):
    g = GraphWriter()
    x = g.conv(g.input((1, 3, 8, 8)), "conv", 4, 3, 3)
    found = g.node("NonZero", g.node("Greater", x, g.floats("zero", 0.0, scalar=True), name="above"), name="places")
    names = [f"op{at}" for at in range(7)]
    for name in names:
        found = g.node("Identity" if name == "op0" else "Abs", found, name=name)
    network = load_network(g.save(file, found, g.node("Relu", x, name="relu")))
    assert network.outputs == ("relu", "above")
    assert "places: the graph ends here, as of NonZero how many elements there are depends" in network.facts["warning"]
    assert network.facts["warning"].endswith("op1, op2, op3, op4, op5 and 1 more")


def test_a_shape_that_the_data_decide_ends_the_graph(file: Path):
    g = GraphWriter()
    x = g.conv(g.input((1, 3, 8, 8)), "conv", 4, 3, 3)
    size = g.node("Cast", g.node("ReduceMax", x, axes=[0, 1, 2], keepdims=0), to=TensorProto.INT64)
    g.node("Reshape", g.node("Relu", x, name="relu"), size, name="reshape")
    network = load_network(g.save(file, "reshape_out0"))
    assert "reshape: the graph ends here" in network.facts["warning"]
    assert network.macs == 4 * 27 * 64


def grouped_query(file: Path) -> Network:
    """Return attention of 8 heads over 2 of keys, which are repeated as transformers write it."""
    g = GraphWriter()
    query, keys = g.input((1, 8, 16, 32), "query"), g.input((1, 2, 32, 16), "keys")
    wide = g.node("Expand", g.node("Unsqueeze", keys, g.ints("axis", 2)), g.ints("many", 1, 2, 4, 32, 16))
    return load_network(g.save(file, g.node("MatMul", query, g.node("Reshape", wide, g.ints("heads", 1, 8, 32, 16)))))


def test_keys_that_heads_share_are_repeated_without_moving(file: Path):
    network = grouped_query(file)
    (product,) = (layer for layer in network.layers if layer.op is Op.MATMUL)
    assert [layer.op for layer in network.layers if layer.op is not Op.RESHAPE] == [Op.MATMUL]
    assert (product.macs, product.input_shapes[1]) == (8 * 16 * 16 * 32, (1, 2, 32, 16))


def test_an_expanded_operand_is_stretched_by_the_op_that_reads_it(file: Path):
    g = GraphWriter()
    wide = g.node("Expand", g.input((1, 8, 1, 1), "gains"), g.ints("size", 1, 8, 6, 6))
    g.node("Mul", g.input((1, 8, 6, 6)), wide, name="y")
    (layer,) = load_network(g.save(file, "y_out0")).layers
    assert set(layer.input_shapes) == {(1, 8, 6, 6), (1, 8, 1, 1)}


@pytest.mark.parametrize("last", ["Relu", "Identity"])
def test_an_expanded_tensor_that_leaves_the_network_is_written_whole(file: Path, last: str):
    g = GraphWriter()
    wide = g.node("Expand", g.node("Relu", g.input((1, 8, 1, 1))), g.ints("size", 1, 8, 6, 6))
    network = load_network(g.save(file, g.node(last, wide)))
    assert network.layers[-1].output_shape == (1, 8, 6, 6)


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "groups"), [(3, 1, 1, 1), (3, 2, 1, 1), (1, 1, 0, 1), (3, 1, 1, 8)]
)
def test_a_convolution_over_volumes_has_the_macs_of_its_taps(
    file: Path, kernel: int, stride: int, pad: int, groups: int
):
    g = GraphWriter()
    x = g.input((2, 8, 6, 10, 12))
    w = g.weight("w", 16, 8 // groups, kernel, 3, 3)
    y = g.node("Conv", x, w, strides=[stride] * 3, pads=[pad, 1, 1] * 2, group=groups, name="conv")
    network = load_network(g.save(file, y))
    depth, rows, columns = (6 + 2 * pad - kernel) // stride + 1, -(-10 // stride), -(-12 // stride)
    assert network.macs == 2 * depth * rows * columns * 16 * (8 // groups) * kernel * 9
    assert network.params == 16 * (8 // groups) * kernel * 9
    (conv,) = (layer for layer in network.layers if layer.macs)
    assert conv.input_shapes[0] == (2 * depth, 8 * kernel, 10, 12)


def test_pools_of_volumes_make_what_they_should(file: Path):
    g = GraphWriter()
    x = g.input((1, 4, 8, 6, 10))
    y = g.node("MaxPool", x, kernel_shape=[2, 3, 3], strides=[2, 2, 2], pads=[0, 1, 1, 0, 1, 1])
    network = load_network(g.save(file, g.node("GlobalAveragePool", y)))
    assert [sorted(layer.output_shape)[-1] for layer in network.layers if layer.op is not Op.RESHAPE][-1] == 4
    assert 4 * 4 * 3 * 5 in [prod(layer.output_shape) for layer in network.layers]


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "groups", "size"),
    [
        ((2, 2, 2), 2, (0, 0, 0), 1, (12, 20, 24)),
        ((3, 3, 3), 2, (1, 1, 1), 1, (11, 19, 23)),
        ((1, 4, 4), 1, (0, 0, 0), 2, (6, 13, 15)),
    ],
)
def test_a_transposed_convolution_over_volumes_multiplies_each_voxel_by_all_taps(
    file: Path, kernel: tuple[int, ...], stride: int, pad: tuple[int, ...], groups: int, size: tuple[int, ...]
):
    g = GraphWriter()
    x, w = g.input((2, 8, 6, 10, 12)), g.weight("w", 8, 16 // groups, *kernel)
    y = g.node("ConvTranspose", x, w, strides=[stride] * 3, pads=[*pad, *pad], group=groups, name="up")
    network = load_network(g.save(file, g.node("Relu", y)))
    assert network.macs == 2 * 6 * 10 * 12 * 8 * (16 // groups) * prod(kernel)
    assert network.params == 8 * (16 // groups) * prod(kernel)
    assert prod(network.layers[-1].output_shape) == 2 * 16 * prod(size)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_volumes_are_resized_in_their_slices_and_along_them(file: Path, mode: str):
    g = GraphWriter()
    sizes = g.ints("sizes", 1, 4, 12, 20, 24)
    y = g.node("Resize", g.input((1, 4, 6, 10, 12)), "", "", sizes, mode=mode, name="up")
    network = load_network(g.save(file, g.node("Relu", y)))
    ups = [layer for layer in network.layers if layer.op is Op.UPSAMPLE]
    assert [prod(layer.output_shape) for layer in ups] == [4 * 6 * 20 * 24, 4 * 12 * 20 * 24]
    assert prod(network.layers[-1].output_shape) == 4 * 12 * 20 * 24


def test_embeddings_and_their_norm_are_gathers_sums_and_a_norm(file: Path):
    g = GraphWriter()
    tables = [g.weight(name, rows, 64) for name, rows in (("words", 1000), ("places", 128), ("kinds", 2))]
    tokens, segments = g.input((1, 16), "tokens"), g.input((1, 16), "segments")
    gains = [g.weight("gain", 64), g.weight("offset", 64)]
    y = g.node("EmbedLayerNormalization", tokens, segments, *tables, *gains, domain="com.microsoft", name="e")
    network = load_network(g.save(file, y))
    assert [layer.op for layer in network.layers] == [Op.GATHER, Op.GATHER, Op.ADD, Op.ADD, Op.NORMALIZATION]
    assert [layer.constant_elements for layer in network.layers] == [64_000, 128, 0, 16 * 64, 0]


@pytest.mark.parametrize("op", ["DynamicQuantizeMatMul", "MatMulIntegerToFloat"])
def test_products_of_integers_of_onnxruntime_are_products(file: Path, op: str):
    g = GraphWriter()
    y = g.node(op, g.input((4, 8)), g.weight("w", 8, 16), g.floats("scale", 1.0), domain="com.microsoft")
    assert load_network(g.save(file, y)).macs == 4 * 8 * 16


@pytest.mark.parametrize(("op", "ops"), [("GroupNorm", []), ("SkipGroupNorm", [Op.ADD])])
def test_norms_of_groups_of_onnxruntime_may_have_a_sum_and_a_function_in_them(file: Path, op: str, ops: list[Op]):
    g = GraphWriter()
    x = g.input((1, 8, 8, 32))
    inputs = [x, g.weight("gain", 32), g.weight("offset", 32), *([x] if ops else [])]
    y = g.node(op, *inputs, domain="com.microsoft", groups=4, activation=1, channels_last=1)
    network = load_network(g.save(file, y))
    assert [layer.op for layer in network.layers] == [*ops, Op.NORMALIZATION, Op.ACTIVATION]
    assert network.layers[-2].window == 8 * 8 * 8


@pytest.mark.parametrize("packed", [(2, 16, 4, 3, 8), (2, 16, 4, 2, 8)])
def test_attention_takes_tensors_that_are_packed_into_one(file: Path, packed: tuple[int, ...]):
    g = GraphWriter()
    whole = g.input(packed, "packed")
    inputs = [whole] if packed[3] == 3 else [g.input((2, 16, 32), "query"), whole]
    network = load_network(g.save(file, g.node("MultiHeadAttention", *inputs, domain="com.microsoft", num_heads=4)))
    assert network.macs == 2 * 2 * 4 * 16 * 16 * 8


def test_a_quantized_lstm_has_its_weights_turned(file: Path):
    g = GraphWriter()
    weights = [g.weight("w", 1, 24, 64), g.weight("r", 1, 16, 64)]
    y, *_ = g.node(
        "DynamicQuantizeLSTM", g.input((5, 2, 24)), *weights, outputs=1, domain="com.microsoft", hidden_size=16
    )
    assert load_network(g.save(file, y)).macs == 5 * 2 * 64 * (24 + 16)


def test_windows_of_signals_are_constants(file: Path):
    g = GraphWriter()
    window = g.node("HannWindow", g.ints("size", 64, scalar=True))
    mel = g.node("MelWeightMatrix", *(g.ints(name, n, scalar=True) for name, n in (("bins", 10), ("length", 62))))
    y = g.node("MatMul", g.node("MatMul", g.node("Mul", g.input((3, 64)), window), g.weight("w", 64, 32)), mel)
    assert load_network(g.save(file, y)).macs == 3 * 64 * 32 + 3 * 32 * 10
