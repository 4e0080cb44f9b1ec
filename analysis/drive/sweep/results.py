"""What a sweep has found: all points as CSV, the best of each network, what could not be simulated."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from analysis.drive.sweep.axes import NET
from analysis.drive.sweep.figures import COLUMNS
from analysis.drive.sweep.plan import Plan, Point, options_of, point_of, settings_of, spec_of
from analysis.drive.sweep.run import Outcome
from analysis.read import units
from analysis.read.layout import Column, Row, printable
from analysis.read.objective import AREA, ENERGY, LATENCY, Quantity
from simulator.source.cells import Cell, inert
from simulator.source.parser import Value

PLACES = ("machine", "network")  # labels of a point beside those of its axes


def labels_of(plan: Plan, point: Point) -> dict[str, Cell]:
    """Return machine and network of a point as the plan names them, and the value of each path of its axes."""
    values = {setting.path: cell(setting.value) for setting in settings_of(plan, point)}
    return {"machine": plan.machines[point.machine], "network": plan.networks[point.network], **values}


def all_columns(plan: Plan) -> tuple[str, ...]:
    """Return the columns of a row beside its labels: figures, accuracies that the plan knows, derived ones."""
    return (*COLUMNS, *(plan.accuracy.columns if plan.accuracy else ()), *(name for name, _ in plan.derived))


def rows(outcome: Outcome) -> Iterator[dict[str, Cell]]:
    """Yield a row for every point that meets the constraints; figures that it lacks are empty."""
    columns = all_columns(outcome.plan)
    for point, figures in outcome.points():
        yield labels_of(outcome.plan, point) | {column: figures.get(column, "") for column in columns}


def sweep_csv(outcome: Outcome) -> str:
    """Return all rows as CSV; the same plan gives the same bytes, however often it was interrupted."""
    stream = StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for number, row in enumerate(rows(outcome)):
        if number == 0:
            writer.writerow(map(inert, row))
        writer.writerow(map(inert, row.values()))
    return stream.getvalue()


def cell(value: Value) -> Cell:
    """Write a value of an axis into a cell: numbers and text as they are, the rest as JSON.

    >>> cell(8), cell("16 GB/s"), cell(True), cell(["weight_stationary"])
    (8, '16 GB/s', 'true', '["weight_stationary"]')
    """
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else json.dumps(value)


def axes_text(plan: Plan, point: Point) -> str:
    """Write what tells a point from others of its network and batch: the values of the axes that have several.

    A path is written by its last word, or as it is where two end alike.
    """
    varied = [path for axis in plan.axes if len(axis.choices) > 1 for path in axis.paths]
    varied = [path for path in varied if path != "batch" and not path.startswith(NET)]
    words = [path.rpartition(".")[2] for path in varied]
    named = {p: word if words.count(word) == 1 else p for p, word in zip(varied, words, strict=True)}
    chosen = [(s.path, cell(s.value)) for s in settings_of(plan, point) if s.path in named]
    return ", ".join(f"{named[path]} {value}" for path, value in chosen)


@dataclass(frozen=True, slots=True)
class Sample:
    """A point as the picture needs it."""

    group: str  # network, and batch where it is not 1
    machine: str
    settings: str
    latency_s: float
    energy_pj: float
    top1_percent: float | None
    row: Row
    area_mm2: float | None = None  # None where the energy table knows none

    def cost(self, quantity: Quantity) -> float:
        """Return the latency or the energy."""
        return {LATENCY.key: self.latency_s, ENERGY.key: self.energy_pj, AREA.key: self.area_mm2 or 0.0}[quantity.key]


def samples_of(outcome: Outcome) -> list[Sample]:
    """Return every point that could be simulated."""
    found = []
    for point, figures in outcome.points():
        if "problem" in figures:
            continue
        batch = options_of(outcome.plan, point)[0]
        network = spec_of(outcome.plan, point)
        accuracy, area = figures.get("top1_percent"), figures.get(AREA.key)
        found.append(
            Sample(
                network if batch == 1 else f"{network}, batch {batch}",
                outcome.plan.machines[point.machine],
                axes_text(outcome.plan, point),
                float(figures["latency_s"]),
                float(figures["energy_pj"]),
                None if accuracy is None else float(accuracy),
                labels_of(outcome.plan, point),
                None if area is None else float(area),
            )
        )
    return found


def grouped(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Return the samples by network and batch: only such can stand for each other."""
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group].append(sample)
    return dict(groups)


@dataclass(frozen=True, slots=True)
class Best:
    """The point of a network that has least of something."""

    group: str
    least: str
    sample: Sample


COSTS = (LATENCY, ENERGY)

BEST_COLUMNS: tuple[Column[Best], ...] = (
    Column("network", 0, lambda best: best.group, is_number=False),
    Column("least", 1, lambda best: best.least, is_number=False),
    Column("latency", 2, lambda best: units.seconds(best.sample.latency_s)),
    Column("energy", 3, lambda best: units.energy(best.sample.energy_pj)),
    Column("machine", 4, lambda best: best.sample.machine, is_number=False),
    Column("settings", 5, lambda best: best.sample.settings or "-", is_number=False),
)


def best_points(outcome: Outcome) -> list[Best]:
    """Return for each network its fastest point and the one of least energy; equal ones by the plan's order."""
    return [
        Best(group, cost.name, min(members, key=lambda sample: sample.cost(cost)))
        for group, members in grouped(samples_of(outcome)).items()
        for cost in COSTS
    ]


def problems_of(outcome: Outcome) -> Counter[str]:
    """Count the points that cannot be simulated by their reason; faults of the simulator are none."""
    return Counter(
        str(figures["problem"])
        for number, _, figures in outcome.numbered()
        if "problem" in figures and number not in outcome.faults
    )


def fault_lines(outcome: Outcome) -> Iterator[str]:
    """Yield which points the simulator failed in, and how, each way to fail once."""
    points: dict[str, list[int]] = defaultdict(list)
    for number, fault in outcome.faults.items():
        points[fault].append(number)
    yield f"the simulator failed in {len(outcome.faults):,} of {units.counted(outcome.plan.points, 'point')}"
    for fault, numbers in points.items():
        labels = labels_of(outcome.plan, point_of(outcome.plan, numbers[0]))
        named = [str(value) if path in PLACES else f"{path} {value}" for path, value in labels.items()]
        more = f" and {units.counted(len(numbers) - 1, 'other')}" if len(numbers) > 1 else ""
        yield printable(f"point {numbers[0]}{more} ({', '.join(named)}): {fault}")
    yield "none of them is kept as a result; the same command tries them again"


def summary_lines(outcome: Outcome) -> Iterator[str]:
    """Yield labelled lines about the run of a sweep."""
    problems = problems_of(outcome)
    points, simulated, failed = outcome.plan.points, outcome.simulated, len(outcome.faults)
    known = f"{points - simulated - failed - len(outcome.excluded):,} known or equal to others"
    more = (f", {failed:,} failed" if failed else "") + (
        f", {len(outcome.excluded):,} excluded without being simulated" if outcome.excluded else ""
    )
    yield f"points      {points:,}: {simulated:,} simulated now, {known}{more}"
    yield printable(f"store       {outcome.store}")
    if outcome.plan.accuracy:
        yield printable(f"accuracy    {outcome.plan.accuracy.note}")
    for text, count in outcome.exclusions().most_common():
        yield printable(f"excluded    {units.counted(count, 'point')}: not {text}")
    for text, count in problems.most_common():
        yield printable(f"impossible  {units.counted(count, 'point')}: {text}")
