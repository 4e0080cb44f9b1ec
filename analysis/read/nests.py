"""A layer's mapping as the loop nest that it is: a loop a line, from DRAM in to the registers."""

import re
from collections.abc import Sequence

from simulator.result.run import NO_BUFFERS, LayerResult, MachineFacts

LOOP = re.compile(r"([A-Z])(\d+)(?::(\d+))?")
"""A loop as a mapping writes it: dimension, bound, and the tile where it is named."""

Loop = tuple[str, int, str]
"""Dimension, bound, and "" or the tile."""

SPATIAL = ("arrays", "rows", "columns")


def loops_at(layer: LayerResult, place: str) -> list[Loop]:
    """Return the loops of a layer's mapping at a place: "dram", a memory level, "rows", "columns", "registers".

    >>> from types import SimpleNamespace
    >>> loops_at(SimpleNamespace(mapping={"rows": ["K2:32", "C6"]}), "rows")
    [('K', 2, '32'), ('C', 6, '')]
    """
    mapping = layer.mapping or {}
    levels = mapping.get("levels", {})
    found = mapping.get(place, levels.get(place, ()) if isinstance(levels, dict) else ())
    matches = [LOOP.fullmatch(loop) for loop in found] if isinstance(found, Sequence) else []
    return [(match[1], int(match[2]), match[3] or "") for match in matches if match]


def nest_loops(layer: LayerResult, machine: MachineFacts) -> list[tuple[str, str]]:
    """Return each loop of a layer's mapping as text, outermost first, and the place where it stands.

    Loops that run at once are marked; a temporal one says from which memory that is served what lies within.
    """
    memories = [level for level in machine.levels if level not in NO_BUFFERS]
    outside = [level for level in memories if level not in machine.levels_in_pe]
    found = [(_temporal(loop), "tiles from DRAM") for loop in loops_at(layer, "dram")]
    for level in outside:
        found += [(_temporal(loop), f"steps from {level}") for loop in loops_at(layer, level)]
    for place in SPATIAL:
        found += [(f"parallel {dim} in {bound}", place) for dim, bound, _ in loops_at(layer, place)]
    for level in machine.levels_in_pe:
        found += [(_temporal(loop), f"blocks from {level}") for loop in loops_at(layer, level)]
    return found + [(_temporal(loop), "registers of a PE") for loop in loops_at(layer, "registers")]


def _temporal(loop: Loop) -> str:
    dim, bound, tile = loop
    return f"for {dim} in {bound}" + (f" of {tile}" if tile else "")
