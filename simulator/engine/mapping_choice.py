"""Choose a mapping for every op that runs on the array: equal ones once, on all cores, or as a file says."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from os import cpu_count
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from simulator.engine.mapping_cache import Choice, Known, MappingCache, OpKey, op_key, setting_key
from simulator.engine.store import Rows
from simulator.errors import InputError, Problem, TooMuchWork
from simulator.hardware.model import Hardware
from simulator.log import LOG
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping as Mapped
from simulator.nest import OPERAND_NAMES, Operand
from simulator.network.ir import Layer
from simulator.schedule import PlannedOp

if TYPE_CHECKING:
    from simulator.cost.search import Request, Told

Progress = Callable[[int, int, str], None]
TELL_EVERY_S = 0.5
"""Between what is told of a search under way."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What mappings shall minimize, and whether the search shall go on until nothing is better."""

    objective: str
    proves: bool = False


@dataclass(frozen=True, slots=True)
class Searching:
    """How mappings are searched, but for those `given`, and what is known of earlier searches."""

    dataflows: Sequence[Dataflow]
    wanted: Wanted
    given: Mapping[str, Mapped]
    cache: MappingCache
    progress: "Progress | None" = None
    threads: int | None = None

    def find(self, ops: Iterable[PlannedOp], hardware: Hardware, rows: Rows) -> "dict[str, Choice]":
        """Return what is chosen on a machine for those ops that multiply."""
        setting = setting_key(hardware, tuple(self.dataflows), self.wanted.objective, self.wanted.proves)
        known = Known(setting, self.cache.mappings_of(setting), rows)
        searched = [op for op in ops if op.layer.nest is not None and op.layer.name not in self.given]
        return choose_mappings(searched, hardware, self.dataflows, self.wanted, known, self.progress, self.threads)


class Watch:
    """Tells of ops as they are mapped and, as often as is read, of searches that are under way in any thread."""

    def __init__(self, progress: Progress, total: int) -> None:
        """Begin with none of so many ops mapped."""
        self.progress, self.total, self.done, self.next_s = progress, total, 0, monotonic() + TELL_EVERY_S

    def finish(self, name: str) -> None:
        """Tell that another op is mapped."""
        self.done += 1
        self.progress(self.done, self.total, name)

    def of(self, name: str) -> "Told":
        """Return what the search of an op tells on its way: what it is proven to miss at most, and is through."""

        def told(objective: str, gap: float, searched: int) -> None:
            now = monotonic()
            if now >= self.next_s and gap < inf:
                self.next_s = now + TELL_EVERY_S
                through = f", {searched:,} spatial mappings searched" if searched else ""
                what = f"{name}: {objective} at most {100 * gap:.2g}% above the least there is{through}"
                self.progress(self.done, self.total, what)

        return told


def choose_mappings(
    ops: Iterable[PlannedOp],
    hardware: Hardware,
    dataflows: Sequence[Dataflow],
    wanted: Wanted,
    known: Known,
    progress: Progress | None = None,
    threads: int | None = None,
) -> dict[str, Choice]:
    """Return what is chosen by layer name; `known` is read and added to.

    `progress` is told how many of how many distinct ops are mapped, and the last one's name; of a search that takes
    long, how far it is (`Watch`). Raises InputError if an op cannot fit.
    """
    begun = perf_counter()
    found: dict[str, Choice] = {}
    keys: dict[str, OpKey] = {}
    missing: dict[OpKey, PlannedOp] = {}
    for op in ops:
        key = keys[op.layer.name] = op_key(op)
        choice = known.get(key)
        if choice:
            found[op.layer.name] = choice
        else:
            missing.setdefault(key, op)

    watch = Watch(progress, len(missing)) if progress else None

    def search(op: PlannedOp) -> Choice:
        return _search(op, hardware, dataflows, wanted, watch.of(op.layer.name) if watch else None)

    choices = _each(search, list(missing.values()), threads)
    for (key, op), choice in zip(missing.items(), choices, strict=True):
        known.add(key, choice)
        LOG.debug(
            "searched %s: %s, at most %.1f%% from the best", op.layer.name, choice.mapping.dataflow, 100 * choice.gap
        )
        if watch:
            watch.finish(op.layer.name)
    if LOG.isEnabledFor(logging.INFO):
        distinct, took = len(set(keys.values())), perf_counter() - begun
        counts = len(keys), distinct, distinct - len(missing), len(missing), took
        LOG.info("mapped %d ops, %d of them distinct: %d from the cache, %d searched in %.2f s", *counts)
    return {name: found.get(name) or known.mappings[key] for name, key in keys.items()}


