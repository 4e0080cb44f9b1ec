"""What is compared with other simulators is the same layers and the same machine, as far as it shows without them."""

import pytest

from tests.benchmarks.peers.__main__ import PEERS, SHAPES, ours

SCALE_SIM_3 = (116_279, 63_215, 6_959, 3_291)
"""The numbers of the last cycles that SCALE-Sim 3.0.0 reports, from 0."""
BYTES_OF_DRAM = ((64 * 58**2 + 9 * 64**2 + 64 * 56**2), (64 * 57**2 + 9 * 64 * 128 + 128 * 28**2), 112_384, 120_736)
"""Inputs, weights and outputs, each once; of the last two layers 8 times the cycles that ZigZag says they wait."""


def test_scale_sims_cycles_are_ours(tmp_path) -> None:
    PEERS["scalesim"](tmp_path, SHAPES)
    assert ours(tmp_path, SHAPES)[1] == [last + 1 for last in SCALE_SIM_3]


def test_no_layer_on_the_machine_of_zigzag_takes_less_than_its_macs_and_bytes(tmp_path) -> None:
    PEERS["zigzag"](tmp_path, SHAPES)
    macs = [at.channels * at.filters * at.output**2 * at.kernel**2 for at in SHAPES]
    least = [max(work / 32**2, size / 8) for work, size in zip(macs, BYTES_OF_DRAM, strict=True)]
    cycles = ours(tmp_path, SHAPES)[1]
    assert [found / bound for found, bound in zip(cycles, least, strict=True)] == pytest.approx([1] * 4, abs=0.2)
    assert all(found >= bound for found, bound in zip(cycles, least, strict=True))
