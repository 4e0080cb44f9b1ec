"""ONNX models with ops that nobody knows: what is assumed of them, and that it is told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from analysis.read.tables import op_rows
from simulator import simulate
from simulator.network.describe import network_to_dict
from simulator.network.ir import Network, Op
from tests.onnx_graphs import GraphWriter
from workloads.load import load_network


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def followed(file: Path, reader: str, weight: Sequence[int], **attributes: object) -> Network:
    """Return an op that nobody knows over a map of 4 channels, and what reads it."""
    g = GraphWriter()
    odd = g.node("Mystery", g.input((1, 4, 8, 8)), g.weight("table", 5, 7), domain="odd", name="odd")
    g.node(reader, odd, g.weight("w", *weight), name="y", **attributes)
    return load_network(g.save(file, "y_out0"), skip_unknown=True)


@pytest.mark.parametrize(
    ("reader", "weight", "attributes", "made"),
    [
        ("Conv", (16, 6, 3, 3), {"kernel_shape": [3, 3]}, (1, 6, 8, 8)),
        ("Conv", (16, 6, 9, 9), {"kernel_shape": [9, 9]}, (1, 6, 9, 9)),
        ("Conv", (16, 3, 1, 1), {"kernel_shape": [1, 1], "group": 4}, (1, 12, 8, 8)),
        ("Gemm", (10, 30), {"transB": 1}, (1, 30, 1, 1)),
        ("MatMul", (24, 10), {}, (1, 4, 8, 24)),
        ("Relu", (1,), {}, (1, 4, 8, 8)),
    ],
)
def test_an_unknown_op_makes_what_its_reader_needs(
    file: Path, reader: str, weight: tuple[int, ...], attributes: dict[str, object], made: tuple[int, ...]
):
    network = followed(file, reader, weight, **attributes)
    assert (network.layers[0].op, sorted(network.layers[0].output_shape)) == (Op.UNKNOWN, sorted(made))
    assert network.params - sum(layer.params for layer in network.layers[1:]) == 35


def test_two_inputs_are_stretched_to_each_other(file: Path):
    g = GraphWriter()
    odd = g.node("Mystery", g.input((1, 4, 1, 8), "a"), g.input((1, 1, 6, 8), "b"), domain="odd", name="odd")
    network = load_network(g.save(file, g.node("Relu", odd)), skip_unknown=True)
    assert network.layers[0].output_shape == (1, 4, 6, 8)


def test_what_stands_behind_an_assumed_shape_is_marked_in_table_and_json(file: Path):
    g = GraphWriter()
    x = g.conv(g.input((1, 4, 8, 8)), "conv", 4, 4)
    odd = g.node("Mystery", x, domain="odd", name="odd")
    y = g.conv(odd, "behind", 8, 4, 3)
    network = load_network(g.save(file, g.node("Relu", x, name="beside"), y), skip_unknown=True)
    assert network.assumed == {"odd", "behind"}
    run = simulate("eyeriss_like", network)
    marked = {row.layer for row in op_rows(run) if row.shape.startswith("~")}
    assert marked == network.assumed
    assert {layer.name for layer in run.layers if layer.note} == network.assumed
    layers = network_to_dict(network)["layers"]
    assert isinstance(layers, list)
    assert {layer["name"] for layer in layers if layer.get("assumed")} == network.assumed


def test_a_shape_that_a_file_states_is_not_assumed(file: Path):
    from onnx import TensorProto, helper

    g = GraphWriter()
    odd = g.node("Mystery", g.input((1, 4, 8, 8)), domain="odd", name="odd")
    g.shapes.append(helper.make_tensor_value_info(odd, TensorProto.FLOAT, (1, 6, 4, 4)))
    network = load_network(g.save(file, g.node("Relu", odd)), skip_unknown=True)
    assert (network.layers[0].output_shape, network.assumed) == ((1, 6, 4, 4), frozenset())


def detector(file: Path) -> str:
    """Write a detector: a backbone, scores, places of the good ones, their features, and a head over these."""
    g = GraphWriter()
    x = g.conv(g.input((1, 3, 16, 16)), "backbone", 8, 3, 3)
    good = g.node("NonZero", g.node("Greater", x, g.floats("bar", 0.5, scalar=True)), name="places")
    rows = g.node("GatherND", x, g.node("Transpose", good, name="turned"), name="features")
    count = g.node("Shape", rows)
    wide = g.node("Reshape", rows, g.node("Concat", count, g.ints("one", 1), axis=0), name="column")
    g.node("MatMul", wide, g.weight("head", 1, 4), name="scores")
    return g.save(file, "scores_out0")


def test_a_detector_with_its_post_processing_loads_to_the_end_with_assumed_shapes(file: Path):
    network = load_network(detector(file), skip_unknown=True)
    assert network.layers[-1].macs > 0
    assert {"places", "features", "scores"} <= network.assumed
    assert network.outputs == ("scores",)


def test_without_skipping_the_detector_ends_where_the_data_decide(file: Path):
    network = load_network(detector(file))
    assert network.macs == 8 * 27 * 256
    assert "not counted behind it: turned, features" in network.facts["warning"]
