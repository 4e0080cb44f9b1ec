"""Normalizations by statistics of the elements themselves: what shares them, in every format, and what they cost."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator import load_hardware, simulate
from simulator.network.document import network_document
from simulator.network.graph import Graph
from simulator.network.ir import Layer, Network, Op
from simulator.source.validation import RenamedWord
from tests.onnx_graphs import GraphWriter
from workloads.exporters.csv_layers import csv_text
from workloads.load import load_network


def only(network: Network) -> Layer:
    (layer,) = (layer for layer in network.layers if layer.op is Op.NORMALIZATION)
    return layer


def listed(folder: Path, layer: str) -> Layer:
    file = folder / "net.yaml"
    file.write_text(f"name: net\ninputs: {{x: [8, 4, 6]}}\nlayers:\n  - {layer}\n")
    return only(load_network(str(file)))


@pytest.mark.parametrize(
    ("written", "elements"),
    [
        ("{op: layer_norm}", 8),
        ("{op: rms_norm}", 8),
        ("{op: instance_norm}", 4 * 6),
        ("{op: group_norm, groups: 2}", 4 * 4 * 6),
        ("{op: group_norm}", 8 * 4 * 6),
        ("{op: normalization, variant: layer_norm, size: 32}", 32),
        ("{op: layer_norm, output: [8, 4, 6]}", 8),
    ],
)
def test_a_layer_list_says_which_elements_share_their_statistics(tmp_path: Path, written: str, elements: int) -> None:
    assert listed(tmp_path, written).window == elements


def test_a_normalization_that_was_written_as_an_activation_is_one_with_a_note(tmp_path: Path) -> None:
    with pytest.warns(RenamedWord, match="`op: activation, variant: layer_norm` is now `op: layer_norm`"):
        layer = listed(tmp_path, "{op: activation, variant: layer_norm}")
    assert (layer.op, layer.variant, layer.window) == (Op.NORMALIZATION, "layer_norm", 8)


def normalized(kind: str, elements: int | None = None) -> Network:
    g = Graph("net")
    g.normalize(g.input(8, 4, 6), kind, elements=elements, name="norm")
    return g.build()


@pytest.mark.parametrize("elements", [None, 48])
def test_a_document_and_a_table_hold_the_elements_that_share_statistics(tmp_path: Path, elements: int | None) -> None:
    network = normalized("instance_norm", elements)
    (record,) = network_document(network)["layers"]
    assert isinstance(record, dict) and record["size"] == (elements or 24)
    (tmp_path / "net.csv").write_text(csv_text(network))
    assert only(load_network(str(tmp_path / "net.csv"))).window == (elements or 24)


@pytest.mark.parametrize(
    ("op", "attributes", "dims", "elements"),
    [
        ("LayerNormalization", {}, (1, 5, 16), 16),
        ("LayerNormalization", {"axis": 1}, (1, 5, 16), 80),
        ("RMSNormalization", {}, (1, 5, 16), 16),
        ("SimplifiedLayerNormalization", {}, (1, 5, 16), 16),
        ("InstanceNormalization", {}, (1, 8, 4, 6), 24),
        ("GroupNormalization", {"num_groups": 4}, (1, 8, 4, 6), 48),
        ("MeanVarianceNormalization", {"axes": [2, 3]}, (1, 8, 4, 6), 24),
        ("LpNormalization", {"axis": 1}, (1, 8, 4, 6), 8),
    ],
)
def test_norms_of_onnx_are_normalizations(
    tmp_path: Path, op: str, attributes: dict[str, object], dims: tuple[int, ...], elements: int
) -> None:
    g = GraphWriter()
    g.node(op, g.input(dims), g.weight("scale", dims[-1]), name="norm", **attributes)
    layer = only(load_network(g.save(tmp_path / "net.onnx", "norm_out0")))
    assert layer.window == elements


def test_a_sum_and_its_norm_of_onnxruntime_are_two_ops(tmp_path: Path) -> None:
    g = GraphWriter()
    x, y = g.input((1, 5, 16), "x"), g.input((1, 5, 16), "y")
    made = g.node(
        "SkipLayerNormalization", x, y, g.weight("g", 16), outputs=4, name="skip", domain="com.microsoft"
    )  # fmt: skip
    network = load_network(g.save(tmp_path / "net.onnx", made[0]))
    assert [layer.op for layer in network.layers] == [Op.ADD, Op.NORMALIZATION]
    assert only(network).window == 16


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ('type: "MVN"', 9 * 9),
        ('type: "MVN" mvn_param { across_channels: true }', 4 * 9 * 9),
        ('type: "Normalize"', 4 * 9 * 9),
        ('type: "Normalize" norm_param { across_spatial: false }', 4),
    ],
)
def test_norms_of_caffe_are_normalizations(tmp_path: Path, text: str, elements: int) -> None:
    head = 'name: "net"\ninput: "data"\ninput_shape { dim: 1 dim: 4 dim: 9 dim: 9 }\n'
    (tmp_path / "net.prototxt").write_text(f'{head}layer {{ name: "n" bottom: "data" top: "n" {text} }}\n')
    assert only(load_network(str(tmp_path / "net.prototxt"))).window == elements


def block(kind: str) -> Network:
    g = Graph("net")
    x = g.conv(g.input(16, 8, 8), 16, name="conv")
    g.conv(g.normalize(x, kind, name="norm"), 16, name="last")
    return g.build()


def test_a_norm_is_no_epilogue_unless_the_machine_fuses_norms() -> None:
    machine = load_hardware("edge_npu_like")
    (norm,) = (layer for layer in simulate(machine, block("layer_norm")).layers if layer.name == "norm")
    assert norm.cycles >= 2 * 16 * 64 // machine.vector_lanes
    fusing = replace(machine, fuses=machine.fuses | {"normalization"})
    run = simulate(fusing, block("layer_norm"))
    assert run.producer_of() == {"norm": "conv"}


def test_a_norm_costs_two_passes_of_time_and_traffic() -> None:
    run = simulate("flexible_168", normalized("layer_norm"))
    (norm,) = run.layers
    words, gains_and_offsets = 8 * 4 * 6, 2 * 8
    assert norm.traffic["buffer"]["inputs"].read_bytes == (2 * words + gains_and_offsets) * 2
    assert norm.cycle_parts["vector"] == -(-7 * words // 14)
