"""Work and memory grow with the number of layers and no faster: calls are counted, not timed."""

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from analysis.read.compare import compare
from analysis.read.plots.bars import MOST_BARS, bars_subtitle, drawn_layers
from analysis.read.printing import plain_report
from analysis.read.report import report_html
from analysis.read.views import View
from simulator.door import problems_of, simulate
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.network.lifetimes import words_alive
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.run import Run

SIZES = (20, 40, 60)
MACHINE = "squeezenext_16x16"


def side_by_side(layers: int) -> Network:
    """Layers that read inputs of their own, as a topology lists them, each alive to the end."""
    g = Graph("many")
    made = [g.conv(g.input(4, 6, 6, f"in{at}"), 4, 3, name=f"L{at}") for at in range(layers)]
    return g.build(*made)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return [simulate(MACHINE, side_by_side(layers), threads=1) for layers in SIZES]


def calls(act: Callable[[], object]) -> int:
    """Count the calls, of Python and of C, of something done a second time: the first may load modules."""
    act()
    count = 0

    def tell(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


ACTS: dict[str, Callable[[Run], object]] = {
    "printed": plain_report,
    "summed up by stage": lambda run: plain_report(run, view=View(by="stage")),
    "saved": run_to_json,
    "read": lambda run: run_from_json(run_to_json(run)),
    "checked": problems_of,
    "compared": lambda run: compare(run, run),
    "simulated": lambda run: simulate(MACHINE, side_by_side(len(run.layers)), threads=1),
    "made a page": report_html,
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_twice_the_layers_take_twice_the_calls(act: Callable[[Run], object], runs: list[Run]) -> None:
    few, some, many = (calls(lambda run=run: act(run)) for run in runs)
    assert many - some < 1.05 * (some - few)


def test_tensors_that_live_to_the_end_are_summed_up_once_each() -> None:
    few, some, many = (calls(lambda n=n: words_alive(n)) for n in map(side_by_side, (100, 200, 300)))
    assert many - some < 1.05 * (some - few)


def test_a_figure_has_bars_for_the_longest_layers_and_says_so(runs: list[Run]) -> None:
    layers = [replace(layer, cycles=layer.cycles + at % 9) for at, layer in enumerate(runs[0].layers * 40)]
    many = replace(runs[0], layers=tuple(layers))
    drawn = drawn_layers(many)
    assert len(drawn) == MOST_BARS and {id(layer) for layer in drawn} <= {id(layer) for layer in layers}
    cycles = sorted((layer.cycles for layer in layers), reverse=True)
    assert sorted((layer.cycles for layer in drawn), reverse=True) == cycles[:MOST_BARS]
    assert f"the {MOST_BARS} of {len(layers)} layers that take most cycles" in bars_subtitle(many)
    assert drawn_layers(runs[0]) == list(runs[0].layers) and "most cycles" not in bars_subtitle(runs[0])
