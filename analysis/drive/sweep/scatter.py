"""Two axes of a sampled sweep and a measure: a dot for every point, a panel for each network and machine."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from math import cos, pi, sin, sqrt
from typing import TYPE_CHECKING

from analysis.drive.sweep.effects import Dimension, dimensions_of, factors_by_choice, place_of
from analysis.drive.sweep.heat_map import LEAST_SPAN
from analysis.drive.sweep.plan import Plan, Point
from analysis.drive.sweep.results import COSTS, PLACES, labels_of
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Row, elide, printable
from analysis.read.objective import Quantity
from analysis.read.pictures import Picture
from analysis.read.theme import BESIDE_FROM, SEQUENTIAL, headline, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
MOST_TICKS = 16
GOLDEN_ANGLE = pi * (3 - sqrt(5))
SPREAD = 0.34  # of the distance between two choices

Costs = list[tuple[Point, float]]


def scatter_pictures(outcome: Outcome) -> list[Picture]:
    """Return pictures of latency and energy over the two axes that move each most; none where fewer than two vary.

    Samples leave most pairs of choices out, so that there is no field to draw (`heat_map_pictures`).
    """
    plan = outcome.plan
    varied = [dimension for dimension in dimensions_of(plan) if dimension.place >= len(PLACES)]
    if len(varied) < 2:
        return []
    found = [(point, figures) for point, figures in outcome.points() if "problem" not in figures]
    pictures = []
    for cost in COSTS:
        known = [(point, float(figures[cost.key])) for point, figures in found]
        if known:
            pictures.append(_picture(plan, known, strongest(varied, known), cost))
    return pictures


def strongest(varied: Sequence[Dimension], known: Costs) -> tuple[Dimension, Dimension]:
    """Return the two axes whose choices move a cost by the largest factors, in the plan's order."""
    places = [[place_of(point, dimension) for point, _ in known] for dimension in varied]
    found = [each.values() for each in factors_by_choice([value for _, value in known], places)]
    factor = {dimension.name: max(each) / min(each) for dimension, each in zip(varied, found, strict=True)}
    return max(combinations(varied, 2), key=lambda pair: factor[pair[0].name] * factor[pair[1].name])


def _picture(plan: Plan, known: Costs, axes: tuple[Dimension, Dimension], cost: Quantity) -> Picture:
    panels: dict[str, Costs] = defaultdict(list)
    rows: list[Row] = []
    for point, value in known:
        panel = f"{plan.networks[point.network]} on {plan.machines[point.machine]}"
        panels[panel].append((point, value))
        rows.append({**labels_of(plan, point), cost.key: value})
    return Picture(f"scatter_{cost.name}", rows, lambda: _draw(panels, axes, cost))


def spread(places: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Lay points of one pair of choices beside each other, along a spiral around it.

    >>> [(round(x, 1), round(y, 1)) for x, y in spread([(0, 2), (1, 1), (1, 1)])]
    [(0.0, 2.0), (1.0, 1.0), (0.8, 1.2)]
    """
    there, before, laid = Counter(places), Counter[tuple[int, int]](), []
    for x, y in places:
        radius, angle = SPREAD * sqrt(before[x, y] / there[x, y]), GOLDEN_ANGLE * before[x, y]
        laid.append((x + radius * cos(angle), y + radius * sin(angle)))
        before[x, y] += 1
    return laid


def _draw(panels: dict[str, Costs], axes: tuple[Dimension, Dimension], cost: Quantity) -> "Figure":
    from matplotlib import rcParams

    shown = list(panels.items())[:MOST_PANELS]
    columns = 1 if rcParams["figure.figsize"][0] < BESIDE_FROM else min(2, len(shown))
    lines = -(-len(shown) // columns)
    figure = new_figure(0.8 + 3.2 * lines, 4.6 * columns)
    places = figure.subplots(lines, columns, squeeze=False).flat
    for place, (name, known) in zip(places, shown, strict=False):
        _draw_panel(place, known, axes, cost)
        place.set_title(elide(printable(name), 52), fontsize=8.5)
    for place in list(figure.axes)[len(shown) : lines * columns]:
        if not place.collections:
            place.set_axis_off()
    title = printable(f"{cost.name.capitalize()} of each sample by {axes[0].name} and {axes[1].name}")
    left = len(panels) - len(shown)
    headline(figure, title, "the axes that move it most" + (f"; {left} more panels in the CSV" if left else ""))
    return figure


def _draw_panel(axes: "Axes", known: Costs, dimensions: tuple[Dimension, Dimension], cost: Quantity) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    down, across = dimensions
    values = [value for _, value in known]
    norm = LogNorm(min(values), max(max(values), LEAST_SPAN * min(values)))
    laid = spread([(place_of(point, across), place_of(point, down)) for point, _ in known])
    xs, ys = [x for x, _ in laid], [y for _, y in laid]
    dots = axes.scatter(xs, ys, c=values, s=20, cmap=SEQUENTIAL, norm=norm, linewidths=0, zorder=2)
    bar = axes.figure.colorbar(dots, ax=axes, label=cost.name)
    ticks = FuncFormatter(lambda value, _: cost.tick(value))
    bar.ax.yaxis.set_major_formatter(ticks)
    bar.ax.yaxis.set_minor_formatter(ticks if max(values) < 8 * min(values) else FuncFormatter(lambda value, _: ""))
    for dimension, set_ticks in ((across, axes.set_xticks), (down, axes.set_yticks)):
        places = range(0, len(dimension.choices), -(-len(dimension.choices) // MOST_TICKS))
        names = [elide(printable(dimension.choices[i]), 20) for i in places]
        set_ticks(list(places), names, rotation=90 if dimension is across and len(places) > 6 else 0)
    axes.set(xlim=(-0.6, len(across.choices) - 0.4), ylim=(-0.6, len(down.choices) - 0.4))
    axes.set(xlabel=elide(printable(across.name), 40), ylabel=elide(printable(down.name), 40))
