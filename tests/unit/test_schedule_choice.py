"""Stack by stack: one that costs more than it saves is left out, whatever the others do."""

from functools import cache

import pytest

from simulator import load_hardware, simulate
from simulator.door import saved_mappings
from simulator.engine.run_choice import paying_stacks
from simulator.engine.schedules import schedule_of
from simulator.hardware.vary import vary
from simulator.network.ir import Network
from simulator.result.run import Run
from simulator.schedule import Schedule, Stack, schedules
from simulator.schedule.fewer import with_fewer_stacks
from workloads.importers.assembly import Assembly

MACHINE = vary(
    load_hardware("edge_npu_like"),
    {"buffers.0.capacity": 6144, "array.rows": 8, "array.columns": 8, "layers.launch": "100 ns"},
)


@cache
def network() -> Network:
    """Large maps that gain by a stack, and behind squeeze-and-excite small ones whose weights come with every strip."""
    g = Assembly("two parts")
    x = g.conv(g.conv(g.input(3, 24, 16), 8, 3, padding=1, name="stem"), 8, 3, padding=1, name="body")
    x = g.conv(x, 32, 1, 2, name="thin")
    x = g.mul(x, g.conv(g.global_pool(x), 32, 1, name="se"), name="scale")
    x = g.depthwise(g.conv(x, 64, 1, name="expand"), 3, padding=1, name="depth")
    g.linear(g.global_pool(x), 10, name="head")
    return g.build()


@cache
def run_by(schedule: str) -> Run:
    given = {"none": Schedule(), "stacked": stacked(), "": None}[schedule]
    machine = vary(MACHINE, {"layers.stacks": "none"}) if schedule == "none" else MACHINE
    return simulate(machine, network(), objective="cycles", schedule=None if schedule == "none" else given, threads=1)


@cache
def stacked() -> Schedule:
    schedule = schedules(network(), MACHINE)[-1]
    assert schedule is not None
    return schedule


def stacks_of(run: Run) -> tuple[Stack, ...]:
    schedule = schedule_of(run)
    assert schedule is not None
    return schedule.stacks


def test_a_stack_that_does_not_pay_is_left_out_and_the_others_stay() -> None:
    run = run_by("")
    assert set(stacks_of(run)) < set(stacked().stacks) and stacks_of(run)
    assert run.total.cycles < min(run_by("none").total.cycles, run_by("stacked").total.cycles)


@pytest.mark.parametrize("objective", ["cycles", "dram"])
def test_stacks_pay_that_take_no_more_than_their_ops_do_without(objective: str) -> None:
    paying = paying_stacks(run_by("stacked"), run_by("none"), objective)
    layers = {name: {layer.name: layer for layer in run_by(name).layers} for name in ("stacked", "none")}
    for stack in stacked().stacks:
        own = ([layers[name][op] for op in stack.ops] for name in ("none", "stacked"))
        took, takes = (sum(x.cycles if objective == "cycles" else x.bytes_at("dram") for x in ops) for ops in own)
        assert (stack in paying) == (took >= takes)


def test_mappings_alone_replay_a_run_with_fewer_stacks() -> None:
    run = run_by("")
    mappings = {layer.name: mapping for layer, mapping in saved_mappings(run, network().layers)}
    again = simulate(MACHINE, network(), objective="cycles", mapping=mappings, threads=1)
    assert (again.total, again.layers) == (run.total, run.layers)


def test_what_a_stack_had_in_parts_stays_whole_only_where_there_is_room() -> None:
    names = {layer.name for layer in network().layers}
    found = with_fewer_stacks(stacked(), (), names, network(), MACHINE)
    assert found is not None and not found.stacks
    assert {part for _, part in found.addresses} <= {"whole"}
