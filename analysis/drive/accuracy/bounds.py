"""Bounds that a figure of ours must keep: on itself, or on its deviation from the published one."""

from dataclasses import dataclass
from math import inf

SLACK = 1e-9
"""What rounding of floats may add to a deviation."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Least and largest allowed value, None where there is none; of the deviation if `relative`, else of the figure."""

    low: float | None
    high: float | None
    relative: bool

    def excess(self, value: float) -> float:
        """Return how far a value lies outside: 0 if it keeps the bound, negative below, positive above."""
        if self.low is not None and value < self.low - SLACK:
            return value - self.low
        if self.high is not None and value > self.high + SLACK:
            return value - self.high
        return 0.0

    @property
    def text(self) -> str:
        """The bound in a few characters.

        >>> within(0.05).text, EQUAL.text, between(30, 50).text, at_least(1.4).text
        ('±5%', '=', '30 to 50', '≥1.4')
        """
        if self.relative and self.low == self.high == 0:
            return "="
        if self.relative and self.low is not None and self.high is not None:
            return f"±{100 * self.high:g}%"
        if self.relative:
            return "≤" if self.low is None else "≥"
        if self.low is None:
            return f"≤{self.high:g}"
        return f"≥{self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


EQUAL = Bound(0.0, 0.0, relative=True)
"""Ours is the published figure."""

NOT_ABOVE = Bound(None, 0.0, relative=True)
"""Ours is at most the published figure."""


def within(fraction: float) -> Bound:
    """Bound the deviation, either way."""
    return Bound(-fraction, fraction, relative=True)


def between(low: float, high: float) -> Bound:
    """Bound ours by a range."""
    return Bound(low, high, relative=False)


def at_most(value: float) -> Bound:
    """Bound ours from above."""
    return Bound(None, value, relative=False)


def at_least(value: float) -> Bound:
    """Bound ours from below."""
    return Bound(value, None, relative=False)


def deviation(published: float, ours: float) -> float:
    """Return ours against the published figure, as a fraction of it.

    >>> deviation(4, 5), deviation(0, 0)
    (0.25, 0.0)
    """
    if published == ours:
        return 0.0
    return ours / published - 1 if published else inf
