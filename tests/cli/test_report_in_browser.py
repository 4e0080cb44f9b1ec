"""The page of a run in a real browser: no complaints, nothing loaded, sorting, filtering, opening; names stay text."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator import simulate
from simulator.cli.exits import run as command
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.result.json_io import save_run
from simulator.result.run import Run
from tests.browser import Browser, browser
from tests.builders import conv_result, run_of

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 2</script>",
    "<img src=x onerror='window.hacked = 3'>",
    "<a href='javascript:window.hacked = 4'>here</a>",
    "<b>bold</b> &lt;i&gt; %{x} ${title} `x`",
    "\"' onmouseover='window.hacked = 5'",
)
PICTURES = 6


def hostile_network(layers: int) -> Network:
    """Layers of equal shapes, in stages of eight; names and stages are what an attacker would give them."""
    g = Graph("<script>window.hacked = 6</script>")
    x = g.input(8, 8, 8)
    for i in range(layers):
        with g.stage(HOSTILE[i // 8 % len(HOSTILE)]):
            x = g.conv(x, 8 + i % 2 * 8, name=f"{HOSTILE[i % len(HOSTILE)]}{i}")
    return g.build()


@pytest.fixture(scope="module")
def run() -> Run:
    return simulate("edge_npu_like", hostile_network(40))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(opened: Browser, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """The page of 40 layers with hostile names, as the command writes it."""
    folder = tmp_path_factory.mktemp("page")
    save_run(run, folder / "run.json")
    assert command(["report", str(folder / "run.json"), "--html", str(folder / "report.html")]) == 0
    opened.open(folder / "report.html")
    return opened


def shown(page: Browser) -> list[str]:
    return page.texts("#table tr[data-layer] th")


def filter_by(page: Browser, text: str) -> None:
    page.driver.execute_script("find('filter').value = arguments[0]", text)
    page.run("find('filter').dispatchEvent(new Event('input'))")


def test_every_picture_is_drawn_without_a_complaint_and_nothing_is_loaded(page: Browser) -> None:
    page.wait("figures[0].drawn")
    assert page.run("figures.filter((each) => each.drawn).length") < PICTURES  # the others wait until they are seen
    page.run("dispatchEvent(new Event('beforeprint')) && dispatchEvent(new Event('afterprint'))")
    assert page.errors() == []
    assert page.run("performance.getEntriesByType('resource').length") == 0
    assert page.run("document.querySelectorAll('.plot .main-svg').length") >= PICTURES
    assert page.run("document.querySelectorAll('#time .point').length") > 40


def test_names_stay_text_in_the_table_and_in_pictures(page: Browser, run: Run) -> None:
    assert shown(page) == [layer.name for layer in run.layers]
    assert page.run("window.hacked === undefined")
    assert page.run("document.querySelectorAll('img, .plot a[href^=javascript], .plot tspan[style*=bold]').length") == 0
    assert page.run("document.title") == f"{run.network.name} on edge_npu_like"
    assert any("<scr" in text for text in page.texts(".plot .xtick text"))


def test_a_column_sorts_by_its_figures_and_a_third_click_is_the_order_of_the_network(page: Browser, run: Run) -> None:
    page.click("#grouped")
    orders = []
    for _ in range(3):
        page.click("#table thead th:nth-child(8) button")
        state = page.run("document.querySelector('#table thead th:nth-child(8)').ariaSort")
        orders.append((state, shown(page)))
    cycles = {layer.name: layer.cycles for layer in run.layers}
    by_cycles = sorted(cycles, key=lambda name: cycles[name])
    assert [state for state, _ in orders] == ["descending", "ascending", "none"]
    assert [cycles[name] for name in orders[0][1]] == [cycles[name] for name in reversed(by_cycles)]
    assert orders[1][1] == by_cycles and orders[2][1] == list(cycles)
    page.click("#grouped")
    assert page.errors() == []


def test_the_filter_keeps_what_has_all_words_and_tells_how_many(page: Browser) -> None:
    filter_by(page, "conv <img 14")
    assert shown(page) == [f"{HOSTILE[2]}14"]
    assert page.one("#count").text == "1 of 40 layers"
    filter_by(page, "")
    assert len(shown(page)) == 40


def test_a_row_opens_by_keyboard_and_shows_nest_array_and_verdict(page: Browser, run: Run) -> None:
    from selenium.webdriver.common.keys import Keys

    page.one("[data-layer='3'] .opener").send_keys(Keys.ENTER)
    text = page.one("#layer-3").text
    assert "outputs += inputs * weights" in text and "Traffic by level" in text and "Where the cycles go" in text
    label = page.one("#layer-3 .array").get_attribute("aria-label")
    assert f"{run.layers[3].mapped_pes} of 2,048 PEs have work" in label
    assert page.run("document.activeElement.ariaExpanded") == "true"
    page.one("[data-layer='3'] .opener").send_keys(Keys.SPACE)
    assert page.run("document.querySelector('#layer-3')") is None
    assert page.errors() == []


def test_a_click_on_a_bar_opens_its_layer_and_every_picture_marks_it(page: Browser) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    page.run("document.querySelector('#pictures .plot').scrollIntoView({block: 'center', behavior: 'instant'})")
    point = page.one("#pictures .plot .trace:last-of-type .point:nth-of-type(6)")
    ActionChains(page.driver).move_to_element(point).click().perform()
    page.wait("document.querySelector('.opened') !== null")
    assert page.run("document.querySelector('.opened').id") == "layer-5"
    marked = "figures.filter((each) => each.plot.layout?.shapes?.length > each.shapes.length).length"
    page.wait(f"{marked} >= {PICTURES - 1}")  # the roofline has no point of a layer whose operands are on chip
    page.click("#close")
    assert page.run("document.querySelectorAll('.opened').length") == 0
    assert page.errors() == []


def test_light_and_dark_follow_the_system_and_the_button(page: Browser) -> None:
    backgrounds = [page.run("getComputedStyle(document.body).backgroundColor")]
    page.click("#theme")
    backgrounds.append(page.run("getComputedStyle(document.body).backgroundColor"))
    assert page.one("#theme").get_attribute("aria-label") == "Switch to light colours"
    page.click("#theme")
    backgrounds.append(page.run("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] == backgrounds[2] != backgrounds[1]
    assert page.errors() == []


def test_a_thousand_layers_answer_on_a_narrow_dark_screen(opened: Browser, tmp_path: Path) -> None:
    from analysis.read.report import report_html

    layers = [conv_result(f"layer{i}", channels=8 + i % 30, stage=f"stage{i // 50}", waiting=i) for i in range(1000)]
    (tmp_path / "page.html").write_text(report_html(run_of(*layers)))
    opened.open(tmp_path / "page.html", width=800, colours="dark")
    assert len(shown(opened)) == 1000
    filter_by(opened, "layer77")
    assert len(shown(opened)) == 11
    assert opened.run("document.documentElement.scrollWidth <= innerWidth")
    assert opened.run("isDark()")
    assert opened.errors() == []


def test_what_would_help_is_text_and_leads_to_its_layer(opened: Browser, run: Run, tmp_path: Path) -> None:
    from analysis.read.report import report_html

    lever = {"what": HOSTILE[2], "cells": ["10.0%"], "worth": 0.1, "layers": [run.layers[7].name]}
    table = {"title": HOSTILE[0], "rows": [lever, lever | {"what": "array: 8x8", "layers": []}]}
    levers = {"head": ["saves"], "tables": [table], "changes": [lever], "note": "not simulated: 3 changes"}
    (tmp_path / "page.html").write_text(report_html(run, levers))
    opened.open(tmp_path / "page.html", width=800)
    assert opened.texts("#levers tbody th") == [HOSTILE[2], "array: 8x8"]
    assert opened.texts("#levers .hint") == ["not simulated: 3 changes"]
    opened.click("#levers .link")
    opened.wait("document.querySelector('#layer-7') !== null")
    assert HOSTILE[2] in opened.one("#layer-7 .levers").text
    assert opened.run("document.documentElement.scrollWidth <= innerWidth")
    assert opened.run("window.hacked === undefined") and opened.errors() == []


def test_two_runs_stand_on_one_page(opened: Browser, run: Run, tmp_path: Path) -> None:
    save_run(run, tmp_path / "a.json")
    save_run(simulate("edge_npu_like", hostile_network(9)), tmp_path / "b.json")
    files = [str(tmp_path / name) for name in ("a.json", "b.json")]
    assert command(["compare", *files, "--html", str(tmp_path / "page.html")]) == 0
    opened.open(tmp_path / "page.html")
    assert {"Totals", "cycles by part", "cycles by stage"} <= set(opened.texts("#compared caption"))
    opened.run("document.querySelector('#compared .plot').scrollIntoView()")  # where figures are drawn
    opened.wait("document.querySelectorAll('#compared .plot .point').length === 7")  # both totals, a bar a stage
    opened.run("showRun(1)")
    opened.run("figures.forEach(drawFirst)")
    assert len(shown(opened)) == 9
    assert opened.run("window.hacked === undefined")
    assert opened.errors() == []
