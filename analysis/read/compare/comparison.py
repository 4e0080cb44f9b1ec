"""The change from one run to another by layer, stage and part; each way of cutting it adds up to all of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum, isclose

from analysis.read import units
from analysis.read.compare.align import ONLY_AFTER, ONLY_BEFORE, Pair, align, of_one_family
from analysis.read.compare.structure import reduction_of, size_names
from analysis.read.objective import COMPARED, Measure, Parts
from simulator.errors import InputError, Problem, nearest
from simulator.result.laws import LawViolation, Violation
from simulator.result.run import LayerResult, Run

Groups = tuple[Callable[[LayerResult], str], Callable[[LayerResult], str]]


@dataclass(frozen=True, slots=True)
class Change:
    """What something took before and after, and how the change is made up; 0 where it is in one run only.

    `contribution` is the change as a fraction of the first run's total.
    """

    name: str
    detail: str  # for a layer: its stage; what it corresponds by
    before: float
    after: float
    contribution: float
    parts: Parts

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def is_gone(self) -> bool:
        """Whether only the first run has the layer."""
        return self.detail.endswith(ONLY_BEFORE)

    @property
    def is_new(self) -> bool:
        """Whether only the second run has the layer."""
        return self.detail.endswith(ONLY_AFTER)

    @property
    def relative(self) -> float | None:
        """The change as a fraction of what it was; None where there was nothing."""
        return self.change / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs by one measure. Changes are sorted by contribution, the largest in either direction first.

    `grouped` tells what `stages` are: stages, or sizes of the maps where networks of different families have other
    stages.
    """

    before: Run
    after: Run
    measure: Measure
    total: Change
    layers: tuple[Change, ...]
    stages: tuple[Change, ...]
    parts: tuple[Change, ...]
    grouped: str = "stage"

    @property
    def relative(self) -> float:
        """The change of the total as a fraction of what it was."""
        return _ratio(self.total.change, self.total.before)

    @property
    def unit(self) -> str:
        """The unit of all figures, as `units.quantity` takes it."""
        return self.measure.unit

    def write(self, value: float) -> str:
        """Write a figure."""
        return units.quantity(value, self.unit)

    def named(self, part: str) -> str:
        """Name a part or a stage as pictures do."""
        return self.measure.part_labels.get(part, part) or "-"


def compare(before: Run, after: Run, by: str = "cycles") -> Comparison:
    """Compare two runs by a measure: cycles, dram (bytes) or energy.

    The changes of layers, of stages and of parts each add up to the change of the total, which is asserted. Raises
    InputError for an unknown measure.
    """
    measure = checked_measure(by)
    base = measure.of_run(before)
    layers = [_layer_change(pair, measure, base) for pair in align(before, after)]
    alike = of_one_family(before, after)
    groups = (_stage, _stage) if alike else _sizes(before, after)
    parts = [change for change in _part_changes(before, after, measure, base) if change.before or change.after]
    total = Change("total", "", base, measure.of_run(after), 0.0, _summed(layers))
    total = _with_contribution(total, base)
    comparison = Comparison(
        before,
        after,
        measure,
        total,
        _sorted(change for change in layers if change.before or change.after),
        _sorted(_stage_changes(before, after, measure, base, groups)),
        _sorted(parts),
        "stage" if alike else "size",
    )
    _assert_sums(comparison)
    return comparison


def checked_measure(by: str) -> Measure:
    """Return the measure of that name; raise InputError with the nearest one."""
    if by not in COMPARED:
        known = ", ".join(COMPARED)
        raise InputError(Problem("nothing to compare by", expected=known, got=by, suggestion=nearest(by, COMPARED)))
    return COMPARED[by]


def _layer_change(pair: Pair, measure: Measure, base: float) -> Change:
    layers = (pair.before, pair.after)
    before, after = (measure.of_layer(layer) if layer else 0 for layer in layers)
    parts = _difference(*(measure.parts(layer) if layer else {} for layer in layers))
    names = [layer.name for layer in layers if layer]
    name = names[-1] if len(set(names)) == 1 else " -> ".join(names)
    stages = list(dict.fromkeys(layer.stage for layer in layers if layer))
    detail = f"{' -> '.join(stages)}: {pair.alike}" if any(stages) else pair.alike
    return Change(name, detail, before, after, _ratio(after - before, base), parts)


def _stage(layer: LayerResult) -> str:
    return layer.stage


def _sizes(before: Run, after: Run) -> Groups:
    """Return what names the size of a layer's outputs, in the first run and in the second."""
    names = size_names(before, after)
    first, second = reduction_of(before), reduction_of(after)
    return lambda layer: names[first(layer)], lambda layer: names[second(layer)]


def _stage_changes(before: Run, after: Run, measure: Measure, base: float, groups: Groups) -> list[Change]:
    members: dict[str, tuple[list[LayerResult], list[LayerResult]]] = {}
    for place, (run, group_of) in enumerate(zip((before, after), groups, strict=True)):
        for layer in run.layers:
            members.setdefault(group_of(layer), ([], []))[place].append(layer)
    changes = []
    for name, of_runs in members.items():
        sums = [_add(measure.of_layer(layer) for layer in layers) for layers in of_runs]
        parts = [_total_parts([measure.parts(layer) for layer in layers]) for layers in of_runs]
        if any(sums):
            changes.append(Change(name, "", sums[0], sums[1], _ratio(sums[1] - sums[0], base), _difference(*parts)))
    return changes


def _part_changes(before: Run, after: Run, measure: Measure, base: float) -> list[Change]:
    sums = [_total_parts([measure.parts(layer) for layer in run.layers]) for run in (before, after)]
    return [
        Change(name, "", sums[0].get(name, 0), sums[1].get(name, 0), _ratio(change, base), {name: change})
        for name, change in _difference(*sums).items()
    ]


def _add(values: Iterable[float]) -> float:
    """Add exactly: whole numbers stay whole, floats are rounded once."""
    listed = list(values)
    return sum(listed) if all(isinstance(value, int) for value in listed) else fsum(listed)


def _total_parts(found: Sequence[Parts]) -> Parts:
    names = dict.fromkeys(name for parts in found for name in parts)
    return {name: _add(parts.get(name, 0) for parts in found) for name in names}


def _difference(before: Parts, after: Parts) -> Parts:
    return {name: after.get(name, 0) - before.get(name, 0) for name in {**before, **after}}


def _summed(changes: Sequence[Change]) -> Parts:
    return _total_parts([change.parts for change in changes])


def _with_contribution(change: Change, base: float) -> Change:
    return Change(change.name, "", change.before, change.after, _ratio(change.change, base), change.parts)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _sorted(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: (-abs(change.change), change.name)))


def _assert_sums(comparison: Comparison) -> None:
    """Every way of cutting the change adds up to it: exactly where it is counted in whole numbers."""
    whole = comparison.total.change
    ways = {
        "layers": _add(change.change for change in comparison.layers),
        "stages": _add(change.change for change in comparison.stages),
        "parts": _add(change.change for change in comparison.parts),
        "parts of layers": _add(part for change in comparison.layers for part in change.parts.values()),
    }
    scale = max(comparison.total.before, comparison.total.after)
    broken = [
        Violation("comparison", way, "changes add up to the change of the total", f"{found} != {whole}")
        for way, found in ways.items()
        if (found != whole if comparison.measure.is_exact else not isclose(found, whole, abs_tol=1e-9 * scale))
    ]
    if broken:
        raise LawViolation(broken)
