"""A plan of a sweep: every combination of machines, networks and the choices of all axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from analysis.drive.estimate.accuracy import Accuracy
from analysis.drive.sweep.axes import NET, Axis, Setting, is_machine_path, with_settings
from analysis.drive.sweep.expressions import Constraint, Expression
from simulator.errors import InputError, Problem
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.hardware.settings import blamed
from simulator.hardware.vary import parts_of
from simulator.source import Document
from simulator.source.parser import Value
from simulator.source.validation import UNKNOWN_KEY
from workloads.spec import split_spec

DEFAULTS: dict[str, Value] = {"batch": 1, "dataflow": "best", "objective": "cycles"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Machines as documents, networks as specs, axes; a point is a number below `points`, the last axis fastest.

    A point counts if it meets all `constraints`; `derived` are columns worked out from the others, in their order.
    """

    document: Document
    machines: tuple[str, ...]
    machine_documents: tuple[Document, ...]
    networks: tuple[str, ...]
    axes: tuple[Axis, ...]
    derived: tuple[tuple[str, Expression], ...] = ()
    constraints: tuple[Constraint, ...] = ()
    sampled: tuple[int, ...] | None = None
    """The combinations that are points, by their number among all; all of them if None."""
    accuracy: Accuracy | None = None
    """What is known of networks beside their published accuracy; no key and no simulation depends on it."""

    @property
    def extents(self) -> tuple[int, ...]:
        """How many machines, networks and choices of each axis there are."""
        return (len(self.machines), len(self.networks), *(len(axis.choices) for axis in self.axes))

    @property
    def points(self) -> int:
        """How many combinations are simulated."""
        return prod(self.extents) if self.sampled is None else len(self.sampled)

    def machine_index(self, point: "Point") -> tuple[int, ...]:
        """Return what tells a point's machine from those of other points: its number and choices."""
        return (point.machine, *(i for axis, i in zip(self.axes, point.choices, strict=True) if axis.varies_machine))


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: indices of its machine and network, and of a choice of each axis."""

    machine: int
    network: int
    choices: tuple[int, ...]


def point_of(plan: Plan, number: int) -> Point:
    """Return the point of that number, machines varying slowest, then networks, then the axes in their order."""
    if plan.sampled is not None:
        number = plan.sampled[number]
    digits = []
    for extent in reversed(plan.extents):
        number, choice = divmod(number, extent)
        digits.append(choice)
    machine, network, *choices = reversed(digits)
    return Point(machine, network, tuple(choices))


def combination_of(plan: Plan, places: Sequence[int]) -> int:
    """Return the number of a combination among all, by the place of its machine, its network and its choices."""
    number = 0
    for extent, place in zip(plan.extents, places, strict=True):
        number = number * extent + place
    return number


def settings_of(plan: Plan, point: Point) -> tuple[Setting, ...]:
    """Return what a point sets, in the order of the axes."""
    return tuple(s for axis, i in zip(plan.axes, point.choices, strict=True) for s in axis.choices[i])


def machine_settings(plan: Plan, point: Point) -> tuple[Setting, ...]:
    """Return what a point sets in its machine's file."""
    return tuple(s for s in settings_of(plan, point) if is_machine_path(s.path))


def options_of(plan: Plan, point: Point) -> tuple[int, str, str]:
    """Return batch, dataflow and objective of a point; a machine's own objective is its default."""
    machine = plan.machine_documents[point.machine].data
    given = {s.path: s.value for s in settings_of(plan, point)}
    batch, dataflow, objective = (given.get(name, machine.get(name, default)) for name, default in DEFAULTS.items())
    assert isinstance(batch, int) and isinstance(dataflow, str)
    return batch, dataflow, str(objective)


def machine_document(plan: Plan, index: int, settings: Sequence[Setting]) -> Document:
    """Return the document of a machine with settings in it; raise InputError for a path that it cannot have."""
    return with_settings(plan.machine_documents[index], settings, plan.document)


def machine_of(plan: Plan, index: int, settings: Sequence[Setting]) -> Hardware:
    """Return a machine with settings; raise InputError, told in the plan's terms, where they do not go together."""
    document = machine_document(plan, index, settings)
    try:
        return read_hardware(document)
    except InputError as error:
        paths = {".".join(map(str, parts_of(document.data, s.path))): s for s in settings}
        raise InputError(*(_of_plan(p, paths, plan, index) for p in error.problems)) from error


def spec_of(plan: Plan, point: Point) -> str:
    """Return the spec of a point's network, its settings in place of what the plan's own spec says."""
    name, texts = split_spec(plan.networks[point.network])
    for setting in settings_of(plan, point):
        if setting.path.startswith(NET):
            texts[setting.path.removeprefix(NET)] = spec_text(setting.value)
    return f"{name}:{','.join(f'{key}={text}' for key, text in texts.items())}" if texts else name


def spec_text(value: Value) -> str:
    """Write a parameter's value as a spec does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_plan(problem: Problem, settings: dict[str, Setting], plan: Plan, index: int) -> Problem:
    """Tell a machine's problem as one of the axis that causes it, or of the first axis if it lies between several."""
    if problem.file == plan.document.file or not settings:
        return problem
    found = problem.path or ""
    setting = settings[blamed(found, tuple(settings)) or next(iter(settings))]
    unknown = problem.message == UNKNOWN_KEY
    at = setting.at[:2] if unknown else setting.at
    place = plan.document.place(at, of_key=unknown)
    suggestion = problem.suggestion
    if unknown and suggestion:
        suggestion = ".".join([*found.split(".")[:-1], suggestion])
    where = "" if found in settings else f"{found}: "
    message = f"{plan.machines[index]}: {where}{problem.message}"
    path = ".".join(map(str, at))
    return Problem(
        message, plan.document.file, place.line, place.column, path, problem.expected, problem.got, suggestion
    )
