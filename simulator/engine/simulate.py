"""(machine, network, options) -> Run."""

import warnings
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulator.engine.checks import Checks
from simulator.engine.frames import Frame, with_steady
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.mapping_choice import Progress, Searching, Wanted
from simulator.engine.player import Player, Shared
from simulator.engine.schedule_cache import known_schedules
from simulator.engine.schedule_choice import best_frame, plans_of
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import OBJECTIVES, OLD_OBJECTIVES, Hardware
from simulator.log import timed
from simulator.mapping.dataflow import Dataflow, initials, spelled_out
from simulator.mapping.mapping import Mapping
from simulator.network.ir import ASSUMED, Network
from simulator.result.facts import documents_of, machine_facts, network_facts, provenance
from simulator.result.laws import assert_laws
from simulator.result.run import LayerResult, Run, total_of
from simulator.schedule import PlannedOp, Schedule, full_residency_bytes, played
from simulator.source.validation import RenamedWord


@dataclass(frozen=True, slots=True)
class Options:
    """How mappings are chosen: under one of the machine's dataflows by name, or "best", each layer's best; and what
    they minimize, by default what the machine's compiler does. With `prove`, a search ends when nothing is better.
    `schedule` is one to replay; else, of those that the machine has to choose from, the one whose run is best.
    """

    dataflow: str = "best"
    objective: str | None = None
    prove: bool = False
    schedule: Schedule | None = None


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
    unless given. `cache` is what several calls share, and the store on disk that they use, the user's unless given:
    the result is the same with and without. Raises InputError with every problem of what was given.
    """
    dataflow = spelled_out(options.dataflow, hardware.dataflow_names)
    objective = current_objective(options.objective or hardware.objective)
    if objective not in OBJECTIVES:
        raise InputError(Problem("unknown objective", expected=f"one of {', '.join(OBJECTIVES)}", got=objective))
    flows = choose_dataflows(hardware, dataflow)
    given, cache = dict(mappings or {}), cache or MappingCache()
    asked: dict[str, str | None] = {"dataflow": dataflow, "objective": objective, "mapping": None}
    asked |= {"schedule": "given"} if options.schedule else {}
    searching = Searching(flows, Wanted(objective, options.prove), given, cache, progress, threads)
    if hardware.cores > 1:
        return _on_cores(hardware, network, searching, options.schedule, asked)
    with cache.store.opened() as rows:
        shared = Shared(cache.plays_of(hardware), cache.costs_of(hardware))

        def attempt(ops: tuple[PlannedOp, ...]) -> Frame:
            Checks(hardware, rows).of_all(given, ops)
            player = Player(given, hardware, rows, shared, searching.find(played(ops), hardware, rows))
            with timed("played %d ops of %s on %s", len(ops), network.name, hardware.name):
                layers = player.play(ops)
            return Frame(assemble(hardware, network, layers, asked), ops, player)

        own = options.schedule
        schedules = (own,) if own else known_schedules(network, hardware, cache, rows)
        plans = plans_of(hardware, network, schedules, given)
        best = best_frame(plans, attempt, network, hardware, objective)
        run = with_steady(best, network, hardware, own)
        with timed("checked the laws"):
            assert_laws(run, best.player.lawful)
        shared.keep(best.player.fresh)
        rows.keep()
    return run


def _on_cores(
    hardware: Hardware,
    network: Network,
    searching: Searching,
    schedule: Schedule | None,
    asked: dict[str, str | None],
) -> Run:
    """Simulate a network on a machine of several cores."""
    from simulator.engine.cores import Cores

    with searching.cache.store.opened() as rows:
        best = Cores(hardware, network, searching, rows).best(schedule)
        run = replace(assemble(hardware, network, best.layers, asked), cores=best.cores, steady=best.steady)
        with timed("checked the laws"):
            assert_laws(run)
        rows.keep()
    return run


def current_objective(name: str) -> str:
    """Return an objective by today's name, with a warning where it is another."""
    if name in OLD_OBJECTIVES:
        warnings.warn(f"`{name}` is now called `{OLD_OBJECTIVES[name]}`", RenamedWord, stacklevel=3)
    return OLD_OBJECTIVES.get(name, name)


def assemble(
    hardware: Hardware, network: Network, layers: Sequence[LayerResult], options: dict[str, str | None]
) -> Run:
    """Put together the run of a machine and a network, made of the results of the network's layers."""
    facts, documents = machine_facts(hardware), documents_of(hardware, network)
    assumed = network.assumed
    layers = [replace(layer, note=ASSUMED) if layer.name in assumed else layer for layer in layers]
    return Run(
        facts,
        network_facts(network, full_residency_bytes(network, hardware) if hardware.keeps_activations else 0),
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
                expected=f"best, or one of {', '.join(f'{known} ({initials(known)})' for known in names)}",
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
