"""Where what a user names becomes objects: machines, networks and mappings by name, by path, or out of a saved run."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import replace
from operator import attrgetter
from os.path import isdir
from pathlib import Path
from typing import cast

from simulator.cost.legality import level_names, load_mappings
from simulator.engine import Options
from simulator.engine import simulate as simulate_objects
from simulator.engine.checks import Checks
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.mapping_choice import Progress
from simulator.engine.schedules import schedule_of
from simulator.engine.simulate import current_objective
from simulator.engine.store import Store
from simulator.engine.timeline import run_timeline
from simulator.errors import InputError, Problem
from simulator.hardware.load import load_hardware, read_hardware
from simulator.hardware.model import OBJECTIVES, Hardware
from simulator.hardware.settings import with_settings
from simulator.mapping.mapping import Mapping
from simulator.mapping.schema import WrittenMapping, WrittenMappings
from simulator.mapping.text import LevelNames, read_mapping
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Network
from simulator.result.facts import digested, machine_facts
from simulator.result.json_io import MAX_PROBLEMS, load_run
from simulator.result.run import Run
from simulator.schedule import Schedule, plan, played, schedules
from simulator.schedule.check import faults
from simulator.schedule.check_cores import faults_of_cores
from simulator.schedule.files import load_schedule
from simulator.schedule.split import all_slices, ops_of_cores, slices_of
from simulator.source import Document, plain_document, validate
from simulator.source.document import show
from simulator.source.files import read_bytes
from simulator.source.locate import locate
from simulator.source.parser import MAX_BYTES, OF_LAYERS, Value
from simulator.timing.timeline import Timeline
from workloads.importers.layer_list import network_of
from workloads.load import load_network

RUN_FILE = "run.json"
"""A run in the folder that `simulate --out` saves."""
FACTS = ("name", "clock_hz", "rows", "columns", "macs_per_cycle", "arrays", "burst_bytes")
"""What a run keeps of its machine just as the document says it."""
SHARED = ("name", "op", "input_shapes", "output_shape", "kernel", "stride", "groups", "macs", "params")
"""What a layer's result says of the layer itself."""
_shared = attrgetter(*SHARED)


def simulate(
    hardware: str | Path | Hardware,
    network: str | Path | Network,
    *,
    batch: int | None = None,
    dataflow: str = "best",
    objective: str | None = None,
    mapping: str | Path | MappingType[str, Mapping] | None = None,
    schedule: str | Path | Schedule | None = None,
    settings: Sequence[str] = (),
    prove: bool = False,
    progress: Progress | None = None,
    cache: MappingCache | None = None,
    threads: int | None = None,
) -> Run:
    """Simulate a network on a machine and return the run.

    `hardware` and `network` are a path, a bundled name (a network may carry parameters) or the thing itself; `batch`
    only counts for a network that is loaded here: unless given, it is one, or what the network's file states.
    `dataflow` is one name, or "best": each layer's best among the machine's. `objective` is cycles, energy, edp, dram,
    cycles_plus_dma or cycles_then_energy: the machine's, unless given. `settings` change values of the machine, as
    `array.rows=32` does; the run keeps them. With `prove` a search ends when no mapping is
    better, else when none is by more than 1%, or after enough work; layers tell the `gap` that is left. `mapping` is a
    file of mappings to replay, a bundled one's name, or the mappings by layer; layers it leaves out are searched, in as
    many `threads` as there are cores unless given. `cache` is what several calls share, the user's store of earlier
    results included: the result is the same with and without. `schedule` is a file that says what stays on chip and
    which ops run in stacks, or that itself; else, of those that the machine has, the one whose run is best. Raises
    InputError with every problem of what was given.

    >>> run = simulate("squeezenext_16x16", "squeezenet:version=1.1")
    >>> run.total.macs
    387747520
    """
    machine = with_settings(hardware if isinstance(hardware, Hardware) else load_hardware(hardware), settings)
    given = None if isinstance(mapping, str | Path) else mapping
    net = network if isinstance(network, Network) else load_network(str(network), batch=batch)
    path = locate(mapping, "mappings", "mapping") if isinstance(mapping, str | Path) else None
    asked, cache = _read_schedule(schedule, net, machine), cache or MappingCache()
    run = simulate_objects(
        machine,
        net,
        Options(dataflow, objective, prove, asked),
        mappings=_read_mappings(path, net, machine, asked, cache.store) if path else given,
        cache=cache,
        progress=progress,
        threads=threads,
    )
    told: dict[str, object] = {"set": list(settings)} if settings else {}
    told |= {"schedule": _digest(Path(schedule))} if isinstance(schedule, str | Path) else {}
    return replace(run, options={**run.options, "mapping": _digest(path) if path else None, **told})


