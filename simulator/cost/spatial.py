"""Spatial mappings: what a dataflow unrolls on rows and columns and loops over in a PE, for a layer on a machine."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import accumulate, product
from math import prod
from operator import ge, mul

import numpy as np

from simulator.cost.case import FIXED_POINT_BITS, Ints
from simulator.cost.geometry import distinct
from simulator.hardware.model import Array
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.mapping import ONES
from simulator.nest import RELEVANT, Dim, LoopNest, Operand, array_bounds

FILTER_TAPS = (Dim.R, Dim.S)
OPERANDS = tuple(Operand)


@dataclass(frozen=True, slots=True)
class SpatialMapping:
    """Bounds of each dimension on rows, on columns and in the registers of a PE; arrays by `Dim`."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    registers: tuple[int, ...]
    arrays: tuple[int, ...] = ONES

    @property
    def spatial(self) -> tuple[int, ...]:
        """PEs over which each dimension is spread, of all arrays."""
        on_one = tuple(map(mul, self.rows, self.columns))
        return on_one if self.arrays is ONES else tuple(map(mul, self.arrays, on_one))


@cache
def balanced(extent: int) -> tuple[int, ...]:
    """Bounds that cut an extent into equal parts, largest first: ceil(extent / n) for every n.

    >>> balanced(13)
    (13, 7, 5, 4, 3, 2, 1)
    """
    sizes: list[int] = []
    n = 1
    while not sizes or sizes[-1] > 1:
        size = -(-extent // n)
        if not sizes or size < sizes[-1]:
            sizes.append(size)
        n = max(n + 1, -(-extent // max(1, size - 1)) if size > 1 else n + 1)
    return tuple(sizes)


@cache
def tile_counts(extent: int) -> tuple[int, ...]:
    """Bounds that cut an extent into 1, 2, 3, 4, 6, 8, 12, 16, ... equal parts or single elements, largest first.

    >>> tile_counts(56)
    (56, 28, 19, 14, 10, 7, 5, 4, 3, 2, 1)
    """
    sizes, n = {extent, 1}, 1
    while n < extent:
        sizes |= {-(-extent // n), -(-extent // (n + n // 2)) if n > 1 else extent}
        n *= 2
    return tuple(sorted(sizes, reverse=True))


def axis_bounds(
    extents: Sequence[int], dims: Sequence[Dim], length: int, first: Sequence[Dim] = ()
) -> list[tuple[int, ...]]:
    """Ways to unroll `dims` along an axis of `length` PEs so that no bound could grow; tuples in the order of `dims`.

    Filter taps and what comes `first` take what they can; other dimensions share what is left in every balanced way.
    """
    return list(_shares(tuple(extents[d] for d in dims), tuple(d in FILTER_TAPS or d in first for d in dims), length))


@cache
def _shares(extents: tuple[int, ...], greedy: tuple[bool, ...], length: int) -> tuple[tuple[int, ...], ...]:
    """Bounds of extents that share a length; greedy ones take what they can of what those before them leave."""
    if not extents:
        return ((),)
    found = []
    options = [bound for bound in balanced(extents[0]) if bound <= length]
    for bound in options[:1] if greedy[0] else options:
        found += [(bound, *others) for others in _shares(extents[1:], greedy[1:], length // bound)]
    return tuple(largest(found))


Axis = tuple[tuple[Dim, ...], int]
"""Dimensions that share a number of PEs, or of arrays, and that number."""


def axes_of(dataflow: Dataflow, array: Array) -> tuple[Axis, ...]:
    """Return what a dataflow unrolls over arrays, rows and columns."""
    return (dataflow.arrays, array.instances), (dataflow.rows, array.rows), (dataflow.columns, array.columns)


@lru_cache(maxsize=4096)
def most_unrolled(axes: tuple[Axis, ...], extents: tuple[int, ...]) -> Ints:
    """PEs that extents are spread over [*, 8], on all axes together, so that no bound could grow; taps as they must."""
    found = {ONES}
    for dims, length in axes:
        more = set()
        for spatial in found:
            left = tuple(-(-extents[d] // spatial[d]) for d in dims)
            for shared in _shares(left, tuple(d in FILTER_TAPS for d in dims), length):
                more.add(tuple(map(mul, spatial, _spread(shared, dims))))
        found = more
    return np.array(sorted(found), np.int64)


@lru_cache(maxsize=4096)
def least_steps(axes: tuple[Axis, ...], bounds: tuple[int, ...]) -> int:
    """Steps of single elements that the dimensions take at least, however they are unrolled on rows, columns, arrays.

    A dimension of extent B over s PEs takes ceil(B / s) of them, and no block of registers makes it fewer; nor do
    tiles, since ceil(a / s) + ceil(b / s) >= ceil((a + b) / s).
    """
    return int((-(-np.array(bounds) // most_unrolled(axes, bounds))).prod(axis=1).min())


def least_mac_cycles(dataflow: Dataflow, nest: LoopNest, array: Array, skip: int | None = None) -> int:
    """Cycles of a layer's MACs at least, under a dataflow; `skip` is the share of MACs that are not skipped.

    A step of which PEs do a single MAC takes `step_cycles` at least, if that sets a limit.
    """
    bounds, packed = list(array_bounds(nest.bounds, dataflow.lowered)), 1
    if dataflow.channel_packing:
        packed = prod(nest.stride)
        bounds[Dim.C] *= packed
    steps = least_steps(axes_of(dataflow, array), tuple(bounds))
    executed = steps if skip is None else steps * skip >> FIXED_POINT_BITS
    cycles = executed // (array.macs_per_cycle * packed)
    limited = array.step_cycles > 1 and not dataflow.registers
    return max(cycles, steps // packed * array.step_cycles) if limited else cycles


def most_steps(array: Array, nest: LoopNest, dataflow: Dataflow, cycles: float, skip: int | None = None) -> float:
    """Steps of single elements, as `least_steps` counts them, that so many cycles have time for at most."""
    packed = prod(nest.stride) if dataflow.channel_packing else 1
    executed = (cycles + 1) * array.macs_per_cycle * packed
    return executed if skip is None else (executed + 1) * (1 << FIXED_POINT_BITS) / max(1, skip)


def every_spatial_mapping(dataflow: Dataflow, nest: LoopNest, array: Array) -> Iterator[SpatialMapping]:
    """Yield every spatial mapping of the dataflow, PEs without work and registers with room among them.

    Bounds are those that cut an extent into different numbers of parts, each the least of its kind; spatial mappings
    that spread each dimension over as many PEs and arrays are one, unless a wave front crosses the PEs in use.
    """
    extents = list(array_bounds(nest.bounds, dataflow.lowered))
    if dataflow.channel_packing:
        extents[Dim.C] *= prod(nest.stride)
    seen = set()
    for arrays, rows, columns in _any_axes(extents, dataflow, array):
        on_one = SpatialMapping(rows, columns, ONES)
        spatial = SpatialMapping(rows, columns, ONES, arrays).spatial
        kind = (arrays, spatial, rows if array.skew_over_used else ONES)
        if kind in seen:
            continue
        seen.add(kind)
        rest = [-(-e // x) for e, x in zip(extents, spatial, strict=True)]
        for bounds in product(*(balanced(rest[d]) for d in dataflow.registers)):
            layout = replace(on_one, registers=_spread(bounds, dataflow.registers))
            if not excess(layout, dataflow, nest, array):
                yield replace(layout, arrays=arrays)


def _any_axes(
    extents: Sequence[int], dataflow: Dataflow, array: Array
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Yield bounds on arrays, rows and columns, none of them more than there is to unroll."""
    for arrays in _any_bounds(extents, dataflow.arrays if array.instances > 1 else (), array.instances):
        own = [-(-e // a) for e, a in zip(extents, arrays, strict=True)]
        for rows in _any_bounds(own, dataflow.rows, array.rows):
            left = [-(-e // r) for e, r in zip(own, rows, strict=True)]
            for columns in _any_bounds(left, dataflow.columns, array.columns):
                yield arrays, rows, columns


def _any_bounds(extents: Sequence[int], dims: Sequence[Dim], length: int) -> Iterator[tuple[int, ...]]:
    """Yield bounds of some dimensions that share a length; filter taps take what those before them leave."""
    for bounds in product(*(balanced(extents[d]) for d in dims)):
        rooms = [length // before for before in accumulate((1, *bounds), mul)]
        taps = [i for i, d in enumerate(dims) if d in FILTER_TAPS]
        if rooms[-1] > 0 and all(bounds[i] == most_of(extents[dims[i]], rooms[i]) for i in taps):
            yield _spread(bounds, dims)


def most_of(extent: int, length: int) -> int:
    """The largest bound of an extent that a length has room for.

    >>> most_of(7, 6), most_of(7, 12)
    (4, 7)
    """
    return next((bound for bound in balanced(extent) if bound <= length), 0)


def under_filled_bounds(extents: Sequence[int], dims: Sequence[Dim], length: int) -> list[tuple[int, ...]]:
    """Ways to unroll the one of `dims` that is longer than 1 along parts of `length` PEs; none if there are more such.

    The parts are those of `tile_counts`, so that a longer axis can do what one of half its length can.

    >>> under_filled_bounds([1, 1, 13, 1, 1, 1, 1, 1], (Dim.K, Dim.C), 6)
    [(5, 1), (3, 1), (2, 1), (1, 1)]
    """
    long = [d for d in dims if extents[d] > 1]
    if len(long) != 1:
        return []
    bounds = {most_of(extents[long[0]], part) for part in tile_counts(length)}
    return [tuple(bound if d in long else 1 for d in dims) for bound in sorted(bounds, reverse=True)]


def _spread(bounds: Sequence[int], dims: Sequence[Dim]) -> tuple[int, ...]:
    full = [1] * 8
    for d, bound in zip(dims, bounds, strict=True):
        full[d] = bound
    return tuple(full)


@lru_cache(maxsize=4096)
def spatial_mappings(
    dataflow: Dataflow, nest: LoopNest, array: Array, under_filled: bool = False
) -> tuple[SpatialMapping, ...]:
    """Every spatial mapping of the dataflow that the array and the registers of a PE can hold; at least one.

    One is dropped if a larger one of the same kind fits, so that a larger array or register file only adds. With
    `under_filled`, axes of a single dimension may have PEs without work; none if there is no such axis. Machines that
    differ in anything but the array share them.
    """
    extents = list(array_bounds(nest.bounds, dataflow.lowered))
    if dataflow.channel_packing:
        extents[Dim.C] *= prod(nest.stride)
    axes = ((dataflow.rows, array.rows), (dataflow.columns, array.columns))
    if under_filled and not any(under_filled_bounds(extents, dims, length) for dims, length in axes):
        return ()
    found: list[SpatialMapping] = []
    for arrays in _splits(extents, dataflow, array.instances):
        own = [-(-e // a) for e, a in zip(extents, arrays, strict=True)]
        one = _on_one_array(dataflow, nest, array, own, under_filled)
        found += one if arrays is ONES else (replace(each, arrays=arrays) for each in one)
    return tuple(found)


def _splits(extents: Sequence[int], dataflow: Dataflow, instances: int) -> list[tuple[int, ...]]:
    """Ways to split a layer over several arrays: along the dimensions that the dataflow names, if it names any."""
    if instances == 1 or not dataflow.arrays:
        return [ONES]
    return [_spread(bounds, dataflow.arrays) for bounds in axis_bounds(extents, dataflow.arrays, instances)]


def _on_one_array(
    dataflow: Dataflow, nest: LoopNest, array: Array, extents: Sequence[int], under_filled: bool
) -> list[SpatialMapping]:
    """Every way to lay extents out on one array and in its registers."""
    found: list[SpatialMapping] = []
    known: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for row_bounds in _ways(extents, dataflow, dataflow.rows, array.rows, under_filled):
        rows = _spread(row_bounds, dataflow.rows)
        left = [-(-e // r) for e, r in zip(extents, rows, strict=True)]
        for column_bounds in _ways(left, dataflow, dataflow.columns, array.columns, under_filled):
            columns = _spread(column_bounds, dataflow.columns)
            spatial = SpatialMapping(rows, columns, rows).spatial
            rest = [-(-e // x) for e, x in zip(extents, spatial, strict=True)]
            key = (*(rest[d] for d in dataflow.registers), *(spatial[d] for d in (Dim.P, Dim.Q, Dim.R, Dim.S)))
            if key not in known:
                known[key] = register_bounds(dataflow, nest, rest, rows, columns, array)
            found += [SpatialMapping(rows, columns, registers) for registers in known[key]]
    return found


def _ways(
    extents: Sequence[int], dataflow: Dataflow, dims: Sequence[Dim], length: int, under_filled: bool
) -> list[tuple[int, ...]]:
    """Ways to unroll a dataflow's dimensions along an axis."""
    some = under_filled_bounds(extents, dims, length) if under_filled else []
    return some or axis_bounds(extents, dims, length, dataflow.greedy)


def register_bounds(
    dataflow: Dataflow,
    nest: LoopNest,
    rest: Sequence[int],
    rows: tuple[int, ...],
    columns: tuple[int, ...],
    array: Array,
) -> list[tuple[int, ...]]:
    """Bounds of the loops in a PE that its registers can hold and of which none could grow; at least a single word.

    Filter taps are held whole, or one by one if no layout of all of them fits.
    """
    if not dataflow.registers:
        return [(1,) * 8]
    for whole in (True, False):
        sizes = [(rest[d] if whole else 1,) if d in FILTER_TAPS else tile_counts(rest[d]) for d in dataflow.registers]

        found: list[tuple[int, ...]] = []
        for others in product(*sizes[1:]):

            def fits(size: int, others: tuple[int, ...] = others) -> bool:
                registers = _spread((size, *others), dataflow.registers)
                return not excess(SpatialMapping(rows, columns, registers), dataflow, nest, array)

            # What fits with a bound fits with a smaller one: the first that fits is the largest.
            first = bisect_left(sizes[0], True, key=fits)
            if first < len(sizes[0]):
                found.append((sizes[0][first], *others))
        if found:
            return [_spread(bounds, dataflow.registers) for bounds in largest(found)]
    return [(1,) * 8]


def largest(bounds: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Those of the tuples that no other exceeds or equals in every place.

    >>> largest([(4, 1), (2, 2), (2, 1)])
    [(4, 1), (2, 2)]
    """
    return [a for a in bounds if not any(b != a and all(map(ge, b, a)) for b in bounds)]


def excess(layout: SpatialMapping, dataflow: Dataflow, nest: LoopNest, array: Array) -> dict[Operand, tuple[int, int]]:
    """Operands that need more register words in a PE than it has, as (needed, available)."""
    order = tuple(map(int, reversed(dataflow.registers)))
    needed = register_words(layout, order, dataflow.stationary, nest, dataflow.lowered, array)
    available = array.registers_words
    return {OPERANDS[o]: (needed[o], available[o]) for o in range(3) if needed[o] > available[o]}


def register_words(
    layout: SpatialMapping,
    order: Sequence[int],
    stationary: Operand | None,
    nest: LoopNest,
    lowered: bool,
    array: Array,
) -> tuple[int, int, int]:
    """Words of each operand that a PE must hold; `order` lists the loops in a PE, outermost first.

    The stationary operand is held whole, and so is a window of inputs that slides over the taps of a filter. Otherwise
    words pass through, but what lies inside a loop that reuses it must wait for the next turn. Inputs that neighbours
    hand on are spread over the PEs that share them.
    """
    bounds, words = layout.registers, [1, 1, 1]
    window = bounds[Dim.R] > 1 or bounds[Dim.S] > 1
    for operand, relevant in enumerate(_RELEVANT):
        inside = relevant
        if operand != stationary and not (window and operand == INPUTS):
            inside = _reused(order, bounds, relevant)
        if operand == INPUTS and not lowered:
            shared = array.delivery[INPUTS].forwarding
            words[operand] = _window_words(bounds, inside, layout, nest, shared)
            continue
        for d in inside:
            words[operand] *= bounds[d]
    return words[0], words[1], words[2]


def _reused(order: Sequence[int], bounds: Sequence[int], relevant: frozenset[int]) -> frozenset[int]:
    """Dimensions of an operand that turn inside the outermost loop that reuses it; none if no loop does."""
    for j, d in enumerate(order):
        if bounds[d] > 1 and d not in relevant:
            return relevant.intersection(order[j:])
    return frozenset()


INPUTS = int(Operand.INPUTS)
_RELEVANT = tuple(frozenset(map(int, RELEVANT[operand])) for operand in Operand)
_AXES = ((int(Dim.P), int(Dim.R)), (int(Dim.Q), int(Dim.S)))
_POINTS = (int(Dim.N), int(Dim.G), int(Dim.C))


def _window_words(
    bounds: Sequence[int], inside: frozenset[int], layout: SpatialMapping, nest: LoopNest, shared: bool
) -> int:
    """Input words of a PE's window; where PEs share, the window of all of them divided by their number."""
    words = pes = 1
    for d in _POINTS:
        if d in inside:
            words *= bounds[d]
    for axis, (pixel, tap) in enumerate(_AXES):
        a, b = bounds[pixel] if pixel in inside else 1, bounds[tap] if tap in inside else 1
        if a * b == 1:
            continue
        if shared:
            pixels = layout.rows[pixel] * layout.columns[pixel]
            taps = layout.rows[tap] * layout.columns[tap]
            a, b, pes = a * pixels, b * taps, pes * pixels * taps
        words *= distinct(a, b, nest.stride[axis], nest.dilation[axis])
    return -(-words // pes)
