"""Try changes: simulate those that may be worth telling, in the order of what they can save at most."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from analysis.drive.explain.change import Change, Progress
from analysis.drive.explain.least import Design, Floors, Outlook, factors_of, searched
from analysis.drive.explain.machine_levers import machine_changes
from analysis.read.objective import CYCLES, ENERGY, OBJECTIVES
from simulator.door import machine_of, network_of_run
from simulator.engine import Options, simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError, Problem
from simulator.hardware.peak import area_mm2
from simulator.result.run import LayerResult, Run

WORTH_TELLING = 5
"""Changes of a kind that are told, and simulated until no other can be one of them."""

KEPT = 0.99
"""Of MACs and parameters: a change that keeps so much of both does not cut them."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a change saves: figures of the network, before less after, and of the layers that were asked for, if any.

    Where more samples run at once, figures are of as many as before. `of_machine`: the machine is changed, or how it is
    used, not the network; `cuts`: the network loses MACs or parameters. `worth` is the part of the network's cycles
    that is saved, or of its energy or whatever else the run's mappings minimize: changes are ranked by it.
    """

    lever: str
    target: str
    what: str
    of_machine: bool
    cuts: bool
    accuracy: str  # "same", "unknown", or what is published
    worth: float
    cycles: int  # of the changed design
    saved: int
    saved_share: float
    macs: int
    macs_saved: int
    params_saved: int
    energy_saved_share: float
    dram_bytes_saved: int
    area_added_share: float | None = None  # None where the energy table knows no areas
    layer_cycles: int | None = None  # after the change; None where no layer was asked for or none is left
    layer_worth: float | None = None  # likewise of what mappings minimize


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A change that is not simulated: it saves no more than `worth_at_most`, by bounds on its ops (`least`)."""

    lever: str
    target: str
    what: str
    worth_at_most: float


Worth = Callable[[Saving], float]


def worth_of(saving: Saving) -> float:
    """Return what a change is worth to the network."""
    return saving.worth


def worth_of_layers(saving: Saving) -> float:
    """Return what a change is worth to the layers that were asked for."""
    return saving.worth if saving.layer_worth is None else saving.layer_worth


def by_worth(savings: Iterable[Saving], worth: Worth = worth_of) -> tuple[Saving, ...]:
    """Return savings, those worth most first."""
    return tuple(sorted(savings, key=lambda saving: (-worth(saving), -saving.worth, saving.what)))


def worth_telling(savings: Iterable[Saving], worth: Worth = worth_of) -> tuple[Saving, ...]:
    """Return the first savings that save anything, one of each lever and target."""
    best: dict[tuple[str, str], Saving] = {}
    for saving in savings:
        if worth(saving) > 0:
            best.setdefault((saving.lever, saving.target), saving)
    return tuple(best.values())[:WORTH_TELLING]


