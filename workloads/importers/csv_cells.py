"""Read a CSV file into cells that remember where they stood."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.errors import InputError, Problem
from simulator.source.cells import as_meant
from workloads.importers.bounds import MOST_LAYERS, shorten

MOST_COLUMNS = 100
MOST_ROWS = 3 * MOST_LAYERS  # of layers, of their inputs, and of what else there is to say
LONGEST_CELL = 100_000  # Python's csv reads 131,072


@dataclass(frozen=True, slots=True)
class Line:
    """A row: its line, and its cells without blanks around them."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A header, its line, and the rows below it that are not empty; `columns` end at the last that has a name."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Line, ...]
    line: int = 1

    def wrong(
        self, line: int, column: str, message: str, expected: str | None = None, got: str | None = None
    ) -> Problem:
        """Return a problem with a cell."""
        return Problem(
            message, self.file, line, path=column, expected=expected, got=None if got is None else shorten(got)
        )


def read_table(text: str, file: str) -> Table:
    """Read a table; raise InputError where there is none."""
    lines = list(_lines(text, file))
    if not lines:
        raise InputError(Problem("the file is empty", file, 1, expected="a header and a row for each layer"))
    header, *rows = lines
    columns = list(header.cells)
    while columns and not columns[-1]:
        columns.pop()
    _check_separator(header, file)
    if not columns or len(columns) > MOST_COLUMNS:
        expected = f"names of columns, at most {MOST_COLUMNS}"
        raise InputError(Problem("not a header", file, header.line, expected=expected))
    if not rows:
        raise InputError(Problem("no layers", file, header.line, expected="a row for each layer below the header"))
    return Table(file, tuple(columns), tuple(rows), header.line)


def _check_separator(header: Line, file: str) -> None:
    """Raise InputError where something else than commas stands between the names of columns."""
    for mark, name in (("\t", "tabs"), (";", "semicolons")):
        if len(header.cells) <= 2 and mark in header.cells[0]:
            message, got = f"the cells have {name} between them", shorten(repr(header.cells[0]))
            raise InputError(Problem(message, file, header.line, expected="commas between cells", got=got))


def _lines(text: str, file: str) -> Iterator[Line]:
    reader = csv.reader(text.replace("\0", "").splitlines(), skipinitialspace=True)
    count = 0
    try:
        for cells in reader:
            stripped = tuple(as_meant(cell.strip()) for cell in cells)
            if any(len(cell) > LONGEST_CELL for cell in stripped):
                raise InputError(
                    Problem("a cell is too long", file, reader.line_num, expected=f"at most {LONGEST_CELL}")
                )
            if any(stripped) and not stripped[0].startswith("#"):
                count += 1
                yield Line(reader.line_num, stripped)
            if count > 1 + MOST_ROWS:  # the first is the header
                raise InputError(Problem("too many rows", file, reader.line_num, expected=f"at most {MOST_ROWS}"))
    except csv.Error as error:
        raise InputError(
            Problem(f"not CSV: {error}", file, reader.line_num, expected="cells with commas between")
        ) from error
