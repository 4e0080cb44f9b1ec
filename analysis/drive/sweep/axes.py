"""Axes of a sweep: dotted paths into a machine's file, parameters of networks, options of a simulation.

`array.rows: [8, 16]` varies a value of the machine's YAML before it is validated; items of a list go by their index or
their name (`buffers.main.capacity`). `net.width: [0.5, 1.0]` varies a network's parameter; `batch`, `dataflow` and
`objective` are the options of a simulation. What only fits together is one axis:
`array.rows, array.columns: [[8, 8], [16, 16]]`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simulator.errors import InputError, Problem, nearest
from simulator.hardware.vary import Change, changed
from simulator.source import Document, Rejected
from simulator.source.document import PathParts, show
from simulator.source.parser import Value

OPTIONS = ("batch", "dataflow", "objective")
NET = "net."
MOST_BATCH = 65536


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one path, and where in the plan it stands: the axis' name and the place in it."""

    path: str
    value: Value
    at: PathParts


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis as written: its paths, and for each of its choices a setting per path."""

    name: str
    paths: tuple[str, ...]
    choices: tuple[tuple[Setting, ...], ...]

    @property
    def varies_machine(self) -> bool:
        """Whether any of its paths leads into the machine."""
        return any(is_machine_path(path) for path in self.paths)


def is_machine_path(path: str) -> bool:
    """Whether a path leads into a machine's file."""
    return path not in OPTIONS and not path.startswith(NET)


def read_axis(document: Document, name: str, values: Sequence[Value]) -> tuple[Axis | None, list[Problem]]:
    """Return an axis of the plan with its good choices, and what is wrong with its name and the form of the others."""
    paths = tuple(part.strip() for part in name.split(","))
    problems = [p for path in paths for p in _path_problems(document, name, path)]
    if len(set(paths)) < len(paths):
        problems.append(document.problem(("axes", name), "a path given twice", expected="each once", of_key=True))
    choices = []
    for i, value in enumerate(values):
        at: PathParts = ("axes", name, i)
        together = value if len(paths) > 1 else [value]
        if not isinstance(together, list) or len(together) != len(paths):
            expected = f"a list of {len(paths)}: a value for each of {', '.join(paths)}"
            problems.append(document.problem(at, "not a value for each path", expected=expected, got=show(value)))
            continue
        places: list[PathParts] = [at] if len(paths) == 1 else [(*at, j) for j in range(len(paths))]
        choice = tuple(Setting(*parts) for parts in zip(paths, together, places, strict=True))
        wrong = [p for setting in choice for p in _option_problems(document, setting)]
        choices += [] if wrong else [choice]
        problems += wrong
    named = not any(problem.path == f"axes.{name}" for problem in problems)
    return (Axis(name, paths, tuple(choices)) if named and choices else None), problems


def _path_problems(document: Document, name: str, path: str) -> Iterator[Problem]:
    """Complain of a path that leads nowhere by its first word; what follows is for the machine's schema to say."""
    from simulator.hardware.schema import Machine

    first, dot, rest = path.partition(".")
    known = [*OPTIONS, *Machine.model_fields, "net"]
    if first not in known or (first in OPTIONS and dot) or (first == "net" and not rest):
        expected = f"{', '.join(OPTIONS)}, net.PARAMETER, or a path into a machine that begins with one of "
        yield document.problem(
            ("axes", name),
            "unknown axis",
            expected=expected + ", ".join(Machine.model_fields),
            got=path,
            suggestion=nearest(first, known) if first not in known else None,
            of_key=True,
        )


def _option_problems(document: Document, setting: Setting) -> Iterator[Problem]:
    value = setting.value
    if setting.path == "batch":
        good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_BATCH
        expected = f"a whole number from 1 to {MOST_BATCH}"
        if not good:
            yield document.problem(setting.at, "wrong value", expected=expected, got=show(value))
    elif setting.path == "objective":
        yield from _objective_problems(document, setting)
    elif setting.path == "dataflow" and not isinstance(value, str):
        yield document.problem(setting.at, "wrong value", expected="best, or a dataflow's name", got=show(value))


def _objective_problems(document: Document, setting: Setting) -> Iterator[Problem]:
    from simulator.hardware.model import OBJECTIVES

    value = setting.value
    if value not in OBJECTIVES:
        close = nearest(value, OBJECTIVES) if isinstance(value, str) else None
        expected = f"one of {', '.join(OBJECTIVES)}"
        yield document.problem(setting.at, "unknown objective", expected=expected, got=show(value), suggestion=close)


def with_settings(machine: Document, settings: Iterable[Setting], plan: Document) -> Document:
    """Return a machine's document with values of the plan in it, each of which keeps its place in the plan.

    Raises InputError for a path that the machine's file cannot have.
    """
    for setting in settings:
        key_place = plan.place(setting.at[:2], of_key=True)
        try:
            machine = changed(machine, Change(setting.path, setting.value, plan.place(setting.at), key_place))
        except Rejected as error:
            raise InputError(_absent(machine, setting, plan, error)) from error
    return machine


def _absent(machine: Document, setting: Setting, plan: Document, error: Rejected) -> Problem:
    """Return the problem with a path to an item that a list of the machine does not have."""
    message = f"{machine.data.get('name', machine.file)} {error.message}"
    return plan.problem(
        setting.at[:2],
        message,
        expected=error.expected,
        got=setting.path,
        suggestion=error.suggestion,
        of_key=True,
    )
