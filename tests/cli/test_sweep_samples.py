"""`simulate sweep`: samples, constraints, derived columns, stores read together, fronts, Parquet."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from analysis.drive.sweep import load_plan, run_sweep
from analysis.drive.sweep.effects import dimensions_of
from analysis.drive.sweep.scatter import scatter_pictures, strongest
from tests.cli.sweeps import PLAN, sweep

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")

MACHINES = PLAN.replace("squeezenext_16x16", "systolic_32x32")

DEMANDS = "derived: {fps_per_mm2: fps / area}\nconstraints: [area <= 1.25 mm2, fps_per_mm2 > 0.1 K]\n"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


@pytest.mark.parametrize("method", ["latin_hypercube", "sobol"])
def test_samples_are_some_of_the_points_spread_over_every_axis_and_the_same_each_time(method: str, plan: Path) -> None:
    pytest.importorskip("scipy", reason="needs the extra search")
    text = PLAN + f"  net.filters: {list(range(1, 65))}\nsamples: {{method: {method}, points: 64, seed: 5}}\n"
    plan.write_text(text)
    first, second = load_plan(plan), load_plan(plan)
    assert first.sampled is not None and first.sampled == second.sampled
    assert len(set(first.sampled)) == first.points <= 64
    assert first.points > 60
    filters = {number % 64 for number in first.sampled}
    assert len(filters) > 60 if method == "latin_hypercube" else len(filters) > 40
    plan.write_text(text.replace("seed: 5", "seed: 6"))
    assert load_plan(plan).sampled != first.sampled


@pytest.mark.parametrize(
    ("axes", "why"),
    [
        ("", ""),
        (
            "  net.filters: [8, 16, 24, 32, 40]\n",
            "the samples are in 4 of 10 cells of net.filters and array.rows, array.columns",
        ),
    ],
)
def test_samples_have_a_heat_map_where_they_fill_half_of_it(
    axes: str, why: str, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("scipy", reason="needs the extra search")
    text = PLAN.replace("axes:\n", f"axes:\n{axes}")
    plan.write_text(text + "samples: {method: sobol, points: 4, seed: 5}\n")
    assert sweep(plan, tmp_path / "s.sqlite", "--out", str(tmp_path)) == 0
    assert (tmp_path / "heat_map_latency.png").exists() is not bool(why)
    assert capsys.readouterr().err == (f"note: no heat map: {why}\n" if why else "")


def test_constraints_known_before_spare_simulations_and_the_others_leave_points_out(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(
        MACHINES + "derived: {fps_per_mm2: fps / area}\nconstraints: [area <= 1.25 mm2, fps_per_mm2 > 0.1 K]\n"
    )
    assert sweep(plan, tmp_path / "s.sqlite", "--csv", str(tmp_path / "points.csv")) == 0
    out = capsys.readouterr().out
    rows = rows_of((tmp_path / "points.csv").read_text())
    plan.write_text(MACHINES)
    assert sweep(plan, tmp_path / "all.sqlite", "--csv", str(tmp_path / "all.csv")) == 0
    every = rows_of((tmp_path / "all.csv").read_text())
    small = [row for row in every if float(row["area_mm2"]) <= 1.25]
    assert f"{len(small)} simulated now" in out and len(small) < len(every)
    assert [row["cycles"] for row in rows] == [row["cycles"] for row in small]
    for row in rows:
        fps = int(row["batch"]) / float(row["latency_s"])
        assert float(row["fps_per_mm2"]) == pytest.approx(fps / float(row["area_mm2"]))


def test_a_constraint_on_what_only_a_simulation_tells_leaves_the_point_in_the_store(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN + "constraints: [cycles < 1]\n")
    assert sweep(plan, tmp_path / "s.sqlite", "--csv", "-") == 0
    assert rows_of(capsys.readouterr().out) == []
    plan.write_text(PLAN)
    assert sweep(plan, tmp_path / "s.sqlite") == 0
    assert "8: 0 simulated now" in capsys.readouterr().out


def test_several_stores_are_read_together_and_only_the_first_is_written(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for batch in (1, 2):
        plan.write_text(PLAN.replace("[1, 2]", f"[{batch}]"))
        assert sweep(plan, tmp_path / f"{batch}.sqlite") == 0
    plan.write_text(PLAN)
    others = [word for batch in (1, 2) for word in ("--store", str(tmp_path / f"{batch}.sqlite"))]
    before = (tmp_path / "1.sqlite").read_bytes()
    assert sweep(plan, tmp_path / "both.sqlite", *others) == 0
    assert "8: 0 simulated now, 8 known" in capsys.readouterr().out
    assert (tmp_path / "1.sqlite").read_bytes() == before
    assert sweep(plan, tmp_path / "both.sqlite", "--store", str(tmp_path / "none.sqlite")) == 2
    assert "no such store" in capsys.readouterr().err


def test_parquet_has_the_rows_of_the_csv_with_numbers_as_numbers(plan: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="needs the extra frames")
    files = ["--csv", str(tmp_path / "p.csv"), "--parquet", str(tmp_path / "p.parquet")]
    assert sweep(plan, tmp_path / "s.sqlite", *files) == 0
    frame, rows = polars.read_parquet(tmp_path / "p.parquet"), rows_of((tmp_path / "p.csv").read_text())
    assert frame.columns == list(rows[0])
    assert frame["cycles"].to_list() == [int(row["cycles"]) for row in rows]
    assert frame["energy_pj"].to_list() == [float(row["energy_pj"]) for row in rows]
    assert frame["problem"].to_list() == [None] * len(rows)


def test_a_front_of_three_measures_a_tornado_and_parallel_coordinates_are_drawn(plan: Path, tmp_path: Path) -> None:
    plan.write_text(MACHINES)
    assert sweep(plan, tmp_path / "s.sqlite", "--out", str(tmp_path), "--pareto", "latency,fps,area:min") == 0
    assert {"front_latency_s_frames_per_second_area_mm2.png", "tornado.png", "parallel.png"} <= {
        path.name for path in tmp_path.iterdir()
    }
    rows = rows_of((tmp_path / "front_latency_s_frames_per_second_area_mm2.csv").read_text())
    best = [row for row in rows if row["on_front"] == "1"]
    assert 0 < len(best) < len(rows)
    assert min(rows, key=lambda row: float(row["latency_s"])) in best


def test_samples_are_drawn_as_dots_over_the_two_axes_that_move_the_measure_most(plan: Path, tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="needs the extra search")
    axes = "  array.rows: [1, 4]\n  array.columns: [2, 8]\n  vector.lanes: [16, 17]\n"
    head = "machines: [squeezenext_16x16]\nnetworks: [tiny]\naxes:\n"
    plan.write_text(f"{head}{axes}samples: {{method: sobol, points: 6}}\n")
    outcome = run_sweep(load_plan(plan), tmp_path / "s.sqlite", workers=0)
    latency, energy = scatter_pictures(outcome)
    assert (latency.name, energy.name) == ("scatter_latency", "scatter_energy")
    assert len(latency.rows) == outcome.plan.points and {"array.rows", "latency_s"} <= latency.rows[0].keys()
    known = [(point, float(figures["latency_s"])) for point, figures in outcome.points()]
    assert [each.name for each in strongest(dimensions_of(outcome.plan), known)] == ["array.rows", "array.columns"]
    assert latency.draw().axes[0].get_ylabel() == "array.rows"


@pytest.mark.parametrize(
    ("measures", "told"),
    [
        ("latency,aera", 'did you mean "area"'),
        ("latency", "2 to 3"),
        ("latency,latency", "2 to 3"),
        ("fps:up,area", ":max"),
    ],
)
def test_measures_that_are_none_are_told(
    measures: str, told: str, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(plan, tmp_path / "s.sqlite", "--pareto", measures) == 2
    assert told in capsys.readouterr().err


def test_what_a_plan_demands_is_told_with_its_place_where_it_is_wrong(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN + "derived: {x: fsp * 2, cycles: macs}\nconstraints: [area <= 1 ms]\n")
    assert sweep(plan, tmp_path / "s.sqlite") == 2
    err = capsys.readouterr().err
    for told in (f"{plan}:8:14: derived.x: unknown column fsp", 'did you mean "fps"?', "derived.cycles", "ms is time"):
        assert told in err
