"""What an op takes at least, flow by flow, and how long a search goes on: by hand, beside a search that is told."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest

from simulator import load_hardware, simulate
from simulator.cost.case import UNLIMITED
from simulator.cost.effort import DEFAULT, PROVE, Effort
from simulator.engine.least import least_of, played_alone
from simulator.engine.mapping_choice import request_of
from simulator.engine.store import NO_STORE, Rows
from simulator.mapping.dataflow import Dataflow
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.schedule import plan
from tests.oracle.small_cases import one_tile

CHIP = load_hardware("flexible_168")
FLOWS = CHIP.dataflows[:3]
UNIT = CHIP.energy.unit_pj


def network() -> Network:
    g = Graph("small")
    g.max_pool(g.conv(g.input(2, 4, 4), 4, name="conv"), 2, 2, name="pool")
    return g.build()


CONV, POOL = plan(network(), CHIP)


class Told:
    """A search whose floors are told: at a glance 1, 2, 3, and with a close look 18 of each flow."""

    asked: list[object]

    def __init__(self, *request: object) -> None:
        Told.asked = [request]

    def of(self, flow: Dataflow) -> float:
        return 1.0 + FLOWS.index(flow)

    def close(self, flow: Dataflow, below: float, cuts: int) -> float:
        Told.asked.append((flow.name, below, cuts))
        return 18.0


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> type[Told]:
    monkeypatch.setattr("simulator.cost.search.Search", lambda request: SimpleNamespace(least=Told(request)))
    return Told


def test_at_a_glance_each_dataflow_has_a_floor_of_its_own(told: type[Told]) -> None:
    """Energy is told in picojoules, of a table whose unit is not one."""
    assert least_of(CONV, CHIP, FLOWS, "cycles") == [1.0, 2.0, 3.0]
    assert told.asked == [(request_of(CONV, CHIP, "cycles"),)]
    assert UNIT not in (0.0, 1.0)
    assert least_of(CONV, CHIP, FLOWS, "energy") == [UNIT, 2 * UNIT, 3 * UNIT]
    assert least_of(POOL, CHIP, (), "cycles") == []


def test_a_close_look_is_taken_at_what_may_be_less_than_all_others(told: type[Told]) -> None:
    """From the lowest floor on: that of the second is 18 then, and neither 30 nor 20 is less."""
    assert least_of(CONV, CHIP, FLOWS, "cycles", (30.0, 10.0, 20.0, 25.0)) == [30.0, 18.0, 20.0]
    assert told.asked[1:] == [(FLOWS[1].name, 25.0, 1000)]
    assert least_of(CONV, CHIP, FLOWS, "cycles", (18.0, 10.0, 17.0, 25.0)) == [18.0, 18.0, 18.0]
    assert told.asked[1:] == [(FLOWS[1].name, 25.0, 1000), (FLOWS[2].name, 18.0, 1000)]


def test_a_floor_that_is_known_is_never_lowered(told: type[Told]) -> None:
    assert least_of(CONV, CHIP, FLOWS, "dram", (19.0, 19.5, 40.0, 25.0)) == [19.0, 19.5, 40.0]
    assert told.asked[1:] == [(FLOWS[0].name, 25.0, 1000)]


def test_close_looks_at_energy_are_in_units_of_the_table(told: type[Told]) -> None:
    most = tuple(UNIT * each for each in (10.0, 30.0, 30.0, 25.0))
    assert least_of(CONV, CHIP, FLOWS, "energy", most) == [18 * UNIT, 30 * UNIT, 30 * UNIT]
    assert told.asked[1:] == [(FLOWS[0].name, most[-1] / UNIT, 1000)]


def test_an_op_alone_takes_what_it_does_with_nothing_on_its_way() -> None:
    """The pool is the last op, during which nothing comes ahead: on a slow port a byte would hold its store up."""
    slow = replace(CHIP.dram, bytes_per_cycle=Fraction(1, 8), burst_bytes=1, latency_cycles=0)
    for machine in (CHIP, replace(CHIP, dram=slow, vector_lanes=1000)):
        pool = simulate(machine, network(), mapping=one_tile(network(), machine)).layers[1]
        assert played_alone(POOL, machine, Rows(NO_STORE)) == pool


def test_a_search_ends_within_a_hundredth_or_after_so_much_work_and_a_proof_at_its_end() -> None:
    assert Effort() == DEFAULT == Effort(gap=0.01, evaluations=20_000, whole_space=False, beam=32, tiles=2_000_000)
    assert Effort(gap=0.0, evaluations=UNLIMITED, whole_space=True, beam=32, tiles=UNLIMITED) == PROVE
