"""A layer's mapping as the loop nest that it is: its loops from DRAM in to the registers."""

import re
from collections.abc import Sequence
from math import prod

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


def nest_places(layer: LayerResult, machine: MachineFacts) -> list[tuple[str, list[Loop]]]:
    """Return the loops of a layer's mapping by the place where they stand, outermost first; no place without loops.

    Those over arrays, rows and columns run at once; others say from which memory that is served what lies within.
    """
    memories = [level for level in machine.levels if level not in NO_BUFFERS]
    outside = {level: f"steps from {level}" for level in memories if level not in machine.levels_in_pe}
    inside = {level: f"blocks from {level}" for level in machine.levels_in_pe}
    spatial = {axis: axis for axis in SPATIAL}
    places = {"dram": "tiles from DRAM", **outside, **spatial, **inside, "registers": "registers of a PE"}
    return [(where, loops) for place, where in places.items() if (loops := loops_at(layer, place))]


def working(layer: LayerResult) -> tuple[int, int]:
    """Return the rows and columns of an array that a full step gives work, of those over which loops are spread.

    They are fewer where a tile is smaller than what is unrolled: as many rows as the PEs with work allow.

    >>> from types import SimpleNamespace
    >>> working(SimpleNamespace(mapping={"rows": ["P8"], "columns": ["Q56"]}, mapped_pes=152))
    (8, 19)
    """
    arrays, rows, columns = (prod(bound for _, bound, _ in loops_at(layer, axis)) for axis in SPATIAL)
    mapped = -(-layer.mapped_pes // arrays)
    pairs = ((row, mapped // row) for row in range(rows, 0, -1) if mapped % row == 0)
    return next((pair for pair in pairs if 0 < pair[1] <= columns), (rows, columns))
