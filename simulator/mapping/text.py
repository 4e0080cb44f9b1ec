"""Mappings as text: what `--mapping FILE` reads and a run saves.

    layers:
      conv1:
        dataflow: output_stationary_pixels
        dram: [K2:32, P7]            # loops over tiles, outermost first; tiles of 32 filters, see `implied_tile`
        buffer: [P7, Q7, K4, C3]     # loops over array steps
        rows: [P16]
        columns: [Q16]
        registers: [K8, R5, S5]      # loops inside a PE, outermost first

A loop is its dimension and bound; dimensions left out are not cut there. Bounds need not divide. Where a machine has
several memory levels, `levels` takes the place of `buffer` and holds the loops inside each, by its name:

        levels: {shared_glb: [Q14, R3], pe_spad: [C3, P4, S3], weight_reg: [P14]}
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from operator import mul
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulator.errors import Problem, nearest
from simulator.mapping.mapping import ONES, LevelTile, Mapping
from simulator.nest import OPERAND_NAMES, Dim, Operand, array_bounds
from simulator.network.ir import Layer
from simulator.source import Document

if TYPE_CHECKING:
    from simulator.mapping.schema import WrittenMapping

_LOOP = re.compile(r"([NGKCPQRS])([0-9]{1,9})(?::([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class LevelNames:
    """Names of a machine's memory levels, outermost first, and how many of them lie outside the PEs."""

    names: tuple[str, ...] = ("buffer",)
    outside: int = 1


