"""What the timeline plays: ops as runs of equal tiles, and the port they stream through."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor of an op in off-chip memory, where banks and rows are played: runs of its tiles lie a pitch apart."""

    size_bytes: int
    pitch_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a tile moves of a tensor, by its place among those of the op: bytes in so many runs of addresses."""

    tensor: int
    size_bytes: int
    runs: int


Stretches = tuple[Stretch, ...]

AHEAD = -1
"""The last tensor of an op: the next one's weights, where they come ahead."""


@dataclass(frozen=True, slots=True)
class TileRun:
    """`count` equal tiles in a row: cycles on the DRAM port to load one, to compute it, to store it (0: none).

    `deeper_cycles` load what has slots of its own, and more of them. Bytes are those that cross the port meanwhile;
    where banks and rows are played, they are told by tensor.
    """

    load_cycles: int
    compute_cycles: int
    store_cycles: int
    count: int = 1
    deeper_cycles: int = 0
    load_bytes: int = 0
    store_bytes: int = 0
    deeper_bytes: int = 0
    load: Stretches = ()
    store: Stretches = ()
    deeper: Stretches = ()

    def __post_init__(self) -> None:
        if min(self.load_cycles, self.compute_cycles, self.store_cycles, self.deeper_cycles) < 0 or self.count < 1:
            raise ValueError(f"a run has at least one tile, and no tile takes negative cycles: {self}")


@dataclass(frozen=True, slots=True)
class PortSpec:
    """The way between DRAM and array, as one layer sees it.

    `slots`: tiles whose inputs the buffer holds (2: double-buffered, 1: not); `out_slots`: tiles whose outputs it
    holds. `channels`: DMA channels for loads, and as many for stores. `latency_cycles`: from the issue of a transaction
    to its first word. `prefetch_cycles`: port cycles to load the next layer's weights after this layer's last tile (0:
    none), and `prefetch_bytes` what these are. `deeper_slots`: as `slots`, for the loads of the operand with deeper
    buffering.
    """

    slots: int
    out_slots: int
    channels: int
    latency_cycles: int
    prefetch_cycles: int = 0
    deeper_slots: int = 1
    prefetch_bytes: int = 0

    def __post_init__(self) -> None:
        if (
            min(self.slots, self.out_slots, self.channels, self.deeper_slots) < 1
            or min(self.latency_cycles, self.prefetch_cycles) < 0
        ):
            raise ValueError(f"a port has a slot, a channel and no negative cycles: {self}")


@dataclass(frozen=True, slots=True)
class OpTiles:
    """An op in play: its tiles in order, the port as it sees it, and what computes them (`block`).

    `setup_cycles` pass before its tiles begin. Behind the array the vector unit works for `added_cycles`, from the
    cycle `added_from` of the op's tiles on. Where ops overlap with their neighbours (`apart`), loads and work do not
    wait for one another: each is busy by itself. An op of a stack is in play once for each `strip`, which has a name of
    its own. `tensors` are those that its tiles move, where banks and rows are played. Of several cores, `core` runs
    it; `array_waits` tells of the vector unit behind the array.
    """

    name: str
    block: str
    runs: tuple[TileRun, ...]
    port: PortSpec
    setup_cycles: int = 0
    added_cycles: int = 0
    added_from: int = 0
    apart: bool = False
    strip: str = ""
    tensors: tuple[Placed, ...] = ()
    core: int | None = None
    array_waits: bool = False

    @property
    def tiles(self) -> int:
        """How many tiles it has."""
        return sum(run.count for run in self.runs)


def exposed_cycles(behind_cycles: int, array_cycles: int, tiles: int, *, array_waits: bool) -> int:
    """Cycles that the vector unit takes behind the array beyond those of the array, or all where the array waits.

    A tile's outputs are worked on while the array makes the next one's. Of n tiles alike, that take a on the array
    and v behind it, the slower begins or ends alone: max(n a, n v) + min(a, v), as Arm's estimator has it (Vela,
    npu_performance.py: blocks of the array and of its output stage).
    """
    if array_waits or not behind_cycles:
        return behind_cycles
    return max(0, behind_cycles - array_cycles) - (-min(array_cycles, behind_cycles) // tiles)
