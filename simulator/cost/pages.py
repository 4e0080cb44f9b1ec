"""Banks and rows of off-chip memory, burst by burst: how long runs of addresses take with rows left open.

An address is, from its highest bits to its lowest, row : bank : column; of several channels, pieces of `INTERLEAVE`
bytes lie on one after the other. Bursts are served in the order in which they are asked for. Their rows are opened as
soon as they are known, `QUEUE` bursts ahead, while others' data still cross the bus: a stream that leaves one row finds
the next bank open.

    row of the burst open                                 column
    another one           precharge   activate            column
                          |-- tRP ---|-- tRCD -----------|-- tCAS --|= data =|
                          not before tRAS, tRC of the bank, tFAW of the channel; of written data, tWR

A refresh closes all rows of a channel every tREFI, and takes it for tRFC.
"""

from typing import NamedTuple

import numpy as np

from simulator.cost.case import Ints, Record, record_type
from simulator.cost.jit import jit

INTERLEAVE = 256
"""Bytes of a channel before the next one's: a few bursts, and a part of a row."""
QUEUE = 32
"""Requests that a controller looks ahead: entries of a queue as controllers have it (gem5's has 32 reads a channel)."""
CLOSED = -1
LONG_AGO = -(1 << 50)

DRAM = record_type(
    [
        ("channels", np.int64),
        ("banks", np.int64),
        ("row_bytes", np.int64),
        ("burst_bytes", np.int64),
        ("burst_ps", np.int64),  # for which a burst takes its channel's bus
        ("activate_ps", np.int64),  # tRCD
        ("column_ps", np.int64),  # tCAS
        ("precharge_ps", np.int64),  # tRP
        ("active_ps", np.int64),  # tRAS
        ("window_ps", np.int64),  # tFAW
        ("recovery_ps", np.int64),  # tWR
        ("turn_ps", np.int64),  # tWTR
        ("refresh_ps", np.int64),  # tRFC
        ("interval_ps", np.int64),  # tREFI
    ]
)


class Banks(NamedTuple):
    """What is open and when it was opened, in picoseconds; by channel, and bank or place in a queue."""

    row: Ints  # [channel, bank]
    opened: Ints  # [channel, bank]
    closable: Ints  # [channel, bank], as far as its last data are concerned
    activated: Ints  # [channel, 4], the last four
    activations: Ints  # [channel]
    asked: Ints  # [channel, QUEUE], ends of the last bursts
    bursts: Ints  # [channel]
    bus: Ints  # [channel], when it is free,
    wrote: Ints  # [channel], when data were last written,
    ready: Ints  # [channel], from when rows may be opened after a refresh,
    refresh: Ints  # [channel], and when the next is due


def closed_banks(dram: Record) -> Banks:
    """Return a memory in which no row is open."""
    channels, banks = int(dram["channels"]), int(dram["banks"])
    by_bank, long_ago = (channels, banks), np.full(channels, LONG_AGO)
    return Banks(
        row=np.full(by_bank, CLOSED),
        opened=np.full(by_bank, LONG_AGO),
        closable=np.full(by_bank, LONG_AGO),
        activated=np.full((channels, 4), LONG_AGO),
        activations=np.zeros(channels, np.int64),
        asked=np.full((channels, QUEUE), LONG_AGO),
        bursts=np.zeros(channels, np.int64),
        bus=long_ago.copy(),
        wrote=long_ago.copy(),
        ready=long_ago.copy(),
        refresh=np.full(channels, int(dram["interval_ps"])),
    )


@jit
def open_row(dram: Record, banks: Banks, c: int, bank: int, row: int, asked: int) -> int:
    """Open a row once it is asked for, unless it is; return from when columns of it may be asked for."""
    if banks.row[c, bank] != row:
        start = max(max(asked, banks.ready[c]), banks.opened[c, bank] + dram.active_ps + dram.precharge_ps)
        if banks.row[c, bank] != CLOSED:
            closed = max(max(asked, banks.opened[c, bank] + dram.active_ps), banks.closable[c, bank])
            start = max(start, closed + dram.precharge_ps)
        place = banks.activations[c] % 4
        start = max(start, banks.activated[c, place] + dram.window_ps)
        banks.activated[c, place] = banks.opened[c, bank] = start
        banks.activations[c] += 1
        banks.row[c, bank] = row
    return max(asked, banks.opened[c, bank] + dram.activate_ps)


@jit
def refresh(dram: Record, banks: Banks, c: int, now: int) -> None:
    """Close all rows of a channel and refresh it, if that is due; of those due in idle time the last alone counts."""
    if now < banks.refresh[c]:
        return
    due = now - (now - banks.refresh[c]) % dram.interval_ps
    banks.ready[c] = max(due, banks.bus[c]) + dram.precharge_ps + dram.refresh_ps
    banks.refresh[c] = due + dram.interval_ps
    for bank in range(dram.banks):
        banks.row[c, bank] = CLOSED


@jit
def serve_burst(dram: Record, banks: Banks, c: int, bank: int, row: int, issued: int, write: int) -> int:
    """Serve a burst of a row; return when its data have crossed the bus."""
    place = banks.bursts[c] % QUEUE
    asked = max(issued, banks.asked[c, place])
    refresh(dram, banks, c, max(asked, banks.bus[c]))
    column = open_row(dram, banks, c, bank, row, asked)
    if not write:
        column = max(column, banks.wrote[c] + dram.turn_ps)
    end = max(banks.bus[c], column + dram.column_ps) + dram.burst_ps
    closable = end + dram.recovery_ps if write else end - dram.column_ps
    banks.closable[c, bank] = max(banks.closable[c, bank], closable)
    if write:
        banks.wrote[c] = end
    banks.bus[c] = banks.asked[c, place] = end
    banks.bursts[c] += 1
    return end


@jit
def serve_piece(dram: Record, banks: Banks, address: int, bursts: int, issued: int, write: int) -> int:
    """Serve bursts of one row of one channel from an address on; return when the last data have crossed the bus."""
    piece = address // INTERLEAVE if dram.channels > 1 else 0
    c = piece % dram.channels
    row_of_all = (address - (piece - piece // dram.channels) * INTERLEAVE) // dram.row_bytes
    bank, row, end = row_of_all % dram.banks, row_of_all // dram.banks, issued
    for _ in range(bursts):
        end = serve_burst(dram, banks, c, bank, row, issued, write)
    return end


class Runs(NamedTuple):
    """So many runs of addresses, of equal length, a pitch apart."""

    first: int
    size_bytes: int
    pitch: int
    times: int


@jit
def serve_runs(dram: Record, banks: Banks, runs: Runs, issued: int, write: int) -> int:
    """Serve runs one after the other; return when the last data have crossed, in picoseconds."""
    end, burst = issued, dram.burst_bytes
    unit = INTERLEAVE if dram.channels > 1 else dram.row_bytes
    for i in range(runs.times):
        start = runs.first + i * runs.pitch
        at, stop = start // burst * burst, ((start + runs.size_bytes - 1) // burst + 1) * burst
        while at < stop:
            behind = min(stop, (at // unit + 1) * unit)
            end = max(end, serve_piece(dram, banks, at, (behind - at) // burst, issued, write))
            at = behind
    return end
