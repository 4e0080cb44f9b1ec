"""What changed designs take at least, found without a search of mappings: what a change can save at most.

An op on the array takes at least its floor (`simulator.cost.floor`), at a glance, then of all ways to cut it; where
neither it nor the machine is changed, what it takes in the run; once it is searched, what it takes then. Other ops are
played as they are, for they are not searched. A dataflow that is added leaves an op what it took, but for a search's
luck, or takes its own floor at least. An op of a stack takes what its strips do, each by itself.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf, prod
from os import cpu_count

from analysis.read.objective import OBJECTIVES
from simulator.engine.least import least_of, played_alone
from simulator.engine.mapping_cache import (
    Known,
    MappingCache,
    OpKey,
    ResultKey,
    SettingKey,
    op_key,
    result_key,
    setting_key,
)
from simulator.engine.mapping_choice import Wanted, choose_mappings
from simulator.engine.player import Player, Shared, Turn
from simulator.engine.schedule_cache import Schedules, known_schedules
from simulator.engine.simulate import choose_dataflows
from simulator.engine.store import Rows, key_of
from simulator.hardware.model import BAND, GAP, Hardware
from simulator.nest import Operand
from simulator.network.ir import Network
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp, plan, played

FACTORS = {"cycles_then_energy": ("cycles",), "edp": ("cycles", "energy")}
"""Objective -> measures whose product it is, where that is not itself alone."""

LUCK = (1 + GAP) * (1 + BAND)
"""By what factor a search that has more to try finds a better mapping of what it knew before: the gap at which it
ends, and what energy among the fastest may take longer. No proof: a search that spends its effort before may miss more.
"""

Alike = tuple[OpKey, int, int] | ResultKey  # an op with what is fused into it; one that the array does not run

UNSEEN, GLANCED, LOOKED_AT, KNOWN = range(4)
"""How closely an op was looked at."""

TIMES = ("cycles", "cycles_plus_dma")
"""Measures in which what starts an op counts."""

SAY = 1.5
"""What an op is taken to take, over what it takes at least, where nothing is known of it: which to look at next."""


def factors_of(objective: str) -> tuple[str, ...]:
    """Return the measures whose product an objective is."""
    return FACTORS.get(objective, (objective,))


@dataclass(frozen=True, slots=True)
class Design:
    """A network on a machine under a dataflow."""

    machine: Hardware
    network: Network
    dataflow: str


class Outlook:
    """What a design takes at least of an objective: the closer its ops are looked at, the closer that comes.

    `before` is what ops took before the design was changed, by name, but for the `launch_cycles` of each op. Alike ops,
    or strips, are looked at once, the first of each kind; kinds have numbers.
    """

    def __init__(self, measures: tuple[str, ...], before: Mapping[str, float], launch_cycles: int) -> None:
        self.measures, self.before = measures, before
        self.launches = [launch_cycles if measure in TIMES else 0 for measure in measures]
        self.ops: list[PlannedOp] = []
        self.stages: list[int] = []
        self.lows: list[list[float]] = []  # what one takes at least, by measure, once it is launched
        self._plans: list[tuple[Counter[int], int]] = []  # to choose from: how many of each kind, and of ops
        self._kinds: dict[Alike, int] = {}

    def add_plan(self, ops: Sequence[PlannedOp]) -> None:
        """Add a plan to choose from."""
        counts = Counter[int]()
        for op in ops:
            shapes, plays = (op.in_stack.shapes, op.in_stack.plays) if op.in_stack else ((op,), (0,))
            kinds = [self._kind(shape) for shape in shapes]
            counts.update(kinds[shape] for shape in plays if shape is not None)
        self._plans.append((counts, len(ops)))

    def _kind(self, op: PlannedOp) -> int:
        kind = self._kinds.setdefault(alike_key(op), len(self.ops))
        if kind == len(self.ops):
            self.ops.append(op)
            self.stages.append(UNSEEN)
            self.lows.append([0.0] * len(self.measures))
        return kind

    def learn(self, kind: int, stage: int, least: Sequence[float]) -> None:
        """Say what ops of a kind take at least, as far as they were looked at."""
        self.stages[kind] = stage
        self.lows[kind] = list(least if stage == KNOWN else map(max, least, self.lows[kind]))

    def know(self, kind: int, found: LayerResult) -> None:
        """Say what ops of a kind take."""
        values = [OBJECTIVES[measure].of_layer(found) for measure in self.measures]
        self.learn(kind, KNOWN, [value - launch for value, launch in zip(values, self.launches, strict=True)])

    def know_all(self, found: Mapping[Alike, LayerResult]) -> None:
        """Say the same of all kinds that are found."""
        for alike, kind in self._kinds.items():
            if alike in found:
                self.know(kind, found[alike])

    def least(self) -> float:
        """Return what the best plan takes at least."""
        return min(
            prod(
                ops * launch + sum(count * self.lows[kind][i] for kind, count in counts.items())
                for i, launch in enumerate(self.launches)
            )
            for counts, ops in self._plans
        )

    def to_look_at(self) -> list[int]:
        """Return the kinds that are not known, those first that may tell most.

        That is how much more they may take than is known, to stand where they stood before.
        """
        total = sum((counts for counts, _ in self._plans), Counter[int]())

        def may_tell(kind: int) -> float:
            low, name = self.lows[kind][0], self.ops[kind].layer.name
            before = self.before.get(name, inf if self.stages[kind] == UNSEEN else SAY * low)
            return total[kind] * max(before - low, (LUCK - 1) * low)

        return sorted((k for k, stage in enumerate(self.stages) if stage < KNOWN), key=may_tell, reverse=True)


class Floors:
    """What designs take at least; floors of equal ops on equal machines are found once."""

    def __init__(self, design: Design, objective: str, cache: MappingCache) -> None:
        """The design is the one that others are compared with."""
        self.design, self.objective, self.cache = design, objective, cache
        self.measures = factors_of(objective)
        self._floors: dict[tuple[SettingKey, bool], dict[OpKey, float]] = {}
        self._rows = Rows(cache.store)

    @cached_property
    def taken(self) -> Mapping[Alike, LayerResult]:
        """What ops of the design take by themselves."""
        schedules = self._schedules(self.design)
        ops, machine = self._planned(self.design, schedules, {}).ops, self.design.machine
        on_array = [op for op in ops if op.layer.nest is not None]
        results = self._searched(self.design, on_array)
        found: dict[Alike, LayerResult] = {alike_key(op): each for op, each in zip(on_array, results, strict=True)}
        others = [op for op in ops if op.layer.nest is None]
        return found | {alike_key(op): self._played_alone(op, machine) for op in others}

    @cached_property
    def before(self) -> Mapping[str, float]:
        """What ops of the design take by themselves, once they are launched, of the first measure, by name."""
        of_layer, machine = OBJECTIVES[self.measures[0]].of_layer, self.design.machine
        launch = machine.launch_cycles if self.measures[0] in TIMES else 0
        plans = [plan(self.design.network, machine, schedule) for schedule in self._schedules(self.design)]
        ops = (op for plan in plans for op in played(plan))
        return {op.layer.name: of_layer(self.taken[alike_key(op)]) - launch for op in ops}

    def outlook(self, design: Design, names: Collection[str] = ()) -> Outlook | None:
        """Return what the layers of these names, or all, take at least of the objective, before any is looked at.

        None of a design that may have several stacks: which of them pay, and what stays on chip then, only simulating
        it tells. Nor of one with several cores: how ops are cut, likewise.
        """
        if design.machine.cores > 1:
            return None
        schedules = self._schedules(design)
        if any(schedule and len(schedule.stacks) > 1 for schedule in schedules):
            return None
        outlook, (taken, added) = self._planned(design, schedules, self.before, names), self._known(design)
        outlook.know_all({alike: found for alike, found in taken.items() if not added or isinstance(alike, ResultKey)})
        return outlook

    def _schedules(self, design: Design) -> Schedules:
        return known_schedules(design.network, design.machine, self.cache, self._rows)

    def _planned(
        self, design: Design, schedules: Schedules, before: Mapping[str, float], names: Collection[str] = ()
    ) -> Outlook:
        outlook = Outlook(self.measures, before, design.machine.launch_cycles)
        for schedule in schedules:
            running = [op for op in plan(design.network, design.machine, schedule) if op.runs]
            outlook.add_plan([op for op in running if not names or op.layer.name in names])
        return outlook

    def look_closer(self, outlook: Outlook, design: Design) -> bool:
        """Look closer at the op of a design that may tell most; False where all are known.

        One that was looked at closely is searched, with as many others as there are cores. Raises InputError for one
        that cannot fit.
        """
        todo = outlook.to_look_at()
        if not todo:
            return False
        first, op = todo[0], outlook.ops[todo[0]]
        stage = outlook.stages[first]
        if op.layer.nest is None:
            outlook.know(first, self._played_alone(op, design.machine))
        elif stage < LOOKED_AT:
            outlook.learn(first, stage + 1, self._floors_of(op, design, closely=stage == GLANCED))
        else:
            some = [kind for kind in todo if outlook.stages[kind] == LOOKED_AT][: cpu_count() or 1]
            for kind, found in zip(some, self._searched(design, [outlook.ops[kind] for kind in some]), strict=True):
                outlook.know(kind, found)
        return True

    def _searched(self, design: Design, ops: Sequence[PlannedOp]) -> list[LayerResult]:
        """Search ops of a design, as simulating it does; return what each takes.

        Ops of several schedules may have one name: these are searched one after the other.
        """
        found: dict[int, LayerResult] = {}
        while left := {op.layer.name: at for at, op in enumerate(ops) if at not in found}:
            results = self._searched_at_once(design, [ops[at] for at in left.values()])
            found |= dict(zip(left.values(), results, strict=True))
        return [found[at] for at in range(len(ops))]

    def _searched_at_once(self, design: Design, ops: Sequence[PlannedOp]) -> Iterator[LayerResult]:
        """Search ops of different names.

        Its first weights have come before, where the machine fetches them, as it plays it at best.
        """
        machine, flows = design.machine, choose_dataflows(design.machine, design.dataflow)
        setting, ahead = setting_key(machine, flows, self.objective), machine.layer_order == "prefetch_weights"
        known = Known(setting, self.cache.mappings_of(setting), self._rows)
        choices = choose_mappings(ops, machine, flows, Wanted(self.objective), known)
        mappings = {name: each.mapping for name, each in choices.items()}
        player = Player(mappings, machine, self._rows, Shared(self.cache.plays_of(machine)))
        for op in ops:
            come = player.first_weights(op) if ahead else 0
            yield player.result(op, [Turn(op, op.layer.name, come, 0)])
        self._keep()

    def _played_alone(self, op: PlannedOp, machine: Hardware) -> LayerResult:
        found = played_alone(op, machine, self._rows)
        self._keep()
        return found

    def _keep(self) -> None:
        """Write what is fresh, where it is written: without a store it is known as long as this is."""
        if self.cache.store.path is not None:
            self._rows.keep()

    def _known(self, design: Design) -> tuple[Mapping[Alike, LayerResult], bool]:
        """Return what ops are known to take under a design, and whether that is but without dataflows that it adds.

        Of a product of measures, a search may find less of one and more of the other.
        """
        machine, mine = design.machine, self.design.machine
        if design.dataflow != self.design.dataflow:
            return {}, False
        if machine is mine:
            return self.taken, False
        same = replace(machine, name=mine.name, source=mine.source, dataflows=mine.dataflows) == mine
        more = same and len(self.measures) == 1 and set(machine.dataflows) > set(mine.dataflows)
        return (self.taken, True) if more else ({}, False)

    def _floors_of(self, op: PlannedOp, design: Design, closely: bool) -> list[float]:
        """Return what an op takes at least by measure; under dataflows of the run, what it is found to take there."""
        machine, (taken, added) = design.machine, self._known(design)
        flows = choose_dataflows(machine, design.dataflow)
        found, least = taken.get(alike_key(op)) if added else None, []
        for measure in self.measures:
            launch, configuration = (
                (machine.launch_cycles, machine.configuration_cycles) if measure in TIMES else (0, 0)
            )
            before = (OBJECTIVES[measure].of_layer(found) - launch - configuration) / LUCK if found else 0.0
            floors = self._by_flow(op, design, measure, closely)
            mine = self.design.machine.dataflows
            lowest = min(max(x, before) if flow in mine else x for flow, x in zip(flows, floors, strict=True))
            if (spared := _prefetched(op, machine, measure)) and closely:
                here = replace(op, resident=(op.resident[0], True, op.resident[2]))
                lowest = max(lowest, spared + min(self._by_flow(here, design, measure, closely)))
            least.append(max(0.0, lowest - spared) + configuration)
        return least

    def _by_flow(self, op: PlannedOp, design: Design, measure: str, closely: bool) -> list[float]:
        """Return the floor of an op under each dataflow; less where that is not the least, or more than in the run."""
        machine, key, flows = design.machine, op_key(op), choose_dataflows(design.machine, design.dataflow)
        known = [self._floors.setdefault((setting_key(machine, (flow,), measure), closely), {}) for flow in flows]
        new = [i for i in range(len(flows)) if key not in known[i]]
        if not new:
            return [each[key] for each in known]
        most: list[float] = []
        if closely:
            glances, in_run = self._by_flow(op, design, measure, False), self.taken.get(alike_key(op))
            looked_at = [known[i][key] for i in range(len(flows)) if i not in new]
            run = OBJECTIVES[measure].of_layer(in_run) if in_run else inf
            most = [*(glances[i] for i in new), min(run, *looked_at, inf)]
        asked = tuple(flows[i] for i in new)
        asks = key_of("floors", setting_key(machine, asked, measure), key, most)
        found = self._rows.recall(asks, lambda: least_of(op, machine, asked, measure, most))
        for i, floor in zip(new, found, strict=True):
            known[i][key] = floor
        return [each[key] for each in known]


def alike_key(op: PlannedOp) -> Alike:
    """Return what tells ops apart by what they take."""
    if op.layer.nest is None:
        return result_key(op, ())
    return op_key(op), len(op.fused), op.added + sum(nest.macs for nest in op.filtering)


def _prefetched(op: PlannedOp, machine: Hardware, measure: str) -> float:
    """Return what an op may be spared because its first weights have come before: the time of one transfer.

    Cycles: latency + bytes / bandwidth, of all the op's weights, but no more than the memory holds.
    """
    rate = machine.dram.bytes_per_cycle
    if machine.layer_order != "prefetch_weights" or rate is None:
        return 0.0
    room = max(buffer.capacity_bytes for buffer in machine.buffers if Operand.WEIGHTS in buffer.holds)
    size = min(room, op.layer.params * machine.weight_bits // 8 + 1)
    cycles = machine.dram.latency_cycles + ceil(size / rate)
    spared = {"cycles": cycles, "cycles_plus_dma": 2 * cycles}
    return spared.get(measure, cycles * machine.prices.per_cycle * machine.energy.unit_pj if measure == "energy" else 0)
