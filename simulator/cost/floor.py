"""What no mapping of a layer under a dataflow can do without, whatever its tiles, order and spatial mapping.

A search of single mappings says how good the best one is, and not how good one could be. The floor does: it goes
through all numbers of tiles that the dimensions can be cut into, and takes for each the least that so many can need.
Extents that cut a dimension into n tiles lie between ceil(B / n) and ceil(B / (n - 1)) - 1: the least of them decides
what fits the buffers and what the first tile loads, the largest what the last tile leaves. The array is taken at its
fastest: what its MACs and the delivery of all words take at least. More tiles never move fewer bytes, so numbers of
tiles beyond those that already take too long are left out.
"""

from typing import NamedTuple

import numpy as np

from simulator.cost.bounds import cycles_bound, may_fit, middle_bound, set_least
from simulator.cost.case import (
    FIXED_POINT_BITS,
    HEIGHT,
    ONE,
    WIDTH,
    ZERO,
    Case,
    Floats,
    Ints,
    P,
    Q,
    R,
    Record,
    Scratch,
)
from simulator.cost.crossing import Ends, all_tiles, bytes_of_outputs, crossing_of, first_load, set_least_crossing
from simulator.cost.energy import dram_bytes
from simulator.cost.jit import jit
from simulator.cost.objectives import KEYS, OBJECTIVE_KEY
from simulator.cost.search_tiles import set_order, tiled_groups
from simulator.cost.tiles import start_tiles


class Cuts(NamedTuple):
    """Ways to cut each dimension: extents of a tile at least and at most [8, *], by number of tiles, how many ways [8];
    DRAM orders [6, 8] with those that differ by which groups are tiled, as in `search_tiles.Choices`.
    """

    least: Ints
    most: Ints
    counts: Ints
    orders: Ints
    tries: Ints


class Cycles(NamedTuple):
    """What the array takes at least: cycles however the layer is cut, and steps by how each dimension is, [*, 8, *]."""

    macs: int
    steps: Ints


@jit
def least_rows(layer: Record, axis: int, least: int, most: int) -> int:
    """Input rows (axis 0) or columns (1) that all tiles along an axis load at least.

    Boxes of n tiles that cover B outputs are s (B - n) + n w long together, windows being w long. Of that lies in the
    padding: before the map, pad of the first tile, and one tile's step less of each further one; likewise behind it,
    where the last tile has the fewest outputs.
    """
    bound, stride, pad = layer.bounds[P + axis], layer.stride[axis], layer.pad[axis]
    window = (layer.bounds[R + axis] - 1) * layer.dilation[axis] + 1
    n = (bound + least - 1) // least
    last = max(1, bound - (n - 1) * most)
    rows = stride * (bound - n) + n * window
    behind = (bound - 1) * stride + window - pad - layer.input_size[axis]
    for i in range(n):
        before = pad - i * least * stride
        after = behind if i == 0 else behind - (last + (i - 1) * least) * stride
        if before <= 0 and after <= 0:
            break
        rows -= max(0, before) + max(0, after)
    return max(0, rows)


class Least(NamedTuple):
    """Of a way to cut a layer: input rows times columns that all tiles load; MAC cycles of it, and of any way; bytes of
    the first tile's load, and of the last one's store.
    """

    window: int
    macs: int
    any_macs: int
    load: int
    store: int


@jit
def least_of_tiles(case: Case, scratch: Scratch, least: Least, objective: int, keys: Floats) -> float:
    """Write what a layer cut into these tiles, at the first of them, takes at least into `keys`.

    Return the objective without the ends of the layer, and with as few MAC cycles as any way to cut it has: more tiles
    would only raise it.
    """
    machine, layer, tiles = case.machine, case.layer, scratch.tiles
    set_least_crossing(machine, layer, tiles, least.window, scratch.totals)
    ends = Ends(least.load, dram_bytes(scratch.totals), ZERO, least.store, ZERO)
    crossing = crossing_of(case, scratch, ends)
    skew = 0 if machine.skew_over_used else machine.skew_cycles
    between = (skew + machine.tile_setup_cycles) * all_tiles(tiles)
    set_least(case, middle_bound(case, crossing, least.any_macs + between), crossing, objective, keys)
    rising = keys[OBJECTIVE_KEY]
    set_least(case, cycles_bound(case, crossing, least.macs + between), crossing, objective, keys)
    return rising


@jit
def innermost_cut(pick: Ints) -> int:
    """The innermost dimension that is cut: if these tiles take too long, so do more of them along it."""
    d = 7
    while d > 0 and pick[d] == 0:
        d -= 1
    return d


@jit
def cut_next(pick: Ints, counts: Ints, d: int) -> bool:
    """Cut dimension d once more and those after it not at all, or an earlier one; False after the last way."""
    while d >= 0:
        for inner in range(d + 1, 8):
            pick[inner] = 0
        pick[d] += 1
        if pick[d] < counts[d]:
            return True
        pick[d] = 0
        d -= 1
    return False


