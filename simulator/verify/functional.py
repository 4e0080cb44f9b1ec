"""Execute a mapped loop nest MAC by MAC on integer tensors, and the plain convolution that it must equal.

Inputs are [N, G, C, H, W], weights [G, K, C, R, S], outputs [N, G, K, P, Q]; the mapped execution wants inputs with
their padding already around them. An address is then linear in the eight loop indices: every dimension adds its own
offset to the address of each operand. The offsets of a tile are tabulated once, `offsets[dimension, index, operand]`,
which is also where lowering to a matrix product happens: it only renames which index has which offset.

The loops themselves live in one array of small rows, the state: fewer arrays to hand around are faster calls.
"""

import numpy as np
from numpy.typing import NDArray

from simulator.cost.case import INPUTS, OUTPUTS, WEIGHTS, C, G, Ints, K, N, P, Q, R, S
from simulator.cost.jit import jit

Tensor = NDArray[np.int8]

# Rows of the state, by dimension: the mapping,
SPATIAL, REGISTERS, DRAM_ORDER, BUFFER_ORDER, REGISTERS_ORDER, LIVE = range(6)
# loops over tiles: index, count, first index and extent of the tile, and its extent as the array sees it,
TILE, TILES, START, EXTENT, BOUND = range(6, 11)
# loops over array steps: index, count, first index of the step; loops over registers: index, count,
STEP, STEPS, BASE, REGISTER, REGISTER_LOOPS = range(11, 16)
# and the PEs in one cycle: first index, positions with work, position.
FIRST, ACTIVE, POSITION = range(16, 19)
STATE_ROWS = 19
LENGTH = 8  # column of an order: how many dimensions it lists


@jit
def direct_convolution(
    inputs: Tensor, weights: Tensor, outputs: Ints, stride: Ints, dilation: Ints, padding: Ints
) -> None:
    """Add the convolution of unpadded inputs to `outputs`; what lies outside the inputs is zero.

    `stride` and `dilation` are (vertical, horizontal), `padding` starts with (top, left).
    """
    batch, groups, filters, rows, columns = outputs.shape
    _, _, channels, height, width = inputs.shape
    _, _, _, kernel_rows, kernel_columns = weights.shape
    for n in range(batch):
        for g in range(groups):
            for k in range(filters):
                for c in range(channels):
                    for r in range(kernel_rows):
                        for s in range(kernel_columns):
                            weight = np.int64(weights[g, k, c, r, s])
                            for p in range(rows):
                                h = p * stride[0] + r * dilation[0] - padding[0]
                                if h < 0 or h >= height:
                                    continue
                                for q in range(columns):
                                    w = q * stride[1] + s * dilation[1] - padding[1]
                                    if w >= 0 and w < width:
                                        outputs[n, g, k, p, q] += weight * np.int64(inputs[n, g, c, h, w])


