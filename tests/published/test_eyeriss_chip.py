"""The Eyeriss chip with its own mapping of AlexNet at batch 4 (Chen et al., JSSC 2017, tables III and V)."""

import pytest

from simulator.engine import simulate
from simulator.paths import data_dir
from simulator.result.run import Run

PROCESSING_MS = {"conv1": 16.5, "conv2": 39.2, "conv3": 21.8, "conv4": 16.0, "conv5": 10.0}
MAPPING = data_dir() / "mappings" / "eyeriss_chip_alexnet.yaml"


@pytest.fixture(scope="module")
def published() -> Run:
    return simulate("eyeriss_chip", "alexnet", batch=4, mapping=MAPPING)


@pytest.mark.parametrize("layer", PROCESSING_MS)
def test_processing_time_is_within_15_percent_of_the_chip(published: Run, layer: str) -> None:
    result = next(r for r in published.layers if r.name == layer)
    ours = 1e3 * result.bounds["array"] / published.hardware.clock_hz
    deviation = ours / PROCESSING_MS[layer] - 1
    print(f"{layer}: {ours:.1f} ms, {deviation:+.1%}")
    assert abs(deviation) <= 0.15


def test_processing_time_of_all_layers_is_within_10_percent_of_the_chip(published: Run) -> None:
    cycles = sum(r.bounds["array"] for r in published.layers if r.name in PROCESSING_MS)
    deviation = 1e3 * cycles / published.hardware.clock_hz / sum(PROCESSING_MS.values()) - 1
    print(f"all: {deviation:+.1%}")
    assert abs(deviation) <= 0.10


def test_a_search_never_does_worse_than_the_chips_own_mapping(published: Run) -> None:
    own = {r.name: r.cycles for r in published.layers}
    searched = {r.name: r.cycles for r in simulate("eyeriss_chip", "alexnet", batch=4).layers}
    assert all(searched[name] <= own[name] for name in PROCESSING_MS)
