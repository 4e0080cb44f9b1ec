"""Drawn networks on drawn machines that keep tensors and run stacks: laws, the choice of a schedule, its replay."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator import load_hardware
from simulator.door import saved_mappings
from simulator.engine import Options, simulate
from simulator.engine.run_choice import MEASURES, figures_of
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.load import read_hardware
from simulator.hardware.model import BAND, OBJECTIVES, Hardware
from simulator.hardware.vary import vary
from simulator.network.ir import Network
from simulator.result.laws import broken_laws
from simulator.result.run import Run
from simulator.schedule import schedules
from simulator.schedule.check import faults
from simulator.schedule.files import load_schedule, ops_that_run, schedule_to_yaml
from simulator.source import parse_yaml
from tests.drawn_networks import chains, networks
from tests.oracle.small_cases import TINY
from tests.oracle.some_stacks import forced, setting

BASES = {
    "edge_npu_like": load_hardware("edge_npu_like"),
    "flexible_168": load_hardware("flexible_168"),
    "gemmini_16x16": load_hardware("gemmini_16x16"),
    "tiny": read_hardware(parse_yaml(TINY, "tiny")),
}
FUSED, FOLDED = ("activation", "add", "pool"), ("concat", "reshape", "shuffle", "split")


@st.composite
def machines(draw) -> Hardware:
    """A machine that keeps and stacks, with little memory: what it fuses, folds and overlaps is drawn."""
    base = BASES[draw(st.sampled_from(sorted(BASES)))]
    capacity = draw(st.sampled_from((768, 1536, 3072, 8192)))
    changes: dict[str, object] = {f"buffers.{at}.capacity": capacity for at in range(len(base.buffers))}
    changes |= {"array.rows": 4, "array.columns": draw(st.sampled_from((3, 4)))}
    changes |= {
        "dram.burst": draw(st.sampled_from((1, 16, 64))),
        "dram.layout.activations": draw(st.sampled_from(("nhwc", "nhwc", "tiled", "nchw"))),
        "fuses": draw(st.lists(st.sampled_from(FUSED), unique=True)),
        "folds": draw(st.lists(st.sampled_from(FOLDED), unique=True)),
        "layers.order": draw(st.sampled_from(("serial", "prefetch_weights", "overlapped"))),
        "layers.keep_weights": draw(st.sampled_from(("1 B", "100 B", "10 KiB"))),
        "layers.keep_activations": True,
        "layers.stacks": "depth_first",
        "layers.strip_overlap": draw(st.sampled_from(("kept", "kept", "recomputed", "either"))),
    }
    return vary(base, changes)


def obeys(run: Run, network: Network, machine: Hardware, folder: Path) -> int:
    """Hold a run against the laws, and against itself by its schedule's file and its mappings; count its stacks."""
    assert not [*broken_laws(run)]
    schedule, file = schedule_of(run), folder / "schedule.yaml"
    assert schedule is not None
    file.write_text(schedule_to_yaml(schedule, ops_that_run(network, machine), "drawn"), encoding="utf-8")
    assert load_schedule(file, network, machine) == schedule
    mappings = {layer.name: mapping for layer, mapping in saved_mappings(run, network.layers)}
    options = Options(objective=str(run.options["objective"]), schedule=schedule)
    again = simulate(machine, network, options, mappings=mappings, threads=1)
    assert (again.layers, again.total, again.steady) == (run.layers, run.total, run.steady)
    return len(schedule.stacks)


CASES = st.tuples(
    st.one_of(chains((16, 40), (6, 12)), chains((16, 40), (6, 12)), networks()),
    machines(),
    st.sampled_from(OBJECTIVES),
)


def check(case: tuple[Network, Hardware, str], data: st.DataObject, folder: Path) -> int:
    """Simulate with stacks, without, and with any one stack; return how many stacks there were."""
    network, machine, objective = case
    options = Options(objective=objective)
    try:
        none = simulate(vary(machine, {"layers.stacks": "none"}), network, options, threads=1)
    except InputError:
        assume(False)  # a layer is too large for the machine, whatever the schedule
    whole = [replace(options, schedule=each) for each in schedules(network, machine) if each]
    run = simulate(machine, network, options, threads=1)
    measure, room = MEASURES[objective], 1.0
    if objective == "cycles_then_energy":
        measure, room = MEASURES["cycles"], 1 + BAND
    for other in (none, *(simulate(machine, network, each, threads=1) for each in whole)):
        assert measure(figures_of(run)) <= measure(figures_of(other)) * room
    found = obeys(run, network, machine, folder)
    _, _, stacks = setting(network, machine)
    if machine.runs_stacks and stacks:
        schedule = forced(network, machine, data.draw(st.sampled_from(stacks)).stack)
        if not [*faults(schedule, network, machine)]:
            run = simulate(machine, network, replace(options, schedule=schedule), threads=1)
            found += obeys(run, network, machine, folder)
    return found


@settings(max_examples=max(4, settings.default.max_examples // 5))
@given(CASES, st.data())
def test_laws_hold_and_the_schedule_is_no_worse_than_none_and_replays(tmp_path_factory, case, data) -> None:
    assert check(case, data, tmp_path_factory.getbasetemp()) >= 0


@pytest.mark.slow
def test_laws_hold_on_five_hundred_networks_and_machines(tmp_path_factory) -> None:
    stacks = []

    @settings(max_examples=500)
    @given(CASES, st.data())
    def run(case, data) -> None:
        stacks.append(check(case, data, tmp_path_factory.getbasetemp()))

    run()
    assert len(stacks) >= 500 and sum(map(bool, stacks)) >= 100
