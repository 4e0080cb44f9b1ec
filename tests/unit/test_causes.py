"""What bounds an op and a run: one definition, whose words are those of the parts of cycles."""

import json
from dataclasses import replace

import pytest

from analysis.read.plots import roofline
from analysis.read.summary import summary_lines
from simulator import simulate
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.result.causes import CAUSES, bottleneck, parts_by_bottleneck
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.run import CYCLE_PARTS
from tests.builders import MACHINE, conv_result, deep_run, run_of
from tests.cli.tiny import tiny

CASES = {
    "MACs behind which the port hides": ({"compute": 90, "dram": 10}, {"array": 90, "dram": 80}, "compute"),
    "a port that is always busy": ({"compute": 90, "dram": 10}, {"array": 90, "dram": 100}, "dram"),
    "latency that nothing hides": ({"compute": 30, "dram": 70}, {"array": 30, "dram": 20}, "dram"),
    "a network behind which MACs hide": ({"compute": 60, "delivery": 40}, {"array": 100, "weights": 100}, "delivery"),
    "a memory port": ({"compute": 40, "delivery": 60}, {"array": 100, "inputs": 10}, "delivery"),
    "fills of registers": ({"compute": 10, "preload": 20, "skew": 5}, {"array": 35, "dram": 34}, "preload"),
    "a wave front": ({"compute": 10, "skew": 20}, {"array": 30}, "skew"),
    "the vector unit": ({"vector": 20, "dram": 15}, {"vector": 20, "dram": 18}, "vector"),
    "a vector unit as fast as the port": ({"vector": 20, "dram": 15}, {"vector": 20, "dram": 20}, "dram"),
    "a vector unit behind which the array hides": ({"compute": 90}, {"array": 90, "vector": 95}, "vector"),
    "operations that nothing hides": ({"compute": 40, "vector": 50}, {"array": 40, "vector": 45}, "vector"),
    "an array as fast as the port": ({"compute": 20, "dram": 5}, {"array": 20, "dram": 20}, "compute"),
    "setting up": ({"compute": 20, "configuration": 50}, {"array": 20}, "configuration"),
    "nothing": ({"compute": 0}, {"array": 0}, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_an_op_is_bound_by_what_needs_most_of_its_time(case: str) -> None:
    parts, bounds, cause = CASES[case]
    assert bottleneck(parts, bounds) == cause


def test_what_bounds_ops_and_what_cycles_go_to_are_the_same_words() -> None:
    assert tuple(CAUSES) == CYCLE_PARTS
    run = simulate("systolic_32x32", tiny())
    assert {layer.bottleneck for layer in run.layers if layer.cycles} <= set(CAUSES)


def test_cycles_of_ops_by_what_bounds_them_add_up_to_where_cycles_went() -> None:
    run = deep_run(12)
    split = parts_by_bottleneck(run.layers)
    for cause, cycles in run.total.cycle_parts.items():
        assert sum(parts[cause] for parts in split.values()) == cycles


def test_the_summary_tells_what_of_the_time_of_bound_ops_went_elsewhere() -> None:
    run = run_of(conv_result("conv", waiting=100))
    summary = dict(summary_lines(run))
    compute, whole = run.total.cycle_parts["compute"], run.total.cycles
    assert summary["bound by"].startswith("compute 100.0% (")
    assert f"{100 * run.total.cycle_parts['dram'] / whole:.1f}% dram" in summary["bound by"]
    assert summary["cycles"].startswith(f"compute {100 * compute / whole:.1f}%")


def thin(channels: int = 64) -> Network:
    """A network whose last layers are of many weights, which come while the op before runs."""
    g = Graph("thin")
    x = g.conv(g.input(8, 8, 8), channels, kernel=3, padding=1)
    g.linear(g.linear(g.global_pool(x), 64), 10)
    return g.build()


@pytest.mark.parametrize("machine", ["flexible_168", "squeezenext_16x16", "edge_npu_like", "nvdla_2048"])
def test_no_point_lies_above_its_roof_and_no_utilization_above_one(machine: str) -> None:
    run = simulate(machine, thin())
    assert all(0 <= layer.utilization <= 1 for layer in run.layers)
    rows = roofline.rows(run)
    assert rows
    assert all(float(row["macs_per_cycle"]) <= float(row["attainable_macs_per_cycle"]) * (1 + 1e-9) for row in rows)


def test_a_pe_of_several_macs_a_cycle_is_fully_used_when_it_does_them_all() -> None:
    machine = replace(MACHINE, macs_per_cycle=8)
    layer = conv_result("conv", machine=machine)
    parts = dict.fromkeys(layer.cycle_parts, 0) | {"compute": layer.macs // (8 * machine.pes)}
    cycles = parts["compute"]
    busy = replace(layer, cycle_parts=parts, cycles=cycles, utilization=1.0, bounds={"array": cycles})
    assert run_of(busy, machine=machine).total.utilization == 1


def test_skipped_macs_are_told_as_a_speed_up_and_not_as_utilization() -> None:
    run = simulate("squeezenext_16x16", tiny(), dataflow="output_stationary_blocks")
    executed = sum(layer.effective_macs for layer in run.layers)
    assert executed < run.total.macs
    assert run.total.effective_macs == executed
    assert run.total.dense_speedup == run.total.macs / executed
    assert run.total.utilization == executed / (run.total.cycles * 256)
    assert f"dense-equivalent speed-up {run.total.dense_speedup:.2f}" in dict(summary_lines(run))["MACs"]


def test_a_run_of_version_2_is_read_with_its_utilization_and_bottlenecks_of_today() -> None:
    run = simulate("squeezenext_16x16", tiny(), dataflow="output_stationary_blocks")
    data = json.loads(run_to_json(run)) | {"schema_version": 2}
    for layer in data["layers"]:
        layer["utilization"] = layer["macs"] / max(1, layer["cycles"] * 256)
        layer["bottleneck"] = "weights"
        del layer["prefetched_bytes"]
    data["total"]["utilization"] = data["total"]["macs"] / (data["total"]["cycles"] * 256)
    del data["total"]["effective_macs"], data["total"]["dense_speedup"]
    read = run_from_json(json.dumps(data))
    assert read.total == run.total
    assert [layer.bottleneck for layer in read.layers] == [layer.bottleneck for layer in run.layers]
    assert [layer.utilization for layer in read.layers] == [layer.utilization for layer in run.layers]
