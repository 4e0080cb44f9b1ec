"""Where what a user names becomes objects: machines, networks and mappings by name, by path, or out of a saved run."""

import hashlib
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import replace
from pathlib import Path
from typing import cast

from simulator.cost.legality import level_names, load_mappings
from simulator.engine import Options
from simulator.engine import simulate as simulate_objects
from simulator.engine.checks import Checks
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.mapping_choice import Progress
from simulator.engine.store import Store
from simulator.engine.timeline import run_timeline
from simulator.errors import InputError, Problem
from simulator.hardware.load import load_hardware, read_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.mapping.schema import WrittenMappings
from simulator.mapping.text import LevelNames, read_mapping
from simulator.network.ir import Layer, Network
from simulator.result.run import Run
from simulator.schedule import plan
from simulator.source import Document, plain_document, validate
from simulator.source.locate import locate
from simulator.source.parser import Value
from simulator.timing.timeline import Timeline
from workloads.importers.layer_list import network_of
from workloads.load import load_network


def simulate(
    hardware: str | Path | Hardware,
    network: str | Path | Network,
    *,
    batch: int | None = None,
    dataflow: str = "best",
    objective: str | None = None,
    mapping: str | Path | MappingType[str, Mapping] | None = None,
    prove: bool = False,
    progress: Progress | None = None,
    cache: MappingCache | None = None,
    threads: int | None = None,
) -> Run:
    """Simulate a network on a machine and return the run.

    `hardware` and `network` are a path, a bundled name (a network may carry parameters) or the thing itself; `batch`
    only counts for a network that is loaded here: unless given, it is one, or what the network's file states.
    `dataflow` is one name, or "best": each layer's best among the machine's. `objective` is cycles, energy, edp, dram,
    cycles_plus_dma or cycles_then_energy: the machine's, unless given. With `prove` a search ends when no mapping is
    better, else when none is by more than 1%, or after enough work; layers tell the `gap` that is left. `mapping` is a
    file of mappings to replay, a bundled one's name, or the mappings by layer; layers it leaves out are searched, in as
    many `threads` as there are cores unless given. `cache` is what several calls share, the user's store of earlier
    results included: the result is the same with and
    without. Raises InputError with every problem of what was given.

    >>> run = simulate("squeezenext_16x16", "squeezenet:version=1.1")
    >>> run.total.macs
    387747520
    """
    machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
    given = None if isinstance(mapping, str | Path) else mapping
    net = network if isinstance(network, Network) else load_network(str(network), batch=batch)
    path = locate(mapping, "mappings", "mapping") if isinstance(mapping, str | Path) else None
    cache = cache or MappingCache()
    run = simulate_objects(
        machine,
        net,
        Options(dataflow, objective, prove),
        mappings=_read_mappings(path, net, machine, cache.store) if path else given,
        cache=cache,
        progress=progress,
        threads=threads,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path else None
    return replace(run, options={**run.options, "mapping": digest})


def _read_mappings(path: Path, network: Network, hardware: Hardware, store: Store) -> dict[str, Mapping]:
    """Read the mappings of a file for the ops of a network as the machine runs them."""
    planned = {op.layer.name: op for op in plan(network, hardware)}
    with store.opened() as rows:
        checks = Checks(hardware, rows)
        found = load_mappings(
            path, network.layers, hardware, lambda mapping, layer: checks.reasons(mapping, planned[layer.name])
        )
        rows.keep()
    return found


def timeline(run: Run) -> Timeline:
    """Play a run tile by tile on the blocks of its machine, its network in order, with the mappings that it holds.

    `analysis.read.trace.trace_text` writes what comes out as a file for trace viewers. Raises InputError for a run that
    does not hold its machine and network.

    >>> run = simulate("squeezenext_16x16", "squeezenext")
    >>> timeline(run).end_cycle == run.total.cycles
    True
    """
    hardware, network = machine_of(run), network_of_run(run)
    mappings = {layer.name: mapping for layer, mapping in saved_mappings(run, network.layers)}
    return run_timeline(run.layers, plan(network, hardware), mappings, hardware)


def saved_mappings(run: Run, layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, Mapping]]:
    """Yield each layer that multiplies with its mapping, read back from the form in which the run is saved."""
    by_name, levels = {layer.name: layer for layer in layers}, memory_levels(run)
    chosen = {layer.name: dict(layer.mapping) for layer in run.layers if layer.mapping is not None}
    if not chosen:
        return
    document = plain_document({"layers": cast(dict[str, Value], chosen)}, "mappings")
    for name, written in validate(document, WrittenMappings).layers.items():
        mapping, problems = read_mapping(written, by_name[name], document, levels)
        if mapping is None:
            raise ValueError("a mapping cannot be read back: " + "; ".join(problem.render() for problem in problems))
        yield by_name[name], mapping


def memory_levels(run: Run) -> LevelNames:
    """Name the memory levels of a run's machine: one, unless the run holds the machine and it says more."""
    whole = run.documents is not None and run.documents.hardware is not None
    return level_names(machine_of(run)) if whole else LevelNames()


def machine_of(run: Run) -> Hardware:
    """Return the machine that a run was made on; raise InputError for a run that does not hold it."""
    return read_hardware(_document(run, "hardware", "a run of a machine that was loaded from a file or varied"))


def network_of_run(run: Run) -> Network:
    """Return the network that a run was made of; raise InputError for a run that does not hold it."""
    return network_of(_document(run, "network", "a run that simulate --json has saved"), run.network.name)


def _document(run: Run, part: str, expected: str) -> Document:
    data: dict[str, Value] | None = getattr(run.documents, part, None)
    if data is None:
        message = "the run does not say what was simulated: simulate it again"
        raise InputError(Problem(message, path=f"documents.{part}", expected=expected))
    return plain_document(data, f"documents.{part}")
