"""Pictures of a sweep: latency against energy, accuracy against both, and fields of two axes (`heat_map`)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from analysis.drive.sweep.effects import effect_pictures
from analysis.drive.sweep.fronts import front_picture
from analysis.drive.sweep.heat_map import heat_map_pictures
from analysis.drive.sweep.measures import Ranked, read_measures
from analysis.drive.sweep.results import COSTS, Sample, grouped, samples_of
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Row, elide, printable
from analysis.read.objective import ENERGY, LATENCY, Quantity
from analysis.read.pictures import Picture, scale_axis
from analysis.read.theme import BLACK, CATEGORIES, MARKERS, SMALL_POINTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
NUMBERED = 8  # points of a front that are named
MAX_LABEL = 56


def sweep_pictures(outcome: Outcome, measures: Sequence[Ranked] | None = None) -> Iterator[Picture]:
    """Yield the pictures that the sweep has the points for; `measures` are those of one more front."""
    samples = samples_of(outcome)
    if samples:
        yield pareto_picture(samples)
        accuracy = accuracy_picture(samples)
        if accuracy:
            yield accuracy
        yield from heat_map_pictures(outcome)
        front_of_measures = front_picture(outcome, measures) if measures else None
        if front_of_measures:
            yield front_of_measures
        yield from effect_pictures(outcome, measures or read_measures("latency,energy", outcome.plan))


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


def pareto_picture(samples: Sequence[Sample]) -> Picture:
    """Return the picture of latency against energy, a panel for each network."""
    rows: list[Row] = []
    for members in grouped(samples).values():
        best = set(front([(s.latency_s, s.energy_pj) for s in members]))
        rows += [
            {**s.row, "latency_s": s.latency_s, "energy_pj": s.energy_pj, "on_front": int(i in best)}
            for i, s in enumerate(members)
        ]
    return Picture("pareto", rows, lambda: _draw_pareto(samples))


def _draw_pareto(samples: Sequence[Sample]) -> "Figure":
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
    scale_axis(axes, "x", [s.latency_s for s in members], LATENCY.tick)
    scale_axis(axes, "y", [s.energy_pj for s in members], ENERGY.tick)
    axes.set(xlabel=LATENCY.name, ylabel=ENERGY.name)
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


def accuracy_picture(samples: Sequence[Sample]) -> Picture | None:
    """Return the picture, a series for each machine; None unless two networks have a published accuracy."""
    known = [sample for sample in samples if sample.top1_percent is not None]
    if len({sample.group for sample in known}) < 2:
        return None
    rows: list[Row] = []
    for machine, group in dict.fromkeys((s.machine, s.group) for s in known):
        own = [s for s in known if (s.machine, s.group) == (machine, group)]
        rows.append(
            {
                "machine": machine,
                "network": group,
                "top1_percent": own[0].top1_percent or 0.0,
                **{f"least_{cost.key}": min(s.cost(cost) for s in own) for cost in COSTS},
            }
        )
    return Picture("accuracy", rows, lambda: _draw_accuracy(rows))


def _draw_accuracy(rows: Sequence[Row]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 4.0), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    machines = list(dict.fromkeys(str(row["machine"]) for row in rows))
    for axes, cost in zip(panels, COSTS, strict=True):
        for number, machine in enumerate(machines):
            _draw_machine(axes, [row for row in rows if row["machine"] == machine], cost, number, networks)
        _dress(axes, rows, cost)
    panels[0].set_ylabel("top-1 accuracy, %, as published")
    for number, name in enumerate(networks, start=1):
        panels[1].plot([], [], linestyle="", label=f"{number}  {elide(printable(name), MAX_LABEL)}")
    panels[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3, fontsize=7.5)
    figure.suptitle("Accuracy against cost, the best point of each network", x=0.01, ha="left", fontsize=10)
    return figure


def _draw_machine(axes: "Axes", own: Sequence[Row], cost: Quantity, number: int, networks: Sequence[str]) -> None:
    colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
    places = [(float(row[f"least_{cost.key}"]), float(row["top1_percent"])) for row in own]
    label = elide(printable(str(own[0]["machine"])), MAX_LABEL)
    axes.scatter(
        [x for x, _ in places], [y for _, y in places], s=26, color=colour, marker=marker, label=label, zorder=3
    )
    best = [places[i] for i in front([(x, -y) for x, y in places])]
    axes.plot(*zip(*best, strict=True), color=colour, linewidth=1, drawstyle="steps-post", alpha=0.7)
    for place, row in zip(places, own if number == 0 else [], strict=False):  # other machines: at the same height
        name_point(axes, str(networks.index(str(row["network"])) + 1), place)


def _dress(axes: "Axes", rows: Sequence[Row], cost: Quantity) -> None:
    scale_axis(axes, "x", [float(row[f"least_{cost.key}"]) for row in rows], cost.tick)
    axes.set_xlabel(cost.name)
    axes.grid(visible=True, which="major", axis="both")
