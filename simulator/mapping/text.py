"""Mappings as text: what `--mapping FILE` reads and a run saves.

    layers:
      conv1:
        dataflow: output_stationary_pixels
        dram: [K2:32, P7]            # loops over tiles, outermost first; tiles of 32 filters, see `implied_tile`
        buffer: [P7, Q7, K4, C3]     # loops over array steps
        rows: [P16]
        columns: [Q16]
        registers: [K8, R5, S5]      # loops inside a PE, outermost first

A loop is its dimension and bound; dimensions left out are not cut there. Bounds need not divide.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from simulator.errors import Problem
from simulator.mapping.mapping import Mapping
from simulator.nest import OPERAND_NAMES, Dim, Operand
from simulator.network.ir import Layer
from simulator.source import Document

if TYPE_CHECKING:
    from simulator.mapping.schema import WrittenMapping

_LOOP = re.compile(r"([NGKCPQRS])([0-9]{1,9})(?::([0-9]{1,9}))?")


def mapping_to_dict(mapping: Mapping, bounds: Sequence[int]) -> dict[str, object]:
    """Return a mapping the way a file holds it; `bounds` are the layer's loop bounds."""
    step = step_of(mapping)
    turns = [-(-e // s) for e, s in zip(array_tile(mapping), step, strict=True)]
    dram = []
    for d in mapping.dram_order:
        tiles = -(-bounds[d] // mapping.tile[d])
        if tiles > 1:
            meant = implied_tile(bounds[d], tiles, step[d] * turns[d], mapping.lowered)
            dram.append(f"{d.name}{tiles}" + ("" if meant == mapping.tile[d] else f":{mapping.tile[d]}"))
    written: dict[str, object] = {
        "dataflow": mapping.dataflow,
        "dram": dram,
        "buffer": _loops(mapping.buffer_order, turns),
        "rows": _loops(Dim, mapping.rows),
        "columns": _loops(Dim, mapping.columns),
        "registers": _loops(mapping.registers_order, mapping.registers),
    }
    if mapping.stationary is not None:
        written["stationary"] = OPERAND_NAMES[mapping.stationary]
    if mapping.lowered:
        written["lowered"] = True
    if not mapping.retains:
        written["retains"] = False
    if mapping.packs:
        written["packs"] = True
    return written


def implied_tile(extent: int, tiles: int, inner: int, lowered: bool) -> int:
    """Tile of a DRAM loop that does not name it: what the inner loops cover if that fits, or equal parts."""
    if not lowered and -(-extent // inner) == tiles:
        return min(inner, extent)
    return -(-extent // tiles)


def _loops(order: Iterable[Dim], bounds: Sequence[int]) -> list[str]:
    return [f"{d.name}{bounds[d]}" for d in order if bounds[d] > 1]


def step_of(mapping: Mapping) -> tuple[int, ...]:
    """Extent of each dimension that the array covers in one step."""
    return tuple(r * c * g for r, c, g in zip(mapping.rows, mapping.columns, mapping.registers, strict=True))


def array_tile(mapping: Mapping) -> tuple[int, ...]:
    """Extents of a full tile as the array sees them, lowered or not."""
    n, g, k, c, p, q, r, s = mapping.tile
    return (1, g, k, c * r * s, n * p * q, 1, 1, 1) if mapping.lowered else mapping.tile


def mappings_to_yaml(layers: Iterable[tuple[str, dict[str, object]]], title: str) -> str:
    """Write mappings (name, as `mapping_to_dict` gives them) as a file that `load_mappings` reads."""
    lines = [f"# {title}", "layers:"]
    for name, written in layers:
        lines.append(f"  {_quoted(name)}:")
        for key, value in written.items():
            text = f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
            lines.append(f"    {key}: {text.lower() if isinstance(value, bool) else text}")
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w./-]*", name) else "'" + name.replace("'", "''") + "'"


def read_mapping(written: "WrittenMapping", layer: Layer, document: Document) -> tuple[Mapping | None, list[Problem]]:
    """Turn one entry of a file into a mapping, or say why its loops do not cover the layer."""
    assert layer.nest is not None
    bounds, at = layer.nest.bounds, ("layers", layer.name)
    rows, columns, registers = (spread(loops) for loops in (written.rows, written.columns, written.registers))
    buffer, dram = spread(written.buffer), spread(written.dram)
    given = {Dim[m[1]]: int(m[3]) for m in map(_LOOP.fullmatch, written.dram) if m and m[3]}
    step = [r * c * g for r, c, g in zip(rows, columns, registers, strict=True)]
    tile = []
    for d in Dim:
        meant = implied_tile(bounds[d], dram[d], step[d] * buffer[d], written.lowered)
        tile.append(min(bounds[d], given.get(d, meant)))
    mapping = Mapping(
        dataflow=written.dataflow,
        tile=tuple(tile),
        dram_order=order_of(written.dram),
        buffer_order=order_of(written.buffer),
        rows=rows,
        columns=columns,
        registers=registers,
        registers_order=order_of(written.registers),
        lowered=written.lowered,
        retains=written.retains,
        packs=written.packs,
        stationary=Operand[written.stationary.upper()] if written.stationary else None,
    )
    problems = []
    samples = dram[Dim.N] * buffer[Dim.N] * step[Dim.N]
    batch = samples if samples > bounds[Dim.N] else None
    for d in Dim:
        if -(-bounds[d] // mapping.tile[d]) != dram[d]:
            expected = f"{d.name}{-(-bounds[d] // mapping.tile[d])} for a bound of {bounds[d]} and a tile of {tile[d]}"
            problems.append(uncovered(document, (*at, "dram"), d, dram[d], expected, batch))
    for d, extent in zip(Dim, array_tile(mapping), strict=True):
        turns = -(-extent // step[d])
        if turns != buffer[d]:
            expected = f"{d.name}{turns} for a tile of {extent} and steps of {step[d]}"
            problems.append(uncovered(document, (*at, "buffer"), d, buffer[d], expected, batch))
    return (None if problems else mapping), problems


def uncovered(
    document: Document, at: tuple[str, ...], dim: Dim, turns: int, expected: str, batch: int | None
) -> Problem:
    """Return the problem of a loop that turns too often or not often enough; `batch` is what the mapping is for."""
    suggestion = f"--batch {batch}" if dim is Dim.N and batch else None
    reason, got = f"loops over {dim.name} do not cover it", f"{dim.name}{turns}"
    return document.problem(at, reason, expected=expected, got=got, suggestion=suggestion)


def spread(loops: Iterable[str]) -> tuple[int, ...]:
    """Bounds by dimension of loops written as text; 1 where there is none."""
    bounds = [1] * 8
    for match in map(_LOOP.fullmatch, loops):
        if match:
            bounds[Dim[match[1]]] = int(match[2])
    return tuple(bounds)


def order_of(loops: Iterable[str]) -> tuple[Dim, ...]:
    """Dimensions of loops written as text, in order."""
    return tuple(Dim[loop[0]] for loop in loops)
