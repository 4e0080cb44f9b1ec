"""Put a page together: its text, its look and its scripts stand beside this file, the data of a run go in as JSON."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from analysis.read.layout import printable
from analysis.read.report.compared import compared_data
from analysis.read.report.data import run_data
from simulator.log import timed
from simulator.result.run import Run

HERE = Path(__file__).parent
SCRIPTS = ("page.js", "figures.js", "details.js", "layers.js", "times.js", "levers.js", "compared.js", "start.js")
"""In the order in which a browser reads them."""


def report_html(run: Run, levers: Mapping[str, object] | None = None) -> str:
    """Return the page of a run; `levers` is what `analysis.drive.explain` has tried, as data, if it has."""
    with timed("made the page"):
        return _page({"runs": [run_data(run) | ({"levers": levers} if levers else {})]})


def comparison_html(before: Run, after: Run, labels: tuple[str, str]) -> str:
    """Return a page of two runs: what changed, then all of each."""
    runs = [run_data(run) | {"label": label} for run, label in zip((before, after), labels, strict=True)]
    return _page({"runs": runs, "compared": compared_data(before, after, labels)})


def _page(data: dict[str, object]) -> str:
    from plotly.offline import get_plotlyjs

    title, text = escape(_title(data)), embedded(data)
    data.clear()  # of many layers it takes several times the room of its text
    return Template(_file("page.html")).substitute(
        title=title,
        style=_file("style.css"),
        data=text,
        plotly=get_plotlyjs(),
        scripts="\n".join(_file(name) for name in SCRIPTS),
    )


def _title(data: dict[str, object]) -> str:
    runs = data["runs"]
    assert isinstance(runs, list)
    return printable(" and ".join(dict.fromkeys(run["title"] for run in runs)))


def embedded(data: object) -> str:
    r"""Write data as JSON that no parser of HTML mistakes for markup: `<` stands as its code.

    >>> print(embedded({"name": "</script>"}))
    {"name":"\u003c/script>"}
    """
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
