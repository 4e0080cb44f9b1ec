"""`simulate search`: fronts found without simulating everything, the same after any interruption."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from analysis.drive.sweep import load_plan, run_sweep
from analysis.drive.sweep.measures import candidates_of, read_measures, undominated
from analysis.drive.sweep.search import load_search, run_search
from analysis.drive.sweep.searched import front_of, trial_rows
from simulator.cli.exits import run
from tests.cli.sweeps import PLAN

pytest.importorskip("optuna", reason="needs the extra search")
pytestmark = pytest.mark.usefixtures("tiny_is_bundled")

SEARCH = PLAN + (
    "  dataflow: [weight_stationary]\n"
    "  net.filters: [4, 8, 12]\n"
    "search: {objectives: [latency, energy], sampler: SAMPLER, trials: 80, population: 10, seed: 3}\n"
)

OF_AREA = (
    SEARCH.replace("SAMPLER", "nsga2")
    .replace("squeezenext_16x16", "systolic_32x32")
    .replace("weight_stationary", "weight_stationary_lowered")
    .replace("trials: 80", "trials: 40")
    + "constraints: [area <= 1.25 mm2, params <= 1 K]\n"
)


def search(plan: Path, store: Path, *options: str) -> int:
    """Run the command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.drive.sweep.search.cores", lambda: 0)
        return run(["search", str(plan), "--store", str(store), *options])


@pytest.mark.parametrize("sampler", ["nsga2", "nsga3", "tpe", "random"])
def test_the_same_seed_finds_the_same_whether_points_are_known_or_not(sampler: str, plan: Path, tmp_path: Path) -> None:
    plan.write_text(SEARCH.replace("SAMPLER", sampler).replace("trials: 80", "trials: 20"))
    first = run_search(load_search(plan), tmp_path / "s.sqlite", workers=0)
    again = run_search(load_search(plan), tmp_path / "s.sqlite", workers=0)
    assert first.simulated > 0 and again.simulated == 0
    assert trial_rows(first) == trial_rows(again)


def test_a_search_that_is_interrupted_goes_on_as_if_it_had_not_been(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.drive.sweep import worker

    plan.write_text(SEARCH.replace("SAMPLER", "nsga2").replace("trials: 80", "trials: 20"))
    undisturbed = run_search(load_search(plan), tmp_path / "a.sqlite", workers=0)
    real, finished = worker.Workshop.finish, []

    def interrupted(self: worker.Workshop, number: int) -> worker.Finished:
        if len(finished) == 7:
            raise KeyboardInterrupt
        finished.append(number)
        return real(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(worker.Workshop, "finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_search(load_search(plan), tmp_path / "b.sqlite", workers=0)
    resumed = run_search(load_search(plan), tmp_path / "b.sqlite", workers=0)
    assert resumed.simulated == undisturbed.simulated - 7
    assert trial_rows(resumed) == trial_rows(undisturbed)


def test_a_front_is_that_of_all_points_where_the_search_tries_most_of_them(plan: Path, tmp_path: Path) -> None:
    plan.write_text(SEARCH.replace("SAMPLER", "nsga2"))
    found = run_search(load_search(plan), tmp_path / "s.sqlite", workers=0)
    outcome = run_sweep(load_plan(plan), tmp_path / "s.sqlite", workers=0)
    every = candidates_of(outcome, read_measures("latency,energy", outcome.plan))
    best = [every[i].values for i in undominated([each.costs for each in every])]
    assert [found.trials[i].values for i in front_of(found)] == best


def test_constraints_are_met_by_the_front_and_early_ones_spare_simulations(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(OF_AREA)
    assert search(plan, tmp_path / "s.sqlite", "--out", str(tmp_path)) == 0
    rows = list(csv.DictReader(StringIO((tmp_path / "trials.csv").read_text())))
    best = [row for row in rows if row["on_front"] == "1"]
    assert best and all(float(row["area_mm2"]) <= 1.25 and int(row["params"]) <= 1000 for row in best)
    assert all(row["cycles"] == "" for row in rows if "area" in row["problem"])
    assert {"front_latency_s_energy_pj.png", "history.png"} <= {path.name for path in tmp_path.iterdir()}
    assert "by nsga2, seed 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PLAN, "says not what to search for"),
        (PLAN + "search: {objectives: [latncy]}\n", 'did you mean "latency"?'),
        (PLAN + "search: {objectives: [latency], sampler: tpa}\n", 'did you mean "tpe"?'),
        ("machines: [flexible_168]\nnetworks: [tiny]\nsearch: {objectives: [latency]}\n", "nothing varies"),
    ],
)
def test_a_plan_that_cannot_be_searched_is_told(
    text: str, told: str, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(text)
    assert search(plan, tmp_path / "s.sqlite") == 2
    err = capsys.readouterr().err
    assert told in err and err.startswith(f"{plan}")


def test_a_search_that_finds_nothing_says_why(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.write_text(SEARCH.replace("SAMPLER", "random") + "constraints: [params <= 1]\n")
    assert search(plan, tmp_path / "s.sqlite") == 2
    assert "no trial meets all constraints" in capsys.readouterr().err
