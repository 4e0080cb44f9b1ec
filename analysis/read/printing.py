"""Print a run: as plain text for pipes, logs and files, or on a terminal in colour, stages set apart."""

from typing import TYPE_CHECKING

from analysis.read.layout import GAP, Grid, T, dropped_lines, fit, text_lines
from analysis.read.summary import summary_lines
from analysis.read.tables import OpRow
from analysis.read.views import WHOLE, OpTable, View, table_of
from simulator.result.run import Run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LOUD_SHARE = 0.05  # ops that take this share of the cycles are set in bold
BOUND_STYLES = {
    "compute": "green",
    "dram": "red",
    "vector": "magenta",
    "fused": "dim",
    "folded": "dim",
}
OTHER_BOUND_STYLE = "yellow"  # delivery, preload, skew, configuration


def plain_report(run: Run, width: int | None = None, view: View = WHOLE) -> str:
    """Return the table of ops, the totals and the summary; no cell of the table holds a blank."""
    shown = table_of(run, view)
    grid = fit([*shown.rows, shown.total], shown.columns, width)
    summary = [f"{label:<11}{text}".rstrip() for label, text in summary_lines(run)]
    return "\n".join([*text_lines(grid), "", *summary, ""])


def print_report(run: Run, console: "Console", view: View = WHOLE) -> None:
    """Print the table of ops, the totals and the summary."""
    from rich.text import Text

    shown = table_of(run, view)
    grid = fit([*shown.rows, shown.total], shown.columns, console.width)
    console.print(_table(shown, grid))
    for line in dropped_lines(grid, console.width):
        console.print(Text(line, style="dim"))
    console.print(_summary(run))


def empty_table(grid: Grid[T]) -> "Table":
    """Return a table for a terminal with the titles of a grid, to which its cells are added in their colours."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=True, header_style="bold")
    for column, cells in zip(grid.columns, grid.cells, strict=True):
        table.add_column(cells[0], justify="right" if column.is_number else "left", no_wrap=True)
    return table


def _table(shown: OpTable, grid: Grid[OpRow]) -> "Table":
    from rich.text import Text

    rows, total = shown.rows, shown.total
    table = empty_table(grid)
    for index, row in enumerate([*rows, total], start=1):
        ends_stage = index < len(rows) and rows[index].stage != row.stage
        line = [column[index].replace("-", "") if row is total else column[index] for column in grid.cells]
        texts = [Text(cell, style=_style(row, grid, place)) for place, cell in enumerate(line)]
        table.add_row(*texts, style="bold" if row is total else None)
        if index == len(rows) or ends_stage:
            table.add_row()
    return table


def _style(row: OpRow, grid: Grid[OpRow], place: int) -> str:
    if row.is_free:
        return "dim"
    title = grid.columns[place].title
    if title == "bound by" and row.bound_by:
        return BOUND_STYLES.get(row.bound_by, OTHER_BOUND_STYLE)
    return "bold" if row.share >= LOUD_SHARE and title in ("layer", "cycles", "share") else ""


def _summary(run: Run) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, GAP, 0, 0))
    for label, text in summary_lines(run):
        table.add_row(Text(label, style="bold"), Text(text))
    return table
