"""CondenseNet while it learns: pruned columns cost time on a machine that cannot skip zero weights, none on others."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.result.run import Run
from workloads.load import load_network

STAGES = range(4)


@cache
def at_stage(machine: str | Hardware, stage: int, resolution: int = 64, **options: str) -> Run:
    return simulate(machine, f"condensenet:groups=4,resolution={resolution},stage={stage}", **options)


def executed(run: Run) -> int:
    return sum(layer.effective_macs for layer in run.layers)


@pytest.fixture
def skipping() -> Hardware:
    """The SqueezeNext machine with a word for each PE a cycle, or inputs would bound what skipped weights save."""
    machine = load_hardware("squeezenext_16x16")
    inputs, *others = machine.array.delivery
    wide = (replace(inputs, words_per_cycle=machine.array.pes), *others)
    return replace(machine, array=replace(machine.array, delivery=wide))


def test_a_stage_zeroes_columns_of_the_learned_convolutions_only():
    for stage in STAGES:
        layers = [layer for layer in load_network(f"condensenet:stage={stage}").layers if layer.macs]
        learned = [layer for layer in layers if layer.zero_columns]
        assert len(learned) == 36 and {layer.kernel for layer in learned} == {(1, 1)}
        assert {layer.zero_weights_fraction for layer in learned} == {stage / 4}
        assert {layer.zero_weights_fraction for layer in layers if not layer.zero_columns} == {None}


def test_a_machine_that_cannot_skip_takes_as_long_at_the_last_stage_as_at_the_first():
    runs = [at_stage("flexible_168", stage, dataflow="weight_stationary") for stage in (0, 3)]
    assert len({run.total.cycles for run in runs}) == 1
    assert {executed(run) for run in runs} == {runs[0].total.macs}


def test_a_machine_that_skips_executes_only_the_columns_that_are_left(skipping: Hardware):
    runs = [at_stage(skipping, stage, dataflow="output_stationary_blocks") for stage in STAGES]
    learned = [layer for layer in load_network("condensenet:resolution=64,stage=0").layers if layer.zero_columns]
    pruned = sum(layer.macs for layer in learned) / 4
    for before, after in pairwise(runs):
        assert executed(before) - executed(after) == pytest.approx(pruned, rel=1e-4)
        assert after.total.cycles < before.total.cycles


def test_a_machine_that_skips_is_faster_once_columns_are_pruned(skipping: Hardware):
    dense, pruned = (at_stage(skipping, stage, resolution=224).total.cycles for stage in (0, 3))
    assert pruned < 0.9 * dense


def test_random_zeros_of_a_single_tap_cannot_be_skipped_but_columns_can(skipping: Hardware):
    columns = load_network("condensenet:groups=4,resolution=64,stage=3")
    scattered = replace(columns, layers=tuple(replace(layer, zero_columns=False) for layer in columns.layers))
    of_taps = simulate(skipping, scattered, dataflow="output_stationary_blocks")
    assert executed(at_stage(skipping, 3, dataflow="output_stationary_blocks")) < executed(of_taps)
