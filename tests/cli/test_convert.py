"""`simulate convert`, and networks in files wherever a network is taken."""

import json
from pathlib import Path

import pytest

from simulator.cli.exits import run
from tests.cli.commands import complaint, output
from workloads.load import load_network

TINY = """\
name: tiny
inputs:
  data: [3, 8, 8]
layers:
  - {name: conv, op: conv, filters: 4, kernel: 3, padding: 1, bias: true}
  - {name: fc, op: linear, filters: 10}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return str(path)


@pytest.mark.parametrize("form", ["csv", "yaml"])
def test_a_text_goes_to_stdout_unless_a_file_is_named(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / f"net.{form}"
    text = output(capsys, "convert", "squeezenet:version=1.1", "--to", form)
    assert output(capsys, "convert", "squeezenet:version=1.1", "--to", form, "-o", str(path)) == f"{path}\n"
    assert path.read_text() == text
    assert load_network(str(path)) == load_network("squeezenet:version=1.1")


def test_other_formats_are_written_beside_unless_something_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    assert output(capsys, "convert", "squeezenet:version=1.1", "--to", "onnx") == "squeezenet_version=1.1.onnx\n"
    assert load_network("squeezenet_version=1.1.onnx") == load_network("squeezenet:version=1.1")
    assert "-o FILE" in complaint(capsys, "convert", "squeezenet:version=1.1", "--to", "onnx")


def test_timeloop_problems_fill_a_folder_that_can_be_loaded_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "problems"
    assert run(["convert", "squeezenet:version=1.1", "--to", "timeloop", "-o", str(folder)]) == 0
    left_out = "left out, as the format holds loop nests of MACs: 26 activation, 8 concat, 4 pool, 1 reshape, 1 softmax"
    assert left_out in capsys.readouterr().err
    network = load_network("squeezenet:version=1.1")
    assert len(list(folder.iterdir())) == sum(layer.macs > 0 for layer in network.layers)
    assert load_network(str(folder)).macs == network.macs
    assert "26 conv" in output(capsys, "show", str(folder))


def test_an_unknown_format_is_told_the_nearest(capsys: pytest.CaptureFixture[str]):
    assert 'did you mean "yaml"?' in complaint(capsys, "convert", "squeezenet", "--to", "yml")


def test_a_format_must_be_said(capsys: pytest.CaptureFixture[str]):
    assert "--to" in complaint(capsys, "convert", "squeezenet")


def test_a_binary_does_not_go_to_stdout(capsys: pytest.CaptureFixture[str]):
    assert "onnx is no text" in complaint(capsys, "convert", "squeezenet", "--to", "onnx", "-o", "-")


def test_nothing_is_written_for_a_network_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "out.yaml"
    assert 'did you mean "squeezenet"?' in complaint(capsys, "convert", "squeezenat", "--to", "yaml", "-o", str(path))
    assert not path.exists()


def test_a_file_is_shown_checked_and_simulated_like_a_bundled_network(tiny: str, capsys: pytest.CaptureFixture[str]):
    shown = json.loads(output(capsys, "show", tiny, "--json"))
    assert (shown["name"], shown["macs"], shown["params"]) == ("tiny", 3 * 4 * 9 * 64 + 2560, 112 + 2560)
    first = shown["layers"][0]
    assert first["name"] == "conv" and first["op"] == "conv"
    assert (first["input_shapes"], first["output_shape"]) == ([[1, 3, 8, 8]], [1, 4, 8, 8])
    assert (first["kernel"], first["stride"], first["padding"]) == ([3, 3], [1, 1], [1, 1, 1, 1])
    assert (first["dilation"], first["groups"], first["macs"], first["params"]) == ([1, 1], 1, 6912, 112)
    assert output(capsys, "check", tiny) == f"ok  {tiny}: network tiny, 3 layers, 9,472 MACs\n"
    assert "9,472" in output(capsys, "--hw", "flexible_168", "--net", tiny)


def test_a_batch_multiplies_what_is_shown_and_simulated(tiny: str, capsys: pytest.CaptureFixture[str]):
    assert json.loads(output(capsys, "show", tiny, "--json", "--batch", "3"))["macs"] == 3 * 9472
    run_of_three = json.loads(output(capsys, "--hw", "flexible_168", "--net", tiny, "--batch", "3", "--json", "-"))
    assert (run_of_three["network"]["macs"], run_of_three["options"]["batch"]) == (3 * 9472, 3)


def test_check_reports_every_problem_of_a_network_file(tiny: str, capsys: pytest.CaptureFixture[str]):
    Path(tiny).write_text(TINY.replace("filters: 4", "filtres: 4").replace("[3, 8, 8]", "[3, 8]"))
    err = complaint(capsys, "check", tiny)
    assert f"{tiny}:3:" in err and f"{tiny}:5:" in err
    assert 'did you mean "filters"?' in err


@pytest.fixture
def strange(tmp_path: Path) -> str:
    path = tmp_path / "strange.yaml"
    path.write_text(TINY.replace("  - {name: fc", "  - {name: odd, op: frobnicate}\n  - {name: fc"))
    return str(path)


@pytest.mark.parametrize(
    "command", [["show"], ["check"], ["convert", "--to", "yaml"], ["--hw", "flexible_168", "--net"]]
)
def test_an_unknown_op_is_an_error_that_names_it_unless_skipped(
    strange: str, command: list[str], capsys: pytest.CaptureFixture[str]
):
    err = complaint(capsys, *command, strange)
    assert "frobnicate" in err and f"{strange}:6" in err
    assert run([*command, strange, "--skip-unknown"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "warning: odd: the op frobnicate is unknown, only its traffic is counted\n"


@pytest.mark.parametrize("machine", ["flexible_168", "squeezenext_16x16", "systolic_32x32"])
def test_a_skipped_op_is_a_row_whose_traffic_counts_on_every_machine(
    strange: str, machine: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["--hw", machine, "--net", strange, "--skip-unknown", "--json", "-"]) == 0
    (row,) = [layer for layer in json.loads(capsys.readouterr().out)["layers"] if layer["name"] == "odd"]
    assert (row["op"], row["macs"]) == ("unknown", 0)
    assert row["cycles"] > 0 and row["energy_pj"] > 0
    buffer = row["traffic"]["buffer"]
    assert buffer["inputs"]["read_bytes"] >= 4 * 64 and buffer["outputs"]["write_bytes"] >= 4 * 64
