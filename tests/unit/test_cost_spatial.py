"""Spatial mappings: what fits the array and the registers of a PE, and nothing that could be larger."""

from itertools import pairwise, product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.cost.spatial import (
    FILTER_TAPS,
    SpatialMapping,
    axis_bounds,
    balanced,
    excess,
    register_words,
    spatial_mappings,
    tile_counts,
    under_filled_bounds,
)
from simulator.hardware.load import load_hardware
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import RELEVANT, Dim, LoopNest, Operand, array_bounds
from tests.oracle.strategies import hardwares, nests

EYERISS = load_hardware("eyeriss_chip").array
ALEXNET_CONV1 = LoopNest((4, 1, 96, 3, 55, 55, 11, 11), (4, 4), input_size=(227, 227))
ALEXNET_CONV3 = LoopNest((4, 1, 384, 256, 13, 13, 3, 3), padding=(1, 1, 1, 1), input_size=(13, 13))
extents = st.tuples(*(st.integers(1, 12) for _ in Dim))
axes = st.lists(st.sampled_from(Dim), min_size=1, max_size=3, unique=True)


@given(st.integers(1, 500))
def test_balanced_bounds_are_those_of_equal_parts(extent):
    assert list(balanced(extent)) == sorted({-(-extent // n) for n in range(1, extent + 1)}, reverse=True)


@given(st.integers(1, 500))
def test_tiles_are_cut_into_equal_parts_the_whole_and_single_elements_among_them(extent):
    sizes = tile_counts(extent)
    assert sizes[0] == extent and sizes[-1] == 1
    assert set(sizes) <= set(balanced(extent))
    assert all(larger <= 2 * smaller for larger, smaller in pairwise(sizes))


@given(st.integers(1, 250))
def test_twice_an_extent_has_the_tiles_of_the_extent(extent):
    assert set(tile_counts(extent)) <= set(tile_counts(2 * extent))


@given(extents, axes, st.integers(1, 16))
def test_an_axis_is_unrolled_in_every_balanced_way_that_cannot_grow(extents, dims, length):
    options = [balanced(extents[d]) for d in dims]
    fitting = [bounds for bounds in product(*options) if prod(bounds) <= length]
    if FILTER_TAPS[0] not in dims and FILTER_TAPS[1] not in dims:
        largest = {a for a in fitting if not any(b != a and all(map(int.__ge__, b, a)) for b in fitting)}
        assert set(axis_bounds(extents, dims, length)) == largest
    assert set(axis_bounds(extents, dims, length)) <= set(fitting)


@given(extents, st.integers(1, 16))
def test_filter_taps_take_what_they_can(extents, length):
    most = next(bound for bound in balanced(extents[Dim.R]) if bound <= length)
    assert {bounds[0] for bounds in axis_bounds(extents, (Dim.R, Dim.C), length)} == {most}


@given(extents, st.integers(1, 16))
def test_a_longer_axis_leaves_idle_what_one_of_half_its_length_uses(extents, length):
    shorter, longer = (under_filled_bounds(extents, (Dim.K,), size) for size in (length, 2 * length))
    assert set(shorter) <= set(longer)


@pytest.mark.parametrize("name", list_dataflows())
@settings(max_examples=max(10, settings.default.max_examples // 5))
@given(nest=nests(), hardware=hardwares(8, 8, registers=12))
def test_every_spatial_mapping_fits_the_array_and_names_what_its_dataflow_does(name, nest, hardware):
    flow, array = load_dataflow(name), hardware.array
    found = spatial_mappings(flow, nest, array)
    assert found and len(found) == len(set(found))
    bounds = list(array_bounds(nest.bounds, flow.lowered))
    if flow.channel_packing:
        bounds[Dim.C] *= prod(nest.stride)
    for layout in found:
        assert prod(layout.rows) <= array.rows and prod(layout.columns) <= array.columns
        assert {d for d in Dim if layout.rows[d] > 1} <= set(flow.rows)
        assert {d for d in Dim if layout.columns[d] > 1} <= set(flow.columns)
        assert {d for d in Dim if layout.registers[d] > 1} <= set(flow.registers)
        assert not excess(layout, flow, nest, array) or layout.registers == (1,) * 8
        covered = zip(layout.spatial, layout.registers, strict=True)
        assert all(s * r < 2 * bound + s for (s, r), bound in zip(covered, bounds, strict=True))


def test_row_stationary_places_alexnet_as_on_the_chip():
    """JSSC 2017, table III: CONV3 holds 13 columns of 3 filter rows, four sets of them in the 12 rows of the array."""
    found = spatial_mappings(load_dataflow("row_stationary"), ALEXNET_CONV3, EYERISS)
    assert all(layout.rows[Dim.R] == 3 and layout.registers[Dim.S] == 3 for layout in found)
    assert any(layout.columns[Dim.P] == 13 and prod(layout.rows) == 12 for layout in found)
    assert any(layout.registers[Dim.C] == 4 and layout.registers[Dim.K] == 16 for layout in found)


def test_eleven_taps_of_a_row_fill_the_input_registers():
    """JSSC 2017: a PE's 12 input words hold a window of 11, so a single channel; 224 weights hold 20 filters' rows."""
    found = spatial_mappings(load_dataflow("row_stationary"), ALEXNET_CONV1, EYERISS)
    for layout in found:
        assert (layout.registers[Dim.S], layout.registers[Dim.C]) == (11, 1)
        assert layout.registers[Dim.K] * 11 <= 224
        assert layout.registers[Dim.K] <= 24  # partial sums


orders = st.permutations((Dim.K, Dim.C, Dim.P, Dim.N))


@given(orders, st.tuples(*(st.integers(1, 4) for _ in range(4))), st.sampled_from((Operand.WEIGHTS, Operand.OUTPUTS)))
def test_a_pe_holds_the_words_that_wait_for_their_next_use(order, bounds, operand):
    """Words are live from their first to their last use; their largest number at a time is what registers must hold."""
    registers = [1] * 8
    for d, bound in zip(order, bounds, strict=True):
        registers[d] = bound
    uses = {}
    for time, indices in enumerate(product(*(range(registers[d]) for d in order))):
        word = tuple(index for d, index in zip(order, indices, strict=True) if d in RELEVANT[operand])
        uses.setdefault(word, []).append(time)
    live = max(sum(min(w) <= time <= max(w) for w in uses.values()) for time in range(prod(bounds)))
    layout = SpatialMapping((1,) * 8, (1,) * 8, tuple(registers))
    assert register_words(layout, order, None, ALEXNET_CONV3, False, EYERISS)[operand] == live


def test_the_stationary_operand_is_held_whole():
    layout = SpatialMapping((1,) * 8, (1,) * 8, (1, 1, 3, 2, 1, 1, 1, 1))
    words = register_words(layout, (Dim.K, Dim.C), Operand.WEIGHTS, ALEXNET_CONV3, False, EYERISS)
    assert words[Operand.WEIGHTS] == 6
