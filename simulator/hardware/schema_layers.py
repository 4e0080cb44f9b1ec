"""The `layers` of a machine's file: how one layer follows another."""

from typing import Annotated, Literal

from simulator.source import Rejected
from simulator.source.fields import ByteCount, CountOrZero, Picoseconds, Written, given


class Layers(Written):
    """How one layer follows another.

    `launch`: what every op waits that runs on its own, until it is decoded and started. `configuration_cycles`: what
    a layer of the array waits besides, until the array is set up for it.

    `order`: one after the other; the next one's first weights come meanwhile; or `overlapped`, so that a layer's first
    loads and last stores overlap with its neighbours and it takes the longer of array and DRAM; networks and memory
    ports go on from tile to tile, and the slowest of them or the MACs is what the array takes.

    `keep_activations`: those outputs stay in the buffer that save most DRAM bytes, if the ops that run meanwhile find
    room for a strip of their tensors beside them; the second factor of a product, only where that buffer holds weights.
    `keep_weights`: so many bytes of weights stay on chip from run to run, beside the buffers: op after op, what fits.

    `stacks`: with `depth_first`, consecutive ops may run strip by strip, each making the rows that the next one needs,
    if that is better for the whole run; what lies between them is never whole. Only where activations are kept, and
    rows lie together in DRAM (no `nchw`). `strip_overlap`: rows that two strips share are `kept` in line buffers, or
    `recomputed` by each strip, as where rows cannot wait, or `either`, whichever is better for the whole run.

    `across_cores`, where the machine has several: each op is `split` over all of them, by its filters or its rows,
    whichever is better; or each has consecutive ops, `pipelined`, and frames go from one to the next; or each has
    `frames` of its own; or `either`, whichever is best of frames one behind the other.
    """

    order: Literal["serial", "prefetch_weights", "overlapped"] = "serial"
    keep_activations: bool = False
    stacks: Literal["none", "depth_first"] = "none"
    strip_overlap: Literal["kept", "recomputed", "either"] = "kept"
    keep_weights: Annotated[ByteCount | None, given("a capacity, like `8 MiB`")] = None
    configuration_cycles: CountOrZero = 0
    launch: Picoseconds | None = None
    across_cores: Literal["split", "pipelined", "frames", "either"] = "split"


MOST_CORES = 64


def shares_dram(cores: int, layers: Layers, page_policy: str | None) -> None:
    """Raise Rejected for several cores of a machine whose layers leave something on chip, or overlap.

    What one core leaves on chip another cannot read, and timelines of several cores play no banks and rows.
    """
    if cores == 1:
        return
    several = f"{cores} cores share DRAM alone"
    for wrong, where, expected in (
        (layers.order != "serial", ("layers", "order"), "`serial`"),
        (layers.keep_activations, ("layers", "keep_activations"), "`false`: activations through DRAM"),
        (layers.keep_weights is not None, ("layers", "keep_weights"), "no such key"),
        (page_policy is not None, ("dram", "page_policy"), "no such key"),
    ):
        if wrong:
            raise Rejected(several, expected, path=where)
