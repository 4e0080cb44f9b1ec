"""GreenWaves' GAP9 with its NE16: measured cycles and energy of the four networks of MLPerf Tiny."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware

MACHINE = "ne16"


def rows() -> Iterator[Row]:
    """Yield cycles and energy of each network."""
    clock_hz = load_hardware(MACHINE).clock_hz
    for row in published("gap9"):
        total = simulate(MACHINE, f"mlperf_tiny:task={row['task']}").total
        cycles = round(clock_hz / float(row["per_second"]))
        yield Row(row["task"], cycles, total.cycles, within(0.15), "cycles", row["half"])
        yield Row(row["task"], float(row["uj"]), total.energy_pj / 1e6, within(0.3), "uJ", f"energy, {row['half']}")


ANCHOR = Anchor(
    name="gap9",
    title="GAP9 with NE16: the networks of MLPerf Tiny",
    source="github.com/mlcommons/tiny_results_v1.0, greenwaves-technologies, gap9_650_240",
    machines=(MACHINE,),
    rows=rows,
    machines_are="bit-serial (NE16 in a GAP9)",
    remarks=(
        "Two parameters are fitted: what sets up a layer, on the autoencoder, and one rate of the cores and of the "
        "engine's output stage, on ResNet-8. DS-CNN and MobileNet are held out, and energy is not fitted at all.",
        "Four fifths of the energy leaks or is the clock's: at 0.65 V a machine leaks 38% of what it does at 0.9 V. "
        "The cores, which set up layers, and what leaks meanwhile, are not in it: the autoencoder, half of whose time "
        "that is, is furthest off.",
        "Not understood: DS-CNN's first layer has a 10x4 filter, for which the engine has no mode; the chip's cores "
        "may run it, here the engine does, in 39,000 cycles. How long cores take to add and to pool is one guess with "
        "how long the engine takes to scale and store.",
    ),
)
