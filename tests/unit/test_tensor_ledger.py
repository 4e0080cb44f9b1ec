"""Where tensors lie between ops: what is read was written, what stays fits, no network delivers faster than it can."""

from dataclasses import replace

import pytest

from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Layer, Network, Op, Shape
from simulator.result.laws import LawViolation, assert_laws
from simulator.result.run import LayerResult, Run, Traffic
from workloads.load import load_network

ATTENTION = """
name: attention
inputs: {x: [256, 64, 1]}
layers:
  - {name: q, op: conv, filters: 256}
  - {name: k, op: conv, inputs: x, filters: 256}
  - {name: v, op: conv, inputs: x, filters: 256}
  - {name: s, op: matmul, inputs: [q, k], output: [256, 64, 1], groups: 4}
  - {name: p, op: softmax}
  - {name: o, op: matmul, inputs: [p, v], output: [256, 64, 1], groups: 4}
  - {name: proj, op: conv, filters: 256}
  - {name: sum, op: add, inputs: [proj, x]}
"""


@pytest.fixture
def attention(tmp_path) -> str:
    file = tmp_path / "attention.yaml"
    file.write_text(ATTENTION)
    return str(file)


def layer_of(run: Run, name: str) -> LayerResult:
    return next(layer for layer in run.layers if layer.name == name)


def dram(run: Run, name: str, operand: str) -> Traffic:
    return layer_of(run, name).traffic["dram"][operand]


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_every_sample_and_head_has_a_second_factor_of_its_own(attention: str, batch: int) -> None:
    run = simulate("systolic_32x32", load_network(attention, batch=batch))
    distinct = batch * 4 * 64 * 64  # samples x heads x keys x features, a byte each
    assert dram(run, "s", "weights").read_bytes == distinct
    assert dram(run, "k", "outputs").write_bytes == distinct
    assert layer_of(run, "s").macs == batch * 4 * 64 * 64 * 64


def test_a_second_factor_stays_on_chip_only_where_weights_lie_with_activations(attention: str) -> None:
    apart, together = (simulate(machine, attention) for machine in ("systolic_32x32", "edge_npu_like"))
    assert "weights" not in layer_of(apart, "s").on_chip and "outputs" not in layer_of(apart, "k").on_chip
    assert {"inputs", "weights"} <= set(layer_of(together, "s").on_chip)
    assert dram(together, "s", "weights").read_bytes == 0 == dram(together, "k", "outputs").write_bytes


@pytest.mark.parametrize(
    ("second", "bounds"),
    [
        ((1, 6, 8, 1), (3, 1, 6, 8, 5, 1, 1, 1)),  # one matrix for all samples
        ((3, 6, 8, 1), (1, 3, 6, 8, 5, 1, 1, 1)),  # one for each
    ],
)
def test_a_product_has_a_group_for_each_matrix_that_it_multiplies_by(second: Shape, bounds: tuple[int, ...]) -> None:
    shapes = ((3, 8, 5, 1), second)
    layer = Layer("product", Op.MATMUL, ("left", "right"), shapes, (3, 6, 5, 1))
    assert layer.nest is not None and layer.nest.bounds == bounds
    assert layer.macs == 3 * 6 * 8 * 5


def large_maps() -> Network:
    """Two layers; what the first makes fits the buffer of an edge NPU, but not while all of it is 32-bit sums."""
    g = Graph("large")
    g.conv(g.conv(g.input(512, 88, 88), 64, 3, padding=1, name="a"), 8, name="b")
    return g.build()


def test_unfinished_sums_of_outputs_that_stay_take_room_at_their_own_width() -> None:
    run = simulate("edge_npu_like", large_maps())
    first, capacity = layer_of(run, "a"), load_hardware("edge_npu_like").buffers[0].capacity_bytes
    assert first.on_chip == ("outputs",)
    loops = [loop[0] for loop in first.mapping["dram"]]  # type: ignore[index,attr-defined]
    outer = loops[: 1 + max((i for i, loop in enumerate(loops) if loop in "NGKPQ"), default=-1)]
    outputs = 64 * 88 * 88
    assert first.kept_bytes >= outputs
    assert not set(outer) & set("CRS") or 4 * outputs <= capacity - first.kept_bytes


def test_pools_that_are_fused_are_not_slower_than_pools_that_are_not() -> None:
    g = Graph("pooled")
    x = g.max_pool(g.conv(g.input(64, 112, 112), 64, 3, padding=1), 2, 2)
    g.conv(g.conv(x, 64, 3, padding=1), 64, 3, padding=1)
    machine = load_hardware("edge_npu_like")
    fused, apart = (simulate(replace(machine, fuses=machine.fuses - out), g.build()) for out in (set(), {"pool"}))
    assert fused.total.cycles < apart.total.cycles


NARROW = {
    "one word a cycle, serial": {"array.delivery.weights.words_per_cycle": 1, "layers.order": "serial"},
    "16 words a cycle, overlapped": {"array.delivery.weights.words_per_cycle": 16, "layers.order": "overlapped"},
}


@pytest.mark.parametrize("changes", NARROW.values(), ids=NARROW)
def test_hidden_fills_take_as_long_as_their_network_does(changes: dict[str, object]) -> None:
    machine = vary(load_hardware("systolic_32x32"), changes)
    g = Graph("fc")
    g.linear(g.input(64, 1, 1), 64, name="fc")
    run = simulate(machine, g.build())
    assert run.total.cycles >= 64 * 64 // machine.array.delivery[1].words_per_cycle
    assert simulate(machine, "mobilenet_v1").total.cycles > 0  # all laws hold


def test_layers_that_overlap_and_keep_their_maps_run_whole_networks() -> None:
    machine = load_hardware("systolic_32x32")
    assert simulate(replace(machine, layer_order="overlapped"), "resnet").total.cycles > 0


def kept_run() -> Run:
    g = Graph("kept")
    g.conv(g.conv(g.input(8, 6, 6), 8, 3, padding=1, name="first"), 8, name="second")
    return simulate("edge_npu_like", g.build())


BROKEN = {
    "a tensor is read where it was written": {"on_chip": ()},
    "a tensor on chip costs no DRAM": {"traffic": {"dram": {"inputs": Traffic(64, 0)}}},
    "bytes read >= bytes touched": {"footprint_bytes": {"weights": 10**6}},
    "bytes written >= bytes made": {"footprint_bytes": {"outputs": 10**6}},
}


@pytest.mark.parametrize("law", BROKEN)
def test_a_tensor_that_does_not_close_is_told(law: str) -> None:
    run = kept_run()
    assert layer_of(run, "second").on_chip == ("inputs",)
    layers = tuple(replace(layer, **BROKEN[law]) if layer.name == "second" else layer for layer in run.layers)
    with pytest.raises(LawViolation) as caught:
        assert_laws(replace(run, layers=layers))
    assert law in {violation.law for violation in caught.value.violations}


def test_a_run_that_does_not_tell_what_its_ops_read_has_no_ledger() -> None:
    run = kept_run()
    assert_laws(replace(run, layers=tuple(replace(layer, inputs=(), on_chip=()) for layer in run.layers)))
