"""What the vector unit does to each output of the array: beside it, or while it waits."""

import pytest

from simulator import load_hardware, simulate
from simulator.door import timeline
from simulator.engine.array_ops import Behind
from simulator.hardware.vary import vary
from simulator.network.graph import Graph

MACHINE = load_hardware("flux_16x16")


def convolution():
    g = Graph("one")
    g.conv(g.input(16, 8, 8), 16, name="conv")
    return g.build()


def parts(**epilogue: object) -> dict[str, int]:
    machine = vary(MACHINE, {"vector": {"lanes": 16, "epilogue": epilogue}})
    return dict(simulate(machine, convolution()).layers[0].cycle_parts)


def test_of_two_tiles_the_outputs_of_one_are_worked_on_alone():
    layer = simulate(MACHINE, convolution()).layers[0]
    assert (layer.tiles, 64 < layer.cycles < 640) == (2, True)
    assert parts(operations=1)["vector"] == 32
    assert parts(operations=10)["vector"] == 10 * 64 - layer.cycles // 2


@pytest.mark.parametrize(
    ("array", "behind", "tiles", "exposed"),
    [
        (100, 40, 4, 10),  # the last tile's outputs: 40 / 4
        (100, 400, 4, 325),  # behind the first tile, 25 cycles, 400 follow one another
        (100, 100, 1, 100),
        (100, 0, 3, 0),
        (100, 1, 100, 1),  # in whole cycles
    ],
)
def test_outputs_of_a_tile_are_worked_on_while_the_array_makes_the_next(
    array: int, behind: int, tiles: int, exposed: int
) -> None:
    assert Behind(0, behind, array_waits=False).exposed(array, tiles) == exposed
    assert Behind(0, behind, array_waits=True).exposed(array, tiles) == behind


def test_an_array_that_waits_counts_all_of_it():
    assert parts(operations=10, array="waits")["vector"] == 10 * 64
    assert parts(operations=1, array="waits")["vector"] == 64


def test_operations_of_the_epilogue_are_priced():
    machine = vary(MACHINE, {"vector.epilogue": {"operations": 3}})
    energy = simulate(machine, convolution()).layers[0].energy_parts
    assert energy["vector"] == 3 * 16 * 64 * machine.prices.vector_op


def test_events_take_as_long_beside_the_array_and_while_it_waits():
    for machine in (vary(MACHINE, {"vector.epilogue": {"operations": 10}}), load_hardware("vta_16x16")):
        run = simulate(machine, convolution())
        assert timeline(run).end_cycle == run.total.cycles


def test_a_layer_without_epilogue_does_nothing_behind_the_array():
    layer = simulate(MACHINE, convolution()).layers[0]
    assert layer.cycle_parts["vector"] == 0
    assert "vector" not in layer.bounds
