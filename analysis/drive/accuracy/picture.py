"""The picture of the accuracy page: the deviations of predictions, by anchor."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.drive.accuracy.anchor import Evaluation
from analysis.drive.accuracy.expectation import predictions
from analysis.read.layout import Row
from analysis.read.pictures import write_figure
from analysis.read.theme import BLACK, CATEGORIES, GREY, MARKERS, SMALL_POINTS, USUAL_SIZE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REACH = 0.5  # the largest deviation that is drawn to scale
SPREAD = 0.28  # height over which an anchor's points are spread so that they do not hide each other
STEPS = 7  # in which they are


def rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    """Return the predictions that count; of exact counts there is nothing to be seen."""
    return [
        {
            "anchor": evaluation.anchor.name,
            "figure": row.key,
            "published": row.published,
            "ours": row.ours,
            "deviation": row.deviation,
        }
        for evaluation in map(predictions, evaluations)
        for row in evaluation.rows
        if row.counts and row.deviation is not None and row.published is not None
    ]


def write_picture(evaluations: Sequence[Evaluation], path: Path, size: str = USUAL_SIZE) -> None:
    """Write the picture as PNG, in a size of the theme."""
    write_figure(lambda: draw(rows(evaluations)), [path], size)


def draw(shown: Sequence[Row]) -> "Figure":
    """Draw the deviations of each anchor's predictions on a line of its own."""
    anchors = list(dict.fromkeys(str(row["anchor"]) for row in shown))
    figure = new_figure(max(2.4, 0.9 + 0.34 * len(anchors)))
    axes = figure.subplots()
    for number, anchor in enumerate(anchors):
        own = [float(row["deviation"]) for row in shown if row["anchor"] == anchor]
        _draw_deviations(axes, own, number, _look(number))
    _dress_deviations(axes, Counter(str(row["anchor"]) for row in shown))
    return figure


def _look(number: int) -> dict[str, object]:
    """Return colour and marker of an anchor; the markers move on when the colours begin anew."""
    colour = CATEGORIES[number % len(CATEGORIES)]
    marker = MARKERS[(number + number // len(CATEGORIES)) % len(MARKERS)]
    return {"color": colour, "marker": marker, "s": 20, "alpha": 0.75, "linewidth": 0.4, "edgecolor": "white"}


def _draw_deviations(axes: "Axes", own: Sequence[float], number: int, look: dict[str, object]) -> None:
    """Draw an anchor's deviations on its line; those beyond the reach stand at the edge and bear their value."""
    heights = [number + SPREAD * (2 * (i % STEPS) / (STEPS - 1) - 1) for i in range(len(own))]
    axes.scatter([100 * max(-REACH, min(REACH, deviation)) for deviation in own], heights, **look)  # type: ignore[arg-type]
    beyond = [deviation for deviation in own if abs(deviation) > REACH]
    for side in (-1, 1):
        if far := [d for d in beyond if d * side > 0]:
            text = f"{len(far)} beyond, to {100 * max(far, key=abs):+.0f}%"
            place, align = (100 * side * (REACH - 0.02), "right" if side > 0 else "left")
            axes.text(place, number - 0.3, text, ha=align, va="center", fontsize=SMALL_POINTS, color=BLACK)


def _dress_deviations(axes: "Axes", counts: Mapping[str, int]) -> None:
    edge = 100 * REACH
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.axvspan(-10, 10, color=GREY, alpha=0.12, zorder=0, linewidth=0)
    axes.set(xlim=(-edge * 1.06, edge * 1.06), ylim=(len(counts) - 0.4, -0.6))
    axes.set_yticks(range(len(counts)), [f"{anchor}  {count}" for anchor, count in counts.items()])
    axes.set_xlabel("deviation, % (grey: within 10%)")
    axes.set_title("Predictions: deviation of every figure, and their number")
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
