"""Max-plus recurrence of DMA, DRAM port, buffer slots and array: the end time of a sequence of tiles.

Every transaction waits for its data, its channel and the port; every tile waits for its data, its output slot and the
array. A tile's data come in two loads where one operand has deeper buffering than the other: that operand's, and the
rest. The cycles beyond the tiles' own are those before the first compute (fill), between computes (wait), and after the
last (drain). All of it is max and plus, so the state after a tile is a function of the state before, and shifting the
state by t cycles shifts the result by t. `simulator.timing.timeline` plays the same machine event by event.

What is due of a tile, in port and array cycles: (deeper, load, compute, store); see `PORT` and `PIPE` in
`simulator.cost.case`.
"""

import numpy as np

from simulator.cost.case import ZERO, Ints, Record, Records, record_type
from simulator.cost.jit import jit


@jit
def ring_of(port: Record) -> int:
    """Tiles whose ends the state remembers."""
    return max(max(port.deeper_slots, port.slots), port.out_slots)


@jit
def reset(pipe: Record, port: Record) -> None:
    """Let everything be free at cycle 0."""
    pipe.port_free = pipe.array_free = pipe.last_end = pipe.fill_cycles = pipe.wait_cycles = 0
    for channel in range(port.channels):
        pipe.load_free[channel] = pipe.store_free[channel] = 0
    for slot in range(ring_of(port)):
        pipe.compute_end[slot] = pipe.store_cycles[slot] = 0


@jit
def transfer(pipe: Record, channels: Ints, channel: int, ready: int, size: int, latency: int) -> int:
    """Put a transaction of `size` port cycles through its channel and the port; return when its last byte has passed.

    Ready and with its channel free it is issued; a latency later, or when the port is free, it takes the port.
    """
    end = max(max(ready, channels[channel]) + latency, pipe.port_free) + size
    pipe.port_free = channels[channel] = end
    pipe.last_end = max(pipe.last_end, end)
    return end


@jit
def load_tile(pipe: Record, port: Record, i: int, load: int, slots: int) -> int:
    """Load tile i once the compute of tile i - slots has freed its slot; return when that is done, or 0."""
    if load == 0:
        return 0
    ready = pipe.compute_end[(i - slots) % ring_of(port)]
    return transfer(pipe, pipe.load_free, i % port.channels, ready, load, port.latency_cycles)


@jit
def store_of(pipe: Record, port: Record, i: int) -> int:
    """Store the outputs of tile i, if there is such a tile and it has any; return when that is done, or 0."""
    slot = i % ring_of(port)
    if i < 0 or pipe.store_cycles[slot] == 0:
        return 0
    ready, size = pipe.compute_end[slot], pipe.store_cycles[slot]
    return transfer(pipe, pipe.store_free, i % port.channels, ready, size, port.latency_cycles)


@jit
def advance(pipe: Record, port: Record, i: int, deeper: int, load: int, compute: int, store: int) -> None:
    """Play tile i: its loads, the store that frees its output slot, its compute; its own store comes later.

    A load waits for the compute of tile i - slots, the compute for the store of tile i - out_slots. What can be ready
    first goes first: loads that have more slots than outputs, then the store, then the other loads.
    """
    start = pipe.array_free
    if port.deeper_slots > port.out_slots:
        start = max(start, load_tile(pipe, port, i, deeper, port.deeper_slots))
    if port.slots > port.out_slots:
        start = max(start, load_tile(pipe, port, i, load, port.slots))
    start = max(start, store_of(pipe, port, i - port.out_slots))
    if port.deeper_slots <= port.out_slots:
        start = max(start, load_tile(pipe, port, i, deeper, port.deeper_slots))
    if port.slots <= port.out_slots:
        start = max(start, load_tile(pipe, port, i, load, port.slots))
    if i == 0:
        pipe.fill_cycles = start
    else:
        pipe.wait_cycles += start - pipe.array_free
    end, slot = start + compute, i % ring_of(port)
    pipe.array_free = pipe.compute_end[slot] = end
    pipe.store_cycles[slot] = store
    pipe.last_end = max(pipe.last_end, end)


