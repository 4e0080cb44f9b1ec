"""Two axes of a sweep as a field of colour, a panel for each network and machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import isnan, nan
from textwrap import fill
from typing import TYPE_CHECKING

from analysis.drive.sweep.figures import Figures
from analysis.drive.sweep.plan import Plan, Point
from analysis.drive.sweep.results import COSTS, cell
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Cell, Row, elide, printable
from analysis.read.objective import Quantity
from analysis.read.pictures import Picture
from analysis.read.theme import LIGHT_GREY, SMALL_POINTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 9
MOST_WRITTEN = 14  # cells a side, up to which each one bears its value
LETTERS_PER_INCH = 13  # of titles


@dataclass(frozen=True, slots=True)
class Field:
    """A panel: the values of two axes, and the measure at each pair; nan where it could not be simulated."""

    title: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]  # [down][across]


def heat_map_pictures(outcome: Outcome) -> list[Picture]:
    """Return pictures of latency and energy over the first two axes that vary; none if fewer do, or of samples.

    All other axes stand at their first value.
    """
    plan = outcome.plan
    varied = [i for i, axis in enumerate(plan.axes) if len(axis.choices) > 1]
    if len(varied) < 2 or plan.sampled is not None:
        return []
    down, across = varied[:2]
    shown = {
        point: figures
        for point, figures in outcome.points()
        if all(choice == 0 for i, choice in enumerate(point.choices) if i not in (down, across))
    }
    return [_picture(plan, shown, (down, across), cost) for cost in COSTS]


def _picture(plan: Plan, shown: dict[Point, Figures], varied: tuple[int, int], cost: Quantity) -> Picture:
    fields = [
        _field(plan, shown, (machine, network), varied, cost)
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


def _field(
    plan: Plan, shown: dict[Point, Figures], place: tuple[int, int], varied: tuple[int, int], cost: Quantity
) -> Field:
    machine, network = place
    down, across = varied

    def value(y: int, x: int) -> float:
        choices = tuple(y if i == down else x if i == across else 0 for i in range(len(plan.axes)))
        return float(shown.get(Point(machine, network, choices), {}).get(cost.key, nan))

    size = len(plan.axes[down].choices), len(plan.axes[across].choices)
    title = f"{plan.networks[network]} on {plan.machines[machine]}"
    values = tuple(tuple(value(y, x) for x in range(size[1])) for y in range(size[0]))
    return Field(title, _names(plan, down), _names(plan, across), values)


def _names(plan: Plan, axis: int) -> tuple[str, ...]:
    return tuple(" x ".join(_short(cell(s.value)) for s in choice) for choice in plan.axes[axis].choices)


def _short(value: Cell) -> str:
    return elide(printable(str(value)), 20)


def _draw(plan: Plan, fields: Sequence[Field], names: tuple[str, str], cost: Quantity) -> "Figure":
    from matplotlib.figure import Figure

    shown = fields[:MOST_PANELS]
    columns = min(len(shown), 2 if len(shown[0].across) > 8 else 3)
    lines = -(-len(shown) // columns)
    width = min(13.0, max(4.2, 1.6 + 0.5 * len(shown[0].across)) * columns)
    height = 0.6 + lines * min(6.0, max(2.6, 1.3 + 0.3 * len(shown[0].down)))
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for axes, field in zip(panels, shown, strict=False):
        _draw_field(axes, field, names, cost)
    for axes in list(figure.axes)[len(shown) : lines * columns]:
        if not axes.images:
            axes.set_axis_off()
    title = _title(plan, names, cost, len(fields) - len(shown))
    figure.suptitle(fill(title, int(LETTERS_PER_INCH * width)), x=0.01, ha="left", fontsize=10)
    return figure


def _title(plan: Plan, names: tuple[str, str], cost: Quantity, left: int) -> str:
    others = [axis for axis in plan.axes if axis.name not in names and len(axis.choices) > 1]
    fixed = [f"{s.path} {_short(cell(s.value))}" for axis in others for s in axis.choices[0]]
    title = cost.name.capitalize() + (f"; {', '.join(fixed)}" if fixed else "")
    return elide(title, 110) + (f" ({left} more panels in the CSV)" if left else "")


def _draw_field(axes: "Axes", field: Field, names: tuple[str, str], cost: Quantity) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    known = [value for line in field.values for value in line if not isnan(value)]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    norm = LogNorm(low, high if high > low else low * 1.01)
    axes.set_facecolor(LIGHT_GREY)
    image = axes.imshow(field.values, cmap="cividis_r", norm=norm, aspect="auto", origin="lower")
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
        _write_values(axes, field, cost, (low * high) ** 0.5)


def _write_values(axes: "Axes", field: Field, cost: Quantity, middle: float) -> None:
    for y, line in enumerate(field.values):
        for x, value in enumerate(line):
            text = "none" if isnan(value) else cost.tick(value)
            colour = "white" if value > middle else "black"
            axes.text(x, y, text, ha="center", va="center", fontsize=SMALL_POINTS, color=colour)
