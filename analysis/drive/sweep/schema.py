"""A plan of a sweep as a user writes it."""

from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from simulator.hardware.schema import unique
from simulator.source import Rejected
from simulator.source.fields import Name, Written


def _distinct(values: list[JsonValue]) -> list[JsonValue]:
    for i, value in enumerate(values):
        if any(value == other and type(value) is type(other) for other in values[:i]):
            raise Rejected("given twice", "each value once", path=(i,))
    return values


Names = Annotated[list[Name], Field(min_length=1), AfterValidator(unique)]
Choices = Annotated[list[JsonValue], Field(min_length=1), AfterValidator(_distinct)]


class WrittenPlan(Written):
    """Machines, networks, and the values that each axis takes; every combination is a point."""

    machines: Names
    networks: Names
    axes: dict[str, Choices] = Field(default_factory=dict)
