"""Spell the loop dimensions and operands of every loop nest, once.

A convolution is the nest (outermost first, as the enumeration orders it)

    for n, g, k, c, p, q, r, s:
        outputs[n, g, k, p, q] += weights[g, k, c, r, s]
                                * inputs[n, g, c, p*stride + r*dilation - pad, q*stride + s*dilation - pad]

with K and C counted per group; a depthwise convolution has G channels and K = C = 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import prod


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

RELEVANT: dict[Operand, frozenset[Dim]] = {
    Operand.INPUTS: frozenset({Dim.N, Dim.G, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S}),
    Operand.WEIGHTS: frozenset({Dim.G, Dim.K, Dim.C, Dim.R, Dim.S}),
    Operand.OUTPUTS: frozenset({Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q}),
}
"""Dimensions that index each operand; the others reuse it."""

REDUCTION = frozenset({Dim.C, Dim.R, Dim.S})
"""Dimensions summed away in the outputs."""


@dataclass(frozen=True, slots=True)
class LoopNest:
    """Bounds of the loops N G K C P Q R S and the index arithmetic of the inputs.

    `bounds` follows `Dim`. `stride` and `dilation` are (vertical, horizontal), `padding` is
    (top, left, bottom, right), `input_size` is the unpadded (height, width).
    """

    bounds: tuple[int, int, int, int, int, int, int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    input_size: tuple[int, int] = (1, 1)

    @property
    def macs(self) -> int:
        """Dense multiply-accumulates, those on padding included."""
        return prod(self.bounds)


def array_bounds(extents: Sequence[int], lowered: bool) -> tuple[int, ...]:
    """Extents as the array sees them: lowered to a matrix product [N*P*Q, C*R*S] x [C*R*S, K], or their own."""
    if not lowered:
        return tuple(extents)
    n, g, k, c, p, q, r, s = extents
    return (1, g, k, c * r * s, n * p * q, 1, 1, 1)


def footprint(nest: LoopNest, tile: Sequence[int], operand: Operand, lowered: bool = False) -> int:
    """Words of an operand in a tile; inputs as a box with their padding, or a matrix if the tile is one.

    >>> footprint(LoopNest((1, 1, 8, 4, 7, 7, 3, 3)), (1, 1, 8, 4, 2, 7, 3, 3), Operand.INPUTS)
    144
    """
    n, g, k, c, p, q, r, s = tile
    if operand is Operand.WEIGHTS:
        return g * k * c * r * s
    if operand is Operand.OUTPUTS:
        return n * g * k * p * q
    if lowered:
        return g * c * p
    rows = (p - 1) * nest.stride[0] + (r - 1) * nest.dilation[0] + 1
    columns = (q - 1) * nest.stride[1] + (s - 1) * nest.dilation[1] + 1
    return n * g * c * rows * columns
