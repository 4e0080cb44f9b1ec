"""Choose which tensors stay on chip: those whose staying saves most DRAM bytes, proven by dynamic programming.

Ops are taken in order. What is chosen so far matters to the rest only by what of it is still alive: of all choices that
agree in that, the one that saves most goes on. So there are as many states as sets of tensors alive at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_STATES = 1024
"""That go on from one op to the next; where more would, those that saved most so far, and the one with nothing kept."""

NONE_HERE, OUTPUTS_HERE, INPUTS_HERE, BOTH_HERE = range(4)
"""Places in `Step.strips`, by what of an op stays."""

Chosen = tuple[int, int]
"""Bytes saved, and the bundles chosen as bits, the first bundle's the highest: of equal choices the earlier tensors."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Tensors that stay together or not at all, the bytes that staying saves, and those alive at each op meanwhile."""

    saved_bytes: int
    alive: Mapping[int, int]

    @property
    def first(self) -> int:
        """The op that makes the first of them."""
        return min(self.alive)

    @property
    def last(self) -> int:
        """The op that reads the last of them last."""
        return max(self.alive)


@dataclass(frozen=True, slots=True)
class Step:
    """An op: the bundles that it reads, None where it reads what cannot stay; the one that it makes, None likewise.

    `strips` are bytes that it takes beside what stays, with neither its inputs nor outputs there, with its outputs,
    with its inputs, and with both.
    """

    reads: frozenset[int] | None
    makes: int | None
    strips: tuple[int, int, int, int]


def choose(bundles: Sequence[Bundle], steps: Sequence[Step], capacity_bytes: int) -> frozenset[int]:
    """Return the bundles that save most DRAM bytes by staying and leave every op its strip."""
    states: dict[int, Chosen] = {0: (0, 0)}
    bits = [1 << (len(bundles) - 1 - number) for number in range(len(bundles))]
    for at, step in enumerate(steps):
        for number, bundle in enumerate(bundles):
            if bundle.first == at:
                bit, gain = bits[number], bundle.saved_bytes
                states |= {state | bit: (saved + gain, kept | bit) for state, (saved, kept) in states.items()}
        alive = [(bits[number], bundle.alive.get(at, 0)) for number, bundle in enumerate(bundles) if at in bundle.alive]
        ended = sum(bits[number] for number, bundle in enumerate(bundles) if bundle.last == at)
        fitting = (
            (state, chosen) for state, chosen in states.items() if _fits(state, step, alive, bits, capacity_bytes)
        )
        states = _merged(fitting, ended)
    kept = max(states.values())[1]
    return frozenset(number for number, bit in enumerate(bits) if kept & bit)


def rounded(size: int, capacity_bytes: int) -> int:
    """Round what stays up to sixteenths of the buffer, so that ops of one shape meet the same rest."""
    sixteenth = max(1, capacity_bytes // 16)
    return -(-size // sixteenth) * sixteenth


def _fits(state: int, step: Step, alive: Iterable[tuple[int, int]], bits: Sequence[int], capacity_bytes: int) -> bool:
    """Tell whether an op has its strip beside what stays; nothing is asked where nothing does."""
    taken = sum(size for bit, size in alive if state & bit)
    inputs = step.reads is not None and all(state & bits[number] for number in step.reads)
    outputs = step.makes is not None and bool(state & bits[step.makes])
    strip = step.strips[INPUTS_HERE * inputs + OUTPUTS_HERE * outputs]
    return not taken or rounded(taken, capacity_bytes) + strip <= capacity_bytes


def _merged(states: Iterable[tuple[int, Chosen]], ended: int) -> dict[int, Chosen]:
    """Forget what is no longer alive: of the states that then are one, the best goes on, and of too many the best."""
    merged: dict[int, Chosen] = {}
    for state, chosen in states:
        rest = state & ~ended
        merged[rest] = max(chosen, merged.get(rest, chosen))
    if len(merged) > MOST_STATES:
        best = sorted(merged, key=lambda state: merged[state], reverse=True)[:MOST_STATES]
        merged = {state: merged[state] for state in {0, *best}}
    return merged
