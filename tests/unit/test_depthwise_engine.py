"""Depthwise layers that an engine runs behind the array, beside it: how long they take, and when they are run so."""

from math import ceil, prod

import pytest

from simulator import load_hardware, simulate
from simulator.door import timeline
from simulator.hardware.vary import vary
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.result.run import Run

MACHINE = load_hardware("dpu_b4096")
WITHOUT = vary(MACHINE, {"vector": {"lanes": 64}})


def separable(channels: int = 72, size: int = 28, taps: int = 5, stride: int = 1, twice: bool = False) -> Network:
    """A pointwise layer of 24 inputs and a depthwise one behind it; what is between them may be read `twice`."""
    g = Graph("separable")
    x = g.conv(g.input(24, size, size), channels, name="pointwise", activation="relu")
    y = g.depthwise(x, taps, stride, padding=taps // 2, name="depthwise")
    if twice:
        g.add(x, y)
    return g.build()


def cycles_of(run: Run, name: str) -> int:
    return next(layer.cycles for layer in run.layers if layer.name == name)


@pytest.mark.parametrize(
    ("channels", "size", "taps", "stride", "groups", "rows", "columns"),
    [(72, 28, 5, 1, 5, 28, 7), (48, 56, 7, 2, 3, 28, 7), (144, 28, 7, 2, 9, 14, 4)],
)
def test_it_takes_a_tap_of_sixteen_channels_and_four_pixels_a_cycle(
    channels: int, size: int, taps: int, stride: int, groups: int, rows: int, columns: int
) -> None:
    """It takes longer than the pointwise layer, DRAM included, of which it waits for the first tile."""
    run = simulate(MACHINE, separable(channels, size, taps, stride))
    pointwise, depthwise = (layer for layer in run.layers if layer.op in ("conv", "depthwise"))
    parts, filtering = pointwise.cycle_parts, groups * rows * columns * taps**2
    before = pointwise.cycles - parts["configuration"] - parts["vector"]
    assert before + parts["vector"] == filtering + ceil(before / pointwise.tiles)
    assert pointwise.fused == ("pointwise_relu", "depthwise")
    assert (depthwise.cycles, depthwise.traffic, depthwise.macs) == (0, {}, channels * rows * rows * taps**2)


def test_what_it_makes_alone_is_stored() -> None:
    run = simulate(MACHINE, separable(stride=2))
    stored = run.layers[0].traffic["dram"]["outputs"].write_bytes
    assert stored == pytest.approx(prod(run.layers[-1].output_shape), rel=0.1)


def test_a_layer_whose_input_others_read_runs_on_the_array() -> None:
    run = simulate(MACHINE, separable(twice=True))
    assert cycles_of(run, "depthwise") == cycles_of(simulate(WITHOUT, separable(twice=True)), "depthwise") > 0


def test_without_an_engine_the_array_runs_every_layer() -> None:
    run = simulate(WITHOUT, separable())
    assert cycles_of(run, "depthwise") > 0
    assert run.layers[0].fused == ("pointwise_relu",)


def test_its_products_are_operations_of_the_vector_unit() -> None:
    spent = simulate(MACHINE, separable()).layers[0].energy_parts["vector"]
    assert spent == pytest.approx(72 * 28 * 28 * 25 * MACHINE.prices.vector_op)


def test_events_take_as_long() -> None:
    run = simulate(MACHINE, separable())
    assert timeline(run).end_cycle == run.total.cycles
