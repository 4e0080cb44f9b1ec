"""ONNX ops over sequences: recurrent layers and attention, ONNX's and onnxruntime's."""

from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from simulator import simulate
from simulator.network.ir import Network, Op
from tests.onnx_graphs import GraphWriter, elements, refused
from workloads.load import load_network

Dims = Sequence[int]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def macs(network: Network) -> list[int]:
    return [layer.macs for layer in network.layers if layer.macs]


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


def test_vectors_of_all_heads_are_cut_and_joined_around_keys_of_steps_before(file: Path):
    g = GraphWriter(opset=23)
    q, k, v = (g.input((2, 3, 64), name) for name in "qkv")
    past, values = g.input((2, 4, 5, 16), "pk"), g.input((2, 4, 5, 16), "pv")
    made = g.node("Attention", q, k, v, "", past, values, outputs=3, name="y", q_num_heads=4, kv_num_heads=4)
    assert macs(load_network(g.save(file, *made))) == [2 * 4 * 3 * 8 * 16] * 2


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


def test_queries_keys_and_values_may_be_one_tensor(file: Path):
    g = GraphWriter()
    told = {"num_heads": 4, "kv_num_heads": 2, "domain": "com.microsoft"}
    y = g.node("GroupQueryAttention", g.input((1, 8, 128)), "", "", name="y", **told)
    assert macs(load_network(g.save(file, y))) == [4_096, 4_096]


def test_a_norm_of_a_sum_is_an_addition_and_a_norm(file: Path):
    g = GraphWriter()
    a, b = g.input((1, 16, 8), "a"), g.input((1, 16, 8), "b")
    y = g.node("SkipLayerNormalization", a, b, g.weight("g", 8), g.weight("be", 8), domain="com.microsoft", name="y")
    added, normed = load_network(g.save(file, y)).layers
    assert (added.op, normed.variant, normed.inputs) == (Op.ADD, "layer_norm", (added.name,))


def test_a_product_reads_a_matrix_for_each_sample(file: Path):
    g = GraphWriter()
    y = g.node("MatMul", g.input((4, 16, 8), "a"), g.input((4, 8, 12), "b"), name="y")
    run = simulate("eyeriss_like", load_network(g.save(file, y)), objective="dram")
    assert run.layers[0].traffic["dram"]["weights"].read_bytes == 4 * 8 * 12 * 2


def test_a_recurrent_layer_runs_and_its_parts_add_up(file: Path):
    g = GraphWriter()
    y = g.node("LSTM", g.input((10, 1, 8)), g.weight("w", 1, 64, 8), g.weight("r", 1, 64, 16), hidden_size=16, name="y")
    run = simulate("eyeriss_like", load_network(g.save(file, y)))
    assert run.total.macs == 10 * 64 * (8 + 16)
    assert all(sum(layer.cycle_parts.values()) == layer.cycles for layer in run.layers)
