"""(hardware, network, options) -> Run."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from simulator.cost.legality import buffer_demands, load_mappings, violations
from simulator.energy.table import EnergyTable
from simulator.engine.array_ops import Played, array_result, play_mapping
from simulator.engine.mapping_cache import Memory
from simulator.engine.mapping_choice import Progress, choose_mappings
from simulator.engine.results import layer_result
from simulator.engine.vector_ops import vector_result
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.load import load_hardware
from simulator.hardware.model import OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.nest import OPERAND_NAMES
from simulator.network.ir import Network
from simulator.result.facts import machine_facts, network_facts, provenance
from simulator.result.laws import assert_laws
from simulator.result.run import LayerResult, Run, total_of
from simulator.result.subject import Subject, subject_of
from simulator.schedule import PlannedOp, plan
from simulator.source.locate import locate
from workloads.load import load_network


def simulate(
    hardware: str | Path | Hardware,
    network: str | Path | Network,
    *,
    batch: int | None = None,
    dataflow: str = "best",
    objective: str | None = None,
    mapping: str | Path | dict[str, Mapping] | None = None,
    progress: Progress | None = None,
    memory: Memory | None = None,
    threads: int | None = None,
) -> Run:
    """Simulate a network on a machine and return the run.

    `hardware` and `network` are a path, a bundled name (a network may carry parameters) or the thing itself; `batch`
    only counts for a network that is loaded here: unless given, it is one, or what the network's file states.
    `dataflow` is one name, or "best": each layer's best among the machine's. `objective` is cycles, energy, edp, dram
    or balanced: the machine's, unless given. `mapping` is a file of mappings to replay, a bundled one's name, or the
    mappings by layer; layers it leaves out are searched, in as many `threads` as there are cores unless given. `memory`
    is what several calls share: the result is the same with and without. Raises InputError with every problem of what
    was given.

    >>> run = simulate("squeezenext_16x16", "squeezenet:version=1.1")
    >>> run.total.macs
    387747520
    """
    machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
    net = network if isinstance(network, Network) else load_network(str(network), batch=batch)
    objective = machine.objective if objective is None else objective
    if objective not in OBJECTIVES:
        raise InputError(Problem("unknown objective", expected=f"one of {', '.join(OBJECTIVES)}", got=objective))
    memory = memory or Memory()
    flows = choose_dataflows(machine, dataflow, memory)
    table = memory.table(machine.energy)
    given, digest = mappings_given(mapping, net, machine)
    steps = plan(net, machine)
    on_array = [step for step in steps if step.runs and step.layer.nest is not None]
    known = memory.mappings_of(machine, table, flows, objective)
    mappings = choose_mappings(on_array, machine, table, flows, objective, given, known, progress, threads)
    layers = play(steps, mappings, machine, table)
    subject = subject_of(machine, [memory.dataflow(flow) for flow in machine.dataflows], table, net)
    named = dict(zip(machine.dataflows, subject.hardware.dataflows, strict=True)).get(dataflow, dataflow)
    run = assemble(subject, layers, {"dataflow": named, "objective": objective, "mapping": digest})
    assert_laws(run)
    return run


def mappings_given(
    mapping: str | Path | dict[str, Mapping] | None, network: Network, hardware: Hardware
) -> tuple[dict[str, Mapping], str | None]:
    """Return the mappings to replay by layer, and a digest of the file they are from, if any."""
    if mapping is None:
        return {}, None
    if not isinstance(mapping, dict):
        path = locate(mapping, "mappings", "mapping")
        found = load_mappings(path, network.layers, hardware)
        return found, hashlib.sha256(path.read_bytes()).hexdigest()
    layers = {layer.name: layer for layer in network.layers}
    if unknown := sorted(mapping.keys() - layers.keys()):
        raise InputError(*(Problem("the network has no such layer", path=f"mapping.{name}") for name in unknown))
    problems = [
        Problem(reason, path=f"mapping.{name}")
        for name, given in mapping.items()
        for reason in violations(given, layers[name], hardware)
    ]
    if problems:
        raise InputError(*problems)
    return mapping, None


def assemble(subject: Subject, layers: Sequence[LayerResult], options: dict[str, str | None]) -> Run:
    """Put together the run of a machine and a network, made of the results of the network's layers."""
    facts = machine_facts(subject.hardware, subject.energy)
    return Run(
        facts,
        network_facts(subject.network),
        {"batch": next(iter(subject.network.inputs.values()))[0], **options},
        provenance(subject),
        total_of(layers, facts),
        tuple(layers),
        subject=subject,
    )


def choose_dataflows(hardware: Hardware, name: str, memory: Memory) -> list[Dataflow]:
    """Return the dataflows to search; raise InputError for one that the machine does not allow or cannot do."""
    if name != "best" and name not in hardware.dataflows:
        raise InputError(
            Problem(
                f"{hardware.name} does not allow this dataflow",
                expected=f"best, or one of {', '.join(hardware.dataflows)}",
                got=name,
                suggestion=nearest(name, ["best", *hardware.dataflows]),
            )
        )
    flows = [memory.dataflow(flow) for flow in (hardware.dataflows if name == "best" else [name])]
    array = hardware.array
    problems = [
        Problem(
            f"{hardware.name} cannot run dataflow {flow.name}", path="array.delivery.outputs.reduce_along", got=axis
        )
        for flow in flows
        for axis, needs, able in (
            ("no sums along rows", flow.reduces_rows, array.reduce_rows),
            ("no sums along columns", flow.reduces_columns, array.reduce_columns),
        )
        if needs and not able
    ]
    if problems:
        raise InputError(*problems)
    return flows


def play(
    steps: Sequence[PlannedOp], mappings: dict[str, Mapping], hardware: Hardware, table: EnergyTable
) -> list[LayerResult]:
    """Play the ops one after the other; with the next one's first weights on the way where the machine prefetches."""
    results: dict[str, LayerResult] = {}
    running = [step for step in steps if step.runs]
    ahead = hardware.layer_order == "prefetch_weights"
    come = 0  # bytes of the current op's first weights that have come already
    for step, following in zip(running, [*running[1:], None], strict=True):
        wanted = _first_weights(following, mappings, hardware, table) if ahead and following else 0
        if wanted and not _has_room(step, wanted, mappings, hardware):
            wanted = 0
        if step.layer.nest is None:
            results[step.layer.name] = vector_result(step, hardware, table, wanted)
        else:
            played = play_mapping(step, mappings[step.layer.name], hardware, table, come, wanted)
            results[step.layer.name] = array_result(step, played, hardware, table)
        come = wanted
    return [results.get(step.layer.name) or layer_result(step, hardware) for step in steps]


def _first_weights(step: PlannedOp, mappings: dict[str, Mapping], hardware: Hardware, table: EnergyTable) -> int:
    """Bytes of weights that an op's first tile loads."""
    if step.layer.nest is None:
        return 0
    played: Played = play_mapping(step, mappings[step.layer.name], hardware, table)
    return int(played.totals["first_weights_bytes"])


def _has_room(step: PlannedOp, wanted: int, mappings: dict[str, Mapping], hardware: Hardware) -> bool:
    """Whether the weights' buffer has so many bytes left while an op runs."""
    index = next(i for i, b in enumerate(hardware.buffers) if OPERAND_NAMES.index("weights") in b.holds)
    room = hardware.buffers[index].capacity_bytes - step.reserved_bytes
    if step.layer.nest is not None:
        room -= buffer_demands(mappings[step.layer.name], step.layer, hardware, step.resident)[index]
    return room >= wanted
