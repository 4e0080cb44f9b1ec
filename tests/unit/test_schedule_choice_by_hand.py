"""Which of several runs is best, which stacks pay, which weights stay from frame to frame: figures that are told."""

import logging
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from simulator import load_hardware
from simulator.engine import frames, run_choice, schedule_choice
from simulator.engine.run_choice import best_run, paying_stacks
from simulator.engine.schedule_choice import best_frame, plans_of
from simulator.errors import InputError, Problem
from simulator.hardware.model import BAND, Hardware
from simulator.network.ir import Network
from simulator.result.run import LayerResult, Run, Traffic
from simulator.result.stacked import KeptTensor
from simulator.schedule import Schedule, Stack, played, schedules
from simulator.schedule.fewer import with_fewer_stacks
from tests.builders import MACHINE as FACTS
from tests.builders import conv_result, run_of
from tests.unit.test_schedule_choice import MACHINE, network, stacked

CHIP = load_hardware("flexible_168")


def measured(cycles: int, energy_pj: float = 0.0, dram_bytes: int = 0, dma_cycles: int = 0) -> Run:
    run = run_of(replace(conv_result("conv"), dma_cycles=dma_cycles))
    total = replace(run.total, cycles=cycles, energy_pj=energy_pj, dram_bytes=dram_bytes)
    return replace(run, total=total)


def test_the_best_run_has_least_of_what_the_objective_asks_for() -> None:
    """Cycles and DMA cycles are 60, 55, 70 and 71, energy times cycles 90, 75, 100 and 88."""
    told = ((10, 9.0, 300, 50), (30, 2.5, 400, 25), (50, 2.0, 350, 20), (11, 8.0, 250, 60))
    runs = [measured(*each) for each in told]
    picked = {objective: runs.index(best_run(runs, objective)) for objective in run_choice.MEASURES}
    assert picked == {"cycles": 0, "cycles_plus_dma": 1, "cycles_then_energy": 0, "dram": 3, "edp": 1, "energy": 2}


def test_energy_decides_among_runs_that_take_at_most_a_hundredth_more_cycles() -> None:
    assert BAND == 0.01
    runs = [measured(10_000, 5.0), measured(10_100, 3.0), measured(10_101, 1.0)]
    assert best_run(runs, "cycles_then_energy") is runs[1]
    assert best_run(runs, "energy") is runs[2]


def test_of_equally_good_runs_the_faster_is_best_then_the_first() -> None:
    runs = [measured(12, 5.0), measured(11, 5.0), measured(11, 5.0)]
    assert best_run(runs, "energy") is runs[1]


def layer(name: str, cycles: int, energy_pj: float) -> LayerResult:
    return replace(conv_result(name), cycles=cycles, energy_pj=energy_pj)


def runs_of_stack(cycles: int, energy_pj: float, op: str = "d") -> tuple[Run, Run]:
    """Five layers of 10 cycles and 5 pJ; without its stack of three, one of these takes what is told."""
    names, own = "abcde", {op: layer(op, cycles, energy_pj)}
    with_stack = [layer(name, 10, 5.0) for name in names]
    without = [own.get(name, layer(name, 10, 5.0)) for name in names]
    without[0], without[4] = layer("a", 1, 0.0), layer("e", 1, 0.0)  # outside of the stack
    return run_of(*with_stack), run_of(*without)


@pytest.mark.parametrize("op", ["b", "d"])
@pytest.mark.parametrize(
    ("cycles", "energy_pj", "objective", "pays"),
    [
        (10, 5.0, "cycles", True),
        (9, 9.0, "cycles", False),
        (10, 4.0, "cycles_then_energy", True),
        (9, 9.0, "cycles_then_energy", False),
        (9, 5.0, "energy", True),
        (11, 4.0, "energy", False),
    ],
)
def test_a_stack_pays_unless_its_ops_took_less_without(
    cycles: int, energy_pj: float, objective: str, pays: bool, op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(("b", "c", "d"), 2)
    monkeypatch.setattr(run_choice, "schedule_of", lambda run: Schedule((stack,)))
    assert paying_stacks(*runs_of_stack(cycles, energy_pj, op), objective) == [stack] * pays


def test_a_run_without_a_schedule_has_no_stack_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_choice, "schedule_of", lambda run: None)
    assert paying_stacks(*runs_of_stack(9, 5.0), "cycles") == []


def frame(cycles: int, name: str = "") -> Any:
    return SimpleNamespace(run=measured(cycles), ops=(SimpleNamespace(in_stack=None),), name=name)


def attempts(*results: Any) -> Callable[[Any], Any]:
    """Return what takes the plans one after the other, and gives what is told, or raises it."""
    left = iter(results)

    def attempt(ops: object) -> Any:
        if isinstance(result := next(left), Exception):
            raise result
        return result

    return attempt


def refusal(message: str) -> InputError:
    return InputError(Problem(message))


NET: Any = None


