"""`simulate redesign`: a report, a network that loads, and what is told of bad input."""

from pathlib import Path

import pytest

from simulator import load_network
from simulator.cli.exits import run
from tests.cli.commands import complaint

MACHINE = "squeezenext_16x16"
pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


def test_the_command_writes_a_report_and_a_network_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.drive.redesign.told.accuracy_text", lambda way: "Not estimated.")
    command = ["redesign", "--hw", MACHINE, "--net", "tiny", "--steps", "1", "--keep", "0.5", "--format", "svg"]
    assert run([*command, "--out", str(tmp_path)]) == 0
    assert "report.md" in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"report.md", "network.yaml", "steps.json"}
    assert load_network(str(tmp_path / "network.yaml")).macs > 0


def test_the_command_names_all_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(capsys, "redesign")
    assert all(f"{option} is missing" in said for option in ("--hw", "--net", "--out"))
