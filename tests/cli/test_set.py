"""`--set PATH=VALUE`: a changed machine without a file of its own."""

import json
from pathlib import Path

import pytest

from simulator.door import open_run
from simulator.hardware.load import load_hardware
from simulator.hardware.settings import LONGEST_NAME, with_settings
from tests.cli.commands import complaint, output

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")
WIDE = ("--set", "array.rows=32", "--set", "buffers.main.capacity=2MiB")


def test_the_change_is_in_the_run_its_machine_and_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    out = output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", *WIDE, "--json", str(path))
    assert "tiny on squeezenext_16x16[array.rows=32,buffers.main.capacity=2MiB]" in out and "on 512 PEs" in out
    run = open_run(path)
    assert run.options["set"] == ["array.rows=32", "buffers.main.capacity=2MiB"]
    assert (run.hardware.rows, run.hardware.buffer_bytes) == (32, 2 * 2**20)


def test_show_and_check_take_the_same_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert "32 rows x 16 columns" in output(capsys, "show", "squeezenext_16x16", *WIDE)
    assert "512 PEs" in output(capsys, "check", "squeezenext_16x16", *WIDE)
    assert "--set changes machines" in complaint(capsys, "check", "tiny", *WIDE)


def test_explain_simulates_the_run_again_on_the_changed_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "run.json")
    output(capsys, "--hw", "squeezenext_16x16", "--net", "tiny", "--json", path)
    changed = json.loads(output(capsys, "explain", path, "--json", "--set", "dram.bandwidth=1 GB/s"))
    assert changed["hardware"] == "squeezenext_16x16[dram.bandwidth=1 GB/s]"
    assert changed["cycles"] > open_run(path).total.cycles


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("array.rows=0", "--set: array.rows: wrong value\n  expected: at least 1\n  got: 0"),
        ("array.rowz=3", 'did you mean "rows"?'),
        ("aray.rows=3", 'did you mean "array"?'),
        ("buffers.mian.capacity=2MiB", 'did you mean "main"?'),
        ("buffers.main.capacity=2", "a number and a unit"),
        ("array.rows", "PATH=VALUE, like array.rows=32"),
        ("array.rows=[1", "--set array.rows=[1"),
        ("dram.type=DDR9", "dram"),
    ],
)
def test_a_wrong_setting_is_told_as_such(setting: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told in complaint(capsys, "show", "tpu_v1" if "dram" in setting else "squeezenext_16x16", "--set", setting)


def test_a_path_is_set_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert "set twice" in complaint(capsys, "show", "tpu_v1", "--set", "array.rows=2", "--set", "array.rows=3")


def test_a_machine_of_many_settings_has_a_name_that_a_file_may_have() -> None:
    many = [f"array.registers_words.{operand}=1024" for operand in ("inputs", "weights", "outputs")]
    name = with_settings(load_hardware("squeezenext_16x16"), many).name
    assert len(name) <= LONGEST_NAME and name.startswith("squeezenext_16x16[array") and name.endswith("...]")
