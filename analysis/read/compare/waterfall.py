"""The way from one run's total to another's as a waterfall: by stage, by part, by layer."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.compare.comparison import Change, Comparison
from analysis.read.layout import Row, elide, printable
from analysis.read.pictures import Picture
from analysis.read.plots.bars import tick_in
from analysis.read.theme import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    SMALL_POINTS,
    VERMILLION,
    headline,
    is_narrow,
    new_figure,
)
from analysis.read.titles import run_subtitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_STEPS = 12  # of a panel; the rest is one step
MAX_NAME = 34
_STEP_INCHES = 0.17
NOTE_SHARE = 0.18  # of the axis, for a note beyond the longest bar
BELOW = 0.32  # of the changes' span, that an axis shows below the lowest level


def waterfall(comparison: Comparison, labels: tuple[str, str], name: str = "waterfall") -> Picture:
    """Return the picture of a comparison; its rows are the steps drawn, with the level that each leads to."""
    rows = [row for title in _cuts(comparison) for row in _rows(comparison, title)]
    return Picture(name, rows, lambda: _draw(comparison, labels))


def _cuts(comparison: Comparison) -> dict[str, Sequence[Change]]:
    return {comparison.grouped: comparison.stages, "part": comparison.parts, "layer": comparison.layers}


def steps(comparison: Comparison, cut: str) -> list[tuple[str, float]]:
    """Return what each step is called and adds: the largest changes in either direction, then all others."""
    changes = [change for change in _cuts(comparison)[cut] if change.change]
    shown, rest = changes[:MOST_STEPS], changes[MOST_STEPS:]
    found = [(_named(change, comparison), change.change) for change in shown]
    if rest:
        found.append((units.counted(len(rest), "other"), sum(change.change for change in rest)))
    return found


def _named(change: Change, comparison: Comparison) -> str:
    """Name a step; a layer that only one of the runs has says so."""
    name = comparison.named(change.name)
    return f"{name} (gone)" if change.is_gone else f"{name} (new)" if change.is_new else name


def _rows(comparison: Comparison, cut: str) -> list[Row]:
    level = comparison.total.before
    rows: list[Row] = []
    for name, change in steps(comparison, cut):
        level += change
        rows.append({"by": cut, "step": name, "change": change, "level": level})
    return rows


def _draw(comparison: Comparison, labels: tuple[str, str]) -> "Figure":
    """Draw a panel for each way of cutting the change, as high as it has steps."""
    found = {cut: steps(comparison, cut) for cut in _cuts(comparison)}
    counts = [len(own) + 2 for own in found.values()]
    figure = new_figure(1.2 + _STEP_INCHES * sum(counts) + 0.4 * len(counts))
    panels = figure.subplots(len(counts), 1, sharex=True, height_ratios=counts, squeeze=False)[:, 0]
    begin, end = limits([level for own in found.values() for level in levels_of(comparison, own)])
    panels[0].set_xlim(begin, end)
    for axes, (cut, own) in zip(panels, found.items(), strict=True):
        _draw_panel(axes, comparison, own, labels)
        axes.set_title(f"by {cut}", fontsize="medium", fontweight="normal")
    tick_in(panels[-1].xaxis, comparison.unit)
    name = comparison.measure.name
    panels[-1].set_xlabel(f"{name}; the axis begins at {comparison.write(begin)}, not 0" if begin else name)
    told = f"{units.signed_percent(comparison.relative)} {name}"
    headline(figure, printable(f"{labels[0]} to {labels[1]}: {told}"), _of(comparison))
    return figure


def _of(comparison: Comparison) -> str:
    """Say of what both runs are, once where they agree."""
    texts = [
        f"{run.network.name} on {run.hardware.name}; {run_subtitle(run)}"
        for run in (comparison.before, comparison.after)
    ]
    return printable(" / ".join(dict.fromkeys(texts)))


def levels_of(comparison: Comparison, own: Sequence[tuple[str, float]]) -> list[float]:
    """Return the levels that steps lead through, the first run's total in front."""
    return list(accumulate((change for _, change in own), initial=comparison.total.before))


def _draw_panel(
    axes: "Axes", comparison: Comparison, own: Sequence[tuple[str, float]], labels: tuple[str, str]
) -> None:
    levels = levels_of(comparison, own)
    axes.barh(0, levels[0], color=GREY, height=0.72)
    for place, (level, (_, change)) in enumerate(zip(levels, own, strict=False), start=1):
        axes.barh(place, abs(change), left=min(level, level + change), height=0.72,
                  color=GREEN if change < 0 else VERMILLION)  # fmt: skip
        axes.plot([level, level], [place - 0.64, place - 0.36], color=BLACK, linewidth=0.7)
        sign = "-" if change < 0 else "+"
        _note(axes, place, max(level, level + change), f"{sign}{comparison.write(abs(change))}")
    last = len(own) + 1
    axes.barh(last, levels[-1], color=BLUE, height=0.72)
    axes.plot([levels[-1]] * 2, [last - 0.64, last - 0.36], color=BLACK, linewidth=0.7)
    for place, value in ((0, levels[0]), (last, levels[-1])):
        _note(axes, place, value, comparison.write(value))
    longest = MAX_NAME // 2 if is_narrow(axes) else MAX_NAME
    names = [labels[0], *(name for name, _ in own), labels[1]]
    axes.set_yticks(range(last + 1), [elide(printable(name), longest) for name in names], fontsize=SMALL_POINTS)
    axes.set_ylim(last + 0.6, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    if axes.get_xlim()[0]:
        _break(axes, (0, last))


def limits(levels: Sequence[float]) -> tuple[float, float]:
    """Return an axis that holds all levels; it begins above 0 where they all lie far above.

    >>> limits([100.0, 60.0, 80.0]), limits([100.0, 98.0])
    ((0.0, 118.0), (97.36, 100.36))
    """
    low, high = min(levels), max(levels)
    span = (high - low) or 0.1 * high or 1.0
    room = NOTE_SHARE * span  # where a note ends that stands beyond the highest
    begin = low - BELOW * span
    return (0.0, (1 + NOTE_SHARE) * high or 1.0) if begin < high / 2 else (begin, high + room)


def _break(axes: "Axes", bars: Sequence[int]) -> None:
    """Strike through the totals near the axis: they go on to 0 beyond it."""
    begin, end = axes.get_xlim()
    for place in bars:
        for share in (0.012, 0.024):
            x = begin + share * (end - begin)
            axes.plot([x, x + 0.008 * (end - begin)], [place + 0.45, place - 0.45], color="white", linewidth=1.2)


def _note(axes: "Axes", place: float, value: float, text: str) -> None:
    axes.annotate(
        text, (value, place), xytext=(3, 0), textcoords="offset points", ha="left", va="center", fontsize=SMALL_POINTS
    )
