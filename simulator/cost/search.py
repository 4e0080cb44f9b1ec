"""Find the best mapping of a layer: every dataflow, spatial mapping, tile and loop order, for an objective.

A search knows what no mapping can do without (`simulator.cost.floor`), leaves out what cannot be better than what it
has by more than a gap, and ends when nothing is left, or when it has worked enough. What it returns is a mapping, and
a value that none in the whole space is below:

- dimensions that a dataflow unrolls, on rows, columns and arrays with any bounds that these hold, PEs without work
  among them, but filter taps over as many as they can; loops in the registers with any bounds that fit;
- tiles of all numbers along every dimension but filter taps, the least extents and whole steps of the array;
- all orders of the DRAM loops that differ; inner levels as `simulator.cost.inner` fills them.

Without `Effort.whole_space` it tries of these: spatial mappings that no larger one of their kind exceeds, and those
that leave PEs without work along one dimension; numbers of tiles that are powers of two and halfway between, and around
the best of them, for cycles, all numbers along two dimensions at a time, for edp the next ones along all dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, islice
from typing import TypeAlias

import numpy as np

from simulator.cost.candidates import (
    ORDERS,
    TRIES,
    Candidate,
    as_mapping,
    choices_near,
    in_order,
    template_record,
    tile_choices,
    tile_steps,
)
from simulator.cost.case import MAPPING, Best, Case, Ints, Record
from simulator.cost.convert import (
    layer_record,
    machine_record,
    make_scratch,
    port_record,
    price_record,
    record,
)
from simulator.cost.effort import DEFAULT, Effort
from simulator.cost.floors import Floors, case_of
from simulator.cost.inner import InnerTiles, inner_tiles, with_room
from simulator.cost.objectives import CYCLES_KEY, ENERGY_KEY, KEYS, OBJECTIVE_KEY
from simulator.cost.search_tiles import CYCLES_COLUMN, FIGURES, FLOOR_COLUMN, WORDS_COLUMN, Choices, judge, search_tiles
from simulator.cost.sparsity import skips_zeros
from simulator.cost.spatial import SpatialMapping, every_spatial_mapping, spatial_mappings
from simulator.cost.stored import WHOLE_TENSORS, Slices
from simulator.errors import TooMuchWork
from simulator.hardware.model import BAND, KERNEL_OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import ONES, Mapping
from simulator.nest import Dim
from simulator.network.ir import Layer

AMONG_THE_FASTEST = 8
"""Spatial mappings of a dataflow that are searched first, where the fastest mapping is known and energy is sought."""

UNDER_FILLED_BEAM = 8
"""Likewise, of all dataflows' spatial mappings that leave PEs without work."""

FIRST = 2
"""Of each dataflow, the spatial mappings that are searched before those of others are."""

ELONGATION = 4
"""Of tiles that have neither whole rows nor the fewest: rows to columns at most, and back, where time is sought."""

AT_ONCE = 4096
"""Spatial mappings that are listed before they are searched, where all are."""

LEFT_OUT = 32
"""Tiles that can be ruled out in the time that the evaluation of a mapping takes."""


