"""Measured beside simulated, as the rows and tables that anchors have, and as a page."""

from collections.abc import Sequence
from pathlib import Path

from analysis.drive.accuracy.anchor import Anchor, Evaluation, Row
from analysis.drive.accuracy.page import rows_tables
from analysis.drive.measured.comparison import Pair
from analysis.drive.measured.explanation import explained

NAME = "measured"


def evaluation_of(pairs: Sequence[Pair], hardware: str, file: Path) -> Evaluation:
    """Return the figures as rows without bounds, those of a quantity together, with the worst explained."""
    names = dict.fromkeys(pair.measured.quantity.name for pair in pairs)
    rows = tuple(
        Row(pair.name, pair.measured.value, pair.ours, unit=pair.measured.unit, part=name)
        for name in names
        for pair in pairs
        if pair.measured.quantity.name == name
    )
    title = f"Measurements of {file.name} beside {hardware}"
    return Evaluation(Anchor(NAME, title, str(file), (), lambda: rows, remarks=explained(pairs), given=NAME), rows)


def page(evaluation: Evaluation, picture: str | None = None) -> str:
    """Return the page as Markdown; `picture` is where its picture lies, as seen from the page."""
    anchor = evaluation.anchor
    lines = [f"# {anchor.title}", "", "A deviation is simulated / measured - 1.", ""]
    if picture:
        lines += [f"![measured figures, and ours by their parts]({picture})", ""]
    lines += [*(f"- {remark}" for remark in anchor.remarks), ""]
    return "\n".join([*lines, *rows_tables(evaluation)]).rstrip("\n") + "\n"
