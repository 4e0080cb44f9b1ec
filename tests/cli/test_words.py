"""What users type and read: views of the table, abbreviations, version, completion."""

from pathlib import Path

import pytest

from simulator.cli.completion import everything, networks, starting
from simulator.cli.exits import run
from simulator.door import open_run
from tests.cli.commands import complaint, output
from tests.cli.test_process import python

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


def test_report_prints_the_table_of_a_saved_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "run.json")
    printed = output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", "--json", path)
    assert output(capsys, "report", path) == printed
    shown = output(capsys, "report", path, "--by", "stage", "--sort", "energy").splitlines()
    assert shown[0].split()[:2] == ["stage", "layers"] and {"stem", "block", "head"} == {
        line.split()[0] for line in shown[1:4]
    }
    assert not (tmp_path / "pictures").exists()


def test_simulate_shows_the_rows_and_columns_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--hw", "squeezenext_16x16", "--net", "tiny", "--top", "1", "--columns", "layer,cycles"]
    titles, first, others, total, *_ = output(capsys, *command).splitlines()
    assert (titles.split(), others.split()[0], total.split()[0]) == (["layer", "cycles"], "5_others", "total")
    assert first.split()[0] in ("conv1", "conv2")


def test_a_dataflow_goes_by_the_initials_that_tables_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "run.json")
    output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", "--dataflow", "ws", "--json", path)
    assert open_run(path).options["dataflow"] == "weight_stationary"
    told = complaint(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", "--dataflow", "RS")
    assert "weight_stationary (WS)" in told


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "--version")
    assert out.startswith("squeezesim ") and out.count("\n") == 1


def test_a_shell_is_offered_commands_and_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_SIMULATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "simulate --hw squeezenext_")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        run([])
    assert capsys.readouterr().out.split() == ["squeezenext_16x16", "squeezenext_8x8"]


def test_names_are_offered_behind_a_comma_as_well() -> None:
    assert starting(networks)("alexnet,squeezenex") == ["alexnet,squeezenext"]
    assert {"alexnet", "eyeriss_chip", "row_stationary", "cmos"} <= set(starting(everything)(""))


def test_completion_is_printed_for_a_shell() -> None:
    shown = python("-m", "simulator", _SIMULATE_COMPLETE="source_bash")
    assert shown.returncode == 0 and "_SIMULATE_COMPLETE" in shown.stdout