@jit
def execute_mapping(
    bounds: Ints,
    stride: Ints,
    dilation: Ints,
    tile: Ints,
    dram_order: Ints,
    buffer_order: Ints,
    rows: Ints,
    columns: Ints,
    registers: Ints,
    registers_order: Ints,
    lowered: bool,
    inputs: Tensor,
    weights: Tensor,
    outputs: Ints,
    busy: Ints,
) -> tuple[int, int]:
    """Execute the nest in the mapping's own order; return the MACs done and the cycles in which any PE worked.

    `outputs` accumulates; `busy` [product of rows, product of columns] counts the MACs of each PE. A loop that its
    order does not list runs once, so that an illegal mapping shows in the MACs. Orders must not repeat a dimension.
    """
    state = _initial_state(rows * columns, registers, dram_order, buffer_order, registers_order)
    strides = _address_strides(inputs.shape, weights.shape, outputs.shape, stride, dilation)
    offsets = np.zeros((8, _longest(np.minimum(tile, bounds), lowered), 3), np.int64)
    pes = _pe_offsets(rows, columns)
    flat_inputs, flat_weights, flat_outputs, flat_busy = inputs.ravel(), weights.ravel(), outputs.ravel(), busy.ravel()
    for x in dram_order:
        state[TILES, x] = -(-bounds[x] // tile[x])
    macs = cycles = 0
    while True:
        for x in range(8):
            state[START, x] = state[TILE, x] * tile[x]
            state[EXTENT, x] = min(tile[x], bounds[x] - state[START, x])
        _tabulate(state, strides, lowered, offsets)
        _find_live(state, offsets)
        _begin_tile(state)
        done, spent = _execute_tile(state, offsets, pes, flat_inputs, flat_weights, flat_outputs, flat_busy)
        macs += done
        cycles += spent
        if not _advance(state, TILE, TILES, DRAM_ORDER):
            return macs, cycles


@jit
def _initial_state(spatial: Ints, registers: Ints, dram_order: Ints, buffer_order: Ints, registers_order: Ints) -> Ints:
    """Return the state before the first tile, [row, dimension]."""
    state = np.zeros((STATE_ROWS, LENGTH + 1), np.int64)
    state[SPATIAL, :8] = spatial
    state[REGISTERS, :8] = registers
    for row, order in ((DRAM_ORDER, dram_order), (BUFFER_ORDER, buffer_order), (REGISTERS_ORDER, registers_order)):
        state[row, LENGTH] = len(order)
        state[row, : len(order)] = order
    return state


@jit
def _pe_offsets(rows: Ints, columns: Ints) -> Ints:
    """Return what each position of each dimension adds to the linear index of its PE, [dimension, position].

    Along each axis of the array the positions of the dimensions form a mixed-radix number, N first. A position of
    one dimension is row * columns + column.
    """
    table = np.zeros((8, np.max(rows * columns)), np.int64)
    column_stride, row_stride = 1, np.prod(columns)
    for x in range(7, -1, -1):
        for i in range(rows[x] * columns[x]):
            table[x, i] = i // columns[x] * row_stride + i % columns[x] * column_stride
        row_stride *= rows[x]
        column_stride *= columns[x]
    return table


@jit
def _address_strides(
    inputs: tuple[int, ...], weights: tuple[int, ...], outputs: tuple[int, ...], stride: Ints, dilation: Ints
) -> Ints:
    """Return how far one step of each dimension moves in each operand of the given shape, [dimension, operand]."""
    table = np.zeros((8, 3), np.int64)
    for operand, shape, order in (
        (INPUTS, inputs, (N, G, C, P, Q)),
        (WEIGHTS, weights, (G, K, C, R, S)),
        (OUTPUTS, outputs, (N, G, K, P, Q)),
    ):
        step = 1
        for i in range(4, -1, -1):
            table[order[i], operand] = step
            step *= shape[i]
    table[R, INPUTS] = dilation[0] * table[P, INPUTS]
    table[S, INPUTS] = dilation[1] * table[Q, INPUTS]
    table[P, INPUTS] *= stride[0]
    table[Q, INPUTS] *= stride[1]
    return table


@jit
def _longest(tile: Ints, lowered: bool) -> int:
    """Return the greatest extent that a dimension of a tile has on the array."""
    longest = 1
    for extent in tile:
        longest = max(longest, extent)
    if lowered:
        longest = max(longest, tile[C] * tile[R] * tile[S], tile[N] * tile[P] * tile[Q])
    return longest


@jit
def _tabulate(state: Ints, strides: Ints, lowered: bool, offsets: Ints) -> None:
    """Set the extents that the tile has on the array, and the offsets of every index within them.

    Lowered, C runs over (c, r, s) and P over (n, p, q), the first slowest, and N, Q, R, S vanish.
    """
    for x in range(8):
        _flatten(state, strides, offsets, x, (x, x, x), 1)
    if lowered:
        for x in (N, Q, R, S):
            state[BOUND, x] = 1
            offsets[x, 0] = 0
        _flatten(state, strides, offsets, C, (C, R, S), 3)
        _flatten(state, strides, offsets, P, (N, P, Q), 3)


@jit
def _flatten(state: Ints, strides: Ints, offsets: Ints, target: int, parts: tuple[int, int, int], count: int) -> None:
    """Tabulate dimension `target` of the array as the first `count` of `parts`, dimensions of the tile."""
    size = 1
    for j in range(count):
        size *= state[EXTENT, parts[j]]
    state[BOUND, target] = size
    for i in range(size):
        offsets[target, i] = 0
        rest = i
        for j in range(count - 1, -1, -1):
            x = parts[j]
            index = state[START, x] + rest % state[EXTENT, x]
            rest //= state[EXTENT, x]
            for operand in range(3):
                offsets[target, i, operand] += index * strides[x, operand]


@jit
def _find_live(state: Ints, offsets: Ints) -> None:
    """List the dimensions with more than one index in the tile, two at least, the widest on the array last.

    PEs work at once, so that their order is free: the last two make the inner loops, which should be long. The dead
    dimensions never leave index 0: their offsets are added to those of the last live one.
    """
    width = np.minimum(state[SPATIAL, :8], -(-state[BOUND, :8] // state[REGISTERS, :8]))
    order = np.argsort(2 * width + (state[BOUND, :8] > 1))
    last = order[7]
    dead = 0
    while dead < 6 and state[BOUND, order[dead]] == 1:
        for i in range(state[BOUND, last]):
            offsets[last, i] += offsets[order[dead], 0]
        dead += 1
    state[LIVE, : 8 - dead] = order[dead:]
    state[LIVE, LENGTH] = 6 - dead  # the outer ones


@jit
def _execute_tile(
    state: Ints, offsets: Ints, pes: Ints, inputs: Tensor, weights: Tensor, outputs: Ints, busy: Ints
) -> tuple[int, int]:
    """Run one tile cycle by cycle: every PE that has work does one MAC. Return MACs and cycles."""
    outer = state[LIVE, LENGTH]
    a, b = state[LIVE, outer], state[LIVE, outer + 1]
    a_stride, b_stride = state[REGISTERS, a], state[REGISTERS, b]
    macs = cycles = 0
    while True:
        _begin_cycle(state)
        while True:
            i0 = w0 = o0 = pe0 = 0
            for j in range(outer):
                x = state[LIVE, j]
                at = state[POSITION, x]
                index = state[FIRST, x] + at * state[REGISTERS, x]
                i0 += offsets[x, index, INPUTS]
                w0 += offsets[x, index, WEIGHTS]
                o0 += offsets[x, index, OUTPUTS]
                pe0 += pes[x, at]
            for at in range(state[ACTIVE, a]):
                index = state[FIRST, a] + at * a_stride
                i1 = i0 + offsets[a, index, INPUTS]
                w1 = w0 + offsets[a, index, WEIGHTS]
                o1 = o0 + offsets[a, index, OUTPUTS]
                pe1 = pe0 + pes[a, at]
                index = state[FIRST, b]
                for last in range(state[ACTIVE, b]):
                    i, w = i1 + offsets[b, index, INPUTS], w1 + offsets[b, index, WEIGHTS]
                    outputs[o1 + offsets[b, index, OUTPUTS]] += np.int64(inputs[i]) * np.int64(weights[w])
                    busy[pe1 + pes[b, last]] += 1
                    index += b_stride
                macs += state[ACTIVE, b]
            if not _advance(state, POSITION, ACTIVE, LIVE):
                break
        cycles += 1
        if not _next_cycle(state):
            return macs, cycles


@jit
def _begin_tile(state: Ints) -> None:
    """Count the array steps that each dimension of the tile takes."""
    for i in range(state[BUFFER_ORDER, LENGTH]):
        x = state[BUFFER_ORDER, i]
        state[STEPS, x] = -(-state[BOUND, x] // (state[SPATIAL, x] * state[REGISTERS, x]))
    _begin_step(state)


@jit
def _begin_step(state: Ints) -> None:
    """Find the step's first indices, and how many registers of the fullest PE, the first, have work."""
    for x in range(8):
        state[BASE, x] = state[STEP, x] * state[SPATIAL, x] * state[REGISTERS, x]
    for i in range(state[REGISTERS_ORDER, LENGTH]):
        x = state[REGISTERS_ORDER, i]
        state[REGISTER_LOOPS, x] = min(state[REGISTERS, x], state[BOUND, x] - state[BASE, x])


@jit
def _begin_cycle(state: Ints) -> None:
    """Find the first index of each dimension, and how many of its positions have one within the tile."""
    for i in range(state[LIVE, LENGTH] + 2):
        x = state[LIVE, i]
        first = state[BASE, x] + state[REGISTER, x]
        left, stride, active = state[BOUND, x] - first, state[REGISTERS, x], state[SPATIAL, x]
        if left <= (active - 1) * stride:
            active = -(-left // stride)
        state[FIRST, x] = first
        state[ACTIVE, x] = active


@jit
def _next_cycle(state: Ints) -> bool:
    """Step the loops inside the PEs, and when they are through, the loops over array steps; False at the end."""
    if _advance(state, REGISTER, REGISTER_LOOPS, REGISTERS_ORDER):
        return True
    more: bool = _advance(state, STEP, STEPS, BUFFER_ORDER)
    _begin_step(state)
    return more


@jit
def _advance(state: Ints, counter: int, limit: int, order: int) -> bool:
    """Step an odometer whose last wheel in `order` turns fastest; return False once it is back at zero.

    `counter`, `limit` and `order` are rows of the state.
    """
    for i in range(state[order, LENGTH] - 1, -1, -1):
        x = state[order, i]
        state[counter, x] += 1
        if state[counter, x] < state[limit, x]:
            return True
        state[counter, x] = 0
    return False
