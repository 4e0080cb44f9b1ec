"""Every network of networks.csv, against the counts of its source; each row names the source."""

import pytest

from analysis.drive.accuracy.figures import published
from simulator.network.ir import Network, Op
from workloads.load import load_network
from workloads.registry import BUILDERS

ROWS = published("networks")


def counts(network: Network) -> dict[str, int]:
    """Return the layers, MACs and parameters as networks.csv counts them: conv holds depthwise and grouped ones."""
    convs = [layer for layer in network.layers if layer.op in (Op.CONV, Op.DEPTHWISE)]
    depthwise = [layer for layer in convs if layer.op is Op.DEPTHWISE]
    return {
        "conv": len(convs),
        "depthwise": len(depthwise),
        "grouped": sum(layer.groups > 1 for layer in convs) - len(depthwise),
        "linear": sum(layer.op is Op.LINEAR for layer in network.layers),
        "macs": network.macs,
        "params": network.params,
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["spec"])
def test_a_network_has_its_sources_layers_macs_and_parameters(row: dict[str, str]) -> None:
    network = load_network(row["spec"])
    found = counts(network)
    assert found == {key: int(row[key]) for key in found}
    (shape,) = network.inputs.values()
    assert "x".join(map(str, shape[1:])) == row["input"]


def test_every_bundled_network_has_a_row() -> None:
    assert {row["spec"].partition(":")[0] for row in ROWS} == set(BUILDERS)
