"""Broken machines and networks: exit code 2 and a report that says where and what, never a traceback."""

import re
from pathlib import Path

import pytest

from simulator.cli.exits import run
from simulator.source.paths import data_dir
from tests.cli.broken import Broken, Sound, broken_files
from tests.fuzz.test_machines import NAMES, OPTIONAL, QUANTITIES

MACHINE = Sound(
    text=(data_dir() / "eyeriss_chip.yaml").read_text(),
    optional=frozenset(OPTIONAL),
    may_be_zero=frozenset({"dram.latency_cycles", "layers.configuration_cycles"}),
    quantities=QUANTITIES,
    names=tuple(NAMES),
)

NETWORK = Sound(
    text="""\
name: tiny
inputs:
  data: [3, 32, 32]
layers:
  - {name: conv1, op: conv, filters: 8, kernel: 3, stride: 2, padding: 1, bias: true, activation: relu}
  - {name: wide, op: depthwise, kernel: [3, 1], padding: half, dilation: 1}
  - name: skip
    op: conv
    inputs: conv1
    filters: 8
    groups: 2
  - {name: sum, op: add, inputs: [wide, skip]}
  - {name: pool, op: max_pool, kernel: 2, stride: 2, ceil: true, zero_inputs_fraction: 0.5}
  - {op: global_pool}
  - {name: fc, op: linear, filters: 10}
outputs: [fc]
""",
    optional=frozenset(
        {
            "name",
            "outputs",
            *(f"layers.0.{key}" for key in ("name", "kernel", "stride", "padding", "bias", "activation")),
            *(f"layers.1.{key}" for key in ("padding", "dilation")),
            *(f"layers.2.{key}" for key in ("inputs", "groups")),
            *(f"layers.3.{key}" for key in ("name", "inputs")),
            *(f"layers.4.{key}" for key in ("name", "stride", "ceil", "zero_inputs_fraction")),
        }
    ),
    chosen=frozenset({"inputs.data"}),
    missed={
        "inputs.data": "inputs",
        "layers.1.name": "layers.3.inputs.0",
        "layers.2.name": "layers.3.inputs.1",
        "layers.6.name": "outputs.0",
    },
    may_be_zero=frozenset({"layers.0.padding"}),
    names=(
        *(f"layers.{i}.op" for i in (0, 1, 4, 5, 6)),
        "layers.1.padding",
        "layers.2.inputs",
        "layers.3.inputs.0",
        "layers.3.inputs.1",
    ),
)

MACHINES, NETWORKS = broken_files(MACHINE), broken_files(NETWORK)


def test_there_are_a_hundred_of_both_kinds_all_different():
    for files in (MACHINES, NETWORKS):
        assert len({file.content for file in files}) >= 100
        assert len({file.what for file in files}) == len(files)


@pytest.mark.parametrize("file", MACHINES, ids=str)
def test_a_broken_machine_is_reported(file: Broken, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "machine.yaml"
    path.write_bytes(file.content)
    check_report(file, path, ["--hw", str(path), "--net", "alexnet"], capsys)


@pytest.mark.parametrize("file", NETWORKS, ids=str)
def test_a_broken_network_is_reported(file: Broken, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "network.yaml"
    path.write_bytes(file.content)
    check_report(file, path, ["--hw", "flexible_168", "--net", str(path)], capsys)


def check_report(file: Broken, path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err and "internal error" not in err
    heads = [line for line in err.splitlines() if not line.startswith("  ")]
    lines = max(1, len(file.content.splitlines()) + 1)
    assert heads
    for head in heads:
        place = re.fullmatch(rf"{re.escape(str(path))}:(\d+):(\d+): (.+)", head)
        assert place and 1 <= int(place[1]) <= lines and int(place[2]) >= 1, head
    assert err.count("\n  expected: ") == len(heads)
    if file.path is not None:
        assert any(f": {file.path}: " in head for head in heads), err
    if file.suggestion is not None:
        assert f'did you mean "{file.suggestion}"?' in err, err
