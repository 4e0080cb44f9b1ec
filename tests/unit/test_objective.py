"""What runs are judged by: one measure for each objective, the same for layers and runs."""

import pytest

from analysis.read.objective import COMPARED, CYCLES, ENERGY, LATENCY, MACS, OBJECTIVES, PARAMS, Measure, objective_of
from simulator import simulate
from simulator.hardware.model import OBJECTIVES as OF_THE_MODEL
from tests.builders import deep_run
from tests.cli.tiny import tiny

ADDITIVE = {**OBJECTIVES, "MACs": MACS, "params": PARAMS}
del ADDITIVE["edp"]


def test_every_objective_of_mappings_has_a_measure() -> None:
    assert set(OBJECTIVES) == set(OF_THE_MODEL)


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_layers_have_adds_up_to_what_the_run_has(name: str) -> None:
    measure, run = ADDITIVE[name], deep_run(12)
    assert sum(measure.of_layer(layer) for layer in run.layers) == pytest.approx(measure.of_run(run))


@pytest.mark.parametrize("measure", COMPARED.values(), ids=COMPARED)
def test_the_parts_of_a_layer_add_up_to_it(measure: Measure) -> None:
    for layer in deep_run(12).layers:
        assert sum(measure.parts(layer).values()) == pytest.approx(measure.of_layer(layer))


def test_a_run_tells_what_its_mappings_minimize() -> None:
    assert [objective_of(simulate("eyeriss_chip", tiny(), objective=name)) for name in OF_THE_MODEL] == [*OF_THE_MODEL]


def test_the_edp_of_a_run_is_that_of_its_totals() -> None:
    run = deep_run(12)
    assert OBJECTIVES["edp"].of_run(run) == CYCLES.of_run(run) * ENERGY.of_run(run)


def test_figures_bear_their_unit() -> None:
    assert (ENERGY.write(4.5e9), LATENCY.write(0.0015)) == ("4.50mJ", "1.50ms")
    assert (ENERGY.tick(2e6), LATENCY.tick(0)) == ("2µJ", "0s")


def test_what_is_saved_is_a_fraction_of_what_was() -> None:
    small, large = deep_run(12), deep_run(24)
    assert CYCLES.saved(large, small) == pytest.approx(1 - small.total.cycles / large.total.cycles)
    assert CYCLES.saved(small, small) == 0
