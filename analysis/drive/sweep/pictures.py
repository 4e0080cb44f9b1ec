"""Pictures of a sweep: fronts, accuracy against cost, fields of two axes (`heat_map`), dots of samples (`scatter`)."""

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from analysis.drive.sweep.effects import effect_pictures
from analysis.drive.sweep.fronts import front_picture
from analysis.drive.sweep.heat_map import heat_map_pictures
from analysis.drive.sweep.measures import Ranked, read_measures, undominated
from analysis.drive.sweep.results import COSTS, Sample, grouped, samples_of
from analysis.drive.sweep.run import Outcome
from analysis.drive.sweep.scatter import scatter_pictures
from analysis.read.layout import Row, elide, printable
from analysis.read.objective import AREA, ENERGY, LATENCY, Quantity
from analysis.read.pictures import Picture, scale_axis
from analysis.read.theme import BESIDE_FROM, BLACK, CATEGORIES, MARKERS, SMALL_POINTS, fitting, headline, new_figure

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
        yield from scatter_pictures(outcome) if outcome.plan.sampled is not None else ()
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
    """Return the picture of latency and energy, against area where that is known; a line of panels for each network.

    Without it, the largest machine tends to be best in both.
    """
    pairs = _pairs(samples)
    costs = list({cost.key: cost for pair in pairs for cost in pair}.values())
    rows: list[Row] = []
    for members in grouped(samples).values():
        best = set(undominated([tuple(s.cost(cost) for cost in costs) for s in members]))
        for i, sample in enumerate(members):
            rows.append({**sample.row, **{c.key: sample.cost(c) for c in costs}, "on_front": int(i in best)})
    return Picture("pareto", rows, lambda: _draw_pareto(samples, pairs))


def _pairs(samples: Sequence[Sample]) -> tuple[tuple[Quantity, Quantity], ...]:
    """Return the quantities of each panel, across and up."""
    areas = {sample.area_mm2 for sample in samples}
    has_area = None not in areas and len(areas) > 1
    return ((AREA, LATENCY), (AREA, ENERGY)) if has_area else ((LATENCY, ENERGY),)


def _draw_pareto(samples: Sequence[Sample], pairs: Sequence[tuple[Quantity, Quantity]]) -> "Figure":
    from matplotlib import rcParams

    groups = grouped(samples)
    shown = list(groups.items())[:MOST_PANELS]
    is_narrow = rcParams["figure.figsize"][0] < BESIDE_FROM
    columns = 1 if is_narrow else len(pairs)
    lines = len(shown) * len(pairs) // columns
    figure = new_figure(0.8 + 2.5 * lines + 0.13 * NUMBERED * len(shown))
    panels = iter(figure.subplots(lines, columns, squeeze=False).flat)
    machines = list(dict.fromkeys(sample.machine for sample in samples))
    for name, members in shown:
        named = _named(members, pairs)
        own = [next(panels) for _ in pairs]
        for axes, pair in zip(own, pairs, strict=True):
            _draw_panel(axes, members, named, pair, machines)
            axes.set_title(printable(name), fontsize="medium")
        _draw_key(own[-1 if is_narrow else 0], named, machines)
    left = len(groups) - len(shown)
    over = " and ".join(cost.name for _, cost in pairs) if len(pairs) > 1 else f"{LATENCY.name} and {ENERGY.name}"
    title = f"{over.capitalize()}{' against area' if len(pairs) > 1 else ''}, and the front that no point beats"
    headline(figure, title, f"{left} more networks in the CSV" if left else "")
    return figure


