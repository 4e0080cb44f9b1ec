"""The machine of the SqueezeNext paper with 16 x 16 PEs: figures 6 and 8, table 3."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from analysis.drive.accuracy.squeezenext_paper import (
    SOURCE,
    TILING,
    padded_squeezenet,
    run_of,
    table3,
)

MACHINE = "squeezenext_16x16"
BOUNDS_OF_LAYERS = {"WS": within(0.10), "OS": within(0.20)}
STAGES = ("conv1", "block1", "block2", "block3")


def rows() -> Iterator[Row]:
    """Yield totals and parts of three variants, layers of v2, and the networks relative to v5."""
    yield from figure8()
    yield from figure6()
    yield from table3("16x16")
    yield padded_squeezenet("16x16")


def figure8() -> Iterator[Row]:
    """Yield K cycles of each variant, then of its parts: stages by their names, and all that follows."""
    figures = published("squeezenext_figure8")
    runs = {row["variant"]: run_of(MACHINE, f"squeezenext:variant={row['variant']}") for row in figures}
    for row in figures:
        total = runs[row["variant"]].total.cycles / 1000
        yield Row(row["variant"], float(row["total"]), total, within(0.05), "K cycles", "totals (figure 8)")
    for row in figures:
        layers = runs[row["variant"]].layers
        ours = {stage: sum(layer.cycles for layer in layers if layer.stage == stage) / 1000 for stage in STAGES}
        ours["others"] = runs[row["variant"]].total.cycles / 1000 - sum(ours.values())
        for part, kcycles in ours.items():
            name = f"{row['variant']} {part}"
            yield Row(name, float(row[part]), kcycles, within(0.10), "K cycles", "parts (figure 8)")


def figure6() -> Iterator[Row]:
    """Yield K cycles of single layers."""
    ours = {layer.name: layer.cycles / 1000 for layer in run_of(MACHINE, "squeezenext:variant=v2").layers}
    for row in published("squeezenext_figure6"):
        bound = BOUNDS_OF_LAYERS[row["dataflow"]]
        name, kcycles = f"{row['layer']} ({row['shape']})", float(row["kcycles"])
        yield Row(name, kcycles, ours[row["layer"]], bound, "K cycles", "layers (figure 6)")


ANCHOR = Anchor(
    name="squeezenext_16x16",
    title="SqueezeNext's machine, 16 x 16 PEs",
    source=f"{SOURCE}, figures 6 and 8, table 3",
    machines=(MACHINE,),
    rows=rows,
    machines_are="weight or output stationary, one word a PE (SqueezeNext)",
    remarks=(
        TILING,
        "The ratios of AlexNet and SqueezeNet to v5 are the paper's headline: 8.26x and 2.59x in time, 7.5x and 2.25x "
        "in energy.",
        "The paper counts 837M MACs for SqueezeNet v1.0, which is the network without padding at its last convolution; "
        "that one is compared. As released it pads there. Its 352M MACs of v1.1 are those of maps of 224x224.",
        "The third partial sum of a PE is fitted on conv1's 24.7 cycles a filter and channel, `one_word_registers` on "
        "the energies of table 3. Tiles are free, along rows and columns.",
    ),
)
