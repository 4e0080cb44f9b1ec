"""Schedules as files: written, replayed to the same run, and refused with one line each where they are wrong."""

import re
from dataclasses import replace
from functools import cache

import pytest

from simulator import load_hardware, simulate, timeline
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.vary import vary
from simulator.network.ir import Network
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.laws import broken_laws
from simulator.result.run import Run
from simulator.schedule import Schedule, Stack, schedules
from simulator.schedule.files import load_schedule, ops_that_run, schedule_to_yaml
from workloads.importers.assembly import Assembly

MACHINE = vary(load_hardware("edge_npu_like"), {"buffers.0.capacity": 9216, "array.rows": 4, "array.columns": 8})


@cache
def network() -> Network:
    """Three windows whose tensors are too large to stay, a sum over two of them, and a head."""
    g = Assembly("windows")
    x = g.conv(g.input(3, 32, 16), 16, 3, padding=1, name="stem")
    y = g.conv(g.conv(x, 16, 3, padding=1, name="body"), 16, 1, name="thin")
    g.linear(g.global_pool(g.conv(g.add(y, x, name="sum"), 8, 3, 2, padding=1, name="down")), 10, name="head")
    return g.build()


@cache
def chosen() -> Schedule:
    schedule = schedules(network(), MACHINE)[-1]
    assert schedule is not None
    return schedule


@cache
def stacked() -> Run:
    return simulate(MACHINE, network(), schedule=chosen(), threads=1)


def text() -> str:
    return schedule_to_yaml(chosen(), ops_that_run(network(), MACHINE), "title")


def test_a_machine_stacks_ops_whose_tensors_do_not_fit() -> None:
    (stack,) = chosen().stacks
    assert stack.ops[0] == "stem" and {"body", "thin"} <= set(stack.ops)
    alone = simulate(replace(MACHINE, stacks="none"), network(), threads=1)
    assert stacked().total.dram_bytes < alone.total.dram_bytes / 2


def test_a_schedule_is_read_as_it_was_written(tmp_path) -> None:
    file = tmp_path / "schedule.yaml"
    file.write_text(text())
    assert load_schedule(file, network(), MACHINE) == chosen()


def test_a_run_holds_its_schedule_and_replays_to_itself(tmp_path) -> None:
    run = run_from_json(run_to_json(stacked()))
    assert schedule_of(run) == chosen()
    file = tmp_path / "schedule.yaml"
    file.write_text(text())
    again = simulate(MACHINE, network(), schedule=file, threads=1)
    assert (again.layers, again.total) == (run.layers, run.total)
    assert len(str(again.options["schedule"])) == 64


def test_a_timeline_plays_each_strip_and_ends_with_the_run() -> None:
    run = stacked()
    played = timeline(run)
    assert played.end_cycle == run.total.cycles
    strips = [op.strip for op in played.ops if op.name == "body"]
    (layer,) = (layer for layer in run.layers if layer.name == "body")
    assert len(strips) == layer.stacked.strips and {each.name for each in layer.stacked.shapes} == set(strips)


def test_ops_that_overlap_are_played_strip_by_strip_too() -> None:
    run = simulate(vary(MACHINE, {"layers.order": "overlapped"}), network(), schedule=chosen(), threads=1)
    assert timeline(run).end_cycle == run.total.cycles