def test_a_plan_that_is_refused_is_passed_by_and_the_first_refusal_is_told_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule_choice, "_improved", lambda *args: pytest.fail("there is one frame"))
    one = frame(10)
    for results in ((refusal("no"), one), (one, refusal("no"))):
        assert best_frame([(), ()], attempts(*results), NET, CHIP, "cycles") is one
    with pytest.raises(InputError, match="first"):
        best_frame([(), ()], attempts(refusal("first"), refusal("second")), NET, CHIP, "cycles")


def test_the_best_of_all_frames_is_taken_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without, with_all, fewer, asked = frame(10), frame(12), frame(9), []
    monkeypatch.setattr(schedule_choice, "_improved", lambda *args: asked.append(args[:2]) or [fewer])
    with caplog.at_level(logging.INFO, logger="squeezesim"):
        assert best_frame([(), ()], attempts(without, with_all), NET, CHIP, "cycles") is fewer
    assert asked == [(without, with_all)]
    assert "took the best of 3 schedules by cycles: 9 cycles" in caplog.messages


STACKS = [Stack((name,), 1) for name in "abc"]


def improved(
    monkeypatch: pytest.MonkeyPatch, paying: list[int], attempt: Callable[[Any], Any], *, room: bool = True
) -> list[Any]:
    """Leave out stacks of a frame of 20 cycles with three, of which so many pay, then so many of those left."""
    schedules, counts = iter([STACKS, *(STACKS[:n] for n in paying)]), iter(paying)
    without = SimpleNamespace(run=measured(30), ops=(SimpleNamespace(kept=True, layer=SimpleNamespace(name="kept")),))
    monkeypatch.setattr(schedule_choice, "schedule_of", lambda run: Schedule(tuple(next(schedules))))
    monkeypatch.setattr(schedule_choice, "paying_stacks", lambda run, base, objective: paid(run, base, next(counts)))

    def paid(run: Run, base: Run, count: int) -> list[Stack]:
        assert base is without.run and run is not base
        return STACKS[:count]

    def fewer(schedule: Schedule, stacks: list[Stack], kept: set[str], *rest: object) -> Schedule | None:
        assert (kept, rest) == ({"kept"}, (NET, CHIP)) and len(stacks) < len(schedule.stacks)
        return Schedule(tuple(stacks)) if room else None

    def planned(network: Network, hardware: Hardware, schedule: Schedule) -> tuple[Schedule]:
        assert (network, hardware) == (NET, CHIP) and schedule.stacks
        return (schedule,)

    monkeypatch.setattr(schedule_choice, "with_fewer_stacks", fewer)
    monkeypatch.setattr(schedule_choice, "plan", planned)
    stacked_frame: Any = frame(20)
    return schedule_choice._improved(without, stacked_frame, attempt, NET, CHIP, "cycles")  # type: ignore[arg-type]


def test_stacks_are_left_out_as_long_as_that_makes_the_run_better(monkeypatch: pytest.MonkeyPatch) -> None:
    two, one = frame(18), frame(17)
    assert improved(monkeypatch, [2, 1, 1], attempts(two, one)) == [two, one]
    assert improved(monkeypatch, [2, 2], attempts(two)) == [two]
    assert improved(monkeypatch, [2, 1], attempts(two, frame(18))) == [two]  # no better
    assert improved(monkeypatch, [2, 1], attempts(two, refusal("no room"))) == [two]


def test_nothing_is_left_out_where_all_stacks_pay_or_none_or_what_is_left_has_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert improved(monkeypatch, [3], attempts()) == []
    assert improved(monkeypatch, [0], attempts()) == []
    assert improved(monkeypatch, [2], attempts(), room=False) == []
    assert improved(monkeypatch, [2], attempts(frame(20))) == []
    assert improved(monkeypatch, [2], attempts(refusal("no room"))) == []


def names_of(plans: list[Any]) -> list[set[str]]:
    return [{op.layer.name for op in played(ops)} for ops in plans]


def test_plans_are_those_that_know_the_mappings_given() -> None:
    net = network()
    without, with_stacks = names_of(plans_of(MACHINE, net, schedules(net, MACHINE), ()))
    assert "body" in without and "body" not in with_stacks
    assert names_of(plans_of(MACHINE, net, (stacked(),), ())) == [with_stacks]
    assert names_of(plans_of(MACHINE, net, (stacked(),), {"body"})) == [with_stacks]
    assert names_of(plans_of(MACHINE, net, schedules(net, MACHINE), {"head"})) == [without, with_stacks]
    assert names_of(plans_of(MACHINE, net, schedules(net, MACHINE), {"body"})) == [without]
    assert names_of(plans_of(MACHINE, net, schedules(net, MACHINE), with_stacks)) == [with_stacks]
    assert names_of(plans_of(MACHINE, net, schedules(net, MACHINE), {"nobody's"})) == [without]


