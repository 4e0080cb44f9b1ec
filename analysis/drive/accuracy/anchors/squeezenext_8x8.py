"""The machine of the SqueezeNext paper with 8 x 8 PEs: table 3 and its unit."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Missing, Row
from analysis.drive.accuracy.bounds import within
from analysis.drive.accuracy.figures import published
from analysis.drive.accuracy.squeezenext_paper import (
    FASTEST,
    SOURCE,
    TILING,
    padded_squeezenet,
    run_of,
    table3,
)

MACHINE = "squeezenext_8x8"


def rows() -> Iterator[Row]:
    """Yield K cycles of v5, and the networks relative to it."""
    (unit,) = (row for row in published("squeezenext_units") if (row["array"], row["network"]) == ("8x8", FASTEST))
    ours = run_of(MACHINE, "squeezenext:variant=v5").total.cycles / 1000
    yield Row("v5", float(unit["kcycles"]), ours, within(0.05), "K cycles", "unit of table 3 (figure 8)")
    yield from table3("8x8")
    yield padded_squeezenet("8x8")


ANCHOR = Anchor(
    name="squeezenext_8x8",
    title="SqueezeNext's machine, 8 x 8 PEs",
    source=f"{SOURCE}, table 3, figure 8",
    machines=(MACHINE,),
    rows=rows,
    machines_are="weight or output stationary, one word a PE (SqueezeNext)",
    remarks=(TILING,),
    missing=(
        Missing(
            "Tiles cut along rows and columns let v5's first layer keep its sums on chip. The energy of v5 falls, and "
            "AlexNet's does not. The other networks, whose first layers are cut likewise, come closer to the paper.",
            ("energy (table 3): AlexNet / v5",),
        ),
    ),
)
