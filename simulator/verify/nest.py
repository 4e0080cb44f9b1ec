"""Turn a layer's nest and a mapping into what the execution reads: the record of its loops, and its tables."""

from collections.abc import Sequence
from math import prod

import numpy as np

from simulator.cost.case import Ints, Record
from simulator.cost.convert import record
from simulator.mapping.mapping import Mapping
from simulator.nest import Dim, LoopNest, Operand, array_bounds
from simulator.verify.functional import Tables
from simulator.verify.loops import NEST, POSITIONS

_INDEXED_BY = {
    Operand.INPUTS: (Dim.N, Dim.G, Dim.C, Dim.P, Dim.Q),
    Operand.WEIGHTS: (Dim.G, Dim.K, Dim.C, Dim.R, Dim.S),
    Operand.OUTPUTS: (Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q),
}
"""Dimensions of each tensor, the slowest first; inputs step by P and Q times the stride."""


def nest_record(nest: LoopNest, mapping: Mapping, outside: int, shapes: Sequence[tuple[int, ...]]) -> Record:
    """Describe a mapped nest at its first tile; `outside` levels lie outside the PEs.

    `shapes` are those of the tensors: inputs with their padding, weights, outputs.
    """
    blocks = [level.tile for level in mapping.inner] + [mapping.registers]
    own = blocks[outside - 1]
    step = [pes * extent for pes, extent in zip(mapping.spatial, own, strict=True)]
    sizes = [*blocks[: outside - 1], step, *blocks[outside:], [1] * 8]
    orders = [mapping.buffer_order, *(level.order for level in mapping.inner), mapping.registers_order]
    pad = POSITIONS - len(orders)
    return record(
        NEST,
        registers=len(orders) - 1,
        shared=outside - 1,
        bounds=nest.bounds,
        tile=mapping.tile,
        dram_order=_filled(mapping.dram_order),
        dram_loops=len(mapping.dram_order),
        order=[_filled(order) for order in orders] + [[0] * 8] * pad,
        loops=[len(order) for order in orders] + [0] * pad,
        block=sizes + [[1] * 8] * pad,
        spatial=mapping.spatial,
        own=own,
        lowered=mapping.lowered,
        step=address_strides(nest, shapes),
        tiles=[-(-bound // extent) for bound, extent in zip(nest.bounds, mapping.tile, strict=True)],
    )


def _filled(order: Sequence[Dim]) -> list[int]:
    return [*map(int, order), *[0] * (8 - len(order))]


def address_strides(nest: LoopNest, shapes: Sequence[tuple[int, ...]]) -> Ints:
    """Return how far one step of each dimension moves in each operand, [dimension, operand]."""
    table = np.zeros((8, 3), np.int64)
    for operand, shape in zip(Operand, shapes, strict=True):
        for i, d in enumerate(_INDEXED_BY[operand]):
            table[d, operand] = prod(shape[i + 1 :])
    for pixel, tap, axis in ((Dim.P, Dim.R, 0), (Dim.Q, Dim.S, 1)):
        table[tap, Operand.INPUTS] = nest.dilation[axis] * table[pixel, Operand.INPUTS]
        table[pixel, Operand.INPUTS] *= nest.stride[axis]
    return table


def make_tables(nest: LoopNest, mapping: Mapping) -> Tables:
    """Make room for the offsets of a tile, and number the PEs."""
    tile = [min(pair) for pair in zip(mapping.tile, nest.bounds, strict=True)]
    longest = max(*tile, *array_bounds(tile, mapping.lowered))
    return Tables(np.zeros((8, longest, 3), np.int64), pe_numbers(mapping))


def pe_numbers(mapping: Mapping) -> Ints:
    """Return what each position of each dimension adds to the number of its PE, [dimension, position].

    Over arrays, and along each axis of an array, the positions of the dimensions form a mixed-radix number, N first. A
    position of one dimension is one itself: array, row, column.
    """
    table = np.zeros((8, max(mapping.spatial)), np.int64)
    column_stride, row_stride = 1, prod(mapping.columns)
    array_stride = row_stride * prod(mapping.rows)
    for x in reversed(Dim):
        rows, columns = mapping.rows[x], mapping.columns[x]
        for i in range(mapping.spatial[x]):
            array, place = divmod(i, rows * columns)
            row, column = divmod(place, columns)
            table[x, i] = array * array_stride + row * row_stride + column * column_stride
        array_stride *= mapping.arrays[x]
        row_stride *= rows
        column_stride *= columns
    return table
