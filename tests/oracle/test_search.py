"""The search finds what trying every candidate finds, and a better machine never costs it cycles."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator.cost import evaluate as totals
from simulator.cost.convert import energy_record, layer_record, machine_record, make_scratch, skips_zeros
from simulator.cost.energy import PARTS, energy_parts
from simulator.cost.evaluate import evaluate
from simulator.cost.search import BEAM, search_layer, template_record, tile_choices, tile_steps
from simulator.cost.spatial import placements
from simulator.energy.table import load_energy_table
from simulator.hardware.load import load_hardware
from simulator.hardware.model import OBJECTIVES
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import Dim, LoopNest, Operand
from tests.oracle.strategies import hardwares, layer_of

FEW = settings(max_examples=max(10, settings.default.max_examples // 5))
TABLE = load_energy_table("picojoule_45nm")
FLOWS = [load_dataflow(name) for name in list_dataflows()]
BUNDLED = ("eyeriss_like", "squeezenext_16x16")
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


flow_lists = st.lists(st.sampled_from(FLOWS), min_size=1, max_size=3, unique_by=lambda flow: flow.name)
sizes = st.integers(1, 16)


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


def best_of_all(hardware, layer, flow, every, objective):
    """The best keys over the placements, all tiles and all orders; None if no tile fits."""
    machine, data, scratch = machine_record(hardware), layer_record(hardware, layer, layer.nest), make_scratch(hardware)
    energy, parts, best = energy_record(hardware, TABLE, layer), np.zeros(len(PARTS)), None
    arrays = scratch.program, scratch.walk, scratch.state, scratch.kinds, scratch.totals
    mapping = template_record(flow)
    for placement in every:
        mapping["spatial"], mapping["registers"] = placement.spatial, placement.registers
        mapping["skips"] = skips_zeros(hardware, flow, placement.spatial)
        for mapping["tile"], mapping["dram_order"] in product(tiles_to_try(layer.nest, placement, flow), ORDERS):
            if evaluate(machine, data, mapping, *arrays):
                pj = energy_parts(energy, scratch.totals, parts)
                keys = keys_of(hardware, scratch.totals, pj, objective)
                best = min(best or keys, keys)
    return best


def keys_of(hardware, figures, pj, objective):
    cycles = figures[totals.CYCLES]
    dram = figures[totals.DRAM_INPUTS : totals.DRAM_OUTPUTS_WRITTEN + 1].sum()
    cycles_plus_dma = cycles + figures[totals.DMA_CYCLES]
    first = {"cycles": cycles, "energy": pj, "edp": pj * cycles, "dram": dram, "cycles_plus_dma": cycles_plus_dma}[
        objective
    ]
    return first, cycles, pj, dram


@pytest.mark.parametrize("objective", OBJECTIVES)
@FEW
@given(hardware=machines(), layer=layers(), flow=st.sampled_from(FLOWS))
def test_the_search_finds_the_best_of_all_candidates(objective, hardware, layer, flow):
    every = placements(flow, layer.nest, hardware.array)
    assume(len(every) <= BEAM)
    found = search_layer(hardware, TABLE, layer, [flow], objective)
    best = best_of_all(hardware, layer, flow, every, objective)
    if found is None or objective != "cycles" or hardware.array.skewed:
        assert (found and found.keys) == best
    else:  # it also tries some of the placements that leave PEs idle
        idle = best_of_all(hardware, layer, flow, placements(flow, layer.nest, hardware.array, idle=True), objective)
        assert min(best, idle or best) <= found.keys <= best


def test_cutting_channels_saves_waits_for_windows_where_registers_keep_nothing():
    """Three channels on two rows: every pass waits for a window of two, but in a tile of the third channel for one."""
    chip = load_hardware("eyeriss_like")
    slow = [replace(d, words_per_cycle=1, concurrent=False, preload="exposed") for d in chip.array.delivery]
    array = replace(chip.array, rows=2, columns=1, delivery=tuple(slow))
    buffers = (replace(chip.buffers[0], capacity_bytes=600),)
    hardware = replace(chip, array=array, buffers=buffers, dram=replace(chip.dram, bytes_per_cycle=None))
    layer, flow = layer_of(LoopNest((1, 1, 4, 3, 4, 4, 3, 3), input_size=(6, 6))), load_dataflow("no_local_reuse")
    found, every = search_layer(hardware, TABLE, layer, [flow], "cycles"), placements(flow, layer.nest, array)
    assert found.mapping.tile[Dim.C] == 2
    assert found.keys == best_of_all(hardware, layer, flow, every, "cycles")


@FEW
@given(hardware=machines(), layer=layers(), flows=flow_lists, data=st.data())
def test_more_bandwidth_or_buffer_never_costs_cycles(hardware, layer, flows, data):
    better = data.draw(st.sampled_from(list(improvements(hardware).items())))[1]
    before, after = (search_layer(machine, TABLE, layer, flows, "cycles") for machine in (hardware, better))
    assert before is None or after.keys[0] <= before.keys[0]


def improvements(hardware):
    """The machine with one thing improved, by what it is."""
    array, dram, buffers = hardware.array, hardware.dram, hardware.buffers
    larger = [replace(hardware, buffers=tuple(grown(b, by) for b in buffers)) for by in (1, 50, 1000)]
    found = {"a little more buffer": larger[0], "more buffer": larger[1], "much more buffer": larger[2]}
    if dram.bytes_per_cycle is not None:
        found["faster DRAM"] = replace(hardware, dram=replace(dram, bytes_per_cycle=dram.bytes_per_cycle * 2))
        found["endless DRAM"] = replace(hardware, dram=replace(dram, bytes_per_cycle=None))
    for operand in Operand:
        delivery = list(array.delivery)
        delivery[operand] = replace(delivery[operand], words_per_cycle=delivery[operand].words_per_cycle + 1)
        found[f"wider network of {operand.name}"] = replace(hardware, array=replace(array, delivery=tuple(delivery)))
    return found


def grown(buffer, by):
    return replace(buffer, capacity_bytes=buffer.capacity_bytes + by)


@settings(FEW, derandomize=True)
@given(st.sampled_from(BUNDLED), sizes, sizes, st.sampled_from((400, 1500, 6000)), layers(), st.booleans())
def test_twice_the_pes_cost_no_cycles(name, rows, columns, capacity, layer, taller):
    """Up to a fiftieth: of the many placements that leave PEs idle, the search tries the most promising only.

    A systolic array is none of these: its wave front has longer to go.
    """
    chip = load_hardware(name)
    buffers = tuple(replace(buffer, capacity_bytes=capacity) for buffer in chip.buffers)
    flows = list(chip.dataflows)
    more = (2 * rows, columns) if taller else (rows, 2 * columns)
    before, after = (
        search_layer(
            replace(chip, buffers=buffers, array=replace(chip.array, rows=r, columns=c)), TABLE, layer, flows, "cycles"
        )
        for r, c in ((rows, columns), more)
    )
    assert before is None or after.keys[0] <= 1.02 * before.keys[0]
