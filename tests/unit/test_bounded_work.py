"""Work has an end: what takes more than a search may look at says so, and what fits is found however long the loops."""

from dataclasses import replace

import numpy as np
import pytest

from simulator import load_hardware
from simulator.cost.effort import DEFAULT
from simulator.cost.search import Request, search_layer
from simulator.cost.steps import MOST_EXTENTS, least_steps
from simulator.engine import array_ops
from simulator.engine.simulate import Options, simulate
from simulator.errors import InputError, TooMuchWork
from simulator.network.graph import Graph
from simulator.network.ir import Network


def product(inputs: int, outputs: int) -> Network:
    g = Graph("n")
    g.linear(g.input(inputs, 1, 1), outputs, name="fc")
    return g.build()


def test_a_search_that_ends_before_it_finds_anything_says_so_and_not_that_nothing_fits() -> None:
    machine, network = load_hardware("squeezenext_16x16"), product(64, 64)
    request = Request(machine, network.layers[-1], "cycles")
    assert search_layer(request, machine.dataflows) is not None
    with pytest.raises(TooMuchWork):
        search_layer(request, machine.dataflows, replace(DEFAULT, tiles=0))


def test_a_mapping_of_more_tiles_than_are_played_is_refused_with_the_limit_and_what_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(array_ops, "MOST_TILES", 0)
    with pytest.raises(InputError) as caught:
        simulate(load_hardware("squeezenext_16x16"), product(64, 64), Options())
    (problem,) = caught.value.problems
    assert problem.message == "layer fc takes too many tiles on squeezenext_16x16 to be simulated"
    assert problem.expected == "at most 0 tiles to look at and to play: larger buffers, a smaller layer or batch"
    assert problem.got == "loops over 1x1x64x64x1x1x1x1 (N G K C P Q R S)"


def test_a_layer_of_a_billion_outputs_is_mapped() -> None:
    run = simulate(load_hardware("squeezenext_16x16"), product(4, 999_999_999), Options())
    assert run.total.macs == 4 * 999_999_999


@pytest.mark.parametrize("pes", [1, 7, 32])
def test_steps_of_a_long_dimension_are_at_most_those_of_any_tiling(pes: int) -> None:
    bound = MOST_EXTENTS + 1
    (told,) = least_steps(bound, 1, pes, (1,), (bound,))
    tiles = np.unique(np.geomspace(1, bound, 50).astype(np.int64))
    full = bound // tiles
    steps = full * -(-tiles // pes) + -(-(bound - full * tiles) // pes)
    assert told <= steps.min() and told == -(-bound // pes)
