"""A sweep in a few lines: what was done, and the best point of each network."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.drive.sweep.pareto import Sample, grouped, samples_of
from analysis.drive.sweep.run import Outcome
from analysis.read import units
from analysis.read.layout import Column, printable


@dataclass(frozen=True, slots=True)
class Best:
    """The point of a network that has least of something."""

    least: str
    sample: Sample


MEASURES: dict[str, Callable[[Sample], float]] = {"latency": lambda s: s.latency_s, "energy": lambda s: s.energy_pj}

COLUMNS: tuple[Column[Best], ...] = (
    Column("network", 0, lambda best: best.sample.group, is_number=False),
    Column("least", 1, lambda best: best.least, is_number=False),
    Column("latency", 2, lambda best: units.seconds(best.sample.latency_s)),
    Column("energy", 3, lambda best: units.energy(best.sample.energy_pj, best.sample.energy_unit)),
    Column("machine", 4, lambda best: best.sample.machine, is_number=False),
    Column("settings", 5, lambda best: best.sample.settings or "-", is_number=False),
)


def best_points(outcome: Outcome) -> list[Best]:
    """Return for each network its fastest point and the one of least energy; equal ones by the plan's order."""
    return [
        Best(name, min(members, key=measure))
        for members in grouped(samples_of(outcome)).values()
        for name, measure in MEASURES.items()
    ]


def problems_of(outcome: Outcome) -> Counter[str]:
    """Count the points that could not be simulated by their reason."""
    return Counter(str(figures["problem"]) for _, figures in outcome.points() if "problem" in figures)


def summary_lines(outcome: Outcome) -> Iterator[str]:
    """Yield labelled lines about the run of a sweep."""
    problems = problems_of(outcome)
    points, simulated = outcome.plan.points, outcome.simulated
    yield f"points      {points:,}: {simulated:,} simulated now, {points - simulated:,} known or equal to others"
    yield printable(f"store       {outcome.store}")
    for text, count in problems.most_common():
        yield printable(f"impossible  {units.counted(count, 'point')}: {text}")
