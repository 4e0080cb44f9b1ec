"""A layer's mapping as the loop nest that it is: a loop a line, from DRAM in to the registers."""

import re
from collections.abc import Iterator, Sequence

from simulator.result.run import LayerResult, MachineFacts

LOOP = re.compile(r"([A-Z])(\d+)(?::(\d+))?")
"""A loop as a mapping writes it: dimension, bound, and the tile where it is named."""

Loop = tuple[str, int, str]
"""Dimension, bound, and "" or the tile."""

BODY = "outputs += inputs * weights"
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


def nest_lines(layer: LayerResult, machine: MachineFacts) -> list[str]:
    """Return the loop nest of a layer, loops that run at once marked; nothing for a layer without a mapping.

    A line that ends in a colon holds what is indented below it; a comment says from which memory that is served.
    """
    lines: list[str] = []
    depth = 0
    for text, where in _loops(layer, machine) if layer.mapping else ():
        lines.append(f"{'  ' * depth}{text:<{max(1, 34 - 2 * depth)}} # {where}")
        depth += 1
    return [*lines, "  " * depth + BODY] if layer.mapping else []


def _loops(layer: LayerResult, machine: MachineFacts) -> Iterator[tuple[str, str]]:
    """Yield each loop, outermost first, with the place where it stands."""
    memories = [level for level in machine.levels if level not in ("dram", "array", "rf")]
    outside = [level for level in memories if level not in machine.levels_in_pe]
    for place, where in [("dram", "tiles from DRAM"), *((level, f"steps from {level}") for level in outside)]:
        yield from ((_temporal(loop), where) for loop in loops_at(layer, place))
    for place in SPATIAL:
        yield from ((f"parallel {dim} in {bound}:", place) for dim, bound, _ in loops_at(layer, place))
    for level in machine.levels_in_pe:
        yield from ((_temporal(loop), f"blocks from {level}") for loop in loops_at(layer, level))
    yield from ((_temporal(loop), "registers of a PE") for loop in loops_at(layer, "registers"))


def _temporal(loop: Loop) -> str:
    dim, bound, tile = loop
    return f"for {dim} in {bound}" + (f" of {tile}:" if tile else ":")
