"""Which of weight and output stationary is faster by kind of layer, as the SqueezeNext paper says."""

from collections.abc import Callable, Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import at_least
from simulator import simulate
from simulator.network.ir import Op
from simulator.result.run import LayerResult

MACHINES = ("squeezenext_16x16", "squeezenext_8x8")
NETWORKS = ("alexnet", "mobilenet_v1", "squeezenext:variant=v1", "squeezenext:variant=v5")
WEIGHT, OUTPUT = "weight_stationary", "output_stationary_blocks"

Kind = Callable[[int, LayerResult], bool]
KINDS: dict[str, tuple[Kind, str, str]] = {
    "1x1 convolutions": (lambda at, layer: at > 0 and layer.op is Op.CONV and layer.kernel == (1, 1), WEIGHT, OUTPUT),
    "depthwise convolutions": (lambda at, layer: layer.op is Op.DEPTHWISE, OUTPUT, WEIGHT),
    "first layers": (lambda at, layer: at == 0, OUTPUT, WEIGHT),
}
"""Kind -> which layers, by their place; the dataflow that is faster, the other."""


def rows() -> Iterator[Row]:
    """Yield for each kind how many times faster its dataflow is at least: at the layer where it gains least."""
    for machine in MACHINES:
        cycles = {(net, flow): simulate(machine, net, dataflow=flow) for net in NETWORKS for flow in (WEIGHT, OUTPUT)}
        for kind, (belongs, faster, slower) in KINDS.items():
            ratios = [
                other.cycles / layer.cycles
                for net in NETWORKS
                for at, (layer, other) in enumerate(
                    zip(cycles[net, faster].layers, cycles[net, slower].layers, strict=True)
                )
                if belongs(at, layer)
            ]
            name = f"{len(ratios)} {kind}: {slower} / {faster}"
            yield Row(name, None, min(ratios), at_least(1.0), "least", f"cycles, {machine}")


ANCHOR = Anchor(
    name="choice",
    title="Weight or output stationary, by kind of layer",
    source='Gholami et al., "SqueezeNext", arXiv 1803.10615v2, and Kwon et al., DAC 2018, arXiv 1804.10642',
    machines=MACHINES,
    rows=rows,
    remarks=("Both papers: first layers and depthwise ones are faster output stationary, 1x1 ones weight stationary.",),
)
