"""Kernels against counts of walks that were taken before: many cases in little time."""

import gzip
import json

import pytest

from simulator.cost.case import FIXED_POINT
from simulator.cost.convert import make_scratch
from simulator.cost.energy import layer_energy
from simulator.cost.evaluate import dram_bytes, evaluate
from tests.oracle.naive import plain
from tests.oracle.test_counts import figure
from tests.oracle.walked import FILE, bounds_of, load, walk_anew, without_prefetch


@pytest.fixture(scope="module")
def cases():
    return load()


def test_totals_words_and_energy_are_those_of_the_walks(cases):
    assert len(cases) > 300
    scratch = make_scratch()  # one for all, as a search has it: nothing of a case may stay
    for number, walked in enumerate(cases):
        case = walked.case
        assert evaluate(case, scratch), number
        assert {name: figure(scratch, name) for name in walked.counts} == walked.counts, number
        pj = layer_energy(case.machine, case.prices, scratch.totals, scratch.moved)
        assert pj == pytest.approx(priced(walked), rel=1e-12), number


def priced(walked):
    """Energy of what a walk counted: every action times its price."""
    prices, counts = plain(walked.case.prices), walked.counts
    layer, skips = plain(walked.case.layer), int(walked.case.mapping["skips"])
    macs = layer.macs * layer.skip // FIXED_POINT if skips else layer.macs
    size = counts["dram_written"] + sum(counts["dram_read", operand] for operand in range(3))
    pj = macs * prices.mac_pj + size * prices.dram_pj_per_byte + counts["cycles"] * prices.leakage_pj_per_cycle
    for name, count in counts.items():
        if name[0] in ("read", "written"):
            _, level, operand = name
            pj += count * prices.word_pj[level][operand]
    return pj


def test_a_mapping_fits_the_bytes_that_lie_in_each_memory_and_not_one_less(cases):
    for number, walked in enumerate(cases[::3]):
        capacity = walked.case.machine["capacity_bytes"]
        before = capacity.copy()
        capacity[: len(walked.demands)] = walked.demands
        assert evaluate(walked.case, make_scratch()), number
        for memory, _ in enumerate(walked.demands):
            capacity[memory] -= 1
            assert not evaluate(walked.case, make_scratch()), (number, memory)
            capacity[memory] += 1
        capacity[:] = before


def test_bounds_are_as_tight_as_they_were_and_not_above_what_they_bound(cases):
    for number, walked in enumerate(cases):
        case = without_prefetch(walked.case)
        assert bounds_of(case) == walked.bounds, number
        scratch = make_scratch()
        assert evaluate(case, scratch)
        totals = scratch.totals
        energy = layer_energy(case.machine, case.prices, totals, scratch.moved)
        costs = {"traffic": dram_bytes(totals), "dram": dram_bytes(totals), "energy": energy}
        costs |= {name: totals[name] for name in ("mac_cycles", "array_cycles", "cycles")}
        assert all(bound <= costs[name] for name, bound in walked.bounds.items()), number


@pytest.mark.slow
def test_the_cases_are_what_a_walk_counts_today():
    assert json.loads(json.dumps(walk_anew())) == json.loads(gzip.decompress(FILE.read_bytes()))
