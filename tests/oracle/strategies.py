"""What the oracles draw: nests, mappings, machines, tiles and ports, small enough to walk and odd enough to hurt."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from hypothesis import settings
from hypothesis import strategies as st

from simulator.energy.table import load_energy_table
from simulator.hardware.model import Array, Buffer, Delivery, Dram, Hardware, ZeroWeights
from simulator.mapping.mapping import ONES, LevelTile, Mapping
from simulator.nest import REDUCTION, Dim, LoopNest, Operand, array_bounds
from simulator.network.ir import Layer, Op
from simulator.timing.tiles import PortSpec, TileRun

MANY = settings(max_examples=3 * settings.default.max_examples)
"""For oracles that run in milliseconds: three times the profile's number of cases."""
WALKED = settings(max_examples=min(settings.default.max_examples, max(25, settings.default.max_examples // 4)))
"""For oracles that walk every word of several memory levels: a quarter, and no less than 25 of what there are."""

TABLE = load_energy_table("picojoule_45nm")
ALL_DIMS = tuple(Dim)
UNREDUCED = tuple(x for x in Dim if x not in REDUCTION)
LOWERED_DIMS = (Dim.G, Dim.K, Dim.C, Dim.P)
"""The dimensions of a tile that has become a matrix product."""

_COUNTS = st.tuples(*(st.integers(1, most) for most in (2, 3, 4, 4)))
_AXES = st.tuples(*(st.integers(*ends) for ends in ((1, 5), (1, 3), (1, 3), (1, 3), (0, 2), (0, 2), (0, 2))))
_FLAGS = st.booleans()
_FOUR_FLAGS = st.tuples(*(_FLAGS for _ in range(4)))
_BITS = st.tuples(*(st.sampled_from((4, 8, 12, 16, 32)) for _ in range(4)))
_STATIONARY = st.none() | st.sampled_from(Operand)
_CUTS = st.tuples(*(st.integers(-4, 4) for _ in Dim))  # extents of tiles, below 1 the whole
_DEPTHS = st.tuples(*(st.sampled_from((1, 1, 1, 2, 3)) for _ in Dim))
_SPREADS = {
    dims: st.lists(st.sampled_from(dims), min_size=1, max_size=3, unique=True)
    for every in (LOWERED_DIMS, ALL_DIMS)
    for dims in (every, tuple(x for x in every if x in UNREDUCED))
}
_WINDOW = (Dim.P, Dim.Q, Dim.R, Dim.S)
_SLID = st.tuples(*(st.integers(1, 4).map(lambda less: 5 - less) for _ in range(2)))
_PACES = st.tuples(*(st.sampled_from((1, 1, 2)) for _ in range(2)))
_SMALL = st.tuples(*(st.tuples(st.sampled_from((1, 2)), st.sampled_from((1, 1, 2))) for _ in _WINDOW))
_ORDERS = st.permutations(ALL_DIMS)
KINDS = ("any", "depthwise", "pointwise", "linear", "row_filter", "column_filter")


@st.composite
def nests(draw, kinds=KINDS):
    """A consistent small nest: strides, dilation, uneven padding, rows no window reaches, groups."""
    kind = draw(st.sampled_from(kinds))
    n, g, k, c = draw(_COUNTS)
    if kind == "depthwise":
        g, k, c = g + 1, 1, 1
    elif kind == "linear":
        return LoopNest((n, 1, k, c, 1, 1, 1, 1))
    vertical = draw(_axes(taps=1 if kind in ("pointwise", "row_filter") else 3))
    horizontal = draw(_axes(taps=1 if kind in ("pointwise", "column_filter") else 3))
    (p, r, *v), (q, s, *h) = vertical, horizontal
    (stride, dilation, before, after, size) = zip(v, h, strict=True)
    return LoopNest((n, g, k, c, p, q, r, s), stride, dilation, before + after, size)


@st.composite
def _axes(draw, taps):
    """(pixels, taps, stride, dilation, padding before, padding after, input size) along one axis."""
    pixels, filter_taps, stride, dilation, before, after, unreached = draw(_AXES)
    taps = min(taps, filter_taps)
    reach = (pixels - 1) * stride + (taps - 1) * dilation + 1
    before = min(before, reach - 1)
    after = min(after, reach - 1 - before)
    unreached = min(unreached, stride - 1)
    return pixels, taps, stride, dilation, before, after, reach - before - after + unreached


@dataclass(frozen=True)
class Shape:
    """How many memory levels a machine has, on chip and of these outside the PEs, and arrays."""

    levels: int = 1
    chip: int = 1
    arrays: int = 1


FLAT = Shape()
SHAPES = st.sampled_from(
    [FLAT, FLAT, *(Shape(levels, chip, n) for levels in (1, 2, 3) for chip in range(1, levels + 1) for n in (1, 2))]
)
"""Every shape of up to three levels and two arrays, the plain one more often."""


def shape_of(hardware):
    """The shape of a machine."""
    outside = 1 + max(buffer.level for buffer in hardware.buffers if not buffer.in_pe)
    return Shape(len(hardware.level_names), outside, hardware.array.instances)


@st.composite
def mappings(draw, nest, rows=4, columns=4, lowered=None, shape=FLAT):
    """A legal mapping of the nest that no template would choose, on arrays of up to rows x columns PEs.

    Spatial bounds may exceed what there is to spread, loops may be listed that run once. `lowered` is drawn where it
    is None.
    """
    if lowered is None:
        lowered = draw(_FLAGS)
    tile = _cut(draw, nest.bounds)
    extents = array_bounds(tile, lowered)
    free = LOWERED_DIMS if lowered else ALL_DIMS
    row_bounds, column_bounds = draw(_spread(rows, free)), draw(_spread(columns, free))
    arrays = draw(_spread(shape.arrays, tuple(x for x in free if x in UNREDUCED))) if shape.arrays > 1 else ONES
    spatial = [a * b * c for a, b, c in zip(arrays, row_bounds, column_bounds, strict=True)]
    registers = draw(_extents(free))
    inner, steps = draw(_inner_tiles(extents, spatial, registers, shape, free))
    around = [extents, *inner]
    orders = [draw(_orders([e > s for e, s in zip(*pair, strict=True)])) for pair in zip(around, steps, strict=True)]
    return Mapping(
        dataflow="drawn",
        tile=tile,
        dram_order=draw(_orders([bound > part for bound, part in zip(nest.bounds, tile, strict=True)])),
        buffer_order=orders[0],
        rows=row_bounds,
        columns=column_bounds,
        registers=registers,
        registers_order=draw(_orders([bound > 1 for bound in registers])),
        lowered=lowered,
        retains=draw(_FLAGS),
        channel_packing=draw(_FLAGS) and not lowered and shape.levels == shape.chip,
        stationary=draw(_STATIONARY),
        inner=tuple(LevelTile(*level) for level in zip(inner, orders[1:], strict=True)),
        arrays=arrays,
    )


def _cut(draw, bounds):
    """Extents of a tile of something with these bounds."""
    return tuple(bound if cut < 1 else min(cut, bound) for bound, cut in zip(bounds, draw(_CUTS), strict=True))


@st.composite
def _extents(draw, free):
    """Small extents along the dimensions that are free."""
    return tuple(bound if x in free else 1 for x, bound in zip(Dim, draw(_DEPTHS), strict=True))


@st.composite
def _inner_tiles(draw, extents, spatial, registers, shape, free):
    """Tiles of the inner levels, outermost first, and the extents that the loops inside each level step by.

    What a PE has is a whole number of what lies within it, cut off at the edge of what lies around.
    """
    inner, own = [], [registers]
    for _ in range(shape.chip - 1):
        inner.append(_cut(draw, inner[-1] if inner else extents))
    for _ in range(shape.levels - shape.chip):
        own.insert(0, tuple(e * times for e, times in zip(own[0], draw(_extents(free)), strict=True)))
    around = inner[-1] if inner else extents
    for block in own[:-1]:
        around = tuple(map(min, block, around))
        inner.append(around)
    inside = [*inner, registers]
    first = inside[shape.chip - 1]
    step = tuple(s * e for s, e in zip(spatial, first, strict=True))
    return inner, [*inside[: shape.chip - 1], step, *inside[shape.chip :]]


@st.composite
def _spread(draw, size, dims):
    """Bounds of up to three dimensions along an axis of `size` PEs."""
    bounds = [1] * len(Dim)
    for x in draw(_SPREADS[dims]):
        bounds[x] = draw(st.integers(1, size // prod(bounds)))
    return tuple(bounds)


@st.composite
def _orders(draw, needed):
    """An order of the dimensions that are needed, and at times of all."""
    order = draw(_ORDERS)
    return tuple(order) if draw(_FLAGS) else tuple(x for x in order if needed[x])


@st.composite
def mapped_nests(draw, nests=nests(), shapes=st.just(FLAT), **limits):  # noqa: B008
    """A nest and a mapping of it, for a machine of one of the `shapes`; `limits` as for `mappings`."""
    nest = draw(nests)
    return nest, draw(mappings(nest, shape=draw(shapes), **limits))


@st.composite
def sliding_windows(draw, shape=FLAT):
    """A nest and a mapping whose innermost loop on chip slides a window over pixels or taps, in one PE or over some."""
    pixels, taps = draw(_SLID), draw(_SLID)
    stride, dilation = draw(_PACES), draw(_PACES)
    size = tuple((p - 1) * a + (r - 1) * b + 1 for p, r, a, b in zip(pixels, taps, stride, dilation, strict=True))
    nest = LoopNest((*draw(_COUNTS), *pixels, *taps), stride, dilation, input_size=size)
    loop, small = draw(st.sampled_from(_WINDOW)), draw(_SMALL)
    spread, registers = ([1] * 8 for _ in range(2))
    for x, (across, inside) in zip(_WINDOW, small, strict=True):
        spread[x], registers[x] = across, inside
    order = tuple(x for x in draw(_ORDERS) if x != loop)
    mapping = draw(mappings(nest, lowered=False, shape=shape))
    arrays = draw(_spread(shape.arrays, UNREDUCED)) if shape.arrays > 1 else ONES
    spatial = [a * b for a, b in zip(arrays, spread, strict=True)]
    inner, _ = draw(_inner_tiles(nest.bounds, spatial, tuple(registers), shape, ()))
    orders = [(*order, loop) if level < shape.chip else ALL_DIMS for level in range(shape.levels)]
    return nest, replace(
        mapping,
        tile=nest.bounds,
        buffer_order=orders[0],
        rows=tuple(spread),
        columns=ONES,
        arrays=arrays,
        registers=tuple(registers),
        registers_order=ALL_DIMS,
        retains=True,
        inner=tuple(LevelTile(*level) for level in zip(inner, orders[1:], strict=True)),
    )


def tile_runs():
    """Up to six runs of equal tiles, short and long ones; transfers and work of any size, none included."""
    cycles = st.one_of(st.integers(0, 4), st.integers(0, 40))
    count = st.one_of(st.integers(1, 6), st.integers(1, 60))
    return st.lists(st.builds(TileRun, cycles, cycles, cycles, count, st.just(0) | cycles), min_size=1, max_size=6)


def port_specs():
    """Ports with one to four slots each way, one to four channels, any latency, with and without prefetch."""
    latency = st.one_of(st.integers(0, 4), st.integers(0, 60))
    few = st.integers(1, 4)
    return st.builds(PortSpec, few, few, few, latency, st.integers(0, 30), few)


@st.composite
def hardwares(draw, rows=4, columns=4, capacity=1 << 30, registers=64, shapes=st.just(FLAT)):  # noqa: B008
    """A machine of up to rows x columns PEs: any network, any split of the buffers, any port, compressed or not.

    `capacity` is that of each buffer, in bytes; `registers` the words of each operand in a PE.
    """
    shape = draw(shapes)
    height, width = draw(st.integers(1, rows)), draw(st.integers(1, columns))
    inputs, weights, outputs, sums = draw(_BITS)
    return Hardware(
        name="drawn",
        source="hypothesis",
        clock_hz=10**8,
        input_bits=inputs,
        weight_bits=weights,
        output_bits=outputs,
        partial_sum_bits=sums,
        array=replace(draw(_arrays(height, width, registers)), instances=shape.arrays),
        buffers=draw(_buffers(capacity, shape)),
        dma_channels=draw(st.integers(1, 3)),
        dram=draw(_DRAMS),
        vector_lanes=1,
        fuses=frozenset(),
        folds=frozenset(),
        layer_order=draw(st.sampled_from(("serial", "serial", "overlapped"))),
        keeps_activations=False,
        configuration_cycles=0,
        dataflows=(),
        energy=TABLE,
        dma_whole_rows=draw(_FLAGS),
        dma_moves_padding=draw(st.booleans()),
        dma_reloads=draw(st.booleans()),
        dma_keeps_halo=draw(_FLAGS),
        descriptor_cycles=draw(st.sampled_from((0, 0, 1, 7))),
        descriptor_dimensions=draw(st.integers(1, 4)),
    )


def _deliveries(operand):
    """The network of an operand; what outputs or inputs alone have is plain for the others."""
    outputs = operand is Operand.OUTPUTS
    return st.builds(
        Delivery,
        network=st.sampled_from(("multicast", "systolic", "unicast")),
        words_per_cycle=st.integers(1, 5),
        preload=st.just("hidden") if outputs else st.sampled_from(("hidden", "exposed", "double_buffered")),
        **dict.fromkeys(("forwarding", "windows_apart"), _FLAGS if operand is Operand.INPUTS else st.just(False)),
        concurrent=_FLAGS if outputs else st.just(True),
        initial_sums=_FLAGS if outputs else st.just(False),
    )


_DELIVERIES = st.tuples(*(_deliveries(operand) for operand in Operand))
_FRACTIONS = st.sampled_from((0.0, 0.25, 0.4, 0.9))
_MACS, _LEAST = st.sampled_from((1, 1, 2, 3)), st.sampled_from((1, 1, 2, 3, 5))


@st.composite
def _arrays(draw, rows, columns, registers):
    reduce_rows, reduce_columns, skewed, gates = draw(_FOUR_FLAGS)
    return Array(
        rows=rows,
        columns=columns,
        macs_per_cycle=draw(_MACS),
        registers_words=(registers,) * 3,
        delivery=draw(_DELIVERIES),
        reduce_rows=reduce_rows,
        reduce_columns=reduce_columns,
        skewed=skewed,
        zero_weights=ZeroWeights(draw(_FRACTIONS), draw(st.integers(1, 3))),
        zero_inputs_fraction=draw(_FRACTIONS),
        gates_zero_inputs=gates,
        step_cycles=draw(_LEAST),
        skew_over_used=gates,
    )


_OWNERS = st.tuples(*(st.integers(0, 2) for _ in Operand))


_INNER_OWNERS = st.tuples(*(st.sampled_from((None, None, 0, 0, 1)) for _ in Operand)).filter(
    lambda owners: set(owners) != {None}
)
_RATES = st.none() | st.integers(1, 8)


@st.composite
def _buffers(draw, capacity, shape):
    """One to three buffers that share the operands out among them, and some of the operands on every further level."""
    held = [draw(_INNER_OWNERS) for _ in range(shape.levels - 1)]
    owner = list(draw(_OWNERS))
    if held and draw(_FLAGS):
        for operand in Operand:
            below = any(level[operand] is not None for level in held)
            owner[operand] = (
                None if below and draw(_FLAGS) and set(_without(owner, operand)) != {None} else owner[operand]
            )
    return tuple(
        buffer
        for level, owners in enumerate([owner, *held])
        for buffer in draw(_level_buffers(owners, level, level >= shape.chip, capacity))
    )


def _without(owners, operand):
    return [None if o == operand else owner for o, owner in enumerate(owners)]


@st.composite
def _level_buffers(draw, owners, level, in_pe, capacity):
    """The buffers of a level; `owners` tells the number of that which holds an operand, or None."""
    buffers = []
    for number in sorted({owner for owner in owners if owner is not None}):
        holds = tuple(int(operand) for operand in Operand if owners[operand] == number)
        streaming = () if level else tuple(o for o in holds if o != Operand.OUTPUTS and draw(_FLAGS))
        buffers.append(
            Buffer(
                name=f"level{level}_{number}",
                holds=holds,
                capacity_bytes=capacity,
                banks=1,
                read_bytes_per_cycle=None if in_pe else draw(_RATES),
                write_bytes_per_cycle=None if in_pe else draw(_RATES),
                double_buffered=draw(_FLAGS),
                streams=streaming,
                level=level,
                in_pe=in_pe,
            )
        )
    return buffers


_BANDWIDTHS = st.fractions(Fraction(1, 4), 16, max_denominator=8)


_DRAMS = st.builds(  # ports as fast as bytes a cycle, slow or unlimited; bursts small or large
    Dram,
    bytes_per_cycle=st.one_of(_BANDWIDTHS, _BANDWIDTHS, _BANDWIDTHS, st.none()),
    latency_cycles=st.integers(0, 3) | st.integers(0, 100),
    burst_bytes=st.sampled_from((1, 1, 3, 8, 64)),
    activations=st.sampled_from(("tiled", "nchw", "nhwc")),
    atom_channels=st.sampled_from((1, 1, 2, 3)),
    weights=st.sampled_from(("tiled", "kcrs", "krsc", "rsck")),
    run_length=st.sets(st.sampled_from([int(operand) for operand in Operand])).map(tuple),
    run_length_max=st.sampled_from((1, 3, 31)),
    run_length_bits=st.sampled_from((1, 5)),
    winograd=st.sampled_from((None, None, (2, 3), (2, 2))),
)


def layer_of(nest):
    """A layer with this loop nest."""
    n, g, k, c, p, q, r, s = nest.bounds
    return Layer(
        name="drawn",
        op=Op.CONV,
        inputs=("x",),
        input_shapes=((n, g * c, *nest.input_size),),
        output_shape=(n, g * k, p, q),
        kernel=(r, s),
        stride=nest.stride,
        padding=nest.padding,
        dilation=nest.dilation,
        groups=g,
    )
