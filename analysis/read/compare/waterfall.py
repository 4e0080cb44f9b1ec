"""The way from one run's total to another's as a waterfall: by stage, by part, by layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.compare.comparison import Change, Comparison
from analysis.read.layout import Row, elide, printable
from analysis.read.pictures import Picture
from analysis.read.plots.bars import tick_in
from analysis.read.theme import BLACK, BLUE, GREEN, GREY, SMALL_POINTS, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_STEPS = 12  # of a panel; the rest is one step
MAX_NAME = 34
_STEP_INCHES = 0.2


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
    from matplotlib.figure import Figure

    counts = [len(steps(comparison, cut)) + 2 for cut in _cuts(comparison)]
    figure = Figure(figsize=(7.4, 0.9 + _STEP_INCHES * sum(counts) + 0.5 * len(counts)), layout="constrained")
    panels = figure.subplots(len(counts), 1, sharex=True, height_ratios=counts, squeeze=False)[:, 0]
    for axes, cut in zip(panels, _cuts(comparison), strict=True):
        _draw_panel(axes, comparison, cut, labels)
    begins = units.tick(panels[-1].get_xlim()[0], comparison.unit)
    panels[-1].set_xlabel(comparison.measure.name + (f"; the axis begins at {begins}" if begins != "0" else ""))
    text = f"{units.signed_percent(comparison.relative)} {comparison.measure.name}"
    figure.suptitle(printable(f"{labels[0]} to {labels[1]}: {text}"), x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def _draw_panel(axes: "Axes", comparison: Comparison, cut: str, labels: tuple[str, str]) -> None:
    level, levels, names = comparison.total.before, [comparison.total.before], [labels[0]]
    axes.barh(0, level, color=GREY, height=0.72)
    for place, (name, change) in enumerate(steps(comparison, cut), start=1):
        axes.barh(place, abs(change), left=min(level, level + change), height=0.72,
                  color=GREEN if change < 0 else VERMILLION)  # fmt: skip
        axes.plot([level, level], [place - 0.64, place - 0.36], color=BLACK, linewidth=0.7)
        level += change
        levels.append(level)
        names.append(name)
        sign = "-" if change < 0 else "+"
        _note(axes, place, max(level, level - change), f"{sign}{comparison.write(abs(change))}")
    last = len(names)
    axes.barh(last, level, color=BLUE, height=0.72)
    axes.plot([level, level], [last - 0.64, last - 0.36], color=BLACK, linewidth=0.7)
    for place, value in ((0, levels[0]), (last, level)):
        _note(axes, place, value, comparison.write(value))
    axes.set_yticks(range(last + 1), [elide(printable(name), MAX_NAME) for name in (*names, labels[1])])
    axes.set_ylim(last + 0.6, -0.6)
    axes.set_xlim(*_limits(levels))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    tick_in(axes.xaxis, comparison.unit)
    axes.set_title(f"by {cut}", fontsize=8.5, fontweight="normal")


def _limits(levels: Sequence[float]) -> tuple[float, float]:
    """Begin the axis above 0 where the changes are small beside the totals."""
    low, high = min(levels), max(levels)
    margin = 0.14 * (high - low) or 0.1 * high or 1.0
    return max(0.0, low - 4 * margin), high + margin


def _note(axes: "Axes", place: float, value: float, text: str) -> None:
    axes.annotate(
        text, (value, place), xytext=(3, 0), textcoords="offset points", ha="left", va="center", fontsize=SMALL_POINTS
    )
