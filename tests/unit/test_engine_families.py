"""Every bundled network runs end to end, with all laws holding."""

from dataclasses import replace
from functools import cache as remembered

import pytest

from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.door import saved_mappings
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.hardware.model import KERNEL_OBJECTIVES
from simulator.mapping.dataflow import list_dataflows
from simulator.network.ir import Op
from simulator.result.json_io import run_to_json
from simulator.result.run import Run
from simulator.verify import verify_network
from tests.cli.tiny import tiny
from tests.marks import mostly_slow, one_in
from workloads.load import load_network
from workloads.registry import BUILDERS

SPECS = [row["spec"] for row in published("networks")]
SMALLEST = {"alexnet": 64, "googlenet": 64, "mobilevit": 64}
MOST_MACS = 5_000_000
"""Of a layer whose MACs are done one by one; beyond are products of AlexNet, and all families end with one."""
SMALL = "squeezenext:variant=v5,resolution=64"


@remembered
def ran(machine: str, spec: str, **options: str) -> Run:
    """A run that several tests look at."""
    return simulate(machine, spec, **options)


FIRST = {spec.split(":")[0]: spec for spec in reversed(SPECS)}
"""Family -> the first of its published networks."""


@pytest.mark.parametrize("spec", one_in(20, SPECS))
def test_every_published_network_runs_on_the_squeezenext_machine(spec: str):
    run = simulate("squeezenext_16x16", spec)
    network = load_network(spec)
    assert [layer.name for layer in run.layers] == [layer.name for layer in network.layers]
    assert run.total.macs == network.macs


UNLIKE = ("alexnet", "mobilenet_v2", "shufflenet_v1", "squeezenext")
"""Families that have between them large, oblong, grouped, depthwise and strided windows, and products."""
SHARED = ("mobilenet_v2:width=0.35,resolution=128", "squeezenext:width=1.0,depth=23,variant=v5")
STACKED = ("mobilenet_v2:width=0.35,resolution=128", "squeezenet:version=1.1")


def test_every_family_has_a_published_network():
    assert FIRST.keys() == set(BUILDERS) and {*SHARED, *STACKED} <= {*SPECS}


@pytest.fixture(scope="module")
def cache() -> MappingCache:
    return MappingCache()


@pytest.mark.parametrize("spec", mostly_slow(SPECS, SHARED))
def test_every_published_network_runs_with_mappings_that_others_share(spec: str, cache: MappingCache):
    run = simulate("flexible_168", spec, cache=cache)
    assert run.total.macs == load_network(spec).macs
    assert all(layer.cycles > 0 for layer in run.layers if layer.macs)


@pytest.mark.parametrize("spec", mostly_slow(SPECS, STACKED))
def test_every_published_network_runs_in_stacks(spec: str, cache: MappingCache):
    run = simulate("edge_npu_like", spec, cache=cache)
    assert run.total.macs == load_network(spec).macs
    assert all(layer.cycles > 0 for layer in run.layers if layer.macs)


@pytest.mark.parametrize("machine", one_in(3, ("flexible_168", "squeezenext_16x16", "systolic_32x32")))
@pytest.mark.parametrize("family", mostly_slow(tuple(BUILDERS), UNLIKE))
def test_the_mappings_of_each_family_compute_its_convolutions(family: str, machine: str):
    network = load_network(f"{family}:resolution={SMALLEST.get(family, 32)}")
    mapped = saved_mappings(simulate(machine, network), network.layers)
    walked = [(layer, mapping) for layer, mapping in mapped if layer.op is not Op.LINEAR or layer.macs <= MOST_MACS]
    results = list(verify_network(walked))
    assert sum(result.expected_macs for result in results) == sum(layer.macs for layer, _ in walked)
    assert {layer.name for layer in network.layers if layer.op is Op.CONV} <= {result.name for result in results}
    assert [result.name for result in results if not result.passed] == []


@pytest.mark.parametrize("dataflow", one_in(2, load_hardware("flexible_168").dataflow_names))
def test_every_dataflow_of_the_flexible_168_machine_runs_whole_squeezenext(dataflow: str):
    run = ran("flexible_168", SMALL, dataflow=dataflow)
    assert {layer.dataflow for layer in run.layers if layer.macs} == {dataflow}


@pytest.mark.parametrize("objective", KERNEL_OBJECTIVES)
def test_each_objective_is_best_at_what_it_minimizes(objective: str):
    def figure(run):
        total = run.total
        by_layer = sum(layer.energy_pj * layer.cycles for layer in run.layers)
        cycles_plus_dma = total.cycles + sum(layer.dma_cycles for layer in run.layers)
        figures = {"cycles": total.cycles, "energy": total.energy_pj, "dram": total.dram_bytes}
        return (figures | {"edp": by_layer, "cycles_plus_dma": cycles_plus_dma})[objective]

    runs = {name: ran("squeezenext_16x16", "squeezenet:version=1.1", objective=name) for name in ("cycles", objective)}
    assert figure(runs[objective]) <= figure(runs["cycles"])


def test_the_best_of_all_dataflows_is_no_worse_than_any():
    best = ran("flexible_168", SMALL).layers
    for dataflow in load_hardware("flexible_168").dataflow_names:
        single = ran("flexible_168", SMALL, dataflow=dataflow).layers
        # Whether weights are fetched ahead depends on the neighbours, so layers are compared without that.
        assert sum(layer.cycles for layer in best) <= sum(layer.cycles for layer in single)


def test_a_layer_that_cannot_fit_is_explained_as_data():
    machine = load_hardware("squeezenext_16x16")
    tiny = replace(machine, buffers=(replace(machine.buffers[0], capacity_bytes=64),))
    with pytest.raises(InputError) as caught:
        simulate(tiny, "alexnet")
    problem = caught.value.problems[0]
    assert "conv1" in problem.message and problem.expected.startswith("at least") and problem.got == "64 bytes"


def test_a_dataflow_that_the_machine_cannot_run_is_refused():
    with pytest.raises(InputError, match="does not allow"):
        simulate("eyeriss_chip", "alexnet", dataflow="weight_stationry")


def test_every_bundled_dataflow_is_used_by_some_machine():
    from simulator.hardware.load import list_hardware

    used = {dataflow for name in list_hardware() for dataflow in load_hardware(name).dataflow_names}
    assert used == set(list_dataflows())


def test_the_same_input_gives_the_same_bytes():
    assert run_to_json(simulate("flexible_168", SMALL)) == run_to_json(ran("flexible_168", SMALL))


def test_a_machine_states_what_its_compiler_minimizes_and_a_user_overrides_it():
    own = simulate("squeezenext_16x16", "squeezenet:version=1.1")
    fastest = ran("squeezenext_16x16", "squeezenet:version=1.1", objective="cycles")
    assert (own.options["objective"], fastest.options["objective"]) == ("cycles_plus_dma", "cycles")
    assert fastest.total.cycles < own.total.cycles and own.total.dram_bytes < fastest.total.dram_bytes
    assert simulate("flexible_168", tiny()).options["objective"] == "cycles_then_energy"
