"""`simulate accuracy`, on an anchor of made-up figures."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.registry import ANCHORS
from simulator.cli.exits import run

Put = Callable[[float], None]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Return a function that makes an anchor of one figure, published as 10, the only one there is."""

    def put(ours: float) -> None:
        module = ModuleType("made_up")
        rows = (Row("time", 10.0, ours, within(0.1), "ms"),)
        module.ANCHOR = Anchor("made_up", "Made-up figures", "nowhere", (), lambda: rows)
        monkeypatch.setitem(sys.modules, "made_up", module)
        for name in reversed(list(ANCHORS)):  # they are put back last to first
            monkeypatch.delitem(ANCHORS, name)
        monkeypatch.setitem(ANCHORS, "made_up", "made_up")

    return put


def test_it_prints_rows_and_a_summary(made_up: Put, capsys: pytest.CaptureFixture[str]) -> None:
    made_up(10.5)
    assert run(["accuracy"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["time", "10", "10.5", "ms", "+5.0%", "±10%", "held"] in lines
    assert ["made_up", "1", "5.0%", "1", "1", "0", "+5.0%", "time"] in lines


def test_a_broken_bound_fails(made_up: Put, capsys: pytest.CaptureFixture[str]) -> None:
    made_up(12.0)
    assert run(["accuracy", "made_up"]) == 1
    assert capsys.readouterr().err == "made_up: +20.0%, 10.0 points outside ±10%: time\n"


def test_page_picture_and_data_are_written(made_up: Put, tmp_path: Path) -> None:
    made_up(10.5)
    page, data, table = tmp_path / "docs" / "page.md", tmp_path / "a.json", tmp_path / "a.csv"
    assert run(["accuracy", "--out", str(page), "--plot", "--json", str(data), "--csv", str(table)]) == 0
    assert "images/accuracy.png" in page.read_text()
    assert (page.parent / "images" / "accuracy.png").is_file()
    assert json.loads(data.read_text())["anchors"][0]["summary"]["held"] == 1
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["anchor"], row["ours"], row["status"]) == ("made_up", "10.5", "held")


def test_stdout_takes_one_file_and_nothing_else(made_up: Put, capsys: pytest.CaptureFixture[str]) -> None:
    made_up(10.5)
    assert run(["accuracy", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["schema_version"] == 1
    assert run(["accuracy", "--json", "-", "--csv", "-"]) == 2


@pytest.mark.parametrize("arguments", [["made_ip"], ["--plot"], ["--out", "/dev/null/x.md"]])
def test_bad_arguments_are_told_before_any_work(
    made_up: Put, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made_up(10.5)
    assert run(["accuracy", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Traceback" not in err
