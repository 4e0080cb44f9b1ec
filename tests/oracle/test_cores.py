"""Several cores: events, recurrence and a walk of every cycle agree; drawn networks on drawn machines obey the laws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import load_hardware, timeline
from simulator.door import saved_mappings
from simulator.engine import Options, simulate
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.network.ir import Network
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.run import Run
from simulator.schedule.cuts import balanced_cuts
from simulator.schedule.files import load_schedule, ops_that_run, schedule_to_yaml
from simulator.schedule.split import ops_of_cores, slices_of, ways_of
from simulator.source import parse_yaml
from simulator.timing.cores import play_together
from simulator.timing.cores_timeline import lane, play_cores
from simulator.timing.tiles import OpTiles, PortSpec, TileRun
from simulator.timing.timeline import ARRAY, play
from simulator.verify import convolve, random_tensors
from tests.drawn_networks import networks
from tests.oracle import slow_cores
from tests.oracle.small_cases import NETWORKS, TINY

TOGETHER = ("split", "pipelined", "frames", "either")


@st.composite
def ops(draw, most_tiles=12):
    """An op of a few tiles, whatever port it sees."""
    cycles = st.integers(0, 12)
    runs = draw(st.lists(st.builds(TileRun, cycles, cycles, cycles, st.integers(1, 4), cycles), min_size=1, max_size=3))
    few = st.integers(1, 3)
    port = draw(st.builds(PortSpec, few, few, few, st.integers(0, 9), st.just(0), few))
    return OpTiles("op", ARRAY, tuple(runs), port, setup_cycles=draw(st.integers(0, 7)))


CORES = st.lists(st.lists(ops(), min_size=1, max_size=2), min_size=1, max_size=4)


STREAMS = st.integers(1, 3)


@given(CORES, STREAMS)
def test_cores_end_when_a_walk_of_every_cycle_does(cores, streams):
    assert [[span.end for span in own] for own in play_together(cores, streams)] == slow_cores.ends(cores, streams)


@given(CORES, STREAMS)
def test_cores_end_when_their_events_do(cores, streams):
    numbered = [[replace(op, core=at) for op in own] for at, own in enumerate(cores)]
    played = play_cores([numbered], streams)
    told = sorted((at, span.begin, span.end) for at, own in enumerate(play_together(cores, streams)) for span in own)
    assert sorted((op.core, *span) for op, span in zip(played.ops, played.spans, strict=True)) == told


@given(st.lists(ops(), min_size=1, max_size=3))
def test_one_core_ends_when_a_machine_of_one_does(own):
    (spans,) = play_together([own])
    assert [(span.begin, span.end) for span in spans] == list(play(own).spans)


@given(CORES, STREAMS)
def test_cores_take_what_each_and_the_port_take_alone_and_no_more_than_all_in_a_row(cores, streams):
    alone = [play_together([own])[0][-1].end for own in cores]
    together = [spans[-1].end for spans in play_together(cores, streams)]
    port = sum(
        run.count * (run.load_cycles + run.store_cycles + run.deeper_cycles)
        for own in cores
        for op in own
        for run in op.runs
    )
    assert all(end >= least for end, least in zip(together, alone, strict=True))
    assert port / streams <= max(together) <= sum(alone)
    assert streams < len(cores) or together == alone


def test_two_cores_of_one_tile_take_turns_at_the_port_cycle_by_cycle():
    """Both load 10 cycles: the first gets cycles 0, 2, ... 18, the second 1, 3, ... 19; then each computes for 8."""
    op = OpTiles("op", ARRAY, (TileRun(10, 8, 0),), PortSpec(1, 1, 1, 0))
    assert [[span.end for span in own] for own in play_together([[op], [op]])] == [[19 + 8], [20 + 8]]


def test_the_next_op_of_a_core_waits_for_the_vector_unit_behind_the_array():
    """Two tiles of 3 + 4 cycles end after 14; of 9 cycles behind them those of one tile, 5, come after, or all."""
    op = OpTiles("op", ARRAY, (TileRun(3, 4, 0, 2),), PortSpec(1, 1, 1, 0), added_cycles=9)
    waits = replace(op, array_waits=True)
    spans, others = play_together([[op, op]])[0], play_together([[waits, op]])[0]
    assert [tuple(span) for span in spans] == [(0, 14, 14 + 5), (19, 33, 33 + 5)]
    assert [tuple(span) for span in others] == [(0, 14, 14 + 9), (23, 37, 37 + 5)]


def test_blocks_are_named_after_their_core_where_there_are_several():
    assert (lane(None, ARRAY), lane(0, ARRAY)) == ("array", "core 0 array")


def test_what_one_core_computes_leaves_the_port_to_the_other():
    """Two tiles of load 4 and compute 6 with one slot, beside one of load 10.

    By turns in cycles 0 to 6, the first has its tile after 7, the second 3 of 10. That has 7 to 12 alone. The first,
    done with its tile, comes back at 13, and it is its turn: the second has its last word in 14, the first the others
    of its second tile in 15 to 17, and works on that until 24.
    """
    first = OpTiles("op", ARRAY, (TileRun(4, 6, 0, 2),), PortSpec(1, 1, 1, 0))
    second = OpTiles("op", ARRAY, (TileRun(10, 1, 0),), PortSpec(1, 1, 1, 0))
    assert [[span.end for span in own] for own in play_together([[first], [second]])] == [[18 + 6], [15 + 1]]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=7), st.integers(1, 4))
def test_the_longest_range_is_as_short_as_of_any_cuts(cycles, ranges):
    def longest(begin: int, left: int) -> int:
        ends = [len(cycles)] if left == 1 else range(begin + 1, len(cycles) + 1)
        rests = (longest(end, left - 1) if end < len(cycles) else 0 for end in ends)
        return min(max(sum(cycles[begin:end]), rest) for end, rest in zip(ends, rests, strict=True))

    found = balanced_cuts(cycles, ranges)
    assert [at for cut in found for at in range(*cut)] == list(range(len(cycles)))
    assert max(sum(cycles[begin:end]) for begin, end in found) == longest(0, ranges)


BASES = {
    "squeezenext_16x16": load_hardware("squeezenext_16x16"),
    "gemmini_16x16": load_hardware("gemmini_16x16"),
    "dpu_b512": load_hardware("dpu_b512"),
    "tiny": read_hardware(parse_yaml(TINY, "tiny")),
}


@st.composite
def machines(draw) -> Hardware:
    """A machine of several cores with little memory: what it fuses and how tensors lie is drawn."""
    base = BASES[draw(st.sampled_from(sorted(BASES)))]
    capacity = draw(st.sampled_from((1536, 8192)))
    changes: dict[str, object] = {f"buffers.{at}.capacity": capacity for at in range(len(base.buffers))}
    changes |= {
        "array.rows": 4,
        "array.columns": 4,
        "dram.burst": draw(st.sampled_from((1, 16, 64))),
        "dram.layout.activations": draw(st.sampled_from(("nhwc", "tiled", "nchw"))),
        "fuses": draw(st.lists(st.sampled_from(("activation", "add", "pool")), unique=True)),
        "layers.order": "serial",
        "layers.keep_activations": False,
        "cores": draw(st.integers(2, 4)),
        "dram.streams": draw(st.integers(1, 3)),
        "layers.across_cores": draw(st.sampled_from(TOGETHER)),
        "objective": draw(st.sampled_from(("cycles", "energy", "cycles_then_energy", "edp", "dram"))),
    }
    return vary(base, changes)


@settings(deadline=None, max_examples=settings.default.max_examples // 4)
@given(networks(), machines())
def test_drawn_networks_obey_the_laws_and_replay_to_themselves(tmp_path_factory, network, machine):
    try:
        run = simulate(machine, network)
    except InputError:  # an op without room for a tile
        return
    assert run_from_json(run_to_json(run)).cores == run.cores
    assert told_by(replayed(run, network, machine, tmp_path_factory.mktemp("run"))) == told_by(run)
    assert timeline(run).end_cycle == (run.cores.period_cycles or run.total.cycles)


@pytest.mark.parametrize("together", TOGETHER[:3])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("base", ["tiny", pytest.param("dpu_b512", marks=pytest.mark.slow)])
def test_every_kind_of_op_runs_on_cores_and_plays_as_events(base, network, together, tmp_path):
    changes = {
        "cores": 3,
        "dram.streams": 2,
        "layers.across_cores": together,
        "layers.keep_activations": False,
        "layers.order": "serial",
    }
    machine, net = vary(BASES[base], changes), NETWORKS[network]
    run = simulate(machine, net)
    assert run.cores.together == (together if any(layer.cycles for layer in run.layers) else "split")
    assert told_by(replayed(run, net, machine, tmp_path)) == told_by(run)
    assert timeline(run).end_cycle == (run.cores.period_cycles or run.total.cycles)


def told_by(run: Run) -> tuple[object, ...]:
    """What a run tells of its ops, cores and frames."""
    return run.layers, run.cores, run.steady


def replayed(run: Run, network: Network, machine: Hardware, folder: Path) -> Run:
    """Simulate by the file of a run's schedule, which says the same, and the run's mappings."""
    file = folder / "schedule.yaml"
    file.write_text(schedule_to_yaml(schedule_of(run), ops_that_run(network, machine), "a run"), encoding="utf-8")
    schedule = load_schedule(file, network, machine)
    assert schedule == schedule_of(run)
    mappings = {layer.name: mapping for layer, mapping in saved_mappings(run, network.layers)}
    return simulate(machine, network, Options(schedule=schedule), mappings=mappings)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("base", ["squeezenext_16x16", "tiny"])
def test_more_cores_never_cost_cycles(base, network):
    one = vary(BASES[base], {"layers.keep_activations": False, "layers.order": "serial", "objective": "cycles"})
    cycles = [simulate(vary(one, {"cores": cores}), NETWORKS[network]).total.cycles for cores in (1, 2, 4)]
    assert cycles == sorted(cycles, reverse=True)


@pytest.mark.parametrize("network", NETWORKS)
def test_slices_compute_what_the_whole_op_does(network):
    """Slices convolved by themselves and put beside one another are the whole convolution."""
    machine = vary(BASES["squeezenext_16x16"], {"cores": 3})
    for op in ops_of_cores(NETWORKS[network], machine):
        layer = op.planned.layer
        if layer.nest is None or layer.op == "matmul":
            continue
        inputs, weights = random_tensors(layer.nest, 1)
        whole = convolve(layer.nest, inputs, weights)
        for split in ways_of(op, 3):
            cut = slices_of(op, split)
            assert sum(own.layer.macs for own in cut) == layer.macs
            parts = [part_of(layer, own.layer, split.by, inputs, weights) for own in cut]
            groups = layer.groups > 1
            axis = {"samples": 0, "filters": 1 if groups else 2, "rows": 3}[split.by]
            assert np.array_equal(np.concatenate(parts, axis), whole), (layer.name, split)


def part_of(layer, own, by, inputs, weights):
    """Convolve what a slice is of; inputs are [N, G, C, H, W], weights [G, K, C, R, S]."""
    begin, end = map(int, own.name.rsplit(" ", 1)[1].rstrip("]").split(":"))
    if by == "samples":
        inputs = inputs[begin:end]
    elif by == "filters" and layer.groups > 1:
        inputs, weights = inputs[:, begin:end], weights[begin:end]
    elif by == "filters":
        weights = weights[:, begin:end]
    else:
        first = max(0, begin * layer.stride[0] - layer.padding[0])
        inputs = inputs[:, :, :, first : first + own.input_shapes[0][2]]
    return convolve(own.nest, np.ascontiguousarray(inputs), np.ascontiguousarray(weights))
