"""Systolic arrays that work off the folds of a matrix product, and what their clock edges count.

A fold is the block of a product that the array does at once. The first edge that counts ends the cycle in which the
first operand, or the first weights to be preloaded, stand at the array's edge; the last one writes the last product of
the last fold into a register. Beyond that edge the buffer finds every result in a register of the array.

- Output stationary: inputs enter from the left and weights from above, lane i being i cycles late. A fold is over when
  the PE at the far corner has added the last product to its sum. Sums are left in place, for the buffer to read.
- Weight stationary: weights are shifted down from above, those of the last row first. Then inputs enter from the left,
  row i being i cycles late, while sums run down the columns; those of earlier folds enter from above, so that folds add
  up. A fold is over when the PE at the far corner has added its product to the last sum.
- Weight stationary with two weights a PE: the next fold's weights come while this one's are in use, and its inputs
  follow this one's. Only before the first fold does the array wait for weights, and it runs empty after the last only.

Edge folds take as long as full ones: the wave crosses the whole array, with zeros where there is nothing to multiply.
"""

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.data import ArrayLayout

from tests.oracle.rtl.cells import (
    SUM,
    WORD,
    Operand,
    OutputStationaryPE,
    TwoWeightsPE,
    Weight,
    WeightStationaryPE,
    lanes,
    skewed,
)
from tests.oracle.rtl.sequencers import OverlapSequencer, PreloadSequencer, Sequencer


class OutputStationaryArray(Elaboratable):
    """`inputs` [rows] and `weights` [columns] stand at the edges; `results` [rows][columns] are the sums that stay."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.sequencer = Sequencer()
        self.inputs, self.weights = Signal(ArrayLayout(WORD, rows)), Signal(ArrayLayout(WORD, columns))
        self.results = []

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = self.sequencer
        stream = self.sequencer.stream
        operands = lanes(m, Operand, self.inputs, valid=stream.valid, first=stream.first, last=stream.last)
        aboves = skewed(m, [self.weights[j] for j in range(self.columns)])
        for i, left in enumerate(skewed(m, operands)):
            pes = []
            for j, above in enumerate(aboves):
                m.submodules[f"pe_{i}_{j}"] = pe = OutputStationaryPE(left, above)
                left, aboves[j] = pe.right, pe.below
                pes.append(pe)
            self.results.append([pe.sum for pe in pes])
        m.d.comb += self.sequencer.finished.eq(pes[-1].left.last)
        return m


class WeightStationaryArray(Elaboratable):
    """`inputs` [rows], `weights` and `sums` [columns] stand at the edges; `results` are (sum, valid) by column.

    A column takes its sums as many cycles late as there are columns before it.
    """

    pe = WeightStationaryPE
    sequenced_by = PreloadSequencer

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.sequencer = self.sequenced_by(rows)
        self.inputs, self.weights = Signal(ArrayLayout(WORD, rows)), Signal(ArrayLayout(WORD, columns))
        self.sums = Signal(ArrayLayout(SUM, columns))
        self.results = []

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = self.sequencer
        stream = self.sequencer.stream
        operands = lanes(m, Operand, self.inputs, valid=stream.valid, first=stream.first, last=stream.last)
        weights = self.arriving(m, lanes(m, Weight, self.weights, shift=self.sequencer.shift))
        sums = [self.sums[j] for j in range(self.columns)]
        for i, left in enumerate(skewed(m, operands)):
            pes = []
            for j in range(self.columns):
                m.submodules[f"pe_{i}_{j}"] = pe = self.pe(left, sums[j], weights[j])
                left, sums[j], weights[j] = pe.right, pe.sum, pe.weight_below
                pes.append(pe)
        self.results = [(pe.sum, pe.right.valid) for pe in pes]
        m.d.comb += self.sequencer.finished.eq(pes[-1].left.last)
        return m

    def arriving(self, m, weights):
        """The weights of a row enter all columns at once."""
        return weights


class TwoWeightsArray(WeightStationaryArray):
    """Likewise, with two weights a PE."""

    pe = TwoWeightsPE
    sequenced_by = OverlapSequencer

    def arriving(self, m, weights):
        """The weights of a row enter column j when its operands do, j cycles late."""
        return skewed(m, weights)
