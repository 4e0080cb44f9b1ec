"""Weights that come from a memory of their own, slower than that of activations."""

import pytest

from simulator import load_hardware, simulate
from simulator.door import timeline
from simulator.errors import InputError
from simulator.hardware.vary import vary
from simulator.network.graph import Graph

DRAM = {"bandwidth": "16 GB/s", "latency_cycles": 0, "burst": "1 B"}


def run_of(order: str, **dram: object):
    g = Graph("two")
    x = g.linear(g.input(256, 1, 1), 512, name="first")
    g.linear(x, 64, name="second")
    changes = {"dram": DRAM | dram, "layers": {"order": order}, "buffers.weight_sram.capacity": "1 MiB"}
    return simulate(vary(load_hardware("flux_16x16"), changes), g.build())


def test_a_byte_of_weights_takes_the_port_longer_and_another_byte_does_not():
    layers = run_of("overlapped", weights_bandwidth="4 GB/s").layers
    assert [layer.bounds["dram"] for layer in layers] == [
        (256 * 512 * 4 + 256 + 512) // 16,
        (512 * 64 * 4 + 512 + 64) // 16,
    ]
    assert layers[0].traffic["dram"]["weights"].read_bytes == 256 * 512


def test_weights_at_the_rate_of_the_port_change_nothing():
    assert run_of("serial", weights_bandwidth="16 GB/s").total == run_of("serial").total


@pytest.mark.parametrize("order", ["serial", "prefetch_weights", "overlapped"])
def test_events_take_as_long_with_weights_that_come_slowly(order: str):
    slow, fast = run_of(order, weights_bandwidth="3 GB/s"), run_of(order)
    assert timeline(slow).end_cycle == slow.total.cycles > 2 * fast.total.cycles


def test_weights_come_no_faster_than_the_port():
    with pytest.raises(InputError) as caught:
        run_of("serial", weights_bandwidth="17 GB/s")
    assert [problem.path for problem in caught.value.problems] == ["dram.weights_bandwidth"]
