"""What a search has found: every trial as CSV, the front as a table, the front and its history as pictures."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from analysis.drive.estimate.accuracy import HIGH, LOW
from analysis.drive.sweep.columns import REASON
from analysis.drive.sweep.fronts import picture_of
from analysis.drive.sweep.measures import MOST_MEASURES, Candidate, Ranked, label_of, undominated
from analysis.drive.sweep.results import all_columns, labels_of
from analysis.drive.sweep.search import Found, Trial
from analysis.read import units
from analysis.read.layout import Column, Row
from analysis.read.pictures import Picture, scale_axis
from analysis.read.theme import BLACK, BLUE, VERMILLION, headline, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def costs_of(found: Found, index: int) -> tuple[float, ...]:
    """Return the costs of a feasible trial, the less the better."""
    values = found.trials[index].values or ()
    return tuple(each.cost(value) for each, value in zip(found.search.objectives, values, strict=True))


def feasible(found: Found) -> list[int]:
    """Return the trials that count, each point the first time it was tried."""
    first = {trial.point: i for i, trial in reversed(list(enumerate(found.trials))) if trial.feasible}
    return sorted(first.values())


def front_of(found: Found) -> list[int]:
    """Return the trials that nothing beats in all objectives, by the first objective."""
    members = feasible(found)
    return [members[i] for i in undominated([costs_of(found, each) for each in members])]


def reason_of(trial: Trial) -> str:
    """Return why a trial does not count: a problem, the constraints it does not meet, an objective it has not."""
    if trial.feasible:
        return ""
    unmet = trial.figures.get(REASON)
    return str(trial.figures.get("problem", f"not {unmet}" if unmet else "an objective is not known"))


def trial_rows(found: Found) -> list[Row]:
    """Return a row for each trial in the order in which they were tried."""
    best, plan = set(front_of(found)), found.search.plan
    names = [column for column in all_columns(plan) if column != "problem"]
    rows: list[Row] = []
    for number, trial in enumerate(found.trials):
        figures = {name: trial.figures.get(name, "") for name in names}
        counts: Row = {"feasible": int(trial.feasible), "on_front": int(number in best), "problem": reason_of(trial)}
        rows.append({"trial": number, **labels_of(plan, trial.point), **figures, **counts})
    return rows


def candidate(found: Found, index: int) -> Candidate:
    """Return a feasible trial as pictures and tables take it."""
    trial, plan = found.trials[index], found.search.plan
    row: Row = {"trial": index, **labels_of(plan, trial.point)}
    low, high = trial.figures.get(LOW), trial.figures.get(HIGH)
    interval = None if low is None or high is None else (float(low), float(high))
    return Candidate(
        trial.point, trial.values or (), costs_of(found, index), label_of(plan, trial.point), row, interval
    )


def front_columns(found: Found) -> tuple[Column[Candidate], ...]:
    """Return the columns of the table of the front."""

    def column(place: int, objective: Ranked) -> Column[Candidate]:
        return Column(objective.name, place, lambda each: objective.write(each.values[place]))

    objectives = found.search.objectives
    columns = tuple(column(i, objective) for i, objective in enumerate(objectives))
    point: Column[Candidate] = Column("point", len(objectives), lambda each: each.label, is_number=False)
    return (*columns, point)


def summary(found: Found) -> Iterator[str]:
    """Yield labelled lines on a search."""
    counted, points = len(feasible(found)), len({trial.point for trial in found.trials})
    search = found.search
    yield f"trials      {len(found.trials):,} by {search.sampler}, seed {search.seed}: {points:,} different points"
    if search.plan.accuracy:
        yield f"accuracy    {search.plan.accuracy.note}"
    yield f"simulated   {found.simulated:,} now; {counted:,} count, {len(front_of(found)):,} on the front"


def search_pictures(found: Found) -> list[Picture]:
    """Return the front, of up to three objectives, and its history; nothing where no trial counts."""
    members, objectives = feasible(found), found.search.objectives
    if not members:
        return []
    pictures = [_history(found, members)]
    if len(objectives) > 1:
        few = objectives[:MOST_MEASURES]
        shown = [candidate(found, i) for i in members]
        title, accuracy = f"front of {units.counted(len(found.trials), 'trial')}", found.search.plan.accuracy
        pictures.insert(0, picture_of({title: shown}, few, accuracy.note if accuracy else ""))
    return pictures


def _history(found: Found, members: Sequence[int]) -> Picture:
    """Show what each trial found, the best of each objective so far, and how much of the space the front covers."""
    objectives = found.search.objectives
    covered = volumes([costs_of(found, i) for i in members])
    rows: list[Row] = []
    for place, index in enumerate(members):
        values = found.trials[index].values or ()
        named = {each.column: value for each, value in zip(objectives, values, strict=True)}
        rows.append({"trial": index, **named, "hypervolume": covered[place]})
    return Picture("history", rows, lambda: _draw_history(rows, objectives))


def _draw_history(rows: Sequence[Row], objectives: Sequence[Ranked]) -> "Figure":
    count = len(objectives) + (len(objectives) > 1)
    figure = new_figure(0.8 + 1.7 * count, 8.6)
    panels = figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
    trials = [float(row["trial"]) for row in rows]
    for axes, objective in zip(panels, objectives, strict=False):
        _draw_objective(axes, trials, [float(row[objective.column]) for row in rows], objective)
    if len(objectives) > 1:
        panels[-1].plot(trials, [float(row["hypervolume"]) for row in rows], color=BLACK, drawstyle="steps-post")
        panels[-1].set(ylabel="hypervolume", ylim=(0, 1.02))
    panels[-1].set_xlabel("trial")
    title = "What each trial found, and the best so far; hypervolume: the share of the space that the front beats"
    headline(figure, title if len(objectives) > 1 else title.partition(";")[0])
    return figure


def _draw_objective(axes: "Axes", trials: Sequence[float], values: Sequence[float], objective: Ranked) -> None:
    best: list[float] = []
    for value in values:
        best.append(value if not best or objective.cost(value) < objective.cost(best[-1]) else best[-1])
    axes.scatter(trials, values, s=9, color=BLUE, alpha=0.5, linewidths=0)
    axes.plot(trials, best, color=VERMILLION, drawstyle="steps-post", linewidth=1.3)
    scale_axis(axes, "y", values, objective.write)
    axes.set_ylabel(objective.name.split(",")[0])


def volumes(costs: Sequence[tuple[float, ...]]) -> list[float]:
    """Return, after each point, the hypervolume of the front so far: the share of the box around all points it beats.

    >>> [round(volume, 3) for volume in volumes([(0, 1), (1, 0), (0.5, 0.5)])]
    [0.0, 0.0, 0.25]
    """
    columns = list(zip(*costs, strict=True))
    lows, spans = [min(c) for c in columns], [(max(c) - min(c)) or 1.0 for c in columns]
    front: list[tuple[float, ...]] = []
    found: list[float] = []
    for cost in costs:
        place = tuple((value - low) / span for value, low, span in zip(cost, lows, spans, strict=True))
        if any(all(a <= b for a, b in zip(other, place, strict=True)) for other in front):
            found.append(found[-1])
            continue
        front = [other for other in front if not all(a <= b for a, b in zip(place, other, strict=True))] + [place]
        found.append(hypervolume(front))
    return found


def hypervolume(front: Sequence[tuple[float, ...]]) -> float:
    """Return the volume of the unit box that points beat: slices along the last value, each a front of one value less.

    >>> hypervolume([(0.0, 0.5), (0.5, 0.0)])
    0.75
    """
    if not front:
        return 0.0
    if len(front[0]) == 1:
        return max(0.0, 1.0 - min(front)[0])
    ordered = sorted(front, key=lambda point: point[-1])
    total = 0.0
    for i, point in enumerate(ordered):
        upper = ordered[i + 1][-1] if i + 1 < len(ordered) else 1.0
        if upper > point[-1]:
            total += (upper - point[-1]) * hypervolume([other[:-1] for other in ordered[: i + 1]])
    return total
