"""Which of weight and output stationary is faster by kind of layer, as the SqueezeNext paper says."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import at_least
from analysis.read.kinds import DEPTHWISE, FIRST, ONE_BY_ONE, kinds_of
from simulator import simulate

MACHINES = ("squeezenext_16x16", "squeezenext_8x8")
NETWORKS = ("alexnet", "mobilenet_v1", "squeezenext:variant=v1", "squeezenext:variant=v5")
WEIGHT, OUTPUT = "weight_stationary", "output_stationary_blocks"

KINDS = {
    ONE_BY_ONE: ("1x1 convolutions", WEIGHT, OUTPUT),
    DEPTHWISE: ("depthwise convolutions", OUTPUT, WEIGHT),
    FIRST: ("first layers", OUTPUT, WEIGHT),
}
"""Kind of layer -> what it is called, the dataflow that is faster, the other."""


def rows() -> Iterator[Row]:
    """Yield for each kind how many times faster its dataflow is at least: at the layer where it gains least."""
    for machine in MACHINES:
        runs = {(net, flow): simulate(machine, net, dataflow=flow) for net in NETWORKS for flow in (WEIGHT, OUTPUT)}
        kinds = {net: kinds_of(runs[net, WEIGHT]) for net in NETWORKS}
        for kind, (called, faster, slower) in KINDS.items():
            ratios = [
                runs[net, slower].layers[at].cycles / layer.cycles
                for net in NETWORKS
                for at, layer in enumerate(runs[net, faster].layers)
                if kinds[net][layer.name] == kind
            ]
            name = f"{len(ratios)} {called}: {slower} / {faster}"
            yield Row(name, None, min(ratios), at_least(1.0), "least", f"cycles, {machine}")


ANCHOR = Anchor(
    name="choice",
    title="Weight or output stationary, by kind of layer",
    source='Gholami et al., "SqueezeNext", arXiv 1803.10615v2, and Kwon et al., DAC 2018, arXiv 1804.10642',
    machines=MACHINES,
    rows=rows,
    remarks=("Both papers: first layers and depthwise ones are faster output stationary, 1x1 ones weight stationary.",),
)
