"""Stacks of real networks: what they let stay on chip, how soon they are found, and what a run says of them."""

import sys
from itertools import pairwise
from math import prod
from time import process_time

import pytest

from analysis.read.printing import plain_report
from analysis.read.summary import summary_lines
from simulator import load_hardware, load_network, simulate
from simulator.engine import Options
from simulator.engine.run_choice import best_run
from simulator.errors import InputError
from simulator.hardware.vary import vary
from simulator.schedule import Schedule, in_order, plan, schedules
from tests.unit.test_schedule_files import MACHINE, chosen, network, stacked

EDGE = load_hardware("edge_npu_like")


def sized(kibibytes: int):
    return vary(EDGE, {"buffers.0.capacity": kibibytes * 1024})


def best(name: str, kibibytes: int) -> Schedule:
    schedule = schedules(load_network(name), sized(kibibytes))[-1]
    assert schedule is not None
    return schedule


@pytest.mark.parametrize("kibibytes", [256, 1024])
def test_all_tensors_of_mobilenet_v2_stay_on_chip_with_stacks(kibibytes: int) -> None:
    ops = [
        op for op in plan(load_network("mobilenet_v2"), sized(kibibytes), best("mobilenet_v2", kibibytes)) if op.runs
    ]
    assert all(op.resident[0] for op in ops[1:]) and all(op.resident[2] for op in ops[:-1])


@pytest.mark.slow
def test_mobilenet_v2_moves_at_most_a_tenth_more_than_it_must_in_a_mebibyte() -> None:
    net = load_network("mobilenet_v2")
    run = simulate(EDGE, net)
    weights = sum(prod(n.bounds[1:4]) * prod(n.bounds[6:]) for layer in net.layers if (n := layer.nest))
    must = weights + prod(net.inputs["data"]) + 1000
    assert must <= run.total.dram_bytes <= 1.1 * must


@pytest.mark.parametrize(
    "name",
    ["mobilenet_v2", *(pytest.param(name, marks=pytest.mark.slow) for name in ("squeezenext:variant=v5", "deeplabv3"))],
)
def test_stacks_are_found_in_two_seconds(name: str) -> None:
    net, machine = load_network(name), sized(256)
    begin = process_time()
    assert len(schedules(net, machine)) == 2
    assert process_time() - begin < 4  # of a busy machine; alone, half of it


def test_squeeze_and_excite_ends_a_stack_and_may_begin_the_next() -> None:
    stacks = [stack.ops for stack in best("efficientnet", 256).stacks]
    assert all("/se/" not in op for ops in stacks for op in ops[1:])
    assert any("/se/scale" in ops[0] for ops in stacks)


def test_strips_of_a_stack_take_turns() -> None:
    turns = [(strip.layer.name, op.layer.name) for strip, op in in_order(plan(network(), MACHINE, chosen()))]
    (stack,) = chosen().stacks
    inside = [name for _, name in turns if name in stack.ops]
    assert inside[: len(stack.ops)] == list(stack.ops)
    assert len(inside) > len(stack.ops) and all(a != b for a, b in pairwise(inside))


def rows_of(name: str) -> int:
    return next(layer.output_shape[2] for layer in network().layers if layer.name == name)


def test_a_run_says_which_ops_ran_in_stacks() -> None:
    run, (stack,) = stacked(), chosen().stacks
    assert f"{stack.ops[0]} to {stack.ops[-1]} in " in dict(summary_lines(run))["stacks"]
    assert "stacks " in plain_report(run)
    rows = {row["layer"]: row for row in run.to_rows()}
    assert (
        rows["body"]["stack"] == f"{stack.ops[0]} to {stack.ops[-1]}"
        and rows["body"]["strips"] == 32 // stack.strip_rows
    )
    assert rows["head"]["stack"] == ""


def test_a_plan_that_leaves_an_op_no_room_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["simulator.engine.mapping_choice"]
    choose = module.choose_mappings

    def refuse(ops, *rest):
        if any("[" in op.layer.name for op in ops):
            raise InputError("no room")
        return choose(ops, *rest)

    monkeypatch.setattr(module, "choose_mappings", refuse)
    assert not any(layer.stacked for layer in simulate(MACHINE, network(), threads=1).layers)
    with pytest.raises(InputError, match="no room"):
        simulate(MACHINE, network(), schedule=chosen(), threads=1)


def test_the_best_run_is_that_of_the_objective() -> None:
    slow, fast = stacked(), simulate(vary(MACHINE, {"dram.bandwidth": "99 GB/s"}), network(), threads=1)
    assert best_run([slow, fast], "cycles") is min((slow, fast), key=lambda run: run.total.cycles)
    assert best_run([fast, slow], "dram") is min((fast, slow), key=lambda run: run.total.dram_bytes)
    assert best_run([slow, slow], "edp") is slow
    assert Options().schedule is None


@pytest.mark.parametrize("changes", [{"dram.layout.activations": "nchw"}, {"layers.keep_activations": False}])
def test_no_stack_runs_where_rows_lie_apart_in_dram_or_maps_do_not_stay(changes: dict) -> None:
    assert schedules(network(), vary(MACHINE, changes)) == (None,)
