"""Find the best mapping of a layer: every dataflow, spatial mapping, tile and loop order, for an objective."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import permutations

import numpy as np

from simulator.cost.case import MAPPING, MAX_LEVELS, NO_OPERAND, Best, Case, Ints, Record
from simulator.cost.convert import (
    complete_order,
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    port_record,
    price_record,
    record,
)
from simulator.cost.evaluate import evaluate
from simulator.cost.inner import GROUPS, InnerTiles, inner_tiles
from simulator.cost.objectives import BY_CYCLES, CYCLES_KEY, KEYS
from simulator.cost.search_tiles import CYCLES_COLUMN, WORDS_COLUMN, Choices, judge, search_tiles
from simulator.cost.sparsity import skips_zeros
from simulator.cost.spatial import SpatialMapping, spatial_mappings, tile_counts
from simulator.cost.stored import WHOLE_TENSORS, Slices
from simulator.hardware.model import OBJECTIVES, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import ONES, LevelTile, Mapping
from simulator.nest import Dim, LoopNest, Operand, array_bounds, footprint
from simulator.network.ir import Layer

MOST_TILES = (1 << 12, 1 << 16, 1 << 24)
"""Mappings of more tiles are tried only if none of fewer fits."""

BEAM = 32
"""Spatial mappings of a dataflow whose tiles are searched in any case: the best by what the array decides."""

UNDER_FILLED_BEAM = 8
"""Likewise, of all dataflows' spatial mappings that leave PEs without work."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be mapped: a layer on a machine, for an objective.

    `resident` tells per operand whether its whole tensor stays in the buffer, where such tensors take
    `reserved_bytes`; `residuals` tensors of the outputs' shape are added to them, of which a fraction is `stored`.
    `slices` tells where they lie in DRAM.
    """

    hardware: Hardware
    layer: Layer
    objective: str
    resident: tuple[bool, bool, bool] = (False, False, False)
    reserved_bytes: int = 0
    residuals: int = 0
    stored: Fraction = Fraction(1)
    slices: Slices = WHOLE_TENSORS


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
    if d in (Dim.R, Dim.S, *dataflow.untiled):
        yield bound
    elif d in dataflow.one_step_a_tile:
        yield min(step, bound)


def tile_steps(candidate: "Candidate") -> list[int]:
    """Extents that the next level takes at once, in the layer's dimensions; 1 where several are lowered into one."""
    spatial = candidate.layout
    steps = [s * r for s, r in zip(spatial.spatial, spatial.registers, strict=True)]
    if candidate.inner.levels and candidate.inner.chip_levels > 1:
        steps = list(candidate.inner.levels[0].tile)
    lowered = candidate.dataflow.lowered
    return [step if not lowered or d in (Dim.G, Dim.K) else 1 for d, step in zip(Dim, steps, strict=True)]


def dram_orders() -> tuple[Ints, Ints]:
    """Orders of the DRAM loops [6, 8]: G outermost, then pixels, filters and reduction in every order.

    Row m of the second array [8, 6] lists the orders that differ if only the groups in mask m are tiled, -1 after
    the last.
    """
    orders = list(permutations(range(3)))
    loops = [[int(Dim.G), *(int(d) for group in order for d in GROUPS[group])] for order in orders]
    tries = np.full((8, 6), -1, dtype=np.int64)
    for mask in range(8):
        seen: dict[tuple[int, ...], int] = {}
        for i, order in enumerate(orders):
            seen.setdefault(tuple(group for group in order if mask >> group & 1), i)
        tries[mask, : len(seen)] = list(seen.values())
    return np.array(loops, dtype=np.int64), tries


_ORDERS, _TRIES = dram_orders()