def _read_schedule(given: str | Path | Schedule | None, network: Network, hardware: Hardware) -> Schedule | None:
    return load_schedule(given, network, hardware) if isinstance(given, str | Path) else given


def _digest(path: Path) -> str:
    return hashlib.sha256(read_bytes(path, MAX_BYTES * OF_LAYERS)).hexdigest()


def _read_mappings(
    path: Path, network: Network, hardware: Hardware, schedule: Schedule | None, store: Store
) -> dict[str, Mapping]:
    """Read the mappings of a file for the ops of a network as the machine runs them, or for their strips in stacks."""
    wanted = [schedule] if schedule else schedules(network, hardware)
    plans = [plan(network, hardware.core, each) for each in wanted]
    planned = {op.layer.name: op for ops in plans for op in played(ops)}
    planned |= {own.layer.name: own for own in all_slices(network, hardware)}
    with store.opened() as rows:
        checks = Checks(hardware.core, rows)
        found = load_mappings(
            path,
            [op.layer for op in planned.values()],
            hardware,
            lambda mapping, layer: checks.reasons(mapping, planned[layer.name]),
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
    if run.cores:
        from simulator.engine.cores_timeline import cores_timeline

        return cores_timeline(run, network, mappings, hardware)
    return run_timeline(run.layers, plan(network, hardware, schedule_of(run)), mappings, hardware)


def saved_mappings(run: Run, layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, Mapping]]:
    """Yield each layer that multiplies with its mapping, read back from the form in which the run is saved."""
    chosen = {name: dict(mapping) for name, mapping in run.mappings().items()}
    if not chosen:
        return
    by_name, levels = {layer.name: layer for layer in layers} | strips_of_run(run), memory_levels(run)
    document = plain_document({"layers": cast(dict[str, Value], chosen)}, "mappings")
    for name, written in validate(document, WrittenMappings).layers.items():
        mapping, problems = read_mapping(written, by_name[name], document, levels)
        if mapping is None:
            raise ValueError("a mapping cannot be read back: " + "; ".join(problem.render() for problem in problems))
        yield by_name[name], mapping


def strips_of_run(run: Run) -> dict[str, Layer]:
    """Return the strips of ops that ran in stacks, and slices of those that several cores ran, by name.

    Of a run without, nothing that it holds is read.
    """
    if run.cores and run.cores.splits:
        of_cores = {op.planned.layer.name: op for op in ops_of_cores(network_of_run(run), machine_of(run))}
        splits = (schedule_of(run) or Schedule()).splits.items()
        return {own.layer.name: own.layer for name, split in splits for own in slices_of(of_cores[name], split)}
    if not any(layer.stacked for layer in run.layers):
        return {}
    ops = plan(network_of_run(run), machine_of(run), schedule_of(run))
    return {strip.layer.name: strip.layer for op in ops if op.in_stack for strip in op.in_stack.shapes}


def memory_levels(run: Run) -> LevelNames:
    """Name the memory levels of a run's machine: one, unless the run holds the machine and it says more."""
    whole = run.documents is not None and run.documents.hardware is not None
    return level_names(machine_of(run)) if whole else LevelNames()


def open_run(path: str | Path) -> Run:
    """Read a saved run that can be explained, compared and drawn: its parts pass what files of their kinds do.

    A folder is that of `--out`, with its run in it. Raises InputError with every problem.
    """
    path = Path(path) / RUN_FILE if isdir(path) else path  # a name too long to be one is told by reading it
    run = load_run(path)
    problems = [
        replace(p, message=": ".join(filter(None, (p.path, p.message))), file=str(path), path=p.file or "documents")
        for p in problems_of(run)
    ]
    if problems:
        raise InputError(*problems[:MAX_PROBLEMS])
    return run


