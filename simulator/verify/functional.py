"""Execute a mapped loop nest MAC by MAC on integer tensors, and the plain convolution that it must equal.

Inputs are [N, G, C, H, W], weights [G, K, C, R, S], outputs [N, G, K, P, Q]; the mapped execution wants inputs with
their padding already around them. An address is then linear in the eight loop indices: every dimension adds its own
offset to the address of each operand. The offsets of a tile are tabulated once, `offsets[dimension, index, operand]`,
which is also where lowering to a matrix product happens: it only renames which index has which offset.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.cost.case import INPUTS, OUTPUTS, WEIGHTS, C, Ints, N, P, Q, R, Record, S
from simulator.cost.jit import jit
from simulator.verify.loops import begin_cycle, begin_loops, begin_tile, next_cycle, next_pes, next_tile

Tensor = NDArray[np.int8]


class Tensors(NamedTuple):
    """Flat tensors: operands, with their padding around the inputs, and the MACs that each PE has done."""

    inputs: Tensor
    weights: Tensor
    outputs: Ints
    busy: Ints


class Tables(NamedTuple):
    """What each index of a dimension adds to addresses, [8, *, operand], and each position to the PE's number."""

    offsets: Ints
    pes: Ints  # [8, *]


@jit
def direct_convolution(
    inputs: Tensor, weights: Tensor, outputs: Ints, stride: Ints, dilation: Ints, padding: Ints
) -> None:
    """Add the convolution of unpadded inputs to `outputs`; what lies outside the inputs is zero.

    `stride` and `dilation` are (vertical, horizontal), `padding` starts with (top, left).
    """
    batch, groups, filters, _, _ = outputs.shape
    _, _, channels, kernel_rows, kernel_columns = weights.shape
    for n in range(batch):
        for g in range(groups):
            for k in range(filters):
                for c in range(channels):
                    for r in range(kernel_rows):
                        for s in range(kernel_columns):
                            top, left = r * dilation[0] - padding[0], s * dilation[1] - padding[1]
                            add_tap(
                                inputs[n, g, c], np.int64(weights[g, k, c, r, s]), outputs[n, g, k], stride, top, left
                            )


@jit
def add_tap(inputs: Tensor, weight: int, outputs: Ints, stride: Ints, top: int, left: int) -> None:
    """Add what one weight makes of a map of inputs, of which it meets (top, left) first, to a map of outputs."""
    rows, columns = outputs.shape
    height, width = inputs.shape
    for p in range(rows):
        h = p * stride[0] + top
        if 0 <= h < height:
            for q in range(columns):
                w = q * stride[1] + left
                if 0 <= w < width:
                    outputs[p, q] += weight * np.int64(inputs[h, w])


@jit
def execute_mapping(nest: Record, tensors: Tensors, tables: Tables) -> tuple[int, int]:
    """Execute a nest (`NEST`, at its first tile) in its own order.

    Returns the MACs done and the cycles in which any PE worked. Outputs accumulate. A loop that its order does not list
    runs once, so that an illegal mapping shows in the MACs. Orders must not repeat a dimension.
    """
    macs = cycles = 0
    while True:
        begin_tile(nest)
        tabulate(nest, tables.offsets)
        find_live(nest, tables.offsets)
        begin_loops(nest, 0)
        done, spent = execute_tile(nest, tensors, tables)
        macs += done
        cycles += spent
        if not next_tile(nest):
            return macs, cycles


@jit
def tabulate(nest: Record, offsets: Ints) -> None:
    """Set the extents that the tile has on the array, and the offsets of every index within them.

    Lowered, C runs over (c, r, s) and P over (n, p, q), the first slowest, and N, Q, R, S vanish.
    """
    for x in range(8):
        flatten(nest, offsets, x, (x, x, x), 1)
    if nest.lowered:
        for x in (N, Q, R, S):
            nest.extent[0, x] = 1
            offsets[x, 0] = 0
        flatten(nest, offsets, C, (C, R, S), 3)
        flatten(nest, offsets, P, (N, P, Q), 3)


@jit
def flatten(nest: Record, offsets: Ints, target: int, parts: tuple[int, int, int], count: int) -> None:
    """Tabulate dimension `target` of the array as the first `count` of `parts`, dimensions of the tile."""
    size = 1
    for j in range(count):
        size *= nest.tile_extent[parts[j]]
    nest.extent[0, target] = size
    for i in range(size):
        offsets[target, i] = 0
        rest = i
        for j in range(count - 1, -1, -1):
            x = parts[j]
            index = nest.start[x] + rest % nest.tile_extent[x]
            rest //= nest.tile_extent[x]
            for operand in range(3):
                offsets[target, i, operand] += index * nest.step[x, operand]


@jit
def find_live(nest: Record, offsets: Ints) -> None:
    """List the dimensions with more than one index in the tile, two at least, the widest on the array last.

    PEs work at once, so that their order is free: the last two make the inner loops, which should be long. The dead
    dimensions never leave index 0: their offsets are added to those of the last live one.
    """
    extent = nest.extent[0]
    width = np.minimum(nest.spatial, -(-extent // nest.own))
    order = np.argsort(2 * width + (extent > 1))
    last = order[7]
    dead = 0
    while dead < 6 and extent[order[dead]] == 1:
        for i in range(extent[last]):
            offsets[last, i] += offsets[order[dead], 0]
        dead += 1
    for i in range(8 - dead):
        nest.live[i] = order[dead + i]
    nest.outer = 6 - dead


@jit
def execute_tile(nest: Record, tensors: Tensors, tables: Tables) -> tuple[int, int]:
    """Run one tile cycle by cycle: every PE that has work does one MAC. Return MACs and cycles."""
    macs = cycles = 0
    while True:
        begin_cycle(nest)
        while True:
            macs += multiply(nest, tensors, tables)
            if not next_pes(nest):
                break
        cycles += 1
        if not next_cycle(nest):
            return macs, cycles


@jit
def multiply(nest: Record, tensors: Tensors, tables: Tables) -> int:
    """Do one MAC on each PE with work along the last two live dimensions, at its position along the others."""
    inputs, weights, outputs, busy = tensors
    offsets, pes = tables
    outer = nest.outer
    a, b = nest.live[outer], nest.live[outer + 1]
    i0 = w0 = o0 = pe0 = 0
    for j in range(outer):
        x = nest.live[j]
        at = nest.pe[x]
        index = nest.first[x] + at * nest.own[x]
        i0 += offsets[x, index, INPUTS]
        w0 += offsets[x, index, WEIGHTS]
        o0 += offsets[x, index, OUTPUTS]
        pe0 += pes[x, at]
    stride, first, active = nest.own[b], nest.first[b], nest.active[b]
    for at in range(nest.active[a]):
        index = nest.first[a] + at * nest.own[a]
        i1 = i0 + offsets[a, index, INPUTS]
        w1 = w0 + offsets[a, index, WEIGHTS]
        o1 = o0 + offsets[a, index, OUTPUTS]
        pe1 = pe0 + pes[a, at]
        index = first
        for last in range(active):
            i, w = i1 + offsets[b, index, INPUTS], w1 + offsets[b, index, WEIGHTS]
            outputs[o1 + offsets[b, index, OUTPUTS]] += np.int64(inputs[i]) * np.int64(weights[w])
            busy[pe1 + pes[b, last]] += 1
            index += stride
    return nest.active[a] * active