def search_layer(request: Request, dataflows: Sequence[Dataflow]) -> Found | None:
    """Best mapping of the layer under any of the dataflows, or None if no tile fits the buffers."""
    for most_tiles in MOST_TILES:
        search = Search(request)
        search.try_all(dataflows, most_tiles)
        if search.found is not None:
            return search.found
    return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spatial mapping under a dataflow with its inner tiles, and how promising it is (least first)."""

    dataflow: Dataflow
    layout: SpatialMapping
    inner: InnerTiles
    promise: tuple[int, ...] = ()


class Search:
    """The search of one layer: records made once, and the best mapping so far."""

    def __init__(self, request: Request) -> None:
        """Make the records."""
        layer, self.hardware = request.layer, request.hardware
        self.levels = len(self.hardware.level_names)
        assert layer.nest is not None
        self.nest, self.objective = layer.nest, OBJECTIVES.index(request.objective)
        self.parts = (
            machine_record(self.hardware, request.reserved_bytes),
            port_record(self.hardware),
            self.layer_record(request),
            price_record(self.hardware, layer),
        )
        self.scratch = make_scratch()
        self.best = Best(record(MAPPING), np.full(KEYS, np.inf))
        self.found: Found | None = None

    def layer_record(self, request: Request) -> Record:
        """Describe the layer."""
        return layer_record(
            self.hardware,
            request.layer,
            self.nest,
            request.resident,
            request.residuals,
            request.stored,
            request.slices,
        )

    def try_all(self, dataflows: Sequence[Dataflow], most_tiles: int) -> None:
        """Search the tiles of the most promising spatial mappings of all dataflows, then of those that may be faster.

        The latter matter to layers that the array slows down, and are those whose array cycles, with the layer as one
        tile, are fewer than the best so far. Among them are under-filled ones, which leave PEs without work, for layers
        that wait for words. (In a systolic array words wait for the wave front, which crosses such PEs, too.)
        """
        array = self.hardware.array
        found = [self.judged(flow, i, self.spatial_mappings(flow)) for i, flow in enumerate(dataflows)]
        for candidate in in_order(c for candidates in found for c in candidates[:BEAM]):
            self.improve(candidate, most_tiles)
        if self.objective == BY_CYCLES and self.best_is_array_bound():
            under_filled = [] if array.skewed else self.under_filled(dataflows)
            for candidate in (*in_order(c for candidates in found for c in candidates[BEAM:]), *under_filled):
                if candidate.promise[0] < self.best.keys[CYCLES_KEY]:
                    self.improve(candidate, most_tiles)

    def spatial_mappings(self, dataflow: Dataflow) -> Sequence[SpatialMapping]:
        """Spatial mappings of a dataflow; where PEs have memories, also those whose registers hold single words.

        Operands that stream through registers need a word there, but all of a block in a memory above them. Packed
        lanes have no memories.
        """
        found = spatial_mappings(dataflow, self.nest, self.hardware.array)
        if not any(buffer.in_pe for buffer in self.hardware.buffers):
            return found
        if dataflow.channel_packing:
            return ()
        return list(dict.fromkeys([*found, *(replace(each, registers=ONES) for each in found)]))

    def best_is_array_bound(self) -> bool:
        """Whether the best mapping so far takes longer on the array than at the DRAM port."""
        if self.found is None:
            return False
        evaluate(Case(*self.parts, mapping_record(self.hardware, self.found.mapping)), self.scratch)
        totals = self.scratch.totals
        return bool(totals["array_cycles"] > totals["port_cycles"])

    def under_filled(self, dataflows: Sequence[Dataflow]) -> list[Candidate]:
        """The most promising spatial mappings that leave PEs without work, and may take fewer cycles than the best."""
        candidates = [
            candidate
            for i, flow in enumerate(dataflows)
            for candidate in self.judged(
                flow, i, spatial_mappings(flow, self.nest, self.hardware.array, under_filled=True)
            )
            if candidate.promise[0] < self.best.keys[CYCLES_KEY]
        ]
        return in_order(candidates)[:UNDER_FILLED_BEAM]

    def judged(self, dataflow: Dataflow, rank: int, found: Sequence[SpatialMapping]) -> list[Candidate]:
        """Candidates in the order of what they promise; `rank` is that of the dataflow."""
        by_cycles = OBJECTIVES[self.objective] in ("cycles", "cycles_plus_dma")
        first, second = (CYCLES_COLUMN, WORDS_COLUMN) if by_cycles else (WORDS_COLUMN, CYCLES_COLUMN)
        judged: list[Candidate] = []
        for (skips, inner), group in self.alike(dataflow, found).items():
            figures = self.figures(template_record(dataflow, inner, skips), [layout for _, layout in group]).tolist()
            judged += [
                Candidate(dataflow, layout, inner, (row[first], row[second], rank, number))
                for row, (number, layout) in zip(figures, group, strict=True)
            ]
        return in_order(judged)

    def alike(
        self, dataflow: Dataflow, found: Sequence[SpatialMapping]
    ) -> dict[tuple[bool, InnerTiles], list[tuple[int, SpatialMapping]]]:
        """Group spatial mappings, numbered, by what their mapping records start from: skipping and inner tiles."""
        groups: dict[tuple[bool, InnerTiles], list[tuple[int, SpatialMapping]]] = {}
        alone, number = (InnerTiles(dataflow.order),), 0
        for layout in found:
            skips = skips_zeros(self.hardware, dataflow, layout.spatial)
            for inner in inner_tiles(self.hardware, self.nest, layout, dataflow) if self.levels > 1 else alone:
                groups.setdefault((skips, inner), []).append((number, layout))
                number += 1
        return groups

    def figures(self, trial: Record, layouts: Sequence[SpatialMapping]) -> Ints:
        """What the array makes of spatial mappings [*, 2]; see `simulator.cost.search_tiles.judge`."""
        figures = np.zeros((len(layouts), 2), dtype=np.int64)
        spatial = np.array([layout.spatial for layout in layouts], dtype=np.int64)
        registers = np.array([layout.registers for layout in layouts], dtype=np.int64)
        rows = np.array([layout.rows for layout in layouts], dtype=np.int64)
        arrays = np.array([layout.arrays for layout in layouts], dtype=np.int64)
        judge(Case(*self.parts, trial), self.scratch, spatial, rows, arrays, registers, figures)
        return figures

    def improve(self, candidate: Candidate, most_tiles: int) -> None:
        """Search the tiles of a candidate for something better than the best."""
        flow, layout, before = candidate.dataflow, candidate.layout, self.best.keys.copy()
        trial = template_record(flow, candidate.inner, skips_zeros(self.hardware, flow, layout.spatial))
        trial["spatial"], trial["registers"] = layout.spatial, layout.registers
        trial["rows"], trial["arrays"] = layout.rows, layout.arrays
        choices = Choices(*tile_choices(self.nest, tile_steps(candidate), flow), _ORDERS, _TRIES)
        search_tiles(Case(*self.parts, trial), self.scratch, self.objective, most_tiles, choices, self.best)
        if (self.best.keys != before).any():
            keys = tuple(float(key) for key in self.best.keys)
            self.found = Found(as_mapping(self.best.mapping, candidate), keys)


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The most promising first."""
    return sorted(candidates, key=lambda candidate: candidate.promise)