def problems_of(run: Run) -> tuple[Problem, ...]:
    """Return what speaks against the documents of a run, and against the run if it is not of them."""
    documents = run.documents
    if documents is None:
        return ()
    try:
        machine = machine_of(run) if documents.hardware is not None else None
        network = network_of_run(run) if documents.network is not None else None
    except InputError as error:
        return error.problems
    return (
        *_absent_digests(run),
        *(_unlike_machine(run, machine) if machine else ()),
        *(_unlike_network(run, network, level_names(machine) if machine else LevelNames()) if network else ()),
        *(_unlike_schedule(run, network, machine) if network and machine else ()),
    )


def _unlike_schedule(run: Run, network: Network, machine: Hardware) -> Iterator[Problem]:
    """Yield why a run's stacks are none of its network and machine, and mappings that are none of their strips."""
    if not run.cores and not any(layer.stacked for layer in run.layers):
        return
    schedule = schedule_of(run) or Schedule()
    found = [*faults(schedule, network, machine), *faults_of_cores(schedule, network, machine)]
    for fault in found:
        path = ".".join(map(str, ("schedule", *fault.path)))
        yield Problem(fault.message, path=path, expected=fault.expected, got=fault.got)
    if found:
        return
    yield from _unlike_slices(run, schedule, network, machine)
    for op, layer in zip(plan(network, machine, schedule), run.layers, strict=True):
        told = [each.name for each in layer.stacked.shapes] if layer.stacked else []
        strips = [strip.layer for strip in op.in_stack.shapes] if op.in_stack else []
        again = op.in_stack.again_rows if op.in_stack else 0
        if told != [strip.name for strip in strips]:
            expected = ", ".join(strip.name for strip in strips)
            yield Problem("not the strips of this stack", f"layers.{layer.name}.stacked", expected=expected)
        elif layer.stacked and layer.stacked.again_rows != again:
            path, got = f"layers.{layer.name}.stacked.again_rows", str(layer.stacked.again_rows)
            yield Problem("not the rows that strips make again", path=path, expected=str(again), got=got)
        elif layer.stacked:
            for strip, each in zip(strips, layer.stacked.shapes, strict=True):
                yield from _wrong_mapping(each.mapping, strip, level_names(machine), {}) if strip.nest else ()


def _unlike_slices(run: Run, schedule: Schedule, network: Network, machine: Hardware) -> Iterator[Problem]:
    """Yield what cores did that are no slices of the ops that they ran, and mappings that are none of these."""
    told, mappings = run.cores.splits if run.cores else {}, run.mappings()
    for op in ops_of_cores(network, machine) if run.cores else ():
        name = op.planned.layer.name
        if name not in told and name not in mappings and op.planned.layer.nest:
            yield Problem("neither a mapping nor slices of this op", f"layers.{name}.mapping")
        slices = slices_of(op, schedule.splits[name]) if name in told else ()
        parts = told[name].parts if name in told else ()
        if [part.name for part in parts] != [own.layer.name for own in slices]:
            expected = ", ".join(own.layer.name for own in slices)
            yield Problem("not the slices of this op", f"cores.splits.{name}.parts", expected=expected)
            continue
        for own, part in zip(slices, parts, strict=True):
            found = _wrong_mapping(part.mapping, own.layer, level_names(machine), {}) if own.layer.nest else ()
            yield from found


def _absent_digests(run: Run) -> Iterator[Problem]:
    """Yield the digests that a run of these documents would have; those it has are right."""
    assert run.documents is not None
    for key in digested(run.documents).keys() - run.provenance.keys():
        yield Problem("the digest is missing: nobody can tell whether it was altered", f"provenance.{key}")


