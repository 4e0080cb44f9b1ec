"""Blocks: what each cut of a tile leaves of a dimension, edges included.

Cutting an extent into blocks of some size makes full ones and at most one that is shorter; cutting those again, each
of few extents, makes blocks of few extents. `BLOCKS` lists them for every cut of `REUSE`, with how many there are.
"""

from simulator.cost.case import ONLY, WHOLE, C, Ints, Record
from simulator.cost.jit import jit


@jit
def cut_tile(y: Ints, reuse: Record, blocks: Record) -> None:
    """List the blocks of every cut of a tile of extents `y`, by dimension."""
    for d in range(8):
        cut_whole(blocks, WHOLE, d, y[d])
        for cut in range(1, reuse.cuts + 1):
            cut_again(blocks, cut, d, reuse.block[cut, d])


@jit
def cut_whole(blocks: Record, cut: int, d: int, extent: int) -> None:
    """Make one block of so many elements all there is at a cut."""
    blocks.kinds[cut, d] = blocks.count[cut, d] = blocks.times[cut, d, ONLY] = 1
    blocks.extent[cut, d, ONLY] = extent


@jit
def cut_again(blocks: Record, cut: int, d: int, size: int) -> None:
    """Cut every block of the cut before into blocks of `size` elements and what remains."""
    if blocks.kinds[cut - 1, d] == 1 and blocks.extent[cut - 1, d, ONLY] <= size:
        blocks.kinds[cut, d], blocks.count[cut, d] = 1, blocks.count[cut - 1, d]
        blocks.extent[cut, d, ONLY] = blocks.extent[cut - 1, d, ONLY]
        blocks.times[cut, d, ONLY] = blocks.times[cut - 1, d, ONLY]
        return
    kinds, full, count = 0, 0, 0
    for i in range(blocks.kinds[cut - 1, d]):
        extent, times = blocks.extent[cut - 1, d, i], blocks.times[cut - 1, d, i]
        rest = extent
        if extent >= size:
            whole = 1 if extent == size else extent // size
            full += times * whole
            rest = extent - whole * size
        if rest > 0:
            blocks.extent[cut, d, kinds], blocks.times[cut, d, kinds] = rest, times
            kinds += 1
            count += times
    if full > 0:
        blocks.extent[cut, d, kinds], blocks.times[cut, d, kinds] = size, full
        kinds += 1
        count += full
    blocks.kinds[cut, d], blocks.count[cut, d] = kinds, count


@jit
def cut_lead(reuse: Record, packed: int, blocks: Record, lead: Record) -> None:
    """List the blocks of the most-loaded PE, from what it has of each step inwards.

    It is the first: of a step it has as much as a PE can have, or all of it. With channel packing it has `packed`
    shares of each channel, see `mac_slots`; tiles of inner levels are as many channels as ever.
    """
    first = reuse.steps + 1
    for d in range(8):
        source = blocks
        if d == C and packed > 1:
            cut_whole(lead, WHOLE, d, blocks.extent[WHOLE, d, ONLY] * packed)
            for cut in range(1, first):
                cut_again(lead, cut, d, reuse.block[cut, d] * (packed if cut < reuse.steps else 1))
            source = lead
        load, kinds, full, count = reuse.block[first, d], 0, 0, 0
        for i in range(source.kinds[reuse.steps, d]):
            extent, times = source.extent[reuse.steps, d, i], source.times[reuse.steps, d, i]
            count += times
            if extent >= load:
                full += times
            else:
                lead.extent[first, d, kinds], lead.times[first, d, kinds] = extent, times
                kinds += 1
        if full > 0:
            lead.extent[first, d, kinds], lead.times[first, d, kinds] = load, full
            kinds += 1
        lead.kinds[first, d], lead.count[first, d] = kinds, count
        for cut in range(first + 1, reuse.cuts + 1):
            cut_again(lead, cut, d, reuse.block[cut, d])
