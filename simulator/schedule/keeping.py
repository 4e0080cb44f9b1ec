"""Choose which tensors stay on chip: those whose staying saves most DRAM bytes, proven by dynamic programming.

Ops are taken in order. What is chosen so far matters to the rest only by what of it is still alive: of all choices that
agree in that, the one that saves most goes on. So there are as many states as sets of tensors alive at a time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_STATES = 1024
"""That go on from one op to the next; where more would, those that saved most so far, and the one with nothing kept."""

OUTPUTS_HERE, INPUTS_HERE = 1, 2
"""What adds up to the place in `Step.strips`."""

Chosen = tuple[int, int, int, tuple[int, ...]]
"""Bytes saved; strips, negative; the bundles chosen as bits, the first bundle's the highest; numbers of the stacks.

Of equal choices that of fewest strips goes on, then the one with the earlier tensors.
"""


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


@dataclass(frozen=True, slots=True)
class Option:
    """A stack over the ops of `index`, the bytes that it saves, and its strips; `inner` bundles do not go with it.

    At each op it takes `taken_bytes`, and the op's own tiles `tile_bytes` besides.
    """

    index: tuple[int, ...]
    saved_bytes: int
    strips: int
    taken_bytes: tuple[int, ...]
    tile_bytes: tuple[int, ...]
    inner: frozenset[int]


def choose(bundles: Sequence[Bundle], steps: Sequence[Step], capacity_bytes: int) -> frozenset[int]:
    """Return the bundles that save most DRAM bytes by staying and leave every op its strip."""
    return schedule(bundles, steps, capacity_bytes, ())[0]


def schedule(
    bundles: Sequence[Bundle], steps: Sequence[Step], capacity_bytes: int, options: Sequence[Option]
) -> tuple[frozenset[int], tuple[int, ...]]:
    """Return the bundles that stay and the stacks that together save most DRAM bytes, and leave every op its strip."""
    bits = [1 << (len(bundles) - 1 - number) for number in range(len(bundles))]
    stacks = _Stacks(bundles, bits, options, len(steps), capacity_bytes)
    states: dict[int, Chosen] = {0: (0, 0, 0, ())}
    for at, step in enumerate(steps):
        stacks.arrive(at, states)
        stacks.depart(at, states)
        alive = {bit: bundle.alive[at] for bit, bundle in zip(bits, bundles, strict=True) if at in bundle.alive}
        for bit, bundle in zip(bits, bundles, strict=True):
            if bundle.first == at:
                states |= {state | bit: _with(chosen, bundle, bit) for state, chosen in states.items()}
                states = _limited({s: states[s] for s in states if _taken(s, alive) <= capacity_bytes})
        strips = _strips(step, bits)
        fitting = {s: states[s] for s in states if _fits(_taken(s, alive), strips(s), capacity_bytes)}
        states = _merged(fitting, sum(bit for bit, bundle in zip(bits, bundles, strict=True) if bundle.last == at))
    stacks.arrive(len(steps), states)
    *_, kept, chosen = max(states.values())
    return frozenset(number for number, bit in enumerate(bits) if kept & bit), chosen


def _with(chosen: Chosen, bundle: Bundle, bit: int) -> Chosen:
    saved, strips, kept, stacks = chosen
    return saved + bundle.saved_bytes, strips, kept | bit, stacks


class _Stacks:
    """Stacks as leaps of the dynamic programme: from the state before the first op to one behind the last."""

    def __init__(
        self, bundles: Sequence[Bundle], bits: Sequence[int], options: Sequence[Option], ops: int, capacity_bytes: int
    ) -> None:
        self.pairs = list(zip(bits, bundles, strict=True))
        self.options, self.capacity_bytes, self.bits = options, capacity_bytes, bits
        self.arriving: dict[int, dict[int, Chosen]] = {}
        self.ops, self.kept = ops, dict[int, list[int]]()
        self.between: dict[tuple[int, int], list[int]] = {}
        for number in sorted(range(len(options)), key=lambda n: (-options[n].saved_bytes, options[n].strips)):
            index = options[number].index
            self.between.setdefault((index[0], index[-1]), []).append(number)
        self.leaps: dict[int, list[int]] = {}
        for first, last in self.between:
            self.leaps.setdefault(first, []).append(last)

    def arrive(self, at: int, states: dict[int, Chosen]) -> None:
        """Add the states that stacks leave which end before an op."""
        for state, chosen in self.arriving.pop(at, {}).items():
            states[state] = max(chosen, states.get(state, chosen))

    def depart(self, at: int, states: Mapping[int, Chosen]) -> None:
        """Let stacks begin at an op: of those over the same ops, the one that saves most and fits."""
        for last in self.leaps.get(at, ()):
            numbers = self.between[at, last]
            inner = sum(self.bits[bundle] for bundle in self.options[numbers[0]].inner)
            made = [(bit, bundle) for bit, bundle in self.pairs if at <= bundle.first <= last and not bit & inner]
            ended = sum(bit for bit, bundle in self.pairs if at <= bundle.last <= last)
            arriving = self.arriving.setdefault(last + 1, {})
            for before, chosen in states.items():
                for state, leaving in _with_or_without(before, chosen, made, inner):
                    number = self._first_that_fits(state, numbers)
                    if number is not None:
                        saved, strips, kept, stacks = leaving
                        option, rest = self.options[number], state & ~ended
                        after = (saved + option.saved_bytes, strips - option.strips, kept, (*stacks, number))
                        arriving[rest] = max(after, arriving.get(rest, after))
            self.arriving[last + 1] = _limited(arriving)

    def _first_that_fits(self, state: int, numbers: Sequence[int]) -> int | None:
        taken = self._taken(state)
        kept = [taken[at] for at in self.options[numbers[0]].index]
        for number in numbers:
            option = self.options[number]
            each = zip(kept, option.taken_bytes, option.tile_bytes, strict=True)
            if all(_fits(beside + taken, tile, self.capacity_bytes) for beside, taken, tile in each):
                return number
        return None

    def _taken(self, state: int) -> list[int]:
        """Bytes of what stays at each op, as far as a state tells."""
        if state not in self.kept:
            self.kept[state] = taken = [0] * self.ops
            for bit, bundle in self.pairs:
                if state & bit:
                    for at, size in bundle.alive.items():
                        taken[at] += size if at < self.ops else 0
        return self.kept[state]


def _with_or_without(
    state: int, chosen: Chosen, made: Sequence[tuple[int, Bundle]], inner: int
) -> Iterable[tuple[int, Chosen]]:
    """Return the states in which what a stack makes stays, or does not; none where an inner tensor would be whole."""
    states = {} if state & inner else {state: chosen}
    for bit, bundle in made:
        states |= {each | bit: _with(so_far, bundle, bit) for each, so_far in states.items()}
    return states.items()


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