def _unlike_machine(run: Run, machine: Hardware) -> Iterator[Problem]:
    """Yield what a run says of its machine or asks of it that the machine's document does not."""
    now, dataflow = machine_facts(machine), run.options.get("dataflow", "best")
    cores = run.cores.count if run.cores else 1
    if cores != machine.cores:
        yield Problem("not of this machine", "cores.count", expected=f"{machine.cores}", got=str(cores))
    for fact in FACTS:
        if getattr(run.hardware, fact) != getattr(now, fact):
            expected = f"{getattr(now, fact)}, as its document says"
            got = str(getattr(run.hardware, fact))
            yield Problem("not of this machine", f"hardware.{fact}", expected=expected, got=got)
    if dataflow not in ("best", *machine.dataflow_names):
        expected = f"best, or one of {', '.join(machine.dataflow_names)}"
        yield Problem("unknown dataflow", "options.dataflow", expected=expected, got=show(dataflow))
    objective = run.options.get("objective", machine.objective)
    if not isinstance(objective, str) or current_objective(objective) not in OBJECTIVES:
        expected = f"one of {', '.join(OBJECTIVES)}"
        yield Problem("unknown objective", "options.objective", expected=expected, got=show(objective))


def _unlike_network(run: Run, network: Network, levels: LevelNames) -> Iterator[Problem]:
    """Yield the layers and mappings of a run that are not those of its network's document."""
    if len(run.layers) != len(network.layers):
        yield Problem("not of this network", "layers", expected=f"{len(network.layers)}", got=f"{len(run.layers)}")
        return
    right: set[tuple[int, LoopNest | None]] = set()  # mappings, which layers share, with the loops that they cover
    known: dict[int, WrittenMapping] = {}
    for at, (layer, own) in enumerate(zip(run.layers, network.layers, strict=True)):
        said, told = _shared(layer), _shared(own)
        if said != told:
            key, is_, was = next(each for each in zip(SHARED, said, told, strict=True) if each[1] != each[2])
            yield Problem("not of this network", f"layers.{at}.{key}", expected=show(was), got=show(is_))
        elif layer.mapping is not None and (asked := (id(layer.mapping), own.nest)) not in right:
            found = _wrong_mapping(layer.mapping, own, levels, known)
            yield from (replace(p, file=f"layers.{at}.mapping") for p in found)
            right |= set() if found else {asked}


def _wrong_mapping(
    mapping: object, own: Layer, levels: LevelNames, known: dict[int, WrittenMapping]
) -> Sequence[Problem]:
    """Return why the mapping of a run would not be read from a file; those that are well formed are `known`."""
    if own.nest is None:
        return (Problem("the layer does not multiply, so there is nothing to map"),)
    if id(mapping) in known and read_mapping(known[id(mapping)], own, plain_document({}), levels)[0]:
        return ()
    data: dict[str, Value] = {"layers": {own.name: json.loads(json.dumps(mapping))}}
    document = plain_document(data)
    try:
        known[id(mapping)] = validate(document, WrittenMappings).layers[own.name]
    except InputError as error:
        return error.problems
    return read_mapping(known[id(mapping)], own, document, levels)[1]


def machine_of(run: Run) -> Hardware:
    """Return the machine that a run was made on; raise InputError for a run that does not hold it."""
    return read_hardware(_document(run, "hardware", "a run of a machine that was loaded from a file or varied"))


def network_of_run(run: Run) -> Network:
    """Return the network that a run was made of; raise InputError for a run that does not hold it."""
    return network_of(_document(run, "network", "a run that simulate --json has saved"), run.network.name)


def simulate_again(run: Run, settings: Sequence[str], progress: Progress | None = None) -> Run:
    """Simulate a run's network with its options on its machine with other values; mappings are found anew."""
    dataflow, objective = str(run.options.get("dataflow", "best")), run.options.get("objective")
    return simulate(
        machine_of(run),
        network_of_run(run),
        dataflow=dataflow,
        objective=None if objective is None else str(objective),
        settings=settings,
        progress=progress,
    )


def _document(run: Run, part: str, expected: str) -> Document:
    data: dict[str, Value] | None = getattr(run.documents, part, None)
    if data is None:
        message = "the run does not say what was simulated: simulate it again"
        raise InputError(Problem(message, path=f"documents.{part}", expected=expected))
    return plain_document(data, f"documents.{part}")
