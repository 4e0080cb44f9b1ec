"""Floors from scratch, not begun from what a search found: none is above it where runs, padding and codings are odd."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import inf

import pytest

from simulator.cost.convert import layer_record, machine_record, make_scratch, port_record, price_record
from simulator.cost.floors import Floors
from simulator.cost.search import Request, search_layer
from simulator.hardware.load import load_hardware
from simulator.hardware.model import KERNEL_OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Dim, LoopNest
from tests.oracle.strategies import layer_of

Example = tuple[Hardware, Dataflow, LoopNest]
BASE = load_hardware("edge_npu_like")
FLOW = next(flow for flow in BASE.dataflows if flow.name == "weight_stationary")


def machine(rows: int, columns: int, capacity: int, **dram: object) -> Hardware:
    array, port = replace(BASE.array, rows=rows, columns=columns), replace(BASE.dram, latency_cycles=0, **dram)
    buffers = tuple(replace(b, capacity_bytes=capacity, double_buffered=capacity > 1 << 14) for b in BASE.buffers)
    return replace(BASE, keeps_activations=False, array=array, dram=port, buffers=buffers)


def transformed_weights() -> Iterator[Example]:
    """Weights take 16/9 of their words in DRAM."""
    for capacity, rate in ((1 << 15, 16), (1 << 16, 24), (1 << 17, 24)):
        hardware = machine(8, 2, capacity, winograd=(2, 3), burst_bytes=1, bytes_per_cycle=Fraction(rate))
        yield hardware, replace(FLOW, untiled=(Dim.C,)), LoopNest((1, 1, 8, 512, 1, 1, 3, 3), input_size=(3, 3))


def windows_in_the_padding() -> Iterator[Example]:
    """Tiles at the edges load no inputs."""
    for size, layout in ((1, "nhwc"), (2, "nchw"), (13, "nchw")):
        nest = LoopNest((1, 1, 20, 64, size + 2, size + 2, 1, 1), padding=(1,) * 4, input_size=(size, size))
        for capacity in (3000, 5000, 9000):
            hardware = machine(8, 8, capacity, activations=layout, burst_bytes=64)
            yield hardware, replace(FLOW, untiled=(Dim.C, Dim.K), registers=()), nest


def long_dimensions() -> Iterator[Example]:
    """There are more numbers of tiles than are told apart."""
    flow = replace(FLOW, untiled=(Dim.C,), registers=(), stationary=None)
    for capacity in (640, 844):
        hardware = machine(1, 1, capacity, burst_bytes=1)
        hardware = replace(hardware, array=replace(hardware.array, registers_words=(1, 1, 1)))
        yield hardware, flow, LoopNest((1, 1, 4096, 64, 4096, 1, 1, 1), input_size=(4096, 1))


@pytest.mark.parametrize("objective", ["cycles", "dram"])
@pytest.mark.parametrize("examples", [transformed_weights, windows_in_the_padding, long_dimensions])
def test_no_floor_is_above_what_is_found(examples, objective: str) -> None:
    for hardware, flow, nest in examples():
        layer = layer_of(nest)
        found = search_layer(Request(hardware, layer, objective), [flow])
        parts = machine_record(hardware), port_record(hardware), layer_record(hardware, layer, nest)
        floors = Floors(
            hardware,
            nest,
            (*parts, price_record(hardware, layer)),
            make_scratch(),
            KERNEL_OBJECTIVES.index(objective),
        )
        assert found is not None and 0 < floors.close(flow, inf) <= found.keys[0]
