"""Comparisons of runs: what corresponds, and changes that add up."""

from dataclasses import replace

import pytest

from analysis.read.compare import Comparison, compare
from analysis.read.compare.align import RULES, align
from analysis.read.compare.likeness import run_labels
from analysis.read.compare.tables import comparison_rows, comparison_text, overview
from analysis.read.compare.waterfall import MOST_STEPS, steps, waterfall
from analysis.read.objective import COMPARED
from analysis.read.pictures import write_pictures
from simulator import simulate
from simulator.errors import InputError
from simulator.network.ir import Op
from simulator.result.laws import LawViolation
from simulator.result.run import Run
from tests.builders import MACHINE, conv_result, deep_run, free_result, run_of, small_run, vector_result
from tests.marks import one_in


@pytest.fixture(scope="module")
def versions() -> Comparison:
    before, after = (simulate("squeezenext_16x16", f"squeezenext:variant={name}") for name in ("v1", "v5"))
    return compare(before, after)


@pytest.mark.parametrize("by", list(COMPARED))
def test_changes_by_layer_stage_and_part_add_up_to_the_total(by: str) -> None:
    pairs = [(small_run(), after) for after in (deep_run(12), deep_run(20), small_run(), run_of())]
    for before, after in [*pairs, *((after, before) for before, after in pairs)]:
        found = compare(before, after, by)
        for changes in (found.layers, found.stages, found.parts):
            assert sum(change.change for change in changes) == pytest.approx(found.total.change, abs=1e-6)
            assert sum(change.contribution for change in changes) == pytest.approx(found.total.contribution)
            sizes = [abs(change.change) for change in changes]
            assert sizes == sorted(sizes, reverse=True)


def test_counted_measures_add_up_exactly(versions: Comparison) -> None:
    assert versions.total.change == versions.after.total.cycles - versions.before.total.cycles
    for changes in (versions.layers, versions.stages, versions.parts):
        assert sum(change.change for change in changes) == versions.total.change
    for change in (*versions.layers, *versions.stages):
        assert sum(change.parts.values()) == change.change


def test_the_first_layer_and_the_early_blocks_are_what_squeezenext_v5_saves(versions: Comparison) -> None:
    stages = {change.name: change for change in versions.stages}
    assert stages["block1"].change < stages["conv1"].change < 0 < stages["block3"].change
    first = next(change for change in versions.layers if change.name == "conv1")
    assert first == versions.layers[0]
    assert first.detail == "conv1: name" and first.relative is not None and first.relative < -0.2
    gone = [change for change in versions.layers if change.is_gone and change.detail.startswith("block1")]
    assert sum(change.change for change in gone) < 0.9 * stages["block1"].change


def test_layers_correspond_by_name_where_nothing_else_changed() -> None:
    pairs = align(deep_run(12), deep_run(12))
    assert all(pair.before == pair.after and pair.alike == "name and shape" for pair in pairs)


def test_layers_of_other_names_correspond_by_shape_in_their_order() -> None:
    before = run_of(conv_result("a"), conv_result("b", channels=8), conv_result("c"))
    after = run_of(conv_result("x"), conv_result("y"), conv_result("z", channels=8))
    found = {pair.before.name: pair.after.name for pair in align(before, after) if pair.before and pair.after}
    assert found == {"a": "x", "b": "z", "c": "y"}


def test_a_running_number_does_not_join_layers_of_different_stages() -> None:
    before = run_of(conv_result("conv1", stage="s1"), conv_result("conv2", stage="s1", channels=99))
    after = run_of(conv_result("conv1", stage="s1"), conv_result("conv2", stage="s2", channels=7))
    assert [pair.alike for pair in align(before, after)] == ["name and shape", "only before", "only after"]


def test_a_layer_with_another_kernel_or_size_corresponds_by_its_name() -> None:
    before = run_of(conv_result("conv1", kernel=(7, 7)), conv_result("conv2", size=14))
    after = run_of(conv_result("conv1", kernel=(5, 5)), conv_result("conv2", size=13))
    assert [pair.alike for pair in align(before, after)] == ["name", "name and channels"]


def test_every_layer_is_paired_once_in_the_order_of_the_networks() -> None:
    before, after = deep_run(20), run_of(*deep_run(12).layers, conv_result("more", channels=5, stage="last"))
    pairs = align(before, after)
    assert [pair.after for pair in pairs if pair.after] == list(after.layers)
    names = [pair.before.name for pair in pairs if pair.before]
    assert sorted(names) == sorted(layer.name for layer in before.layers)
    assert {pair.alike for pair in pairs} <= {*RULES, "only before", "only after"}


