"""Choose which tensors stay on chip: those whose staying saves most DRAM bytes, proven by dynamic programming.

Ops are taken in order. What is chosen so far matters to the rest only by what of it is still alive: of all choices that
agree in that, the one that saves most goes on. So there are as many states as sets of tensors alive at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MOST_STATES = 1024
"""That go on from one op to the next; where more would, those that saved most so far, and the one with nothing kept."""

OUTPUTS_HERE, INPUTS_HERE = 1, 2
"""What adds up to the place in `Step.strips`."""

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
        alive = {bit: bundle.alive[at] for bit, bundle in zip(bits, bundles, strict=True) if at in bundle.alive}
        for bit, bundle in zip(bits, bundles, strict=True):
            if bundle.first == at:
                gain = bundle.saved_bytes
                states |= {state | bit: (saved + gain, kept | bit) for state, (saved, kept) in states.items()}
                states = _limited({s: states[s] for s in states if _taken(s, alive) <= capacity_bytes})
        strips = _strips(step, bits)
        fitting = {s: states[s] for s in states if _fits(_taken(s, alive), strips(s), capacity_bytes)}
        states = _merged(fitting, sum(bit for bit, bundle in zip(bits, bundles, strict=True) if bundle.last == at))
    kept = max(states.values())[1]
    return frozenset(number for number, bit in enumerate(bits) if kept & bit)


def rounded(size: int, capacity_bytes: int) -> int:
    """Round what stays up to sixteenths of the buffer, so that ops of one shape meet the same rest."""
    sixteenth = max(1, capacity_bytes // 16)
    return -(-size // sixteenth) * sixteenth


def _taken(state: int, alive: Mapping[int, int]) -> int:
    """Bytes of what stays while an op runs."""
    return sum(size for bit, size in alive.items() if state & bit)


def _strips(step: Step, bits: Sequence[int]) -> Callable[[int], int]:
    """Return what tells bytes of an op's strip beside what stays."""
    inputs = None if step.reads is None else sum(bits[number] for number in step.reads)
    outputs = 0 if step.makes is None else bits[step.makes]

    def strip(state: int) -> int:
        here = inputs is not None and state & inputs == inputs
        return step.strips[INPUTS_HERE * here + OUTPUTS_HERE * bool(state & outputs)]

    return strip


def _fits(taken: int, strip: int, capacity_bytes: int) -> bool:
    """Tell whether an op has its strip beside what stays; nothing is asked where nothing does."""
    return not taken or rounded(taken, capacity_bytes) + strip <= capacity_bytes


def _merged(states: Mapping[int, Chosen], ended: int) -> dict[int, Chosen]:
    """Forget what is no longer alive: of the states that then are one, the best goes on."""
    merged: dict[int, Chosen] = {}
    for state, chosen in states.items():
        rest = state & ~ended
        merged[rest] = max(chosen, merged.get(rest, chosen))
    return merged


def _limited(states: dict[int, Chosen]) -> dict[int, Chosen]:
    """Let of too many states the best go on, and the one with nothing kept, which every op has room for."""
    if len(states) <= MOST_STATES:
        return states
    best = sorted(states, key=lambda state: states[state], reverse=True)[:MOST_STATES]
    return {state: states[state] for state in {0, *best}}
