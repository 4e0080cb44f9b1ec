"""Streams that are closed, and names from strangers that would act in a terminal or in a spreadsheet."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.read.layout import csv_text
from simulator.cli.exits import run
from simulator.source.cells import as_meant, inert
from tests.cli.test_process import CODE
from workloads.load import load_network

EVIL = "\x1b[31mred\x9b2J\u202e\r"
NETWORK = """
name: "{name}"
inputs: {{data: [4, 8, 8]}}
layers:
  - {{name: "{name}", op: conv, {inputs}filters: 4}}
"""


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = command.replace("simulate", f"{sys.executable} -m simulator")
    environment = os.environ | {"PYTHONPATH": CODE}
    return subprocess.run(["sh", "-c", words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm_and_files_are_written(closed: str, tmp_path: Path) -> None:
    done = shell(f"simulate convert squeezenet --to csv -o net.csv {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_network(str(tmp_path / "net.csv")) == load_network("squeezenet")
    assert shell(f"simulate show none {closed}", tmp_path).returncode == 2


@pytest.mark.parametrize("inputs", ["", 'inputs: ["{name}?"], '], ids=["right", "wrong"])
@pytest.mark.parametrize("command", ["show net.yaml", "check net.yaml", "convert net.yaml --to yaml"])
def test_names_of_files_are_shown_and_not_sent(
    inputs: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in EVIL)
    Path("net.yaml").write_text(NETWORK.format(name=written, inputs=inputs.format(name=written)))
    assert run(command.split()) == (2 if inputs else 0)
    out, err = capsys.readouterr()
    assert "31mred" in out + err and not set("\x1b\x9b\u202e\r") & set(out + err)


def test_a_path_is_shown_and_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "\x1b[31m.onnx"]) == 2
    assert capsys.readouterr().err.startswith("\\u001b[31m.onnx: cannot read the file")


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "'=1", "-x", "\t=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_and_each_reads_back(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_text([{"name": text, "other": -1.5}])))
    assert row["name"][0] == "'" and as_meant(row["name"]) == text and row["other"] == "-1.5"


@pytest.mark.parametrize("text", ["conv1", "", "-1", "-1.5e-3", "-", "it's", "a=b", "'quoted'"])
def test_cells_that_no_spreadsheet_runs_stay_as_they_are(text: str) -> None:
    assert inert(text) == as_meant(text) == text


def test_a_layer_list_with_names_like_formulas_is_written_inert_and_read_back(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK.format(name="=1+1", inputs=""))
    assert run(["convert", str(tmp_path / "net.yaml"), "--to", "csv", "-o", str(tmp_path / "net.csv")]) == 0
    assert ",=" not in (tmp_path / "net.csv").read_text()
    assert load_network(str(tmp_path / "net.csv")) == load_network(str(tmp_path / "net.yaml"))
