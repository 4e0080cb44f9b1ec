"""The search finds what trying every candidate finds, and a better machine never costs it cycles."""

from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator.cost.candidates import template_record, tile_choices, tile_steps
from simulator.cost.case import Case
from simulator.cost.convert import layer_record, machine_record, make_scratch, mapping_record, port_record, price_record
from simulator.cost.effort import BEAM, Effort
from simulator.cost.energy import dram_bytes, layer_energy
from simulator.cost.evaluate import evaluate
from simulator.cost.legality import violations
from simulator.cost.search import ELONGATION, Request, Search, search_layer
from simulator.cost.sparsity import skips_zeros
from simulator.cost.spatial import spatial_mappings
from simulator.hardware.load import load_hardware
from simulator.hardware.model import KERNEL_OBJECTIVES as OBJECTIVES
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import Dim, LoopNest, Operand
from tests.marks import one_in
from tests.oracle.strategies import FLAT, SHAPES, hardwares, layer_of

FEW = settings(max_examples=max(10, settings.default.max_examples // 10))
FLOWS = [load_dataflow(name) for name in list_dataflows()]
BUNDLED = ("flexible_168", "squeezenext_16x16")
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
def tiny_layers(draw):
    """Layers of which all tiles can be tried on several levels."""
    bounds = draw(st.tuples(*map(st.sampled_from, ((1,), (1,), (4, 3, 1), (3, 4, 1), (4, 5), (2, 1), (3, 1), (1,)))))
    pixels, taps = bounds[Dim.P : Dim.R], bounds[Dim.R :]
    return layer_of(LoopNest(bounds, input_size=tuple(p + r - 1 for p, r in zip(pixels, taps, strict=True))))


flow_lists = st.lists(st.sampled_from(FLOWS), min_size=1, max_size=3, unique_by=lambda flow: flow.name)
sizes = st.integers(1, 16)


@st.composite
def machines(draw, shapes=st.just(FLAT)):  # noqa: B008
    """Machines that can add partial sums either way, with buffers that hold a few tiles."""
    hardware = draw(hardwares(8, 8, capacity=draw(st.sampled_from((150, 60, 400))), registers=6, shapes=shapes))
    return replace(hardware, array=replace(hardware.array, reduce_rows=True, reduce_columns=True))


EXACT = Effort(gap=0.0)
"""Nothing that is tried is left out for a gap."""


def tiles_to_try(nest, candidate, objective):
    """Every choice of tile extents; columns are cut in tiles of the fewest rows; for time, where they are not long."""
    choices, counts = tile_choices(nest, tile_steps(candidate), candidate.dataflow)
    lists = [[int(size) for size in sizes[:count]] for sizes, count in zip(choices, counts, strict=True)]
    for tile in product(*lists):
        rows, columns = tile[Dim.P], tile[Dim.Q]
        most = ELONGATION if objective in ("cycles", "cycles_plus_dma") else 0
        short = max(rows, columns) <= most * min(rows, columns)
        if short or columns == nest.bounds[Dim.Q] or rows == lists[Dim.P][-1]:
            yield tile


def records_of(hardware, layer):
    facts = layer_record(hardware, layer, layer.nest)
    return machine_record(hardware), port_record(hardware), facts, price_record(hardware, layer)


def best_of_all(request, candidates):
    """The best keys over all candidates, tiles and orders; None if no tile fits."""
    hardware, layer, scratch, best = request.hardware, request.layer, make_scratch(), None
    records = records_of(hardware, layer)
    for candidate in candidates:
        flow, layout = candidate.dataflow, candidate.layout
        mapping = template_record(flow, candidate.inner, skips_zeros(hardware, flow, layout.spatial))
        mapping["spatial"], mapping["registers"] = layout.spatial, layout.registers
        mapping["rows"], mapping["arrays"] = layout.rows, layout.arrays
        for mapping["tile"], mapping["dram_order"] in product(
            tiles_to_try(layer.nest, candidate, request.objective), ORDERS
        ):
            if keys := keys_of(request, Case(*records, mapping), scratch):
                best = min(best or keys, keys)
    return best


def keys_of(request, case, scratch):
    """Where a mapping stands in the order of preference; None if it does not fit."""
    if not evaluate(case, scratch):
        return None
    totals = scratch.totals
    cycles, dram = totals["cycles"], dram_bytes(totals)
    pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
    with_dma = cycles + totals["dma_cycles"]
    first = {"cycles": cycles, "energy": pj, "edp": pj * cycles, "dram": dram, "cycles_plus_dma": with_dma}
    return first[request.objective], cycles, pj, dram


def candidates_of(request, flow, under_filled=False):
    """All that the search would look at under a dataflow."""
    search = Search(request)
    found = (
        spatial_mappings(flow, search.nest, search.hardware.array, under_filled=True)
        if under_filled
        else search.spatial_mappings(flow)
    )
    return search.judged(flow, 0, found)


@pytest.mark.parametrize("objective", one_in(2, OBJECTIVES))
@FEW
@given(hardware=machines(), layer=layers(), flow=st.sampled_from(FLOWS))
def test_the_search_finds_nothing_worse_than_the_best_of_all_candidates(objective, hardware, layer, flow):
    request = Request(hardware, layer, objective)
    every = candidates_of(request, flow)
    assume(len(every) <= BEAM)
    found, best = search_layer(request, [flow], EXACT), best_of_all(request, every)
    assert best is None or found is not None
    if found and best:  # it also tries some that leave PEs idle, and more tiles around the best
        assert found.bound <= found.keys[0] <= best[0]
        assert violations(found.mapping, layer, hardware) == []


@FEW
@given(machines(SHAPES), st.data(), st.sampled_from(FLOWS), st.sampled_from(OBJECTIVES))
def test_on_several_levels_it_finds_a_legal_mapping_as_good_as_all_its_candidates(hardware, data, flow, objective):
    request = Request(hardware, data.draw(tiny_layers()), objective)
    every = candidates_of(request, flow)
    assume(len(every) <= BEAM)
    found, best = search_layer(request, [flow], EXACT), best_of_all(request, every)
    assert (found is None) == (best is None)
    if found:
        assert found.keys[0] <= best[0]
        assert violations(found.mapping, request.layer, hardware) == []
        case = Case(*records_of(hardware, request.layer), mapping_record(hardware, found.mapping))
        assert keys_of(request, case, make_scratch()) == found.keys


def test_cutting_channels_saves_waits_for_windows_where_registers_keep_nothing():
    """Three channels on two rows: every pass waits for a window of two, but in a tile of the third channel for one."""
    chip = load_hardware("flexible_168")
    slow = [replace(d, words_per_cycle=1, concurrent=False, preload="exposed") for d in chip.array.delivery]
    array = replace(chip.array, rows=2, columns=1, delivery=tuple(slow))
    buffers = (replace(chip.buffers[0], capacity_bytes=600),)
    hardware = replace(chip, array=array, buffers=buffers, dram=replace(chip.dram, bytes_per_cycle=None))
    layer, flow = layer_of(LoopNest((1, 1, 4, 3, 4, 4, 3, 3), input_size=(6, 6))), load_dataflow("no_local_reuse")
    request = Request(hardware, layer, "cycles")
    found = search_layer(request, [flow], EXACT)
    assert found.mapping.tile[Dim.C] == 2
    assert found.keys == best_of_all(request, candidates_of(request, flow))


@FEW
@given(hardware=machines(), layer=layers(), flows=flow_lists, data=st.data())
def test_more_bandwidth_or_buffer_never_costs_cycles(hardware, layer, flows, data):
    better = data.draw(st.sampled_from(list(improvements(hardware).items())))[1]
    before, after = (search_layer(Request(machine, layer, "cycles"), flows, EXACT) for machine in (hardware, better))
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
    """Up to a fiftieth: of the many spatial_mappings that leave PEs idle, the search tries the most promising only.

    A systolic array is none of these: its wave front has longer to go.
    """
    chip = load_hardware(name)
    buffers = tuple(replace(buffer, capacity_bytes=capacity) for buffer in chip.buffers)
    flows = list(chip.dataflows)
    more = (2 * rows, columns) if taller else (rows, 2 * columns)
    arrays = (replace(chip.array, rows=r, columns=c) for r, c in ((rows, columns), more))
    pair = (replace(chip, buffers=buffers, array=array) for array in arrays)
    before, after = (search_layer(Request(machine, layer, "cycles"), flows, EXACT) for machine in pair)
    assert before is None or after.keys[0] <= 1.02 * before.keys[0]
