"""Power and area of chips: NVDLA's sizes, the Eyeriss chip layer by layer, ShiDianNao, and the TPU's bound."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.anchors.eyeriss_chip import BATCH, MAPPING, NETWORK
from analysis.drive.accuracy.bounds import at_most, within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.peak import area_mm2, dram_watts, peak_watts
from simulator.hardware.vary import vary
from simulator.result.run import LayerResult

NVDLA = ("nvdla_2048", "nvdla_256", "nvdla_32")
CHIP, SHIDIANNAO, TPU = "eyeriss_chip", "shidiannao_like", "tpu_v1"
SIZES, LAYERS, INDEPENDENT = within(0.30), within(0.20), within(0.30)


def rows() -> Iterator[Row]:
    """Yield areas by machine and node, then powers, and last what a machine may not exceed."""
    figures = {(row["machine"], row["figure"]): float(row["value"]) for row in published("power_area")}
    for (machine, figure), value in figures.items():
        if figure.startswith("area "):
            node = figure.removeprefix("area ")
            yield Row(f"{machine}, {node}", value, area_at(machine, node), SIZES, "mm2", "area")
    for machine in NVDLA:
        ours = 1e3 * simulate(machine, "resnet:depth=50").total.chip_watts
        yield Row(machine, figures[machine, "power"], ours, SIZES, "mW", "power, ResNet-50, without DRAM")
    run = simulate(CHIP, NETWORK, batch=BATCH, mapping=MAPPING)
    for layer in run.layers:
        value = figures.get((CHIP, f"power {layer.name}"), 0.0)
        if value:
            ours = chip_milliwatts(layer, run.hardware.clock_hz)
            yield Row(f"{CHIP}, {layer.name}", value, ours, LAYERS, "mW", "power, AlexNet, without DRAM")
    peak = 1e3 * peak_watts(load_hardware(SHIDIANNAO))
    yield Row(SHIDIANNAO, figures[SHIDIANNAO, "peak power"], peak, INDEPENDENT, "mW", "peak power")
    tpu, limit = load_hardware(TPU), figures[TPU, "thermal design power"] / 1e3
    yield Row(TPU, None, peak_watts(tpu) + dram_watts(tpu), at_most(limit), "W", "peak power with DRAM, below its TDP")


def area_at(machine: str, node: str) -> float:
    """Return the area of a machine made at a node."""
    area = area_mm2(vary(load_hardware(machine), {"process.node": node}))
    assert area is not None, f"{machine} has circuits"
    return area


def chip_milliwatts(layer: LayerResult, clock_hz: int) -> float:
    """Return a layer's mean power, what DRAM takes left out: pJ a second are 1e-9 mW."""
    picojoules = sum(energy for part, energy in layer.energy_parts.items() if not part.startswith("dram."))
    return 1e-9 * picojoules * clock_hz / layer.cycles


ANCHOR = Anchor(
    name="power_area",
    title="Power and area of chips",
    source="NVDLA primer (nvdla.org); Chen et al., JSSC 52(1), 2017; Du et al., ISCA 2015; Jouppi et al., ISCA 2017",
    machines=(*NVDLA, CHIP, SHIDIANNAO, TPU),
    rows=rows,
    machines_are="chips by tables of circuits (NVDLA, Eyeriss, ShiDianNao)",
    remarks=(
        "One table of circuits, `cmos`, gives all of them at each machine's node. Fitted with these figures in sight: "
        "two shares of area (NVDLA at 28 nm, Eyeriss), the energy of a gated MAC (Eyeriss), the share of a wire's bits "
        "that turn, and what the clock and the chip at rest take (NVDLA at 16 nm, Eyeriss). Areas at 16 nm and "
        "ShiDianNao's figures were not used; the TPU's is a bound.",
        "NVDLA's accumulators are 256 KiB at every size, more than the chips have, as its spreadsheet does not limit "
        "them: half the memory of the smallest size. Their banks of 1 KiB were chosen with the powers in sight.",
    ),
)
