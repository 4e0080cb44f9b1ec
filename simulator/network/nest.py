"""The loop nest of a convolution, fully connected layer or matrix product."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class LoopNest:
    """Bounds of the loops N G K C P Q R S and the index arithmetic of the inputs.

    `bounds` follows `simulator.dims.Dim`. `stride` and `dilation` are (vertical, horizontal), `padding` is
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
