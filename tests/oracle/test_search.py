"""The search finds what trying every candidate finds, and a better machine never costs it cycles."""

from dataclasses import replace
from itertools import permutations, product
from math import inf

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator.dims import Dim
from simulator.energy.table import load_energy_table
from simulator.kernels import evaluate as totals
from simulator.kernels.energy import PARTS, energy_parts
from simulator.kernels.evaluate import evaluate
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.mapping.placements import placements
from simulator.mapping.records import energy_record, layer_record, machine_record, make_scratch, skips_zeros
from simulator.mapping.search import BEAM, OBJECTIVES, search_layer, template_record, tile_choices, tile_steps
from simulator.network.nest import LoopNest
from tests.oracle.strategies import hardwares, layer_of

FEW = settings(max_examples=max(10, settings.default.max_examples // 5))
TABLE = load_energy_table("picojoule_45nm")
FLOWS = [load_dataflow(name) for name in list_dataflows()]
GROUPS = ((Dim.N, Dim.P, Dim.Q), (Dim.K,), (Dim.C, Dim.R, Dim.S))
ORDERS = [[Dim.G, *(d for group in order for d in group)] for order in permutations(GROUPS)]

_BOUNDS = st.tuples(
    *map(st.sampled_from, ((1, 2), (1, 1, 2), (4, 3, 1, 6), (3, 4, 1, 5), (4, 5, 7), (4, 3, 5), (3, 1), (3, 1)))
)


@st.composite
def layers(draw):
    """Layers with something to tile: more of everything than the smallest arrays and buffers hold."""
    bounds, stride = draw(_BOUNDS), draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    pixels, taps = bounds[Dim.P : Dim.R], bounds[Dim.R :]
    size = tuple((p - 1) * s + r for p, r, s in zip(pixels, taps, stride, strict=True))
    return layer_of(LoopNest(bounds, stride, input_size=size))


@st.composite
def machines(draw):
    """Machines that can add partial sums either way, with buffers that hold a few tiles."""
    hardware = draw(hardwares(8, 8, capacity=draw(st.sampled_from((150, 60, 400))), registers=6))
    return replace(hardware, array=replace(hardware.array, reduce_rows=True, reduce_columns=True))


def tiles_to_try(nest, placement, flow):
    """Every choice of tile extents; columns are cut only in tiles of the fewest rows."""
    choices, counts = tile_choices(nest, tile_steps(placement, flow.lowered), flow)
    lists = [[int(size) for size in sizes[:count]] for sizes, count in zip(choices, counts, strict=True)]
    for tile in product(*lists):
        if tile[Dim.Q] == nest.bounds[Dim.Q] or tile[Dim.P] == lists[Dim.P][-1]:
            yield tile


def best_of_all(hardware, layer, flows, objective):
    """The best keys over all placements, tiles and orders; None if no tile fits."""
    machine, data, scratch = machine_record(hardware), layer_record(hardware, layer, layer.nest), make_scratch(hardware)
    energy, parts, best = energy_record(hardware, TABLE, layer), np.zeros(len(PARTS)), (inf,)
    arrays = scratch.program, scratch.walk, scratch.state, scratch.kinds, scratch.totals
    for flow in flows:
        mapping = template_record(flow)
        for placement in placements(flow, layer.nest, hardware):
            mapping["spatial"], mapping["registers"] = placement.spatial, placement.registers
            mapping["skips"] = skips_zeros(hardware, flow, placement.spatial)
            for mapping["tile"], mapping["dram_order"] in product(tiles_to_try(layer.nest, placement, flow), ORDERS):
                if evaluate(machine, data, mapping, *arrays):
                    pj = energy_parts(energy, scratch.totals, parts)
                    best = min(best, keys_of(scratch.totals, pj, objective))
    return None if best == (inf,) else best


def keys_of(figures, pj, objective):
    cycles = figures[totals.CYCLES]
    dram = figures[totals.DRAM_INPUTS : totals.DRAM_OUTPUTS_WRITTEN + 1].sum()
    return {"cycles": cycles, "energy": pj, "edp": pj * cycles, "dram": dram}[objective], cycles, pj, dram


@pytest.mark.parametrize("objective", OBJECTIVES)
@FEW
@given(hardware=machines(), layer=layers(), flow=st.sampled_from(FLOWS))
def test_the_search_finds_the_best_of_all_candidates(objective, hardware, layer, flow):
    assume(len(placements(flow, layer.nest, hardware)) <= BEAM)
    found = search_layer(hardware, TABLE, layer, [flow], objective)
    assert (found and found.keys) == best_of_all(hardware, layer, [flow], objective)
