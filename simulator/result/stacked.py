"""What a run says of ops that ran strip by strip: fields are keys of its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from simulator.result.run import LayerResult


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """What an op leaves of its outputs, where that stays on chip until another op reads it last."""

    address: int  # in the activations' memory
    size_bytes: int
    read_last_by: str


@dataclass(frozen=True, slots=True)
class StackPart:
    """What a stack has of an op in the activations' memory while another runs: see `simulator.schedule.stacks`."""

    part: Literal["whole", "line", "rows", "weights", "frames"]
    address: int
    size_bytes: int
    made_by: str  # the first op that it is there for
    read_last_by: str


@dataclass(frozen=True, slots=True)
class StripShape:
    """Strips of an op that are alike, named after the rows that the first of them makes."""

    name: str
    times: int
    mapping: Mapping[str, object] | None  # as a mapping file holds it


@dataclass(frozen=True, slots=True)
class StackedResult:
    """How an op ran in a stack: which ops that is, in how many strips, and what these were.

    The last op makes `strip_rows` in each. `weights` of all ops are "held" in the memory, or "reloaded" by each strip.
    Rows that strips share are "kept", or "recomputed": of its outputs, before what is fused, the op makes `again_rows`
    more than there are, in all strips together.
    """

    first: str
    last: str
    strip_rows: int
    strips: int
    weights: Literal["held", "reloaded"]
    parts: tuple[StackPart, ...]
    shapes: tuple[StripShape, ...]
    overlap: Literal["kept", "recomputed"] = "kept"
    again_rows: int = 0


def dense_macs(layer: "LayerResult") -> int:
    """Return the MACs of a layer with those of rows that its strips make again, before zero weights are skipped."""
    again = layer.stacked.again_rows if layer.stacked else 0
    return layer.macs + layer.macs * again // layer.output_shape[2]
