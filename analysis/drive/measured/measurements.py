"""Read a user's measurements: CSV whose header says what is measured, and in which unit.

    network,layer,time [ms],bytes [MB],energy [mJ]
    alexnet,conv1,16.5,5.0,
    alexnet,,115.3,15.4,32

A row is a layer's, or the whole network's where its `layer` is `total` or empty; `conv1+relu1` are layers measured as
one. `network` may be left out where the command names it, `batch` where it is that of the network's file, or one. An
empty cell is not measured. `bytes` cross the DRAM port, either way.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from analysis.read.layout import printable
from analysis.read.objective import CYCLES, DRAM, ENERGY, Measure
from simulator.errors import InputError, Problem, nearest
from simulator.source import units
from workloads.importers.bounds import read_text, shorten
from workloads.importers.csv_cells import Line, Table, read_table

MOST_BYTES = 1 << 22
MOST_BATCH = 65536
CYCLE, TOTAL = "cycles", "total"
KEYS = ("network", "layer", "batch")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured: our figure of that name, and in how many of ours each unit is one.

    Ours are picoseconds (which a machine's clock makes of cycles), bytes and picojoules.
    """

    name: str
    measure: Measure
    units: Mapping[str, float]
    example: str


QUANTITIES = {
    "time": Quantity("time", CYCLES, {**units.TIME, CYCLE: 1}, "time [ms]"),
    "bytes": Quantity("bytes", DRAM, units.SIZE, "bytes [MB]"),
    "energy": Quantity("energy", ENERGY, units.ENERGY, "energy [mJ]"),
}
IMPLIED = {CYCLE: ("time", CYCLE), "bytes": ("bytes", "B")}
"""Headers that are a unit themselves."""
SYNONYMS = {"latency": "time", "dram": "bytes"}
"""What else quantities are called."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure; `layer` is "" for the whole network, `batch` None where the file does not say it."""

    network: str
    batch: int | None
    layer: str
    quantity: Quantity
    unit: str
    value: float
    file: str
    line: int

    @property
    def subject(self) -> str:
        """The network and batch that were measured."""
        return self.network if self.batch is None else f"{self.network} (batch {self.batch})"

    def problem(self, message: str, expected: str, got: str, suggestion: str | None = None) -> Problem:
        """Return a problem with the layer that this names."""
        return Problem(message, self.file, self.line, path="layer", expected=expected, got=got, suggestion=suggestion)


def read_measurements(path: Path, network: str = "") -> tuple[Measurement, ...]:
    """Return every figure of a file; `network` is that of rows that name none.

    Raises InputError with all that is wrong.
    """
    table = read_table(read_text(path, MOST_BYTES), str(path))
    problems: list[Problem] = []
    columns = _columns(table, problems)
    if problems:
        raise InputError(*problems)
    found = [measurement for row in table.rows for measurement in _of_row(table, row, columns, network, problems)]
    problems += _twice(found)
    if nameless := next((own for own in found if not own.network), None):
        expected = "its name in the column `network`, or --net for rows without one"
        problems.append(table.wrong(nameless.line, "network", "no network", expected))
    if not found and not problems:
        problems.append(Problem("nothing is measured", table.file, table.line, expected="a figure in some row"))
    if problems:
        raise InputError(*problems)
    return tuple(found)


def column_of(title: str) -> str | tuple[str, str] | None:
    """Return what a header stands for: a key, or a quantity and its unit; None for neither.

    >>> column_of("Layer"), column_of("time [ms]"), column_of("dram_mib"), column_of("bytes"), column_of("time")
    ('layer', ('time', 'ms'), ('bytes', 'MiB'), ('bytes', 'B'), None)
    """
    words = re.sub(r"[\[\]()_]", " ", title.replace("µ", "u").replace("μ", "u")).split()
    name, unit = (words[0].lower(), " ".join(words[1:])) if words else ("", "")
    if not unit:
        return name if name in KEYS else IMPLIED.get(name)
    name = SYNONYMS.get(name, name)
    known = {spelt.lower(): spelt for spelt in QUANTITIES[name].units} if name in QUANTITIES else {}
    return (name, known[unit.lower()]) if unit.lower() in known else None


def _columns(table: Table, problems: list[Problem]) -> tuple[str | tuple[str, str], ...]:
    columns = []
    for title in table.columns:
        column = column_of(title)
        if column is None:
            problems.append(_wrong_title(table, title))
        else:
            columns.append(column)
    names = [column if isinstance(column, str) else column[0] for column in columns]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    problems += [table.wrong(table.line, name, "the column is given twice") for name in twice]
    if not problems and not any(isinstance(column, tuple) for column in columns):
        problems.append(Problem("no column of figures", table.file, table.line, expected=_examples()))
    return tuple(columns)


def _wrong_title(table: Table, title: str) -> Problem:
    title = printable(shorten(title))
    word = re.split(r"[\W_]", title.strip())[0].lower()
    word = SYNONYMS.get(word, word)
    if word in QUANTITIES:
        quantity = QUANTITIES[word]
        expected = f"one of {', '.join(quantity.units)}, as in `{quantity.example}`"
        return table.wrong(table.line, title, "no unit that is known", expected)
    problem = table.wrong(table.line, title, "unknown column", f"{', '.join(KEYS)} and {_examples()}")
    close = nearest(word, (*KEYS, *QUANTITIES))
    meant = QUANTITIES[close].example if close in QUANTITIES else close
    return Problem(problem.message, problem.file, problem.line, None, problem.path, problem.expected, None, meant)


def _examples() -> str:
    return ", ".join(f"`{quantity.example}`" for quantity in QUANTITIES.values())


def _of_row(
    table: Table, row: Line, columns: tuple[str | tuple[str, str], ...], network: str, problems: list[Problem]
) -> list[Measurement]:
    """Return what a row measures, and add what is wrong with it to the problems."""
    if len(row.cells) > len(columns) and any(row.cells[len(columns) :]):
        problems.append(table.wrong(row.line, "", "more cells than columns", f"at most {len(columns)} cells"))
        return []
    cells = dict(zip(columns, row.cells, strict=False))
    network = cells.get("network") or network
    batch = _number(table, row, "batch", cells.get("batch", ""), problems)
    if batch is not None and not (batch == int(batch) and batch <= MOST_BATCH):
        problems.append(table.wrong(row.line, "batch", "wrong value", f"a whole number, at most {MOST_BATCH}"))
    found = []
    for column, cell in cells.items():
        if isinstance(column, tuple) and (value := _number(table, row, column[0], cell, problems)) is not None:
            name, unit = column
            layer = cells.get("layer", "")
            key = (network, None if batch is None else int(batch), "" if layer == TOTAL else layer)
            found.append(Measurement(*key, QUANTITIES[name], unit, value, table.file, row.line))
    return found


def _number(table: Table, row: Line, column: str, cell: str, problems: list[Problem]) -> float | None:
    """Return a cell's number, None for an empty or a wrong one."""
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if isfinite(value) and value > 0:
        return value
    problems.append(table.wrong(row.line, column, "wrong value", "a positive number", cell))
    return None


def _twice(found: Iterable[Measurement]) -> list[Problem]:
    """Complain of figures that an earlier row has given."""
    lines: dict[tuple[str, str, str], int] = {}
    problems = []
    for own in found:
        first = lines.setdefault((own.subject, own.layer, own.quantity.name), own.line)
        if first != own.line:
            message, got = f"given twice: {own.quantity.name}", own.layer or own.subject
            problems.append(own.problem(message, f"one row, as in line {first}", got))
    return problems
