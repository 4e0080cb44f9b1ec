"""The accuracy page and what it is made of, on an anchor of made-up figures."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from analysis.drive.accuracy import picture, registry
from analysis.drive.accuracy.anchor import Anchor, Evaluation, Missing, Row, Status, mean_row
from analysis.drive.accuracy.bounds import EQUAL, NOT_ABOVE, Bound, at_least, at_most, between, within
from analysis.drive.accuracy.expectation import class_rows, without_anchor
from analysis.drive.accuracy.figures import FOLDER, published
from analysis.drive.accuracy.fitted import fitted_parameters, marks
from analysis.drive.accuracy.page import page
from analysis.drive.accuracy.registry import ANCHORS, evaluate, evaluate_anchors, load_anchor
from analysis.drive.accuracy.summary import LONG, complaints, shown_rows, summarize
from analysis.drive.accuracy.tables import csv_rows, json_data
from simulator.errors import InputError
from simulator.source.locate import bundled

ROWS = (
    Row("equal", 5, 5, EQUAL, "cycles"),
    Row("near", 10.0, 10.4, within(0.05), "ms", "times"),
    Row("far", 10.0, 14.0, within(0.05), "ms", "times"),
    Row("share", None, 0.4, between(0.3, 0.5), part="shares"),
    Row("shown only", 2.0, 3.0, part="shares", counts=False),
)


def anchor(*rows: Row, listed: tuple[str, ...] = ()) -> Anchor:
    missing = (Missing("Clocks differ.", listed),) if listed else ()
    return Anchor("made_up", "Made-up figures", "nowhere", ("eyeriss_chip",), lambda: rows, missing, ("A remark.",))


def statuses(evaluation: Evaluation) -> list[Status]:
    return [evaluation.status(row) for row in evaluation.rows]


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        (EQUAL, 10, 11),
        (within(0.1), 11, 11.1),
        (within(0.1), 9, 8.9),
        (NOT_ABOVE, 10, 10.1),
        (at_most(12), 12, 12.1),
        (at_least(8), 8, 7.9),
        (between(8, 12), 8, 12.1),
    ],
)
def test_a_bound_holds_up_to_its_limit(bound: Bound, good: float, bad: float) -> None:
    assert not Row("x", 10, good, bound).excess
    assert Row("x", 10, bad, bound).excess


def test_a_bound_on_the_deviation_needs_a_published_figure() -> None:
    with pytest.raises(ValueError, match="needs a published figure"):
        _ = Row("x", None, 1, within(0.1)).excess
    assert Row("zero", 0, 0, EQUAL).excess == 0
    assert Row("zero", 0, 1, EQUAL).excess > 0


def test_a_row_is_judged_by_its_bound_and_by_what_the_anchor_lists() -> None:
    assert statuses(evaluate(anchor(*ROWS, listed=("times: far",)))) == [
        Status.HELD,
        Status.HELD,
        Status.MISSED,
        Status.HELD,
        Status.UNBOUNDED,
    ]
    assert complaints(evaluate(anchor(*ROWS, listed=("times: far",)))) == []


def test_what_an_anchor_says_wrongly_is_complained_of() -> None:
    lines = complaints(evaluate(anchor(*ROWS, listed=("times: near", "times: fare"))))
    assert lines == [
        "made_up: +40.0%, 35.0 points outside ±5%: times: far",
        "made_up: no longer missed: times: near",
        "made_up: no such row: times: fare",
    ]


def test_rows_of_the_same_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name: equal"):
        evaluate(anchor(ROWS[0], ROWS[0]))


def test_a_summary_counts_figures_and_bounds() -> None:
    summary = summarize(evaluate(anchor(*ROWS)))
    assert (summary.figures, summary.bounds, summary.held, summary.missed) == (3, 4, 3, 1)
    assert summary.worst == ROWS[2]
    assert summary.median == pytest.approx(0.04)


def test_the_mean_deviation_is_a_row_in_percent() -> None:
    rows = [Row(str(i), 100, 100 + i) for i in range(11)]
    assert mean_row(rows, 0.05, "all").ours == pytest.approx(5)
    assert mean_row(rows, 0.04, "all").excess == pytest.approx(1)


def test_the_page_shows_every_row_and_explains_what_is_missed() -> None:
    text = page([evaluate(anchor(*ROWS, listed=("times: far",)))], "images/accuracy.png")
    assert "![deviations of predictions, by anchor](images/accuracy.png)" in text
    assert "| [Made-up figures](#made-up-figures) | 2 | 22.0% | +40.0% times: far | 2 of 3 |" in text
    assert "| [Made-up figures](#made-up-figures) | 1 | 1 |" in text.split("## Exact counts")[1]
    assert "- **Made-up figures.** Clocks differ.\n  - times: far: +40.0%, 35.0 points outside ±5%" in text
    assert "| far | 10 | 14 | +40.0% | ±5% | **missed** |" in text
    assert "| share | - | 0.4 | - | 0.3 to 0.5 | held |" in text
    assert "[eyeriss_chip](../hw_configs/eyeriss_chip.yaml)" in text
    assert "not explained" not in text
    assert "not explained: times: far" in page([evaluate(anchor(*ROWS))])


def test_long_tables_are_folded_on_the_page_and_shortened_on_a_screen() -> None:
    rows = [Row(f"row {i}", 1000, 1000 + i, at_most(1e6), part="odd" if i % 2 else "even") for i in range(LONG)]
    rows.append(Row("exact", 1000, 1000, EQUAL))
    evaluation = evaluate(anchor(*rows))
    text = page([evaluation])
    assert f"<details><summary>{LONG + 1} rows</summary>" in text
    assert text.count("**odd**") == text.count("**even**") == 1
    exact = evaluate(anchor(*(Row(f"row {i}", i, i, EQUAL) for i in range(LONG)), Row("off", 10, 9, within(0.2))))
    assert [row.quantity for row in shown_rows(exact)] == ["off"]


def test_json_and_csv_hold_every_row_with_its_bound() -> None:
    evaluation = evaluate(anchor(*ROWS, listed=("times: far",)))
    (data,) = json.loads(json.dumps(json_data([evaluation])))["anchors"]
    assert data["summary"]["worst"] == "times: far"
    assert [row["status"] for row in data["rows"]] == ["held", "held", "missed", "held", None]
    assert data["rows"][2]["why"] == "Clocks differ."
    lines = csv_rows([evaluation])
    assert [line["anchor"] for line in lines] == ["made_up"] * len(ROWS)
    assert lines[3]["published"] == ""


def test_the_picture_shows_predictions_that_count(tmp_path: Path) -> None:
    rows = (*ROWS, Row("zero", 0, 0, EQUAL), Row("threefold", 1, 3))
    evaluations = [evaluate(anchor(*rows))]
    shown = [row["figure"] for row in picture.rows(evaluations)]
    assert shown == ["times: near", "times: far", "threefold"]
    for name, drawn in (("accuracy.png", evaluations), ("nothing.png", [])):
        picture.write_picture(drawn, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_what_to_expect_is_told_by_class_of_machine_and_by_what_a_figure_is_of() -> None:
    ms = [Row(f"layer {i}", 100, 100 + i, unit="ms") for i in range(1, 11)]
    others = (Row("energy of all", 100, 80), Row("MB", 10, 10, EQUAL, "MB"), Row("area", 4, 5, unit="mm2"))
    made = replace(anchor(*ms, *others), machines_are="made-up machines")
    assert list(class_rows([evaluate(made)])) == [
        ("made-up machines", "5.5%, 9.0% (10)", "no anchor", "20.0%, 20.0% (1)", "25.0%, 25.0% (1)")
    ]
    assert "| made-up machines | 5.5%, 9.0% (10) |" in page([evaluate(made)])
    assert list(class_rows([evaluate(anchor(*ms))])) == []


def test_machines_without_an_anchor_are_named_and_those_without_times() -> None:
    timed = Anchor("timed", "t", "s", ("eyeriss_chip",), lambda: (Row("x", 1, 2, unit="ms"),))
    exact = Anchor("exact", "e", "s", ("scalesim_32x32",), lambda: (Row("x", 2, 2, EQUAL, "cycles"),))
    none, untimed = without_anchor([evaluate(timed), evaluate(exact)])
    assert untimed == ["scalesim_32x32"]
    assert {*none, "scalesim_32x32", "eyeriss_chip"} == set(bundled())


def test_fitted_parameters_are_found_by_what_their_files_say(tmp_path: Path) -> None:
    file = tmp_path / "machine.yaml"
    lines = (
        "# A width is fitted on 3 rows.",
        "width: 4",
        "depth: 2  # Fitted on 1 row",
        "price: 1                       # of so many bits as are",
        "                               # fitted on 8 rows",
        "buffers:",
        "  # fitted on 7 rows",
        "  - {name: data, capacity: 1 KiB}",
        "other: 1  # not fitted",
    )
    file.write_text("\n".join(lines))
    assert list(marks(file)) == [("width", 3), ("depth", 1), ("price", 8), ("data", 7)]
    found = {(key, rows): files for key, rows, files in fitted_parameters()}
    assert found["registers_words", 1] == ("eyeriss_isca16", "squeezenext_16x16", "squeezenext_8x8")


def test_anchors_are_registered_under_their_own_names_in_order() -> None:
    assert list(ANCHORS) == sorted(ANCHORS)
    for name, module in ANCHORS.items():
        found = load_anchor(name)
        assert found.name == name == module.rpartition(".")[2]
        assert found.title and found.source
        assert set(found.machines) <= set(bundled())
    files = Path(import_module("analysis.drive.accuracy.anchors").__path__[0]).glob("[a-z]*.py")
    assert {path.stem for path in files} == set(ANCHORS)


def test_an_unknown_anchor_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "eyeriss_chip"'):
        evaluate_anchors(["networks", "eyeris_chip"])


@pytest.mark.slow
def test_anchors_on_two_processes_have_the_rows_that_they_have_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WORTH", 2)
    names, told = ["nn_dataflow", "timeloop", "dpu"], list[tuple[int, int]]()
    apart = evaluate_anchors(names, lambda done, of, _: told.append((done, of)), workers=2)
    assert [each.anchor.name for each in apart] == names
    assert [each.rows for each in apart] == [each.rows for each in evaluate_anchors(names)]
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_what_an_anchor_raises_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "evaluate", lambda anchor: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate_anchors(["timeloop"])


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_every_file_of_published_figures_names_its_source_and_is_complete(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")
    rows = published(path.stem)
    assert rows
    assert all(None not in row and None not in row.values() for row in rows)
