"""A schedule as a user writes it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

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


class WrittenSplit(Written):
    """How an op is cut over cores, as many as the machine has unless said otherwise; a word alone is what is cut."""

    by: Literal["filters", "rows", "samples"]
    cores: Count | None = None


def _in_full(value: object) -> object:
    return {"by": value} if isinstance(value, str) else value


class WrittenSchedule(Written):
    """A schedule file: ops in the order in which they run, stacks, and addresses of what stays on chip.

    `cores`: what several do together; `split` cuts ops over them, and in a `pipeline` each begins with one of the ops.
    """

    order: list[LayerName]
    stacks: list[WrittenStack] = Field(default_factory=list)
    kept: dict[LayerName, CountOrZero] = Field(default_factory=dict)
    parts: dict[LayerName, WrittenParts] = Field(default_factory=dict)
    weights: dict[LayerName, CountOrZero] = Field(default_factory=dict)
    cores: Literal["split", "pipelined", "frames"] | None = None
    split: dict[LayerName, Annotated[WrittenSplit, BeforeValidator(_in_full)]] = Field(default_factory=dict)
    pipeline: list[LayerName] = Field(default_factory=list)
