"""Two axes of a sweep as a field of colour, a panel for each network and machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, isnan, nan
from typing import TYPE_CHECKING

from analysis.drive.sweep.plan import Plan
from analysis.drive.sweep.results import COSTS, cell
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Row, elide, printable
from analysis.read.objective import Quantity
from analysis.read.pictures import Picture
from analysis.read.theme import BESIDE_FROM, LIGHT_GREY, SEQUENTIAL, SMALL_POINTS, headline, new_figure
from simulator.source.cells import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_FILLED = 0.5  # share of the cells that have a point: fewer tell nothing of what lies between
MOST_PANELS = 9
MOST_WRITTEN = 14  # cells a side, up to which each one bears its value
LEAST_SPAN = 1.3  # factor that the colours span at least: what hardly differs looks alike

Least = Mapping[tuple[int, int, int, int], float]
"""Machine, network, and choices of the two axes -> cost."""


@dataclass(frozen=True, slots=True)
class Field:
    """A panel: the values of two axes, and the measure at each pair; nan where it could not be simulated."""

    title: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]  # [down][across]


def heat_map_pictures(outcome: Outcome) -> list[Picture]:
    """Return pictures of latency and energy over the first two axes that vary; none where there is a reason.

    Each cell is the least over the choices of all other axes, or over what was sampled of them.
    """
    if why_no_heat_map(outcome):
        return []
    plan = outcome.plan
    down, across = _varied(plan)[:2]
    return [_picture(plan, _least(outcome, (down, across), cost), (down, across), cost) for cost in COSTS]


def why_no_heat_map(outcome: Outcome) -> str:
    """Return why there is no heat map, "" where there is one: two axes must vary, and samples fill half of it."""
    plan, varied = outcome.plan, _varied(outcome.plan)
    if len(varied) < 2:
        return "no heat map: fewer than two axes vary"
    if plan.sampled is None:
        return ""
    down, across = (plan.axes[i] for i in varied[:2])
    cells = len(plan.machines) * len(plan.networks) * len(down.choices) * len(across.choices)
    filled = len(_least(outcome, (varied[0], varied[1]), COSTS[0]))
    if filled >= LEAST_FILLED * cells:
        return ""
    return f"no heat map: the samples are in {filled} of {cells} cells of {down.name} and {across.name}"


def _varied(plan: Plan) -> list[int]:
    return [i for i, axis in enumerate(plan.axes) if len(axis.choices) > 1]


def _least(outcome: Outcome, varied: tuple[int, int], cost: Quantity) -> Least:
    """Return the least cost of points that agree in machine, network and the two axes."""
    least: dict[tuple[int, int, int, int], float] = {}
    for point, figures in outcome.points():
        value = figures.get(cost.key)
        if value is not None:
            place = (point.machine, point.network, point.choices[varied[0]], point.choices[varied[1]])
            least[place] = min(float(value), least.get(place, inf))
    return least


def _picture(plan: Plan, least: Least, varied: tuple[int, int], cost: Quantity) -> Picture:
    fields = [
        _field(plan, least, (machine, network), varied)
        for machine, network in product(range(len(plan.machines)), range(len(plan.networks)))
    ]
    names = plan.axes[varied[0]].name, plan.axes[varied[1]].name
    rows: list[Row] = [
        {"panel": field.title, names[0]: y, names[1]: x, cost.key: "" if isnan(value) else value}
        for field in fields
        for y, line in zip(field.down, field.values, strict=True)
        for x, value in zip(field.across, line, strict=True)
    ]
    return Picture(f"heat_map_{cost.name}", rows, lambda: _draw(plan, fields, names, cost))


def _field(plan: Plan, least: Least, place: tuple[int, int], varied: tuple[int, int]) -> Field:
    machine, network = place
    down, across = (range(len(plan.axes[axis].choices)) for axis in varied)
    values = tuple(tuple(least.get((machine, network, y, x), nan) for x in across) for y in down)
    title = f"{plan.networks[network]} on {plan.machines[machine]}"
    return Field(title, _names(plan, varied[0]), _names(plan, varied[1]), values)


def _names(plan: Plan, axis: int) -> tuple[str, ...]:
    return tuple(" x ".join(_short(cell(s.value)) for s in choice) for choice in plan.axes[axis].choices)


def _short(value: Cell) -> str:
    return elide(printable(str(value)), 20)


def _draw(plan: Plan, fields: Sequence[Field], names: tuple[str, str], cost: Quantity) -> "Figure":
    from matplotlib import rcParams

    shown = fields[:MOST_PANELS]
    columns = min(len(shown), 2 if len(shown[0].across) > 8 else 3)
    columns = 1 if rcParams["figure.figsize"][0] < BESIDE_FROM else columns
    lines = -(-len(shown) // columns)
    height = 0.8 + lines * min(6.0, max(2.2, 1.2 + 0.28 * len(shown[0].down)))
    figure = new_figure(height, max(4.2, 1.6 + 0.5 * len(shown[0].across)) * columns)
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for axes, field in zip(panels, shown, strict=False):
        _draw_field(axes, field, names, cost)
    for axes in list(figure.axes)[len(shown) : lines * columns]:
        if not axes.images:
            axes.set_axis_off()
    headline(figure, *_title(plan, names, cost, len(fields) - len(shown)))
    return figure


def _title(plan: Plan, names: tuple[str, str], cost: Quantity, left: int) -> tuple[str, str]:
    """Return the title, and what the picture leaves out: the axes over which each cell is the best."""
    others = [axis for axis in plan.axes if axis.name not in names and len(axis.choices) > 1]
    over = ", ".join(f"{len(axis.choices)} values of {axis.name}" for axis in others)
    of_samples = " that were sampled" if plan.sampled is not None else ""
    texts = (
        f"each cell: the least over {over}{of_samples}" if over else "",
        f"{left} more panels in the CSV" if left else "",
    )
    more = "; ".join(filter(None, texts))
    return printable(f"{'Least' if over else 'All'} {cost.name} by {names[0]} and {names[1]}"), printable(more)


def _draw_field(axes: "Axes", field: Field, names: tuple[str, str], cost: Quantity) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    known = [value for line in field.values for value in line if not isnan(value)]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    norm = LogNorm(low, max(high, LEAST_SPAN * low))
    axes.set_facecolor(LIGHT_GREY)
    image = axes.imshow(field.values, cmap=SEQUENTIAL, norm=norm, aspect="auto", origin="lower")
    axes.set_xticks(range(len(field.across)), field.across, rotation=90 if len(field.across) > 6 else 0)
    axes.set_yticks(range(len(field.down)), field.down)
    axes.set(xlabel=elide(printable(names[1]), 40), ylabel=elide(printable(names[0]), 40))
    axes.grid(visible=False)
    axes.set_title(elide(printable(field.title), 52), fontsize=8.5)
    bar = axes.figure.colorbar(image, ax=axes, label=cost.name)
    ticks = FuncFormatter(lambda value, _: cost.tick(value))
    bar.ax.yaxis.set_major_formatter(ticks)
    bar.ax.yaxis.set_minor_formatter(ticks if high < 8 * low else FuncFormatter(lambda value, _: ""))
    if max(len(field.across), len(field.down)) <= MOST_WRITTEN:
        _write_values(axes, field, cost, (low * max(high, LEAST_SPAN * low)) ** 0.5)


def _write_values(axes: "Axes", field: Field, cost: Quantity, middle: float) -> None:
    for y, line in enumerate(field.values):
        for x, value in enumerate(line):
            text = "none" if isnan(value) else cost.tick(value)
            colour = "white" if value > middle else "black"
            axes.text(x, y, text, ha="center", va="center", fontsize=SMALL_POINTS, color=colour)
