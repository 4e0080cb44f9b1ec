"""Statistics of deviations, for summaries and as rows that bear a bound of their own."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor
from statistics import fmean, median

from analysis.drive.accuracy.anchor import Row
from analysis.drive.accuracy.bounds import at_most


def absolute_deviations(rows: Iterable[Row]) -> list[float]:
    """Return the deviations of the rows that count, without signs."""
    return [abs(row.deviation) for row in rows if row.counts and row.deviation is not None]


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return the value below which that fraction of the values lies, interpolated linearly between neighbours.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([5.0], 0.9)
    (2.5, 5.0)
    """
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    below, above = ordered[floor(place)], ordered[ceil(place)]
    return below + (above - below) * (place - floor(place))


def mean_row(rows: Iterable[Row], most: float, part: str) -> Row:
    """Return a row that bounds the mean absolute deviation of others."""
    return _row("mean absolute deviation", fmean, rows, most, part)


def median_row(rows: Iterable[Row], most: float, part: str) -> Row:
    """Return a row that bounds the median absolute deviation of others."""
    return _row("median absolute deviation", median, rows, most, part)


def quantile_row(rows: Iterable[Row], fraction: float, most: float, part: str) -> Row:
    """Return a row that bounds a quantile of the absolute deviations of others."""
    name = f"{100 * fraction:g}th percentile of absolute deviations"
    return _row(name, lambda values: quantile(list(values), fraction), rows, most, part)


def _row(name: str, reduce: Callable[[Iterable[float]], float], rows: Iterable[Row], most: float, part: str) -> Row:
    """Make the row, in percent."""
    return Row(name, None, 100 * reduce(absolute_deviations(rows)), at_most(100 * most), "%", part)
