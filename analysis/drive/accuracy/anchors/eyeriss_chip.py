"""The Eyeriss chip, AlexNet at batch 4: with the mapping that the chip ran, and with those that a search finds."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Missing, Row
from analysis.drive.accuracy.bounds import EQUAL, NOT_ABOVE, within
from analysis.drive.accuracy.figures import published
from analysis.read.objective import OBJECTIVES as MEASURES
from simulator import simulate
from simulator.hardware.model import OBJECTIVES
from simulator.result.run import LayerResult, Run
from simulator.source.paths import data_dir

MACHINE, NETWORK, BATCH = "eyeriss_chip", "alexnet", 4
MAPPING = data_dir() / "mappings" / "eyeriss_chip_alexnet.yaml"


def rows() -> Iterator[Row]:
    """Yield times and traffic of the chip's mapping, then what searching for each objective makes of it."""
    run = simulate(MACHINE, NETWORK, batch=BATCH, mapping=MAPPING)
    yield from measured(run)
    yield from searched(run)


def measured(run: Run) -> Iterator[Row]:
    """Yield the columns of the chip's table; times have a bound on their sum as well, active PEs are those mapped."""
    figures = {row["layer"]: row for row in published("eyeriss_chip_alexnet")}
    layers = {layer.name: layer for layer in run.layers if layer.name in figures}
    ms = 1e3 / run.hardware.clock_hz
    columns = (
        ("processing_ms", "processing time", "ms", {n: ms * x.bounds["array"] for n, x in layers.items()}, 0.07, 0.03),
        ("total_ms", "total time", "ms", {n: ms * x.cycles for n, x in layers.items()}, 0.10, 0.03),
        ("buffer_mb", "buffer traffic", "MB", {n: buffer_mb(x) for n, x in layers.items()}, 0.10, None),
        ("dram_mb", "DRAM traffic", "MB", {n: x.bytes_at("dram") / 1e6 for n, x in layers.items()}, 0.10, None),
    )
    for column, part, unit, ours, of_layer, of_total in columns:
        for name, value in ours.items():
            yield Row(name, float(figures[name][column]), value, within(of_layer), unit, part)
        bound = within(of_total) if of_total else None
        yield Row("total", float(figures["total"][column]), sum(ours.values()), bound, unit, part)
    for name, layer in layers.items():
        yield Row(name, float(figures[name]["active_pes"]), layer.mapped_pes, EQUAL, "PEs", "active PEs")


def buffer_mb(layer: LayerResult) -> float:
    """Return the global buffer's traffic as the chip's table has it: inputs read, partial sums written and read.

    What fills it from DRAM and what leaves for there is left out, and filters bypass it.
    """
    buffer, array = layer.traffic["buffer"], layer.traffic["array"]
    return (buffer["inputs"].read_bytes + buffer["outputs"].write_bytes + array["outputs"].read_bytes) / 1e6


def searched(chip: Run) -> Iterator[Row]:
    """Yield for each objective what it costs in the mappings found for it, against the chip's mapping."""
    measured_layers = {row["layer"] for row in published("eyeriss_chip_alexnet")}
    for objective in OBJECTIVES:
        cost = MEASURES[objective].of_layer
        found = simulate(MACHINE, NETWORK, batch=BATCH, objective=objective)
        for own, theirs in zip(found.layers, chip.layers, strict=True):
            if own.name in measured_layers:
                ratio = cost(own) / cost(theirs)
                yield Row(f"{own.name}, {objective}", 1.0, ratio, NOT_ABOVE, "", "own search / chip's mapping", False)


ANCHOR = Anchor(
    name="eyeriss_chip",
    title="Eyeriss chip, AlexNet at batch 4",
    source='Chen et al., "Eyeriss", JSSC 52(1), 2017, tables III and V',
    machines=(MACHINE,),
    rows=rows,
    machines_are="row stationary (Eyeriss)",
    missing=(
        Missing(
            "The published mapping passes over the channels 64 times, 4 at a time. A write and a read of every partial "
            "sum in each pass make 66.4 MB; counted so, the other four layers agree within 0.3%. The published 50.2 MB "
            "are fewer, and the published mapping does not say how.",
            ("buffer traffic: conv3",),
        ),
        Missing(
            "Filters, which are not compressed, are 1.8 MB of it. What is left of the published figure, given with one "
            "decimal, is a third more than run-length coding at the published shares of zeros makes of inputs and "
            "outputs. What else crosses the port there is not published.",
            ("DRAM traffic: conv3",),
        ),
        Missing(
            "CONV4 has the same mapping and 1.5 times the filters, so that all it does is 1.5 times as much. Its times "
            "are 1.6 (processing) and 1.75 times (total) as long, and no model gives both; this lies between.",
            ("total time: conv5",),
        ),
    ),
    remarks=(
        "The chip's mapping is replayed from hw_configs/mappings/eyeriss_chip_alexnet.yaml. Processing time is time on "
        "the array; total time is what a layer takes. MB are of 10^6 bytes.",
        "Buffer traffic counts inputs read, and partial sums written and read, as the published figures do.",
        "The mappings found for each objective are never worse than the chip's in it; a deviation there is the gain.",
    ),
)
