"""Rows that strips of a stack share: computed again instead of kept in line buffers, counted by hand."""

from dataclasses import replace
from functools import cache

import pytest

from analysis.drive.explain.machine_levers import strips_made_again
from analysis.read.listings import machine_lines
from analysis.read.report.times import stack_data
from analysis.read.summary import summary_lines
from simulator import load_hardware, timeline
from simulator.engine import Options, simulate
from simulator.engine.run_choice import MEASURES, figures_of
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.model import Overlap
from simulator.hardware.vary import vary
from simulator.network.ir import Network
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.laws import broken_laws
from simulator.result.run import Run
from simulator.schedule import Stack
from simulator.schedule.files import load_schedule, ops_that_run, schedule_to_yaml
from simulator.schedule.stacks import blocks_of, strips_of
from simulator.verify.stacks import StackExecution, verify_stack
from tests.oracle.some_stacks import forced, setting
from workloads.importers.assembly import Assembly

EITHER = vary(
    load_hardware("edge_npu_like"),
    {"dram.burst": 1, "array.rows": 4, "array.columns": 4, "layers.strip_overlap": "either"},
)

OVERLAPS = ("kept", "recomputed", "either")


@cache
def pair() -> Network:
    """Two windows of 3 x 3 on maps of 8 x 8: 2, 4 and 2 channels."""
    g = Assembly("pair")
    g.conv(g.conv(g.input(2, 8, 8), 4, 3, padding=1, name="a"), 2, 3, padding=1, name="b")
    return g.build()


@cache
def run_of(overlap: Overlap) -> Run:
    stack = Stack(("a", "b"), 2, "held", overlap)
    return simulate(EITHER, pair(), Options(objective="dram", schedule=forced(pair(), EITHER, stack)), threads=1)


def test_each_strip_makes_the_rows_that_its_own_need() -> None:
    _, flow, _ = setting(pair(), EITHER)
    found = {each: strips_of(flow, Stack(("a", "b"), 2, "held", each))["a"] for each in ("kept", "recomputed")}
    assert found["kept"].made == ((0, 3), (3, 5), (5, 7), (7, 8))
    assert found["recomputed"].made == ((0, 3), (1, 5), (3, 7), (5, 8))
    assert [(each.line_rows, each.held_rows, each.again_rows) for each in found.values()] == [(2, 4, 0), (0, 4, 6)]


def test_no_line_waits_and_rows_are_all_there_is() -> None:
    _, flow, _ = setting(pair(), EITHER)
    sizes = {
        each: {
            place: block.size_bytes
            for place, block in blocks_of(flow, Stack(("a", "b"), 2, "reloaded", each), EITHER).items()
        }
        for each in ("kept", "recomputed")
    }
    assert sizes["kept"] == {("a", "line"): 2 * 32, ("a", "rows"): 2 * 32}
    assert sizes["recomputed"] == {("a", "rows"): 4 * 32}


def test_macs_and_bytes_grow_by_rows_that_are_made_again() -> None:
    """`a` makes 3 + 4 + 4 + 3 rows for 8, and reads 4 + 6 + 6 + 4 of its inputs' for 4 + 4 + 4 + 2."""
    kept, again = run_of("kept"), run_of("recomputed")
    own = 8 * 4 * 2 * 9  # MACs of a row of `a`
    assert [layer.effective_macs for layer in kept.layers] == [8 * own, 8 * own]
    assert [layer.effective_macs for layer in again.layers] == [14 * own, 8 * own]
    assert [run.layers[0].traffic["dram"]["inputs"].read_bytes for run in (kept, again)] == [14 * 16, 20 * 16]
    assert again.total.macs == kept.total.macs == 16 * own
    assert again.total.effective_macs == 22 * own
    assert not [*broken_laws(again)]


def test_what_a_fused_add_reads_comes_again() -> None:
    g = Assembly("residual")
    x = g.input(4, 8, 8)
    g.conv(g.add(g.conv(x, 4, 1, name="thin"), x, name="sum"), 2, 3, padding=1, name="last")
    network, stack = g.build(), Stack(("thin", "last"), 2, "held", "recomputed")
    run = simulate(EITHER, network, Options(objective="dram", schedule=forced(network, EITHER, stack)), threads=1)
    assert run.layers[0].fused == ("sum",)
    assert run.layers[0].traffic["dram"]["inputs"].read_bytes == 2 * 14 * 32  # inputs and residuals, 14 rows each
    _, _, stacks = setting(network, EITHER)
    (saved,) = (each.saved_bytes for each in stacks if each.stack == stack)
    assert saved == 2 * 8 * 32 - 2 * 6 * 32


def test_rows_before_a_fused_pool_are_made_again() -> None:
    """A pool of 3 rows, 2 apart, behind 16: its strips of 2 rows read 5 each, of which they share one."""
    g = Assembly("stem")
    x = g.relu(g.input(3, 17, 8), name="first")
    g.max_pool(g.conv(x, 6, 3, padding=1, name="stem"), 3, 2)
    network = g.build()
    stack = Stack(("first", "stem"), 2, "held", "recomputed")
    run = simulate(EITHER, network, Options(schedule=forced(network, EITHER, stack)), threads=1)
    (stem,) = (layer for layer in run.layers if layer.name == "stem")
    assert stem.stacked is not None and stem.stacked.again_rows == 4 * 5 - 17
    assert {part.part for part in stem.stacked.parts} == {"weights"}
    assert stem.traffic["dram"]["outputs"].write_bytes == 8 * 6 * 3
    assert verify_stack(network, EITHER, stack).passed


