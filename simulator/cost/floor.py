"""What no mapping of a layer under a dataflow can do without, whatever its tiles, order and spatial mapping.

A search of single mappings says how good the best one is, and not how good one could be. The floor does: it goes
through all numbers of tiles that the dimensions can be cut into, and takes for each the least that so many can need.
Extents that cut a dimension into n tiles lie between ceil(B / n) and ceil(B / (n - 1)) - 1 (in several ranges, where
that is wide): the least of them decides what fits the buffers and what the first tile loads, the largest what the last
tile leaves, how long runs in DRAM can be, and what any tile moves at most. The array is taken at its fastest:
what its MACs and the delivery of each tile's words take at least. More tiles never move fewer bytes, but for rows that
strides pass over, so numbers of tiles beyond those that already take too long are left out.
"""

from typing import NamedTuple

import numpy as np

from simulator.cost.bounds import cycles_bound, may_fit, middle_bound, set_least
from simulator.cost.case import (
    DOUBLE_BUFFERED,
    FIXED_POINT_BITS,
    HEIGHT,
    INPUTS,
    ONE,
    OUTERMOST,
    OUTPUTS,
    WEIGHTS,
    WIDTH,
    ZERO,
    C,
    Case,
    Floats,
    Ints,
    K,
    N,
    P,
    Q,
    R,
    Record,
    S,
    Scratch,
)
from simulator.cost.crossing import (
    ANY_SIZE,
    Ends,
    all_tiles,
    bytes_at_least,
    bytes_of_outputs,
    crossing_of,
    first_load,
    reloads_of,
    set_least_crossing,
)
from simulator.cost.geometry import ceil_div, tile_box
from simulator.cost.jit import jit
from simulator.cost.objectives import CYCLES_KEY, KEYS, OBJECTIVE_KEY
from simulator.cost.runs import inputs_in_tiles, inputs_once, more_of_outputs, most_loaded, most_stored
from simulator.cost.search_tiles import set_order, tiled_groups
from simulator.cost.tiles import set_loops, start_tiles


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
    """What the array takes at least: cycles however the layer is cut, and steps by how each dimension is, [*, 8, *].

    Distinct `words` [3] of the operands go over its networks, and all PEs execute `peak` MACs in a cycle. What takes
    more than `most` cycles in all does not count.
    """

    macs: int
    steps: Ints
    words: Ints
    peak: int
    most: float


@jit
def least_rows(layer: Record, axis: int, whole_rows: int, least: int, most: int) -> int:
    """Input rows (axis 0) or columns (1) that all tiles along an axis load at least.

    Boxes of n tiles that cover B outputs are s (B - n) + n w long together, windows being w long, or no shorter than s
    where a DMA moves whole rows (see `simulator.cost.geometry.tile_box`). Of that lies in the
    padding: before the map, pad of the first tile, and one tile's step less of each further one; likewise behind it,
    where the last tile has the fewest outputs.
    """
    bound, stride, pad = layer.bounds[P + axis], layer.stride[axis], layer.pad[axis]
    window = tile_box(1, layer.bounds[R + axis], stride, layer.dilation[axis], whole_rows)
    n = (bound + most - 1) // most
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


class Ways(NamedTuple):
    """Ways to cut a layer, what the array takes at least, and inputs by way: see `rows_to_load` and `finer_inputs`.

    Of the picked way, extents of the last tile at least and of all at most, written anew for each.
    """

    cuts: Cuts
    cycles: Cycles
    rows: Ints
    finer: Ints
    last: Ints
    most: Ints


class Least(NamedTuple):
    """Of a way to cut a layer: input rows times columns that all tiles load; bytes of inputs, each box once, or 0 if
    tiles do not load their own, and of this or any finer way; bytes beyond their own of outputs; ends; cycles of the
    array, and of any way to cut it, and of all that count.
    """  # fmt: skip

    window: int
    once: int
    finer: int
    more_stored: int
    ends: Ends
    array: int
    any_array: int
    most_cycles: float


@jit
def least_of_tiles(case: Case, scratch: Scratch, least: Least, objective: int, keys: Floats) -> tuple[float, float]:
    """Objective of a layer cut into these tiles, at the first of them, at least: in any finer way, and in this.

    The former leaves out the ends of the layer, and has as few cycles of the array as any way to cut it: more tiles
    would only raise it. Where these may load less, without the rows that strides pass over, it has that.
    """
    machine, tiles, totals = case.machine, scratch.tiles, scratch.totals
    set_least_crossing(machine, case.layer, tiles, least.window, totals)
    totals.dram_written += least.more_stored
    times = reloads_of(tiles, INPUTS)
    added = totals.dram_read[INPUTS] - bytes_at_least(machine, case.layer, totals.loaded[INPUTS], INPUTS)
    if least.once > 0:
        totals.dram_read[INPUTS] = added + times * least.once
    crossing = crossing_of(case, scratch, least.ends)
    skew = 0 if machine.skew_over_used else machine.skew_cycles
    between = (skew + machine.tile_setup_cycles) * all_tiles(tiles)
    set_least(case, cycles_bound(case, crossing, least.array + between), crossing, objective, keys)
    whole = keys[OBJECTIVE_KEY] if keys[CYCLES_KEY] <= least.most_cycles else np.inf
    if least.finer < least.once:
        totals.dram_read[INPUTS] = added + times * least.finer
        crossing = crossing_of(case, scratch, least.ends)
    set_least(case, middle_bound(case, crossing, least.any_array + between), crossing, objective, keys)
    return keys[OBJECTIVE_KEY] if keys[CYCLES_KEY] <= least.most_cycles else np.inf, whole


