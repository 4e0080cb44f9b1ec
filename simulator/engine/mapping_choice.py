"""Choose a mapping for every op that runs on the array: equal ones once, on all cores, or as a file says."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from simulator.cost.search import least_demand, search_layer
from simulator.engine.mapping_cache import MappingsByOp, OpKey, op_key
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.nest import OPERAND_NAMES, Operand
from simulator.schedule.plan import Step

Progress = Callable[[int, int, str], None]


def choose_mappings(
    steps: Iterable[Step],
    hardware: Hardware,
    dataflows: Sequence[Dataflow],
    objective: str,
    known: MappingsByOp,
    progress: Progress | None = None,
    threads: int | None = None,
) -> dict[str, Mapping]:
    """Return a mapping by layer name; `known` is read and added to.

    `progress` is told how many of how many distinct ops are mapped, and the last one's name. Raises InputError if an
    op cannot fit.
    """
    keys = {step.layer.name: (op_key(step), step) for step in steps}
    missing: dict[OpKey, Step] = {}
    for key, step in keys.values():
        if key not in known:
            missing.setdefault(key, step)

    def search(step: Step) -> Mapping:
        return _search(step, hardware, dataflows, objective)

    mappings = _each(search, list(missing.values()), threads or cpu_count() or 1)
    for i, ((key, step), mapping) in enumerate(zip(missing.items(), mappings, strict=True)):
        known[key] = mapping
        if progress:
            progress(i + 1, len(missing), step.layer.name)
    return {name: known[key] for name, (key, _) in keys.items()}


def _each(search: Callable[[Step], Mapping], steps: Sequence[Step], threads: int) -> Iterator[Mapping]:
    """Yield what a search finds for each op, in their order; after a failure, begin no further search."""
    if min(threads, len(steps)) <= 1:
        yield from map(search, steps)
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            yield from (future.result() for future in [pool.submit(search, step) for step in steps])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _search(step: Step, hardware: Hardware, dataflows: Sequence[Dataflow], objective: str) -> Mapping:
    found = search_layer(
        hardware,
        hardware.energy,
        step.layer,
        dataflows,
        objective,
        step.resident,
        step.reserved_bytes,
        step.addends,
        step.stored,
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