def template_record(dataflow: Dataflow, inner: InnerTiles, skips: bool) -> Record:
    """Start a mapping record with what dataflow and inner tiles fix."""
    tiles = [[1] * 8, *(level.tile for level in inner.levels)]
    orders = [complete_order(inner.order), *(complete_order(level.order) for level in inner.levels)]
    pad = MAX_LEVELS - len(tiles)
    return record(
        MAPPING,
        dram_order=_ORDERS[0],
        inner_tile=tiles + [[1] * 8] * pad,
        orders=orders + [list(range(8))] * pad,
        spatial=[1] * 8,
        rows=[1] * 8,
        arrays=[1] * 8,
        registers=[1] * 8,
        lowered=dataflow.lowered,
        retains=dataflow.stationary is not None,
        channel_packing=dataflow.channel_packing,
        skips=skips,
        stationary=NO_OPERAND if dataflow.stationary is None else dataflow.stationary,
    )


def as_mapping(best: Record, candidate: Candidate) -> Mapping:
    """Turn the record of the best mapping into a `Mapping`; no inner tile is larger than the one it lies in."""
    dataflow, layout = candidate.dataflow, candidate.layout
    tile = tuple(int(t) for t in best["tile"])
    extents = array_bounds(tile, dataflow.lowered)
    inner = []
    for level in candidate.inner.levels:
        extents = tuple(map(min, level.tile, extents))
        inner.append(LevelTile(extents, level.order))
    return Mapping(
        dataflow=dataflow.name,
        tile=tile,
        dram_order=tuple(Dim(d) for d in best["dram_order"]),
        buffer_order=candidate.inner.order,
        rows=layout.rows,
        columns=layout.columns,
        registers=layout.registers,
        registers_order=tuple(reversed(dataflow.registers)),
        lowered=dataflow.lowered,
        retains=dataflow.stationary is not None,
        channel_packing=dataflow.channel_packing,
        stationary=dataflow.stationary,
        inner=tuple(inner),
        arrays=layout.arrays,
    )


def least_demand(hardware: Hardware, layer: Layer) -> dict[Operand, int]:
    """Bytes of the smallest tile of each operand that any mapping can use."""
    nest = layer.nest
    assert nest is not None
    smallest = (1, 1, 1, 1, 1, 1, nest.bounds[Dim.R], nest.bounds[Dim.S])
    bits = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    return {o: -(-footprint(nest, smallest, o) * bits[o] // 8) for o in Operand}
