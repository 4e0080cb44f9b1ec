"""Read a plan, and check all of it that can be checked before anything is simulated."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from analysis.drive.sweep.axes import NET, Setting, is_machine_path, read_axis
from analysis.drive.sweep.plan import Plan, machine_of, spec_text
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.load import read_hardware
from simulator.source import Document, load_yaml, validate
from simulator.source.document import PathParts, show
from simulator.source.files import obstacle
from simulator.source.locate import locate
from workloads.load import load_builder, load_network
from workloads.registry import BUILDERS
from workloads.spec import parse_parameters, split_spec

_NO_COMMA = "text without a comma, a number, true or false"


def load_plan(path: str | Path, every: bool = True) -> Plan:
    """Read a plan from a YAML file; raise InputError with every problem of it.

    Machines and networks are bundled names or paths, relative to the plan. Each choice of an axis is tried by itself
    on each machine and network; what only goes wrong together is a result of the sweep. Unless `every` point is to be
    simulated, there may be any number of them, and samples are left to whoever takes some.
    """
    from analysis.drive.sweep.demands import read_demands
    from analysis.drive.sweep.sampling import sampled
    from analysis.drive.sweep.schema import WrittenPlan

    document = load_yaml(path)
    written = validate(document, WrittenPlan)
    machines, problems = _load_machines(document, written.machines)
    networks, wrong = _known_networks(document, written.networks)
    problems += wrong
    axes = []
    for name, values in written.axes.items():
        axis, wrong = read_axis(document, name, values)
        axes += [axis] if axis else []
        problems += wrong
    names = tuple(name for name, machine in zip(written.machines, machines, strict=True) if machine)
    plan = Plan(document, names, tuple(machine for machine in machines if machine), networks, tuple(axes))
    derived, constraints, wrong = read_demands(document, written, axes)
    plan = replace(plan, derived=derived, constraints=constraints)
    problems += [*wrong, *_doubles(plan), *_choice_problems(plan)]
    problems += _size_problems(plan) if every and not written.samples else ()
    if problems:
        raise InputError(*_in_order(problems, document))
    return sampled(plan, written.samples) if every and written.samples else plan


def _load_machines(document: Document, names: list[str]) -> tuple[list[Document | None], list[Problem]]:
    machines: list[Document | None] = []
    problems: list[Problem] = []
    for i, name in enumerate(names):
        try:
            machine = load_yaml(locate(_beside(document, name), "", "machine"))
            data = read_hardware(machine).document
            machines.append(machine if data is None else replace(machine, data=data))
        except InputError as error:
            machines.append(None)
            problems += _placed(document, ("machines", i), error)
    return machines, problems


def _known_networks(document: Document, specs: list[str]) -> tuple[tuple[str, ...], list[Problem]]:
    known: list[str] = []
    problems: list[Problem] = []
    for i, spec in enumerate(specs):
        try:
            load_network(_beside(document, spec))
            known.append(_beside(document, spec))
        except InputError as error:
            problems += _placed(document, ("networks", i), error)
    return tuple(known), problems


def _choice_problems(plan: Plan) -> Iterator[Problem]:
    """Try each choice of each axis by itself; what is wrong for every machine or network alike is told once."""
    for axis in plan.axes:
        for choice in axis.choices:
            found = [*_machine_problems(plan, choice), *_network_problems(plan, choice)]
            found += _dataflow_problems(plan, choice)
            yield from {(p.file, p.line, p.column, p.expected): p for p in reversed(found)}.values()


def _machine_problems(plan: Plan, choice: tuple[Setting, ...]) -> Iterator[Problem]:
    settings = [s for s in choice if is_machine_path(s.path)]
    for index in range(len(plan.machines) if settings else 0):
        try:
            machine_of(plan, index, settings)
        except InputError as error:
            yield from error.problems


def _network_problems(plan: Plan, choice: tuple[Setting, ...]) -> Iterator[Problem]:
    for setting in choice:
        if not setting.path.startswith(NET):
            continue
        value = setting.value
        if isinstance(value, dict | list | None) or "," in spec_text(value):
            yield plan.document.problem(setting.at, "wrong value", expected=_NO_COMMA, got=show(value))
            continue
        for spec in plan.networks:
            name = split_spec(spec)[0].removesuffix(".py")
            try:
                if name not in BUILDERS:
                    raise InputError(Problem("a network from a file has no parameters", path=name))
                parse_parameters(name, load_builder(name), {setting.path.removeprefix(NET): spec_text(value)})
            except InputError as error:
                yield from _placed(plan.document, setting.at, error)


def _dataflow_problems(plan: Plan, choice: tuple[Setting, ...]) -> Iterator[Problem]:
    """Refuse a dataflow that a machine does not have, unless an axis changes what it has."""
    if any("dataflows" in axis.paths for axis in plan.axes):
        return
    for setting in choice:
        for index in range(len(plan.machines) if setting.path == "dataflow" else 0):
            names = ("best", *machine_of(plan, index, ()).dataflow_names)
            if setting.value not in names:
                yield plan.document.problem(
                    setting.at,
                    f"{plan.machines[index]} does not allow this dataflow",
                    expected=f"one of {', '.join(names)}",
                    got=show(setting.value),
                    suggestion=nearest(str(setting.value), names),
                )


def _doubles(plan: Plan) -> Iterator[Problem]:
    """Refuse a path that two axes set."""
    owner: dict[str, str] = {}
    for axis in plan.axes:
        for path in axis.paths:
            if path in owner:
                message, expected = f"{path} is set by the axis {owner[path]} already", "each path in one axis"
                yield plan.document.problem(("axes", axis.name), message, expected=expected, of_key=True)
            owner[path] = axis.name


def _size_problems(plan: Plan) -> Iterator[Problem]:
    from analysis.drive.sweep.schema import MOST_POINTS

    if plan.points > MOST_POINTS:
        expected = f"at most {MOST_POINTS} points; `samples` takes some of them"
        yield plan.document.problem("axes", "too many points", expected=expected, got=str(plan.points), of_key=True)


def _beside(document: Document, spec: str) -> str:
    """Return a path relative to the plan's folder if a file is there, else the spec as it is."""
    name, colon, rest = spec.partition(":")
    beside = Path(document.file).parent / name
    return f"{beside}{colon}{rest}" if beside.suffix and obstacle(beside) is None else spec


def _placed(document: Document, path: PathParts, error: InputError) -> Iterator[Problem]:
    """Place problems that know no file where the plan names their cause; those of another file keep their place."""
    place, dotted = document.place(path), ".".join(map(str, path))
    for problem in error.problems:
        message = f"{problem.path}: {problem.message}" if problem.path else problem.message
        in_plan = replace(
            problem, message=message, file=document.file, line=place.line, column=place.column, path=dotted
        )
        yield problem if problem.file else in_plan


def _in_order(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """Put the plan's problems in the order of its lines, those of other files behind them."""
    return sorted(problems, key=lambda p: (p.file != document.file, p.line or 0, p.column or 0))
