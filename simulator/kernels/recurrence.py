"""Max-plus recurrence of DMA, DRAM port, buffer slots and array: the end time of a sequence of tiles.

Every transaction waits for its data, its channel and the port; every tile waits for its data, its output slot and the
array. All of it is max and plus, so the state after a tile is a function of the state before, and shifting the state
by t cycles shifts the result by t. `simulator.timing.timeline` plays the same machine event by event.

State vector: [port free, array free, last end,
               load channel free * channels, store channel free * channels, compute end * slots, store size * slots].
"""

import numpy as np

from simulator.kernels.jit import jit
from simulator.kernels.params import Ints

PORT, ARRAY, LAST, HEAD = range(4)


@jit
def state_size(slots: int, channels: int) -> int:
    """Length of the state vector."""
    return HEAD + 2 * channels + 2 * slots


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
def advance(state: Ints, i: int, load: int, compute: int, store: int, slots: int, channels: int, latency: int) -> None:
    """Play tile i: the store of tile i - slots, its own load, its compute; its store comes `slots` tiles later."""
    computed = HEAD + 2 * channels + i % slots
    pending = computed + slots
    start = state[ARRAY]
    if state[pending] > 0:
        channel = HEAD + channels + (i - slots) % channels
        start = max(start, transfer(state, channel, state[computed], state[pending], latency))
    if load > 0:
        start = max(start, transfer(state, HEAD + i % channels, state[computed], load, latency))
    end = start + compute
    state[ARRAY] = end
    state[computed] = end
    state[pending] = store
    state[LAST] = max(state[LAST], end)


@jit
def finish(state: Ints, n: int, slots: int, channels: int, latency: int, prefetch: int) -> int:
    """Prefetch the next layer's weights (cycles, 0 for none), store the last tiles, and return the end of the layer."""
    if prefetch > 0:
        transfer(state, HEAD + n % channels, 0, prefetch, latency)
    for i in range(max(0, n - slots), n):
        computed = HEAD + 2 * channels + i % slots
        if state[computed + slots] > 0:
            channel = HEAD + channels + i % channels
            transfer(state, channel, state[computed], state[computed + slots], latency)
    return state[LAST]


@jit
def play_runs(
    loads: Ints, computes: Ints, stores: Ints, counts: Ints, slots: int, channels: int, latency: int, prefetch: int
) -> int:
    """End time in cycles of runs of equal tiles; arguments as in `simulator.timing.tiles`.

    Within a run the state soon moves by the same amount every `slots * channels` tiles; from then on all further
    whole periods do too (shift invariance), so they are jumped over.
    """
    state = np.zeros(state_size(slots, channels), dtype=np.int64)
    period = slots * channels
    before = np.zeros_like(state)
    i = 0
    for run in range(len(counts)):
        left = counts[run]
        since = 0
        while left > 0:
            if since % period == 0:
                if since > 0 and left >= period and uniform_shift(before, state, channels, slots):
                    jumps = left // period
                    shift(state, jumps * (state[ARRAY] - before[ARRAY]), channels, slots)
                    i += jumps * period
                    left -= jumps * period
                    since = 1
                    continue
                for k in range(len(state)):
                    before[k] = state[k]
            advance(state, i, loads[run], computes[run], stores[run], slots, channels, latency)
            i += 1
            left -= 1
            since += 1
    return finish(state, i, slots, channels, latency, prefetch)


@jit
def uniform_shift(before: Ints, after: Ints, channels: int, slots: int) -> bool:
    """Tell whether every time of the state moved by the same positive amount, and the pending stores stayed."""
    times = HEAD + 2 * channels + slots
    moved = after[0] - before[0]
    for k in range(times):
        if after[k] - before[k] != moved:
            return False
    for k in range(times, times + slots):  # noqa: SIM110 (a generator would not compile)
        if after[k] != before[k]:
            return False
    return True


@jit
def shift(state: Ints, cycles: int, channels: int, slots: int) -> None:
    """Move every time of the state by so many cycles."""
    for k in range(HEAD + 2 * channels + slots):
        state[k] += cycles
