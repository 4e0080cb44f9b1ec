"""Try changes: simulate a run's design with a change, and tell what that saves, or can save at most."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from analysis.drive.explain.change import Change
from analysis.drive.explain.least import Design, Floors, Outlook, factors_of
from analysis.drive.explain.machine_levers import machine_changes
from analysis.read.objective import CYCLES, ENERGY, OBJECTIVES
from simulator.door import machine_of, network_of_run
from simulator.engine import Options, simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError, Problem
from simulator.hardware.peak import area_mm2
from simulator.result.run import LayerResult, Run

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

    def outlook(self, change: Change, of_layers: bool) -> Outlook | None:
        """Return what a change takes at least, or its layers that were asked for; None where that is not known.

        Raises InputError for a change that is found not to fit the machine.
        """
        return self._floors.outlook(self.design(change), self.layers if of_layers else ())

    def worth(self, outlook: Outlook, change: Change, of_layers: bool) -> float:
        """Return what a change is worth that takes as little as its outlook says."""
        before = self._before(self.layers if of_layers else ())
        least = outlook.least() / change.frames ** len(factors_of(self.objective))
        return 1 - least / before if before else 0.0

    def look_closer(self, outlook: Outlook, change: Change) -> bool:
        """Find out more of the ops of a change; False if only simulating it tells more."""
        return self._floors.look_closer(outlook, self.design(change))

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