@jit
def ends_of_cut(case: Case, scratch: Scratch, ways: Ways) -> Ends:
    """What the first and the last of these tiles are due at least, and any of them at most."""
    machine, layer, tiles, tile, most = case.machine, case.layer, scratch.tiles, case.mapping.tile, ways.most
    load, stored = first_load(machine, layer, tile, tiles), bytes_of_outputs(machine, layer, ways.last)
    if tiles.whole[INPUTS] > 0 or tiles.whole[WEIGHTS] > 0 or machine.outermost[OUTPUTS] != OUTERMOST:
        return Ends(load, ANY_SIZE, ZERO, stored, ZERO, ANY_SIZE, ZERO)
    store, loaded = most_stored(machine, layer, tiles.trips, most), most_loaded(machine, layer, tiles.trips, most)
    first, last = cycles_of_tile(case, ways.cycles.peak, tile), cycles_of_tile(case, ways.cycles.peak, ways.last)
    return Ends(load, store, ZERO, stored, last, loaded, first)


@jit
def cycles_of_tile(case: Case, peak: int, extents: Ints) -> int:
    """Cycles of a tile's MACs at least, those that are skipped left out."""
    macs = 1
    for d in range(8):
        macs *= extents[d]
    return (macs * case.layer.skip >> FIXED_POINT_BITS if case.mapping.skips else macs) // peak


@jit
def innermost_cut(pick: Ints) -> int:
    """The innermost dimension that is cut: if these tiles take too long, so do more of them along it, or after it."""
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
def set_finest(case: Case, cuts: Cuts, pick: Ints, d: int) -> None:
    """Give the mapping the smallest tiles of all dimensions after d."""
    for inner in range(d + 1, 8):
        case.mapping.tile[inner] = cuts.least[inner, cuts.counts[inner] - 1]


@jit
def rows_to_load(case: Case, cuts: Cuts) -> Ints:
    """Input rows and columns [2, *] that tiles load at least, by way to cut the axis."""
    rows = np.zeros((2, cuts.least.shape[1]), np.int64)
    for axis in range(2):
        for i in range(cuts.counts[P + axis]):
            least, most = cuts.least[P + axis, i], cuts.most[P + axis, i]
            rows[axis, i] = least_rows(case.layer, axis, case.machine.whole_rows, least, most)
    return rows


@jit
def finer_inputs(case: Case, cuts: Cuts, rows: Ints) -> Ints:
    """Bytes of inputs [*, *] that tiles load at least, each box once, by way to cut rows and columns or a finer one.

    More tiles may load less: none of the rows that strides pass over. Along other dimensions they never do.
    """
    machine, layer, high, wide = case.machine, case.layer, cuts.counts[P], cuts.counts[Q]
    size, trips, most = np.zeros((high, wide), np.int64), np.ones(8, np.int64), layer.bounds.copy()
    for i in range(high - 1, -1, -1):
        for j in range(wide - 1, -1, -1):
            for d, way in ((P, i), (Q, j)):
                most[d] = cuts.most[d, way]
                trips[d] = ceil_div(layer.bounds[d], most[d])
            size[i, j] = inputs_once(machine, layer, trips, rows[HEIGHT, i], rows[WIDTH, j], most)
            if i + 1 < high:
                size[i, j] = min(size[i, j], size[i + 1, j])
            if j + 1 < wide:
                size[i, j] = min(size[i, j], size[i, j + 1])
    return size


