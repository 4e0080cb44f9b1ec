"""ONNX ops that need more than a name: products, lookups, sampling, norms and functions that are spelled out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

from onnx import TensorProto

from tests.onnx_graphs import GraphWriter, elements, refused
from workloads.load import load_network

Dims = Sequence[int]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


@pytest.mark.parametrize(
    ("left", "right", "wanted", "made"),
    [
        ((4, 16, 8), (4, 8, 12), 4 * 16 * 8 * 12, (4, 12, 16)),
        ((1, 16, 8), (4, 8, 12), 4 * 16 * 8 * 12, (4, 12, 16)),
        ((16, 8), (4, 8, 12), 4 * 16 * 8 * 12, (4, 12, 16)),
        ((4, 16, 8), (8,), 4 * 16 * 8, (4, 16)),
        ((8,), (4, 8, 12), 4 * 8 * 12, (4, 12)),
    ],
)
def test_computed_operands_of_any_rank_multiply(file: Path, left: Dims, right: Dims, wanted: int, made: Dims):
    g = GraphWriter()
    network = load_network(g.save(file, g.node("MatMul", g.input(left, "a"), g.input(right, "b"), name="y")))
    assert (network.macs, elements(network)) == (wanted, tuple(made))


@pytest.mark.parametrize("left", [(1, 5, 16, 8), (16, 8), (2, 5, 16, 8)])
def test_a_matrix_of_weights_for_each_part_is_groups_of_one_layer(file: Path, left: Dims):
    g = GraphWriter()
    y = g.node("MatMul", g.input(left, "a"), g.weight("w", 5, 8, 12), name="y")
    network = load_network(g.save(file, y))
    batch = left[0] if len(left) == 4 else 1
    assert (network.macs, network.params) == (batch * 5 * 16 * 8 * 12, 5 * 8 * 12)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("constant", [False, True])
def test_a_fused_product_may_have_either_operand_transposed(file: Path, a: int, b: int, constant: bool):
    g = GraphWriter()
    left, right = (2, 8, 16) if a else (2, 16, 8), (12, 8) if b else (8, 12)
    other = g.weight("w", *right) if constant else g.input((2, *right), "w")
    y = g.node("FusedMatMul", g.input(left, "a"), other, domain="com.microsoft", transA=a, transB=b, name="y")
    network = load_network(g.save(file, y))
    assert (network.macs, elements(network)) == (2 * 16 * 8 * 12, (2, 12, 16))


def test_the_first_operand_of_a_gemm_may_be_transposed(file: Path):
    g = GraphWriter()
    y = g.node("Gemm", g.input((8, 16)), g.weight("w", 8, 12), transA=1, name="y")
    network = load_network(g.save(file, y))
    assert (network.macs, network.layers[-1].name) == (1_536, "y")


@pytest.mark.parametrize(
    ("equation", "shapes", "wanted", "made"),
    [
        ("...ij,...jk->...ik", [(2, 3, 4, 5), (2, 3, 5, 6)], 720, (2, 3, 4, 6)),
        ("...ij,...jk", [(2, 3, 4, 5), (2, 3, 5, 6)], 720, (2, 3, 4, 6)),
        ("bhqd,bhkd->bhqk", [(1, 4, 8, 16), (1, 4, 8, 16)], 4_096, (4, 8, 8)),
        ("ij,jk", [(4, 5), (5, 6)], 120, (4, 6)),
        ("bi,bj->bij", [(2, 4), (2, 5)], 40, (2, 4, 5)),
        ("bij->bji", [(2, 3, 4)], 0, (2, 3, 4)),
        ("bij->bi", [(2, 3, 4)], 0, (2, 3)),
    ],
)
def test_an_einsum_with_or_without_an_ellipsis_is_a_product(
    file: Path, equation: str, shapes: list[Dims], wanted: int, made: Dims
):
    g = GraphWriter()
    inputs = [g.input(dims, f"x{at}") for at, dims in enumerate(shapes)]
    y = g.node("Relu", g.node("Einsum", *inputs, equation=equation, name="y"))
    network = load_network(g.save(file, g.node("Reshape", y, g.ints("shape", *made))))
    assert network.macs == wanted


def test_an_einsum_with_weights_for_each_head_is_groups(file: Path):
    g = GraphWriter()
    y = g.node("Einsum", g.input((1, 8, 4, 16)), g.weight("w", 4, 16, 32), equation="bqhd,hde->bqhe", name="y")
    network = load_network(g.save(file, y))
    assert (network.macs, network.params) == (8 * 4 * 16 * 32, 4 * 16 * 32)


def normed(g: GraphWriter, x: str, kind: str) -> str:
    """Write a norm over the last axis as an exporter spells it; return what it makes."""
    two, eps = g.floats("two", 2.0, scalar=True), g.floats("eps", 1e-5, scalar=True)
    gamma, beta = g.weight("gamma", 32), g.weight("beta", 32)
    d = x
    if kind != "rms":
        mean = g.node("ReduceMean", x, axes=[-1])
        d = g.node("Sub", x, mean)
    own = g.node("Sub", x, mean) if kind == "differences apart" else d
    squares = g.node("Mul", own, own) if kind == "products" else g.node("Pow", own, two)
    root = g.node("Sqrt", g.node("Add", g.node("ReduceMean", squares, axes=[-1]), eps))
    inverse = kind in ("rms", "reciprocal")
    y = g.node("Mul", d, g.node("Reciprocal", root)) if inverse else g.node("Div", d, root)
    y = g.node("Mul", y, gamma)
    return str(y) if kind == "rms" else str(g.node("Add", y, beta))


@pytest.mark.parametrize("kind", ["plain", "differences apart", "products", "reciprocal", "rms"])
def test_a_norm_that_is_spelled_out_costs_what_the_op_does(file: Path, kind: str):
    layers = []
    for spelled in (True, False):
        g = GraphWriter(opset=17 if spelled else 23)
        x = g.node("Relu", g.input((1, 16, 32)))
        if spelled:
            y = normed(g, x, kind)
        elif kind == "rms":
            y = g.node("RMSNormalization", x, g.weight("gamma", 32), axis=-1)
        else:
            y = g.node("LayerNormalization", x, g.weight("gamma", 32), g.weight("beta", 32), axis=-1)
        g.node("MatMul", y, g.weight("w", 32, 8), name="fc")
        network = load_network(g.save(file, "fc_out0"))
        layers.append([(one.op, one.variant, one.input_shapes, one.output_shape) for one in network.layers])
    assert layers[0] == layers[1]


def test_a_norm_whose_inside_others_read_stays_spelled_out(file: Path):
    g = GraphWriter()
    x = g.node("Relu", g.input((1, 16, 32)))
    y = normed(g, x, "plain")
    inside = next(node for node in g.nodes if node.op_type == "Sub")
    g.node("Add", y, inside.output[0], name="sum")
    assert not any(layer.variant == "layer_norm" for layer in load_network(g.save(file, "sum_out0")).layers)


@pytest.mark.parametrize("quantized", [False, True])
def test_a_function_is_the_same_with_quantisation_between_its_parts(file: Path, quantized: bool):
    g = GraphWriter()

    def passed(x: str) -> str:
        at = len(g.nodes)
        scale, zero = g.floats(f"s{at}", 0.1, scalar=True), g.weight(f"z{at}", dtype=TensorProto.INT8)
        return str(g.node("DequantizeLinear", g.node("QuantizeLinear", x, scale, zero), scale, zero))

    around: Any = passed if quantized else str
    x = around(g.conv(around(g.input((1, 8, 9, 9))), "c", 16, 8))
    y = around(g.node("Mul", x, around(g.node("Sigmoid", x)), name="y"))
    network = load_network(g.save(file, g.conv(y, "d", 8, 16)))
    assert [(layer.op.value, layer.variant) for layer in network.layers] == [
        ("conv", ""),
        ("activation", "swish"),
        ("conv", ""),
    ]


def test_the_tanh_form_of_gelu_is_one_op_whether_it_cubes_by_products_or_a_power(file: Path):
    kinds = []
    for power in (False, True):
        g = GraphWriter()
        half, one = g.floats("half", 0.5, scalar=True), g.floats("one", 1.0, scalar=True)
        x = g.conv(g.input((1, 8, 9, 9)), "c", 16, 8)
        cube = g.node("Pow", x, g.floats("three", 3.0, scalar=True)) if power else g.node("Mul", x, g.node("Mul", x, x))
        inner = g.node("Mul", half, g.node("Add", x, g.node("Mul", half, cube)))
        y = g.node("Mul", half, g.node("Mul", x, g.node("Add", one, g.node("Tanh", inner))))
        kinds.append([layer.variant for layer in load_network(g.save(file, y)).layers])
    assert kinds == [["", "gelu"], ["", "gelu"]]


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "made"),
    [
        ("Where", ["x", "x", "x"], {}, (4, 8, 8)),
        ("Greater", ["x", "zero"], {}, (4, 8, 8)),
        ("And", ["x", "x"], {}, (4, 8, 8)),
        ("IsNaN", ["x"], {}, (4, 8, 8)),
        ("Not", ["x"], {}, (4, 8, 8)),
        ("CumSum", ["x", "axis"], {}, (4, 8, 8)),
        ("Trilu", ["x"], {"upper": 1}, (4, 8, 8)),
        ("GatherND", ["x", "index"], {}, (3, 8)),
        ("GatherElements", ["x", "few"], {"axis": 1}, (2, 8, 8)),
        ("ScatterND", ["x", "index", "update"], {}, (4, 8, 8)),
        ("ReduceProd", ["x"], {"axes": [1]}, (8, 8)),
        ("OneHot", ["x", "depth", "values"], {}, (4, 5, 64)),
    ],
)
def test_logic_and_lookups_have_their_extents(
    file: Path, op: str, inputs: list[str], attributes: dict[str, Any], made: Dims
):
    g = GraphWriter()
    names = {
        "x": g.input((1, 4, 8, 8)),
        "zero": g.floats("zero", 0.0, scalar=True),
        "axis": g.ints("axis", 1, scalar=True),
        "index": g.weight("index", 3, 3, dtype=TensorProto.INT64),
        "few": g.weight("few", 1, 2, 8, 8, dtype=TensorProto.INT64),
        "update": g.weight("update", 3, 8),
        "depth": g.ints("depth", 5, scalar=True),
        "values": g.floats("values", 0.0, 1.0),
    }
    network = load_network(g.save(file, g.node(op, *(names[name] for name in inputs), name="y", **attributes)))
    assert elements(network) == made


def test_the_largest_elements_are_as_many_as_are_asked_for(file: Path):
    g = GraphWriter()
    values, places = g.node("TopK", g.input((1, 4, 100)), g.ints("k", 5), outputs=2, name="y")
    network = load_network(g.save(file, values))
    assert (elements(network), places) == ((4, 5), "y_out1")


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "made"),
    [
        ("RoiAlign", [(20, 4), (20,)], {"output_height": 7, "output_width": 6}, (6, 7, 8, 20)),
        ("MaxRoiPool", [(20, 5)], {"pooled_shape": [7, 6]}, (6, 7, 8, 20)),
        ("GridSample", [(1, 5, 6, 2)], {}, (5, 6, 8)),
        ("MaxUnpool", [(1, 8, 9, 9)], {"kernel_shape": [2, 2], "strides": [2, 2]}, (8, 18, 18)),
        ("DeformConv", [(12, 8, 3, 3), (1, 18, 7, 7)], {"kernel_shape": [3, 3]}, (7, 7, 12)),
        ("RotaryEmbedding", [(9, 4), (9, 4)], {}, (8, 9, 9)),
    ],
)
def test_maps_are_sampled_where_layers_or_the_host_say(
    file: Path, op: str, inputs: list[Dims], attributes: dict[str, Any], made: Dims
):
    g = GraphWriter(opset=22)
    names = [g.weight(f"c{at}", *dims) for at, dims in enumerate(inputs)]
    network = load_network(g.save(file, g.node(op, g.input((1, 8, 9, 9)), *names, name="y", **attributes)))
    assert elements(network) == made


def test_boxes_that_the_host_chooses_are_an_input(file: Path):
    g = GraphWriter()
    boxes, scores = g.input((1, 50, 4), "boxes"), g.input((1, 3, 50), "scores")
    chosen = g.node("NonMaxSuppression", boxes, scores, g.ints("most", 10), name="nms")
    g.node("Relu", chosen, name="y")
    network = load_network(g.save(file, "y_out0"))
    assert network.layers[0].input_shapes == ((30, 3, 1, 1),)
    assert "nms: boxes are chosen on the host" in network.facts["warning"]


@pytest.mark.parametrize(("op", "told"), [("NonZero", "depends on the data"), ("Loop", "which layers run")])
def test_an_op_that_cannot_be_counted_says_why(file: Path, op: str, told: str):
    g = GraphWriter()
    assert told in refused(g.save(file, g.node(op, g.input((1, 4, 4)), name="y")))


def test_weights_of_few_bits_are_as_many_as_attributes_say(file: Path):
    g = GraphWriter()
    y = g.node(
        "MatMulNBits",
        g.input((1, 9, 64)),
        g.weight("w", 32, 2, 16),
        g.weight("s", 64),
        K=64,
        N=32,
        bits=4,
        domain="com.microsoft",
        name="y",
    )
    network = load_network(g.save(file, y))
    assert (network.macs, network.params) == (9 * 64 * 32, 64 * 32)


def test_a_signal_may_be_longer_than_any_map_is_high(file: Path):
    g = GraphWriter()
    x = g.node("Conv", g.input((1, 1, 160_000)), g.weight("w", 8, 1, 80), strides=[4], name="c")
    y = g.node("Conv", x, g.weight("v", 1, 8, 256), strides=[2], name="d")
    network = load_network(g.save(file, y))
    assert [layer.macs for layer in network.layers] == [25_587_840, 8 * 256 * 19_863]


def test_sizes_are_divided_as_the_numbers_to_which_they_are_cast(file: Path):
    g = GraphWriter()
    x, wanted = g.conv(g.input((1, 4, 8, 8)), "c", 4, 4), g.ints("wanted", 12, 12)
    size = g.node("Slice", g.node("Shape", x), g.ints("from", 2), g.ints("to", 4))
    ratio = g.node("Div", g.node("Cast", wanted, to=TensorProto.FLOAT), g.node("Cast", size, to=TensorProto.FLOAT))
    y = g.node("Resize", x, "", g.node("Concat", g.floats("ones", 1.0, 1.0), ratio, axis=0), mode="linear", name="y")
    assert load_network(g.save(file, y)).layers[-1].output_shape == (1, 4, 12, 12)


def test_a_part_of_no_elements_is_nothing(file: Path):
    g = GraphWriter()
    x = g.node("Relu", g.input((1, 4, 8)), name="r")
    whole, none = g.node("Split", x, g.ints("parts", 8, 0), outputs=2, axis=2)
    network = load_network(g.save(file, g.node("Concat", whole, none, axis=2)))
    assert [layer.name for layer in network.layers] == ["r"]


def test_same_padding_of_a_transposed_convolution_is_the_stride_times_the_map(file: Path):
    g = GraphWriter()
    y = g.node("ConvTranspose", g.input((1, 1, 3, 3)), g.weight("w", 1, 2, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    assert load_network(g.save(file, y)).layers[-1].output_shape == (1, 2, 6, 6)


def test_all_unknown_ops_are_told_at_once_and_nothing_that_follows_from_them(file: Path):
    g = GraphWriter()
    x = g.node("Frob", g.input((1, 4, 8, 8)), name="first")
    x = g.node("Nicate", x, name="second")
    g.node("Conv", x, g.weight("w", 8, 3, 1, 1), name="wrong")
    told = refused(g.save(file, "wrong_out0"))
    assert "first: unknown op" in told and "second: unknown op" in told and "wrong" not in told


def test_axes_without_names_go_by_that_of_their_input(file: Path):
    g = GraphWriter()
    y = g.node("MatMul", g.input((1, "", "", 32), "x"), g.weight("w", 32, 8), name="y")
    for dim in g.inputs[0].type.tensor_type.shape.dim:
        if not dim.dim_value:
            dim.ClearField("dim_param")
    spec = g.save(file, y)
    told = refused(spec)
    assert "axis 1 of the input has no size" in told and "axis 2 of the input has no size" in told
    assert "FILE:x.1=SIZE,x.2=SIZE" in told
    assert load_network(f"{spec}:x.1=3,x.2=5").macs == 15 * 32 * 8


def test_a_graph_of_thousands_of_nodes_of_one_name_is_read_without_trying_all_numbers(file: Path):
    g = GraphWriter()
    x = g.input((1, 4, 4, 4))
    for at in range(2000):
        g.nodes.append(_relu(x, f"t{at}"))
        x = f"t{at}"
    network = load_network(g.save(file, x))
    assert len({layer.name for layer in network.layers}) == 2000


def _relu(source: str, target: str) -> Any:
    from onnx import helper

    return helper.make_node("Relu", [source], [target], "same")
