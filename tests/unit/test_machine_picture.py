"""Machines drawn: every block, width and rate is there, whatever the machine."""

from pathlib import Path

import pytest

from analysis.read.machine_picture import draw_machine
from analysis.read.theme import themed
from simulator.cli.exits import run
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.settings import with_settings
from tests.cli.commands import complaint

LEVELS = (
    "buffers=[{name: l2, holds: [inputs, weights, outputs], capacity: 1 MiB}, "
    "{name: acts, below: l2, holds: [inputs, outputs], capacity: 64 KiB, read_bytes_per_cycle: 96}, "
    "{name: filters, below: l2, holds: [weights], capacity: 32 KiB}, "
    "{name: pad, below: filters, in_pe: true, holds: [weights], capacity: 448 B}]"
)


def words(hardware: Hardware) -> str:
    with themed():
        figure = draw_machine(hardware)
    return "\n".join(text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title, axes._left_title))


def test_a_machine_is_drawn_with_the_figures_of_its_file() -> None:
    text = words(load_hardware("squeezenext_16x16"))
    for told in ("16 x 16 PEs", "128KiB", "16 GB/s", "2 DMA channels", "inputs, multicast", "outputs: 32, 1, 3 words"):
        assert told in text
    assert "unlimited" in words(load_hardware("timeloop_simple_weight_stationary"))


def test_levels_memories_and_arrays_are_all_drawn() -> None:
    text = words(with_settings(load_hardware("flexible_168"), [LEVELS, "array.instances=4"]))
    for told in ("l2", "acts", "filters", "pad 448B: weights", "reads 96 B/cycle", "4 arrays of 12 x 14 PEs"):
        assert told in text


@pytest.mark.parametrize("setting", ["array.rows=1", "array.columns=1", "array.rows=4096", "dram.bandwidth=unlimited"])
def test_extreme_machines_are_drawn(setting: str) -> None:
    assert "PEs" in words(with_settings(load_hardware("flexible_168"), [setting]))


def test_show_draws_into_a_file_by_its_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert run(["show", "tpu_v1", "--set", "array.rows=8", "--plot", str(tmp_path / f"m.{kind}")]) == 0
        assert (tmp_path / f"m.{kind}").read_bytes().startswith(begins)
    assert "png, svg, pdf" in complaint(capsys, "show", "tpu_v1", "--plot", str(tmp_path / "m.gif"))
    assert "--plot draws machines" in complaint(capsys, "show", "alexnet", "--plot", str(tmp_path / "n.png"))
