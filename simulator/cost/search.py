"""Find the best mapping of a layer: every dataflow, placement, tile and loop order, for an objective."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import permutations

import numpy as np

from simulator.cost.array import ARRAY_CYCLES
from simulator.cost.case import MAPPING, Ints, Record
from simulator.cost.convert import (
    NO_OPERAND,
    complete_order,
    energy_record,
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    record,
    skips_zeros,
)
from simulator.cost.evaluate import PORT_CYCLES, evaluate
from simulator.cost.objectives import KEYS
from simulator.cost.search_tiles import placements as placement_figures
from simulator.cost.search_tiles import search_tiles
from simulator.cost.spatial import Placement, placements, tile_counts
from simulator.energy.table import EnergyTable
from simulator.hardware.model import OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.nest import Dim, LoopNest, Operand
from simulator.network.ir import Layer

MOST_TILES = (1 << 12, 1 << 16, 1 << 24)
"""Mappings of more tiles are tried only if none of fewer fits."""

BEAM = 32
"""Placements of a dataflow whose tiles are searched in any case: the best by what the array decides."""

IDLE_BEAM = 8
"""Likewise, of all dataflows' placements that leave PEs idle."""

_GROUPS = ((Dim.N, Dim.P, Dim.Q), (Dim.K,), (Dim.C, Dim.R, Dim.S))  # pixels, filters, reduction


@dataclass(frozen=True, slots=True)
class Found:
    """A mapping and its place in the order of preference: objective, cycles, energy, DRAM bytes."""

    mapping: Mapping
    keys: tuple[float, ...]


