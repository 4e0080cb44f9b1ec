"""Eyeriss v2 on MobileNet: by which mechanisms it is 12.6 times as fast as Eyeriss."""

from collections.abc import Iterator, Mapping

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import NOT_ABOVE, Bound
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.source.parser import Value

MACHINE, BEFORE = "eyeriss_v2", "eyeriss_chip"
NETWORK = "mobilenet_v1:width=0.5,resolution=128"
AT_LEAST = Bound(0.0, None, relative=True)
STEPS: Mapping[str, Mapping[str, Value]] = {
    "clusters with networks of their own": {"array.macs_per_cycle": 1, "array.zero.skipped_in_pes": []},
    "and two MACs a PE": {"array.zero.skipped_in_pes": []},
    "and every zero input skipped": {},
}
"""What each step has that the one before had not, and the keys of the machine that take back the others."""


def rows() -> Iterator[Row]:
    """Yield the speed-up step by step, and between which of ours what is published lies."""
    figures = {row["figure"]: float(row["value"]) for row in published(MACHINE)}
    parts = simulate(BEFORE, NETWORK).total.cycle_parts
    before = sum(cycles for part, cycles in parts.items() if part not in ("dram", "configuration"))
    yield Row("Eyeriss, processing", None, before, unit="cycles", part="steps")
    cycles = [simulate(vary(load_hardware(MACHINE), keys), NETWORK).total.cycles for keys in STEPS.values()]
    for name, each in zip(STEPS, cycles, strict=True):
        yield Row(name, None, before / each, unit="x", part="steps")
    _, dense, sparse = cycles
    clock_hz = load_hardware(MACHINE).clock_hz
    for name, bound, each in (("no zero skipped", NOT_ABOVE, dense), ("all of them skipped", AT_LEAST, sparse)):
        yield Row(name, figures["speed_up"], before / each, bound, "x", "speed-up", counts=False)
        yield Row(name, figures["inferences_a_second"], clock_hz / each, bound, "1/s", "throughput", counts=False)


ANCHOR = Anchor(
    name=MACHINE,
    title="Eyeriss v2 on MobileNet, between two bounds",
    source="Chen et al., JETCAS 9(2), 2019, arXiv 1807.07928v2",
    machines=(BEFORE, MACHINE),
    rows=rows,
    machines_are="row stationary (Eyeriss)",
    remarks=(
        "Seven tenths of its processing time Eyeriss waits, for one word of inputs a cycle, of which depthwise layers "
        "reuse least, and for filters. Clusters with networks of their own are most of the speed-up; two MACs in each "
        "PE are the rest.",
        "Published is a sparse MobileNet, its shares of zeros are not. It lies between ours without and with zeros "
        "skipped, near the former: what the chip gains by zeros it loses by what is not modelled, such as PEs with "
        "unequal loads, one MAC of two in depthwise layers, and a PE's seven stages, which fill and drain. So the "
        "machine is a bound, and no prediction.",
        "Assumed: every cluster is served by its own routers at the same time; 44% of inputs are zero and no weight "
        "is, unless the network says so; PEs that skip have equal loads.",
    ),
)
