"""AMD's DPU B4096: measured times of nodes of AlexNet and of a mobile network, and what they move."""

from collections.abc import Iterator, Mapping
from statistics import median

from analysis.drive.accuracy.anchor import Anchor, Missing, Row, absolute_deviations
from analysis.drive.accuracy.bounds import Bound, at_most, within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.result.run import Run

MACHINE = "dpu_b4096"
MIB = 2**20
SHORT_MS = 0.05
"""Below this nodes carry 10 to 20 us of which neither MACs nor bytes are the reason; their times have two digits."""


def rows() -> Iterator[Row]:
    """Yield the time of each node, the totals and how far each half is off, then the MB of each node."""
    nodes = [(row, node_run(row)) for row in published("dpu")]
    times = [time_row(row, run) for row, run in nodes]
    yield from times
    for network in ("alexnet", "proxyless"):
        own = [time for (row, _), time in zip(nodes, times, strict=True) if row["network"] == network]
        yield total_row(network, own)
    for half in ("fitted", "held out"):
        off = absolute_deviations(time for (row, _), time in zip(nodes, times, strict=True) if row["half"] == half)
        yield Row("median deviation", None, 100 * median(off), at_most(7), "%", half, counts=False)
        yield Row("largest deviation", None, 100 * max(off), at_most(20), "%", half, counts=False)
    yield from (moved_row(row, run) for row, run in nodes)


def total_row(network: str, times: list[Row]) -> Row:
    """Compare the time of all nodes of a network."""
    measured = sum(time.published or 0.0 for time in times)
    return Row("all nodes", measured, sum(time.ours for time in times), within(0.07), "ms", network, counts=False)


def time_row(row: Mapping[str, str], run: Run) -> Row:
    """Compare a node's time; what it is bound by sets how near it must be."""
    measured = float(row["ms"])
    part = f"{row['network']}, {row['half']}"
    return Row(row["node"], measured, 1e3 * run.total.latency_s, bound_of(run, measured), "ms", part)


def bound_of(run: Run, measured_ms: float) -> Bound | None:
    """Return 7% for a node of which MACs are most, 20% for others above 50 us, none for shorter ones."""
    if 2 * run.total.cycle_parts["compute"] > run.total.cycles:
        return within(0.07)
    return within(0.2) if measured_ms > SHORT_MS else None


def moved_row(row: Mapping[str, str], run: Run) -> Row:
    """Compare what a node moves; the MB of the smallest are printed with one digit."""
    ours = sum(moved.total_bytes for layer in run.layers for moved in layer.traffic.get("dram", {}).values()) / MIB
    return Row(row["node"], float(row["mb"]), ours, within(0.2), "MB", f"moved, {row['network']}")


def node_run(row: Mapping[str, str]) -> Run:
    """Simulate a node: a convolution with what is fused into it, or a fully connected layer."""
    return simulate(MACHINE, node(row))


def node(row: Mapping[str, str]) -> Network:
    """Return a network of the convolution or fully connected layer and the pool, add or depthwise layer behind it."""
    size, channels, filters, kernel, stride, padding = (
        int(row[key]) for key in ("size", "channels", "filters", "kernel", "stride", "padding")
    )
    g = Graph("node")
    x = g.input(channels, size, size)
    if size == 1:
        g.linear(x, filters, name="node")
        return g.build()
    y = g.conv(x, filters, kernel, stride, padding, name="node")
    behind, _, window = row["behind"].partition(" ")
    if behind == "depthwise":
        taps, step = map(int, window.split("/"))
        g.depthwise(y, taps, step, padding=taps // 2)
    elif behind == "pool":
        g.max_pool(y, 3, stride=2)
    elif behind == "add":
        g.add(y, g.input(filters, size, size, name="before"))
    return g.build()


LAUNCH = (
    "One launch for every node. Those of Proxyless ask for 15 to 24 us, fc8, which moves 12 KB, for 11. What the "
    "instructions of a node take is not published."
)

ANCHOR = Anchor(
    name="dpu",
    title="AMD DPU B4096: nodes of AlexNet and Proxyless-Mobile on a ZCU102",
    source="profiles by node of Vitis AI, in Xilinx/Vitis-AI-Tutorials and zzzDavid/proxylessnas (github.com)",
    machines=(MACHINE,),
    rows=rows,
    missing=(Missing(LAUNCH, ("held out: largest deviation",)),),
    machines_are="dot products (NVDLA, DPU, FLUX_CNN, VTA)",
    remarks=(
        "Every second node is held out: the launch, the share of the bandwidth that is reached and what overlaps in "
        "the banks are fitted on the times of the others, in the mean. Fitted on the held-out half instead, the launch "
        "is 15 us, and the other half is 4.9% off in the median and 14% at most.",
        "How long a burst is was chosen with the MB of all nodes in view, which also show which nodes hold a pool or "
        "an add.",
        "The profile divides by 300 MHz, the model zoo lists the board at 281 MHz: the machine has the latter.",
        "An add costs the map that it brings, and no more. Nodes with one take 4 to 5 us longer than others of as many "
        "bytes. Most of them are among the fitted ones and raise the launch: conv_12 and conv_24 are 5 us too slow, "
        "while conv_9 is 4 us too fast.",
        "Depthwise layers run on a unit of their own beside the array, at the same time: 16 channels of 4 pixels a "
        "cycle, as the guide advises, and nothing of it is fitted. The unit works on a tile while the array makes the "
        "next one. Each of these nodes is 4 to 17% too fast. What its weights add to the MB is left out.",
        "Times of whole networks in the model zoo are left out, as they hold a host's share.",
    ),
)
