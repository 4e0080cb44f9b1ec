"""Types of the parameters that networks take; each says which values are allowed."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a number, both allowed."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The numbers that are allowed."""

    values: tuple[float, ...]


Width = Annotated[float, Between(0.1, 10.0)]
"""Factor on the number of channels."""

Resolution = Annotated[int, Between(32, 4096)]
"""Height and width of the input, pixels."""

Groups = Annotated[int, Between(1, 64)]
"""Groups of a grouped convolution."""

Classes = Annotated[int, Between(1, 1_000_000)]
"""Outputs of a classifier."""
