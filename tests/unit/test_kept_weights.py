"""Weights that stay on chip from run to run: op after op, what finds room."""

import pytest

from simulator import load_hardware, simulate
from simulator.door import timeline
from simulator.hardware.vary import vary
from simulator.network.graph import Graph


def run_of(kept: str):
    g = Graph("three")
    x = g.linear(g.input(64, 1, 1), 128, name="first")  # 8 KiB of weights
    x = g.linear(x, 256, name="second")  # 32 KiB
    g.linear(x, 32, name="third")  # 8 KiB
    return simulate(vary(load_hardware("edge_tpu"), {"layers.keep_weights": kept}), g.build())


@pytest.mark.parametrize(
    ("kept", "loaded"),
    [("48 KiB", [0, 0, 0]), ("47 KiB", [0, 0, 2**13]), ("16 KiB", [0, 2**15, 0]), ("1 B", [2**13, 2**15, 2**13])],
)
def test_layers_keep_their_weights_one_after_the_other_if_they_find_room(kept: str, loaded: list[int]):
    run = run_of(kept)
    assert [layer.traffic["dram"]["weights"].read_bytes for layer in run.layers] == loaded
    assert ["weights" in layer.on_chip for layer in run.layers] == [not size for size in loaded]


def test_beyond_the_capacity_a_run_takes_longer_by_what_crosses_the_port():
    fits, streams = run_of("48 KiB").total, run_of("16 KiB").total
    assert streams.dram_bytes - fits.dram_bytes == 2**15
    assert streams.latency_s - fits.latency_s == pytest.approx(2**15 / 500e6, rel=0.1)


def test_events_take_as_long_with_weights_that_stay():
    run = run_of("16 KiB")
    assert timeline(run).end_cycle == run.total.cycles
