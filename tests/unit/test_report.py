"""What the page of a run holds: the run's own figures, names as text, and no more than a browser bears."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from math import prod

import pytest

from analysis.read.nests import nest_places, working
from analysis.read.report import comparison_html, report_html, times
from analysis.read.report.cards import cards
from analysis.read.report.data import run_data
from analysis.read.trace import slices
from simulator import simulate, timeline
from simulator.result.run import Run
from tests.builders import MACHINE, conv_result, run_of, small_run
from tests.cli.tiny import tiny

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)>"
MOST_BYTES = 2_000_000


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts by their place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            self.scripts[-1] += data


@pytest.fixture
def short_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plotting script is left out: parsing it here takes seconds, and tells nothing of ours."""
    monkeypatch.setattr("plotly.offline.get_plotlyjs", lambda: "plotting()")


@pytest.fixture(scope="module")
def run() -> Run:
    return simulate("edge_npu_like", tiny())


@pytest.mark.usefixtures("short_script")
def test_names_are_data_of_the_page_and_never_markup() -> None:
    run = run_of(conv_result(HOSTILE, stage=HOSTILE), conv_result("b"), name=HOSTILE)
    for page in (report_html(run), comparison_html(run, small_run(), (HOSTILE, "b"))):
        found = Elements(page)
        assert found.tags.count("script") == 3 and "img" not in found.tags
        (named,) = (layer for layer in json.loads(found.scripts[0])["runs"][0]["layers"] if layer["stage"] == HOSTILE)
        assert named["name"] == HOSTILE


@pytest.mark.usefixtures("short_script")
def test_a_page_names_no_place_to_load_from() -> None:
    page = report_html(small_run())
    assert re.findall(r"(?:https?:)?//[a-z]+\.|\burl\(|@import|<link|src=", page) == []
    assert "default-src 'none'" in page


@pytest.mark.usefixtures("short_script")
def test_a_thousand_layers_take_no_more_than_two_megabytes() -> None:
    name = "features/stage3/block7/branch2/depthwise{}"
    layers = [conv_result(name.format(i), channels=8 + i % 50, waiting=17 * i) for i in range(1000)]
    nest = {"dram": ["K2:32", "P7", "C3"], "buffer": ["P7", "Q7", "K4"], "rows": ["K2", "C6"], "columns": ["K2", "P7"]}
    layers = [replace(layer, mapping={**nest, "registers": ["S3", "C3", "K4"]}) for layer in layers]
    assert len(report_html(run_of(*layers)).encode()) + times.MOST_SLICES * 60 <= MOST_BYTES


def test_the_figures_of_layers_add_up_to_those_of_the_run(run: Run) -> None:
    data = json.loads(json.dumps(run_data(run)))
    layers = [layer for layer in data["layers"] if layer["cycles"]]
    assert sum(sum(layer["parts"]) for layer in layers) == run.total.cycles
    assert sum(sum(layer["energy"]) for layer in layers) == pytest.approx(run.total.energy_pj, rel=1e-4)
    dram = data["levels"].index("DRAM")
    assert sum(sum(map(sum, layer["traffic"][dram])) for layer in layers) == run.total.dram_bytes
    assert all(sum(layer["use"]) == pytest.approx(1, abs=1e-4) for layer in layers)
    assert data["spans"][-1][1] == run.total.cycles and len(data["spans"]) == len(layers)


def test_the_loops_of_a_nest_cover_the_macs(run: Run) -> None:
    for layer in run.layers:
        bounds = [bound for _, loops in nest_places(layer, run.hardware) for _, bound, _ in loops]
        assert prod(bounds) >= layer.macs
        assert bool(bounds) == bool(layer.macs)


def test_the_picture_of_the_array_has_as_many_pes_at_work_as_the_run(run: Run) -> None:
    for layer in (layer for layer in run.layers if layer.mapped_pes):
        assert prod(working(layer)) == layer.mapped_pes


def test_lanes_are_merged_until_a_page_can_draw_them_and_lose_no_work(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = timeline(run)
    all_slices, lanes = slices(played), len(played.by_block())
    assert times.merged(all_slices, played.end_cycle, lanes) == all_slices
    monkeypatch.setattr(times, "MOST_SLICES", 3 * lanes)
    few = times.merged(all_slices, played.end_cycle, lanes)
    assert len(few) <= 3 * lanes < len(all_slices)
    assert sum(len(each.intervals) for each in few) == len(played.intervals)
    assert all(a.end_cycle <= b.begin_cycle for a, b in pairwise(few) if a.lane == b.lane)


def test_a_run_that_cannot_be_played_says_why_in_place_of_its_lanes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the run does not say what was simulated" in str(times.timeline_data(small_run())["note"])
    monkeypatch.setattr(times, "MOST_TILES", 1)
    data = times.timeline_data(run)
    assert "too many for this page" in str(data["note"]) and data["slices"] == []


def test_tensors_that_stay_lie_within_the_memory_and_the_run(run: Run) -> None:
    data = json.loads(json.dumps(times.memory_data(run)))
    assert len(data["tensors"]) == sum(layer.kept is not None for layer in run.layers) > 0
    for _, begin, end, address, size, _ in data["tensors"]:
        assert 0 <= begin < end <= run.total.cycles and 0 <= address < address + size <= data["capacity"]
    assert max(data["taken"]) == run.total.peak_sram_bytes


def test_cards_tell_what_a_run_knows_and_no_more(run: Run) -> None:
    known = [card["label"] for card in cards(run, steady=False)]
    assert known == ["Latency", "Frames", "Energy", "Utilization", "DRAM traffic", "Peak SRAM", "Area"]
    silent = replace(small_run(), hardware=replace(MACHINE, area_mm2=None))
    assert not {"Area", "Peak SRAM"} & {card["label"] for card in cards(silent, steady=False)}


def test_a_notebook_shows_totals_and_layers_as_text() -> None:
    run = run_of(conv_result(HOSTILE), conv_result("b"))
    shown = run._repr_html_()
    assert Elements(shown).tags.count("tr") == 5 + 1 + 2
    assert "script" not in Elements(shown).tags and f"{run.total.cycles:,}" in shown
