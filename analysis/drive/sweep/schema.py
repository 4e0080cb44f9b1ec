"""A plan of a sweep as a user writes it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from simulator.hardware.schema import unique
from simulator.source import Rejected
from simulator.source.fields import Name, Written

MOST_POINTS = 1_000_000


def _distinct(values: list[JsonValue]) -> list[JsonValue]:
    for i, value in enumerate(values):
        if any(value == other and type(value) is type(other) for other in values[:i]):
            raise Rejected("given twice", "each value once", path=(i,))
    return values


Names = Annotated[list[Name], Field(min_length=1), AfterValidator(unique)]
Choices = Annotated[list[JsonValue], Field(min_length=1), AfterValidator(_distinct)]


class WrittenSamples(Written):
    """Some of the combinations instead of all: spread evenly, the same for the same seed."""

    method: Literal["latin_hypercube", "sobol"]
    points: int = Field(ge=1, le=MOST_POINTS)
    seed: int = Field(default=0, ge=0, le=2**32 - 1)


class WrittenPlan(Written):
    """Machines, networks, and the values that each axis takes; every combination is a point, or a sample of them."""

    machines: Names
    networks: Names
    axes: dict[str, Choices] = Field(default_factory=dict)
    samples: WrittenSamples | None = None
    derived: dict[str, str] = Field(default_factory=dict)
    constraints: list[str] = Field(default_factory=list)
