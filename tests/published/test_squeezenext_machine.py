"""The machine of the SqueezeNext paper (Gholami et al., arXiv 1803.10615) against its published cycles."""

import pytest

from simulator.engine import simulate
from simulator.result.run import Run

# Figure 8, total K cycles on 16 x 16 PEs, read off the plot with an error of about 8 K.
TOTAL_KCYCLES = {"v1": 1513, "v2": 1404, "v3": 1339, "v4": 1282, "v5": 1253}

# Table 3, time relative to v5 on 16 x 16 PEs.
RELATIVE_TIME = {"squeezenet:version=1.0": 2.59, "alexnet": 8.26}

# Figure 6, K cycles per layer of v2 to v5 on 16 x 16 PEs, error about 0.6 K: DRAM-bound 1x1 layers at 56 x 56.
DRAM_BOUND_KCYCLES = {"conv2": 40.0, "conv3": 19.4, "conv4": 9.9}


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {v: simulate("squeezenext_16x16", f"squeezenext:variant={v}") for v in TOTAL_KCYCLES}


@pytest.mark.parametrize("variant", TOTAL_KCYCLES)
def test_total_cycles_are_within_15_percent_of_figure_8(runs: dict[str, Run], variant: str) -> None:
    deviation = runs[variant].total.cycles / (1000 * TOTAL_KCYCLES[variant]) - 1
    print(f"{variant}: {deviation:+.1%}")
    assert abs(deviation) <= 0.15


def test_the_variants_come_out_in_the_papers_order(runs: dict[str, Run]) -> None:
    cycles = [runs[variant].total.cycles for variant in TOTAL_KCYCLES]
    assert cycles == sorted(cycles, reverse=True)


@pytest.mark.parametrize("network", RELATIVE_TIME)
def test_time_relative_to_v5_is_within_15_percent_of_table_3(runs: dict[str, Run], network: str) -> None:
    ratio = simulate("squeezenext_16x16", network).total.cycles / runs["v5"].total.cycles
    deviation = ratio / RELATIVE_TIME[network] - 1
    print(f"{network}: {ratio:.2f}, {deviation:+.1%}")
    assert abs(deviation) <= 0.15


@pytest.mark.parametrize("variant", TOTAL_KCYCLES)
def test_the_first_layer_takes_output_stationary_by_the_choosers_own_decision(
    runs: dict[str, Run], variant: str
) -> None:
    assert runs[variant].layers[0].dataflow == "output_stationary_pixels"


@pytest.mark.parametrize("layer", DRAM_BOUND_KCYCLES)
def test_1x1_layers_at_56x56_are_bound_by_dram(runs: dict[str, Run], layer: str) -> None:
    result = next(r for r in runs["v5"].layers if r.name == layer)
    deviation = result.cycles / (1000 * DRAM_BOUND_KCYCLES[layer]) - 1
    print(f"{layer}: {deviation:+.1%}")
    assert result.bottleneck == "dram"
    assert abs(deviation) <= 0.10
