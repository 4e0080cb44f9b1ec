"""The command with the real engine, on a network small enough for every test."""

import json
from pathlib import Path

import pytest

from simulator.cli.exits import run
from simulator.result.json_io import load_run
from simulator.result.laws import LawViolation, Violation
from simulator.verify import VerifyResult
from tests.marks import one_in

MACHINES = ["eyeriss_chip", "flexible_168", "squeezenext_16x16", "squeezenext_8x8", "systolic_32x32"]
pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_accounts_for_every_mac(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--hw", machine, "--net", "tiny", "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    macs = 8 * 3 * 9 * 16 * 16 + 8 * 8 * 9 * 8 * 8 + 8 * 10
    assert data["total"]["macs"] == data["network"]["macs"] == macs
    assert data["hardware"]["name"] == machine
    assert sum(layer["cycles"] for layer in data["layers"]) == data["total"]["cycles"] > 0
    assert {layer["op"] for layer in data["layers"]} >= {"conv", "pool", "add", "linear"}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run(["--hw", "flexible_168", "--net", "tiny", "--out", str(tmp_path / name)]) == 0
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"run.json", "layers.csv", "mappings.yaml", "report.html"} <= set(files)
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert str(tmp_path) not in (tmp_path / "a/run.json").read_text()


def test_saved_mappings_replay_to_the_same_run(tmp_path: Path) -> None:
    command = ["--hw", "squeezenext_16x16", "--net", "tiny:filters=12"]
    assert run([*command, "--out", str(tmp_path / "a")]) == 0
    replay = ["--mapping", str(tmp_path / "a/mappings.yaml"), "--out", str(tmp_path / "b")]
    assert run([*command, *replay]) == 0
    assert (tmp_path / "a/mappings.yaml").read_text() == (tmp_path / "b/mappings.yaml").read_text()
    first, again = load_run(tmp_path / "a/run.json"), load_run(tmp_path / "b/run.json")
    assert (first.layers, first.total) == (again.layers, again.total)
    assert (first.options["mapping"], len(str(again.options["mapping"]))) == (None, 64)


def test_batch_multiplies_the_work(tmp_path: Path) -> None:
    for batch in ("1", "3"):
        command = ["--hw", "systolic_32x32", "--net", "tiny", "--batch", batch]
        assert run([*command, "--json", str(tmp_path / f"{batch}.json")]) == 0
    one, three = load_run(tmp_path / "1.json"), load_run(tmp_path / "3.json")
    assert three.total.macs == 3 * one.total.macs
    assert three.layers[0].output_shape[0] == 3


@pytest.mark.parametrize("machine", one_in(2, MACHINES))
def test_verify_executes_every_mapping_and_says_so(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--hw", machine, "--net", "tiny", "--verify"]) == 0
    out = capsys.readouterr().out
    assert sum(line.startswith("ok ") for line in out.splitlines()) == 3
    assert out.splitlines()[-1] == "verified: 3 mappings of 3 layers compute exactly what plain convolution does"


def test_a_mapping_that_computes_something_else_fails_verification(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(layer: object, mapping: object, outside: int) -> VerifyResult:
        return VerifyResult("conv1", macs=5, expected_macs=6, array_cycles=1, outputs=4, mismatches=2)

    monkeypatch.setattr("simulator.verify.verify_layer", wrong)
    assert run(["--hw", "flexible_168", "--net", "tiny", "--verify"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any("2 of 4 outputs differ, 5 of 6 MACs executed" in line for line in lines)
    assert lines[-1].startswith("verification failed: 3 of 3 mappings")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--hw flexible_186 --net tiny", 'did you mean "flexible_168"?'),
        ("--hw flexible_168 --net tinny", 'did you mean "tiny"?'),
        ("--hw flexible_168 --net tiny:filter=3", 'did you mean "filters"?'),
        ("--hw flexible_168 --net tiny --dataflow row-stationary", 'did you mean "row_stationary"?'),
        ("--hw flexible_168 --net tiny --objective speed", "cycles"),
        ("--hw flexible_168 --net tiny --mapping none.yaml", "none.yaml"),
    ],
)
def test_bad_input_is_told_the_way_out(arguments: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert out == "" and "Traceback" not in err


def test_the_timeline_of_a_run_is_saved_printed_and_made_of_a_saved_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, saved = ["--hw", "flexible_168", "--net", "tiny"], str(tmp_path / "run.json")
    assert run([*command, "--json", saved, "--timeline", str(tmp_path / "new/trace.json")]) == 0
    assert "latency" in capsys.readouterr().out
    assert run(["report", saved, "--timeline", str(tmp_path / "again.json")]) == 0
    assert run([*command, "--timeline", "-"]) == 0
    texts = [(tmp_path / "new/trace.json").read_text(), (tmp_path / "again.json").read_text()]
    assert texts[0] == texts[1] == capsys.readouterr().out
    assert json.loads(texts[0])["otherData"]["cycles"] == load_run(tmp_path / "run.json").total.cycles


def test_a_place_that_no_timeline_can_be_written_to_is_told_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    for place, told in ((tmp_path, "a folder, not a file"), (tmp_path / "file/trace.json", "not a folder")):
        assert run(["--hw", "flexible_168", "--net", "tiny", "--timeline", str(place)]) == 2
        out, err = capsys.readouterr()
        assert told in err and out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_saved_run_that_another_version_made_has_no_timeline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["--hw", "flexible_168", "--net", "tiny", "--json", str(tmp_path / "run.json")]) == 0

    def play(*_: object) -> None:
        raise LawViolation([Violation("conv1", "cycles", "events take the cycles of the run", "3 of 4")])

    monkeypatch.setattr("simulator.door.run_timeline", play)
    assert run(["report", str(tmp_path / "run.json"), "--timeline", str(tmp_path / "trace.json")]) == 2
    assert "simulate it again" in capsys.readouterr().err
    assert not (tmp_path / "trace.json").exists()
