"""A schedule as a user writes it."""

from typing import Annotated, Literal

from pydantic import Field

from simulator.source.fields import Count, CountOrZero, Written

LayerName = Annotated[str, Field(min_length=1, max_length=500)]


class WrittenStack(Written):
    """Ops that run strip by strip; see `simulator.schedule.stacks.Stack`."""

    ops: Annotated[list[LayerName], Field(min_length=2)]
    strip_rows: Count
    weights: Literal["held", "reloaded"] = "held"
    overlap: Literal["kept", "recomputed"] = "kept"


class WrittenParts(Written):
    """Addresses of what a stack has of an op in the activations' memory."""

    line: CountOrZero | None = None
    rows: CountOrZero | None = None
    weights: CountOrZero | None = None


class WrittenSchedule(Written):
    """A schedule file: ops in the order in which they run, stacks, and addresses of what stays on chip."""

    order: list[LayerName]
    stacks: list[WrittenStack] = Field(default_factory=list)
    kept: dict[LayerName, CountOrZero] = Field(default_factory=dict)
    parts: dict[LayerName, WrittenParts] = Field(default_factory=dict)
    weights: dict[LayerName, CountOrZero] = Field(default_factory=dict)
