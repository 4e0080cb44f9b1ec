"""Let the profile redesign a network: try moves, keep the one that saves most cycles, until none pays.

Nothing here knows the network: what a design is, how it is simulated, and which moves its profile suggests are given.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from analysis.read.losses import StageUse

D = TypeVar("D")

LEAST_GAIN = 0.001
"""Share of the cycles that a move has to save to be worth a change of the network."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a design costs, and how well each of its stages uses the array."""

    cycles: int
    energy_pj: float
    macs: int
    params: int
    stages: tuple[StageUse, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a design may have at most. One that starts above a bound may not move further away from it."""

    macs: int
    params: int

    def allow(self, macs: int, params: int, now: Figures) -> bool:
        """Whether a design may follow the present one."""
        return macs <= max(self.macs, now.macs) and params <= max(self.params, now.params)

    def keep(self, figures: Figures) -> bool:
        """Whether a design is within both."""
        return figures.macs <= self.macs and figures.params <= self.params


@dataclass(frozen=True, slots=True)
class Move(Generic[D]):
    """A change of a design: what is done, its kind, and the design it leads to."""

    text: str
    kind: str
    design: D


@dataclass(frozen=True, slots=True)
class Trial(Generic[D]):
    """One move, or two that were made at once, and what it leads to."""

    text: str
    kind: str
    design: D
    figures: Figures


@dataclass(frozen=True, slots=True)
class Step(Generic[D]):
    """What was tried from a design, the best first, and the trial that was taken."""

    before: Figures
    taken: Trial[D]
    trials: tuple[Trial[D], ...]


@dataclass(frozen=True, slots=True)
class Redesign(Generic[D]):
    """The way from a design to one that no move makes better, and all designs that were simulated on it."""

    start: Trial[D]
    steps: tuple[Step[D], ...]
    visited: dict[D, Figures]

    @property
    def end(self) -> Trial[D]:
        """The design that was arrived at."""
        return self.steps[-1].taken if self.steps else self.start

    @property
    def saving(self) -> float:
        """Share of the first design's cycles that the last one does without."""
        return 1 - self.end.figures.cycles / self.start.figures.cycles


@dataclass(frozen=True, slots=True)
class Problem(Generic[D]):
    """How to simulate a design, how to count its MACs and parameters without, and which moves its figures suggest.

    `sacrifice` gives moves that free parameters or MACs; they are only tried together with another one. At `most` so
    many designs are simulated, if that is bounded.
    """

    measure: Callable[[D], Figures]
    size: Callable[[D], tuple[int, int]]
    propose: Callable[[D, Figures], Iterable[Move[D]]]
    sacrifice: Callable[[D], Iterable[Move[D]]]
    bounds: Bounds
    most: int | None = None


def redesign(problem: Problem[D], start: D, known: dict[D, Figures] | None = None) -> Redesign[D]:
    """Take the move that saves most cycles, again and again; where no single one saves enough, two at once.

    Two moves find what a bound hides: one that frees parameters, and one that spends them better. A tie is decided by
    the order in which moves are proposed. What is `known` of designs is not simulated again.
    """
    visited: dict[D, Figures] = dict(known or {})

    def measure(design: D) -> Figures | None:
        if design not in visited and (problem.most is None or len(visited) < problem.most):
            visited[design] = problem.measure(design)
        return visited.get(design)

    begun = visited.setdefault(start, measure(start) or problem.measure(start))
    first = now = Trial("start", "", start, begun)
    steps: list[Step[D]] = []
    while step := _step(problem, now, measure):
        steps.append(step)
        now = step.taken
    return Redesign(first, tuple(steps), visited)


def _step(problem: Problem[D], now: Trial[D], measure: Callable[[D], Figures | None]) -> Step[D] | None:
    """Try all single moves and, if none pays, all pairs; return the best, or None where nothing pays."""
    trials: dict[D, Trial[D]] = {}
    for count, moves in enumerate((_single(problem, now), _double(problem, now, measure)), start=1):
        for move in moves:
            new = move.design not in trials and move.design != now.design
            if new and _allowed(problem, move, now) and (figures := measure(move.design)):
                trials[move.design] = Trial(move.text, move.kind, move.design, figures)
        ranked = sorted(trials.values(), key=lambda trial: trial.figures.cycles)
        if ranked and ranked[0].figures.cycles <= (1 - count * LEAST_GAIN) * now.figures.cycles:
            return Step(now.figures, ranked[0], tuple(ranked))
    return None


def _allowed(problem: Problem[D], move: Move[D], now: Trial[D]) -> bool:
    return problem.bounds.allow(*problem.size(move.design), now.figures)


def _single(problem: Problem[D], now: Trial[D]) -> Iterator[Move[D]]:
    yield from problem.propose(now.design, now.figures)


def _double(problem: Problem[D], now: Trial[D], measure: Callable[[D], Figures | None]) -> Iterator[Move[D]]:
    """Yield all pairs of moves, the second as the first one's profile suggests; first those that free something."""
    for first in (*problem.sacrifice(now.design), *problem.propose(now.design, now.figures)):
        if not _allowed(problem, first, now) or not (figures := measure(first.design)):
            continue
        for second in problem.propose(first.design, figures):
            kind = first.kind if first.kind == second.kind else f"{first.kind}, {second.kind}"
            yield Move(f"{first.text}; {second.text}", kind, second.design)
