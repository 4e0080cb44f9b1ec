"""What the vector unit does to each output of the array: beside it, or while it waits."""

from simulator import load_hardware, simulate
from simulator.door import timeline
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


def test_beside_the_array_counts_what_takes_longer_than_the_layer():
    without = simulate(MACHINE, convolution()).layers[0].cycles
    assert 64 < without < 640
    assert parts(operations=1)["vector"] == 0
    assert parts(operations=10)["vector"] == 10 * 64 - without


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