@jit
def finish(pipe: Record, port: Record, n: int, prefetch: int) -> int:
    """Prefetch the next layer's weights (cycles, 0 for none), store the last tiles, and return the end of the layer."""
    if prefetch > 0:
        transfer(pipe, pipe.load_free, n % port.channels, ZERO, prefetch, port.latency_cycles)
    for i in range(max(0, n - port.out_slots), n):
        store_of(pipe, port, i)
    return pipe.last_end


@jit
def play_runs(runs: Records, port: Record, prefetch: int, states: Records) -> int:
    """End time in cycles of runs of equal tiles, rows of `RUN`; see `simulator.timing.tiles`.

    `states` are two of `PIPE`, of which the first is left as it is at the end.

    Within a run the state soon moves by the same amount every period of slots and channels; from then on all further
    whole periods do too (shift invariance), so they are jumped over.
    """
    pipe, before = states
    reset(pipe, port)
    period = ring_of(port) * port.channels
    i = ZERO
    for run in runs:
        left, since = run.count, 0
        while left > 0:
            if since % period == 0:
                if prefetch == 0:
                    catch_up(pipe, port)
                if since > 0 and left >= period and uniform_shift(before, pipe, port):
                    jumps = left // period
                    pipe.wait_cycles += jumps * (pipe.wait_cycles - before.wait_cycles)
                    shift(pipe, port, jumps * (pipe.array_free - before.array_free))
                    i += jumps * period
                    left -= jumps * period
                    since = 1
                    continue
                copy(pipe, before, port)
            advance(pipe, port, i, run.deeper, run.load, run.compute, run.store)
            i += 1
            left -= 1
            since += 1
    return finish(pipe, port, i, prefetch)


RUN = record_type([(name, np.int64) for name in ("deeper", "load", "compute", "store", "count")])
"""`count` equal tiles in a row: port and array cycles of each."""


@jit
def copy(pipe: Record, into: Record, port: Record) -> None:
    """Copy a state."""
    into.port_free, into.array_free, into.last_end = pipe.port_free, pipe.array_free, pipe.last_end
    into.fill_cycles, into.wait_cycles = pipe.fill_cycles, pipe.wait_cycles
    for channel in range(port.channels):
        into.load_free[channel], into.store_free[channel] = pipe.load_free[channel], pipe.store_free[channel]
    for slot in range(ring_of(port)):
        into.compute_end[slot], into.store_cycles[slot] = pipe.compute_end[slot], pipe.store_cycles[slot]


@jit
def uniform_shift(before: Record, after: Record, port: Record) -> bool:
    """Tell whether every time of the state moved by the same positive amount, and the pending stores stayed."""
    moved = after.port_free - before.port_free
    same = after.array_free - before.array_free == moved and after.last_end - before.last_end == moved
    for channel in range(port.channels):
        same = same and after.load_free[channel] - before.load_free[channel] == moved
        same = same and after.store_free[channel] - before.store_free[channel] == moved
    for slot in range(ring_of(port)):
        same = same and after.compute_end[slot] - before.compute_end[slot] == moved
        same = same and after.store_cycles[slot] == before.store_cycles[slot]
    return same


@jit
def catch_up(pipe: Record, port: Record) -> None:
    """Move times that no later tile can tell from later ones up to these, so that states that act alike are alike.

    No transaction is ready before the oldest compute that is remembered ends: until then a channel may as well be busy,
    and the port a latency longer.
    """
    oldest = pipe.array_free
    for slot in range(ring_of(port)):
        oldest = min(oldest, pipe.compute_end[slot])
    for channel in range(port.channels):
        pipe.load_free[channel] = max(pipe.load_free[channel], oldest)
        pipe.store_free[channel] = max(pipe.store_free[channel], oldest)
    pipe.port_free = max(pipe.port_free, oldest + port.latency_cycles)


@jit
def shift(pipe: Record, port: Record, cycles: int) -> None:
    """Move every time of the state by so many cycles."""
    pipe.port_free += cycles
    pipe.array_free += cycles
    pipe.last_end += cycles
    for channel in range(port.channels):
        pipe.load_free[channel] += cycles
        pipe.store_free[channel] += cycles
    for slot in range(ring_of(port)):
        pipe.compute_end[slot] += cycles
