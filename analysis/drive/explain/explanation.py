"""Explain a run: where it loses, and what changes save, each simulated by itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.drive.explain.change import Change, Progress
from analysis.drive.explain.layer_levers import alike, layer_changes
from analysis.drive.explain.machine_levers import machine_changes
from analysis.drive.explain.stage_levers import stage_changes
from analysis.read.evidence import Verdict, verdict_of
from analysis.read.losses import StageUse, stage_uses
from analysis.read.objective import CYCLES, ENERGY, OBJECTIVES
from simulator.door import machine_of, network_of_run
from simulator.engine import Options, simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import Hardware
from simulator.network.ir import Layer, Network
from simulator.result.run import LayerResult, Run

COVERED = 0.9  # of the cycles: layers beyond are not changed, but where one is asked for
MOST_GROUPS = 12  # of alike layers that are changed
WORTH_TELLING = 5


@dataclass(frozen=True, slots=True)
class Saving:
    """What a change saves: figures of the network, before less after, and of the layer that was asked for, if any.

    `of_machine`: the machine is changed, not the network. `worth` is the part of the network's cycles that is saved,
    or of its energy or whatever else the run's mappings minimize: changes are ranked by it.
    """

    lever: str
    target: str
    what: str
    of_machine: bool
    worth: float
    cycles: int  # of the changed design
    saved: int
    saved_share: float
    macs: int
    macs_saved: int
    params_saved: int
    energy_saved_share: float
    dram_bytes_saved: int
    layer_cycles: int | None = None  # after the change; None where no layer was asked for or it is gone


@dataclass(frozen=True, slots=True)
class Explanation:
    """A network's verdict: its stages, every layer's verdict, and changes, those that save most first."""

    run: Run
    stages: tuple[StageUse, ...]
    verdicts: tuple[tuple[LayerResult, Verdict], ...]
    network_changes: tuple[Saving, ...]
    machine_changes: tuple[Saving, ...]

    @property
    def best_of_network(self) -> tuple[Saving, ...]:
        """The changes of the network that save most; of each lever and layer or stage, the best."""
        return worth_telling(self.network_changes)

    @property
    def best_at_equal_macs(self) -> tuple[Saving, ...]:
        """Likewise, of the changes that leave the network within a hundredth of its MACs."""
        kept = [saving for saving in self.network_changes if abs(saving.macs_saved) <= self.run.total.macs / 100]
        return worth_telling(kept)

    @property
    def best_of_machine(self) -> tuple[Saving, ...]:
        """The changes of the machine that save most; of each lever, the best."""
        return worth_telling(self.machine_changes)


@dataclass(frozen=True, slots=True)
class LayerExplanation:
    """A layer's verdict, with changes of the machine, which save most of this layer first, and of the network."""

    run: Run
    layer: LayerResult
    verdict: Verdict
    machine_changes: tuple[Saving, ...]
    network_changes: tuple[Saving, ...]


def worth_telling(savings: Iterable[Saving]) -> tuple[Saving, ...]:
    """Return the first savings that save anything, one of each lever and target."""
    best: dict[tuple[str, str], Saving] = {}
    for saving in savings:
        if saving.worth > 0:
            best.setdefault((saving.lever, saving.target), saving)
    return tuple(best.values())[:WORTH_TELLING]


class Trials:
    """Simulates the machine and the network of a run, and changed ones, as the run was made; mappings are shared."""

    def __init__(self, run: Run) -> None:
        self.run, self.machine, self.network = run, machine_of(run), network_of_run(run)
        self.dataflow = str(run.options.get("dataflow", "best"))
        self.objective = str(run.options.get("objective", "cycles"))
        self._cache = MappingCache()

    def simulate(self, change: Change) -> Run:
        """Simulate a change."""
        return simulate(
            change.machine or self.machine,
            change.network or self.network,
            Options(change.dataflow or self.dataflow, self.objective),
            cache=self._cache,
        )

    def of_machine(self) -> list[Change]:
        """Return every change of the machine."""
        return list(machine_changes(self.machine, self.network, self.dataflow))


def network_changes(network: Network, machine: Hardware, run: Run) -> list[Change]:
    """Return changes of stages, and of the alike layers that take most of the cycles."""
    cycles = {layer.name: layer.cycles for layer in run.layers}
    groups = sorted(alike(network), key=lambda group: -sum(cycles.get(layer.name, 0) for layer in group))
    changes, covered = list(stage_changes(network)), 0
    for group in groups[:MOST_GROUPS]:
        if covered >= COVERED * run.total.cycles:
            break
        covered += sum(cycles.get(layer.name, 0) for layer in group)
        changes += layer_changes(network, group, machine)
    return changes


