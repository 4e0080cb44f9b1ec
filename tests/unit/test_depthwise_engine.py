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


def test_its_weights_come_from_dram_with_those_of_the_op_before() -> None:
    """72 x 24 and 72 x 25 bytes, 108 and 113 bursts of 16; they are written on chip, and read there once."""
    pointwise = simulate(MACHINE, separable()).layers[0]
    assert pointwise.traffic["dram"]["weights"].read_bytes == 16 * (108 + 113)
    held = pointwise.traffic["buffer"]["weights"]
    alone = simulate(WITHOUT, separable()).layers[0].traffic["buffer"]["weights"]
    assert held.write_bytes - alone.write_bytes == held.read_bytes - alone.read_bytes == 72 * 25


def test_what_its_weights_take_the_port_longer_the_first_tile_waits() -> None:
    """1,808 bytes at 25.6 bytes a cycle, which begin together with the others."""
    rate = MACHINE.dram.bytes_per_cycle
    assert rate
    pointwise, alone = (simulate(machine, separable()).layers[0] for machine in (MACHINE, WITHOUT))
    longer = pointwise.dram_parts["fill"] - alone.dram_parts["fill"]
    assert abs(longer - 1808 / rate) <= 1


def test_its_weights_stay_with_those_of_the_op_before_or_both_come_again() -> None:
    whole = 72 * 24 + 72 * 25
    for size, stays in ((whole, True), (whole - 1, False)):
        run = simulate(vary(MACHINE, {"layers.keep_weights": f"{size} B"}), separable())
        assert (run.layers[0].traffic["dram"]["weights"].read_bytes == 0) is stays
        assert ("weights" in run.layers[0].on_chip) is stays


def test_events_take_as_long() -> None:
    run = simulate(MACHINE, separable())
    assert timeline(run).end_cycle == run.total.cycles
