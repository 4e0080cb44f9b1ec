"""(machine, network, options) -> Run."""

import warnings
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from simulator.cost.legality import Around, buffer_demands, violations, whole_bytes
from simulator.cost.vector import Tiles, demand_bytes, fastest_cut
from simulator.engine.array_ops import Played, array_result, play_mapping
from simulator.engine.mapping_cache import MappingCache, setting_key
from simulator.engine.mapping_choice import Progress, choose_mappings
from simulator.engine.results import layer_result
from simulator.engine.vector_ops import vector_result
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import OBJECTIVES, OLD_OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.nest import Operand
from simulator.network.ir import Network, Op
from simulator.result.facts import documents_of, machine_facts, network_facts, provenance
from simulator.result.laws import assert_laws
from simulator.result.run import LayerResult, Run, total_of
from simulator.schedule import PlannedOp, plan
from simulator.source.validation import RenamedWord


@dataclass(frozen=True, slots=True)
class Options:
    """How mappings are chosen: under one of the machine's dataflows by name, or "best", each layer's best; and what
    they minimize, by default what the machine's compiler does.
    """

    dataflow: str = "best"
    objective: str | None = None


def simulate(
    hardware: Hardware,
    network: Network,
    options: Options = Options(),
    *,
    mappings: MappingType[str, Mapping] | None = None,
    cache: MappingCache | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Run:
    """Simulate a network on a machine and return the run; `simulator.simulate` does so by name or file.

    `mappings` are those to replay, by layer; layers it leaves out are searched, in as many `threads` as there are cores
    unless given. `cache` is what several calls share: the result is the same with and without. Raises InputError with
    every problem of what was given.
    """
    dataflow, objective = options.dataflow, current_objective(options.objective or hardware.objective)
    if objective not in OBJECTIVES:
        raise InputError(Problem("unknown objective", expected=f"one of {', '.join(OBJECTIVES)}", got=objective))
    flows = choose_dataflows(hardware, dataflow)
    given, ops = dict(mappings or {}), plan(network, hardware)
    check_mappings(given, ops, hardware)
    searched = [op for op in ops if op.runs and op.layer.nest is not None and op.layer.name not in given]
    known = (cache or MappingCache()).mappings_of(setting_key(hardware, flows, objective))
    found = choose_mappings(searched, hardware, flows, objective, known, progress, threads)
    layers = play(ops, {**given, **found}, hardware)
    run = assemble(hardware, network, layers, {"dataflow": dataflow, "objective": objective, "mapping": None})
    assert_laws(run)
    return run


def current_objective(name: str) -> str:
    """Return an objective by today's name, with a warning where it is another."""
    if name in OLD_OBJECTIVES:
        warnings.warn(f"`{name}` is now called `{OLD_OBJECTIVES[name]}`", RenamedWord, stacklevel=3)
    return OLD_OBJECTIVES.get(name, name)


def around(op: PlannedOp) -> Around:
    """Return what is around an op when it runs."""
    return Around(op.resident, op.reserved_bytes, op.residuals)


def check_mappings(mappings: MappingType[str, Mapping], ops: Sequence[PlannedOp], hardware: Hardware) -> None:
    """Raise InputError for mappings of layers that the network does not have, and for those the machine cannot run."""
    planned = {op.layer.name: op for op in ops}
    if unknown := sorted(mappings.keys() - planned.keys()):
        raise InputError(*(Problem("the network has no such layer", path=f"mapping.{name}") for name in unknown))
    problems = [
        Problem(reason, path=f"mapping.{name}")
        for name, given in mappings.items()
        for reason in violations(given, planned[name].layer, hardware, around(planned[name]))
    ]
    if problems:
        raise InputError(*problems)


def assemble(
    hardware: Hardware, network: Network, layers: Sequence[LayerResult], options: dict[str, str | None]
) -> Run:
    """Put together the run of a machine and a network, made of the results of the network's layers."""
    facts, documents = machine_facts(hardware), documents_of(hardware, network)
    return Run(
        facts,
        network_facts(network),
        {"batch": next(iter(network.inputs.values()))[0], **options},
        provenance(documents),
        total_of(layers, facts),
        tuple(layers),
        documents=documents,
    )


def choose_dataflows(hardware: Hardware, name: str) -> tuple[Dataflow, ...]:
    """Return the dataflows to search; raise InputError for one that the machine does not allow or cannot do."""
    names = hardware.dataflow_names
    if name != "best" and name not in names:
        raise InputError(
            Problem(
                f"{hardware.name} does not allow this dataflow",
                expected=f"best, or one of {', '.join(names)}",
                got=name,
                suggestion=nearest(name, ["best", *names]),
            )
        )
    flows = tuple(flow for flow in hardware.dataflows if name in ("best", flow.name))
    array = hardware.array
    single = not any(buffer.in_pe for buffer in hardware.buffers)
    problems = [
        Problem(f"{hardware.name} cannot run dataflow {flow.name}", path=path, got=got)
        for flow in flows
        for path, got, needs, able in (
            ("array.delivery.outputs.reduce_along", "no sums along rows", flow.reduces_rows, array.reduce_rows),
            (
                "array.delivery.outputs.reduce_along",
                "no sums along columns",
                flow.reduces_columns,
                array.reduce_columns,
            ),
            ("buffers", "memories in PEs, which packed lanes do not use", flow.channel_packing, single),
        )
        if needs and not able
    ]
    if problems:
        raise InputError(*problems)
    return flows


def play(ops: Sequence[PlannedOp], mappings: dict[str, Mapping], hardware: Hardware) -> list[LayerResult]:
    """Play the ops one after the other; with the next one's first weights on the way where the machine prefetches."""
    results: dict[str, LayerResult] = {}
    running = [op for op in ops if op.runs]
    ahead = hardware.layer_order == "prefetch_weights"
    come = 0  # bytes of the current op's first weights that have come already
    for op, following in zip_longest(running, running[1:]):
        how = (
            mappings[op.layer.name]
            if op.layer.nest
            else fastest_cut(op.layer, hardware, op.resident, op.reserved_bytes)
        )
        wanted = _first_weights(following, mappings, hardware) if ahead and following else 0
        if wanted and wanted > _free_bytes(op, how, hardware):
            wanted = 0
        if isinstance(how, Tiles):
            results[op.layer.name] = vector_result(op, how, hardware, wanted)
        else:
            played = play_mapping(op, how, hardware, come, wanted)
            results[op.layer.name] = array_result(op, played, hardware)
        come = wanted
    return [results.get(op.layer.name) or layer_result(op, hardware) for op in ops]


def _first_weights(op: PlannedOp, mappings: dict[str, Mapping], hardware: Hardware) -> int:
    """Bytes of weights that an op's first tile loads; a second factor that ops make may not be there before."""
    if op.layer.nest is None or op.layer.op is Op.MATMUL:
        return 0
    played: Played = play_mapping(op, mappings[op.layer.name], hardware)
    return int(played.totals["first_weights_bytes"])


def _free_bytes(op: PlannedOp, how: Mapping | Tiles, hardware: Hardware) -> int:
    """Bytes that the weights' buffer has left while an op runs in its tiles.

    Tensors that are kept, and tiles of the vector unit, lie where inputs do.
    """
    index = next(i for i, b in enumerate(hardware.buffers) if Operand.WEIGHTS in b.holds)
    buffer, taken = hardware.buffers[index], 0
    if not isinstance(how, Tiles):
        taken = buffer_demands(how, op.layer, hardware, around(op))[index]
        taken += whole_bytes(op.layer, hardware, around(op))
    elif Operand.INPUTS in buffer.holds:
        taken = demand_bytes(how, hardware)
    if Operand.INPUTS in buffer.holds:
        taken += op.reserved_bytes
    return buffer.capacity_bytes - taken
