"""Print anchors on a terminal: colour for what a row makes of its bound."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.drive.accuracy.anchor import Status
from analysis.drive.accuracy.tables import Shown
from analysis.read.layout import GAP, Column, fit

if TYPE_CHECKING:
    from rich.console import Console

STYLES: dict[str, str] = {
    Status.HELD: "green",
    Status.MISSED: "yellow",
    Status.BROKEN: "bold red",
    Status.GAINED: "cyan",
    Status.UNBOUNDED: "",
}


def print_rows(rows: Sequence[Shown], columns: Sequence[Column[Shown]], console: "Console") -> None:
    """Print rows within the width of the console."""
    from rich.table import Table
    from rich.text import Text

    grid = fit(rows, columns, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, cells in zip(grid.columns, grid.cells, strict=True):
        table.add_column(cells[0], justify="right" if column.is_number else "left", no_wrap=True)
    judged = [column.title in ("deviation", "") for column in grid.columns]
    for number, (_, status) in enumerate(rows, start=1):
        styles = [STYLES[status] if judges else "" for judges in judged]
        table.add_row(*(Text(cells[number], style) for cells, style in zip(grid.cells, styles, strict=True)))
    console.print(table)
