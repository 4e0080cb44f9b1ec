"""Systolic arrays, register by register: what every PE holds is one array, a clock cycle one shift of all of them.

Operands enter at the edges as a wave front, lane i being i cycles late, and pass from PE to PE until they leave at the
far edge. Lanes without data carry zeros. A fold is over when the wave has left the last PE.
"""

import numpy as np


def output_stationary(left, right, rows, columns):
    """Return left [M, K] x right [K, N] and the cycles it takes: sums stay in the PEs, both operands pass through."""
    product, cycles = np.zeros((len(left), right.shape[1]), np.int64), 0
    for i in range(0, len(left), rows):
        for j in range(0, right.shape[1], columns):
            block, above = left[i : i + rows], right[:, j : j + columns]
            sums, taken = accumulate(padded(block, rows), padded(above.T, columns))
            product[i : i + rows, j : j + columns] = sums[: len(block), : above.shape[1]]
            cycles += taken
    return product, cycles


def weight_stationary(left, right, rows, columns):
    """Return left [M, K] x right [K, N] and the cycles it takes: weights stay in the PEs, sums run down the columns."""
    product, cycles = np.zeros((len(left), right.shape[1]), np.int64), 0
    for k in range(0, len(right), rows):
        for j in range(0, right.shape[1], columns):
            block = right[k : k + rows, j : j + columns]
            weights, loading = shift_in(padded(block, rows, columns))
            sums, taken = pour(padded(left[:, k : k + rows].T, rows), weights)
            product[:, j : j + columns] += sums[:, : block.shape[1]]
            cycles += loading + taken
    return product, cycles


def input_stationary(left, right, rows, columns):
    """Return left [M, K] x right [K, N] and the cycles it takes: the same array with the operands exchanged."""
    product, cycles = weight_stationary(right.T, left.T, rows, columns)
    return product.T, cycles


def padded(block, rows, columns=0):
    """Fill a block up with zeros to so many rows and, unless it may be of any width, columns."""
    height, width = block.shape
    return np.pad(block.astype(np.int64), ((0, rows - height), (0, max(0, columns - width))))


def entering(lanes, cycle):
    """What enters each lane in a cycle, and whether it is data: lane i is i cycles late."""
    steps = cycle - np.arange(len(lanes))
    valid = (steps >= 0) & (steps < lanes.shape[1])
    return np.where(valid, lanes[np.arange(len(lanes)), np.clip(steps, 0, lanes.shape[1] - 1)], 0), valid


def moved(registers, edge, axis):
    """Every word moves one PE along the axis; what stands at the edge takes the first place."""
    shifted = np.roll(registers, 1, axis)
    if axis == 0:
        shifted[0] = edge
    else:
        shifted[:, 0] = edge
    return shifted


def accumulate(lefts, aboves):
    """Multiply and add in place until the last pair has met in the far corner: lefts [rows, T], aboves [columns, T]."""
    shape = len(lefts), len(aboves)
    left, above, sums = (np.zeros(shape, np.int64) for _ in range(3))
    busy, met, cycle = np.zeros(shape, bool), 0, 0
    while met < lefts.shape[1]:
        words, valid = entering(lefts, cycle)
        left, busy = moved(left, words, 1), moved(busy, valid, 1)
        above = moved(above, entering(aboves, cycle)[0], 0)
        sums += left * above
        met += int(busy[-1, -1])
        cycle += 1
    return sums, cycle


def shift_in(block):
    """Shift a block of weights in from above, the last row first; return what the PEs hold then, and the cycles."""
    weights, cycle = np.zeros(block.shape, np.int64), 0
    for row in block[::-1]:
        weights = moved(weights, row, 0)
        cycle += 1
    return weights, cycle


def pour(lefts, weights):
    """Let inputs [rows, T] pass over resting weights; return the sums [T, columns] that leave below, and the cycles."""
    left, sums, busy = (np.zeros(weights.shape, kind) for kind in (np.int64, np.int64, np.bool_))
    leaving, cycle = [[] for _ in weights[0]], 0
    while len(leaving[-1]) < lefts.shape[1]:
        words, valid = entering(lefts, cycle)
        left, busy = moved(left, words, 1), moved(busy, valid, 1)
        sums = moved(sums, 0, 0) + left * weights
        for column in np.flatnonzero(busy[-1]):
            leaving[column].append(sums[-1, column])
        cycle += 1
    return np.array(leaving).T, cycle
