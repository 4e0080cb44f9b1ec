"""The picture of measurements: a panel for each quantity, ours as bars of their parts, what was measured as a mark."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.drive.accuracy.summary import percent
from analysis.drive.measured.comparison import Pair
from analysis.drive.measured.explanation import parts_of, worst
from analysis.read.layout import Row, elide, printable
from analysis.read.pictures import write_figure
from analysis.read.theme import (
    BLACK,
    CYCLE_COLOURS,
    OPERAND_COLOURS,
    SMALL_POINTS,
    USUAL_SIZE,
    component_colours,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 40  # figures of a panel: of more, those that are furthest off
MAX_NAME = 34
INCHES = 0.2
REACH = 1.2  # of the axis, in the largest figure that is drawn: room for the deviation beside it
TALL = 4.0  # times the third largest figure: from here on bars leave the axis
AMONG = 3


def rows(pairs: Sequence[Pair]) -> list[Row]:
    """Return what is drawn: each figure with ours and its parts."""
    return [
        {
            "quantity": pair.measured.quantity.name,
            "of": pair.name,
            "unit": pair.measured.unit,
            "measured": pair.measured.value,
            "ours": pair.ours,
            **parts_of(pair),
        }
        for pair in pairs
    ]


def write_picture(pairs: Sequence[Pair], path: Path, size: str = USUAL_SIZE) -> None:
    """Write the picture as PNG, in a size of the theme."""
    write_figure(lambda: draw(pairs), [path], size)


def draw(pairs: Sequence[Pair]) -> "Figure":
    """Draw a panel for each quantity and unit, as high as it has figures."""
    panels = dict.fromkeys((pair.measured.quantity.name, pair.measured.unit) for pair in pairs)
    of_panel = [_shown([p for p in pairs if (p.measured.quantity.name, p.measured.unit) == panel]) for panel in panels]
    heights = [max(4, len(shown)) for shown in of_panel]
    figure = new_figure(0.4 + INCHES * sum(heights) + 0.75 * len(panels))
    axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for own, (name, unit), shown in zip(axes, panels, of_panel, strict=True):
        _draw_panel(own, shown)
        count = sum((pair.measured.quantity.name, pair.measured.unit) == (name, unit) for pair in pairs)
        of_all = f", the {len(shown)} of {count} furthest off" if count > len(shown) else ""
        of_one = f" of {shown[0].measured.subject}" if _one_subject(shown) else ""
        own.set_title(printable(f"{name}{of_one} on {shown[0].run.hardware.name}{of_all}"))
        own.set_xlabel(unit)
    return figure


def _one_subject(pairs: Sequence[Pair]) -> bool:
    return len({pair.measured.subject for pair in pairs}) == 1


def _shown(pairs: Sequence[Pair]) -> list[Pair]:
    """Keep the figures that are furthest off where there are many, in the order of the file."""
    kept = {id(pair) for pair in worst(pairs, MOST)} if len(pairs) > MOST else {id(pair) for pair in pairs}
    return [pair for pair in pairs if id(pair) in kept]


def _draw_panel(axes: "Axes", pairs: Sequence[Pair]) -> None:
    """Draw our figures as stacked bars and the measured ones as marks, each with the deviation at its end."""
    labels = pairs[0].measured.quantity.measure.part_labels
    colours = _colours(pairs)
    parts = [parts_of(pair) for pair in pairs]
    left = [0.0] * len(pairs)
    for part, colour in colours.items():
        widths = [own.get(part, 0.0) for own in parts]
        if any(widths):
            axes.barh(range(len(pairs)), widths, 0.7, left, color=colour, label=labels.get(part, part))
            left = [start + width for start, width in zip(left, widths, strict=True)]
    measured = [pair.measured.value for pair in pairs]
    most = _axis_end([max(pair) for pair in zip(measured, left, strict=True)])
    axes.scatter(measured, range(len(pairs)), marker="D", s=16, color=BLACK, zorder=3, label="measured")
    axes.set_xlim(0, most * REACH)
    _name(axes, pairs, most)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)


def _colours(pairs: Sequence[Pair]) -> dict[str, str]:
    return {
        "time": CYCLE_COLOURS,
        "bytes": {operand: OPERAND_COLOURS[operand] for operand in ("inputs", "weights", "outputs")},
        "energy": component_colours(pairs[0].run.hardware.levels),
    }[pairs[0].measured.quantity.name]


def _axis_end(ends: Sequence[float]) -> float:
    """Return where the axis ends: at the largest figure, unless one or two dwarf all others.

    >>> _axis_end([100, 5, 4, 3]), _axis_end([100, 90, 80, 3])
    (16.0, 100)
    """
    usual = sorted(ends)[-min(AMONG, len(ends))]
    return TALL * usual if max(ends) > TALL * usual else max(ends)


def _name(axes: "Axes", pairs: Sequence[Pair], most: float) -> None:
    """Write the names at the left and at the right the deviations, with both figures of what leaves the axis."""
    names = [(pair.measured.layer or "all layers") if _one_subject(pairs) else pair.name for pair in pairs]
    axes.set_yticks(range(len(pairs)), [elide(printable(name), MAX_NAME) for name in names], fontsize=SMALL_POINTS)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    for place, pair in enumerate(pairs):
        beyond = max(pair.ours, pair.measured.value) > most * REACH
        text = percent(pair.deviation)
        if beyond:
            text = f"{pair.measured.value:.4g} measured, {pair.ours:.4g} simulated: {text}"
        axes.text(most * REACH * 0.995, place, text, ha="right", va="center", fontsize=SMALL_POINTS, zorder=4,
                  bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.6})  # fmt: skip
