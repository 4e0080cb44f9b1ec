"""The trace of a run against the trace-event format, and against the run."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from analysis.read.trace import BANDWIDTH, KEPT, LAYERS, SINGLY, events, microseconds, trace_text
from simulator import simulate, timeline
from simulator.hardware.load import list_hardware, load_hardware
from simulator.timing.tiles import OpTiles, PortSpec, TileRun
from simulator.timing.timeline import ARRAY, CONTROL, PORT, VECTOR, play
from tests.builders import conv_result, run_of
from tests.cli.tiny import tiny
from tests.marks import one_in

NUMBER = (int, float)
EVENT = {"ph": str, "pid": int, "name": str}
PHASES = {
    "M": EVENT | {"args": dict},
    "X": EVENT | {"tid": int, "cat": str, "ts": NUMBER, "dur": NUMBER, "args": dict},
    "C": EVENT | {"ts": NUMBER, "args": dict},
    "s": EVENT | {"tid": int, "cat": str, "id": int, "ts": NUMBER},
    "f": EVENT | {"tid": int, "cat": str, "id": int, "ts": NUMBER, "bp": str},
}
"""Phase -> the keys that an event of it has, and their types: complete slices, counters, both ends of flows, names."""
ARGUMENTS = {
    "process_name": {"name": str},
    "thread_name": {"name": str},
    "thread_sort_index": {"sort_index": int},
    BANDWIDTH: {"value": NUMBER},
    KEPT: {"value": NUMBER},
}
CASES = [
    *((machine, "tiny") for machine in list_hardware() if load_hardware(machine).cores == 1),
    *((machine, "squeezenext:variant=v5,resolution=64") for machine in ("ethos_u65_256", "eyeriss_chip", "nvdla_64")),
    ("edge_npu_like", "mobilenet_v2:resolution=128"),
]
PICOSECOND = 2e-6


@cache
def run_of_case(machine, network):
    return simulate(machine, tiny() if network == "tiny" else network)


@cache
def trace_of_case(machine, network):
    run = run_of_case(machine, network)
    return json.loads(trace_text(timeline(run), run))


def lanes_of(trace):
    """Lane -> its number."""
    return {e["args"]["name"]: e["tid"] for e in trace["traceEvents"] if e["name"] == "thread_name"}


def slices_of(trace):
    """Lane -> its slices in order of time."""
    names, found = {row: name for name, row in lanes_of(trace).items()}, defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            found[names[event["tid"]]].append(event)
    return {lane: sorted(slices, key=lambda event: event["ts"]) for lane, slices in found.items()}


@pytest.mark.parametrize(("machine", "network"), one_in(4, CASES))
def test_every_event_has_the_keys_of_its_phase(machine, network):
    trace = trace_of_case(machine, network)
    assert trace["displayTimeUnit"] in ("ms", "ns")
    for event in trace["traceEvents"]:
        schema = PHASES[event["ph"]]
        assert event.keys() - {"tid"} == schema.keys() - {"tid"}
        assert all(isinstance(event[key], kind) for key, kind in schema.items())
        assert event.get("ts", 0) >= 0 and event.get("dur", 0) >= 0
        wanted = ARGUMENTS.get(event["name"], {})
        assert all(isinstance(event["args"][key], kind) for key, kind in wanted.items())


@pytest.mark.parametrize(("machine", "network"), one_in(4, CASES))
def test_slices_of_a_lane_never_overlap(machine, network):
    for slices in slices_of(trace_of_case(machine, network)).values():
        assert all(one["ts"] + one["dur"] <= other["ts"] + PICOSECOND for one, other in pairwise(slices))


def beside_the_array(run):
    """Whether the vector unit works on outputs of the array while the array goes on."""
    epilogue = run.documents.hardware["vector"].get("epilogue")
    return epilogue is not None and epilogue.get("array", "runs") == "runs"


@pytest.mark.parametrize(("machine", "network"), one_in(4, CASES))
def test_each_lane_does_the_work_of_the_run_within_its_time(machine, network):
    run, slices = run_of_case(machine, network), slices_of(trace_of_case(machine, network))
    busy = {lane: sum(e["args"]["cycles"] for e in slices.get(lane, ())) for lane in (LAYERS, CONTROL, ARRAY, VECTOR)}
    parts = run.total.cycle_parts
    assert busy[LAYERS] == run.total.cycles
    assert busy[CONTROL] == parts["configuration"]
    worked = sum(parts[x] for x in ("compute", "delivery", "preload", "skew", "vector"))
    if beside_the_array(run):
        assert max(busy[ARRAY], busy[VECTOR]) <= worked <= busy[ARRAY] + busy[VECTOR]
        # an op of one tile has nothing to hide the work behind it
        assert (worked < busy[ARRAY] + busy[VECTOR]) == any(layer.tiles > 1 for layer in run.layers if layer.macs)
    else:
        assert busy[ARRAY] + busy[VECTOR] == worked
    port = [e for e in slices.get(PORT, ()) if e["cat"] != "prefetch"]
    assert sum(e["args"]["cycles"] for e in port) == sum(layer.bounds.get("dram", 0) for layer in run.layers)
    bytes_moved = sum(e["args"]["bytes"] for e in slices.get(PORT, ()))
    assert bytes_moved == (run.total.dram_bytes if PORT in slices else 0)
    end = max(e["ts"] + e["dur"] for each in slices.values() for e in each)
    assert end == pytest.approx(run.total.cycles / run.hardware.clock_hz * 1e6, abs=PICOSECOND)


@pytest.mark.parametrize(("machine", "network"), one_in(4, CASES))
def test_both_ends_of_each_flow_lie_in_slices_and_go_forward(machine, network):
    trace = trace_of_case(machine, network)
    rows, slices = lanes_of(trace), slices_of(trace)
    inside = {rows[lane]: [(e["ts"], e["ts"] + e["dur"]) for e in each] for lane, each in slices.items()}
    ends = defaultdict(dict)
    for event in trace["traceEvents"]:
        if event["ph"] in "sf":
            ends[event["id"]][event["ph"]] = event
            assert sum(begin < event["ts"] < end for begin, end in inside[event["tid"]]) == 1
    assert all(flow["s"]["ts"] < flow["f"]["ts"] and flow["f"]["bp"] == "e" for flow in ends.values())
    assert bool(ends) is (PORT in slices and run_of_case(machine, network).hardware.layer_order != "overlapped")


def test_counters_tell_bandwidth_and_kept_tensors_op_by_op():
    run, trace = (
        run_of_case("edge_npu_like", "mobilenet_v2:resolution=128"),
        trace_of_case("edge_npu_like", "mobilenet_v2:resolution=128"),
    )
    counted = {name: [e for e in trace["traceEvents"] if e["name"] == name] for name in (BANDWIDTH, KEPT)}
    kept = {layer.name: layer.kept_bytes for layer in run.layers}
    running = [kept[e["args"].get("of", e["name"])] for e in slices_of(trace)[LAYERS]]  # strips are of a layer
    assert [e["args"]["value"] for e in counted[KEPT]] == [*running, 0]
    begins = [e["ts"] for e in slices_of(trace)[LAYERS]]
    assert [e["ts"] for e in counted[BANDWIDTH]][:-1] == begins
    most = run.hardware.dram_bytes_per_cycle
    assert all(0 <= e["args"]["value"] <= most for e in counted[BANDWIDTH])
    assert max(e["args"]["value"] for e in counted[BANDWIDTH]) > 0


def equal_tiles(count):
    """Equal tiles that load for 10 cycles, compute for 20 and store for 5, beside a run of one layer."""
    runs = (TileRun(10, 20, 5, count, load_bytes=40, store_bytes=20),)
    played = play([OpTiles("conv1", ARRAY, runs, PortSpec(2, 2, 1, 0))])
    return played, run_of(conv_result("conv1"))


@pytest.mark.parametrize("count", [SINGLY, SINGLY + 1, 100, 10_000])
def test_equal_tiles_are_drawn_together_but_for_the_first(count):
    played, run = equal_tiles(count)
    drawn = [e for e in events(played, run) if e["ph"] == "X"]
    work = [e for e in drawn if e["cat"] == "compute"]
    assert len(work) == min(count, SINGLY + 1)
    assert sum(e["args"]["tiles"] for e in work) == count
    assert work[-1]["args"]["cycles"] == 20 * max(1, count - SINGLY)
    kinds = Counter(e["cat"] for e in drawn)
    assert sum(kinds.values()) <= 6 * (SINGLY + 1)


def test_times_are_microseconds_of_the_clock():
    played, run = equal_tiles(2)
    run = replace(run, hardware=replace(run.hardware, clock_hz=2_000_000_000))
    work = [(e["name"], e["ts"], e["dur"]) for e in events(played, run) if e.get("cat") == "compute"]
    assert work == [("compute conv1[0]", 0.005, 0.01), ("compute conv1[1]", 0.015, 0.01)]
    assert microseconds(700, 700_000_000) == 1.0


def test_the_trace_of_machines_that_overlap_ops_says_how_it_is_drawn():
    assert "overlap" in trace_of_case("nvdla_64", "squeezenext:variant=v5,resolution=64")["otherData"]["note"]
    assert "note" not in trace_of_case("edge_npu_like", "mobilenet_v2:resolution=128")["otherData"]