def explain_network(run: Run, progress: Progress | None = None) -> Explanation:
    """Explain a run as a whole.

    Changes are measured against the run itself; where it replays files, changed designs are mapped anew.
    Raises InputError for a run that does not hold what was simulated, or of another version of the simulator.
    """
    trials = checked_trials(run)
    changes = [*network_changes(trials.network, trials.machine, run), *trials.of_machine()]
    savings = _simulated(changes, trials, progress)
    of_network = [saving for saving in savings if not saving.of_machine]
    of_machine = [saving for saving in savings if saving.of_machine]
    verdicts = tuple((layer, verdict_of(layer, run)) for layer in run.layers if layer.cycles)
    return Explanation(run, stage_uses(run), verdicts, _sorted(of_network), _sorted(of_machine))


def explain_layer(run: Run, name: str, progress: Progress | None = None) -> LayerExplanation:
    """Explain one layer of a run; see `explain_network`. Raises InputError for a layer that the run does not have."""
    layer = layer_of(run, name)
    trials = checked_trials(run)
    changes = trials.of_machine()
    if layer.macs:
        group = next(group for group in alike(trials.network) if any(one.name == name for one in group))
        changes += _changes_around(trials, group, next(one for one in group if one.name == name))
    savings = _simulated(changes, trials, progress, name)
    of_machine = sorted(
        (saving for saving in savings if saving.of_machine),
        key=lambda saving: (saving.layer_cycles or 0, -saving.worth, saving.what),
    )
    of_network = [saving for saving in savings if not saving.of_machine]
    return LayerExplanation(run, layer, verdict_of(layer, run), tuple(of_machine), _sorted(of_network))


def _changes_around(trials: Trials, group: tuple[Layer, ...], layer: Layer) -> list[Change]:
    """Return the changes of a layer alone, of all that are alike, and of its stage."""
    changes = list(layer_changes(trials.network, (layer,), trials.machine))
    if len(group) > 1:
        changes += layer_changes(trials.network, group, trials.machine)
    return changes + [change for change in stage_changes(trials.network) if change.target == layer.stage]


def layer_of(run: Run, name: str) -> LayerResult:
    """Return the layer of that name; raise InputError with the nearest one."""
    for layer in run.layers:
        if layer.name == name:
            return layer
    known = [layer.name for layer in run.layers]
    expected = f"one of its {len(known)} layers: simulate prints them"
    raise InputError(
        Problem("the run has no layer of this name", expected=expected, got=name, suggestion=nearest(name, known))
    )


def checked_trials(run: Run) -> Trials:
    """Return the trials of a run; raise InputError if it does not hold what was simulated, or comes out different."""
    trials = Trials(run)
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


def _simulated(changes: Sequence[Change], trials: Trials, progress: Progress | None, layer: str = "") -> list[Saving]:
    """Simulate each change by itself; leave out those that do not fit the machine."""
    savings = []
    for i, change in enumerate(changes):
        if progress:
            progress(i, len(changes), change.what)
        try:
            savings.append(_saving(change, trials, trials.simulate(change), layer))
        except InputError:
            continue
    return savings


def _saving(change: Change, trials: Trials, after: Run, layer: str) -> Saving:
    run = trials.run
    before, total = run.total, after.total
    found = [one.cycles for one in after.layers if one.name == layer]
    return Saving(
        lever=change.lever,
        target=change.target,
        what=change.what,
        of_machine=change.of_machine,
        worth=OBJECTIVES[trials.objective].saved(run, after),
        cycles=total.cycles,
        saved=before.cycles - total.cycles,
        saved_share=CYCLES.saved(run, after),
        macs=total.macs,
        macs_saved=before.macs - total.macs,
        params_saved=run.network.params - after.network.params,
        energy_saved_share=ENERGY.saved(run, after),
        dram_bytes_saved=before.dram_bytes - total.dram_bytes,
        layer_cycles=found[0] if found else None,
    )


def _sorted(savings: Iterable[Saving]) -> tuple[Saving, ...]:
    return tuple(sorted(savings, key=lambda saving: (-saving.worth, saving.what)))