def _named(members: Sequence[Sample], pairs: Sequence[tuple[Quantity, Quantity]]) -> list[Sample]:
    """Choose the points to name: of each panel's front, evenly."""
    found: list[Sample] = []
    for x, y in pairs:
        best = [members[i] for i in front([(s.cost(x), s.cost(y)) for s in members])]
        found += [sample for sample in _spread(best, NUMBERED // len(pairs)) if sample not in found]
    return sorted(found, key=lambda sample: sample.cost(pairs[0][0]))


def _draw_panel(
    axes: "Axes",
    members: Sequence[Sample],
    named: Sequence[Sample],
    pair: tuple[Quantity, Quantity],
    machines: Sequence[str],
) -> None:
    across, up = pair
    for number, machine in enumerate(machines):
        own = [s for s in members if s.machine == machine]
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        places = [s.cost(across) for s in own], [s.cost(up) for s in own]
        axes.scatter(*places, s=14, color=colour, marker=marker, alpha=0.5, linewidths=0, zorder=2)
    best = [members[i] for i in front([(s.cost(across), s.cost(up)) for s in members])]
    stairs = [s.cost(across) for s in best], [s.cost(up) for s in best]
    axes.plot(*stairs, color=BLACK, linewidth=1, drawstyle="steps-post", zorder=3)
    for number, sample in enumerate(named, start=1):
        if sample in best:
            name_point(axes, str(number), (sample.cost(across), sample.cost(up)))
    scale_axis(axes, "x", [s.cost(across) for s in members], across.tick)
    scale_axis(axes, "y", [s.cost(up) for s in members], up.tick)
    axes.margins(0.08)
    axes.set(xlabel=across.name, ylabel=up.name)
    axes.grid(visible=True, which="major", axis="both")


def _draw_key(axes: "Axes", named: Sequence[Sample], machines: Sequence[str]) -> None:
    """Tell below the panels what colours and numbers mean, the settings of each point whole."""
    from matplotlib.lines import Line2D

    letters = fitting(axes.get_figure(root=True), SMALL_POINTS)  # type: ignore[arg-type]
    handles = []
    for number, machine in enumerate(machines):
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        label = fill(printable(machine), letters)
        handles.append(Line2D([], [], linestyle="", color=colour, marker=marker, markersize=5, label=label))
    for number, sample in enumerate(named, start=1):
        words = (sample.machine if len(machines) > 1 else "", sample.settings)
        text = "; ".join(filter(None, words)) or sample.machine
        label = fill(printable(f"{number}  {text}"), letters, subsequent_indent="    ")
        handles.append(Line2D([], [], linestyle="", label=label))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.24), borderaxespad=0, handlelength=1.0)


def name_point(axes: "Axes", text: str, place: tuple[float, float]) -> None:
    """Circle a point, and write a word beside it."""
    axes.scatter(*place, s=40, facecolors="none", edgecolors=BLACK, linewidths=0.8, zorder=4)
    axes.annotate(text, place, xytext=(4, 3), textcoords="offset points", fontsize=SMALL_POINTS, fontweight="bold")


def _spread(best: Sequence[Sample], most: int) -> list[Sample]:
    """Choose the points of a front to name: its ends, and others evenly between."""
    if len(best) <= most:
        return list(best)
    return [best[round(i * (len(best) - 1) / (most - 1))] for i in range(most)]


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
    from matplotlib import rcParams

    columns = 1 if rcParams["figure.figsize"][0] < BESIDE_FROM else len(COSTS)
    figure = new_figure(0.8 + 3.0 * len(COSTS) / columns, 9.2)
    panels = figure.subplots(len(COSTS) // columns, columns, sharey=True, squeeze=False).flat
    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    machines = list(dict.fromkeys(str(row["machine"]) for row in rows))
    for axes, cost in zip(panels, COSTS, strict=True):
        for number, machine in enumerate(machines):
            _draw_machine(axes, [row for row in rows if row["machine"] == machine], cost, number, networks)
        _dress(axes, rows, cost)
        axes.set_ylabel("top-1 accuracy, %, as published")
    handles, texts = figure.axes[-1].get_legend_handles_labels()
    for number, name in enumerate(networks, start=1):
        handles += figure.axes[-1].plot([], [], linestyle="")
        texts.append(f"{number}  {elide(printable(name), MAX_LABEL)}")
    figure.legend(handles, texts, loc="outside lower left", ncols=columns)
    headline(figure, "Accuracy against cost, the best point of each network")
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
