"""Cases that were walked once, with what the walk counted: `python -m tests.oracle.walked` walks them again.

A walk takes a hundred times as long as an evaluation, so its counts are kept in `walked_cases.json.gz`: hundreds of
cases then take seconds, even where kernels run as plain Python. A case is kept as its records, so that nothing but the
kernels can make it another.
"""

import gzip
import json
import warnings
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numba
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulator.cost import case as records
from simulator.cost.bounds import counted_no_better, cycles_bound, no_better
from simulator.cost.case import LAYER, MACHINE, MAPPING, PORT, PRICES, Case, Floats, Scratch
from simulator.cost.convert import make_scratch, record
from simulator.cost.crossing import Crossing, counted_crossing, least_crossing, least_ends
from simulator.cost.energy import dram_bytes, layer_energy
from simulator.cost.evaluate import begin, evaluate
from simulator.cost.macs import mac_bound, mac_tables
from simulator.cost.objectives import CYCLES_KEY, DRAM_KEY, ENERGY_KEY, KEYS, OBJECTIVE_KEY
from simulator.cost.search_tiles import axis_tables
from simulator.cost.variants import count_variants
from simulator.hardware.model import KERNEL_OBJECTIVES
from tests.oracle.naive import plain
from tests.oracle.naive_demands import memory_demands
from tests.oracle.strategies import FLAT, SHAPES

FILE = Path(__file__).parent / "walked_cases.json.gz"
TYPES = {"machine": MACHINE, "port": PORT, "layer": LAYER, "prices": PRICES, "mapping": MAPPING}
MOST_STEPS = 600
"""Array steps of all tiles together: what is walked word by word and evaluated as plain Python should be short."""
DRAWN = {"flat": 700, "levels": 600, "slides": 500}


@dataclass(frozen=True)
class Walked:
    """A case, what a walk counts of it, the bytes that each memory must hold, and lower bounds of its costs."""

    case: Case
    counts: dict[object, int]
    demands: list[int]
    bounds: dict[str, float]


def load() -> list[Walked]:
    """Read all cases; where kernels run as plain Python every other one."""
    entries = json.loads(gzip.decompress(FILE.read_bytes()))
    return [_read(entry) for entry in entries[:: 2 if numba.config.DISABLE_JIT else 1]]


def _read(entry) -> Walked:
    case = Case(*(record(kind, **entry["case"][name]) for name, kind in TYPES.items()))
    counts = {tuple(name) if isinstance(name, list) else name: count for name, count in entry["counts"]}
    return Walked(case, counts, entry["demands"], entry["bounds"])


def bounds_of(case: Case) -> dict[str, float]:
    """Return the lower bounds of a mapping: of its parts, then of all as the search takes them together, before its
    edge variants are counted and after.
    """  # fmt: skip
    machine, layer, mapping, scratch = case.machine, case.layer, case.mapping, make_scratch()
    tile, one = np.array(mapping["tile"]).reshape(8, 1), np.ones(8, np.int64)
    factors, table, first = np.empty((8, 1), np.int64), np.empty((2, 1, 1), np.int64), np.zeros(8, np.int64)
    mac_tables(machine, layer, mapping, tile, one, factors)
    axis_tables(machine, layer, tile, one, table)
    assert begin(case, scratch)
    macs, window = mac_bound(machine, layer, mapping, factors, first), int(table.prod())
    crossing = least_crossing(case, scratch, window, least_ends(case, scratch))
    found = {"mac_cycles": macs} | _keys_at_least(case, None, cycles_bound(case, crossing, macs), crossing, "")
    count_variants(case, scratch)
    array = found["array_cycles"] = macs if machine["overlapped"] else scratch.totals["array_cycles"]
    crossing = counted_crossing(case, scratch)
    found |= _keys_at_least(case, scratch, cycles_bound(case, crossing, array), crossing, "counted ")
    return {name: float(bound) if "energy" in name else int(bound) for name, bound in found.items()}


