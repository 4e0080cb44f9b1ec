"""Where what a user names becomes objects: machines, networks and mappings by name, by path, or out of a saved run."""

import hashlib
from collections.abc import Mapping as MappingType
from dataclasses import replace
from pathlib import Path

from simulator.cost.legality import load_mappings
from simulator.engine import Options
from simulator.engine import simulate as simulate_objects
from simulator.engine.checks import Checks
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.mapping_choice import Progress
from simulator.engine.store import Store
from simulator.errors import InputError, Problem
from simulator.hardware.load import load_hardware, read_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.network.ir import Network
from simulator.result.run import Run
from simulator.schedule import plan
from simulator.source import Document, plain_document
from simulator.source.files import read_bytes
from simulator.source.locate import locate
from simulator.source.parser import MAX_BYTES, Value
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
    digest = hashlib.sha256(read_bytes(path, MAX_BYTES)).hexdigest() if path else None
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