def test_a_run_compared_with_itself_has_no_change() -> None:
    comparison = compare(small_run(), small_run())
    assert comparison.total.change == 0
    assert all(change.change == 0 and change.relative in (0, None) for change in comparison.layers)


def test_free_layers_are_left_out_and_new_ones_have_no_relative_change() -> None:
    before = run_of(conv_result("conv1"), free_result("concat", Op.CONCAT, folded=True))
    after = run_of(conv_result("conv1"), vector_result("concat", Op.CONCAT))
    added = next(change for change in compare(before, after).layers if change.name == "concat")
    assert added.before == 0 and added.relative is None
    assert all(change.before or change.after for change in compare(before, before).layers)


def test_energies_of_relative_tables_compare_in_picojoules() -> None:
    relative = run_of(conv_result("conv"), machine=replace(MACHINE, energy_unit="MAC", energy_unit_pj=2.0))
    assert compare(small_run(), relative, "energy").total.after == relative.total.energy_pj


def test_an_unknown_measure_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "energy"'):
        compare(small_run(), small_run(), "energie")


def test_a_total_that_its_layers_do_not_make_up_is_noticed() -> None:
    wrong = replace(small_run(), total=replace(small_run().total, cycles=1))
    with pytest.raises(LawViolation, match="add up to the change of the total"):
        compare(small_run(), wrong)


@pytest.mark.parametrize("by", list(COMPARED))
def test_the_steps_of_every_waterfall_lead_from_one_total_to_the_other(by: str) -> None:
    comparison = compare(small_run(), deep_run(40), by)
    for cut in (comparison.grouped, "part", "layer"):
        found = steps(comparison, cut)
        assert len(found) <= MOST_STEPS + 1
        assert sum(change for _, change in found) == pytest.approx(comparison.total.change)
    rows = waterfall(comparison, ("a", "b")).rows
    last = {row["by"]: row["level"] for row in rows}
    assert list(last.values()) == pytest.approx([comparison.total.after] * 3)


@pytest.mark.parametrize(
    "runs", one_in(2, [((small_run(), deep_run(30)),), ((small_run(), small_run()),), ((run_of(), run_of()),)])
)
def test_waterfalls_are_drawn_of_anything(runs: tuple[Run, Run], tmp_path) -> None:  # type: ignore[no-untyped-def]
    for by in COMPARED:
        picture = waterfall(compare(*runs, by), ("$a$", "b\x1b[0m"), f"waterfall_{by}")
        files = write_pictures([picture], tmp_path, ("png", "svg"))
        assert [file.suffix for file in files] == [".csv", ".png", ".svg"]


def test_rows_hold_every_change_and_the_parts_of_each(versions: Comparison) -> None:
    rows = comparison_rows([versions], ["v1", "v5"])
    for cut in ("layer", "stage", "part", "total"):
        cut_rows = [row for row in rows if row["by"] == cut]
        assert sum(int(row["change"]) for row in cut_rows) == versions.total.change
        for row in cut_rows:
            parts = sum(int(value) for key, value in row.items() if key.startswith("change_"))
            assert parts == row["change"]


def test_runs_are_named_by_what_tells_them_apart() -> None:
    other = replace(small_run(), hardware=replace(MACHINE, name="other"))
    assert run_labels([small_run(), deep_run(3)]) == ["toy_net", "deep_3"]
    assert run_labels([small_run(), other]) == ["toy_16x16", "other"]
    assert run_labels([small_run(), other, deep_run(3)])[1] == "toy_net on other"
    assert run_labels([small_run(), small_run()]) == ["1: toy_net on toy_16x16", "2: toy_net on toy_16x16"]


@pytest.mark.parametrize("width", [60, 100, None])
def test_text_fits_the_width_and_ends_every_table_with_the_total(versions: Comparison, width: int | None) -> None:
    lines = list(comparison_text(versions, ("v1", "v5"), width))
    assert not width or max(map(len, lines)) <= width
    totals = [line.split() for line in lines if line.startswith("total")]
    assert len(totals) == 3 and all(f"{versions.total.change:,.0f}" in line for line in totals)
    table = list(overview([versions.before, versions.after], ["v1", "v5"], width))
    assert f"{versions.after.total.cycles:,}" in table[2]
