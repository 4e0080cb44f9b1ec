"""Banks and rows of off-chip memory by their commands: each burst's are as early as all commands before them allow."""

from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.hardware.dram_types import DramType


class Opened(NamedTuple):
    """A row that was opened, after so many refreshes."""

    time: int
    bank: int
    row: int
    refreshes: int


class Data(NamedTuple):
    """A burst on the bus."""

    end: int
    bank: int
    written: bool


@dataclass
class SlowDram:
    """A channel with all that it ever did; commands of refreshes are told by when each was due and when it was over."""

    kind: DramType
    burst_ps: int
    queue: int
    opened: list[Opened] = field(default_factory=list)
    moved: list[Data] = field(default_factory=list)
    refreshed: list[tuple[int, int]] = field(default_factory=list)

    def serve(self, address: int, issued: int, written: bool) -> int:
        """Move the burst at an address; return the end of its data."""
        kind, line = self.kind, address // self.kind.row_bytes
        bank, row = line % kind.banks, line // kind.banks
        asked = max([issued, *(data.end for data in self.moved[: max(0, len(self.moved) - self.queue + 1)])])
        self.refresh(max([asked, *self.ends()]))
        of_bank = [each for each in self.opened if each.bank == bank]
        if not (of_bank and of_bank[-1].row == row and of_bank[-1].refreshes == len(self.refreshed)):
            of_bank.append(Opened(self.activation(asked, of_bank), bank, row, len(self.refreshed)))
            self.opened.append(of_bank[-1])
        command = [asked, of_bank[-1].time + kind.activate_ps]
        command += [] if written else [data.end + kind.turn_ps for data in self.moved if data.written]
        begin = max(max(command) + kind.column_ps, *self.ends(), 0)
        self.moved.append(Data(begin + self.burst_ps, bank, written))
        return begin + self.burst_ps

    def ends(self) -> list[int]:
        """When data were over."""
        return [data.end for data in self.moved]

    def refresh(self, now: int) -> None:
        """Refresh as often as was due; each waits for the data that are on their way."""
        while now >= (due := self.kind.interval_ps * (len(self.refreshed) + 1)):
            self.refreshed.append((due, max([due, *self.ends()]) + self.kind.precharge_ps + self.kind.refresh_ps))

    def activation(self, asked: int, of_bank: list[Opened]) -> int:
        """When a row can be opened: refreshes are over, its bank is closed, and no five are opened in a window."""
        kind, earliest = self.kind, [asked, *(over for _, over in self.refreshed)]
        earliest += [each.time + kind.cycle_ps for each in of_bank]
        earliest += [each.time + kind.window_ps for each in self.opened[: max(0, len(self.opened) - 3)][-1:]]
        if of_bank and of_bank[-1].refreshes == len(self.refreshed):
            closed = [asked, of_bank[-1].time + kind.active_ps]
            for data in self.moved:
                if data.bank == of_bank[-1].bank:
                    closed.append(data.end + kind.recovery_ps if data.written else data.end - kind.column_ps)
            earliest.append(max(closed) + kind.precharge_ps)
        return max(earliest)
