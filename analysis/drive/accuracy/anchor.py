"""What an anchor is: published figures of one machine, ours beside them, and the bounds they must keep.

A new anchor is a file in `anchors/` that ends in `ANCHOR = Anchor(...)`, and a line in the registry.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from analysis.drive.accuracy.bounds import Bound, at_most, deviation


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity: the published figure, None where only ours is bounded, and ours.

    `part` names the table or figure it belongs to. `counts`: whether its deviation enters the statistics and the
    picture; not so where the published figure is of another kind of machine, or where it repeats another row's.
    """

    quantity: str
    published: float | None
    ours: float
    bound: Bound | None = None
    unit: str = ""
    part: str = ""
    counts: bool = True

    @property
    def key(self) -> str:
        """Name of the row within its anchor."""
        return f"{self.part}: {self.quantity}" if self.part else self.quantity

    @property
    def deviation(self) -> float | None:
        """Ours against the published figure, as a fraction of it."""
        return None if self.published is None else deviation(self.published, self.ours)

    @property
    def excess(self) -> float:
        """How far the row lies outside its bound; 0 if it keeps it or has none."""
        if self.bound is None:
            return 0.0
        value = self.deviation if self.bound.relative else self.ours
        if value is None:
            raise ValueError(f"{self.key}: a bound on the deviation needs a published figure")
        return self.bound.excess(value)


def absolute_deviations(rows: Iterable[Row]) -> list[float]:
    """Return the deviations of the rows that count, without signs."""
    return [abs(row.deviation) for row in rows if row.counts and row.deviation is not None]


def mean_row(rows: Iterable[Row], most: float, part: str) -> Row:
    """Return a row that bounds the mean absolute deviation of others, in percent."""
    mean = 100 * fmean(absolute_deviations(rows))
    return Row("mean absolute deviation", None, mean, at_most(100 * most), "%", part)


@dataclass(frozen=True, slots=True)
class Missing:
    """What the model lacks, and the rows (by their keys) that miss their bounds for it."""

    why: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A set of published figures: where they stand, the machines that reproduce them, the function that does.

    `missing` lists every bound that is not kept, with the reason; `remarks` are sentences for the page. `given` is what
    tables call the figures that ours stand beside, `machines_are` the class of the machines that they predict.
    """

    name: str
    title: str
    source: str
    machines: tuple[str, ...]
    rows: Callable[[], Iterable[Row]]
    missing: tuple[Missing, ...] = ()
    remarks: tuple[str, ...] = ()
    given: str = "published"
    machines_are: str = ""

    @property
    def place(self) -> str:
        """The fragment that leads to the anchor's heading on its page, as GitHub and Sphinx make it."""
        return re.sub(r"[^\w -]", "", self.title).lower().replace(" ", "-")

    @property
    def reasons(self) -> dict[str, str]:
        """Why each row that misses its bound does, by its key."""
        return {key: missing.why for missing in self.missing for key in missing.rows}


class Status(StrEnum):
    """Whether a row keeps its bound, and whether the anchor says so."""

    HELD = "held"
    MISSED = "missed"  # and the anchor lists and explains it
    BROKEN = "broken"  # outside its bound, but not listed as missed
    GAINED = "gained"  # listed as missed, but within its bound
    UNBOUNDED = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An anchor and its rows as they are now."""

    anchor: Anchor
    rows: tuple[Row, ...]

    def status(self, row: Row) -> Status:
        """Compare what a row does with what the anchor says of it."""
        listed = row.key in self.anchor.reasons
        if row.bound is None:
            return Status.UNBOUNDED
        if row.excess:
            return Status.MISSED if listed else Status.BROKEN
        return Status.GAINED if listed else Status.HELD

    def having(self, *statuses: Status) -> tuple[Row, ...]:
        """Return the rows of some statuses."""
        return tuple(row for row in self.rows if self.status(row) in statuses)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Keys that the anchor lists as missed and that no bounded row has."""
        known = {row.key for row in self.rows if row.bound}
        return tuple(key for key in self.anchor.reasons if key not in known)
