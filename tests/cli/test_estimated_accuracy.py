"""Accuracies beside the published: an estimate that says how good it is and where it ends, a user's own."""

import csv
import json
import re
import shlex
import sys
from io import StringIO
from pathlib import Path

import pytest

from analysis.drive.estimate.accuracy import read_accuracy
from analysis.drive.estimate.specs import meaning
from simulator.errors import InputError
from simulator.network.ir import Network
from tests.cli.sweeps import sweep
from workloads.load import load_network

PLAN = """
machines: [systolic_32x32]
networks: [tiny]
axes:
  net.filters: [4, 8]
"""


def twice_the_layers(network: Network) -> float | None:
    return 2.0 * len(network.layers) if network.params < 1000 else None


def fails(network: Network) -> float:
    raise KeyError("no such run")


def test_an_estimate_is_judged_by_families_it_has_not_seen_and_says_so() -> None:
    pytest.importorskip("sklearn", reason="needs the extra search")
    from analysis.drive.estimate.surrogate import published_surrogate

    left_out = published_surrogate().left_out
    assert left_out.concludes and left_out.rank_correlation >= 0.8
    assert left_out.families >= 15 and left_out.mean_error < 4
    accuracy = read_accuracy("estimate")
    assert f"rank correlation {left_out.rank_correlation:.2f}" in accuracy.note
    figures = accuracy.figures("mobilenet_v2:width=0.9,resolution=200")
    assert set(figures) == {"top1_estimate_percent", "top1_low_percent", "top1_high_percent"}
    low, middle, high = (float(figures[f"top1_{name}_percent"]) for name in ("low", "estimate", "high"))
    assert min(high - middle, middle - low) >= left_out.covering_error - 1e-9
    assert 66 < middle < 76


def test_a_network_unlike_all_published_ones_is_refused_by_name_and_range() -> None:
    pytest.importorskip("sklearn", reason="needs the extra search")
    from analysis.drive.estimate.surrogate import published_surrogate

    with pytest.raises(InputError, match="log height of the input is beyond that of published") as caught:
        published_surrogate().estimate(load_network("mobilenet_v2:resolution=1024"))
    assert "expected: " in caught.value.render()
    assert read_accuracy("estimate").figures("mobilenet_v2:resolution=1024") == {}


def test_nothing_is_concluded_where_families_left_out_are_told_too_badly(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="needs the extra search")
    monkeypatch.setattr("analysis.drive.estimate.surrogate.LEAST_CORRELATION", 0.99)
    with pytest.raises(InputError, match=r"nothing can be concluded: .* rank correlation 0\.\d\d"):
        read_accuracy("estimate")


@pytest.mark.usefixtures("tiny_is_bundled")
def test_a_users_own_accuracies_have_a_column_of_their_own_with_their_source(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN + "constraints: [top1_given_percent >= 50]\n")
    table = tmp_path / "own.csv"
    table.write_text("spec,top1_percent,source\ntiny,61.5,our run 12\ntiny:filters=4,41,our run 13\n")
    options = ["--accuracy", str(table), "--csv", str(tmp_path / "points.csv")]
    assert sweep(plan, tmp_path / "s.sqlite", *options) == 0
    rows = list(csv.DictReader(StringIO((tmp_path / "points.csv").read_text())))
    assert [(row["net.filters"], row["top1_given_percent"], row["top1_source"]) for row in rows] == [
        ("8", "61.5", "our run 12")
    ]
    assert rows[0]["top1_percent"] == ""
    assert "1 excluded without being simulated" in capsys.readouterr().out
    assert sweep(plan, tmp_path / "s.sqlite") == 2
    assert "nothing tells top1_given_percent" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny_is_bundled")
def test_a_function_of_the_network_may_tell_its_accuracy() -> None:
    accuracy = read_accuracy(f"{__name__}:twice_the_layers")
    assert accuracy.figures("tiny:filters=4")["top1_given_percent"] == 2.0 * len(load_network("tiny").layers)
    assert accuracy.figures("squeezenet") == {}


def by_command(code: str, *last: str) -> str:
    """An accuracy that Python tells in a process of its own."""
    return f"command:{shlex.join([sys.executable, '-c', code, *last])}"


