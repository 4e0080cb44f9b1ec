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


class WrittenSearch(Written):
    """What `simulate search` looks for among the combinations, how, and how long."""

    objectives: Annotated[list[str], Field(min_length=1, max_length=6)]
    sampler: Literal["nsga2", "nsga3", "tpe", "random"] = "nsga2"
    trials: int = Field(default=200, ge=1, le=100_000)
    population: int = Field(default=50, ge=2, le=10_000)
    seed: int = Field(default=0, ge=0, le=2**32 - 1)


class WrittenPlan(Written):
    """Machines, networks, and the values that each axis takes; every combination is a point, or a sample of them."""

    machines: Names
    networks: Names
    axes: dict[str, Choices] = Field(default_factory=dict)
    samples: WrittenSamples | None = None
    derived: dict[str, str] = Field(default_factory=dict)
    constraints: list[str] = Field(default_factory=list)
    search: WrittenSearch | None = None
    accuracy: Annotated[dict[Literal["command", "csv", "function"], str], Field(min_length=1, max_length=1)] | None = (
        None
    )
