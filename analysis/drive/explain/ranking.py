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

WORTH_TELLING = 5
"""Changes of a kind that are told, one of each lever and target."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A change that is not simulated: it is worth no more than `worth_at_most`, by bounds on its ops (`least`)."""

    lever: str
    target: str
    what: str
    worth_at_most: float


def worth_telling(savings: Iterable[Saving], worth: Worth = worth_of) -> tuple[Saving, ...]:
    """Return the first savings that save anything, one of each lever and target."""
    best: dict[tuple[str, str], Saving] = {}
    for saving in savings:
        if worth(saving) > 0:
            best.setdefault((saving.lever, saving.target), saving)
    return tuple(best.values())[:WORTH_TELLING]


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
    trials: Trials, changes: Sequence[Change], worth: Worth = worth_of, progress: Progress | None = None
) -> tuple[tuple[Saving, ...], tuple[LeftOut, ...]]:
    """Simulate changes by themselves until those worth telling are known; return the rest with what they can save.

    Left out besides is what does not fit the machine.
    """
    savings: dict[int, Saving] = {}
    told: set[tuple[str, str]] = set()
    prospects = dict(_prospects(trials, changes, worth))
    entries: list[Entry] = [(-prospect.worth_at_most, i) for i, prospect in prospects.items()]
    heapify(entries)
    while entries and len(told) < WORTH_TELLING and entries[0][0] < 0:
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
    left = [prospect for i, prospect in prospects.items() if i not in savings]
    return by_worth(savings.values(), worth), tuple(prospect.left_out for prospect in left)


def _prospects(trials: Trials, changes: Sequence[Change], worth: Worth) -> Iterator[tuple[int, Prospect]]:
    """Yield the prospects of the changes that are not found to be none, with their numbers."""
    for i, change in enumerate(changes):
        with suppress(InputError):
            yield i, Prospect(trials, change, worth is worth_of_layers)
