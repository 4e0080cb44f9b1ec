"""Off-chip memory with banks and rows, as timelines play it: where tensors lie, and how long transactions take."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from random import Random

from simulator.hardware.model import Pages
from simulator.timing.tiles import Placed, Stretch


@dataclass(frozen=True, slots=True)
class DramUse:
    """What crossed the port of an off-chip memory with banks and rows, and for how long it was at work with that."""

    type: str
    channels: int
    peak_bytes_per_s: int
    size_bytes: int
    busy_s: float

    @property
    def bytes_per_s(self) -> float:
        """Effective bandwidth: bytes by the time that the port was at work."""
        return self.size_bytes / self.busy_s if self.busy_s else 0.0

    def __str__(self) -> str:
        """Tell the effective bandwidth in a line."""
        share, channels = self.bytes_per_s / self.peak_bytes_per_s, "channel" if self.channels == 1 else "channels"
        moved = f"{self.bytes_per_s / 1e9:.3g} of {self.peak_bytes_per_s / 1e9:.3g} GB/s ({share:.1%})"
        return f"{self.type}, {self.channels} {channels}, open pages: {moved} while its port is at work"


EVERYWHERE, ENOUGH = 1 << 32, 1 << 19
"""Bytes over which runs lie scattered, and how many are read."""


def share_of_peak(pages: Pages, run_bytes: int) -> float:
    """Return the share of the bandwidth at which runs of so many bytes are read that lie anywhere."""
    memory, clock_hz, places = OpenPages(pages, 10**12), 10**12, Random(0)
    runs = [
        (places.randrange(EVERYWHERE // run_bytes) * run_bytes, run_bytes, 0, 1) for _ in range(ENOUGH // run_bytes)
    ]
    return len(runs) * run_bytes * clock_hz / memory.serve(runs, 0, write=False) / pages.bandwidth


class OpenPages:
    """A memory with banks and rows behind the DRAM port, of which open rows stay so.

    A tensor's tiles follow one another: each begins where the first run of the one before ended, and its runs lie a
    pitch apart. Tensors of an op lie one after the other, each from a row of its own on.
    """

    def __init__(self, pages: Pages, clock_hz: int) -> None:
        from simulator.cost.convert import record
        from simulator.cost.pages import DRAM, closed_banks

        kind, channels = pages.kind, pages.channels
        self.cycle_ps = Fraction(10**12, clock_hz)
        self.pages, self.next_byte, self.size_bytes, self.busy_cycles = pages, 0, 0, 0
        names = [name for name in DRAM.names or () if name not in ("channels", "burst_ps")]
        burst_ps = round(Fraction(kind.burst_bytes * channels * 10**12, pages.bandwidth))
        told = {name: getattr(kind, name) for name in names}
        self.dram = record(DRAM, channels=channels, burst_ps=burst_ps, **told)
        self.banks = closed_banks(self.dram)

    def place(self, tensors: Sequence[Placed]) -> list["Cursor"]:
        """Give each tensor of an op a place behind all before it."""
        cursors, aligned = [], self.pages.kind.row_bytes * self.pages.channels
        for tensor in tensors:
            cursors.append(Cursor(self.next_byte, tensor))
            self.next_byte += -(-tensor.size_bytes // aligned) * aligned
        return cursors

    def serve(self, runs: Sequence[tuple[int, int, int, int]], issued: int, *, write: bool) -> int:
        """Return the cycle in which all data of a transaction have crossed that was issued in another."""
        from simulator.cost.pages import Runs, serve_runs

        begin = end = int(issued * self.cycle_ps)
        for each in runs:
            end = max(end, serve_runs(self.dram, self.banks, Runs(*each), begin, int(write)))
        return ceil(end / self.cycle_ps)

    def count(self, size_bytes: int, cycles: int) -> None:
        """Count bytes that took the port for so long."""
        self.size_bytes += size_bytes
        self.busy_cycles += cycles

    @property
    def use(self) -> DramUse:
        """What was moved so far."""
        pages, busy_s = self.pages, float(self.busy_cycles * self.cycle_ps / 10**12)
        return DramUse(pages.type, pages.channels, pages.bandwidth, self.size_bytes, busy_s)


@dataclass(slots=True)
class Cursor:
    """Where the next tile of a tensor begins."""

    begin: int
    tensor: Placed
    moved: int = 0

    def take(self, stretch: Stretch) -> tuple[int, int, int, int]:
        """Return the runs of a tile: the first address, bytes of each, their pitch, and how many they are."""
        runs, whole = stretch.runs, self.tensor.size_bytes
        length = -(-stretch.size_bytes // runs)
        first = self.begin + self.moved % whole
        self.moved += length
        return first, length, max(length, min(self.tensor.pitch_bytes, whole // runs)), runs
