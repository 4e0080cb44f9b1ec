"""Max-plus recurrence of DMA, DRAM port, buffer slots and array: the end time of a sequence of tiles.

Every transaction waits for its data, its channel and the port; every tile waits for its data, its output slot and the
array. All of it is max and plus, so the state after a tile is a function of the state before, and shifting the state
by t cycles shifts the result by t. `simulator.timing.timeline` plays the same machine event by event.

State vector: [port free, array free, last end,
               load channel free * channels, store channel free * channels, compute end * ring, store size * ring]
with a ring as long as the larger number of slots.
"""

import numpy as np

from simulator.kernels.jit import jit
from simulator.kernels.params import Ints

PORT, ARRAY, LAST, HEAD = range(4)


@jit
def state_size(slots: int, out_slots: int, channels: int) -> int:
    """Length of the state vector."""
    return HEAD + 2 * channels + 2 * max(slots, out_slots)


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
def advance(
    state: Ints, i: int, load: int, compute: int, store: int, slots: int, out_slots: int, channels: int, latency: int
) -> None:
    """Play tile i: its load, the store that frees its output slot, its compute; its own store comes later.

    The load waits for the compute of tile i - slots, whose input slot it takes, the compute for the store of tile
    i - out_slots. What can be ready first goes first: the load if inputs have more slots than outputs.
    """
    ring = max(slots, out_slots)
    computed = HEAD + 2 * channels
    start = state[ARRAY]
    for turn in range(2):
        if (turn == 0) == (slots > out_slots):
            if load > 0:
                ready = state[computed + (i - slots) % ring]
                start = max(start, transfer(state, HEAD + i % channels, ready, load, latency))
        else:
            start = max(start, store_of(state, i - out_slots, ring, channels, latency))
    end = start + compute
    state[ARRAY] = end
    state[computed + i % ring] = end
    state[computed + ring + i % ring] = store
    state[LAST] = max(state[LAST], end)


@jit
def store_of(state: Ints, i: int, ring: int, channels: int, latency: int) -> int:
    """Store the outputs of tile i, if there is such a tile and it has any; return when that is done, or 0."""
    computed = HEAD + 2 * channels + i % ring
    if i < 0 or state[computed + ring] == 0:
        return 0
    return transfer(state, HEAD + channels + i % channels, state[computed], state[computed + ring], latency)


@jit
def finish(state: Ints, n: int, slots: int, out_slots: int, channels: int, latency: int, prefetch: int) -> int:
    """Prefetch the next layer's weights (cycles, 0 for none), store the last tiles, and return the end of the layer."""
    if prefetch > 0:
        transfer(state, HEAD + n % channels, 0, prefetch, latency)
    for i in range(max(0, n - out_slots), n):
        store_of(state, i, max(slots, out_slots), channels, latency)
    return state[LAST]


@jit
def play_runs(
    loads: Ints,
    computes: Ints,
    stores: Ints,
    counts: Ints,
    slots: int,
    out_slots: int,
    channels: int,
    latency: int,
    prefetch: int,
) -> int:
    """End time in cycles of runs of equal tiles; arguments as in `simulator.timing.tiles`.

    Within a run the state soon moves by the same amount every period of slots and channels; from then on all further
    whole periods do too (shift invariance), so they are jumped over.
    """
    ring = max(slots, out_slots)
    state = np.zeros(state_size(slots, out_slots, channels), dtype=np.int64)
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
            advance(state, i, loads[run], computes[run], stores[run], slots, out_slots, channels, latency)
            i += 1
            left -= 1
            since += 1
    return finish(state, i, slots, out_slots, channels, latency, prefetch)


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
