"""Explain a run: where it loses, and what changes save, each simulated by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.drive.explain.change import Change, Progress
from analysis.drive.explain.layer_levers import alike, layer_changes
from analysis.drive.explain.published_levers import published_changes
from analysis.drive.explain.ranking import WORTH_TELLING, LeftOut, tried, worth_telling
from analysis.drive.explain.stage_levers import stage_changes
from analysis.drive.explain.trials import Saving, Trials, by_worth, checked_trials, worth_of, worth_of_layers
from analysis.read.evidence import Verdict, verdict_of
from analysis.read.losses import StageUse, stage_uses
from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import Hardware
from simulator.network.ir import Layer, Network
from simulator.result.run import LayerResult, Run

COVERED = 0.9  # of the cycles: layers beyond are not changed, but where one is asked for
MOST_GROUPS = 12  # of alike layers that are changed


@dataclass(frozen=True, slots=True)
class Explanation:
    """A network's verdict, or that of some of its layers: every verdict, and changes, those that save most first.

    `network_changes` and `machine_changes` are those that were simulated, `left_out` those that save less than what is
    told of their kind. With `asked`, the layers that were asked for, changes of the machine are ranked by what they
    save of these. With `every`, all changes were simulated, and those that save anything are told.
    """

    run: Run
    stages: tuple[StageUse, ...]
    verdicts: tuple[tuple[LayerResult, Verdict], ...]
    network_changes: tuple[Saving, ...]
    machine_changes: tuple[Saving, ...]
    left_out: tuple[LeftOut, ...]
    asked: tuple[LayerResult, ...] = ()
    every: bool = False

    @property
    def _most(self) -> int | None:
        return None if self.every else WORTH_TELLING

    @property
    def best_keeping(self) -> tuple[Saving, ...]:
        """The changes of the network that save most and keep 99% of MACs and parameters; of each lever, the best."""
        return worth_telling((saving for saving in self.network_changes if not saving.cuts), most=self._most)

    @property
    def best_cutting(self) -> tuple[Saving, ...]:
        """Likewise of those that cut MACs or parameters."""
        return worth_telling((saving for saving in self.network_changes if saving.cuts), most=self._most)

    @property
    def best_of_machine(self) -> tuple[Saving, ...]:
        """The changes of the machine that save most; of each lever, the best."""
        return worth_telling(self.machine_changes, worth_of_layers, self._most)


def network_changes(network: Network, machine: Hardware, run: Run) -> list[Change]:
    """Return the family's published variants, changes of stages, and of the alike layers that take most cycles."""
    cycles = {layer.name: layer.cycles for layer in run.layers}
    groups = sorted(alike(network), key=lambda group: -sum(cycles.get(layer.name, 0) for layer in group))
    changes, covered = [*published_changes(network), *stage_changes(network)], 0
    for group in groups[:MOST_GROUPS]:
        if covered >= COVERED * run.total.cycles:
            break
        covered += sum(cycles.get(layer.name, 0) for layer in group)
        changes += layer_changes(network, group, machine)
    return changes


def explain_network(run: Run, progress: Progress | None = None, *, every: bool = False) -> Explanation:
    """Explain a run as a whole; with `every`, simulate also changes that provably save less than what is told.

    Changes are measured against the run itself; where it replays files, changed designs are mapped anew.
    Raises InputError for a run that does not hold what was simulated, or of another version of the simulator.
    """
    trials = checked_trials(run)
    return _explained(trials, network_changes(trials.network, trials.machine, run), progress, every=every)


def explain_layers(
    run: Run, names: Sequence[str], progress: Progress | None = None, *, every: bool = False
) -> Explanation:
    """Explain some layers of a run, named one by one or by their stages; see `explain_network`.

    Raises InputError for a name that neither a layer nor a stage of the run has.
    """
    found = {layer.name: layer for name in names for layer in layers_of(run, name)}
    trials, asked = checked_trials(run, found), tuple(found.values())
    return _explained(trials, _changes_around(trials, asked), progress, asked, every)


def _explained(
    trials: Trials,
    of_network: Sequence[Change],
    progress: Progress | None,
    asked: tuple[LayerResult, ...] = (),
    every: bool = False,
) -> Explanation:
    """Try changes of each kind, so that as many of each are told."""
    run, worth = trials.run, worth_of_layers if asked else worth_of
    kept, cut = ([change for change in of_network if trials.cuts(change) is cuts] for cuts in (False, True))
    keeping, rest = tried(trials, kept, progress=progress, every=every)
    cutting, cut_rest = tried(trials, cut, progress=progress, every=every)
    of_machine, machine_rest = tried(trials, trials.of_machine(), worth, progress, every)
    verdicts = tuple((layer, verdict_of(layer, run)) for layer in asked or run.layers if asked or layer.cycles)
    return Explanation(
        run,
        stage_uses(run),
        verdicts,
        by_worth([*keeping, *cutting]),
        of_machine,
        (*rest, *cut_rest, *machine_rest),
        asked,
        every,
    )


def _changes_around(trials: Trials, asked: Sequence[LayerResult]) -> list[Change]:
    """Return the changes of the layers that were asked for, of all that are alike, and of their stages."""
    names, stages = {layer.name for layer in asked}, {layer.stage for layer in asked}
    changes: list[Change] = []
    for group in alike(trials.network):
        own: tuple[Layer, ...] = tuple(layer for layer in group if layer.name in names)
        if own:
            changes += layer_changes(trials.network, own, trials.machine)
            changes += layer_changes(trials.network, group, trials.machine) if len(own) < len(group) else ()
    return changes + [change for change in stage_changes(trials.network) if change.target in stages]


def layers_of(run: Run, name: str) -> tuple[LayerResult, ...]:
    """Return the layer of that name, or the layers of the stage; raise InputError with the nearest one."""
    found = [layer for layer in run.layers if layer.name == name] or [one for one in run.layers if one.stage == name]
    if found:
        return tuple(found)
    known = [layer.name for layer in run.layers]
    stages = list(dict.fromkeys(layer.stage for layer in run.layers if layer.stage))
    told = f", or a stage: {', '.join(stages)}" if stages else ""
    expected = f"one of its {len(known)} layers, which simulate prints{told}"
    suggestion = nearest(name, [*known, *stages])
    raise InputError(
        Problem("the run has no layer or stage of this name", expected=expected, got=name, suggestion=suggestion)
    )
