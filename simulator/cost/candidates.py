"""What a search tries: spatial mappings with their inner tiles, extents of tiles, and orders of DRAM loops."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations

import numpy as np

from simulator.cost.case import MAPPING, MAX_LEVELS, NO_OPERAND, Ints, Record
from simulator.cost.convert import complete_order, record
from simulator.cost.floor import Cuts
from simulator.cost.inner import GROUPS, InnerTiles
from simulator.cost.spatial import SpatialMapping, balanced, tile_counts
from simulator.hardware.model import Array
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import LevelTile, Mapping
from simulator.nest import Dim, LoopNest, array_bounds


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


@cache
def all_counts(extent: int, step: int) -> tuple[int, ...]:
    """Extents that cut a dimension into any number of tiles, those of `aligned_counts`, and all whole numbers of steps
    that are next to them, largest first.

    >>> all_counts(10, 4)
    (10, 8, 5, 4, 3, 2, 1)
    """
    sizes = balanced(extent)
    steps = {min(extent, -(-size // step) * step) for size in sizes}
    return tuple(sorted({*sizes, *steps, *aligned_counts(extent, step)}, reverse=True))


@lru_cache(maxsize=4096)
def tile_choices(
    nest: LoopNest, steps: tuple[int, ...], dataflow: Dataflow, whole_space: bool = False
) -> tuple[Ints, Ints]:
    """Tile extents to try for each dimension, largest first, as [8, *] padded with zeros, and how many there are.

    `steps` [8] are the extents that the array covers at once. Filters are not cut; a dataflow may say more.
    """
    counts_of = all_counts if whole_space else aligned_counts
    return _table(
        [
            tuple(_fixed_extents(d, bound, step, dataflow)) or counts_of(bound, step)
            for d, bound, step in zip(Dim, nest.bounds, steps, strict=True)
        ]
    )


def choices_near(
    nest: LoopNest, steps: tuple[int, ...], dataflow: Dataflow, tile: Sequence[int], free: Sequence[Dim], reach: int
) -> tuple[Ints, Ints]:
    """Tile extents of the dimensions that are `free`, up to `reach` on each side of the tile's own; of others, its own.

    As `tile_choices` returns them.
    """
    extents, counts = tile_choices(nest, steps, dataflow, whole_space=True)
    kept = []
    for d, own in zip(Dim, map(int, tile), strict=True):
        sizes = extents[d, : counts[d]].tolist() if d in free else [own]
        larger, smaller = [size for size in sizes if size > own], [size for size in sizes if size < own]
        kept.append((*larger[max(0, len(larger) - reach) :], own, *smaller[:reach]))
    return _table(kept)


def _table(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return lists as rows of one array, filled up with zeros, and their lengths."""
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


MOST_WAYS = 64
"""Numbers of tiles of one dimension that a floor tells apart; beyond, neighbours are taken together."""


@lru_cache(maxsize=4096)
def ways_to_cut(nest: LoopNest, dataflow: Dataflow, longest_steps: tuple[int, ...]) -> Cuts:
    """All numbers of tiles for the floor: extents at least and at most, if no step of the array is longer than these.

    A tile is the least of its number, or that much in whole steps. Numbers that extents far apart have are several
    ways, those of larger tiles first.
    """
    least, most = [], []
    for d, bound, step in zip(Dim, nest.bounds, longest_steps, strict=True):
        fixed = d in (Dim.R, Dim.S, *dataflow.untiled)
        every = (bound,) if fixed else balanced(bound)
        sizes = _thinned(every)
        after = [every[every.index(size) + 1] for size in sizes[:-1]]  # the largest of the next way
        largest = (bound, *(min(size - 1, x + step - 1) for size, x in zip(sizes, after, strict=False)))
        parts = [part for each in zip(sizes, largest, strict=True) for part in _close(*each)]
        least.append([low for low, _ in parts])
        most.append([high for _, high in parts])
    extents, counts = _table(least)
    return Cuts(extents, _table(most)[0], counts, ORDERS, TRIES)


def _close(least: int, most: int) -> list[tuple[int, int]]:
    """Part a range of extents into ranges of which the ends are at most a quarter apart, largest first.

    >>> _close(7, 13)
    [(12, 13), (9, 11), (7, 8)]
    """
    parts = []
    while least <= most:
        parts.append((least, min(most, least + least // 4)))
        least = parts[-1][1] + 1
    return parts[::-1]


def longest_steps(nest: LoopNest, dataflow: Dataflow, array: Array, levels: int) -> tuple[int, ...]:
    """Extents that the array covers at once, at most; all of a dimension where that is not known."""
    found = []
    for d, bound in zip(Dim, nest.bounds, strict=True):
        step = array.rows if d in dataflow.rows else 1
        step *= array.columns if d in dataflow.columns else 1
        step *= array.instances if d in dataflow.arrays else 1
        alone = dataflow.lowered and d not in (Dim.G, Dim.K)
        known = levels == 1 and d not in dataflow.registers and not dataflow.channel_packing
        found.append(1 if alone and levels == 1 else min(bound, step) if known else bound)
    return tuple(found)


def _thinned(sizes: Sequence[int]) -> tuple[int, ...]:
    """At most `MOST_WAYS` of the sizes, largest first: all of the first half, and of the others as many as fit."""
    if len(sizes) <= MOST_WAYS:
        return tuple(sizes)
    half = MOST_WAYS // 2
    picks = {half + (len(sizes) - half) * (i + 1) // half - 1 for i in range(half)}
    return (*sizes[:half], *(sizes[i] for i in sorted(picks)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spatial mapping under a dataflow with its inner tiles, how promising it is (least first), the cycles that its
    MACs take at least, and the picojoules of words at the array.
    """  # fmt: skip

    dataflow: Dataflow
    layout: SpatialMapping
    inner: InnerTiles
    promise: tuple[int, ...] = ()
    floor: int = 0
    words_pj: float = 0.0


def tile_steps(candidate: Candidate) -> tuple[int, ...]:
    """Extents that the next level takes at once, in the layer's dimensions; 1 where several are lowered into one."""
    spatial = candidate.layout
    steps = [s * r for s, r in zip(spatial.spatial, spatial.registers, strict=True)]
    if candidate.inner.levels and candidate.inner.chip_levels > 1:
        steps = list(candidate.inner.levels[0].tile)
    lowered = candidate.dataflow.lowered
    return tuple(step if not lowered or d in (Dim.G, Dim.K) else 1 for d, step in enumerate(steps))


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


ORDERS, TRIES = dram_orders()


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The most promising first."""
    return sorted(candidates, key=lambda candidate: candidate.promise)


def template_record(dataflow: Dataflow, inner: InnerTiles, skips: bool) -> Record:
    """Start a mapping record with what dataflow and inner tiles fix."""
    started: Record = _template(dataflow, inner, skips).copy()
    return started


@lru_cache(maxsize=1024)
def _template(dataflow: Dataflow, inner: InnerTiles, skips: bool) -> Record:
    tiles = [[1] * 8, *(level.tile for level in inner.levels)]
    orders = [complete_order(inner.order), *(complete_order(level.order) for level in inner.levels)]
    pad = MAX_LEVELS - len(tiles)
    return record(
        MAPPING,
        dram_order=ORDERS[0],
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
