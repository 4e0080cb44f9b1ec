"""What a plan may call the figures of a point: in constraints, derived columns, fronts and objectives."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from analysis.drive.estimate.accuracy import ESTIMATE, GIVEN, Accuracy
from analysis.drive.sweep.axes import Axis
from analysis.drive.sweep.expressions import number_of
from analysis.drive.sweep.figures import COLUMNS, Figures
from analysis.drive.sweep.plan import Plan, Point, options_of, settings_of, spec_of
from simulator.errors import InputError, Problem

ALIASES = {
    "area": "area_mm2",
    "dram": "dram_bytes",
    "edp": "edp_pj_s",
    "energy": "energy_pj",
    "fps": "frames_per_second",
    "latency": "latency_s",
    "peak_sram": "peak_sram_bytes",
    "top1": "top1_percent",
}
"""Short names of columns."""
ACCURACIES = (GIVEN, ESTIMATE)
"""A user's own accuracy, and that of the surrogate: never mixed with what was published."""
KNOWN_BEFORE = frozenset(
    {"area_mm2", "batch", "buffer_capacity_bytes", "macs", "params", "peak_watts", "pes", "top1_percent"}
) | set(ACCURACIES)
"""Columns that a machine and a network have before they are simulated."""
MORE_IS_BETTER = frozenset({"frames_per_second", "top1_percent", "utilization", *ACCURACIES})
REASON = "excluded"
"""In place of figures: the constraint that a point does not meet."""


def known_columns(axes: Iterable[Axis], derived: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names that an expression may use: figures, paths of axes, columns derived before it."""
    figures = [column for column in COLUMNS if column != "problem"]
    paths = [path for axis in axes for path in axis.paths]
    return tuple(dict.fromkeys([*figures, "batch", "edp_pj_s", "frames_per_second", *ACCURACIES, *paths, *derived]))


def values_of(plan: Plan, point: Point, figures: Mapping[str, object]) -> dict[str, float]:
    """Return the numbers of a point by name: its figures, what follows from them, and the values of its axes."""
    batch = options_of(plan, point)[0]
    settings = {s.path: s.value for s in settings_of(plan, point)}
    every = settings | dict(figures) | accuracy_of(plan, point)
    numbers = {name: number_of(value) for name, value in every.items()}
    values = {name: number for name, number in numbers.items() if number is not None}
    values["batch"] = float(batch)
    if "latency_s" in values:
        values["frames_per_second"] = batch / values["latency_s"] if values["latency_s"] else 0.0
        values["edp_pj_s"] = values["energy_pj"] * values["latency_s"]
    for name, expression in plan.derived:
        value = expression.value(values)
        if value is not None:
            values[name] = value
    return values


def accuracy_of(plan: Plan, point: Point) -> Figures:
    """Return what the plan knows of the accuracy of a point's network, beside what was published."""
    return plan.accuracy.figures(spec_of(plan, point)) if plan.accuracy else {}


def with_accuracy(plan: Plan, accuracy: Accuracy | None, used: Iterable[str] = ()) -> Plan:
    """Return the plan with accuracies; raise InputError where its columns, or those in use, need others."""
    names = {*used, *(n for _, each in plan.derived for n in each.names)}
    names |= {n for each in plan.constraints for n in each.names}
    for name in ACCURACIES:
        if name in names and (accuracy is None or name not in accuracy.columns):
            given = "--accuracy with a CSV file, command:WORDS or module:function"
            expected = "--accuracy estimate" if name == ESTIMATE else given
            raise InputError(Problem(f"nothing tells {name}", expected=expected))
    return replace(plan, accuracy=accuracy)


def judged(plan: Plan, point: Point, figures: Figures) -> Figures:
    """Return the figures with the derived columns; or which constraint they do not meet."""
    if "problem" in figures or not (plan.derived or plan.constraints or plan.accuracy):
        return figures
    values = values_of(plan, point, figures)
    broken = [each.text for each in plan.constraints if not each.holds(values)]
    if broken:
        return {REASON: "; ".join(broken)}
    return figures | accuracy_of(plan, point) | {name: values[name] for name, _ in plan.derived if name in values}


def ruled_out(plan: Plan, point: Point, known: Mapping[str, object]) -> str:
    """Return the constraints that a point cannot meet whatever its simulation finds; "" if there is none.

    A column that a machine does not have, such as an area, is known to be missing.
    """
    values = values_of(plan, point, known)
    early = set(values) | KNOWN_BEFORE
    early |= {path for axis in plan.axes for path in axis.paths}
    for name, expression in plan.derived:
        early |= {name} if early.issuperset(expression.names) else set()
    tried = [each for each in plan.constraints if early.issuperset(each.names)]
    return "; ".join(each.text for each in tried if not each.holds(values))
