"""Iterations that are alike can be jumped over: every total is that of playing all tiles, one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.cost.case import ONE, TOTALS, ZERO, Case
from simulator.cost.convert import (
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    port_record,
    price_record,
)
from simulator.cost.evaluate import begin
from simulator.cost.play import play_tiles
from simulator.cost.variants import count_variants
from simulator.hardware.load import load_hardware
from simulator.mapping.mapping import ONES, Mapping
from simulator.nest import Dim, LoopNest
from tests.oracle.strategies import hardwares, layer_of

_ALONG_AN_AXIS = st.tuples(
    st.integers(1, 40), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(0, 2), st.integers(0, 2)
)
_COUNTS = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 24), st.integers(1, 24))
_TILES = st.tuples(*(st.sampled_from((1, 1, 2, 3, 99)) for _ in Dim))

FEW = settings(max_examples=max(20, settings.default.max_examples // 3))


@st.composite
def long_nests(draw):
    """Layers of many tiles."""
    down, across = draw(_ALONG_AN_AXIS), draw(_ALONG_AN_AXIS)
    sizes = [
        max(1, (pixels - 1) * stride + (taps - 1) * dilation + 1 - before - after)
        for pixels, taps, stride, dilation, before, after in (down, across)
    ]
    bounds = (*draw(_COUNTS), down[0], across[0], down[1], across[1])
    padding = (down[4], across[4], down[5], across[5])
    return LoopNest(bounds, (down[2], across[2]), (down[3], across[3]), padding, tuple(sizes))


def on_one_pe(tile, order, retains):
    """A mapping that does one MAC after the other."""
    return Mapping("drawn", tile, order, tuple(Dim), ONES, ONES, ONES, (), lowered=False, retains=retains)


@st.composite
def long_cases(draw):
    """A layer of many tiles on a machine that holds them."""
    hardware, nest = draw(hardwares(capacity=1 << 40)), draw(long_nests())
    tile = tuple(min(bound, cut) for bound, cut in zip(nest.bounds, draw(_TILES), strict=True))
    mapping = on_one_pe(tile, tuple(draw(st.permutations(tuple(Dim)))), draw(st.booleans()))
    facts = layer_record(hardware, layer_of(nest), nest, residuals=draw(st.sampled_from((0, 0, 1))))
    facts["resident"] = draw(st.tuples(*(st.sampled_from((0, 0, 0, 1)) for _ in range(3))))
    facts["prefetch_bytes"] = draw(st.sampled_from((0, 0, 0, 64)))
    records = machine_record(hardware), port_record(hardware), facts, price_record(hardware, layer_of(nest))
    return Case(*records, mapping_record(hardware, mapping))


def totals_of(case, jumps):
    """All totals of a case, and the cycles of its pipeline."""
    scratch = make_scratch()
    assert begin(case, scratch)
    count_variants(case, scratch)
    assert play_tiles(case, scratch, jumps, np.inf)
    parts = int(scratch.pipe["fill_cycles"]), int(scratch.pipe["wait_cycles"]), int(scratch.pipe["array_free"])
    return {name: np.array(scratch.totals[name]).tolist() for name in TOTALS.names} | {"parts": parts}


@FEW
@given(long_cases())
def test_a_jump_over_iterations_that_are_alike_changes_no_total(case):
    assert totals_of(case, ONE) == totals_of(case, ZERO)


@FEW
@given(long_cases(), st.integers(-3, 3))
def test_tiles_are_played_no_longer_than_they_may_take(case, more):
    """What was waited for, and what the array takes, is in the cycles; stores after the last compute are not."""
    scratch = make_scratch()
    assert begin(case, scratch)
    count_variants(case, scratch)
    assert play_tiles(case, scratch, ONE, np.inf)
    last_compute = int(scratch.pipe["array_free"])
    assert begin(case, scratch)
    assert play_tiles(case, scratch, ONE, float(last_compute + more)) == (more >= 0)


def test_a_layer_of_a_million_tiles_is_played_in_few():
    hardware = load_hardware("edge_npu_like")
    nest = LoopNest((1, 1, 64, 64, 16, 16, 1, 1), input_size=(16, 16))
    mapping = on_one_pe(ONES, tuple(Dim), True)
    facts = layer_record(hardware, layer_of(nest), nest)
    records = machine_record(hardware), port_record(hardware), facts, price_record(hardware, layer_of(nest))
    totals = totals_of(Case(*records, mapping_record(hardware, mapping)), ONE)
    assert totals["tiles"] == 64 * 64 * 16 * 16
    assert totals["stored_outputs"] == 64 * 16 * 16
