"""Find the best mapping of a layer: every dataflow, placement, tile and loop order, for an objective."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from simulator.dims import Dim, Operand
from simulator.energy.table import EnergyTable
from simulator.hardware.model import Hardware
from simulator.kernels.params import MAPPING, Ints, Record
from simulator.kernels.search import KEYS, placements as placement_figures, search_tiles
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import Mapping
from simulator.mapping.placements import Placement, balanced, placements
from simulator.mapping.records import (
    complete_order,
    energy_record,
    layer_record,
    machine_record,
    make_scratch,
    record,
    skips_zeros,
)
from simulator.network.ir import Layer
from simulator.network.nest import LoopNest

OBJECTIVES = ("cycles", "energy", "edp", "dram")
"""What a search minimizes; ties break by cycles, energy, DRAM bytes, and at last by the order of the search."""

EV=[0]
BEAM = 32
"""Placements of a dataflow whose tiles are searched: the best by the objective's part that the array decides."""

_GROUPS = ((Dim.N, Dim.P, Dim.Q), (Dim.K,), (Dim.C, Dim.R, Dim.S))  # pixels, filters, reduction


@dataclass(frozen=True, slots=True)
class Found:
    """A mapping and its place in the order of preference."""

    mapping: Mapping
    keys: tuple[float, ...]


