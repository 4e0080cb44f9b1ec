"""What is worth building: points that no other point beats in both latency and energy, network by network."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.drive.sweep.plan import options_of, spec_of
from analysis.drive.sweep.rows import axes_text, labels_of
from analysis.drive.sweep.run import Outcome
from analysis.read import units
from analysis.read.csv_text import Row
from analysis.read.layout import elide, printable
from analysis.read.pictures import Picture, scale_axis, seconds_tick
from analysis.read.theme import BLACK, CATEGORIES, MARKERS, SMALL_POINTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
NUMBERED = 8  # points of a front that are named
MAX_LABEL = 56


@dataclass(frozen=True, slots=True)
class Sample:
    """A point as the picture needs it."""

    group: str  # network, and batch where it is not 1
    machine: str
    settings: str
    latency_s: float
    energy_pj: float
    energy_unit: str
    top1_percent: float | None
    row: Row


def samples_of(outcome: Outcome) -> list[Sample]:
    """Return every point that could be simulated."""
    found = []
    for point, figures in outcome.points():
        if "problem" in figures:
            continue
        batch = options_of(outcome.plan, point)[0]
        network = spec_of(outcome.plan, point)
        accuracy = figures.get("top1_percent")
        found.append(
            Sample(
                network if batch == 1 else f"{network}, batch {batch}",
                outcome.plan.machines[point.machine],
                axes_text(outcome.plan, point),
                float(figures["latency_s"]),
                float(figures["energy_pj"]),
                str(figures["energy_unit"]),
                None if accuracy is None else float(accuracy),
                labels_of(outcome.plan, point),
            )
        )
    return found


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of points that none beats in one value without being worse in the other, by the first value.

    >>> front([(1, 5), (2, 3), (3, 3), (2, 4), (4, 1)])
    [0, 1, 4]
    """
    kept: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: (*points[i], i)):
        if not kept or points[index][1] < points[kept[-1]][1]:
            kept.append(index)
    return kept


def grouped(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Return the samples by network and batch: only such can stand for each other."""
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group].append(sample)
    return dict(groups)


def pareto_picture(samples: Sequence[Sample]) -> Picture:
    """Return the picture of latency against energy, a panel for each network."""
    rows: list[Row] = []
    for members in grouped(samples).values():
        best = set(front([(s.latency_s, s.energy_pj) for s in members]))
        rows += [
            {**s.row, "latency_s": s.latency_s, "energy_pj": s.energy_pj, "on_front": int(i in best)}
            for i, s in enumerate(members)
        ]
    return Picture("pareto", rows, lambda: _draw(samples))


def _draw(samples: Sequence[Sample]) -> "Figure":
    from matplotlib.figure import Figure

    groups = grouped(samples)
    shown = list(groups.items())[:MOST_PANELS]
    figure = Figure(figsize=(8.6, 0.5 + 3.3 * max(1, len(shown))), layout="constrained")
    panels = figure.subplots(max(1, len(shown)), 1, squeeze=False)[:, 0]
    machines = list(dict.fromkeys(sample.machine for sample in samples))
    for axes, (name, members) in zip(panels, shown, strict=False):
        _draw_panel(axes, name, members, machines)
    left = len(groups) - len(shown)
    title = "Latency and energy: what no other point beats in both"
    figure.suptitle(f"{title} ({left} more networks in the CSV)" if left else title, x=0.01, ha="left", fontsize=10)
    return figure


def _draw_panel(axes: "Axes", name: str, members: Sequence[Sample], machines: Sequence[str]) -> None:
    unit = members[0].energy_unit
    for number, machine in enumerate(machines):
        own = [s for s in members if s.machine == machine]
        if own:
            colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
            places = [s.latency_s for s in own], [s.energy_pj for s in own]
            label = elide(printable(machine), MAX_LABEL)
            axes.scatter(*places, s=16, color=colour, marker=marker, alpha=0.6, linewidths=0, label=label)
    best = [members[i] for i in front([(s.latency_s, s.energy_pj) for s in members])]
    axes.plot(
        [s.latency_s for s in best], [s.energy_pj for s in best], color=BLACK, linewidth=1, drawstyle="steps-post"
    )
    for number, sample in enumerate(_spread(best), start=1):
        name_point(axes, str(number), (sample.latency_s, sample.energy_pj))
        text = "; ".join(filter(None, (sample.machine if len(machines) > 1 else "", sample.settings))) or sample.machine
        axes.plot([], [], linestyle="", label=f"{number}  {elide(printable(text), MAX_LABEL)}")
    scale_axis(axes, "x", [s.latency_s for s in members], seconds_tick)
    scale_axis(axes, "y", [s.energy_pj for s in members], lambda value: units.tick(value, unit))
    axes.set(xlabel="latency", ylabel="energy" if unit == "pJ" else f"energy, in {unit}s")
    axes.grid(visible=True, which="major", axis="both")
    axes.set_title(printable(name))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3, fontsize=7.5)


def name_point(axes: "Axes", text: str, place: tuple[float, float]) -> None:
    """Circle a point, and write a word beside it."""
    axes.scatter(*place, s=40, facecolors="none", edgecolors=BLACK, linewidths=0.8, zorder=4)
    axes.annotate(text, place, xytext=(4, 3), textcoords="offset points", fontsize=SMALL_POINTS, fontweight="bold")


def _spread(best: Sequence[Sample]) -> list[Sample]:
    """Choose the points of a front to name: its ends, and others evenly between."""
    if len(best) <= NUMBERED:
        return list(best)
    return [best[round(i * (len(best) - 1) / (NUMBERED - 1))] for i in range(NUMBERED)]