def _keys_at_least(case: Case, scratch: Scratch | None, cycles: int, crossing: Crossing, prefix: str) -> dict[str, Any]:
    """Keys of a mapping that takes at least so much; it is better than nothing, and no better than itself."""
    keys, objective = np.empty(KEYS), KERNEL_OBJECTIVES.index("cycles_plus_dma")

    def worse(than: Floats) -> bool:
        if scratch is None:
            return bool(no_better(case, cycles, crossing, objective, keys, than))
        return bool(counted_no_better(case, scratch, cycles, crossing.dma, objective, keys, than))

    assert not worse(np.full(KEYS, np.inf))
    assert worse(keys.copy())
    places = {"with_dma": OBJECTIVE_KEY, "cycles": CYCLES_KEY, "energy": ENERGY_KEY, "dram": DRAM_KEY}
    return {prefix + name: keys[place] for name, place in places.items()}


def costs_of(case: Case) -> dict[str, float]:
    """Return what a mapping costs, by the names of its bounds."""
    scratch = make_scratch()
    assert evaluate(case, scratch)
    totals = scratch.totals
    energy = layer_energy(case.machine, case.prices, totals, scratch.moved)
    costs = {"with_dma": int(totals["cycles"] + totals["dma_cycles"]), "cycles": int(totals["cycles"])}
    costs |= {"energy": float(energy), "dram": int(dram_bytes(totals))}
    parts = {name: int(totals[name]) for name in ("mac_cycles", "array_cycles")}
    return parts | costs | {f"counted {name}": cost for name, cost in costs.items()}


def walk_anew() -> list[dict[str, object]]:
    """Draw cases and walk them."""
    from tests.oracle.test_counts import cases, evaluated, walked

    entries: list[dict[str, object]] = []

    def keep(case: Case) -> None:
        evaluated_first = evaluated(case)
        if evaluated_first is None or steps_of(case) > MOST_STEPS:
            return
        case = Case(case.machine, case.port, case.layer, prices(), case.mapping)
        entries.append(
            {
                "case": {name: vars(plain(part)) for name, part in zip(TYPES, case, strict=True)},
                "counts": sorted(walked(case).items(), key=str),
                "demands": memory_demands(case.machine, case.layer, case.mapping),
                "bounds": bounds_of(without_prefetch(case)),
            }
        )

    kinds = {"flat": cases(st.just(FLAT)), "levels": cases(SHAPES), "slides": cases(SHAPES, slides=True)}
    for kind, count in DRAWN.items():
        drawing = settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        drawing(given(kinds[kind])(keep))()
    return entries


def without_prefetch(case: Case) -> Case:
    """Return the case with all its weights still to load, as a search sees it."""
    layer = case.layer.copy()
    layer["prefetched_bytes"] = 0
    return case._replace(layer=layer)


def steps_of(case: Case) -> int:
    """Return how many array steps the tiles of a case have, about."""
    mapping, bounds = plain(case.mapping), plain(case.layer).bounds
    step = [s * r for s, r in zip(mapping.spatial, mapping.registers, strict=True)]
    return prod(-(-bound // min(x, bound)) for bound, x in zip(bounds, step, strict=True))


def prices() -> object:
    """Return prices of which no two are equal, so that no action can stand for another."""
    levels = records.MAX_LEVELS + 2
    words = [[3.0 + 7 * level + 2.25 * operand for operand in range(3)] for level in range(levels)]
    return record(PRICES, mac_pj=1.75, word_pj=words, dram_pj_per_byte=101.0, leakage_pj_per_cycle=0.375)


if __name__ == "__main__":
    warnings.simplefilter("error")
    found = walk_anew()
    FILE.write_bytes(gzip.compress(json.dumps(found, separators=(",", ":")).encode(), mtime=0))
    print(f"{len(found)} cases, {FILE.stat().st_size:,} bytes")
