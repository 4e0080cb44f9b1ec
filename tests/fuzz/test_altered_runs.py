"""Saved runs that somebody has altered: every command refuses them, and all for the same reasons."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator import load_hardware, simulate
from simulator.result.facts import fingerprint
from simulator.result.json_io import run_to_json
from simulator.source import parse_yaml
from tests.cli.commands import complaint, output
from tests.cli.tiny import tiny
from workloads.importers.layer_list import network_of

Alter = Callable[[dict[str, Any]], None]
COMMANDS = {
    "check": ("check", "{}"),
    "explain": ("explain", "{}"),
    "compare": ("compare", "good.json", "{}"),
    "report": ("report", "{}", "--out", "out"),
}
NOTHING = {"read_bytes": 0, "write_bytes": 0}
NO_LAYER = "{name: n, inputs: {a: [4, 4, 4], b: [4, 4, 4]}, layers: [{name: c, op: concat, inputs: [a, b]}]}"
NO_MACS_IN_A_BLOCK = """
name: n
inputs: {data: [4, 8, 8]}
layers:
  - {name: c, op: conv, filters: 4, stage: s}
  - {name: p, op: pool, kernel: 3, stride: 1, padding: 1, stage: s}
  - {name: a, op: add, inputs: [c, p], stage: s}
"""


def at(*path: str | int, value: object = None, drop: bool = False) -> Alter:
    """Put a value at a path, or drop what is there."""

    def alter(run: dict[str, Any]) -> None:
        place: Any = run
        for part in path[:-1]:
            place = place[part]
        if drop:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return alter


def loops(*order: str) -> Alter:
    return at("documents", "hardware", "dataflows", 0, "order", value=list(order))


ALTERED: dict[str, tuple[Alter, str]] = {
    "clock of 0": (at("hardware", "clock_hz", value=0), "hardware.clock_hz: out of range"),
    "rows that are no loops": (
        at("layers", 0, "mapping", "rows", value=[{}]),
        "layers.0.mapping: layers.conv1.rows.0: wrong value",
    ),
    "loops that leave some out": (at("layers", 0, "mapping", "rows", value=[]), "layers.0.mapping: "),
    "burst of 0": (at("documents", "hardware", "dram", "burst", value="0 B"), "dram.burst: "),
    "no layers": (at("documents", "network", "layers", value=[]), "documents.network: layers: wrong value"),
    "another layer": (at("documents", "network", "layers", 0, "filters", value=4), "documents.network: "),
    "an order that is too long": (loops(*"NGKCPQRSNGKCPQRS"), "dataflows.0.order: wrong value"),
    "an output that is huge": (at("layers", 0, "output_shape", 1, value=10**9), "not of this network"),
    "an extent of 0": (at("layers", 0, "output_shape", 1, value=0), "a shape is out of range"),
    "another machine": (at("documents", "hardware", "array", "rows", value=8), "not of this machine"),
    "an unknown dataflow": (at("options", "dataflow", value="none"), "unknown dataflow"),
    "an unknown objective": (at("options", "objective", value=[]), "unknown objective"),
    "traffic of nothing": (
        at("layers", 0, "traffic", "dram", "x", value=NOTHING),
        "got: x",
    ),
    "no price": (at("hardware", "energy_pj_per_byte", "dram", "inputs", drop=True), "has no price"),
    "a count that is owed": (at("layers", 0, "tiles", value=-1), "layers.0.tiles: out of range"),
    "more digits than a sum has": (at("total", "cycles", value=10**40), "not a number of a run"),
    "bytes of infinity": (at("total", "energy_pj", value=1e308 * 10), "not a number of a run"),
}


@pytest.fixture(scope="module")
def good() -> str:
    return run_to_json(simulate(load_hardware("squeezenext_16x16"), tiny()))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.json").write_text(good)


def altered(good: str, alter: Alter) -> None:
    """Save an altered run, whose digests are those of what it now holds."""
    run = json.loads(good)
    alter(run)
    run["provenance"] |= {f"{part}_sha256": fingerprint(data) for part, data in run["documents"].items()}
    Path("altered.json").write_text(json.dumps(run))


@pytest.mark.parametrize(("alter", "reason"), ALTERED.values(), ids=ALTERED)
def test_every_command_refuses_an_altered_run_for_the_same_reason(
    alter: Alter, reason: str, good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    altered(good, alter)
    said = {name: complaint(capsys, *(part.format("altered.json") for part in c)) for name, c in COMMANDS.items()}
    assert reason in said["check"] and said["check"].startswith("altered.json: ")
    assert set(said.values()) == {said["check"]}


@pytest.mark.parametrize("part", ["hardware", "network"])
def test_a_run_without_digests_is_not_trusted(part: str, good: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = json.loads(good)
    del run["provenance"][f"{part}_sha256"]
    Path("altered.json").write_text(json.dumps(run))
    for command in COMMANDS.values():
        err = complaint(capsys, *(word.format("altered.json") for word in command))
        assert f"provenance.{part}_sha256" in err and "the digest is missing" in err


@pytest.mark.parametrize("text", [NO_LAYER, NO_MACS_IN_A_BLOCK], ids=["no layer left", "no MACs in a block"])
def test_a_run_with_nothing_to_play_is_one_that_every_command_takes(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = simulate(load_hardware("squeezenext_16x16"), network_of(parse_yaml(text), "n"))
    Path("run.json").write_text(run_to_json(run))
    assert (run.total.cycles == 0) == (text == NO_LAYER)
    for name, command in list(COMMANDS.items())[: 4 if text == NO_LAYER else 3]:
        assert output(capsys, *(part.format("run.json") for part in command)), name
