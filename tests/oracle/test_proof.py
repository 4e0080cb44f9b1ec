"""What a search proves: nothing in the whole space is below its bound, and with `PROVE` nothing is better.

The space is listed here once more, naively: bounds of rows, columns and registers and extents of tiles from every
number of parts, every order of groups of DRAM loops.
"""

from dataclasses import replace
from itertools import permutations, product
from math import prod

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.cost.case import Case
from simulator.cost.convert import layer_record, machine_record, make_scratch, mapping_record, port_record, price_record
from simulator.cost.effort import PROVE, Effort
from simulator.cost.energy import dram_bytes, layer_energy
from simulator.cost.evaluate import evaluate
from simulator.cost.legality import violations
from simulator.cost.search import Request, gap_of, search_layer
from simulator.hardware.load import load_hardware
from simulator.hardware.model import BAND
from simulator.hardware.model import KERNEL_OBJECTIVES as OBJECTIVES
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.mapping.mapping import ONES, Mapping
from simulator.nest import Dim, LoopNest, array_bounds
from tests.oracle.strategies import hardwares, layer_of

FEW = settings(
    max_examples=max(6, settings.default.max_examples // 16),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
FLOWS = [load_dataflow(name) for name in list_dataflows()]
GROUPS = ((Dim.N, Dim.P, Dim.Q), (Dim.K,), (Dim.C, Dim.R, Dim.S))
ORDERS = [(Dim.G, *(d for group in order for d in group)) for order in permutations(GROUPS)]
MOST = 1500
"""Mappings that are tried one by one for an example."""

_BOUNDS = st.tuples(*map(st.sampled_from, ((1, 2), (1, 1, 2), (3, 2, 1), (3, 2, 1), (4, 3), (3, 1), (2, 1), (1,))))


@st.composite
def layers(draw):
    """Layers of a few dozen MACs, of any kind."""
    bounds, stride = draw(_BOUNDS), draw(st.sampled_from(((1, 1), (1, 1), (2, 1), (2, 2))))
    dilation, above = draw(st.sampled_from(((1, 1), (1, 1), (2, 1)))), draw(st.integers(0, 1))
    if draw(st.booleans()) and bounds[Dim.G] > 1:
        bounds = (*bounds[:2], 1, 1, *bounds[4:])
    pixels, taps = bounds[Dim.P : Dim.R], bounds[Dim.R :]
    reach = [(p - 1) * s + (r - 1) * v + 1 for p, r, s, v in zip(pixels, taps, stride, dilation, strict=True)]
    above = min(above, reach[0] - 1)
    return layer_of(LoopNest(bounds, stride, dilation, (above, 0, 0, 0), (reach[0] - above, reach[1])))


@st.composite
def machines(draw):
    """Machines that can add partial sums either way, with buffers that hold a few tiles."""
    hardware = draw(hardwares(3, 3, capacity=draw(st.sampled_from((40, 100, 400))), registers=6))
    return replace(hardware, array=replace(hardware.array, reduce_rows=True, reduce_columns=True))


def parts(extent):
    """The least extents that cut one into any number of parts."""
    return sorted({-(-extent // n) for n in range(1, extent + 1)})


def spread(dims, bounds):
    """Bounds of all dimensions."""
    return tuple(dict(zip(dims, bounds, strict=True)).get(d, 1) for d in Dim)


def unrolled(extents, dims, length):
    """Every way to unroll dimensions along an axis; of filter taps as many as there is room for."""
    for bounds in product(*(parts(extents[d]) for d in dims)):
        if prod(bounds) <= length and all(tapped(extents, dims, length, bounds)):
            yield spread(dims, bounds)


def tapped(extents, dims, length, bounds):
    """Whether each bound of filter taps is the largest part that fits beside those before it."""
    for i, (d, bound) in enumerate(zip(dims, bounds, strict=True)):
        if d in (Dim.R, Dim.S):
            yield bound == max(part for part in parts(extents[d]) if part * prod(bounds[:i]) <= length)


def spatial_mappings(flow, nest, hardware):
    """Every placement: rows, columns and registers."""
    extents, array = list(array_bounds(nest.bounds, flow.lowered)), hardware.array
    if flow.channel_packing:
        extents[Dim.C] *= prod(nest.stride)
    for rows in unrolled(extents, flow.rows, array.rows):
        left = [-(-e // r) for e, r in zip(extents, rows, strict=True)]
        for columns in unrolled(left, flow.columns, array.columns):
            rest = [-(-e // c) for e, c in zip(left, columns, strict=True)]
            for registers in product(*(parts(rest[d]) for d in flow.registers)):
                yield rows, columns, spread(flow.registers, registers)


def tiles(flow, nest, rows, columns, registers):
    """Every tile: the least extents of any number of tiles, and the steps of the array that hold these."""
    lists = []
    for d in Dim:
        lowered = flow.lowered and d not in (Dim.G, Dim.K)
        step, bound = 1 if lowered else rows[d] * columns[d] * registers[d], nest.bounds[d]
        sizes = {*parts(bound), *(min(bound, -(-size // step) * step) for size in parts(bound))}
        if d in (Dim.R, Dim.S, *flow.untiled):
            sizes = {bound}
        elif d in flow.one_step_a_tile:
            sizes = {min(step, bound)}
        lists.append(sorted(sizes))
    yield from product(*lists)


def every_mapping(flow, nest, hardware):
    """Every mapping in the space of a dataflow."""
    for rows, columns, registers in spatial_mappings(flow, nest, hardware):
        for tile, order in product(tiles(flow, nest, rows, columns, registers), ORDERS):
            yield Mapping(
                dataflow=flow.name,
                tile=tile,
                dram_order=order,
                buffer_order=flow.order,
                rows=rows,
                columns=columns,
                registers=registers,
                registers_order=tuple(reversed(flow.registers)),
                lowered=flow.lowered,
                retains=flow.stationary is not None,
                channel_packing=flow.channel_packing,
                stationary=flow.stationary,
            )


def figures_of(hardware, layer, mapping, scratch):
    """What each objective is of a mapping; None if it does not fit."""
    facts = layer_record(hardware, layer, layer.nest)
    records = machine_record(hardware), port_record(hardware), facts, price_record(hardware, layer)
    case = Case(*records, mapping_record(hardware, mapping))
    if not evaluate(case, scratch):
        return None
    totals = scratch.totals
    cycles, dram = int(totals["cycles"]), dram_bytes(totals)
    pj = layer_energy(case.machine, case.prices, totals, scratch.moved)
    dma = cycles + int(totals["dma_cycles"])
    return {"cycles": cycles, "energy": pj, "edp": pj * cycles, "dram": dram, "cycles_plus_dma": dma}


def figures_of_all(hardware, layer, flow):
    """What each objective is of every mapping that the machine can run."""
    mappings = list(every_mapping(flow, layer.nest, hardware))
    assume(len(mappings) <= MOST)
    scratch, found = make_scratch(), []
    for mapping in mappings:
        if not violations(mapping, layer, hardware):
            figures = figures_of(hardware, layer, mapping, scratch)
            found += [figures] if figures else []
    return found


@FEW
@given(hardware=machines(), layer=layers(), flow=st.sampled_from(FLOWS))
def test_what_is_proven_is_the_best_of_the_whole_space(hardware, layer, flow):
    every = figures_of_all(hardware, layer, flow)
    for objective in OBJECTIVES:
        request = Request(hardware, layer, objective)
        best = min((figures[objective] for figures in every), default=None)
        proven, usual = search_layer(request, [flow], PROVE), search_layer(request, [flow])
        if best is None:
            assert proven is None
            continue
        assert proven is not None
        assert proven.keys[0] == pytest.approx(best, rel=1e-12) and proven.gap == 0
        if usual is not None:
            assert usual.bound <= best * (1 + 1e-12) and best <= usual.keys[0] * (1 + 1e-12)
            assert gap_of(usual.keys[0], best) <= usual.gap + 1e-12


@FEW
@given(hardware=machines(), layer=layers(), flow=st.sampled_from(FLOWS))
def test_least_energy_is_sought_among_the_fastest(hardware, layer, flow):
    every = figures_of_all(hardware, layer, flow)
    found = search_layer(Request(hardware, layer, "cycles_then_energy"), [flow], PROVE)
    if found is None:
        assert every == []
        return
    least = min(figures["cycles"] for figures in every)
    assert found.cycles_bound == least and found.keys[1] <= least * (1 + BAND)
    fast = [figures["energy"] for figures in every if figures["cycles"] <= least * (1 + BAND)]
    assert found.keys[0] == found.keys[2] == pytest.approx(min(fast), rel=1e-12)


@pytest.mark.parametrize("machine", ["flexible_168", "edge_npu_like", "systolic_32x32", "nvdla_2048"])
def test_a_search_that_may_work_more_finds_nothing_worse_and_proves_no_less(machine):
    hardware = load_hardware(machine)
    layer = layer_of(LoopNest((1, 1, 24, 12, 14, 14, 3, 3), padding=(1, 1, 1, 1), input_size=(14, 14)))
    request = Request(hardware, layer, "cycles")
    short, usual = (search_layer(request, hardware.dataflows, Effort(evaluations=n)) for n in (1, 20_000))
    exact = search_layer(request, hardware.dataflows, Effort(gap=0.0))
    assert short and usual and exact
    assert exact.keys[0] <= usual.keys[0] <= short.keys[0] * (1 + 0.01)
    for found in (short, usual, exact):
        assert 0 < found.bound <= exact.keys[0]
        assert found.mapping.rows != ONES or found.mapping.columns != ONES


def test_gaps_are_fractions_of_the_bound():
    assert gap_of(303, 300) == pytest.approx(0.01)
    assert gap_of(0, 0) == 0 and gap_of(7, 7) == 0
    assert gap_of(5, 0) == 1