Told: TypeAlias = Callable[[str, float, int], None]
"""Is told on the way of a search: its objective, the gap so far, and how many spatial mappings a proof went through."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be mapped: a layer on a machine, for an objective.

    `resident` tells per operand whether its whole tensor stays in the buffer, where such tensors take
    `reserved_bytes`; `residuals` tensors of the outputs' shape are added to them, of which a fraction is `stored`.
    `slices` tells where they lie in DRAM, `parameters` how many words come with the weights for ops that are fused.
    """

    hardware: Hardware
    layer: Layer
    objective: str
    resident: tuple[bool, bool, bool] = (False, False, False)
    reserved_bytes: int = 0
    residuals: int = 0
    stored: Fraction = Fraction(1)
    slices: Slices = WHOLE_TENSORS
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A mapping and its place in the order of preference: objective, cycles, energy, DRAM bytes.

    No mapping in the space of the search takes less than `bound` of the objective; `cycles_bound` says so of cycles,
    where the objective is energy among the fastest.
    """

    mapping: Mapping
    keys: tuple[float, ...]
    bound: float = 0.0
    cycles_bound: float | None = None

    @property
    def gap(self) -> float:
        """Fraction by which the objective may exceed the least there is."""
        return gap_of(self.keys[OBJECTIVE_KEY], self.bound)

    @property
    def cycles_gap(self) -> float | None:
        """Likewise of cycles, where they are not the objective, but decide which mappings are fast."""
        return None if self.cycles_bound is None else gap_of(self.keys[CYCLES_KEY], self.cycles_bound)


@lru_cache(maxsize=64)
def machine_records(hardware: Hardware, reserved_bytes: int) -> tuple[Record, Record]:
    """Return the records of a machine and its port, which kernels do not change: searches share them."""
    return machine_record(hardware, reserved_bytes), port_record(hardware)


def gap_of(value: float, bound: float) -> float:
    """Fraction by which a value exceeds its bound; 0 where both are."""
    return value / bound - 1 if bound > 0 else float(value > 0)


def search_layer(
    request: Request, dataflows: Sequence[Dataflow], effort: Effort = DEFAULT, told: Told | None = None
) -> Found | None:
    """Best mapping of the layer under any of the dataflows, or None if no tile fits the buffers.

    For `cycles_then_energy` that is the mapping of least energy among those that take at most `BAND` more cycles than
    the fastest found. TooMuchWork if the search had to end before it found one.
    """
    if request.objective != "cycles_then_energy":
        return Search(request, effort, told=told).run(dataflows)
    fastest = Search(replace(request, objective="cycles"), effort, told=told).run(dataflows)
    if fastest is None:
        return None
    most = fastest.keys[CYCLES_KEY] * (1 + BAND)
    search = Search(replace(request, objective="energy"), replace(effort, beam=AMONG_THE_FASTEST), most, told)
    search.begin_with(fastest)
    found = search.run(dataflows)
    assert found is not None
    return replace(found, cycles_bound=fastest.bound)


class Search:
    """The search of one layer: records made once, and the best mapping so far."""

    def __init__(
        self, request: Request, effort: Effort = DEFAULT, most_cycles: float = np.inf, told: Told | None = None
    ) -> None:
        """Make the records; mappings of more than `most_cycles` are left out.

        Kernels are compiled for each type that they meet: that is one, a float, whether the limit is none or a count.
        """
        layer, self.hardware = request.layer, request.hardware
        self.levels = len(self.hardware.level_names)
        assert layer.nest is not None
        self.nest, self.objective = layer.nest, KERNEL_OBJECTIVES.index(request.objective)
        self.by_cycles = request.objective in ("cycles", "cycles_plus_dma")
        facts = layer_record(
            self.hardware, layer, layer.nest, request.resident, request.residuals, request.stored, request.slices
        )
        facts["parameters"] = request.parameters
        machine, port = machine_records(self.hardware, request.reserved_bytes)
        self.parts = machine, port, facts, price_record(self.hardware, layer)
        self.scratch, self.effort, self.most_cycles, self.spent = make_scratch(), effort, float(most_cycles), 0
        self.scratch.work["left"] = effort.tiles
        self.best = Best(record(MAPPING), np.full(KEYS, np.inf))
        self.found: Found | None = None
        self.winner: Candidate | None = None
        self.least = Floors(self.hardware, self.nest, self.parts, self.scratch, self.objective, most_cycles)
        self.floors: dict[str, float] = {}
        self.raised: set[str] = set()
        self.told, self.searched = told, 0

    def begin_with(self, known: Found) -> None:
        """Take a mapping that is known as the best so far, of a search for the least energy."""
        keys = (known.keys[ENERGY_KEY], *known.keys[1:])
        self.found = replace(known, keys=keys, bound=0.0)
        self.best.keys[:] = keys

    def run(self, dataflows: Sequence[Dataflow]) -> Found | None:
        """Search until nothing is left that could be better by more than the gap, or the effort is spent."""
        for flow in dataflows:
            possible = self.least.mac_cycles(flow) <= self.most_cycles
            self.floors[flow.name] = self.least.of(flow, self.best.keys[OBJECTIVE_KEY]) if possible else np.inf
        ranked = sorted(enumerate(dataflows), key=lambda pair: self.floors[pair[1].name])
        self.search_the_promising(ranked)
        self.refine()
        done = self.effort.whole_space and self.search_everything(ranked)
        if self.found is None:
            if self.scratch.work["left"] > 0:
                return None
            raise TooMuchWork(self.effort.tiles)
        for flow in dataflows:
            self.raise_floor(flow)
        value = self.found.keys[OBJECTIVE_KEY]
        return replace(self.found, bound=value if done else min(value, *self.floors.values()))

    def tell(self) -> None:
        """Tell how near the best so far is to the least there is, once something is found."""
        if self.told and self.found:
            value = float(self.best.keys[OBJECTIVE_KEY])
            gap = gap_of(value, min(value, *self.floors.values()))
            self.told(KERNEL_OBJECTIVES[self.objective], gap, self.searched)

    def raise_floor(self, dataflow: Dataflow) -> None:
        """Look at all ways to cut the layer, once something is found, and where that may tell more than is known."""
        if self.found and dataflow.name not in self.raised and self.may_improve(self.floors[dataflow.name]):
            self.raised.add(dataflow.name)
            self.floors[dataflow.name] = self.least.close(dataflow, float(self.best.keys[OBJECTIVE_KEY]))

    def may_improve(self, floor: float) -> bool:
        """Whether what takes so much of the objective at least may be better than the best by more than the gap."""
        return self.found is None or floor * (1 + self.effort.gap) < self.best.keys[OBJECTIVE_KEY]

    def search_the_promising(self, ranked: Sequence[tuple[int, Dataflow]]) -> None:
        """Search the tiles of the most promising spatial mappings of all dataflows, then of those that seem faster.

        The latter are those whose array cycles, with the layer as one tile, are fewer than the best so far. Among them
        are under-filled ones, which leave PEs without work, for layers that wait for words. (In a systolic array words
        wait for the wave front, which crosses such PEs, too.)
        """
        promising: list[Candidate] = []
        others: list[Candidate] = []
        for rank, flow in ranked:
            self.raise_floor(flow)
            if self.may_improve(self.floors[flow.name]):
                candidates = self.judged(flow, rank, self.spatial_mappings(flow))
                for candidate in candidates[:FIRST]:
                    self.improve(candidate)
                    self.raise_floor(flow)
                promising += candidates[FIRST : self.effort.beam]
                others += candidates[self.effort.beam :]
        for candidate in in_order(promising):
            self.improve(candidate)
        if self.by_cycles and not self.hardware.array.skewed:
            open_to = [pair for pair in ranked if self.may_improve(self.floors[pair[1].name])]
            others += in_order(c for rank, flow in open_to for c in self.under_filled(rank, flow))[:UNDER_FILLED_BEAM]
        for candidate in in_order(others) if self.by_cycles or self.found is None else ():
            if self.spent > self.effort.evaluations:
                break
            if candidate.promise[0] < self.best.keys[CYCLES_KEY]:
                self.improve(candidate)

    def search_everything(self, ranked: Sequence[tuple[int, Dataflow]]) -> bool:
        """Search all tiles of all spatial mappings; True: there is nothing that was not looked at or ruled out."""
        for rank, flow in ranked:
            if self.may_improve(self.floors[flow.name]):
                every = every_spatial_mapping(flow, self.nest, self.hardware.array)
                while some := list(islice(every, AT_ONCE)):
                    for candidate in self.judged(flow, rank, self.with_single_words(flow, some)):
                        self.improve(candidate)
                        self.searched += 1
                if self.levels == 1:  # what is left of it is no better than the best
                    self.floors[flow.name] = float(self.best.keys[OBJECTIVE_KEY])
                    self.tell()
        return self.levels == 1

    def spatial_mappings(self, dataflow: Dataflow) -> Sequence[SpatialMapping]:
        """Spatial mappings of a dataflow of which none could be larger."""
        return self.with_single_words(dataflow, with_room(self.hardware, self.nest, dataflow))

    def with_single_words(self, dataflow: Dataflow, found: Sequence[SpatialMapping]) -> Sequence[SpatialMapping]:
        """Where PEs have memories, add spatial mappings whose registers hold single words.

        Operands that stream through registers need a word there, but all of a block in a memory above them. Packed
        lanes have no memories.
        """
        if not any(buffer.in_pe for buffer in self.hardware.buffers):
            return found
        if dataflow.channel_packing:
            return ()
        return list(dict.fromkeys([*found, *(replace(each, registers=ONES) for each in found)]))

    def under_filled(self, rank: int, dataflow: Dataflow) -> list[Candidate]:
        """Spatial mappings of a dataflow that leave PEs without work."""
        found = spatial_mappings(dataflow, self.nest, self.hardware.array, under_filled=True)
        return self.judged(dataflow, rank, self.with_single_words(dataflow, found))

    def judged(self, dataflow: Dataflow, rank: int, found: Sequence[SpatialMapping]) -> list[Candidate]:
        """Candidates in the order of what they promise; `rank` is that of the dataflow."""
        first, second = (CYCLES_COLUMN, WORDS_COLUMN) if self.by_cycles else (WORDS_COLUMN, CYCLES_COLUMN)
        judged: list[Candidate] = []
        energies = (
            self.least.array_energy(dataflow).of(*figures_of(found, "spatial", "registers")).tolist() if found else []
        )
        for (skips, inner), group in self.alike(dataflow, found).items():
            layouts = [found[at] for _, at in group]
            figures = self.figures(template_record(dataflow, inner, skips), layouts).tolist()
            for row, (number, at) in zip(figures, group, strict=True):
                promise = row[first], row[second], rank, number
                judged.append(Candidate(dataflow, found[at], inner, promise, row[FLOOR_COLUMN], energies[at]))
        return in_order(judged)

    def alike(
        self, dataflow: Dataflow, found: Sequence[SpatialMapping]
    ) -> dict[tuple[bool, InnerTiles], list[tuple[int, int]]]:
        """Group places of spatial mappings, numbered, by what their records start from: skipping and inner tiles."""
        groups: dict[tuple[bool, InnerTiles], list[tuple[int, int]]] = {}
        known: dict[tuple[tuple[int, ...], ...], tuple[InnerTiles, ...]] = {}
        number = 0
        for at, layout in enumerate(found):
            skips, spread = skips_zeros(self.hardware, dataflow, layout.spatial), (layout.spatial, layout.registers)
            if spread not in known:
                known[spread] = inner_tiles(self.hardware, self.nest, layout, dataflow)
            for inner in known[spread]:
                groups.setdefault((skips, inner), []).append((number, at))
                number += 1
        return groups

    def figures(self, trial: Record, layouts: Sequence[SpatialMapping]) -> Ints:
        """What the array makes of spatial mappings [*, FIGURES]; see `simulator.cost.search_tiles.judge`."""
        figures = np.zeros((len(layouts), FIGURES), dtype=np.int64)
        spatial, rows, arrays, registers = figures_of(layouts, "spatial", "rows", "arrays", "registers")
        judge(Case(*self.parts, trial), self.scratch, spatial, rows, arrays, registers, figures)
        return figures

    def improve(self, candidate: Candidate, near: Sequence[Dim] = ()) -> None:
        """Search the tiles of a candidate for something better than the best, or along two dimensions `near` it."""
        floor = max(self.floors[candidate.dataflow.name], candidate.floor * self.by_cycles)
        if candidate.floor > self.most_cycles or not self.may_improve(floor):
            return
        flow, layout, before = candidate.dataflow, candidate.layout, self.best.keys.copy()
        trial = template_record(flow, candidate.inner, skips_zeros(self.hardware, flow, layout.spatial))
        trial["spatial"], trial["registers"] = layout.spatial, layout.registers
        trial["rows"], trial["arrays"] = layout.rows, layout.arrays
        choices, case = self.choices(candidate, near), case_of(self.parts, trial, candidate.words_pj)
        self.spent += search_tiles(case, self.scratch, self.objective, self.most_cycles, choices, self.best)
        self.spent += int(choices.counts.prod()) // LEFT_OUT
        if (self.best.keys != before).any():
            keys = tuple(float(key) for key in self.best.keys)
            self.found, self.winner = Found(as_mapping(self.best.mapping, candidate), keys), candidate
        self.tell()

    def choices(self, candidate: Candidate, near: Sequence[Dim]) -> Choices:
        """Tiles and orders to try with a candidate."""
        steps, flow, whole = tile_steps(candidate), candidate.dataflow, self.effort.whole_space
        if near:
            reach = max(self.nest.bounds) if self.by_cycles else 1
            extents, counts = choices_near(self.nest, steps, flow, self.best.mapping["tile"], near, reach)
        else:
            extents, counts = tile_choices(self.nest, steps, flow, whole)
        timed = self.by_cycles or self.most_cycles < np.inf  # what is bounded by time prunes; bytes alone hardly do
        elongation = max(self.nest.bounds) if whole or near else ELONGATION if timed else 0
        return Choices(extents, counts, ORDERS, TRIES, elongation)

    def refine(self) -> None:
        """Try numbers of tiles around those of the best mapping while it helps: for cycles, all along two dimensions at
        a time; for edp, where bounds leave little out, the next ones along all. Energy and bytes hardly change by them.
        """
        objective, cut = KERNEL_OBJECTIVES[self.objective], [d for d in Dim if self.nest.bounds[d] > 1]
        pairs = list(combinations(cut, 2)) if objective == "cycles" and len(cut) > 1 else [cut]
        while self.winner is not None and objective in ("cycles", "edp"):
            candidate, self.winner = self.winner, None
            for dims in pairs:
                self.improve(candidate, dims)


def figures_of(layouts: Sequence[SpatialMapping], *names: str) -> list[Ints]:
    """Bounds of spatial mappings by name, each [*, 8]."""
    return [np.array([getattr(layout, name) for layout in layouts], np.int64).reshape(-1, 8) for name in names]
