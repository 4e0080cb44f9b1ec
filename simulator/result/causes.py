"""Causes: what a cycle goes to and what an op is bound by, one vocabulary for both.

An op's cycles are its parts added up, each cycle once: what nothing hides. What bounds the op is the cause that needs
most of its time, hidden or not. So an op whose DRAM port is always busy is bound by `dram`, though most of its cycles
are `compute` while the port works beside it. Tables put the one beside the other (`parts_by_bottleneck`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.result.run import LayerResult

CAUSES = {
    "compute": "MACs",
    "delivery": "operand delivery",
    "preload": "preload",
    "skew": "array fill and drain",
    "dram": "DRAM",
    "vector": "vector ops",
    "configuration": "configuration",
}
"""Cause -> its name in words. `delivery` is by the networks between memories and PEs, whatever operand they carry;
`vector` is of operations that are no MACs, on the vector unit or where PEs run them."""

OF_ARRAY = ("compute", "delivery", "preload", "skew")
"""Causes within the array."""
NETWORKS = ("inputs", "weights", "outputs")
"""Operands whose networks have a bound each."""


def bottleneck(cycle_parts: Mapping[str, int], bounds: Mapping[str, int]) -> str:
    """The cause that bounds an op, by its parts of cycles and the cycles that each resource alone needs.

    First of what works side by side: the array, DRAM, the vector unit, and setting up. DRAM needs the larger of what
    its port is busy (its bound) and what the op waits for it (its part, latency included: a short op waits where the
    port is idle); the others what they are busy. Where that is the array, then of its causes: the MACs, the slowest
    network or what memory ports add to it, preload, skew. Of equal ones the first, in the order of `CAUSES`, bounds.
    "" is for an op without cycles.
    """
    if not any(cycle_parts.values()):
        return ""
    parts, busy = Counter(cycle_parts), Counter(bounds)
    units = {
        "array": busy["array"],
        "dram": max(busy["dram"], parts["dram"]),
        "vector": max(busy["vector"], parts["vector"]),
        "configuration": parts["configuration"],
    }
    unit = max(units, key=lambda name: units[name])
    if unit != "array":
        return unit
    within = {cause: parts[cause] for cause in OF_ARRAY}
    within["delivery"] = max(within["delivery"], *(busy[operand] for operand in NETWORKS))
    return max(within, key=lambda cause: within[cause])


def parts_by_bottleneck(layers: Iterable["LayerResult"]) -> dict[str, dict[str, int]]:
    """What bounds a run: for each cause, the parts of the cycles of all ops that it bounds; together all cycles."""
    found: dict[str, dict[str, int]] = {}
    for layer in layers:
        if layer.cycles:
            parts = found.setdefault(layer.bottleneck, dict.fromkeys(CAUSES, 0))
            for cause, cycles in layer.cycle_parts.items():
                parts[cause] += cycles
    return found
