"""Anchors as tables for a screen, and as data."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.drive.accuracy.anchor import Evaluation, Row, Status
from analysis.drive.accuracy.summary import Summary, figure, percent, share, summarize, worst_text
from analysis.read.layout import Column, fit
from analysis.read.printing import empty_table
from simulator.source.cells import Cell

if TYPE_CHECKING:
    from rich.console import Console

Shown = tuple[Row, str]  # with its status


ROW_COLUMNS: tuple[Column[Shown], ...] = (
    Column("figure", 0, lambda shown: shown[0].quantity, is_number=False),
    Column("published", 1, lambda shown: figure(shown[0].published)),
    Column("ours", 1, lambda shown: figure(shown[0].ours)),
    Column("unit", 5, lambda shown: shown[0].unit or "-", is_number=False),
    Column("deviation", 2, lambda shown: percent(shown[0].deviation)),
    Column("bound", 3, lambda shown: shown[0].bound.text if shown[0].bound else "-"),
    Column("", 4, lambda shown: shown[1], is_number=False),
)
SUMMARY_COLUMNS: tuple[Column[Summary], ...] = (
    Column("anchor", 0, lambda summary: summary.anchor, is_number=False),
    Column("figures", 3, lambda summary: str(summary.figures)),
    Column("median", 2, lambda summary: share(summary.median)),
    Column("bounds", 1, lambda summary: str(summary.bounds)),
    Column("held", 1, lambda summary: str(summary.held)),
    Column("missed", 1, lambda summary: str(summary.missed)),
    Column("worst", 4, worst_text, is_number=False),
)


STYLES: dict[str, str] = {
    Status.HELD: "green",
    Status.MISSED: "yellow",
    Status.BROKEN: "bold red",
    Status.GAINED: "cyan",
    Status.UNBOUNDED: "",
}


def parts(evaluation: Evaluation, rows: Sequence[Row]) -> Iterator[tuple[list[Shown], tuple[Column[Shown], ...]]]:
    """Yield the rows of each part with their status, and the columns that show them, the first named after the part."""
    for part in dict.fromkeys(row.part for row in rows):
        name = replace(ROW_COLUMNS[0], title=part or ROW_COLUMNS[0].title)
        given = replace(ROW_COLUMNS[1], title=evaluation.anchor.given)
        shown = [(row, evaluation.status(row).value) for row in rows if row.part == part]
        yield shown, (name, given, *ROW_COLUMNS[2:])


def print_rows(rows: Sequence[Shown], columns: Sequence[Column[Shown]], console: "Console") -> None:
    """Print rows within the width of the console, coloured by what each makes of its bound."""
    from rich.text import Text

    grid = fit(rows, columns, console.width)
    table = empty_table(grid)
    judged = [column.title in ("deviation", "") for column in grid.columns]
    for number, (_, status) in enumerate(rows, start=1):
        styles = [STYLES[status] if judges else "" for judges in judged]
        table.add_row(*(Text(cells[number], style) for cells, style in zip(grid.cells, styles, strict=True)))
    console.print(table)


def csv_rows(evaluations: Sequence[Evaluation]) -> list[dict[str, Cell]]:
    """Return a row for every figure of every anchor; cells that have no value are empty."""
    return [
        {"anchor": evaluation.anchor.name, **{key: "" if cell is None else cell for key, cell in data.items()}}
        for evaluation in evaluations
        for data in (_row_data(evaluation, row) for row in evaluation.rows)
    ]


def json_data(evaluations: Sequence[Evaluation]) -> dict[str, object]:
    """Return everything about the anchors as plain data."""
    return {"schema_version": 1, "anchors": [_anchor_data(evaluation) for evaluation in evaluations]}


def _anchor_data(evaluation: Evaluation) -> dict[str, object]:
    anchor, summary = evaluation.anchor, summarize(evaluation)
    return {
        "name": anchor.name,
        "title": anchor.title,
        "source": anchor.source,
        "machines": list(anchor.machines),
        "summary": {
            "figures": summary.figures,
            "median_absolute_deviation": summary.median,
            "worst": summary.worst.key if summary.worst else None,
            "worst_deviation": summary.worst.deviation if summary.worst else None,
            "bounds": summary.bounds,
            "held": summary.held,
            "missed": summary.missed,
        },
        "rows": [_row_data(evaluation, row) for row in evaluation.rows],
        "remarks": list(anchor.remarks),
    }


def _row_data(evaluation: Evaluation, row: Row) -> dict[str, Cell | None]:
    """Return a row's cells; bounds and what exceeds them are fractions where they are on the deviation."""
    bound = row.bound
    return {
        "part": row.part,
        "quantity": row.quantity,
        "published": row.published,
        "ours": row.ours,
        "unit": row.unit,
        "deviation": row.deviation,
        "bound": bound.text if bound else None,
        "bound_low": bound.low if bound else None,
        "bound_high": bound.high if bound else None,
        "status": evaluation.status(row).value or None,
        "excess": row.excess if bound else None,
        "why": evaluation.anchor.reasons.get(row.key) if row.excess else None,
    }