def test_strips_find_nothing_of_those_before() -> None:
    execution = StackExecution(pair(), EITHER, Stack(("a", "b"), 2, "held", "recomputed"))
    assert execution.verdict().passed
    execution.strips["a"] = replace(execution.strips["a"], recomputed=False)
    assert execution.verdict().lost_rows == 3 * 2


def test_a_choice_saves_what_strips_do_not_read_again() -> None:
    """Whole, what the first op makes is written and read, 512 bytes each; 6 or 12 rows of 32 bytes are read again."""
    g = Assembly("wide")
    g.conv(g.conv(g.input(2, 8, 16), 4, 3, padding=1), 2, 3, padding=1)
    _, _, stacks = setting(g.build(), EITHER)
    saved = {
        each.stack.overlap: each.saved_bytes for each in stacks if each.stack.weights == "held" and each.strips == 4
    }
    assert saved == {"kept": 1024 - 6 * 32, "recomputed": 1024 - 12 * 32}


@cache
def heavy() -> Network:
    """What ops make in the middle is large, and what little is made above is soon made again."""
    g = Assembly("heavy")
    x = g.conv(g.conv(g.input(2, 24, 16), 2, 3, padding=1, name="thin"), 16, 1, 2, name="wide")
    x = g.conv(g.depthwise(x, 3, padding=1, name="spread"), 32, 1, name="more")
    g.depthwise(x, 1, name="scaled")
    return g.build()


@pytest.mark.parametrize("objective", ["cycles", "dram"])
def test_rows_are_made_again_where_that_is_better_and_never_worse(objective: str) -> None:
    machines = {
        overlap: vary(EITHER, {"buffers.0.capacity": 2048, "layers.strip_overlap": overlap}) for overlap in OVERLAPS
    }
    runs = {
        overlap: simulate(machine, heavy(), Options(objective=objective), threads=1)
        for overlap, machine in machines.items()
    }
    figures = {overlap: MEASURES[objective](figures_of(run)) for overlap, run in runs.items()}
    assert figures["either"] <= min(figures.values())
    schedule = schedule_of(runs["either"])
    assert schedule is not None and {stack.overlap for stack in schedule.stacks} == {"recomputed"}
    assert figures["either"] < figures["kept"]


def test_a_run_holds_the_overlap_and_replays_from_its_file(tmp_path) -> None:
    run, file = run_from_json(run_to_json(run_of("recomputed"))), tmp_path / "schedule.yaml"
    schedule = schedule_of(run)
    assert schedule is not None and schedule.stacks[0].overlap == "recomputed"
    file.write_text(schedule_to_yaml(schedule, ops_that_run(pair(), EITHER), "again"))
    assert "overlap: recomputed" in file.read_text()
    assert load_schedule(file, pair(), EITHER) == schedule
    assert timeline(run).end_cycle == run.total.cycles


@pytest.mark.parametrize(("able", "asked"), [("kept", "recomputed"), ("recomputed", "kept")])
def test_a_machine_refuses_what_its_strips_do_not_do(able: str, asked: Overlap, tmp_path) -> None:
    schedule, file = forced(pair(), EITHER, Stack(("a", "b"), 2, "held", asked)), tmp_path / "schedule.yaml"
    file.write_text(schedule_to_yaml(schedule, ["a", "b"], "other"))
    with pytest.raises(InputError) as error:
        load_schedule(file, pair(), vary(EITHER, {"layers.strip_overlap": able}))
    (problem,) = error.value.problems
    expected = f"{able}, or layers.strip_overlap: either in its file"
    assert (problem.path, problem.expected, problem.got) == ("stacks.0.overlap", expected, asked)


def test_laws_notice_rows_made_again_that_are_kept_and_macs_that_nobody_needs() -> None:
    run = run_of("recomputed")
    first = run.layers[0]
    assert first.stacked is not None
    for told, law in (
        ({"overlap": "kept"}, "no row is made twice that is kept"),
        ({"again_rows": 5}, "effective MACs are 0 to all of the layer's"),
    ):
        layer = replace(first, stacked=replace(first.stacked, **told))
        assert law in {broken.law for broken in broken_laws(replace(run, layers=(layer, *run.layers[1:])))}


def test_texts_say_that_rows_are_made_again() -> None:
    lines = dict(summary_lines(run_of("recomputed")))
    assert "overlap recomputed" in lines["stacks"]
    assert "12.7K executed, 3.46K of them again in strips" in lines["MACs"]


def test_a_machine_tells_what_its_strips_do() -> None:
    told = {each: " ".join(machine_lines(vary(EITHER, {"layers.strip_overlap": each}))) for each in OVERLAPS}
    assert "in stacks depth-first, rows computed again" in told["recomputed"]
    assert "in stacks depth-first, rows kept or computed again" in told["either"]
    assert "rows" not in told["kept"].split("in stacks depth-first", 1)[1].split("launch")[0]


def test_explanations_try_to_make_rows_again_where_they_wait() -> None:
    tried = {each: [*strips_made_again(vary(EITHER, {"layers.strip_overlap": each}), pair())] for each in OVERLAPS}
    change = ("layers.strip_overlap: kept -> either", {"layers.strip_overlap": "either"})
    assert tried == {"kept": [change], "recomputed": [], "either": []}
    assert not [*strips_made_again(vary(EITHER, {"layers.stacks": "none", "layers.strip_overlap": "kept"}), pair())]


def test_the_page_of_a_run_tells_the_overlap_of_its_stacks() -> None:
    assert [each[4:] for each in stack_data(run_of("recomputed"))] == [[4, 2, "held", "recomputed"]]
