"""ST Neural-ART 14 in an STM32N6: published latencies of MobileNets."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate

MACHINE = "neural_art_14"


def rows() -> Iterator[Row]:
    """Yield the latency of each network."""
    for row in published("neural_art"):
        latency = 1e3 * simulate(MACHINE, row["network"]).total.latency_s
        yield Row(row["network"], float(row["ms"]), latency, within(0.25), "ms", row["half"])


ANCHOR = Anchor(
    name="neural_art",
    title="ST Neural-ART 14 in an STM32N6: MobileNets",
    source="github.com/STMicroelectronics/stm32ai-modelzoo at 6f10965e, README.md of each network",
    machines=(MACHINE,),
    rows=rows,
    machines_are="NPUs by whole networks, host included (Edge TPU, Neural-ART)",
    remarks=(
        "With the same weights and ops, a larger image takes longer by far more than its MACs do: its maps go through "
        "the chip's RAM at 1.6 GB/s. That and what starts an op are fitted on three rows, three are held out; these "
        "were seen while an earlier description of the machine was dropped.",
        "Flash is most of the time of large networks. How the array is wired matters little beside it.",
    ),
)