def test_mappings_of_strips_of_one_stack_and_of_whole_ops_of_another_ask_for_that_stack_alone() -> None:
    net = network()
    without, with_stacks = names_of(plans_of(MACHINE, net, schedules(net, MACHINE), ()))
    first, *others = stacked().stacks
    assert others
    strips = {name for name in with_stacks - without if name.split("[")[0] in first.ops}
    (found,) = names_of(plans_of(MACHINE, net, schedules(net, MACHINE), strips | {others[0].ops[-1]}))
    assert strips <= found and {*others[0].ops} <= found
    assert names_of(plans_of(MACHINE, net, schedules(net, MACHINE), strips | {"nobody's"})) == [without]


def roomy(size: int) -> Hardware:
    (buffer,) = MACHINE.buffers
    return replace(MACHINE, buffers=(replace(buffer, capacity_bytes=size),))


@pytest.mark.parametrize(
    ("stays", "kept", "size", "places"),
    [
        (0, {"body", "thin", "expand"}, 6144, {("body", "rows")}),
        (0, {"body", "thin", "expand"}, 12_000, {("body", "rows"), ("expand", "whole")}),
        (1, {"body", "expand"}, 6144, {("scale", "rows")}),
        (1, {"body", "expand"}, 8192, {("scale", "rows"), ("body", "whole")}),
        (1, set(), 8192, {("scale", "rows")}),
        (0, {"scale", "expand"}, 9000, {("body", "rows")}),
    ],
)
def test_a_stack_that_stays_keeps_its_parts_and_tensors_of_the_other_stay_whole_where_they_did_without(
    stays: int, kept: set[str], size: int, places: set[tuple[str, str]]
) -> None:
    stack = stacked().stacks[stays]
    found = with_fewer_stacks(stacked(), [stack], kept, network(), roomy(size))
    assert found is not None and found.stacks == (stack,)
    assert {*found.addresses} == places | {place for place in stacked().addresses if place[1] == "whole"}


def test_all_tensors_stay_whole_that_did_without_stacks_or_none_of_them() -> None:
    """One finds room beside what is whole in any case, all three do not, though two would."""
    whole = {place for place in stacked().addresses if place[1] == "whole"}
    for kept, more in (({"body"}, {("body", "whole")}), ({layer.name for layer in network().layers}, set())):
        found = with_fewer_stacks(stacked(), (), kept, network(), roomy(9000))
        assert found is not None and {*found.addresses} == whole | more


def test_stacks_that_find_no_room_are_no_schedule() -> None:
    assert with_fewer_stacks(stacked(), stacked().stacks[:1], (), network(), roomy(1024)) is None


def holding(name: str, kept: int, tile: int, weights: int) -> LayerResult:
    traffic = {"dram": {"weights": Traffic(weights, 0)}} if weights else {}
    return replace(conv_result(name), kept_bytes=kept, tile_bytes=tile, traffic=traffic, alive_bytes=0)


def fit(room: int, top: int = 0) -> list[str]:
    """Which of three ops' weights stay, of 100, 60 and 50 bytes, which cross once, twice and three times."""
    layers = [holding("a", 10, 30, 100), holding("b", 20, 40, 120), holding("c", 5, 25, 150), holding("d", 0, 1, 0)]
    if top:
        layers[3] = replace(layers[3], kept=KeptTensor(0, top, "d"))
    own = [replace(each, tile_bytes=each.tile_bytes - 15) for each in layers[:3]] + layers[3:]
    run = run_of(*layers, machine=replace(FACTS, activation_bytes=room))
    return frames._that_fit(run, own, {"a": 100, "b": 60, "c": 50})


def test_weights_stay_that_cross_most_often_as_long_as_all_ops_have_room() -> None:
    """Tiles and tensors of the op that has most take 60 bytes, 45 if it is the second whose weights stay."""
    assert fit(50 + 60) == ["c"]
    assert fit(50 + 60 - 1) == ["b"]  # 60 + 45: the third's 50 + 60 do not fit, nor do all
    assert fit(60 + 45 - 1) == []
    assert fit(50 + 60 + 45) == ["c", "b"]
    assert fit(50 + 60 + 45 - 1) == ["c"]
    assert fit(210 + 45) == ["c", "b", "a"]
    assert fit(210 + 44) == ["c", "b"]


def test_weights_that_stay_lie_above_all_tensors() -> None:
    assert fit(50 + 61, top=61) == ["c"]
    assert fit(50 + 60, top=61) == []
    assert fit(210 + 100, top=100) == ["c", "b", "a"]


def test_weights_lie_one_behind_the_other() -> None:
    assert frames._addresses(100, ["b", "a"], {"a": 10, "b": 20, "c": 5}) == {"b": 100, "a": 120}


def test_weights_of_a_file_leave_the_op_that_takes_most_its_room() -> None:
    (buffer,) = CHIP.buffers
    machine = replace(CHIP, buffers=(replace(buffer, capacity_bytes=100),))
    layers = [holding("a", 40, 1, 0), holding("b", 20, 30, 0), holding("c", 1, 45, 0)]
    frames._check_room(layers, 50, machine)
    with pytest.raises(InputError, match="over capacity in b") as caught:
        frames._check_room(layers, 51, machine)
    (problem,) = caught.value.problems
    assert (problem.expected, problem.got) == ("at most 50 bytes", "51")
