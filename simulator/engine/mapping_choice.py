"""Choose a mapping for every op that runs on the array: equal ones once, on all cores, or as a file says."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from simulator.dims import OPERAND_NAMES, Operand
from simulator.energy.table import EnergyTable
from simulator.engine.plan import Step
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.mapping.search import least_demand, search_layer

Progress = Callable[[int, int, str], None]


def choose_mappings(
    steps: Iterable[Step],
    hardware: Hardware,
    table: EnergyTable,
    dataflows: Sequence[Dataflow],
    objective: str,
    given: dict[str, Mapping],
    progress: Progress | None = None,
) -> dict[str, Mapping]:
    """Return a mapping by layer name; `given` ones are taken as they are.

    `progress` is told how many of how many distinct ops are mapped, and the last one's name. Raises InputError if an
    op cannot fit.
    """
    searched = [step for step in steps if step.layer.name not in given]
    distinct: dict[Hashable, Step] = {}
    for step in searched:
        distinct.setdefault(_key(step), step)
    found: dict[Hashable, Mapping] = {}
    with ThreadPoolExecutor(max_workers=cpu_count() or 1) as pool:
        work = {
            key: pool.submit(_search, step, hardware, table, dataflows, objective) for key, step in distinct.items()
        }
        try:
            for i, (key, future) in enumerate(work.items()):
                found[key] = future.result()
                if progress:
                    progress(i + 1, len(work), distinct[key].layer.name)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {**given, **{step.layer.name: found[_key(step)] for step in searched}}


def _key(step: Step) -> Hashable:
    """What a search depends on: two ops with equal keys get equal mappings."""
    layer = step.layer
    zeros = (layer.zero_inputs_fraction, layer.zero_weights_fraction, layer.zero_outputs_fraction)
    return (layer.nest, zeros, step.resident, step.reserved_bytes, step.addends)


def _search(
    step: Step, hardware: Hardware, table: EnergyTable, dataflows: Sequence[Dataflow], objective: str
) -> Mapping:
    found = search_layer(
        hardware, table, step.layer, dataflows, objective, step.resident, step.reserved_bytes, step.addends
    )
    if found is None:
        raise InputError(*_misfits(step, hardware))
    return found.mapping


def _misfits(step: Step, hardware: Hardware) -> list[Problem]:
    """Explain as data why no tile of an op fits: buffer, demand, limit, and what would make it fit."""
    need = least_demand(hardware, step.layer)
    problems = []
    for buffer in hardware.buffers:
        demand = sum(need[operand] for operand in Operand if operand in buffer.holds)
        held = ", ".join(OPERAND_NAMES[operand] for operand in buffer.holds)
        if demand > buffer.capacity_bytes:
            problems.append(
                Problem(
                    f"layer {step.layer.name} does not fit buffer {buffer.name} of {hardware.name}",
                    path=f"buffers.{buffer.name}.capacity",
                    expected=f"at least {demand} bytes: the smallest tile of {held}",
                    got=f"{buffer.capacity_bytes} bytes",
                )
            )
    return problems or [
        Problem(
            f"no mapping of layer {step.layer.name} fits the buffers of {hardware.name}",
            expected="buffers with room for more than one slot of the smallest tiles, or other dataflows",
            got=", ".join(f"{b.name}: {b.capacity_bytes} bytes" for b in hardware.buffers),
        )
    ]
