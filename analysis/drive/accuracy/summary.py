"""What an anchor's rows come to: one line each, and the words for what is missed."""

from dataclasses import dataclass
from statistics import median

from analysis.drive.accuracy.anchor import Evaluation, Row, Status, absolute_deviations

LONG = 60  # rows from which on a table is shortened or folded away
SHOWN_OF_LONG = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures compared with their deviations, and bounds by whether they hold. Deviations are fractions."""

    anchor: str
    figures: int
    median: float | None
    worst: Row | None
    held: int  # listed as missed or not
    missed: int  # listed as missed or not

    @property
    def bounds(self) -> int:
        """Rows that bear a bound."""
        return self.held + self.missed


def summarize(evaluation: Evaluation) -> Summary:
    """Count an anchor's rows."""
    compared = [row for row in evaluation.rows if row.counts and row.deviation is not None]
    deviations = absolute_deviations(compared)
    return Summary(
        evaluation.anchor.name,
        len(compared),
        median(deviations) if deviations else None,
        compared[deviations.index(max(deviations))] if deviations else None,
        len(evaluation.having(Status.HELD, Status.GAINED)),
        len(evaluation.having(Status.MISSED, Status.BROKEN)),
    )


def complaints(evaluation: Evaluation) -> list[str]:
    """Return a line for everything that contradicts what the anchor says of its bounds."""
    name = evaluation.anchor.name
    broken = [f"{name}: {miss_text(row)}: {row.key}" for row in evaluation.having(Status.BROKEN)]
    gained = [f"{name}: no longer missed: {row.key}" for row in evaluation.having(Status.GAINED)]
    return [*broken, *gained, *(f"{name}: no such row: {key}" for key in evaluation.unknown)]


def shown_rows(evaluation: Evaluation) -> tuple[Row, ...]:
    """Return the rows for a screen: of many, those that stand out and the largest deviations."""
    if len(evaluation.rows) <= LONG:
        return evaluation.rows
    kept = {row.key for row in evaluation.having(Status.BROKEN, Status.GAINED, Status.MISSED)}
    kept |= {row.key for row in evaluation.rows if row.bound and not row.bound.relative}
    deviating = sorted((row for row in evaluation.rows if row.deviation), key=lambda row: -abs(row.deviation or 0.0))
    kept |= {row.key for row in deviating[:SHOWN_OF_LONG]}
    return tuple(row for row in evaluation.rows if row.key in kept)


def figure(value: float | None) -> str:
    """Write a figure: whole numbers in full, others with four digits.

    >>> figure(86016), figure(1467.431), figure(2.59), figure(None)
    ('86,016', '1,467', '2.59', '-')
    """
    if value is None:
        return "-"
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(fraction: float | None) -> str:
    """Write a deviation with its sign.

    >>> percent(-0.0381), percent(-0.0001), percent(0.0), percent(None)
    ('-3.8%', '0.0%', '0', '-')
    """
    if fraction is None:
        return "-"
    text = f"{100 * fraction:+.1f}%" if fraction else "0"
    return text[1:] if text[1:] == "0.0%" else text


def share(fraction: float | None) -> str:
    """Write an absolute deviation.

    >>> share(0.0381), share(0.0), share(None)
    ('3.8%', '0', '-')
    """
    return percent(fraction).removeprefix("+")


def worst_text(summary: Summary) -> str:
    """Write the worst deviation and whose it is."""
    worst = summary.worst
    return f"{percent(worst.deviation)} {worst.key}" if worst and worst.deviation else share(0.0 if worst else None)


def miss_text(row: Row) -> str:
    """Say by how much a row misses its bound.

    >>> from analysis.drive.accuracy.bounds import within
    >>> miss_text(Row("time", 10, 12, within(0.1)))
    '+20.0%, 10.0 points outside ±10%'
    """
    bound, outside = row.bound, abs(row.excess)
    if bound is None:
        return "no bound"
    if bound.relative:
        return f"{percent(row.deviation)}, {100 * outside:.1f} points outside {bound.text}"
    return f"{with_unit(row.ours, row.unit)}, {outside:.3g} outside {bound.text}"


def with_unit(value: float | None, unit: str) -> str:
    """Write a figure with its unit.

    >>> with_unit(12.5, "ms"), with_unit(40, "%"), with_unit(3, ""), with_unit(None, "ms")
    ('12.5 ms', '40%', '3', '-')
    """
    text = figure(value)
    return text if value is None else f"{text}{unit}" if unit in ("", "%") else f"{text} {unit}"
