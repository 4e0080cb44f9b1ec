"""MACs and parameters of every network, against the definitions they follow."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import EQUAL
from analysis.drive.accuracy.figures import published
from workloads.load import load_network


def rows() -> Iterator[Row]:
    """Yield MACs without bias, and weights with biases, of each network."""
    for figures in published("networks"):
        network = load_network(figures["spec"])
        yield Row(figures["spec"], int(figures["macs"]), network.macs, EQUAL, part="MACs")
        yield Row(figures["spec"], int(figures["params"]), network.params, EQUAL, part="parameters")


ANCHOR = Anchor(
    name="networks",
    title="MACs and parameters of the networks",
    source="the definition that each network follows; named beside each in published/networks.csv",
    machines=(),
    rows=rows,
)
