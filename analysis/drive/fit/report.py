"""What a fit is told by: the parameters, errors before and after on both halves, and what the rows cannot tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.drive.accuracy.summary import share
from analysis.drive.fit.fitting import Estimate, Fit
from analysis.drive.fit.machine_file import interval, shown
from analysis.drive.measured.comparison import Pair
from analysis.read.layout import Column

ALIKE = 0.9  # correlation from which on two parameters cannot be told apart
LITTLE = 0.5  # of its range: what rows narrow a parameter less than they hardly tell
END = 0.005  # of a range: as good as at its end

PARAMETERS: tuple[Column[Estimate], ...] = (
    Column("parameter", 0, lambda own: own.parameter.path, is_number=False),
    Column("was", 1, lambda own: "-" if own.parameter.own is None else _written(own, own.parameter.own)),
    Column("fitted", 0, lambda own: _written(own, own.value)),
    Column("interval", 1, interval, is_number=False),
    Column("range", 2, lambda own: f"{_written(own, own.parameter.low)} to {_written(own, own.parameter.high)}",
           is_number=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Errors:
    """Deviations of one quantity, without their signs, over one half of the rows."""

    half: str
    quantity: str
    before: tuple[float, ...]
    after: tuple[float, ...]


ERRORS: tuple[Column[Errors], ...] = (
    Column("rows", 0, lambda own: own.half, is_number=False),
    Column("figures", 0, lambda own: f"{len(own.before)} of {own.quantity}", is_number=False),
    Column("median before", 0, lambda own: share(median(own.before))),
    Column("after", 0, lambda own: share(median(own.after))),
    Column("worst before", 1, lambda own: share(max(own.before))),
    Column("worst after", 1, lambda own: share(max(own.after))),
)


def _written(estimate: Estimate, value: float) -> str:
    return shown(estimate.parameter.written(value))


def errors(fit: Fit) -> list[Errors]:
    """Return the deviations of each half and quantity."""
    found = []
    for half, inside in (("fitted", True), ("held out", False)):
        both = [each for each in zip(fit.before, fit.after, strict=True) if _is_fitted(each[0], fit) == inside]
        for name in dict.fromkeys(pair.measured.quantity.name for pair, _ in both):
            own = [each for each in both if each[0].measured.quantity.name == name]
            before, after = (tuple(abs(each[side].deviation) for each in own) for side in (0, 1))
            found.append(Errors(half, name, before, after))
    return found


def _is_fitted(pair: Pair, fit: Fit) -> bool:
    return pair.measured.line in fit.fitted


def remarks(fit: Fit) -> list[str]:
    """Return a sentence for everything that a user should know before relying on the fit."""
    return [*_apart(fit), *_edges(fit.estimates), *_worse(fit), *_unmoved(fit), _effort(fit)]


def _apart(fit: Fit) -> Iterator[str]:
    for first, second, correlation in fit.correlations:
        if abs(correlation) >= ALIKE:
            yield (
                f"The rows do not tell {first} and {second} apart (correlation {correlation:+.2f}): together they are"
                " right, each may be elsewhere in its interval. Fix one that is known, or add rows that only one moves."
            )
    for own in fit.estimates:
        if own.told < LITTLE:
            yield f"The rows hardly tell {own.parameter.path}: all of {interval(own)} fits them about as well."


def _edges(estimates: Sequence[Estimate]) -> Iterator[str]:
    for own in estimates:
        place = own.parameter.place(own.value)
        if not END < place < 1 - END:
            end = "low" if place <= END else "high"
            yield f"{own.parameter.path} is at the {end} end of its range: what it is to explain may be something else."


def _worse(fit: Fit) -> Iterator[str]:
    for own in errors(fit):
        if own.half == "held out" and median(own.after) > median(own.before):
            yield f"Rows held out are further off than before, of {own.quantity}: do not rely on this fit."


def _unmoved(fit: Fit) -> Iterator[str]:
    if fit.unmoved:
        yield f"No parameter moves {fit.unmoved} of the fitted figures."


def _effort(fit: Fit) -> str:
    return f"Mappings were searched {fit.searches} times, and held in {fit.plays} steps between."


def fit_data(fit: Fit) -> dict[str, object]:
    """Return a fit as plain data: values as the machine's file holds them, every figure before and after."""
    return {
        "schema_version": 1,
        "hardware": fit.hardware.name,
        "parameters": [_parameter(own) for own in fit.estimates],
        "correlations": [dict(zip(("first", "second", "correlation"), own, strict=True)) for own in fit.correlations],
        "rows": [_row(before, after, fit) for before, after in zip(fit.before, fit.after, strict=True)],
        "remarks": remarks(fit),
        "searches": fit.searches,
        "plays": fit.plays,
    }


def _parameter(own: Estimate) -> dict[str, object]:
    limits = {"value": own.value, "low": own.low, "high": own.high}
    limits |= {"range_low": own.parameter.low, "range_high": own.parameter.high}
    was = None if own.parameter.own is None else own.parameter.written(own.parameter.own)
    written = {name: own.parameter.written(value) for name, value in limits.items()}
    return {"path": own.parameter.path, "was": was, **written, "told": own.told}


def _row(before: Pair, after: Pair, fit: Fit) -> dict[str, object]:
    own = before.measured
    return {
        "line": own.line,
        "network": own.network,
        "batch": own.batch,
        "layer": own.layer,
        "quantity": own.quantity.name,
        "unit": own.unit,
        "measured": own.value,
        "before": before.ours,
        "after": after.ours,
        "deviation_before": before.deviation,
        "deviation_after": after.deviation,
        "held_out": not _is_fitted(before, fit),
    }