def _each(search: Callable[[PlannedOp], Choice], ops: Sequence[PlannedOp], threads: int | None) -> Iterator[Choice]:
    """Yield what a search finds for each op, in their order; after a failure or Ctrl-C, begin no further search.

    Searches in threads of their own leave the caller free to be interrupted; those under way are not waited for.
    """
    if threads == 1 or not ops:
        yield from map(search, ops)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(max_workers=threads or cpu_count())
    try:
        yield from (future.result() for future in [pool.submit(search, op) for op in ops])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _search(
    op: PlannedOp, hardware: Hardware, dataflows: Sequence[Dataflow], wanted: Wanted, told: "Told | None"
) -> Choice:
    from simulator.cost.effort import DEFAULT, PROVE
    from simulator.cost.search import search_layer

    try:
        effort = PROVE if wanted.proves else DEFAULT
        found = search_layer(request_of(op, hardware, wanted.objective), dataflows, effort, told)
    except TooMuchWork as error:
        raise InputError(too_much(op.layer, hardware, error)) from None
    if found is None:
        raise InputError(*_misfits(op, hardware))
    return Choice(found.mapping, found.gap, found.cycles_gap)


def request_of(op: PlannedOp, hardware: Hardware, objective: str) -> "Request":
    """Return what a search is asked for: an op with what is around it."""
    from simulator.cost.search import Request

    return Request(
        hardware=hardware,
        layer=op.layer,
        objective=objective,
        resident=op.resident,
        reserved_bytes=op.reserved_bytes,
        residuals=op.residuals,
        stored=op.stored,
        slices=op.slices,
        parameters=op.parameters,
    )


def too_much(layer: Layer, hardware: Hardware, error: TooMuchWork) -> Problem:
    """Say of a layer that takes too many tiles to find out what it takes what the limit is, and what helps."""
    assert layer.nest is not None
    return Problem(
        f"layer {layer.name} takes too many tiles on {hardware.name} to be simulated",
        expected=f"at most {error.tiles:,} tiles to look at and to play: larger buffers, a smaller layer or batch",
        got=f"loops over {'x'.join(map(str, layer.nest.bounds))} (N G K C P Q R S)",
    )


def _misfits(op: PlannedOp, hardware: Hardware) -> list[Problem]:
    """Explain as data why no tile of an op fits: buffer, demand, limit, and what would make it fit."""
    from simulator.cost.legality import least_demand

    need = least_demand(hardware, op.layer)
    need[Operand.WEIGHTS] += -(-op.parameters * hardware.weight_bits // 8)
    problems = []
    for buffer in hardware.buffers:
        least = need if buffer.level == 0 else dict.fromkeys(Operand, 1)
        demand = sum(least[operand] for operand in Operand if operand in buffer.holds)
        held = ", ".join(OPERAND_NAMES[operand] for operand in buffer.holds)
        if demand > buffer.capacity_bytes:
            problems.append(
                Problem(
                    f"layer {op.layer.name} does not fit buffer {buffer.name} of {hardware.name}",
                    path=f"buffers.{buffer.name}.capacity",
                    expected=f"at least {demand} bytes: the smallest tile of {held}",
                    got=f"{buffer.capacity_bytes} bytes",
                )
            )
    return problems or [
        Problem(
            f"no mapping of layer {op.layer.name} fits the buffers of {hardware.name}",
            expected="buffers with room for more than one slot of the smallest tiles, or other dataflows",
            got=", ".join(f"{b.name}: {b.capacity_bytes} bytes" for b in hardware.buffers),
        )
    ]
