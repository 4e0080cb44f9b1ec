"""TPU v1: its peak, its ridge point, and the fully connected networks of its paper."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph
from simulator.network.ir import Network

MACHINE = "tpu_v1"


def rows() -> Iterator[Row]:
    """Yield what follows from the machine, then the throughput of its two multilayer perceptrons."""
    machine = load_hardware(MACHINE)
    port = machine.dram.bytes_per_cycle
    if port is None:
        raise ValueError(f"{MACHINE}: memory takes no time")
    yield Row("peak", 92, 2e-12 * machine.array.pes * machine.clock_hz, within(0.01), "TOPS", "roofline")
    yield Row("ridge point", 1350, float(machine.array.pes / port), within(0.01), "MAC/B", "roofline")
    for row in published("tpu_v1"):
        network = perceptron(row["network"], int(row["layers"]), float(row["weights_m"]) * 1e6, int(row["batch"]))
        run = simulate(MACHINE, network)
        tops = 2e-12 * run.total.macs / run.total.latency_s
        yield Row(row["network"], float(row["tops"]), tops, within(0.20), "TOPS", "networks")


def perceptron(name: str, layers: int, weights: float, batch: int) -> Network:
    """Return equal square layers with so many weights in all: sizes are not published, but these hold the traffic."""
    width = round((weights / layers) ** 0.5)
    g = Graph(name)
    x = g.input(width, 1, 1, batch=batch)
    for _ in range(layers):
        x = g.linear(x, width, activation="relu")
    return g.build()


ANCHOR = Anchor(
    name="tpu_v1",
    title="TPU v1, roofline and fully connected networks",
    source='Jouppi et al., "In-datacenter performance analysis of a tensor processing unit", ISCA 2017, tables 1 to 3',
    machines=(MACHINE,),
    rows=rows,
    machines_are="systolic (Gemmini, TPU)",
    remarks=(
        "The sizes of the perceptrons' layers are not published: equal square ones with all the weights stand for "
        "them.",
        "Bandwidth is table 2's 34 GB/s; the bound of 20% on throughput is ours.",
        "Activations lie channel by channel (nhwc), so that tiles of some channels move short runs of addresses, each "
        "in whole bursts: both networks take longer than they would if every tile lay in one piece.",
        "Maps that stay in the unified buffer leave the weights' FIFO alone, so weights are fetched ahead beside them.",
    ),
)
