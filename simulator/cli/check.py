"""`simulate check`: whether files are in order, with every problem of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer


def check(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="machines, dataflows, energy tables, saved runs")
    ],
) -> None:
    """Report every problem of files.

    Nothing is simulated; a bundled name or a network's spec will do as well as a file.
    """
    from simulator.errors import InputError, Problem

    problems: list[Problem] = []
    for file in files:
        try:
            print(f"ok  {file}: {_describe(file)}")
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(*problems)


def _describe(file: str) -> str:
    """Load whatever the file holds, told by its suffix and keys, and name it."""
    if file.endswith(".json"):
        return _run(file)
    from workloads.registry import BUILDERS

    if file.partition(":")[0].removesuffix(".py") in BUILDERS:
        return _network(file)
    if Path(file).is_file():
        return _kind_of(file)(file)
    return _machine(file)


def _kind_of(file: str) -> Callable[[str], str]:
    """Choose by the keys at the top: the kind that knows most of them, a machine if in doubt."""
    from simulator.source import load_yaml

    keys = set(load_yaml(file).data)
    return max(_KINDS, key=lambda loader: len(keys & _KINDS[loader]))


def _machine(file: str) -> str:
    from simulator.hardware.load import load_hardware

    hardware = load_hardware(file)
    return f"machine {hardware.name}, {hardware.array.pes} PEs"


def _dataflow(file: str) -> str:
    from simulator.mapping.dataflow import load_dataflow

    return f"dataflow {load_dataflow(file).name}"


def _energy(file: str) -> str:
    from simulator.energy.table import load_energy_table

    return f"energy table {load_energy_table(file).name}"


def _network(spec: str) -> str:
    from workloads.load import load_network

    network = load_network(spec)
    return f"network {network.name}, {len(network.layers)} layers, {network.macs:,} MACs"


def _run(file: str) -> str:
    from simulator.result.json_io import load_run

    run = load_run(file)
    return f"run of {run.network.name} on {run.hardware.name}, {run.total.cycles:,} cycles"


_KINDS: dict[Callable[[str], str], frozenset[str]] = {
    _machine: frozenset(
        {"clock", "precision_bits", "array", "buffers", "dram", "dataflows", "energy", "vector", "dma"}
    ),
    _dataflow: frozenset({"rows", "columns", "registers", "stationary", "lowered", "order"}),
    _energy: frozenset({"unit", "mac", "rf", "array", "buffer", "dram", "vector_op", "leakage_per_cycle"}),
}
"""Loader -> the keys that tell its kind of file."""
