"""Spell the loop dimensions and operands of every loop nest, once.

A convolution is the nest (outermost first, as the enumeration orders it)

    for n, g, k, c, p, q, r, s:
        outputs[n, g, k, p, q] += weights[g, k, c, r, s]
                                * inputs[n, g, c, p*stride + r*dilation - pad, q*stride + s*dilation - pad]

with K and C counted per group; a depthwise convolution has G channels and K = C = 1.
"""

from enum import IntEnum


class Dim(IntEnum):
    """A loop dimension; its value indexes every length-8 array of bounds or tile sizes."""

    N = 0  # batch
    G = 1  # group
    K = 2  # output channel in the group
    C = 3  # input channel in the group
    P = 4  # output row
    Q = 5  # output column
    R = 6  # filter row
    S = 7  # filter column


class Operand(IntEnum):
    """One of the three tensors of a layer; outputs are partial sums while they accumulate."""

    INPUTS = 0
    WEIGHTS = 1
    OUTPUTS = 2


OPERAND_NAMES = ("inputs", "weights", "outputs")
LEVEL_NAMES = ("dram", "buffer", "array", "rf")

RELEVANT: dict[Operand, frozenset[Dim]] = {
    Operand.INPUTS: frozenset({Dim.N, Dim.G, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S}),
    Operand.WEIGHTS: frozenset({Dim.G, Dim.K, Dim.C, Dim.R, Dim.S}),
    Operand.OUTPUTS: frozenset({Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q}),
}
"""Dimensions that index each operand; the others reuse it."""

REDUCTION = frozenset({Dim.C, Dim.R, Dim.S})
"""Dimensions summed away in the outputs."""