@jit
def set_cut(case: Case, cuts: Cuts, pick: Ints, last: Ints) -> None:
    """Give the mapping the least tiles of the picked numbers, and write the fewest elements that the last can have."""
    for d in range(8):
        bound, least = case.layer.bounds[d], cuts.least[d, pick[d]]
        case.mapping.tile[d] = least
        last[d] = max(1, bound - ((bound + least - 1) // least - 1) * cuts.most[d, pick[d]])


@jit
def set_finest(case: Case, cuts: Cuts, pick: Ints, d: int) -> None:
    """Give the mapping the smallest tiles of all dimensions after d."""
    for inner in range(d + 1, 8):
        case.mapping.tile[inner] = cuts.least[inner, cuts.counts[inner] - 1]


@jit
def rows_to_load(case: Case, cuts: Cuts) -> Ints:
    """Input rows and columns [2, *] that tiles load at least along an axis, in every way to cut it or finer ones.

    More tiles may load less: none of the rows that strides pass over.
    """
    rows = np.zeros((2, cuts.least.shape[1]), np.int64)
    for axis in range(2):
        least = MOST_ROWS
        for i in range(cuts.counts[P + axis] - 1, -1, -1):
            least = min(least, least_rows(case.layer, axis, cuts.least[P + axis, i], cuts.most[P + axis, i]))
            rows[axis, i] = least
    return rows


@jit
def least_of_cut(case: Case, scratch: Scratch, cuts: Cuts, least: Least, objective: int) -> tuple[float, float]:
    """Least value of the objective over the DRAM orders for the tiles in `case`; without the ends, and with them."""
    tiles, keys, inside, whole = scratch.tiles, np.empty(KEYS), np.inf, np.inf
    for order in cuts.tries[tiled_groups(tiles)]:
        if order < 0:
            break
        set_order(case, scratch, cuts.orders[order])
        inside = min(inside, least_of_tiles(case, scratch, least, objective, keys))
        whole = min(whole, keys[OBJECTIVE_KEY])
    return inside, whole


@jit
def mac_cycles_of_cut(case: Case, steps: Ints, macs: int, pick: Ints) -> int:
    """MAC cycles at least of the picked ways to cut the layer, `macs` or more: see `simulator.cost.steps`."""
    if len(steps) == 0:
        return macs
    fewest = MOST_STEPS
    for i in range(len(steps)):
        product = 1
        for d in range(8):
            product *= steps[i, d, pick[d]]
        fewest = min(fewest, product)
    if case.mapping.skips:
        fewest = fewest * case.layer.skip >> FIXED_POINT_BITS
    return max(macs, fewest // case.machine.macs_per_cycle)


@jit
def floor_of(
    case: Case, scratch: Scratch, cuts: Cuts, cycles: Cycles, objective: int, best: float, most_cuts: int
) -> float:
    """Least value that the objective can take, or `best` if that is no more; the array takes `cycles` at least.

    After `most_cuts` ways to cut the layer it is what the layer needs however it is cut.
    """
    machine, layer, mapping, rows = case.machine, case.layer, case.mapping, rows_to_load(case, cuts)
    pick, last = np.zeros(8, np.int64), np.ones(8, np.int64)
    left, going, base = most_cuts, True, np.inf
    start_tiles(machine, layer, mapping, scratch.tiles)  # tells what is there whole
    while going:
        set_cut(case, cuts, pick, last)
        d, cut = 7, innermost_cut(pick)
        fits = may_fit(machine, layer, scratch.tiles.whole, mapping.tile, ONE)
        window = rows[HEIGHT, pick[P]] * rows[WIDTH, pick[Q]]
        start_tiles(machine, layer, mapping, scratch.tiles)
        load, store = first_load(machine, layer, mapping.tile, scratch.tiles), bytes_of_outputs(machine, layer, last)
        macs = mac_cycles_of_cut(case, cycles.steps, cycles.macs, pick)
        least = Least(window, macs, cycles.macs, load, store)
        rising, whole = least_of_cut(case, scratch, cuts, least, objective)
        if fits:
            best = min(best, whole)
        base, left = min(base, rising), left - 1
        if left == 0 or best <= base * RAISED:
            return min(base, best)
        if rising >= best:
            d = cut
        elif not fits:
            set_finest(case, cuts, pick, cut)
            d = 7 if may_fit(machine, layer, scratch.tiles.whole, mapping.tile, ZERO) else cut
        going = cut_next(pick, cuts.counts, d)
    return best


MOST_ROWS = MOST_STEPS = np.int64(1) << 62
"""More than any map or layer has."""

RAISED = 1.0005
"""A floor that ways to cut the layer can raise by less is not raised."""