def tile_counts(extent: int) -> list[int]:
    """Extents of the tiles to try: cut in 1, 2, 3, 4, 6, 8, 12, 16, ... equal parts, and single elements.

    >>> tile_counts(56)
    [56, 28, 19, 14, 10, 7, 5, 4, 3, 2, 1]
    """
    counts, n = {extent, 1}, 1
    while n < extent:
        counts |= {-(-extent // n), -(-extent // (n + n // 2)) if n > 1 else extent}
        n *= 2
    return sorted(counts, reverse=True)


def tile_choices(nest: LoopNest) -> tuple[Ints, Ints]:
    """Tile extents to try for each dimension, largest first, as [8, *] padded with zeros, and how many there are.

    They depend on the layer alone. Filters are not cut.
    """
    lists = [[nest.bounds[d]] if d in (Dim.R, Dim.S) else tile_counts(nest.bounds[d]) for d in Dim]
    counts = np.array([len(sizes) for sizes in lists], dtype=np.int64)
    choices = np.zeros((8, counts.max()), dtype=np.int64)
    for d, sizes in enumerate(lists):
        choices[d, : len(sizes)] = sizes
    return choices, counts


def dram_orders() -> tuple[Ints, Ints]:
    """Orders of the DRAM loops [6, 8]: G outermost, then pixels, filters and reduction in every order.

    Row m of the second array [8, 6] lists the orders that differ if only the groups in mask m are tiled, -1 after
    the last.
    """
    orders = list(permutations(range(3)))
    loops = [[int(Dim.G), *(int(d) for group in order for d in _GROUPS[group])] for order in orders]
    tries = np.full((8, 6), -1, dtype=np.int64)
    for mask in range(8):
        seen: dict[tuple[int, ...], int] = {}
        for i, order in enumerate(orders):
            seen.setdefault(tuple(group for group in order if mask >> group & 1), i)
        tries[mask, : len(seen)] = list(seen.values())
    return np.array(loops, dtype=np.int64), tries


_ORDERS, _TRIES = dram_orders()


def search_layer(
    hardware: Hardware,
    table: EnergyTable,
    layer: Layer,
    dataflow: Dataflow,
    objective: str,
    resident: Sequence[bool] = (False, False, False),
    reserved_bytes: int = 0,
) -> Found | None:
    """Best mapping of the layer under one dataflow, or None if no tile fits the buffers.

    `resident` tells per operand whether its whole tensor stays in the buffer, where such tensors take
    `reserved_bytes`.
    """
    nest = layer.nest
    assert nest is not None
    machine = machine_record(hardware, reserved_bytes)
    layer_data = layer_record(hardware, layer, nest, resident)
    energy = energy_record(hardware, table, layer)
    scratch = make_scratch(hardware)
    trial = template_record(dataflow)
    best, best_keys = np.zeros(1, MAPPING)[0], np.full(KEYS, np.inf)
    choices, counts = tile_choices(nest)
    found: Mapping | None = None
    for placement, mac_cycles in ranked(hardware, machine, layer_data, nest, dataflow, objective):
        if OBJECTIVES[0] == objective and mac_cycles > best_keys[0]:
            continue
        set_placement(trial, placement, hardware, dataflow)
        before = best_keys.copy()
        EV[0]+=search_tiles(
            machine,
            layer_data,
            energy,
            OBJECTIVES.index(objective),
            trial,
            mac_cycles,
            1 << 12,
            choices,
            counts,
            _ORDERS,
            _TRIES,
            scratch.program,
            scratch.walk,
            scratch.state,
            scratch.kinds,
            scratch.totals,
            best,
            best_keys,
        )
        if (best_keys != before).any():
            found = as_mapping(best, placement, dataflow)
    return Found(found, tuple(float(k) for k in best_keys)) if found else None


def template_record(dataflow: Dataflow) -> Record:
    """Start a mapping record with what the dataflow fixes."""
    return record(
        MAPPING,
        buffer_order=complete_order(dataflow.order),
        dram_order=_ORDERS[0],
        spatial=[1] * 8,
        registers=[1] * 8,
        lowered=dataflow.lowered,
        retains=dataflow.stationary is not None,
    )


def set_placement(trial: Record, placement: Placement, hardware: Hardware, dataflow: Dataflow) -> None:
    """Write a placement into a mapping record."""
    trial["spatial"], trial["registers"] = placement.spatial, placement.registers
    trial["skips"] = skips_zeros(hardware, dataflow, placement.spatial)


def ranked(
    hardware: Hardware, machine: Record, layer: Record, nest: LoopNest, dataflow: Dataflow, objective: str
) -> list[tuple[Placement, int]]:
    """The most promising placements with their MAC cycles, best first, at most BEAM."""
    candidates = placements(dataflow, nest, hardware)
    figures = np.zeros((len(candidates), 3), dtype=np.int64)
    scratch, trial = make_scratch(hardware), template_record(dataflow)
    trial["skips"] = all(skips_zeros(hardware, dataflow, candidate.spatial) for candidate in candidates)
    spatial = np.array([candidate.spatial for candidate in candidates], dtype=np.int64)
    registers = np.array([candidate.registers for candidate in candidates], dtype=np.int64)
    placement_figures(
        machine, layer, trial, spatial, registers, scratch.program, scratch.walk, scratch.kinds, figures
    )
    first, second = (0, 2) if objective == "cycles" else (2, 0)
    order = sorted(range(len(candidates)), key=lambda i: (figures[i, first], figures[i, second], i))
    return [(candidates[i], int(figures[i, 1])) for i in order[:BEAM]]


def as_mapping(best: Record, placement: Placement, dataflow: Dataflow) -> Mapping:
    """Turn the record of the best mapping into a `Mapping`."""
    return Mapping(
        dataflow=dataflow.name,
        tile=tuple(int(t) for t in best["tile"]),
        dram_order=tuple(Dim(d) for d in best["dram_order"]),
        buffer_order=dataflow.order,
        rows=placement.rows,
        columns=placement.columns,
        registers=placement.registers,
        registers_order=tuple(reversed(dataflow.registers)),
        lowered=dataflow.lowered,
        retains=dataflow.stationary is not None,
    )


def least_demand(hardware: Hardware, layer: Layer) -> dict[Operand, int]:
    """Bytes of the smallest tile of each operand that any mapping can use."""
    nest = layer.nest
    assert nest is not None
    r, s = nest.bounds[Dim.R], nest.bounds[Dim.S]
    window = ((r - 1) * nest.dilation[0] + 1) * ((s - 1) * nest.dilation[1] + 1)
    words = {Operand.INPUTS: window, Operand.WEIGHTS: r * s, Operand.OUTPUTS: 1}
    bits = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    return {o: -(-words[o] * bits[o] // 8) for o in Operand}