@cache
def aligned_counts(extent: int, step: int) -> tuple[int, ...]:
    """Extents of `tile_counts` rounded up to what an array that covers `step` elements at once takes whole.

    That is a multiple of the step, or below it of its half, quarter and so on, as a smaller array would take them.

    >>> aligned_counts(111, 16)
    (111, 64, 48, 32, 16, 8, 4, 2, 1)
    """
    found = set()
    for size in tile_counts(extent):
        part = step
        while part > size:
            part = -(-part // 2)
        found.add(min(extent, -(-size // part) * part))
    return tuple(sorted(found, reverse=True))


def tile_choices(nest: LoopNest, steps: Sequence[int], dataflow: Dataflow) -> tuple[Ints, Ints]:
    """Tile extents to try for each dimension, largest first, as [8, *] padded with zeros, and how many there are.

    `steps` [8] are the extents that the array covers at once. Filters are not cut; a dataflow may say more.
    """
    lists = [
        tuple(_fixed_extents(d, bound, step, dataflow)) or aligned_counts(bound, step)
        for d, bound, step in zip(Dim, nest.bounds, steps, strict=True)
    ]
    counts = np.array([len(sizes) for sizes in lists], dtype=np.int64)
    choices = np.zeros((8, counts.max()), dtype=np.int64)
    for d, sizes in enumerate(lists):
        choices[d, : len(sizes)] = sizes
    return choices, counts


def _fixed_extents(d: Dim, bound: int, step: int, dataflow: Dataflow) -> Iterator[int]:
    """Yield the only extent that tiles may have along a dimension, if it is not free."""
    if d in (Dim.R, Dim.S, *dataflow.whole):
        yield bound
    elif d in dataflow.stepwise:
        yield min(step, bound)


def tile_steps(candidate: Placement, lowered: bool) -> list[int]:
    """Extents that the array covers at once, in the layer's own dimensions; 1 where several are lowered into one."""
    steps = [s * r for s, r in zip(candidate.spatial, candidate.registers, strict=True)]
    return [step if not lowered or d in (Dim.G, Dim.K) else 1 for d, step in zip(Dim, steps, strict=True)]


def dram_orders() -> tuple[Ints, Ints]:
    """Orders of the DRAM loops [6, 8]: G outermost, then pixels, filters and reduction in every order.

    Row m of the second array [8, 6] lists the orders that differ if only the groups in mask m are tiled, -1 after
    the last.
    """
    orders = list(permutations(range(3)))
    loops = [[int(Dim.G), *(int(d) for group in order for d in _GROUPS[group])] for order in orders]
    tries = np.full((8, 6), -1, dtype=np.int64)
    for mask in range(8):
        seen: dict[tuple[int, ...], int] = {}
        for i, order in enumerate(orders):
            seen.setdefault(tuple(group for group in order if mask >> group & 1), i)
        tries[mask, : len(seen)] = list(seen.values())
    return np.array(loops, dtype=np.int64), tries


_ORDERS, _TRIES = dram_orders()


def search_layer(
    hardware: Hardware,
    table: EnergyTable,
    layer: Layer,
    dataflows: Sequence[Dataflow],
    objective: str,
    resident: Sequence[bool] = (False, False, False),
    reserved_bytes: int = 0,
    addends: int = 0,
    stored: Fraction = Fraction(1),
) -> Found | None:
    """Best mapping of the layer under any of the dataflows, or None if no tile fits the buffers.

    `resident` tells per operand whether its whole tensor stays in the buffer, where such tensors take
    `reserved_bytes`; `addends` tensors of the outputs' shape are added to them, of which the fraction `stored` leaves.
    """
    for most_tiles in MOST_TILES:
        search = Search(hardware, table, layer, objective, resident, reserved_bytes, addends, stored)
        search.try_all(dataflows, most_tiles)
        if search.found is not None:
            return search.found
    return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A placement under a dataflow, and how promising it is (least first)."""

    dataflow: Dataflow
    placement: Placement
    promise: tuple[int, ...]


class Search:
    """The search of one layer: records made once, and the best mapping so far."""

    def __init__(
        self,
        hardware: Hardware,
        table: EnergyTable,
        layer: Layer,
        objective: str,
        resident: Sequence[bool],
        reserved_bytes: int,
        addends: int,
        stored: Fraction,
    ) -> None:
        assert layer.nest is not None
        self.hardware, self.nest, self.objective = hardware, layer.nest, OBJECTIVES.index(objective)
        self.machine = machine_record(hardware, reserved_bytes)
        self.layer = layer_record(hardware, layer, layer.nest, resident, addends, stored=stored)
        self.energy = energy_record(hardware, table, layer)
        self.scratch = make_scratch(hardware)
        self.best, self.best_keys = record(MAPPING), np.full(KEYS, np.inf)
        self.found: Found | None = None

    def try_all(self, dataflows: Sequence[Dataflow], most_tiles: int) -> None:
        """Search the tiles of the most promising placements of all dataflows, then of those that may still be faster.

        The latter matter to layers that the array slows down, and are those whose array cycles, with the layer as one
        tile, are fewer than the best so far. Among them are placements that leave PEs idle, for layers that wait for
        words. (In a systolic array words wait for the wave front, which crosses idle PEs, too.)
        """
        array = self.hardware.array
        found = [self.judged(flow, i, placements(flow, self.nest, array)) for i, flow in enumerate(dataflows)]
        for candidate in in_order(c for candidates in found for c in candidates[:BEAM]):
            self.improve(candidate, most_tiles)
        if self.objective == 0 and self.best_is_array_bound():
            idle = [] if array.skewed else self.idle(dataflows)
            for candidate in (*in_order(c for candidates in found for c in candidates[BEAM:]), *idle):
                if candidate.promise[0] < self.best_keys[1]:
                    self.improve(candidate, most_tiles)

    def best_is_array_bound(self) -> bool:
        """Whether the best mapping so far takes longer on the array than at the DRAM port."""
        if self.found is None:
            return False
        mapping, scratch = mapping_record(self.hardware, self.found.mapping), self.scratch
        evaluate(
            self.machine,
            self.layer,
            mapping,
            scratch.program,
            scratch.walk,
            scratch.state,
            scratch.kinds,
            scratch.totals,
        )
        return bool(scratch.totals[ARRAY_CYCLES] > scratch.totals[PORT_CYCLES])

    def idle(self, dataflows: Sequence[Dataflow]) -> list[Candidate]:
        """The most promising placements that leave PEs idle and may take fewer cycles than the best so far."""
        candidates = [
            candidate
            for i, flow in enumerate(dataflows)
            for candidate in self.judged(flow, i, placements(flow, self.nest, self.hardware.array, idle=True))
            if candidate.promise[0] < self.best_keys[1]
        ]
        return in_order(candidates)[:IDLE_BEAM]

    def judged(self, dataflow: Dataflow, rank: int, found: Sequence[Placement]) -> list[Candidate]:
        """Placements in the order of what they promise; `rank` is that of the dataflow."""
        if not found:
            return []
        figures = np.zeros((len(found), 2), dtype=np.int64)
        skips = np.array([skips_zeros(self.hardware, dataflow, placement.spatial) for placement in found])
        for skipping in np.unique(skips):
            rows = np.flatnonzero(skips == skipping)
            figures[rows] = self.figures(dataflow, [found[int(i)] for i in rows], bool(skipping))
        first, second = (0, 1) if OBJECTIVES[self.objective] in ("cycles", "balanced") else (1, 0)
        promises = [(int(row[first]), int(row[second]), rank, i) for i, row in enumerate(figures)]
        order = sorted(range(len(found)), key=lambda i: promises[i])
        return [Candidate(dataflow, found[i], promises[i]) for i in order]

    def figures(self, dataflow: Dataflow, found: Sequence[Placement], skips: bool) -> Ints:
        """What the array makes of placements [*, 2]; see `simulator.cost.search_tiles.placements`."""
        figures = np.zeros((len(found), 2), dtype=np.int64)
        spatial = np.array([placement.spatial for placement in found], dtype=np.int64)
        registers = np.array([placement.registers for placement in found], dtype=np.int64)
        trial, scratch = template_record(dataflow), self.scratch
        trial["skips"] = skips
        placement_figures(
            self.machine, self.layer, trial, spatial, registers, scratch.program, scratch.walk, scratch.kinds, figures
        )
        return figures

    def improve(self, candidate: Candidate, most_tiles: int) -> None:
        """Search the tiles of a candidate for something better than the best."""
        trial, scratch, before = template_record(candidate.dataflow), self.scratch, self.best_keys.copy()
        trial["spatial"], trial["registers"] = candidate.placement.spatial, candidate.placement.registers
        trial["skips"] = skips_zeros(self.hardware, candidate.dataflow, candidate.placement.spatial)
        steps = tile_steps(candidate.placement, candidate.dataflow.lowered)
        choices, counts = tile_choices(self.nest, steps, candidate.dataflow)
        search_tiles(
            self.machine,
            self.layer,
            self.energy,
            self.objective,
            trial,
            most_tiles,
            choices,
            counts,
            _ORDERS,
            _TRIES,
            (scratch.program, scratch.walk, scratch.state, scratch.kinds, scratch.totals),
            self.best,
            self.best_keys,
        )
        if (self.best_keys != before).any():
            keys = tuple(float(key) for key in self.best_keys)
            self.found = Found(as_mapping(self.best, candidate.placement, candidate.dataflow), keys)


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The most promising first."""
    return sorted(candidates, key=lambda candidate: candidate.promise)


def template_record(dataflow: Dataflow) -> Record:
    """Start a mapping record with what the dataflow fixes."""
    return record(
        MAPPING,
        buffer_order=complete_order(dataflow.order),
        dram_order=_ORDERS[0],
        spatial=[1] * 8,
        registers=[1] * 8,
        lowered=dataflow.lowered,
        retains=dataflow.stationary is not None,
        packs=dataflow.packs,
        stationary=NO_OPERAND if dataflow.stationary is None else dataflow.stationary,
    )


def as_mapping(best: Record, placement: Placement, dataflow: Dataflow) -> Mapping:
    """Turn the record of the best mapping into a `Mapping`."""
    return Mapping(
        dataflow=dataflow.name,
        tile=tuple(int(t) for t in best["tile"]),
        dram_order=tuple(Dim(d) for d in best["dram_order"]),
        buffer_order=dataflow.order,
        rows=placement.rows,
        columns=placement.columns,
        registers=placement.registers,
        registers_order=tuple(reversed(dataflow.registers)),
        lowered=dataflow.lowered,
        retains=dataflow.stationary is not None,
        packs=dataflow.packs,
        stationary=dataflow.stationary,
    )


def least_demand(hardware: Hardware, layer: Layer) -> dict[Operand, int]:
    """Bytes of the smallest tile of each operand that any mapping can use."""
    nest = layer.nest
    assert nest is not None
    r, s = nest.bounds[Dim.R], nest.bounds[Dim.S]
    window = ((r - 1) * nest.dilation[0] + 1) * ((s - 1) * nest.dilation[1] + 1)
    words = {Operand.INPUTS: window, Operand.WEIGHTS: r * s, Operand.OUTPUTS: 1}
    bits = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    return {o: -(-words[o] * bits[o] // 8) for o in Operand}
