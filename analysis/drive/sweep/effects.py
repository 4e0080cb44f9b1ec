"""What each axis does: a tornado of its choices, and all points as lines over all axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from analysis.drive.sweep.measures import Candidate, Ranked, candidates_of, grouped_candidates, undominated
from analysis.drive.sweep.plan import Plan, Point
from analysis.drive.sweep.results import cell
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Row, elide, printable
from analysis.read.pictures import Picture
from analysis.read.theme import BLUE, GREY, SMALL_POINTS, VERMILLION, headline, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIGITS = 9  # of a factor: what linear algebra adds behind differs by machine
MOST_LINES = 3000
MOST_AXES = 12
MOST_TICKS = 12


@dataclass(frozen=True, slots=True)
class Dimension:
    """A thing that varies over a plan: its name and what it may be."""

    name: str
    choices: tuple[str, ...]
    place: int  # among machine, network and axes


def dimensions_of(plan: Plan) -> list[Dimension]:
    """Return machine, network and axes, those that take several values."""
    axes = [
        (axis.name, tuple(" x ".join(str(cell(s.value)) for s in choice) for choice in axis.choices))
        for axis in plan.axes
    ]
    named = [("machine", plan.machines), ("network", plan.networks), *axes]
    return [Dimension(name, choices, i) for i, (name, choices) in enumerate(named) if len(choices) > 1]


def place_of(point: Point, dimension: Dimension) -> int:
    """Return which of a dimension's choices a point has."""
    return (point.machine, point.network, *point.choices)[dimension.place]


def effect_pictures(outcome: Outcome, measures: Sequence[Ranked]) -> list[Picture]:
    """Return tornado and parallel coordinates; nothing where fewer than two things vary."""
    dimensions = dimensions_of(outcome.plan)
    candidates = candidates_of(outcome, measures)
    if len(dimensions) < 2 or len(candidates) < 2:
        return []
    return [_tornado(candidates, dimensions, measures), _parallel(candidates, dimensions, measures)]


def factors_by_choice(values: Sequence[float], places: Sequence[Sequence[int]]) -> list[dict[int, float]]:
    """Return by what factor each choice of each dimension moves positive values, over their geometric mean.

    `places` has the choice of each value, a list for each dimension. The factors are those whose products come nearest
    to the values, by squares of logarithms: an axis that does nothing has factors of 1 in samples, too, where its
    choices meet those of others unevenly. Over all combinations they are the geometric means of each choice.

    >>> area, idle = factors_by_choice([1, 1, 4], [[0, 0, 1], [0, 1, 1]])
    >>> [round(area[1] / area[0], 3), round(idle[1] / idle[0], 3)]
    [4.0, 1.0]
    """
    import numpy as np

    choices = [(at, place) for at, own in enumerate(places) for place in sorted(set(own))]
    column = {choice: number for number, choice in enumerate(choices)}
    chosen = np.array([[column[at, place] for place in own] for at, own in enumerate(places)])
    logs = np.log(np.asarray(values, dtype=float))
    logs -= logs.mean()
    size = len(choices)
    pairs = (chosen[:, None] * size + chosen[None]).ravel()  # how often two choices are together
    together = np.bincount(pairs, minlength=size * size).reshape(size, size).astype(float)
    sums = np.bincount(chosen.ravel(), np.tile(logs, len(places)), size)
    moved = np.linalg.lstsq(together, sums, rcond=1e-9)[0]
    found = []
    for at, own in enumerate(chosen):
        middle = moved[own].mean()
        factors = [float(f"{factor:.{DIGITS}g}") for factor in np.exp(moved - middle)]
        found.append({place: factors[column[at, place]] for place in sorted(set(places[at]))})
    return found


def _tornado(candidates: Sequence[Candidate], dimensions: Sequence[Dimension], measures: Sequence[Ranked]) -> Picture:
    """Show by what factor each choice of an axis moves a measure, all else the same."""
    rows: list[Row] = []
    places = [[place_of(each.point, dimension) for each in candidates] for dimension in dimensions]
    for number, measure in enumerate(measures):
        values = [each.values[number] for each in candidates]
        found = factors_by_choice(values, places) if min(values) > 0 else []
        for dimension, factors in zip(dimensions, found, strict=False):
            rows += [
                {"measure": measure.column, "axis": dimension.name, "choice": dimension.choices[place], "factor": each}
                for place, each in factors.items()
            ]
    return Picture("tornado", rows, lambda: _draw_tornado(rows, measures))


def _draw_tornado(rows: Sequence[Row], measures: Sequence[Ranked]) -> "Figure":
    shown = [measure for measure in measures if any(row["measure"] == measure.column for row in rows)]
    count = len({row["axis"] for row in rows})
    figure = new_figure(0.8 + max(1, len(shown)) * (0.9 + 0.3 * min(count, MOST_AXES)), 9.2)
    panels = figure.subplots(max(1, len(shown)), 1, squeeze=False)[:, 0]
    for axes, measure in zip(panels, shown, strict=False):
        _draw_bars(axes, [row for row in rows if row["measure"] == measure.column])
        axes.set_title(measure.name)
    title = "What each axis does, all else the same, relative to the mean of all points"
    headline(figure, title)
    return figure


