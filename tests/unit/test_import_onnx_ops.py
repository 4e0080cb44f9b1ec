"""ONNX ops that need more than a name: recurrent layers, attention, products, lookups, norms that are spelled out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

from onnx import TensorProto

from simulator.errors import InputError
from simulator.network.ir import Network, Op
from tests.onnx_graphs import GraphWriter
from workloads.load import load_network

Dims = Sequence[int]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def macs(network: Network) -> list[int]:
    return [layer.macs for layer in network.layers if layer.macs]


def refused(spec: str) -> str:
    with pytest.raises(InputError) as caught:
        load_network(spec)
    return caught.value.render()


def elements(network: Network) -> tuple[int, ...]:
    """Return the extents above 1 of the network's one output, in whatever order it lies."""
    (name,) = network.outputs
    (layer,) = (layer for layer in network.layers if layer.name == name)
    return tuple(sorted(extent for extent in layer.output_shape if extent > 1))


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layout", [0, 1])
def test_a_recurrent_op_multiplies_input_and_state_in_every_step(
    file: Path, op: str, gates: int, directions: int, layout: int
):
    g, (steps, batch, features, hidden) = GraphWriter(), (10, 2, 24, 16)
    x = g.input((batch, steps, features) if layout else (steps, batch, features))
    w = g.weight("w", directions, gates * hidden, features)
    r = g.weight("r", directions, gates * hidden, hidden)
    b = g.weight("b", directions, 2 * gates * hidden)
    told = {"direction": "bidirectional"} if directions == 2 else {}
    every, last = g.node(op, x, w, r, b, outputs=2, name="y", hidden_size=hidden, layout=layout, **told)
    network = load_network(g.save(file, every, last))
    each = gates * hidden * steps * batch * directions
    assert macs(network) == [each * features, each * hidden]
    assert network.params == directions * gates * hidden * (features + hidden + 2)
    shapes = {layer.name: layer.output_shape for layer in network.layers}
    assert shapes["y_last"][2:] == (1, 1) or batch in shapes["y_last"]


def test_steps_are_no_batch(file: Path):
    g = GraphWriter()
    x = g.input((100, 1, 64))
    y, *_ = g.node("LSTM", x, g.weight("w", 1, 256, 64), g.weight("r", 1, 256, 64), outputs=1, hidden_size=64)
    network = load_network(g.save(file, y))
    assert network.inputs["input"] == (1, 64, 100, 1)
    assert network.macs == 3_276_800
    assert "none waits for another" in network.facts["warning"]


def test_weights_of_a_recurrent_op_that_do_not_fit_are_refused(file: Path):
    g = GraphWriter()
    g.node("GRU", g.input((9, 1, 8)), g.weight("w", 1, 9, 8), g.weight("r", 1, 12, 4), hidden_size=4, name="y")
    assert "weights and input do not match" in refused(g.save(file, "y_out0"))


@pytest.mark.parametrize(
    ("query", "key", "attributes", "wanted"),
    [
        ((1, 4, 8, 16), (1, 4, 8, 16), {}, [4 * 8 * 8 * 16] * 2),
        ((2, 4, 8, 16), (2, 4, 12, 16), {}, [2 * 4 * 8 * 12 * 16] * 2),
        ((1, 8, 16, 32), (1, 2, 24, 32), {}, [8 * 16 * 24 * 32] * 2),
        ((1, 8, 64), (1, 8, 64), {"q_num_heads": 4, "kv_num_heads": 4}, [4 * 8 * 8 * 16] * 2),
        ((1, 8, 64), (1, 8, 32), {"q_num_heads": 4, "kv_num_heads": 2}, [4 * 8 * 8 * 16] * 2),
    ],
)
def test_attention_is_two_products_around_a_softmax(
    file: Path, query: Dims, key: Dims, attributes: dict[str, int], wanted: list[int]
):
    g = GraphWriter(opset=23)
    q, k, v = g.input(query, "q"), g.input(key, "k"), g.input(key, "v")
    network = load_network(g.save(file, g.node("Attention", q, k, v, name="y", **attributes)))
    assert macs(network) == wanted
    assert [layer.op for layer in network.layers if layer.op not in (Op.RESHAPE, Op.SHUFFLE)] == [
        Op.MATMUL,
        Op.SOFTMAX,
        Op.MATMUL,
    ]
    assert elements(network) in (tuple(sorted(d for d in query if d > 1)), _joined(query))


def _joined(dims: Dims) -> tuple[int, ...]:
    """Return the extents above 1 where heads and features lie on one axis."""
    return tuple(sorted(d for d in (dims[0], dims[2], dims[1] * dims[-1]) if d > 1))


def test_heads_that_share_keys_read_them_once(file: Path):
    g = GraphWriter(opset=23)
    q, k, v = g.input((1, 8, 16, 32), "q"), g.input((1, 2, 24, 32), "k"), g.input((1, 2, 24, 32), "v")
    network = load_network(g.save(file, g.node("Attention", q, k, v, name="y")))
    nests = [layer.nest for layer in network.layers if layer.op is Op.MATMUL]
    assert [nest.bounds[1] for nest in nests if nest] == [2, 2]  # as many matrices as heads of keys


def test_keys_of_steps_before_are_joined_and_masks_added(file: Path):
    g = GraphWriter(opset=23)
    q, k, v = (g.input((1, 4, 1, 16), name) for name in "qkv")
    mask, past, values = g.input((1, 1, 1, 9), "m"), g.input((1, 4, 8, 16), "pk"), g.input((1, 4, 8, 16), "pv")
    y, *_ = g.node("Attention", q, k, v, mask, past, values, outputs=3, name="y")
    network = load_network(g.save(file, y))
    assert macs(network) == [4 * 9 * 16] * 2
    assert [layer.op for layer in network.layers if layer.op in (Op.ADD, Op.CONCAT)] == [Op.CONCAT, Op.CONCAT, Op.ADD]


def test_onnxruntimes_attention_projects_before(file: Path):
    g = GraphWriter()
    x, w, b = g.input((1, 8, 64)), g.weight("w", 64, 192), g.weight("b", 192)
    network = load_network(g.save(file, g.node("Attention", x, w, b, name="y", domain="com.microsoft", num_heads=4)))
    assert (macs(network), network.params) == ([98_304, 4_096, 4_096], 12_480)


@pytest.mark.parametrize(
    ("op", "shared", "attributes"),
    [("MultiHeadAttention", 4, {}), ("GroupQueryAttention", 2, {"kv_num_heads": 2})],
)
def test_onnxruntimes_other_attentions_are_two_products(file: Path, op: str, shared: int, attributes: dict[str, int]):
    g = GraphWriter()
    q, k, v = g.input((1, 8, 64), "q"), g.input((1, 8, 16 * shared), "k"), g.input((1, 8, 16 * shared), "v")
    y = g.node(op, q, k, v, name="y", domain="com.microsoft", num_heads=4, **attributes)
    assert macs(load_network(g.save(file, y))) == [4_096, 4_096]


def test_a_norm_of_a_sum_is_an_addition_and_a_norm(file: Path):
    g = GraphWriter()
    a, b = g.input((1, 16, 8), "a"), g.input((1, 16, 8), "b")
    y = g.node("SkipLayerNormalization", a, b, g.weight("g", 8), g.weight("be", 8), domain="com.microsoft", name="y")
    added, normed = load_network(g.save(file, y)).layers
    assert (added.op, normed.variant, normed.inputs) == (Op.ADD, "layer_norm", (added.name,))


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
