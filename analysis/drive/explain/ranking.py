"""Rank changes: the most that each can save is looked at ever more closely, until those worth most are known.

Best first: of the change that may be worth most, more is found out, until nothing is left to find out but itself: then
it is simulated, and if it still is worth most, told. So nothing is looked at more closely than the order asks for.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf

from analysis.drive.explain.change import Change, Progress
from analysis.drive.explain.least import Outlook
from analysis.drive.explain.trials import Saving, Trials, Worth, by_worth, worth_of, worth_of_layers
from simulator.errors import InputError
from simulator.hardware.model import GAP

WORTH_TELLING = 5
"""Changes of a kind that are told, one of each lever and target."""

LEAST_TOLD = GAP
"""What a change must be worth to be told: less may be the luck of a search, which ends at such a gap."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A change that is not simulated: it is worth no more than `worth_at_most`, by bounds on its ops (`least`)."""

    lever: str
    target: str
    what: str
    worth_at_most: float


def worth_telling(
    savings: Iterable[Saving], worth: Worth = worth_of, most: int | None = WORTH_TELLING
) -> tuple[Saving, ...]:
    """Return the first savings, one of each lever and target; or without a limit, all that save anything."""
    if most is None:
        return tuple(saving for saving in savings if worth(saving) > 0)
    best: dict[tuple[str, str], Saving] = {}
    for saving in savings:
        if worth(saving) >= LEAST_TOLD:
            best.setdefault((saving.lever, saving.target), saving)
    return tuple(best.values())[:most]


class Prospect:
    """What a change can be worth at most; without an outlook that is not known before it is simulated.

    Raises InputError for a change that is found not to fit the machine, as all that it does may.
    """

    def __init__(self, trials: Trials, change: Change, of_layers: bool) -> None:
        self.trials, self.change, self.of_layers = trials, change, of_layers
        self.outlook: Outlook | None = trials.outlook(change, of_layers)

    @property
    def kind(self) -> tuple[str, str]:
        """Its lever and target, of which one change is told."""
        return self.change.lever, self.change.target

    @property
    def worth_at_most(self) -> float:
        """What it can be worth at most, as far as its ops are known."""
        return inf if self.outlook is None else self.trials.worth(self.outlook, self.change, self.of_layers)

    def look_closer(self) -> bool:
        """Find out more of its ops; False if only simulating it tells more."""
        return self.outlook is not None and self.trials.look_closer(self.outlook, self.change)

    @property
    def left_out(self) -> LeftOut:
        """Itself as a change that is not simulated."""
        return LeftOut(self.change.lever, self.change.target, self.change.what, self.worth_at_most)


Entry = tuple[float, int]  # what a prospect is worth at most, negative, and its number


def tried(
    trials: Trials,
    changes: Sequence[Change],
    worth: Worth = worth_of,
    progress: Progress | None = None,
    every: bool = False,
) -> tuple[tuple[Saving, ...], tuple[LeftOut, ...]]:
    """Simulate changes by themselves until those worth telling are known; return the rest with what they can save.

    Of each lever and target one is told. `every` change is simulated if asked for. Left out besides is what does not
    fit the machine.
    """
    if every:
        return by_worth(_simulated(trials, changes, progress), worth), ()
    savings: dict[int, Saving] = {}
    told: set[tuple[str, str]] = set()
    prospects = dict(_prospects(trials, changes, worth))
    entries: list[Entry] = [(-prospect.worth_at_most, i) for i, prospect in prospects.items()]
    heapify(entries)
    while entries and len(told) < WORTH_TELLING and entries[0][0] <= -LEAST_TOLD:
        _, i = heappop(entries)
        prospect = prospects[i]
        if i in savings:
            told.add(prospect.kind)
        elif prospect.kind not in told:
            if progress:
                progress(len(changes) - len(entries), len(changes), prospect.change.what)
            try:
                if not prospect.look_closer():
                    savings[i] = trials.saving(prospect.change)
            except InputError:
                del prospects[i]
                continue
            heappush(entries, (-(worth(savings[i]) if i in savings else prospect.worth_at_most), i))
    left = [prospect.left_out for i, prospect in prospects.items() if i not in savings]
    return by_worth(savings.values(), worth), tuple(left)


def _simulated(trials: Trials, changes: Sequence[Change], progress: Progress | None) -> Iterator[Saving]:
    """Simulate every change that fits the machine."""
    for i, change in enumerate(changes):
        if progress:
            progress(i, len(changes), change.what)
        with suppress(InputError):
            yield trials.saving(change)


def _prospects(trials: Trials, changes: Sequence[Change], worth: Worth) -> Iterator[tuple[int, Prospect]]:
    """Yield the prospects of the changes that are not found to be none, with their numbers."""
    for i, change in enumerate(changes):
        with suppress(InputError):
            yield i, Prospect(trials, change, worth is worth_of_layers)