def _draw_bars(axes: "Axes", rows: Sequence[Row]) -> None:
    from matplotlib.ticker import FuncFormatter

    by_axis: dict[str, list[Row]] = {}
    for row in rows:
        by_axis.setdefault(str(row["axis"]), []).append(row)

    def ends(own: Sequence[Row]) -> tuple[Row, Row]:
        ordered = sorted(own, key=lambda row: float(row["factor"]))
        return ordered[0], ordered[-1]

    spans = {name: ends(own) for name, own in by_axis.items()}
    ordered = sorted(spans, key=lambda name: float(spans[name][1]["factor"]) / float(spans[name][0]["factor"]))
    ordered = ordered[-MOST_AXES:]
    for height, name in enumerate(ordered):
        least, most = spans[name]
        for row, colour, side in ((least, BLUE, "right"), (most, VERMILLION, "left")):
            factor = float(row["factor"])
            axes.barh(height, factor - 1, left=1, color=colour, height=0.6)
            text = f" {elide(printable(str(row['choice'])), 24)} "
            axes.text(factor, height, text, ha=side, va="center", fontsize=SMALL_POINTS)
    axes.set_yticks(range(len(ordered)), [elide(printable(name), 34) for name in ordered])
    axes.set_xscale("log")
    axes.axvline(1, color=GREY, linewidth=0.8)
    low = min(float(spans[name][0]["factor"]) for name in ordered)
    high = max(float(spans[name][1]["factor"]) for name in ordered)
    room = (high / low) ** 0.18
    axes.set_xlim(low / room, high * room)
    ticks = FuncFormatter(lambda value, _: f"{value:.3g}x")
    axes.xaxis.set_major_formatter(ticks)
    axes.xaxis.set_minor_formatter(ticks if high < 4 * low else FuncFormatter(lambda value, _: ""))
    axes.tick_params(axis="x", which="both", labelsize=SMALL_POINTS)


def _parallel(candidates: Sequence[Candidate], dimensions: Sequence[Dimension], measures: Sequence[Ranked]) -> Picture:
    """Show every point as a line over axes and measures, coloured by the first measure."""
    groups = grouped_candidates(candidates, measures).values()
    fronts = [members[i] for members in groups for i in undominated([each.costs for each in members])]
    best = {i for i, each in enumerate(candidates) if each in fronts}
    rows: list[Row] = [
        {
            **each.row,
            **{measure.column: value for measure, value in zip(measures, each.values, strict=True)},
            "on_front": int(i in best),
        }
        for i, each in enumerate(candidates)
    ]
    return Picture("parallel", rows, lambda: _draw_parallel(candidates, best, dimensions[:MOST_AXES], measures))


def shares(values: Sequence[float]) -> list[float]:
    """Place values between 0 and 1, by their logarithm where they are positive.

    >>> shares([1, 10, 100])
    [0.0, 0.5, 1.0]
    """
    if min(values) > 0:
        values = [log(value) for value in values]
    low, span = min(values), (max(values) - min(values)) or 1.0
    return [(value - low) / span for value in values]


def _draw_parallel(
    candidates: Sequence[Candidate], best: set[int], dimensions: Sequence[Dimension], measures: Sequence[Ranked]
) -> "Figure":
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    columns = [[place_of(each.point, d) / (len(d.choices) - 1) for each in candidates] for d in dimensions]
    columns += [shares([each.values[i] for each in candidates]) for i in range(len(measures))]
    lines = [[(float(x), y) for x, y in enumerate(line)] for line in zip(*columns, strict=True)]
    figure = new_figure(4.2, 1.5 * len(columns))
    axes = figure.subplots()
    drawn = sorted(range(0, len(lines), -(-len(lines) // MOST_LINES)), key=lambda i: i in best)
    colours = colormaps["cividis_r"]([columns[len(dimensions)][i] for i in drawn])
    axes.add_collection(LineCollection([lines[i] for i in drawn], colors=colours, linewidths=0.5, alpha=0.45))
    front = [lines[i] for i in sorted(best)]
    axes.add_collection(LineCollection(front, colors=VERMILLION, linewidths=1.3, zorder=3))
    _label_parallel(axes, dimensions, measures, candidates)
    title = f"Every point as a line, coloured by {measures[0].name}; in red what nothing beats in all measures"
    headline(figure, title)
    return figure


def _label_parallel(
    axes: "Axes", dimensions: Sequence[Dimension], measures: Sequence[Ranked], candidates: Sequence[Candidate]
) -> None:
    words = [", ".join(path.rpartition(".")[2] for path in d.name.split(", ")) for d in dimensions]
    names = [elide(printable(word), 20) for word in words] + [m.name for m in measures]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.set(xlim=(-0.3, len(names) - 0.4), ylim=(-0.04, 1.04))
    for x in range(len(names)):
        axes.axvline(x, color=GREY, linewidth=0.8, zorder=0)
    style = {"fontsize": SMALL_POINTS, "va": "center", "ha": "left", "zorder": 5}
    style["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    for x, dimension in enumerate(dimensions):
        last = len(dimension.choices) - 1
        for place in range(0, last + 1, -(-(last + 1) // MOST_TICKS)):
            axes.text(x + 0.03, place / last, elide(printable(dimension.choices[place]), 18), **style)  # type: ignore[arg-type]
    for number, measure in enumerate(measures):
        values = [each.values[number] for each in candidates]
        for height, value in ((0, min(values)), (1, max(values))):
            axes.text(len(dimensions) + number + 0.03, height, measure.write(value), **style)  # type: ignore[arg-type]
