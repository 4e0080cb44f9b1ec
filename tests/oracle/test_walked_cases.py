"""Kernels against counts of walks that were taken before: many cases in little time."""

import pytest

from simulator.cost.case import FIXED_POINT
from simulator.cost.convert import make_scratch
from simulator.cost.energy import layer_energy
from simulator.cost.evaluate import evaluate
from tests.oracle.naive import plain
from tests.oracle.naive_demands import memory_demands
from tests.oracle.test_counts import figure, walked
from tests.oracle.walked import bounds_of, costs_of, load, without_prefetch


@pytest.fixture(scope="module")
def cases():
    return load()


def test_totals_words_and_energy_are_those_of_the_walks(cases):
    assert len(cases) > 300
    scratch = make_scratch()  # one for all, as a search has it: nothing of a case may stay
    for number, kept in enumerate(cases):
        case = kept.case
        assert evaluate(case, scratch), number
        assert {name: figure(scratch, name) for name in kept.counts} == kept.counts, number
        pj = layer_energy(case.machine, case.prices, scratch.totals, scratch.moved)
        assert pj == pytest.approx(priced(kept), rel=1e-12), number


def priced(kept):
    """Energy of what a walk counted: every action times its price."""
    prices, counts = plain(kept.case.prices), kept.counts
    layer, skips = plain(kept.case.layer), int(kept.case.mapping["skips"])
    macs = layer.macs * layer.skip // FIXED_POINT if skips else layer.macs
    size = counts["dram_written"] + sum(counts["dram_read", operand] for operand in range(3))
    pj = macs * prices.mac_pj + size * prices.dram_pj_per_byte + counts["cycles"] * prices.leakage_pj_per_cycle
    for name, count in counts.items():
        if name[0] in ("read", "written"):
            _, level, operand = name
            pj += count * prices.word_pj[level][operand]
    return pj


def test_a_mapping_fits_the_bytes_that_lie_in_each_memory_and_not_one_less(cases):
    for number, kept in enumerate(cases[::3]):
        capacity = kept.case.machine["capacity_bytes"]
        before = capacity.copy()
        capacity[: len(kept.demands)] = kept.demands
        assert evaluate(kept.case, make_scratch()), number
        for memory, _ in enumerate(kept.demands):
            capacity[memory] -= 1
            assert not evaluate(kept.case, make_scratch()), (number, memory)
            capacity[memory] += 1
        capacity[:] = before


def test_bounds_are_as_tight_as_they_were_and_not_above_what_they_bound(cases):
    for number, kept in enumerate(cases):
        case = without_prefetch(kept.case)
        assert bounds_of(case) == kept.bounds, number
        costs = costs_of(case)
        assert all(bound <= costs[name] for name, bound in kept.bounds.items()), number


@pytest.mark.slow
def test_walks_count_today_what_was_kept_of_them(cases):
    for number, kept in enumerate(cases):
        assert walked(kept.case) == kept.counts, number
        assert memory_demands(kept.case.machine, kept.case.layer, kept.case.mapping) == kept.demands, number
