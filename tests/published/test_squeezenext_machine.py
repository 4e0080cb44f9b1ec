"""What the SqueezeNext paper (Gholami et al., arXiv 1803.10615) says of its machine beside figures."""

import pytest

from simulator import load_network, simulate
from simulator.result.run import Run

VARIANTS = ("v1", "v2", "v3", "v4", "v5")


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {variant: simulate("squeezenext_16x16", f"squeezenext:variant={variant}") for variant in VARIANTS}


def test_each_variant_is_faster_than_the_one_before(runs: dict[str, Run]) -> None:
    cycles = [runs[variant].total.cycles for variant in VARIANTS]
    assert cycles == sorted(set(cycles), reverse=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_first_layer_takes_output_stationary_by_the_choosers_own_decision(
    runs: dict[str, Run], variant: str
) -> None:
    assert runs[variant].layers[0].dataflow == "output_stationary_blocks"


@pytest.mark.parametrize("layer", ["conv2", "conv3", "conv4"])
def test_1x1_layers_at_56x56_are_bound_by_dram(runs: dict[str, Run], layer: str) -> None:
    assert next(result for result in runs["v5"].layers if result.name == layer).bottleneck == "dram"


@pytest.mark.parametrize(
    ("spec", "macs_m"),
    [
        pytest.param("squeezenet:version=1.0,last_padding=0", 837, id="v1.0 without padding at its end"),
        pytest.param("squeezenet:version=1.1,resolution=224", 352, id="v1.1 at 224x224"),
    ],
)
def test_the_paper_counts_squeezenets_macs(spec: str, macs_m: int) -> None:
    """With biases, table 3 of arXiv 1803.10615: these are the networks to compare with."""
    network = load_network(spec)
    biases = sum(layer.output_shape[1] * layer.output_shape[2] ** 2 for layer in network.layers if layer.macs)
    assert round((network.macs + biases) / 1e6) == macs_m
