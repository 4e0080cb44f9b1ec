"""`simulate check`: whether files are in order, with every problem of each."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from simulator.cli.inputs import Sets, check_settings, kind_of, load


def check(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="networks, machines, dataflows, energy tables, plans, saved runs"),
    ],
    settings: Sets = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="let ops of networks pass that are unknown")
    ] = False,
) -> None:
    """Report every problem of files.

    Nothing is simulated; a bundled name or a network's spec will do as well as a file.
    """
    from simulator.errors import InputError, Problem

    problems: list[Problem] = []
    for file in files:
        try:
            check_settings(file, settings)
            text = _described(file, skip_unknown, settings or ())
            print(f"ok  {file}: {text}")
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(*problems)


def _described(file: str, skip_unknown: bool, settings: Sequence[str]) -> str:
    kind = kind_of(file)
    if kind == "network":
        return _network(file, skip_unknown)
    return _machine(file, settings) if kind == "machine" else _DESCRIBED[kind](file)


def _machine(file: str, settings: Sequence[str]) -> str:
    from analysis.read.listings import default_lines
    from simulator.hardware.load import load_hardware
    from simulator.hardware.settings import with_settings

    written = load_hardware(file)
    extends = "".join(f", extends {name}" for name in written.extends)
    hardware = with_settings(written, settings)
    cores = f"{hardware.cores} cores of " if hardware.cores > 1 else ""
    lines = [f"machine {hardware.name}, {cores}{hardware.array.pes} PEs{extends}", *default_lines(hardware)]
    return "\n    by default: ".join(lines)


def _dataflow(file: str) -> str:
    from simulator.mapping.dataflow import load_dataflow

    return f"dataflow {load_dataflow(file).name}"


def _energy(file: str) -> str:
    from simulator.energy.table import load_energy

    return f"energy table {load_energy(file).name}"


def _network(spec: str, skip_unknown: bool) -> str:

    network = load(spec, skip_unknown=skip_unknown)
    return f"network {network.name}, {len(network.layers)} layers, {network.macs:,} MACs"


def _run(file: str) -> str:
    from simulator.door import open_run

    run = open_run(file)
    return f"run of {run.network.name} on {run.hardware.name}, {run.total.cycles:,} cycles"


def _plan(file: str) -> str:
    from analysis.drive.sweep import load_plan
    from analysis.drive.sweep.search import load_search

    if "search" in load_plan(file, every=False).document.data:
        return f"plan of a search of {load_search(file, None).trials} trials"
    return f"plan of {load_plan(file).points} points"


def _mapping(file: str) -> str:
    raise _of_a_run("mapping", file)


def _schedule(file: str) -> str:
    from simulator.schedule.files import read_schedule

    read_schedule(file)
    raise _of_a_run("schedule", file)


def _of_a_run(kind: str, file: str) -> Exception:
    """What to do with a file that is in order only for a network on a machine."""
    from simulator.errors import InputError, Problem

    where = f"simulate --hw H --net N --{kind} {file}"
    return InputError(Problem(f"a {kind} is checked against its network and machine", file, expected=where))


_DESCRIBED: dict[str, Callable[[str], str]] = {
    "dataflow": _dataflow,
    "energy": _energy,
    "mapping": _mapping,
    "plan": _plan,
    "run": _run,
    "schedule": _schedule,
}
"""Kind -> what loads such a file and names it; networks and machines also take options."""
