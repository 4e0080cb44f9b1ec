"""The front of any two or three measures, drawn; the third is a colour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.drive.estimate.accuracy import ESTIMATE
from analysis.drive.sweep.measures import Candidate, Ranked, candidates_of, compete, grouped_candidates, undominated
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Row, elide, printable
from analysis.read.pictures import Picture, scale_axis
from analysis.read.theme import BLACK, BLUE, GREY, SEQUENTIAL, SMALL_POINTS, headline, is_narrow, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 4
NAMED = 10
MAX_LABEL = 60
BELOW_LABEL = 100  # of a key that has all of the width
KEY_HEIGHT = 1.6  # inches of one

Groups = dict[str, list[Candidate]]


def front_picture(outcome: Outcome, measures: Sequence[Ranked]) -> Picture | None:
    """Return the picture of the front; None where no point has all of the measures.

    Networks compete where accuracy is among the measures; otherwise each has a front of its own, in its own panel.
    """
    candidates = candidates_of(outcome, measures)
    note = outcome.plan.accuracy.note if outcome.plan.accuracy and compete(measures) else ""
    return picture_of(grouped_candidates(candidates, measures), measures, note) if candidates else None


def picture_of(groups: Groups, measures: Sequence[Ranked], note: str = "") -> Picture:
    """Draw groups of candidates, each with its front; `note` says what their accuracies are."""
    rows: list[Row] = []
    for members in groups.values():
        best = set(undominated([each.costs for each in members]))
        for i, each in enumerate(members):
            values = {m.column: value for m, value in zip(measures, each.values, strict=True)}
            rows.append({**each.row, **values, "on_front": int(i in best)})
    return Picture("front_" + "_".join(each.column for each in measures), rows, lambda: _draw(groups, measures, note))


def _draw(groups: Groups, measures: Sequence[Ranked], note: str) -> "Figure":
    shown = list(groups.items())[:MOST_PANELS]
    below = KEY_HEIGHT if len(measures) > 2 else 0.0
    figure = new_figure(0.8 + (3.5 + below) * len(shown), 9.2)
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, (name, members) in zip(panels, shown, strict=True):
        _draw_panel(axes, members, measures)
        axes.set_title(elide(printable(name), 70))
    left = len(groups) - len(shown)
    names = " against ".join(each.name.split(",")[0] for each in measures)
    title = f"{names.capitalize()}: what nothing beats in all of them"
    title = f"{title} ({left} more panels in the CSV)" if left else title
    headline(figure, title, printable(note))
    return figure


def _draw_panel(axes: "Axes", members: Sequence[Candidate], measures: Sequence[Ranked]) -> None:
    best = [members[i] for i in undominated([each.costs for each in members])]
    columns = list(zip(*(each.values for each in members), strict=True))
    if len(measures) > 2:
        third = measures[2]
        dots = axes.scatter(columns[0], columns[1], c=columns[2], s=18, cmap=SEQUENTIAL, linewidths=0, zorder=2)
        axes.figure.colorbar(dots, ax=axes, label=third.name, format=lambda value, _: third.write(value))
    else:
        axes.scatter(columns[0], columns[1], s=16, color=BLUE, alpha=0.5, linewidths=0, zorder=2)
        axes.plot(
            [each.values[0] for each in best],
            [each.values[1] for each in best],
            color=BLACK,
            linewidth=1,
            drawstyle="steps-post",
        )
    _draw_intervals(axes, best, measures)
    for number, each in enumerate(named(best), start=1):
        place = (each.values[0], each.values[1])
        axes.scatter(*place, s=44, facecolors="none", edgecolors=BLACK, linewidths=0.8, zorder=4)
        axes.annotate(
            str(number), place, xytext=(4, 3), textcoords="offset points", fontsize=SMALL_POINTS, fontweight="bold"
        )
        longest = MAX_LABEL if len(measures) < 3 else BELOW_LABEL
        axes.plot([], [], linestyle="", label=f"{number}  {elide(printable(each.label), longest)}")
    scale_axis(axes, "x", columns[0], measures[0].write)
    scale_axis(axes, "y", columns[1], measures[1].write)
    axes.set(xlabel=measures[0].name, ylabel=measures[1].name)
    axes.grid(visible=True, which="major", axis="both", color=GREY, alpha=0.3)
    if is_narrow(axes) or len(measures) > 2:  # to the right is the scale of the third
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.18), borderaxespad=0, handlelength=0)
    else:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3, handlelength=0)


def _draw_intervals(axes: "Axes", best: Sequence[Candidate], measures: Sequence[Ranked]) -> None:
    """Draw how far estimated accuracies of the front may be off, where they are at an axis."""
    for place, measure in enumerate(measures[:2]):
        for each in best if measure.column == ESTIMATE else ():
            other = [each.values[1 - place]] * 2
            ends = list(each.estimate or ())
            axes.plot(*((ends, other) if place == 0 else (other, ends)), color=GREY, linewidth=0.8, zorder=1)


def named(best: Sequence[Candidate]) -> list[Candidate]:
    """Choose the points of a front to name: its ends, and others evenly between."""
    if len(best) <= NAMED:
        return list(best)
    return [best[round(i * (len(best) - 1) / (NAMED - 1))] for i in range(NAMED)]
