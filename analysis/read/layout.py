"""Lay rows out: as CSV, or as text that fits a width.

Where a width is short, what can be shortened is, then columns of the least rank are left out.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from textwrap import wrap
from typing import Generic, TypeVar

from simulator.source.cells import Cell, inert

T = TypeVar("T")

Row = Mapping[str, Cell]

GAP = 2  # blanks between columns
MIN_NAME = 20  # characters that the first column keeps


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """How one figure of a row is shown; columns of low `rank` stay longest where space is short."""

    title: str
    rank: int
    cell: Callable[[T], str]
    short: Callable[[T], str] | None = None  # shown instead where space is short
    is_number: bool = True


@dataclass(frozen=True, slots=True)
class Grid(Generic[T]):
    """Cells ready to print: one list per column, the title first."""

    columns: tuple[Column[T], ...]
    cells: tuple[tuple[str, ...], ...]  # [column][row]
    shortened: bool
    dropped: tuple[str, ...] = ()  # titles of columns that there is no room for

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of each column, in characters."""
        return tuple(max(len(cell) for cell in column) for column in self.cells)


def fit(rows: Sequence[T], columns: Sequence[Column[T]], width: int | None) -> Grid[T]:
    """Lay rows out within `width` characters; None means that there is no limit."""
    grid = _grid(rows, columns, short=False)
    if width is None or _needs(grid) <= width:
        return grid
    kept = list(columns)
    grid = _grid(rows, kept, short=True)
    while _needs(grid, MIN_NAME) > width and len(kept) > 1:
        kept.remove(max(kept, key=lambda column: column.rank))
        grid = _grid(rows, kept, short=True)
    return _squeeze_names(replace(grid, dropped=tuple(c.title for c in columns if c not in kept)), width)


def elide(text: str, width: int) -> str:
    """Cut the middle out of a name: its beginning tells the stage, its end the layer.

    >>> elide("stage1/block2/conv3", 12), elide("conv3", 12)
    ('stage..conv3', 'conv3')
    """
    if len(text) <= width:
        return text
    tail = (width - 2 + 1) // 2
    return f"{text[: width - 2 - tail]}..{text[-tail:]}"


def _grid(rows: Sequence[T], columns: Sequence[Column[T]], *, short: bool) -> Grid[T]:
    cells = []
    for column in columns:
        show = column.short if short and column.short else column.cell
        cells.append((column.title, *(printable(show(row)) for row in rows)))
    return Grid(tuple(columns), tuple(cells), short)


def printable(text: str) -> str:
    r"""Show characters that would move the cursor or colour the screen by their codes: names come from files of others.

    >>> print(printable("red" + chr(27) + "[31m"))
    red\u001b[31m
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else code(char) for char in text)


def code(char: str) -> str:
    """Return a character as JSON writes it that keeps to ASCII."""
    return f"\\u{ord(char):04x}"


def text_lines(grid: Grid[T]) -> Iterator[str]:
    """Yield the grid as aligned text, titles first."""
    widths = grid.widths
    for row in zip(*grid.cells, strict=True):
        cells = [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(row, widths, grid.columns, strict=True)
        ]
        yield (" " * GAP).join(cells).rstrip()


def _needs(grid: Grid[T], name_width: int | None = None) -> int:
    first, *others = grid.widths
    return min(first, name_width or first) + sum(GAP + width for width in others)


def _squeeze_names(grid: Grid[T], width: int) -> Grid[T]:
    space = max(MIN_NAME, width - sum(GAP + other for other in grid.widths[1:]))
    names = tuple(elide(name, space) for name in grid.cells[0])
    return replace(grid, cells=(names, *grid.cells[1:]))


def dropped_lines(grid: Grid[T], width: int | None) -> list[str]:
    """Name the columns that there is no room for, within the width."""
    if not grid.dropped:
        return []
    return wrap(f"no room for {', '.join(grid.dropped)}", width or 0, subsequent_indent="  ")


def csv_text(rows: Sequence[Row]) -> str:
    """Return rows that share their keys as CSV with a header; floats keep every digit."""
    stream = StringIO(newline="")
    if rows:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writerow({key: inert(key) for key in rows[0]})
        writer.writerows({key: inert(cell) for key, cell in row.items()} for row in rows)
    return stream.getvalue()
