"""The points of a sweep as a table: raw figures, one row a point, in the plan's order."""

import csv
import json
from collections.abc import Iterator
from io import StringIO

from analysis.drive.sweep.axes import NET
from analysis.drive.sweep.figures import COLUMNS
from analysis.drive.sweep.plan import Plan, Point, settings_of
from analysis.drive.sweep.run import Outcome
from analysis.read.csv_text import Cell
from simulator.source.parser import Value


def labels_of(plan: Plan, point: Point) -> dict[str, Cell]:
    """Return machine and network of a point as the plan names them, and the value of each path of its axes."""
    values = {setting.path: cell(setting.value) for setting in settings_of(plan, point)}
    return {"machine": plan.machines[point.machine], "network": plan.networks[point.network], **values}


def rows(outcome: Outcome) -> Iterator[dict[str, Cell]]:
    """Yield a row for every point; figures that it lacks are empty."""
    for point, figures in outcome.points():
        yield labels_of(outcome.plan, point) | {column: figures.get(column, "") for column in COLUMNS}


def sweep_csv(outcome: Outcome) -> str:
    """Return all rows as CSV; the same plan gives the same bytes, however often it was interrupted."""
    stream = StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for number, row in enumerate(rows(outcome)):
        if number == 0:
            writer.writerow(row)
        writer.writerow(row.values())
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
