"""What points are ranked by: any two or three columns, each with its better end."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.drive.estimate.accuracy import HIGH, LOW
from analysis.drive.sweep.columns import ACCURACIES, ALIASES, MORE_IS_BETTER, known_columns, values_of
from analysis.drive.sweep.expressions import COLUMNS_ARE, dimension_of
from analysis.drive.sweep.plan import Plan, Point
from analysis.drive.sweep.results import axes_text, labels_of
from analysis.drive.sweep.run import Outcome
from analysis.read import units
from analysis.read.layout import Row
from simulator.errors import InputError, Problem, nearest

MOST_MEASURES = 3
_TICKS = {"bytes": "B", "time": "s", "energy": "pJ"}
_NAMES = {
    "latency_s": "latency",
    "energy_pj": "energy",
    "area_mm2": "area, mm2",
    "edp_pj_s": "EDP, pJ x s",
    "dram_bytes": "DRAM bytes",
    "peak_sram_bytes": "peak SRAM",
    "top1_percent": "top-1 accuracy, %, as published",
    "top1_given_percent": "top-1 accuracy, %, as given",
    "top1_estimate_percent": "top-1 accuracy, %, estimated",
}
ACCURACY = frozenset({"top1_percent", *ACCURACIES})


@dataclass(frozen=True, slots=True)
class Ranked:
    """A column, and whether more of it is better."""

    column: str
    most: bool

    @property
    def name(self) -> str:
        """What axes and tables call it."""
        return _NAMES.get(self.column, self.column.replace("_", " "))

    def write(self, value: float) -> str:
        """Write a value in a table or at an axis."""
        unit = _TICKS.get(dimension_of(self.column))
        return units.tick(value, unit) if unit else f"{value:.4g}" if abs(value) < 1e4 else units.tick(value)

    def cost(self, value: float) -> float:
        """Return a value that is the better the less it is."""
        return -value if self.most else value


@dataclass(frozen=True, slots=True)
class Candidate:
    """A point by its measures, and how it is named."""

    point: Point
    values: tuple[float, ...]
    costs: tuple[float, ...]
    label: str
    row: Row
    estimate: tuple[float, float] | None = None
    """The interval of its accuracy, where that is estimated."""


def read_measures(text: str, plan: Plan, least: int = 2, most: int = MOST_MEASURES) -> tuple[Ranked, ...]:
    """Read `latency,energy,fps:max`: columns or their short names; raise InputError for what is none.

    Accuracy, frames a second and utilization are better the more there is, all else the less, unless `:max` or
    `:min` says otherwise.
    """
    known = known_columns(plan.axes, (name for name, _ in plan.derived))
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, colon, end = word.partition(":")
        column = ALIASES.get(name, name)
        if column not in known or (colon and end not in ("min", "max")):
            expected = f"{COLUMNS_ARE}, as it is or with :min or :max"
            suggestion = nearest(name, [*known, *ALIASES])
            raise InputError(Problem("no measure of points", expected=expected, got=word, suggestion=suggestion))
        found.append(Ranked(column, end == "max" if colon else column in MORE_IS_BETTER))
    if not least <= len({each.column for each in found}) <= most or len({each.column for each in found}) < len(found):
        raise InputError(Problem("wrong number of measures", expected=f"{least} to {most} different ones", got=text))
    return tuple(found)


def compete(measures: Sequence[Ranked]) -> bool:
    """Whether networks compete with each other: where accuracy is measured; otherwise each has a front of its own."""
    return any(each.column in ACCURACY for each in measures)


def candidates_of(outcome: Outcome, measures: Sequence[Ranked]) -> list[Candidate]:
    """Return the points that have all of the measures."""
    plan = outcome.plan
    found = []
    for point, figures in outcome.points():
        values = values_of(plan, point, figures)
        if "problem" in figures or any(each.column not in values for each in measures):
            continue
        own = tuple(values[each.column] for each in measures)
        costs = tuple(each.cost(value) for each, value in zip(measures, own, strict=True))
        interval = (values[LOW], values[HIGH]) if LOW in values else None
        label = label_of(plan, point, compete(measures))
        found.append(Candidate(point, own, costs, label, labels_of(plan, point), interval))
    return found


def label_of(plan: Plan, point: Point, with_network: bool = True) -> str:
    """Name a point by what tells it from others of the plan, or of its network."""
    labels = labels_of(plan, point)
    several = (len(plan.machines) > 1, with_network and len(plan.networks) > 1)
    words = [str(labels[key]) for key, more in zip(("machine", "network"), several, strict=True) if more]
    nets = [f"{key.removeprefix('net.')} {v}" for key, v in labels.items() if key.startswith("net.") or key == "batch"]
    return "; ".join(filter(None, [*words, ", ".join(nets), axes_text(plan, point)])) or str(labels["network"])


def grouped_candidates(candidates: Sequence[Candidate], measures: Sequence[Ranked]) -> dict[str, list[Candidate]]:
    """Return the candidates by network, or all together where networks compete."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        groups["all networks" if compete(measures) else str(each.row["network"])].append(each)
    return dict(groups)


def undominated(costs: Sequence[tuple[float, ...]]) -> list[int]:
    """Return the indices of what nothing beats in one value without being worse in another, by the first value.

    Of equal ones the first counts.

    >>> undominated([(1, 5), (2, 3), (3, 3), (2, 4), (4, 1), (2, 3)])
    [0, 1, 4]
    """
    kept: list[int] = []
    for index in sorted(range(len(costs)), key=lambda i: (*costs[i], i)):
        one = costs[index]
        if not any(all(a <= b for a, b in zip(costs[other], one, strict=True)) for other in kept):
            kept.append(index)
    return kept
