"""Print a run as aligned text without colour, for pipes, logs and files."""

from analysis.read.layout import fit, text_lines
from analysis.read.summary import summary_lines
from analysis.read.tables import COLUMNS, op_rows, total_row
from simulator.result.run import Run


def plain_report(run: Run, width: int | None = None) -> str:
    """Return the table of ops, the totals and the summary; no cell of the table holds a blank."""
    grid = fit([*op_rows(run), total_row(run)], COLUMNS, width)
    summary = [f"{label:<11}{text}".rstrip() for label, text in summary_lines(run)]
    return "\n".join([*text_lines(grid), "", *summary, ""])