class Trials:
    """Simulates the machine and the network of a run, and changed ones, as the run was made; mappings are shared.

    With `layers`, what changes do to these is told besides.
    """

    def __init__(self, run: Run, layers: Collection[str] = ()) -> None:
        self.run, self.machine, self.network = run, machine_of(run), network_of_run(run)
        self.dataflow = str(run.options.get("dataflow", "best"))
        self.objective = str(run.options.get("objective", "cycles"))
        self.layers = frozenset(layers)
        self.area = area_mm2(self.machine)
        self._cache = MappingCache()
        self._floors = Floors(self.design(Change("", "", "")), self.objective, self._cache)

    def design(self, change: Change) -> Design:
        """Return what is simulated."""
        return Design(change.machine or self.machine, change.network or self.network, change.dataflow or self.dataflow)

    def simulate(self, change: Change) -> Run:
        """Simulate a change."""
        design, options = self.design(change), Options(change.dataflow or self.dataflow, self.objective)
        return simulate(design.machine, design.network, options, cache=self._cache)

    def of_machine(self) -> list[Change]:
        """Return every change of the machine, and of how it is used."""
        return list(machine_changes(self.machine, self.network, self.dataflow))

    def cuts(self, change: Change) -> bool:
        """Tell whether a change takes MACs or parameters from the network."""
        network, before = change.network, self.network
        if network is None or change.of_machine:
            return False
        return network.macs < KEPT * before.macs or network.params < KEPT * before.params

    def prospect(self, change: Change, of_layers: bool) -> "Prospect":
        """Return what a change can be worth at most, to the network or to the layers that were asked for."""
        design = self.design(change)
        if design.machine.runs_stacks:
            return Prospect(self, change, of_layers)  # floors are of ops by themselves, and a stack's run in strips
        with suppress(InputError):  # what is wrong is found again by simulating
            outlook = self._floors.outlook(design, self.layers if of_layers else ())
            return Prospect(self, change, of_layers, outlook)
        return Prospect(self, change, of_layers)

    def worth(self, outlook: Outlook, change: Change, of_layers: bool) -> float:
        """Return what a change is worth that takes as little as its outlook says."""
        before = self._before(self.layers if of_layers else ())
        least = outlook.least() / change.frames ** len(factors_of(self.objective))
        return 1 - least / before if before else 0.0

    def searching(self, outlook: Outlook, change: Change) -> Iterator[object]:
        """Search the ops of a change one after the other; see `searched`."""
        return searched(outlook, self.design(change), self.objective, self._cache)

    def _before(self, names: Collection[str]) -> float:
        if not names:
            return OBJECTIVES[self.objective].of_run(self.run)
        return self._of_layers(self.run)

    def _of_layers(self, run: Run) -> float:
        return self._product([layer for layer in run.layers if layer.name in self.layers])

    def _product(self, layers: Sequence[LayerResult]) -> float:
        product = 1.0
        for measure in factors_of(self.objective):
            product *= sum(map(OBJECTIVES[measure].of_layer, layers))
        return product

    def saving(self, change: Change) -> Saving:
        """Simulate a change and tell what it saves; raise InputError where it does not fit the machine."""
        before, after, frames = self.run, self.simulate(change), change.frames
        total, power = after.total, len(factors_of(self.objective))
        left = [layer.cycles for layer in after.layers if layer.name in self.layers]
        was = self._before(self.layers)
        cycles = round(total.cycles / frames)
        return Saving(
            lever=change.lever,
            target=change.target,
            what=change.what,
            of_machine=change.of_machine,
            cuts=self.cuts(change),
            accuracy=change.accuracy,
            worth=_saved(self._before(()), OBJECTIVES[self.objective].of_run(after) / frames**power),
            cycles=cycles,
            saved=before.total.cycles - cycles,
            saved_share=_saved(CYCLES.of_run(before), CYCLES.of_run(after) / frames),
            macs=total.macs // frames,
            macs_saved=before.total.macs - total.macs // frames,
            params_saved=before.network.params - after.network.params,
            energy_saved_share=_saved(ENERGY.of_run(before), ENERGY.of_run(after) / frames),
            dram_bytes_saved=before.total.dram_bytes - total.dram_bytes // frames,
            area_added_share=self._area_added(change),
            layer_cycles=sum(left) // frames if left else None,
            layer_worth=_saved(was, self._of_layers(after) / frames**power) if left else None,
        )

    def _area_added(self, change: Change) -> float | None:
        area = area_mm2(change.machine or self.machine)
        return None if area is None or not self.area else area / self.area - 1


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a change can be worth at most; without an outlook that is not known before it is simulated."""

    trials: Trials
    change: Change
    of_layers: bool
    outlook: Outlook | None = None

    @property
    def worth_at_most(self) -> float:
        """What it can be worth at most, as far as its ops are searched."""
        return inf if self.outlook is None else self.trials.worth(self.outlook, self.change, self.of_layers)

    def search(self, enough: float) -> None:
        """Search its ops until it cannot be worth more than `enough`, or none is left."""
        if self.outlook is not None:
            with suppress(InputError):  # which simulating finds again
                searching = self.trials.searching(self.outlook, self.change)
                while self.worth_at_most > enough and next(searching, None):
                    pass

    @property
    def left_out(self) -> LeftOut:
        """Itself as a change that is not simulated."""
        return LeftOut(self.change.lever, self.change.target, self.change.what, self.worth_at_most)


def tried(
    trials: Trials, changes: Sequence[Change], worth: Worth = worth_of, progress: Progress | None = None
) -> tuple[tuple[Saving, ...], tuple[LeftOut, ...]]:
    """Simulate changes by themselves until no other is worth telling; return the rest with what they can save.

    Those that can save most come first; one whose ops, searched by and by, leave it too little is not simulated whole.
    Left out besides is what does not fit the machine.
    """
    prospects = [trials.prospect(change, worth is worth_of_layers) for change in changes]
    ranked = sorted(prospects, key=lambda prospect: -prospect.worth_at_most)
    savings: list[Saving] = []
    left: list[Prospect] = []
    for i, prospect in enumerate(ranked):
        told = worth_telling(by_worth(savings, worth), worth)
        enough = worth(told[-1]) if len(told) == WORTH_TELLING else 0.0
        if prospect.worth_at_most <= enough:
            left += ranked[i:]
            break
        if progress:
            progress(i, len(ranked), prospect.change.what)
        prospect.search(enough)
        if prospect.worth_at_most <= enough:
            left.append(prospect)
            continue
        with suppress(InputError):
            savings.append(trials.saving(prospect.change))
    return by_worth(savings, worth), tuple(prospect.left_out for prospect in left)


def _saved(before: float, after: float) -> float:
    return (before - after) / before if before else 0.0


def checked_trials(run: Run, layers: Collection[str] = ()) -> Trials:
    """Return the trials of a run; raise InputError if it does not hold what was simulated, or comes out different."""
    trials = Trials(run, layers)
    cycles = trials.simulate(Change("", "", "")).total.cycles
    replayed = run.options.get("mapping") or run.options.get("schedule")
    if cycles != run.total.cycles and replayed is None:
        expected = f"{run.total.cycles} cycles, as it holds"
        raise InputError(
            Problem(
                "the run was made by another version of the simulator: run it again",
                path="total.cycles",
                expected=expected,
                got=str(cycles),
            )
        )
    return trials
