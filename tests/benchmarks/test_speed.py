"""How fast the hot paths are: `pytest tests/benchmarks --benchmark-enable -m ""`. Otherwise each runs once, as a test.

One evaluation should take a microsecond, the search of a network a second, the recurrence half a microsecond a tile,
and half a second of CPU the whole process that simulates a network once more.
`extra_info` holds the figure per unit of work.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from analysis.read.trace import trace_text
from simulator import simulate, timeline
from simulator.cost.case import PIPE
from simulator.cost.convert import make_scratch
from simulator.cost.energy import layer_energy
from simulator.cost.evaluate import evaluate
from simulator.cost.jit import jit
from simulator.cost.pipeline import play_runs
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.store import Store
from simulator.timing.tiles import OpTiles
from simulator.timing.timeline import ARRAY, play
from tests.benchmarks.subjects import PORT, best_case, different_tiles, search
from tests.marks import one_in
from tests.oracle.test_timeline import port_of, run_records


@jit
def evaluate_often(times, case, scratch):
    """Evaluate a mapping, counts, cycles and energy, so often; return the sum of the cycles, and of the energy."""
    cycles, energy = 0, 0.0
    for _ in range(times):
        evaluate(case, scratch)
        energy += layer_energy(case.machine, case.prices, scratch.totals, scratch.moved)
        cycles += scratch.totals.cycles
    return cycles, energy


@pytest.mark.parametrize("layer", one_in(4, ["conv1", "conv4", "conv39", "conv92", "fc1000"]))
def test_one_evaluation_of_a_mapping(benchmark, layer):
    times, case, scratch = 10_000, best_case("squeezenext", layer), make_scratch()
    once, _ = evaluate_often(1, case, scratch)
    assert benchmark(evaluate_often, times, case, scratch)[0] == times * once
    tiles = int(scratch.totals["tiles"])
    benchmark.extra_info |= {"evaluations": times, "tiles_a_mapping": tiles} | per(benchmark, times)


@pytest.mark.parametrize(
    ("network", "layer"), [("squeezenext", "conv1"), ("squeezenext", "conv39"), ("alexnet", "conv2")]
)
def test_the_search_of_a_layer_over_all_dataflows(benchmark, network, layer):
    found = benchmark(search, network, layer)
    assert found is not None and found.keys[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("network", ["squeezenext", "alexnet"])
def test_a_whole_network(benchmark, network):
    run = benchmark(simulate, "flexible_168", network)
    assert run.total.macs == run.network.macs


@pytest.mark.slow
@pytest.mark.parametrize("network", ["squeezenext", "alexnet"])
def test_a_whole_network_that_is_known(benchmark, network, tmp_path):
    store = Store(tmp_path / "results.sqlite")

    def recalled():
        return simulate("flexible_168", network, cache=MappingCache(store=store))

    assert recalled() == benchmark(recalled)


@pytest.mark.slow
def test_the_process_that_simulates_a_known_network(benchmark, own_cache):
    command = [sys.executable, "-m", "simulator", "--hw", "eyeriss_like.yaml", "--net", "squeezenext"]

    spent = []

    def printed():
        before = os.times()
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
        return text

    first = printed()
    assert benchmark(printed) == first
    benchmark.extra_info |= {"cpu_seconds": round(min(spent), 2)}


def test_the_recurrence_tile_by_tile(benchmark):
    count = 200_000
    runs = run_records(different_tiles(count))
    end = benchmark(play_runs, runs, port_of(PORT), PORT.prefetch_cycles, np.zeros(2, PIPE))
    assert end > runs["compute"].sum()
    benchmark.extra_info |= {"tiles": count} | per(benchmark, count)


def test_the_timeline_tile_by_tile(benchmark):
    runs = different_tiles(2_000)
    played = benchmark(play, [OpTiles("conv1", ARRAY, tuple(runs), PORT)])
    assert played.end_cycle == play_runs(run_records(runs), port_of(PORT), PORT.prefetch_cycles, np.zeros(2, PIPE))
    benchmark.extra_info |= {"tiles": len(runs)} | per(benchmark, len(runs))


@pytest.mark.slow
def test_the_timeline_of_a_whole_network_and_its_trace(benchmark):
    """ResNet-50 in at most three seconds and 20 MB, on the machine that cuts it into most tiles."""
    run = simulate("eyeriss_like", "resnet:depth=50")
    trace = benchmark(lambda: trace_text(timeline(run), run))
    assert len(trace.encode()) < 20_000_000
    tiles = sum(layer.tiles for layer in run.layers)
    benchmark.extra_info |= {"tiles": tiles, "bytes": len(trace.encode())} | per(benchmark, tiles)


def per(benchmark, count):
    """The least time per unit of work; nothing where nothing was timed."""
    return {"best_ns_a_unit": round(benchmark.stats.stats.min / count * 1e9, 1)} if benchmark.stats else {}
