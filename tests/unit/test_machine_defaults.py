"""What a machine's file may say in seconds, and what holds where it says nothing."""

from dataclasses import replace

import pytest

from simulator import simulate
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph


def pooled():
    g = Graph("pooled")
    g.pool(g.conv(g.input(4, 12, 12), 8, kernel=3, name="conv"), "max", 2, 2, name="pool")
    return g.build()


def test_sums_of_short_operands_have_32_bits_and_of_others_those_of_outputs():
    machine = load_hardware("gemmini_16x16")
    plain = vary(machine, {"precision_bits": {"inputs": 8, "weights": 8, "outputs": 8}})
    assert plain.partial_sum_bits == 32
    assert vary(machine, {"precision_bits": {"inputs": 9, "weights": 8, "outputs": 9}}).partial_sum_bits == 9
    assert vary(machine, {"precision_bits": {"inputs": 8, "weights": 9, "outputs": 9}}).partial_sum_bits == 9
    said = vary(machine, {"precision_bits": {"inputs": 8, "weights": 8, "outputs": 8, "partial_sums": 20}})
    assert said.partial_sum_bits == 20


def test_what_a_file_leaves_open_is_named_with_what_holds():
    machine = vary(load_hardware("gemmini_16x16"), {"precision_bits": {"inputs": 8, "weights": 8, "outputs": 8}})
    assert machine.by_default["precision_bits.partial_sums"] == "partial sums of 32 bits"
    assert machine.by_default["layers.launch"] == "ops launched in no time"
    edge = load_hardware("edge_npu_like").by_default
    assert not {"precision_bits.partial_sums", "fuses", "layers.order", "layers.launch", "dram.efficiency"} & set(edge)
    assert edge["array.zero"] == "zeros multiplied like all else"


def test_a_latency_in_seconds_is_rounded_up_to_cycles():
    dram = {"bandwidth": "1 GB/s", "burst": "64 B"}
    machine = load_hardware("edge_npu_like")
    assert vary(machine, {"dram": dram | {"latency": "100.5 ns"}}).dram.latency_cycles == 101
    assert vary(machine, {"clock": "200 MHz", "dram": dram | {"latency": "100 ns"}}).dram.latency_cycles == 20
    assert vary(machine, {"dram": dram | {"latency_cycles": 0}}).dram.latency_cycles == 0


@pytest.mark.parametrize(
    ("latency", "path"), [({}, "latency_cycles"), ({"latency": "1 ns", "latency_cycles": 1}, "latency")]
)
def test_a_latency_is_written_once(latency: dict[str, object], path: str):
    with pytest.raises(InputError) as caught:
        vary(load_hardware("edge_npu_like"), {"dram": {"bandwidth": "1 GB/s", "burst": "64 B"} | latency})
    assert [problem.path for problem in caught.value.problems] == [f"dram.{path}"]


def test_of_the_bandwidth_so_much_is_reached_as_is_said():
    machine = load_hardware("flexible_168")
    dram = {"bandwidth": "10 GB/s", "burst": "64 B", "latency_cycles": 100}
    assert vary(machine, {"dram": dram | {"efficiency": 0.85}}).dram.bytes_per_cycle * 2 == 17
    assert vary(machine, {"dram": dram}).dram.bytes_per_cycle == 10


def test_every_op_that_runs_on_its_own_is_launched_and_layers_of_the_array_are_configured_besides():
    plain = replace(load_hardware("flexible_168"), fuses=frozenset(), folds=frozenset())
    before = simulate(plain, pooled())
    after = simulate(replace(plain, launch_cycles=1000, configuration_cycles=17), pooled())
    assert [a.cycles - b.cycles for a, b in zip(after.layers, before.layers, strict=True)] == [1017, 1000]
    assert [layer.cycle_parts["configuration"] for layer in after.layers] == [1017, 1000]
    fused = simulate(replace(plain, launch_cycles=1000, fuses=frozenset({"pool"})), pooled())
    assert fused.total.cycle_parts["configuration"] == 1000


def test_the_host_adds_to_the_latency_and_not_to_the_cycles():
    plain = load_hardware("flexible_168")
    before, after = simulate(plain, pooled()), simulate(vary(plain, {"host_time": "1.5 ms"}), pooled())
    assert after.total.cycles == before.total.cycles
    assert after.total.latency_s == pytest.approx(before.total.latency_s + 0.0015, rel=1e-12)
