"""Published accuracy against the least latency and the least energy at which a sweep reached it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.drive.sweep.pareto import MAX_LABEL, Sample, front, name_point
from analysis.read import units
from analysis.read.csv_text import Row
from analysis.read.layout import elide, printable
from analysis.read.pictures import Picture, scale_axis, seconds_tick
from analysis.read.theme import CATEGORIES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
                "least_latency_s": min(s.latency_s for s in own),
                "least_energy_pj": min(s.energy_pj for s in own),
            }
        )
    return Picture("accuracy", rows, lambda: _draw(rows, known[0].energy_unit))


def _draw(rows: Sequence[Row], unit: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 4.0), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    machines = list(dict.fromkeys(str(row["machine"]) for row in rows))
    for axes, column in zip(panels, ("least_latency_s", "least_energy_pj"), strict=True):
        for number, machine in enumerate(machines):
            _draw_machine(axes, [row for row in rows if row["machine"] == machine], column, number, networks)
        _dress(axes, rows, column, unit)
    panels[0].set_ylabel("top-1 accuracy, %, as published")
    for number, name in enumerate(networks, start=1):
        panels[1].plot([], [], linestyle="", label=f"{number}  {elide(printable(name), MAX_LABEL)}")
    panels[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3, fontsize=7.5)
    figure.suptitle("Accuracy against cost, the best point of each network", x=0.01, ha="left", fontsize=10)
    return figure


def _draw_machine(axes: "Axes", own: Sequence[Row], column: str, number: int, networks: Sequence[str]) -> None:
    colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
    places = [(float(row[column]), float(row["top1_percent"])) for row in own]
    label = elide(printable(str(own[0]["machine"])), MAX_LABEL)
    axes.scatter(
        [x for x, _ in places], [y for _, y in places], s=26, color=colour, marker=marker, label=label, zorder=3
    )
    best = [places[i] for i in front([(x, -y) for x, y in places])]
    axes.plot(*zip(*best, strict=True), color=colour, linewidth=1, drawstyle="steps-post", alpha=0.7)
    for place, row in zip(places, own if number == 0 else [], strict=False):  # other machines: at the same height
        name_point(axes, str(networks.index(str(row["network"])) + 1), place)


def _dress(axes: "Axes", rows: Sequence[Row], column: str, unit: str) -> None:
    timed = column == "least_latency_s"
    values = [float(row[column]) for row in rows]
    scale_axis(axes, "x", values, seconds_tick if timed else lambda value: units.tick(value, unit))
    axes.set_xlabel("latency" if timed else "energy" if unit == "pJ" else f"energy, in {unit}s")
    axes.grid(visible=True, which="major", axis="both")