def mapping_to_dict(mapping: Mapping, bounds: Sequence[int], levels: LevelNames = LevelNames()) -> dict[str, object]:
    """Return a mapping the way a file holds it; `bounds` are the layer's loop bounds."""
    sizes = inner_sizes(mapping, levels)
    outer = [array_tile(mapping), *(level.tile for level in mapping.inner)]
    trips = [tuple(-(-e // s) for e, s in zip(*pair, strict=True)) for pair in zip(outer, sizes, strict=True)]
    orders = [mapping.buffer_order, *(level.order for level in mapping.inner)]
    stated: list[dict[Dim, int]] = [{} for _ in trips]
    for level in range(levels.outside - 1, 0, -1):
        implied = tiles_inside_out(mapping.registers, mapping.spatial, trips, stated, levels.outside)[level]
        for d in orders[level - 1]:
            if min(implied[d], outer[level - 1][d]) != outer[level][d]:
                stated[level - 1][d] = outer[level][d]
    loops = [_loops(*written) for written in zip(orders, trips, stated, strict=True)]
    step, *_ = tiles_inside_out(mapping.registers, mapping.spatial, trips, stated, levels.outside)
    tiles = [-(-bound // tile) for bound, tile in zip(bounds, mapping.tile, strict=True)]
    named = {
        d: mapping.tile[d]
        for d in mapping.dram_order
        if implied_tile(bounds[d], tiles[d], step[d] * trips[0][d], mapping.lowered) != mapping.tile[d]
    }
    inside = dict(zip(levels.names, loops, strict=True))
    return {
        "dataflow": mapping.dataflow,
        "dram": _loops(mapping.dram_order, tiles, named),
        **({"levels": inside} if len(loops) > 1 else {"buffer": loops[0]}),
        **({"arrays": _loops(Dim, mapping.arrays)} if mapping.arrays != ONES else {}),
        "rows": _loops(Dim, mapping.rows),
        "columns": _loops(Dim, mapping.columns),
        "registers": _loops(mapping.registers_order, mapping.registers),
        **_flags(mapping),
    }


def _flags(mapping: Mapping) -> dict[str, object]:
    """Return what is not as usual, the way a file holds it."""
    flags: dict[str, object] = {}
    if mapping.stationary is not None:
        flags["stationary"] = OPERAND_NAMES[mapping.stationary]
    if mapping.lowered:
        flags["lowered"] = True
    if not mapping.retains:
        flags["retains"] = False
    if mapping.channel_packing:
        flags["channel_packing"] = True
    return flags


def inner_sizes(mapping: Mapping, levels: LevelNames) -> list[tuple[int, ...]]:
    """Extents that the loops inside each level step by: a tile of the next one, a step of the array, or registers."""
    inside = [*(level.tile for level in mapping.inner), mapping.registers]
    own = inside[levels.outside - 1]
    step = tuple(s * e for s, e in zip(mapping.spatial, own, strict=True))
    return [*inside[: levels.outside - 1], step, *inside[levels.outside :]]


def implied_tile(extent: int, tiles: int, inner: int, lowered: bool) -> int:
    """Tile of a DRAM loop that does not name it: what the inner loops cover if that fits, or equal parts."""
    if not lowered and -(-extent // inner) == tiles:
        return min(inner, extent)
    return -(-extent // tiles)


def tiles_inside_out(
    registers: Sequence[int],
    pes: Sequence[int],
    trips: Sequence[Sequence[int]],
    stated: Sequence[dict[Dim, int]],
    outside: int,
) -> list[tuple[int, ...]]:
    """What loops written inside each level mean: first what those of the outermost step by, then tiles of the others.

    `trips` are theirs, `stated` the tiles that they name; a level's tile is what the loops inside it cover, or what
    those around it name. Nothing is cut off yet at the tile around it.
    """
    held = tuple(registers)
    tiles: list[tuple[int, ...]] = []
    for level in range(len(trips) - 1, -1, -1):
        if level == outside - 1:
            held = tuple(map(mul, held, pes))
        if level > 0:
            named = stated[level - 1] if level < outside else {}
            held = tuple(named.get(d, s * t) for d, s, t in zip(Dim, held, trips[level], strict=True))
        tiles.insert(0, held)
    return tiles


def _loops(order: Iterable[Dim], bounds: Sequence[int], tiles: Lookup[Dim, int] = MappingProxyType({})) -> list[str]:
    """Write the loops that run more than once, with the tiles that they name."""
    return [f"{d.name}{bounds[d]}" + (f":{tiles[d]}" if d in tiles else "") for d in order if bounds[d] > 1]


def array_tile(mapping: Mapping) -> tuple[int, ...]:
    """Extents of a full tile of the outermost memory as the array sees them, lowered or not."""
    return array_bounds(mapping.tile, mapping.lowered)


def mappings_to_yaml(layers: Iterable[tuple[str, dict[str, object]]], title: str) -> str:
    """Write mappings (name, as `mapping_to_dict` gives them) as a file that `load_mappings` reads."""
    lines = [f"# {title}", "layers:"]
    for name, written in layers:
        lines.append(f"  {_quoted(name)}:")
        lines += [f"    {key}: {_text(value)}" for key, value in written.items()]
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """Write a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w./-]*", name) else "'" + name.replace("'", "''") + "'"


def read_mapping(
    written: "WrittenMapping", layer: Layer, document: Document, levels: LevelNames = LevelNames()
) -> tuple[Mapping | None, list[Problem]]:
    """Turn one entry of a file into a mapping, or say why its loops do not cover the layer."""
    assert layer.nest is not None
    at, bounds = ("layers", layer.name), layer.nest.bounds
    inside, problems = _loops_inside(written, levels, at, document)
    if problems:
        return None, problems
    mapping = _assembled(written, inside, bounds, levels)
    problems = _uncovered_loops(mapping, written, inside, bounds, levels, document, at)
    return (None if problems else mapping), problems


def _loops_inside(
    written: "WrittenMapping", levels: LevelNames, at: tuple[str, ...], document: Document
) -> tuple[list[list[str]], list[Problem]]:
    """Return the loops inside each memory level, outermost first, and what is wrong with how they are named."""
    if len(levels.names) == 1 and not written.levels:
        return [written.buffer], []
    problems = []
    if written.buffer:
        expected = f"`levels`, with loops for {', '.join(levels.names)}"
        problems.append(document.problem((*at, "buffer"), "the machine has several buffer levels", expected=expected))
    for name in written.levels:
        if name not in levels.names:
            problems.append(
                document.problem(
                    (*at, "levels", name),
                    "the machine has no buffer level of this name",
                    expected=f"one of {', '.join(levels.names)}",
                    suggestion=nearest(name, levels.names),
                    of_key=True,
                )
            )
    return [written.levels.get(name, []) for name in levels.names], problems


def _assembled(
    written: "WrittenMapping", inside: Sequence[Sequence[str]], bounds: Sequence[int], levels: LevelNames
) -> Mapping:
    """Work out tiles from the registers outwards, then cut off what sticks out of the tile around it."""
    arrays, rows, columns, registers = (
        spread(loops) for loops in (written.arrays, written.rows, written.columns, written.registers)
    )
    pes = tuple(map(prod, zip(arrays, rows, columns, strict=True)))
    trips, stated = [spread(loops) for loops in inside], [_stated(loops) for loops in inside]
    held, *sizes = tiles_inside_out(registers, pes, trips, stated, levels.outside)
    dram, given = spread(written.dram), _stated(written.dram)
    tile = []
    for d, bound in zip(Dim, bounds, strict=True):
        meant = implied_tile(bound, dram[d], held[d] * trips[0][d], written.lowered)
        tile.append(min(bound, given.get(d, meant)))
    outer, inner = array_bounds(tile, written.lowered), []
    for size, loops in zip(sizes, inside[1:], strict=True):
        outer = tuple(map(min, size, outer))
        inner.append(LevelTile(outer, order_of(loops)))
    return Mapping(
        dataflow=written.dataflow,
        tile=tuple(tile),
        dram_order=order_of(written.dram),
        buffer_order=order_of(inside[0]),
        rows=rows,
        columns=columns,
        registers=registers,
        registers_order=order_of(written.registers),
        lowered=written.lowered,
        retains=written.retains,
        channel_packing=written.channel_packing,
        stationary=Operand[written.stationary.upper()] if written.stationary else None,
        inner=tuple(inner),
        arrays=arrays,
    )


def _stated(loops: Iterable[str]) -> dict[Dim, int]:
    """Return the tiles that loops name."""
    return {Dim[m[1]]: int(m[3]) for m in map(_LOOP.fullmatch, loops) if m and m[3]}


def _uncovered_loops(
    mapping: Mapping,
    written: "WrittenMapping",
    inside: Sequence[Sequence[str]],
    bounds: Sequence[int],
    levels: LevelNames,
    document: Document,
    at: tuple[str, ...],
) -> list[Problem]:
    """Name every loop that does not cover its dimension."""
    dram, sizes, problems = spread(written.dram), inner_sizes(mapping, levels), []
    samples = dram[Dim.N] * prod(spread(loops)[Dim.N] for loops in inside) * mapping.spatial[0] * mapping.registers[0]
    batch = samples if samples > bounds[Dim.N] else None
    for d, bound, tile in zip(Dim, bounds, mapping.tile, strict=True):
        if -(-bound // tile) != dram[d]:
            expected = f"{d.name}{-(-bound // tile)} for a bound of {bound} and a tile of {tile}"
            problems.append(uncovered(document, (*at, "dram"), d, dram[d], expected, batch))
    outer = [array_tile(mapping), *(level.tile for level in mapping.inner)]
    for level, loops in enumerate(inside):
        where = (*at, "levels", levels.names[level]) if written.levels else (*at, "buffer")
        for d, extent, size, trips in zip(Dim, outer[level], sizes[level], spread(loops), strict=True):
            if -(-extent // size) != trips:
                expected = f"{d.name}{-(-extent // size)} for a tile of {extent} and steps of {size}"
                problems.append(uncovered(document, where, d, trips, expected, batch))
    return problems


def uncovered(
    document: Document, at: tuple[str, ...], dim: Dim, turns: int, expected: str, batch: int | None
) -> Problem:
    """Return the problem of a loop that turns too often or not often enough; `batch` is what the mapping is for."""
    suggestion = f"--batch {batch}" if dim is Dim.N and batch else None
    reason, got = f"loops over {dim.name} do not cover it", f"{dim.name}{turns}"
    return document.problem(at, reason, expected=expected, got=got, suggestion=suggestion)


def spread(loops: Iterable[str]) -> tuple[int, ...]:
    """Bounds by dimension of loops written as text; 1 where there is none."""
    return _bounds(tuple(loops))


@lru_cache(maxsize=1 << 14)
def _bounds(loops: tuple[str, ...]) -> tuple[int, ...]:
    bounds = [1] * 8
    for match in map(_LOOP.fullmatch, loops):
        if match:
            bounds[Dim[match[1]]] = int(match[2])
    return tuple(bounds)


def order_of(loops: Iterable[str]) -> tuple[Dim, ...]:
    """Dimensions of loops written as text, in order."""
    return tuple(Dim[loop[0]] for loop in loops)
