"""Max-plus recurrence of DMA, DRAM port, buffer slots and array: the end time of a sequence of tiles.

Every transaction waits for its data, its channel and the port; every tile waits for its data, its output slot and the
array. A tile's data come in two loads where one operand has more slots than the other: the early one and the rest.
All of it is max and plus, so the state after a tile is a function of the state before, and shifting the state by t
cycles shifts the result by t. `simulator.timing.timeline` plays the same machine event by event.

State vector: [port free, array free, last end,
               load channel free * channels, store channel free * channels, compute end * ring, store size * ring]
with a ring as long as the largest number of slots.
"""

import numpy as np

from simulator.cost.case import Ints
from simulator.cost.jit import jit

PORT, ARRAY, LAST, HEAD = range(4)

Port = tuple[int, int, int, int, int]
"""Slots of early loads, of the others, of outputs; DMA channels each way; latency in cycles."""


@jit
def ring_of(port: Port) -> int:
    """Tiles whose ends the state remembers."""
    return max(max(port[0], port[1]), port[2])


@jit
def state_size(port: Port) -> int:
    """Length of the state vector."""
    return HEAD + 2 * port[3] + 2 * ring_of(port)


@jit
def transfer(state: Ints, channel: int, ready: int, size: int, latency: int) -> int:
    """Put one transaction through its channel and the port; return when its last byte has passed."""
    begin = max(max(ready, state[channel]) + latency, state[PORT])
    end = begin + size
    state[PORT] = end
    state[channel] = end
    state[LAST] = max(state[LAST], end)
    return end


@jit
def load_tile(state: Ints, i: int, load: int, slots: int, port: Port) -> int:
    """Load tile i once the compute of tile i - slots has freed its slot; return when that is done, or 0."""
    if load == 0:
        return 0
    ready = state[HEAD + 2 * port[3] + (i - slots) % ring_of(port)]
    return transfer(state, HEAD + i % port[3], ready, load, port[4])


@jit
def store_of(state: Ints, i: int, port: Port) -> int:
    """Store the outputs of tile i, if there is such a tile and it has any; return when that is done, or 0."""
    ring, channels = ring_of(port), port[3]
    computed = HEAD + 2 * channels + i % ring
    if i < 0 or state[computed + ring] == 0:
        return 0
    return transfer(state, HEAD + channels + i % channels, state[computed], state[computed + ring], port[4])


@jit
def advance(state: Ints, i: int, early: int, load: int, compute: int, store: int, port: Port) -> None:
    """Play tile i: its loads, the store that frees its output slot, its compute; its own store comes later.

    A load waits for the compute of tile i - slots, the compute for the store of tile i - out_slots. What can be ready
    first goes first: loads that have more slots than outputs, then the store, then the other loads.
    """
    early_slots, slots, out_slots = port[0], port[1], port[2]
    start = state[ARRAY]
    if early_slots > out_slots:
        start = max(start, load_tile(state, i, early, early_slots, port))
    if slots > out_slots:
        start = max(start, load_tile(state, i, load, slots, port))
    start = max(start, store_of(state, i - out_slots, port))
    if early_slots <= out_slots:
        start = max(start, load_tile(state, i, early, early_slots, port))
    if slots <= out_slots:
        start = max(start, load_tile(state, i, load, slots, port))
    end, ring = start + compute, ring_of(port)
    computed = HEAD + 2 * port[3] + i % ring
    state[ARRAY] = state[computed] = end
    state[computed + ring] = store
    state[LAST] = max(state[LAST], end)


@jit
def finish(state: Ints, n: int, prefetch: int, port: Port) -> int:
    """Prefetch the next layer's weights (cycles, 0 for none), store the last tiles, and return the end of the layer."""
    if prefetch > 0:
        transfer(state, HEAD + n % port[3], 0, prefetch, port[4])
    for i in range(max(0, n - port[2]), n):
        store_of(state, i, port)
    return state[LAST]


@jit
def play_runs(earlies: Ints, loads: Ints, computes: Ints, stores: Ints, counts: Ints, port: Port, prefetch: int) -> int:
    """End time in cycles of runs of equal tiles; arguments as in `simulator.timing.tiles`.

    Within a run the state soon moves by the same amount every period of slots and channels; from then on all further
    whole periods do too (shift invariance), so they are jumped over.
    """
    ring, channels = ring_of(port), port[3]
    state = np.zeros(state_size(port), dtype=np.int64)
    period = ring * channels
    before = np.zeros_like(state)
    i = 0
    for run in range(len(counts)):
        left = counts[run]
        since = 0
        while left > 0:
            if since % period == 0:
                if since > 0 and left >= period and uniform_shift(before, state, channels, ring):
                    jumps = left // period
                    shift(state, jumps * (state[ARRAY] - before[ARRAY]), channels, ring)
                    i += jumps * period
                    left -= jumps * period
                    since = 1
                    continue
                for k in range(len(state)):
                    before[k] = state[k]
            advance(state, i, earlies[run], loads[run], computes[run], stores[run], port)
            i += 1
            left -= 1
            since += 1
    return finish(state, i, prefetch, port)


@jit
def uniform_shift(before: Ints, after: Ints, channels: int, ring: int) -> bool:
    """Tell whether every time of the state moved by the same positive amount, and the pending stores stayed."""
    times = HEAD + 2 * channels + ring
    moved = after[0] - before[0]
    for k in range(times):
        if after[k] - before[k] != moved:
            return False
    for k in range(times, times + ring):  # noqa: SIM110 (a generator would not compile)
        if after[k] != before[k]:
            return False
    return True


@jit
def shift(state: Ints, cycles: int, channels: int, ring: int) -> None:
    """Move every time of the state by so many cycles."""
    for k in range(HEAD + 2 * channels + ring):
        state[k] += cycles
