"""Run matrix products on the arrays: cut them into folds, and stand in for the buffer at the array's edges."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from amaranth.sim import Simulator

from tests.oracle.rtl.arrays import OutputStationaryArray, TwoWeightsArray, WeightStationaryArray

WORDS, SUMS = np.dtype("i1"), np.dtype("<i4")  # as wide as in `cells`, the lowest lane first


@dataclass(frozen=True)
class Ran:
    """The products as the array computed them, and the clock edges that all together took."""

    products: list[np.ndarray]
    cycles: int


@dataclass(frozen=True)
class Fold:
    """What enters from the left [step, row] and from above, and where results go; edge folds filled up with zeros."""

    left: np.ndarray
    above: np.ndarray
    results: np.ndarray


class Bench:
    """An array under simulation: elaborated once, reset for every run."""

    def __init__(self, array):
        self.array, self.folds, self.cycles = array, [], None
        self.simulator = Simulator(array)
        self.simulator.add_clock(1e-9)
        self.simulator.add_testbench(self.serve)

    def run(self, products):
        """Multiply pairs of matrices of bytes, [M, K] x [K, N], one pair after the other without a pause."""
        cut = [self.cut(left, right) for left, right in products]
        self.folds = [fold for _, folds in cut for fold in folds]
        if self.cycles is not None:
            self.simulator.reset()
        self.simulator.run()
        shapes = [(len(left), right.shape[1]) for left, right in products]
        return Ran([results[:m, :n] for (results, _), (m, n) in zip(cut, shapes, strict=True)], self.cycles)

    async def serve(self, ctx):
        """Play the buffer, cycle by cycle, until the sequencer has worked off all folds."""
        sequencer = self.array.sequencer
        self.start()
        ctx.set(sequencer.folds, len(self.folds))
        while True:
            self.collect(ctx)
            if ctx.get(sequencer.done) == len(self.folds):
                break
            if (fold := ctx.get(sequencer.fold)) < len(self.folds):
                ctx.set(sequencer.steps, len(self.folds[fold].left))
            self.feed(ctx, sequencer)
            await ctx.tick()
        self.cycles = ctx.get(sequencer.cycles)


class OutputStationaryBench(Bench):
    """Rows of the product on the rows of the array, its columns on the columns."""

    def cut(self, left, right):
        rows, columns = self.array.rows, self.array.columns
        left, right = filled_up(left, rows, 1), filled_up(right, 1, columns)
        results = np.zeros((len(left), right.shape[1]), SUMS)
        down, across = parts(len(left), rows), parts(right.shape[1], columns)
        return results, [Fold(left[i].T, right[:, j], results[i, j]) for i in down for j in across]

    def start(self):
        self.collected = 0

    def collect(self, ctx):
        """Read the sums that a finished fold has left, before the first products of the next replace them."""
        if ctx.get(self.array.sequencer.done) > self.collected:
            self.folds[self.collected].results[...] = [[ctx.get(cell) for cell in row] for row in self.array.results]
            self.collected += 1

    def feed(self, ctx, sequencer):
        if ctx.get(sequencer.stream.valid):
            fold, step = self.folds[ctx.get(sequencer.fold)], ctx.get(sequencer.step)
            put(ctx, self.array.inputs, fold.left[step])
            put(ctx, self.array.weights, fold.above[step])


class WeightStationaryBench(Bench):
    """Rows of the right matrix on the rows of the array, its columns on the columns."""

    def cut(self, left, right):
        rows, columns = self.array.rows, self.array.columns
        left, right = filled_up(left, 1, rows), filled_up(right, rows, columns)
        results = np.zeros((len(left), right.shape[1]), SUMS)
        inner, across = parts(len(right), rows), parts(right.shape[1], columns)
        return results, [Fold(left[:, k], right[k, j], results[:, j]) for j in across for k in inner]

    def start(self):
        self.leaving = [(fold.results, step) for fold in self.folds for step in range(len(fold.left))]
        self.left = [0] * self.array.columns
        self.entering = [self.leaving[0]] * self.array.columns

    def collect(self, ctx):
        """Write the sums that left the columns with the last edge; each column's leave in the order of the steps."""
        for j, (cell, valid) in enumerate(self.array.results):
            if ctx.get(valid):
                results, step = self.leaving[self.left[j]]
                results[step, j] = ctx.get(cell)
                self.left[j] += 1

    def feed(self, ctx, sequencer):
        if ctx.get(sequencer.shift):
            weights = self.folds[ctx.get(sequencer.fills)].above
            put(ctx, self.array.weights, weights[len(weights) - 1 - ctx.get(sequencer.row)])
        if ctx.get(sequencer.stream.valid):
            fold, step = self.folds[ctx.get(sequencer.fold)], ctx.get(sequencer.step)
            put(ctx, self.array.inputs, fold.left[step])
            self.entering[0] = fold.results, step
        put(ctx, self.array.sums, np.array([results[step, j] for j, (results, step) in enumerate(self.entering)], SUMS))
        self.entering = [self.entering[0], *self.entering[:-1]]


def filled_up(matrix, rows, columns):
    """Return a matrix of bytes with zeros behind it, so that its extents are multiples of rows and columns."""
    height, width = matrix.shape
    return np.pad(matrix.astype(WORDS), ((0, -height % rows), (0, -width % columns)))


def parts(extent, part):
    return [slice(start, start + part) for start in range(0, extent, part)]


def put(ctx, edge, words):
    """Put a word on each lane of an edge."""
    ctx.set(edge.as_value(), int.from_bytes(words.tobytes(), "little"))


@cache
def output_stationary(rows, columns):
    return OutputStationaryBench(OutputStationaryArray(rows, columns))


@cache
def weight_stationary(rows, columns):
    return WeightStationaryBench(WeightStationaryArray(rows, columns))


@cache
def two_weights(rows, columns):
    return WeightStationaryBench(TwoWeightsArray(rows, columns))
