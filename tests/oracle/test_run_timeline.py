"""Whole networks as events: every op takes the cycles that the recurrences say, on all bundled machines."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import load_hardware, load_network, simulate, timeline
from simulator.door import saved_mappings
from simulator.engine.timeline import run_timeline
from simulator.errors import InputError
from simulator.hardware.load import list_hardware
from simulator.result.laws import LawViolation
from simulator.schedule import plan
from simulator.source.locate import bundled
from simulator.timing.timeline import ARRAY, CONTROL, PORT, VECTOR
from tests.drawn_networks import networks
from tests.marks import mostly_slow, one_in
from tests.oracle.small_cases import MACHINES, NETWORKS, some_mappings

KINDS = [name for name, path in bundled().items() if "\nextends:" not in path.read_text(encoding="utf-8")]
"""Bundled machines that are no other size of another."""
OFTEN = ("edge_npu_like", "eyeriss_like", "flexible_168", "gemmini_16x16", "neural_art_14", "nvdla_64", "tpu_v6e")
"""Machines that differ in what their events are."""
PAIRS = [(machine, network) for machine in MACHINES for network in NETWORKS]
OF_ARRAY = ("compute", "delivery", "preload", "skew")


@pytest.mark.parametrize("machine", mostly_slow(KINDS, OFTEN))
def test_events_end_when_the_run_does_op_by_op_and_do_its_work(machine):
    run = simulate(machine, "squeezenext:variant=v5,blocks=1-1-1-1,resolution=64")
    assert figures_of(timeline(run)) == figures_told(run, load_hardware(machine))


@pytest.mark.slow
@pytest.mark.parametrize(
    "network", ["squeezenext:variant=v5", "mobilenet_v2", "resnet:depth=50", "shufflenet_v2", "mobilevit"]
)
@pytest.mark.parametrize("machine", list_hardware())
def test_events_end_when_the_run_does_for_more_networks(machine, network):
    run = simulate(machine, network)
    assert figures_of(timeline(run)) == figures_told(run, load_hardware(machine))


@pytest.mark.parametrize(("machine", "network"), one_in(4, PAIRS))
def test_events_end_when_the_run_does_for_every_kind_of_op_on_small_machines(machine, network):
    hardware, net = MACHINES[machine], NETWORKS[network]
    run = simulate(hardware, net)
    assert figures_of(played_again(run, net, hardware)) == figures_told(run, hardware)


@pytest.mark.parametrize(
    ("machine", "network"),
    one_in(3, [pair for pair in PAIRS if pair[0].startswith("tiny") or pair[0] in ("edge_npu_like", "nvdla_64")]),
)
def test_events_end_when_the_run_does_whatever_the_mappings(machine, network):
    hardware, net = MACHINES[machine], NETWORKS[network]
    run = simulate(hardware, net, mapping=some_mappings(net, hardware, seed=2))
    assert figures_of(played_again(run, net, hardware)) == figures_told(run, hardware)


@given(networks(), st.sampled_from(tuple(MACHINES)))
def test_events_end_when_the_run_does_for_drawn_networks(net, machine):
    run = simulate(MACHINES[machine], net)
    assert figures_of(played_again(run, net, MACHINES[machine])) == figures_told(run, MACHINES[machine])


def test_a_run_that_takes_other_cycles_than_its_events_breaks_a_law():
    run, hardware, net = simulate("edge_npu_like", "alexnet"), load_hardware("edge_npu_like"), load_network("alexnet")
    first, *others = run.layers
    run = replace(run, layers=(replace(first, cycles=first.cycles + 1), *others))
    with pytest.raises(LawViolation, match="conv1: cycles: events take the cycles of the run"):
        played_again(run, net, hardware)


def test_a_run_of_too_many_tiles_is_not_played(monkeypatch):
    run = simulate("edge_npu_like", "alexnet")
    monkeypatch.setattr("simulator.engine.timeline.MOST_TILES", sum(layer.tiles for layer in run.layers) - 1)
    with pytest.raises(InputError, match="too many tiles"):
        timeline(run)
    overlapped = simulate("nvdla_64", "alexnet")
    assert timeline(overlapped).end_cycle == overlapped.total.cycles


def played_again(run, network, hardware):
    """The timeline of a run that does not hold its machine."""
    mappings = {layer.name: mapping for layer, mapping in saved_mappings(run, network.layers)}
    return run_timeline(run.layers, plan(network, hardware), mappings, hardware)


def figures_of(played):
    """Cycles of each op and of all; those for which each block is at work, and bytes through the port."""
    intervals = Counter()
    for i in played.intervals:
        intervals[i.block, i.kind == "prefetch"] += i.cycles
        intervals["bytes"] += i.size_bytes if i.block == PORT else 0
        intervals["prefetched"] += i.size_bytes if i.block == PORT and i.kind == "prefetch" else 0
    blocks = {block: intervals[block, False] for block in (ARRAY, VECTOR, CONTROL, PORT)}
    ops = Counter()  # those of a stack run strip by strip
    for op, (begin, end) in zip(played.ops, played.spans, strict=True):
        ops[op.name] += end - begin
    moved = (intervals["bytes"], intervals["prefetched"]) if PORT in played.by_block() else None
    return ops, played.end_cycle, blocks, moved


def figures_told(run, hardware):
    """The same as the run tells them: parts of cycles, and what each resource alone needs."""
    on_array = [layer for layer in run.layers if layer.mapping or (layer.stacked and layer.macs)]
    others = [layer for layer in run.layers if layer not in on_array]
    in_pes = sum(layer.cycle_parts["vector"] for layer in others if layer.op in hardware.ops_on_array)
    blocks = {
        ARRAY: sum(layer.cycle_parts[part] for layer in on_array for part in OF_ARRAY) + in_pes,
        VECTOR: sum(layer.bounds.get("vector", 0) for layer in run.layers) - in_pes,
        CONTROL: run.total.cycle_parts["configuration"],
        PORT: sum(layer.bounds.get("dram", 0) for layer in run.layers),
    }
    ops = {layer.name: layer.cycles for layer in run.layers if layer.bounds}
    come = sum(layer.prefetched_bytes for layer in run.layers)
    moved = (run.total.dram_bytes, come) if blocks[PORT] else None
    return ops, run.total.cycles, blocks, moved
