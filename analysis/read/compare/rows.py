"""Comparisons as rows for CSV."""

from collections.abc import Sequence

from analysis.read.compare.comparison import Change, Comparison
from analysis.read.csv_text import Cell, Row


def comparison_rows(comparisons: Sequence[Comparison], labels: Sequence[str]) -> list[Row]:
    """Return a row for every change: run, what it is cut by, its name, figures, and the change of each part.

    `labels` name the first run and then the other of each comparison.
    """
    names = list(dict.fromkeys(name for comparison in comparisons for name in comparison.total.parts))
    return [
        _row(change, comparison, cut, (labels[0], label), names)
        for comparison, label in zip(comparisons, labels[1:], strict=True)
        for cut, changes in (
            ("total", (comparison.total,)),
            ("part", comparison.parts),
            ("stage", comparison.stages),
            ("layer", comparison.layers),
        )
        for change in changes
    ]


def _row(
    change: Change, comparison: Comparison, cut: str, labels: tuple[str, str], parts: Sequence[str]
) -> dict[str, Cell]:
    return {
        "before_run": labels[0],
        "after_run": labels[1],
        "measure": comparison.measure.name,
        "by": cut,
        "name": change.name,
        "matched": change.detail,
        "before": change.before,
        "after": change.after,
        "change": change.change,
        "relative": "" if change.relative is None else change.relative,
        "contribution": change.contribution,
        **{f"change_{name}": change.parts.get(name, 0) for name in parts},
    }