@pytest.mark.usefixtures("tiny_is_bundled")
def test_a_command_gets_the_spec_and_the_list_of_layers_and_prints_percent() -> None:
    code = "import sys; print(len(sys.argv[-1]) + sys.stdin.read().count('op: '))"
    spec = "tiny:filters=4"
    found = read_accuracy(by_command(code)).figures(spec)
    assert found["top1_given_percent"] == len(spec) + len(load_network(spec).layers)
    assert sys.executable in str(found["top1_source"])
    assert read_accuracy(by_command("pass")).figures(spec) == {}


@pytest.mark.usefixtures("tiny_is_bundled")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (by_command("import sys; sys.exit('no such run')"), "ends with 1\n  .*\n  got: no such run"),
        (by_command("print('61 %')"), "prints no number\n  .*\n  got: 61 %"),
        (by_command("print(157)"), "gives no accuracy\n  expected: 0 to 100"),
        ("command:/no/such/program", "cannot be run: No such file"),
        (f"{__name__}:fails", "fails: KeyError: 'no such run'"),
    ],
)
def test_what_fails_to_tell_an_accuracy_ends_a_sweep_before_anything_is_simulated(
    text: str, told: str, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(plan, tmp_path / "s.sqlite", "--accuracy", text) == 2
    assert re.search(told, capsys.readouterr().err)
    assert not (tmp_path / "s.sqlite").exists()


@pytest.mark.usefixtures("tiny_is_bundled")
def test_a_command_that_takes_too_long_is_ended_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    accuracy = read_accuracy(by_command("import time; time.sleep(60)"))
    monkeypatch.setattr("analysis.drive.estimate.command.MOST_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"takes longer than 0\.2 s"):
        accuracy.figures("tiny")


@pytest.mark.usefixtures("tiny_is_bundled")
def test_a_plans_own_command_runs_only_where_the_user_asks(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = by_command("open('ran', 'w').close(); print(61.5)").removeprefix("command:")
    plan.write_text(f"{PLAN}accuracy: {{command: {json.dumps(words)}}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert sweep(plan, tmp_path / "s.sqlite") == 2
        assert "accuracy.command: the plan would run a command" in capsys.readouterr().err
        assert not (tmp_path / "ran").exists()
        assert sweep(plan, tmp_path / "s.sqlite", "--accuracy", "plan", "--csv", "p.csv") == 0
    assert "61.5" in (tmp_path / "p.csv").read_text() and (tmp_path / "ran").exists()


@pytest.mark.usefixtures("tiny_is_bundled")
def test_a_plans_own_table_of_accuracies_lies_beside_it(plan: Path, tmp_path: Path) -> None:
    plan.write_text(PLAN + "accuracy: {csv: own.csv}\n")
    (tmp_path / "own.csv").write_text("spec,top1_percent,source\ntiny,61.5,our run 12\n")
    assert sweep(plan, tmp_path / "s.sqlite", "--csv", str(tmp_path / "p.csv")) == 0
    assert "our run 12" in (tmp_path / "p.csv").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("spec,top1\n", "own.csv:1: not a table of accuracies"),
        ("spec,top1_percent,source\nsqueezenet,157,x\n", "own.csv:2: not a percentage"),
        ("spec,top1_percent,source\nsqueezenet,nan,x\n", "own.csv:2: not a percentage"),
        ("spec,top1_percent,source\nsqueezenet,57,\n", "own.csv:2: not an accuracy"),
        ("spec,top1_percent,source\nsqueezenett,57,x\n", 'did you mean "squeezenet"'),
    ],
)
def test_a_bad_table_of_accuracies_is_told_by_its_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_accuracy(str(tmp_path / "own.csv"))
    assert told in caught.value.render()


@pytest.mark.parametrize("text", ["estimates", "no.such.module:f", "json:nothing"])
def test_what_tells_no_accuracy_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--accuracy is none|cannot import"):
        read_accuracy(text)


def test_specs_mean_the_same_network_where_their_parameters_do() -> None:
    assert (
        meaning("mobilenet_v2:width=1.0,resolution=224") == meaning("mobilenet_v2") != meaning("mobilenet_v2:width=0.5")
    )
