"""The loop: simulate the moves that an explanation would try, take the one that saves most, again and again.

A move that breaks a limit by itself, or frees what another one can spend better, is made together with another: the
savings of two single moves, which are known, add up to about that of both, so that few pairs need be simulated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from analysis.drive.codesign.bench import Bench
from analysis.drive.explain.change import Change
from analysis.drive.explain.explanation import network_changes
from analysis.drive.redesign.limits import Limits, Size, size_of
from analysis.read.objective import OBJECTIVES, objective_of
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.result.run import Run

LEAST_GAIN = 0.001
"""Share of the objective that a move has to save to be worth a change of the network."""
MOST_PAIRS = 12  # that are simulated in a step, those that promise most


@dataclass(frozen=True, slots=True)
class Trial:
    """Moves that were made at once, the network they lead to, and its run."""

    moves: tuple[Change, ...]
    network: Network
    size: Size
    run: Run

    @property
    def cost(self) -> float:
        """What the machine's mappings minimize, summed over the network."""
        return OBJECTIVES[objective_of(self.run)].of_run(self.run)

    @property
    def text(self) -> str:
        """The moves in words."""
        return "; ".join(move.what for move in self.moves)


@dataclass(frozen=True, slots=True)
class Step:
    """The trial that was taken, and all that were simulated to find it and were allowed, the best first."""

    taken: Trial
    trials: tuple[Trial, ...]
    simulated: int


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where networks are simulated: on what, for which objective, within which limits."""

    bench: Bench
    machine: Hardware
    limits: Limits
    objective: str | None = None

    def start(self, network: Network, moves: tuple[Change, ...] = ()) -> Trial:
        """Simulate a network; raise InputError for one that does not fit the machine."""
        run = self.bench.run(self.machine, network, objective=self.objective)
        return Trial(moves, network, size_of(network), run)

    def trial(self, network: Network, moves: tuple[Change, ...]) -> Trial | None:
        """Simulate a changed network; None for one that does not fit the machine."""
        try:
            return self.start(network, moves)
        except InputError:
            return None

    def allows(self, trial: Trial, now: Trial) -> bool:
        """Whether a trial may follow the present one."""
        sram = trial.run.total.peak_sram_bytes, now.run.total.peak_sram_bytes
        return self.limits.allow(trial.size, now.size) and self.limits.allow_sram(*sram)

    def moves_from(self, trial: Trial) -> list[Change]:
        """Return the changes that an explanation would try and that keep as many layers mixing positions."""
        changes = network_changes(trial.network, self.machine, trial.run)
        return [change for change in changes if change.network and self.limits.keep_layers(change.network)]


def next_step(shop: Workshop, now: Trial) -> Step | None:
    """Try all moves and the pairs that promise most; return the best, or None where nothing pays."""
    moves = shop.moves_from(now)
    shop.bench.expect(len(moves) + MOST_PAIRS)
    singles = [trial for move in moves if move.network and (trial := shop.trial(move.network, (move,)))]
    allowed = [trial for trial in singles if shop.allows(trial, now)]
    bar = min([(1 - 2 * LEAST_GAIN) * now.cost, *(trial.cost for trial in allowed)])
    pairs = list(_pairs(shop, now, singles, bar))
    allowed += [trial for trial in pairs if shop.allows(trial, now)]
    ranked = sorted(allowed, key=lambda trial: (trial.cost, len(trial.moves)))
    paying = [trial for trial in ranked if trial.cost <= (1 - len(trial.moves) * LEAST_GAIN) * now.cost]
    return Step(paying[0], tuple(ranked), len(singles) + len(pairs)) if paying else None


def _pairs(shop: Workshop, now: Trial, singles: list[Trial], best: float) -> Iterator[Trial]:
    """Simulate the allowed pairs that promise most, if that is more than the best single move gives."""
    promising = sorted(
        (first.cost + second.cost - now.cost, index, first, second)
        for index, (first, second) in enumerate(combinations(singles, 2))
        if first.cost + second.cost - now.cost < best and shop.limits.allow(_sum(first, second, now), now.size)
    )
    followers: dict[int, dict[tuple[str, str, str], Change]] = {}
    left = MOST_PAIRS
    for _, _, first, second in promising:
        if not left:
            return
        if id(first) not in followers:
            followers[id(first)] = {_key(move): move for move in shop.moves_from(first)}
        move = followers[id(first)].get(_key(second.moves[0]))
        if move and move.network and shop.limits.allow(size_of(move.network), now.size):
            left -= 1
            if trial := shop.trial(move.network, (*first.moves, move)):
                yield trial


def _key(move: Change) -> tuple[str, str, str]:
    return move.lever, move.target, move.what


def _sum(first: Trial, second: Trial, now: Trial) -> Size:
    """Estimate the size after two moves: what each adds to the present one."""
    one, other, base = first.size, second.size, now.size
    return replace(one, macs=one.macs + other.macs - base.macs, params=one.params + other.params - base.params)
