"""Edge TPU: published latencies of whole networks whose parameters fit on chip."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate

MACHINE = "edge_tpu"


def rows() -> Iterator[Row]:
    """Yield the latency of each network."""
    for row in published(MACHINE):
        latency = 1e3 * simulate(MACHINE, row["spec"]).total.latency_s
        yield Row(row["network"], float(row["ms"]), latency, within(0.25), "ms", row["half"])


ANCHOR = Anchor(
    name=MACHINE,
    title="Google's Edge TPU: networks that fit on chip",
    source="coral.ai/docs/edgetpu/benchmarks, Dev Board",
    machines=(MACHINE,),
    rows=rows,
    machines_are="NPUs by whole networks, host included (Edge TPU, Neural-ART)",
    remarks=(
        "How its array is wired, its memory for activations and its vector unit are not published. Half of each "
        "latency and more is the host's, one constant, fitted on MobileNet v1: what the model says of the chip is the "
        "difference between networks.",
        "Inception v1 is GoogLeNet here, with its normalizations, which the published model may lack. It is too fast: "
        "its convolutions come near the array's peak. Its parameters stay on chip, its "
        "concatenations move nothing where all branches are scaled alike, and ops of a constant cost would slow "
        "MobileNet v2 as much, which has nearly as many. Sixteen tiles of 4 x 64, as others count its MACs, would "
        "bring Inception nearer, and take MobileNet v2 away. Nothing published tells which: the array stays.",
        "Parameters beyond 7.8 MiB cross the bus in every run: ResNet-50 takes 15 times as long as MobileNet v2.",
    ),
)
