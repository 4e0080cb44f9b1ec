"""Views of the table of ops: sorted, cut, summed up, other columns, and what a narrow terminal leaves out."""

from collections.abc import Callable

import pytest

from analysis.read.layout import dropped_lines, fit
from analysis.read.printing import plain_report
from analysis.read.tables import COLUMNS, op_rows, total_row
from analysis.read.views import GROUPS, WHOLE, View, check_view, table_of, view_of
from simulator import simulate
from simulator.errors import InputError
from simulator.result.rows import column_names
from simulator.result.run import Run
from tests.builders import deep_run, run_of, small_run
from tests.cli.tiny import tiny


def test_the_view_of_everything_is_the_table() -> None:
    shown = table_of(small_run(), WHOLE)
    assert (shown.rows, shown.columns) == (op_rows(small_run()), COLUMNS)


@pytest.mark.parametrize("sort", ["cycles", "macs", "energy", "dram", "util", "params", "dram_weights_read_bytes"])
def test_rows_are_sorted_by_a_figure_the_largest_first(sort: str) -> None:
    rows = table_of(deep_run(12), view_of("", sort, None, "")).rows
    name = {"util": "utilization", "energy": "energy_pj", "dram": "dram_bytes"}.get(sort, sort)
    figures = [float(row.cells[name]) for row in rows]
    assert figures == sorted(figures, reverse=True) and figures[0] > figures[-1]


def test_rows_are_sorted_by_a_name_from_a_to_z() -> None:
    names = [row.layer for row in table_of(deep_run(12), View(sort="layer")).rows]
    assert names == sorted(names)


def test_the_top_are_those_that_take_most_and_the_others_are_summed_up() -> None:
    run = deep_run(12)
    shown = table_of(run, View(top=3))
    *largest, others = shown.rows
    most = sorted((row.cycles for row in op_rows(run)), reverse=True)
    assert [row.cycles for row in largest] == most[:3]
    assert (others.layer, others.cycles) == (f"{len(most) - 3}_others", sum(most[3:]))
    assert len(table_of(run, View(top=100)).rows) == len(most)


@pytest.mark.parametrize("by", list(GROUPS))
def test_groups_add_up_to_the_total(by: str) -> None:
    run = deep_run(12)
    shown = table_of(run, View(by=by))
    total = total_row(run)
    assert sum(row.cycles for row in shown.rows) == total.cycles
    assert sum(row.dram_bytes for row in shown.rows) == total.dram_bytes
    assert sum(row.layers for row in shown.rows) == shown.total.layers == len(op_rows(run))
    assert all(0 <= row.utilization <= 1 for row in shown.rows)
    assert [column.title for column in shown.columns][:3] == [by, "layers", "MACs"]


def test_chosen_columns_are_those_of_the_table_and_of_the_csv_file() -> None:
    text = plain_report(small_run(), view=view_of("", "", None, "layer, bound_by,cycles_dram"))
    titles, first, *_ = (line.split() for line in text.splitlines())
    assert titles == ["layer", "bound", "by", "cycles_dram"]
    assert first[2] == str(next(layer for layer in small_run().layers if layer.name == first[0]).cycle_parts["dram"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("layer", "", None, ""), "one of stage, op"),
        (("", "cycels", None, ""), 'did you mean "cycles"'),
        (("", "", None, "layer,cycels"), 'did you mean "cycles"'),
        (("stage", "", None, "kernel"), "no such column"),
    ],
)
def test_wrong_views_are_told(arguments: tuple[str, str, int | None, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        table_of(small_run(), view_of(*arguments))


@pytest.mark.parametrize("run", [small_run(), simulate("flexible_168", tiny()), simulate("edge_npu_like", tiny())])
def test_columns_are_known_before_there_is_a_run(run: Run) -> None:
    assert set(run.to_rows()[0]) == set(column_names(run.hardware))
    for name in run.to_rows()[0]:
        check_view(View(columns=(name,)), run.hardware)
    with pytest.raises(InputError, match='did you mean "cycles"'):
        check_view(View(sort="cyles"), run.hardware)
    with pytest.raises(InputError, match="no such column"):
        check_view(View(by="stage", columns=("kernel_",)), run.hardware)


@pytest.mark.parametrize("by", GROUPS)
def test_a_column_that_sums_do_not_have_is_refused_before_there_is_a_run(by: str) -> None:
    run = small_run()

    def complaint(name: str, ask: Callable[[View], object]) -> str:
        try:
            ask(View(by=by, columns=(name,)))
        except InputError as error:
            return error.problems[0].message
        return ""

    early = {name: complaint(name, lambda view: check_view(view, run.hardware)) for name in column_names(run.hardware)}
    assert early == {name: complaint(name, lambda view: table_of(run, view)) for name in early}
    assert (
        early["inputs"] == early["groups"] == "no such column"
        and early["cycles"] == early["dram_inputs_read_bytes"] == ""
    )


def test_runs_without_layers_have_every_view() -> None:
    for view in (WHOLE, View(top=2), View(by="op")):
        assert table_of(run_of(), view).rows == []


def test_columns_without_room_are_named() -> None:
    rows = op_rows(small_run())
    narrow, wide = (fit(rows, COLUMNS, width) for width in (40, 200))
    told = " ".join(dropped_lines(narrow, 40))
    assert all(len(line) <= 40 for line in dropped_lines(narrow, 40))
    shown = {column.title for column in narrow.columns}
    assert {title for title in (column.title for column in COLUMNS) if title not in shown} == set(narrow.dropped)
    assert all(title in told for title in narrow.dropped) and dropped_lines(wide, 200) == []