BROKEN = {
    "a tensor kept that nobody makes": (("kept:\n", "kept:\n  sten: 0\n"), "kept.sten: no op of the network", "read"),
    "a tensor kept twice": (("kept:\n", "kept:\n  down: 0\n"), "kept.down: duplicate key", "each key once"),
    "an op that nobody knows": (("[stem, body", "[stem, bodi"), "stacks.0.ops.1: no op", "did you mean"),
    "an op in the order that nobody knows": (("- down", "- dwn"), "order.3: no op of the network", "did you mean"),
    "an order against the graph": (
        ("- stem\n- body", "- body\n- stem"),
        "order is against the graph",
        "expected: stem",
    ),
    "an op twice": (("- down\n", "- down\n- down\n"), "order.4: given twice", "each op once"),
    "a missing op": (("- down\n", ""), "1 ops are missing", "got: down"),
    "a tensor alive twice": (("kept:\n", "kept:\n  stem: 0\n"), "alive twice", "kept.stem"),
    "too many rows": (("strip_rows: ", "strip_rows: 99"), "strip_rows: out of range", "rows, which"),
    "a hole in a stack": (("stem, body, thin", "stem, thin"), "not the next op", "expected: body"),
    "no such part": (("weights: held", "weights: reloaded"), "the stack has no such part: weights", "parts."),
    "an address beyond": (("line: ", "line: 9"), "beyond sram", "of 9216 bytes"),
    "no such key": (("strip_rows", "strip_row"), "strip_row: unknown key", 'did you mean "strip_rows"'),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_with_a_file_is_told(what: str, tmp_path) -> None:
    (before, after), *told = BROKEN[what]
    file = tmp_path / "schedule.yaml"
    assert before in text()
    file.write_text(text().replace(before, after, 1))
    with pytest.raises(InputError) as error:
        load_schedule(file, network(), MACHINE)
    assert all(part in str(error.value) for part in told), str(error.value)
    assert re.match(rf"{re.escape(str(file))}:\d+:\d+: [\w.-]+: ", str(error.value)), str(error.value)


def test_a_machine_without_stacks_or_kept_tensors_refuses_them(tmp_path) -> None:
    file = tmp_path / "schedule.yaml"
    file.write_text(text())
    with pytest.raises(InputError, match="runs no stacks"):
        load_schedule(file, network(), replace(MACHINE, stacks="none"))
    kept = Schedule((), {("down", "whole"): 0})
    file.write_text(schedule_to_yaml(kept, ops_that_run(network(), MACHINE), "kept"))
    assert load_schedule(file, network(), MACHINE) == kept
    with pytest.raises(InputError, match="keeps no tensors"):
        load_schedule(file, network(), replace(MACHINE, keeps_activations=False))


def test_tensors_that_leave_an_op_no_room_for_its_tiles_are_over_capacity(tmp_path) -> None:
    kept, file = Schedule((), {("thin", "whole"): 0}), tmp_path / "schedule.yaml"
    machine = vary(MACHINE, {"buffers.0.capacity": 8192 + 64})
    file.write_text(schedule_to_yaml(kept, ops_that_run(network(), machine), "full"))
    with pytest.raises(InputError) as error:
        load_schedule(file, network(), machine)
    assert re.search(r"schedule.yaml:\d+:\d+: kept: over capacity in \w+: \d+ bytes stay", str(error.value))
    assert "room for" in str(error.value)


def test_bytes_that_two_blocks_share_are_told(tmp_path) -> None:
    addresses = dict.fromkeys(chosen().addresses, 0)
    file = tmp_path / "schedule.yaml"
    file.write_text(schedule_to_yaml(replace(chosen(), addresses=addresses), ops_that_run(network(), MACHINE), "low"))
    with pytest.raises(InputError, match="bytes that are taken: both are alive at a time"):
        load_schedule(file, network(), MACHINE)


def test_one_address_that_is_wrong_is_told_in_one_line(tmp_path) -> None:
    file, placed = tmp_path / "schedule.yaml", dict(chosen().addresses)
    (taken,) = (address for place, address in placed.items() if place == ("stem", "rows"))
    placed["stem", "line"] = taken
    file.write_text(schedule_to_yaml(replace(chosen(), addresses=placed), ops_that_run(network(), MACHINE), "one"))
    with pytest.raises(InputError) as error:
        load_schedule(file, network(), MACHINE)
    (problem,) = error.value.problems
    assert problem.path in ("parts.stem.line", "parts.stem.rows") and f"got: {taken}" in problem.render()


def test_what_cannot_go_strip_by_strip_is_told(tmp_path) -> None:
    order, file = ops_that_run(network(), MACHINE), tmp_path / "schedule.yaml"
    for ops, message in (
        (("down", "head"), "the op does not go row by row"),
        (("stem", "body"), "read behind the stack"),
    ):
        file.write_text(schedule_to_yaml(Schedule((Stack(ops, 1),)), order, "wrong"))
        with pytest.raises(InputError, match=message):
            load_schedule(file, network(), MACHINE)


def test_laws_notice_parts_of_a_stack_that_overlap_or_are_not_alive() -> None:
    run = stacked()
    stem = next(at for at, layer in enumerate(run.layers) if layer.name == "stem")
    facts = run.layers[stem].stacked
    assert facts is not None
    for parts, law in (
        ((), "bytes alive = those of tensors that stay"),
        (tuple(replace(part, address=0) for part in facts.parts), "tensors alive together lie apart"),
    ):
        layer = replace(run.layers[stem], stacked=replace(facts, parts=parts))
        altered = replace(run, layers=(*run.layers[:stem], layer, *run.layers[stem + 1 :]))
        assert law in {broken.law for broken in broken_laws(altered)}
