"""How far off a user must expect time, traffic and energy to be, by class of machine; and which have no anchor."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from statistics import median

from analysis.drive.accuracy.anchor import Evaluation, Row, absolute_deviations
from analysis.drive.accuracy.summary import share
from simulator.source.locate import bundled

EXACT = 1e-4  # the widest bound of a row that is an exact count, for figures printed with so many digits


class About(StrEnum):
    """What a figure is of."""

    TIME = "time"
    TRAFFIC = "traffic"
    ENERGY = "energy, power"
    AREA = "area"
    OTHER = ""


UNITS = {
    About.TIME: ("cycles", "K cycles", "ms", "us", "1/s", "TOPS"),
    About.TRAFFIC: ("MB", "words", "scalars"),
    About.ENERGY: ("uJ", "mJ", "mW", "W", "1E9 MAC"),
    About.AREA: ("mm2",),
}
EXPECTED = (About.TIME, About.TRAFFIC, About.ENERGY, About.AREA)


def about(row: Row) -> About:
    """Tell what a row is of: by its unit, or without one by the name of its part (`time (table 3)`, `speed-up`)."""
    for kind, units in UNITS.items():
        if row.unit in units:
            return kind
    words = row.key.lower()
    named = {"energy": About.ENERGY, "time": About.TIME, "speed-up": About.TIME}
    return next((kind for word, kind in named.items() if word in words and not row.unit), About.OTHER)


def is_exact(row: Row) -> bool:
    """Whether a row is a count that must be equal, and no physical prediction."""
    bound = row.bound
    return bound is not None and bound.relative and bound.low is not None and -bound.low <= EXACT


def predictions(evaluation: Evaluation) -> Evaluation:
    """Leave out the exact counts."""
    return Evaluation(evaluation.anchor, tuple(row for row in evaluation.rows if not is_exact(row)))


def compared(evaluations: Iterable[Evaluation], exact: bool) -> list[Row]:
    """Return the rows that count, either the exact counts or the predictions."""
    rows = (row for evaluation in evaluations for row in evaluation.rows)
    return [row for row in rows if row.counts and row.deviation is not None and is_exact(row) == exact]


def class_rows(evaluations: Sequence[Evaluation]) -> Iterator[tuple[str, ...]]:
    """Yield for each class of machines what it is called and how far off predictions of each kind are."""
    for name in sorted({evaluation.anchor.machines_are for evaluation in evaluations} - {""}):
        own = [evaluation for evaluation in evaluations if evaluation.anchor.machines_are == name]
        rows = compared(own, exact=False)
        cells = [_spread([row for row in rows if about(row) is kind]) for kind in EXPECTED]
        if any(cells):
            yield (name, *(cell or "no anchor" for cell in cells))


def _spread(rows: Sequence[Row]) -> str:
    """Write what half of the rows deviate by at most, what nine in ten do, and how many there are."""
    off = sorted(absolute_deviations(rows))
    if not off:
        return ""
    most = off[-(-9 * len(off) // 10) - 1]
    return f"{share(median(off))}, {share(most)} ({len(off)})"


def exact_rows(evaluations: Sequence[Evaluation]) -> Iterator[tuple[str, ...]]:
    """Yield for each anchor with exact counts how many of them are equal."""
    for evaluation in evaluations:
        rows = compared([evaluation], exact=True)
        if rows:
            equal = sum(not row.excess for row in rows)
            yield f"[{evaluation.anchor.title}](#{evaluation.anchor.place})", f"{len(rows):,}", f"{equal:,}"


def without_anchor(evaluations: Sequence[Evaluation]) -> tuple[list[str], list[str]]:
    """Return the bundled machines of which nothing is compared, and those of which only something else than time is."""
    known: dict[str, set[About]] = {}
    for evaluation in evaluations:
        kinds = {about(row) for row in compared([evaluation], exact=False)}
        exact = bool(compared([evaluation], exact=True))
        for machine in evaluation.anchor.machines:
            known.setdefault(machine, set()).update(kinds if kinds or not exact else {About.OTHER})
    none = [machine for machine in bundled() if not known.get(machine)]
    return none, [machine for machine in bundled() if machine not in none and About.TIME not in known[machine]]
