"""Tiles of the memory levels below the outermost: a few ways to fill each of them, to search from.

Each level takes the largest tile that fits when its dimensions grow one after the other, in every order of the groups
pixels, filters and reduction; the loops over its tiles run in every order of these groups that differs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from simulator.cost.spatial import SpatialMapping, spatial_mappings, tile_counts
from simulator.hardware.model import Buffer, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import LevelTile
from simulator.nest import Dim, LoopNest, Operand, array_bounds, footprint

GROUPS = ((Dim.N, Dim.P, Dim.Q), (Dim.K,), (Dim.C, Dim.R, Dim.S))
"""Loops that an order keeps together: pixels, filters, reduction."""


@dataclass(frozen=True, slots=True)
class InnerTiles:
    """Tiles of all levels below the outermost, and the order of the loops inside a tile of the outermost."""

    order: tuple[Dim, ...]
    levels: tuple[LevelTile, ...] = ()
    chip_levels: int = 1


def inner_tiles(
    hardware: Hardware, nest: LoopNest, layout: SpatialMapping, dataflow: Dataflow
) -> tuple[InnerTiles, ...]:
    """Every combination of inner tiles to try with a spatial mapping; a machine of one level has one."""
    count = len(hardware.level_names)
    if count == 1:
        return (InnerTiles(dataflow.order),)
    chip = hardware.levels_outside
    found = []
    for tiles in _tiles(hardware, nest, layout, dataflow, chip):
        outer, *orders = (_orders(dataflow) if level < chip - 1 else [dataflow.order] for level in range(count))
        inside = [[LevelTile(tile, order) for order in own] for tile, own in zip(tiles, orders, strict=True)]
        found += [InnerTiles(order, levels, chip) for order, levels in product(outer, [*product(*inside)])]
    return tuple(dict.fromkeys(found))


def with_room(hardware: Hardware, nest: LoopNest, dataflow: Dataflow) -> tuple[SpatialMapping, ...]:
    """Return a dataflow's spatial mappings on as many arrays as the memories below the outermost have room for.

    A window of inputs that serves nine pixels at stride 1 may serve four at stride 2: the other arrays have no work.
    """
    array = hardware.array
    every = (spatial_mappings(dataflow, nest, replace(array, instances=few)) for few in tile_counts(array.instances))
    return next((found for found in every if any(inner_tiles(hardware, nest, each, dataflow) for each in found)), ())


def _orders(dataflow: Dataflow) -> list[tuple[Dim, ...]]:
    """Orders of loops over tiles of an inner level, that of the dataflow first."""
    groups = [(Dim.G, *(d for group in order for d in group)) for order in permutations(GROUPS)]
    return list(dict.fromkeys([dataflow.order, *groups]))


def _tiles(
    hardware: Hardware, nest: LoopNest, layout: SpatialMapping, dataflow: Dataflow, chip: int
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield tiles of the levels from 1, outermost first; they are made from the registers outwards.

    Where not even the least tile of a level fits, there are none.
    """
    bounds, spatial = array_bounds(nest.bounds, dataflow.lowered), layout.spatial
    # Tiles made so far, innermost last -> what the next outer level holds at least.
    inside: dict[tuple[tuple[int, ...], ...], tuple[int, ...]] = {(): layout.registers}
    for level in range(len(hardware.level_names) - 1, 0, -1):
        # A memory further out, of those that see the same tile, holds it as well.
        memories = [b for b in hardware.buffers if 0 < b.level <= level and b.in_pe == (level >= chip)]
        free = dataflow.registers if level >= chip else tuple(Dim)
        grown: dict[tuple[tuple[int, ...], ...], tuple[int, ...]] = {}
        for made, least in inside.items():
            if level == chip - 1:
                least = tuple(min(b, s * e) for b, s, e in zip(bounds, spatial, least, strict=True))
            for tile in _filled(hardware, memories, nest, dataflow.lowered, least, free):
                grown[(tile, *made)] = tile
        inside = grown
    yield from inside


def _filled(
    hardware: Hardware,
    memories: Sequence[Buffer],
    nest: LoopNest,
    lowered: bool,
    least: tuple[int, ...],
    free: Sequence[Dim],
) -> list[tuple[int, ...]]:
    """Tiles that fill a level, dimensions growing in different orders; none if the least does not fit."""
    bounds, known = array_bounds(nest.bounds, lowered), dict[tuple[int, ...], bool]()

    def fits(tile: tuple[int, ...]) -> bool:
        if tile not in known:
            known[tile] = _fits(hardware, memories, nest, lowered, tile)
        return known[tile]

    if not fits(least):
        return []
    sizes = {d: _multiples(bounds[d], least[d]) for d in free}
    found = []
    for order in permutations(GROUPS):
        tile = least
        for d in (Dim.G, *(d for group in order for d in group)):
            larger = (_with(tile, d, size) for size in sizes.get(d, ()) if size > tile[d])
            tile = next((each for each in larger if fits(each)), tile)
        found.append(tile)
    return list(dict.fromkeys(found))


def _with(tile: Sequence[int], d: Dim, size: int) -> tuple[int, ...]:
    return (*tile[:d], size, *tile[d + 1 :])


def _multiples(bound: int, least: int) -> list[int]:
    """Extents to try, largest first: multiples of the least that cut the bound into `tile_counts` parts."""
    parts = tile_counts(-(-bound // least))
    return [min(bound, part * least) for part in parts]


def _fits(hardware: Hardware, memories: Sequence[Buffer], nest: LoopNest, lowered: bool, tile: Sequence[int]) -> bool:
    """Whether each memory holds its operands' part of a tile, twice where it is double-buffered."""
    bits = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    for memory in memories:
        needed = sum(-(-footprint(nest, tile, Operand(o), lowered) * bits[o] // 8) for o in memory.holds)
        if needed * (2 if memory.double_buffered else 1) > memory.capacity_bytes:
            return False
    return True