@jit
def set_cut(case: Case, ways: Ways, pick: Ints) -> None:
    """Give the mapping the least tiles of the picked numbers; note the least of the last, and the most of any."""
    cuts = ways.cuts
    for d in range(8):
        bound, least = case.layer.bounds[d], cuts.least[d, pick[d]]
        case.mapping.tile[d], ways.most[d] = least, cuts.most[d, pick[d]]
        ways.last[d] = max(1, bound - ((bound + least - 1) // least - 1) * cuts.most[d, pick[d]])


@jit
def least_of_pick(
    case: Case, scratch: Scratch, ways: Ways, pick: Ints, array: int, objective: int
) -> tuple[float, float]:
    """Least value of the objective over the DRAM orders for the picked numbers of tiles, of which the array takes so
    many cycles at least; without the ends, and with them. The mapping has the least tiles of these numbers.
    """  # fmt: skip
    machine, layer, tiles, cycles = case.machine, case.layer, scratch.tiles, ways.cycles
    rows, columns, once = ways.rows[HEIGHT, pick[P]], ways.rows[WIDTH, pick[Q]], 0
    start_tiles(machine, layer, case.mapping, tiles)
    for d in range(8):
        tiles.trips[d] = ceil_div(layer.bounds[d], ways.most[d])  # ways of a long dimension may hold several numbers
    if inputs_in_tiles(machine, layer, tiles):
        once = inputs_once(machine, layer, tiles.trips, rows, columns, ways.most)
    more, ends = more_of_outputs(machine, layer, tiles.trips, ways.most), ends_of_cut(case, scratch, ways)
    finer = ways.finer[pick[P], pick[Q]]
    least = Least(rows * columns, once, finer, more, ends, array, cycles.macs, cycles.most)
    keys, inside, whole = np.empty(KEYS), np.inf, np.inf
    for order in ways.cuts.tries[tiled_groups(tiles)]:
        if order < 0:
            break
        set_order(case, scratch, ways.cuts.orders[order])
        further, own = least_of_tiles(case, scratch, least, objective, keys)
        inside, whole = min(inside, further), min(whole, own)
    return inside, whole


@jit
def array_cycles_of_cut(case: Case, cycles: Cycles, trips: Ints, pick: Ints) -> int:
    """Cycles of the array at least, with the picked numbers of tiles: of its MACs, and of the words of each tile.

    The steps are those of `simulator.cost.steps`. A tile begins with nothing in the array: each of its words crosses
    the network once, unless that hides behind the steps.
    """
    machine, array = case.machine, cycles.macs
    if len(cycles.steps) > 0:
        array = max(array, steps_of_cut(case, cycles.steps, pick) // machine.macs_per_cycle)
    tiles = (trips[K], trips[N] * trips[P] * trips[Q], trips[C] * trips[R] * trips[S])
    for operand in range(3):
        if machine.preload[operand] != DOUBLE_BUFFERED:
            rate = machine.words_per_cycle[operand] * machine.arrays
            array = max(array, cycles.words[operand] * tiles[operand] // rate)
    return array


@jit
def steps_of_cut(case: Case, steps: Ints, pick: Ints) -> int:
    """Steps at least of the picked numbers of tiles, of all ways to spread the dimensions; skipped ones left out."""
    fewest: int = MOST_STEPS
    for i in range(len(steps)):
        product = 1
        for d in range(8):
            product *= steps[i, d, pick[d]]
        fewest = min(fewest, product)
    if case.mapping.skips:
        fewest = fewest * case.layer.skip >> FIXED_POINT_BITS
    return fewest


@jit
def floor_of(
    case: Case, scratch: Scratch, cuts: Cuts, cycles: Cycles, objective: int, best: float, most_cuts: int
) -> float:
    """Least value that the objective can take, or `best` if that is no more; the array takes `cycles` at least.

    After `most_cuts` ways to cut the layer it is what it needs however it is cut further.
    """
    machine, layer, mapping, rows = case.machine, case.layer, case.mapping, rows_to_load(case, cuts)
    ways = Ways(cuts, cycles, rows, finer_inputs(case, cuts, rows), np.ones(8, np.int64), np.ones(8, np.int64))
    pick, left, going, base = np.zeros(8, np.int64), most_cuts, True, np.inf
    set_loops(machine, layer, mapping, scratch.tiles)  # tells what is there whole
    while going:
        set_cut(case, ways, pick)
        d, cut = 7, innermost_cut(pick)
        fits = may_fit(machine, layer, scratch.tiles.whole, mapping.tile, ONE)
        rising, whole = least_of_pick(case, scratch, ways, pick, cycles.macs, objective)
        if fits and whole < best:
            array = array_cycles_of_cut(case, cycles, scratch.tiles.trips, pick)
            best = min(best, least_of_pick(case, scratch, ways, pick, array, objective)[1])
        base, left = min(base, rising), left - 1
        if best <= base * RAISED:
            return min(base, best)
        if left == 0:
            return min(best, least_of_rest(case, scratch, ways, pick, objective))
        if rising >= best:
            d = cut - 1
        elif not fits:
            set_finest(case, cuts, pick, cut)
            d = 7 if may_fit(machine, layer, scratch.tiles.whole, mapping.tile, ZERO) else cut
        going = cut_next(pick, cuts.counts, d)
    return best


@jit
def least_of_rest(case: Case, scratch: Scratch, ways: Ways, pick: Ints, objective: int) -> float:
    """Least value of the objective in all ways to cut the layer that come after the picked one.

    They have as many tiles along some first dimensions, more along the next, and any numbers along the others.
    """
    least, after = np.inf, pick.copy()
    for d in range(7, -1, -1):
        if pick[d] + 1 < ways.cuts.counts[d]:
            after[d] = pick[d] + 1
            set_cut(case, ways, after)
            least = min(least, least_of_pick(case, scratch, ways, after, ways.cycles.macs, objective)[0])
        after[d] = 0
    return least


MOST_STEPS = np.int64(1) << 62
"""More than any layer has."""

RAISED = 1.0005
"""A floor that ways to cut the layer can raise by less is not raised."""
