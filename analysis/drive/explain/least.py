"""What changed designs take at least, found without a search of mappings: what a change can save at most.

An op on the array takes at least its floor (`simulator.cost.floor`); where neither it nor the machine is changed, what
it takes in the run; once it is searched, what it takes then. Other ops are played as they are, for they are not
searched. A dataflow that is added leaves an op what it took, but for a search's luck, or takes its own floor at least.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf, prod
from os import cpu_count

from analysis.read.objective import OBJECTIVES
from simulator.engine.least import least_of, played_alone
from simulator.engine.mapping_cache import Known, MappingCache, OpKey, SettingKey, op_key, setting_key
from simulator.engine.mapping_choice import Wanted, choose_mappings
from simulator.engine.player import Player, Turn
from simulator.engine.simulate import choose_dataflows
from simulator.engine.store import NO_STORE, Rows
from simulator.hardware.model import BAND, GAP, Hardware
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Operand
from simulator.network.ir import Network
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp, plan, schedules

FACTORS = {"cycles_then_energy": ("cycles",), "edp": ("cycles", "energy")}
"""Objective -> measures whose product it is, where that is not itself alone."""

LUCK = (1 + GAP) * (1 + BAND)
"""By what factor a search that has more to try finds a better mapping of what it knew before: the gap at which it
ends, and what energy among the fastest may take longer. No proof: a search that spends its effort before may miss more.
"""

Alike = tuple[OpKey, int, int]  # an op with what is fused into it

Found = tuple[PlannedOp, LayerResult]
FloorsByFlow = tuple[str, list[tuple[Dataflow, dict[OpKey, float]]]]  # of a measure


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
    """What a design takes at least of an objective: the more of its ops are searched, the closer that comes."""

    def __init__(self, machine: Hardware, objective: str) -> None:
        self.machine, self.measures = machine, factors_of(objective)
        self._others: list[list[float]] = []  # of what the array does not run, by plan and measure
        self._counts: list[Counter[Alike]] = []  # of alike ops, by plan
        self._least: dict[Alike, list[float]] = {}  # of one op, by measure
        self._open: dict[Alike, PlannedOp] = {}  # of which the search would tell more

    def add_plan(self, others: Sequence[LayerResult], ops: Sequence[PlannedOp]) -> None:
        """Add a plan to choose from: what the array does not run, as it is played, and ops that it runs."""
        self._others.append([sum(map(OBJECTIVES[measure].of_layer, others)) for measure in self.measures])
        self._counts.append(Counter(map(_alike, ops)))

    def add_least(self, op: PlannedOp, least: list[float]) -> None:
        """Say what an op, and what is alike, takes at least by measure; it may be searched."""
        self._least[_alike(op)], self._open[_alike(op)] = least, op

    def know(self, op: PlannedOp, found: LayerResult) -> None:
        """Say what an op, and what is alike, takes, but for its first weights coming before."""
        waits, values = found.cycle_parts.get("dram", 0), {m: OBJECTIVES[m].of_layer(found) for m in self.measures}
        self._open.pop(_alike(op), None)
        self._least[_alike(op)] = [
            max(0.0, value - _prefetched(op, self.machine, measure, waits)) for measure, value in values.items()
        ]

    def least(self) -> float:
        """Return what the best plan takes at least."""
        return min(
            prod(
                other + sum(count * self._least[alike][i] for alike, count in counts.items())
                for i, other in enumerate(others)
            )
            for others, counts in zip(self._others, self._counts, strict=True)
        )

    def knows(self, op: PlannedOp) -> bool:
        """Tell whether anything is said of what is alike to an op."""
        return _alike(op) in self._least

    def to_search(self) -> list[PlannedOp]:
        """Return the ops that are not searched, those that take most first."""
        total = sum(self._counts, Counter[Alike]())
        return sorted(self._open.values(), key=lambda op: -total[_alike(op)] * self._least[_alike(op)][0])


class Floors:
    """What designs take at least; floors of equal ops on equal machines are found once."""

    def __init__(self, design: Design, objective: str, cache: MappingCache) -> None:
        """The design is the one that others are compared with."""
        self.design, self.objective, self.cache = design, objective, cache
        self._floors: dict[SettingKey, dict[OpKey, float]] = {}
        self._rows = Rows(NO_STORE)

    @cached_property
    def taken(self) -> Mapping[Alike, LayerResult]:
        """What ops of the design take by themselves."""
        found: dict[Alike, LayerResult] = {}
        if not self.design.machine.runs_stacks:
            outlook = self._outlook(self.design, {}, added=False)
            for op, result in searched(outlook, self.design, self.objective, self.cache):
                found[_alike(op)] = result
        return found

    def outlook(self, design: Design, names: Collection[str] = ()) -> Outlook:
        """Return what the layers of these names, or all, take at least of the objective."""
        return self._outlook(design, *self._known(design), names)

    def _outlook(
        self, design: Design, taken: Mapping[Alike, LayerResult], added: bool, names: Collection[str] = ()
    ) -> Outlook:
        machine, outlook = design.machine, Outlook(design.machine, self.objective)
        flows = choose_dataflows(machine, design.dataflow)
        floors = {measure: self._floors_of(machine, flows, measure) for measure in outlook.measures}
        for schedule in schedules(design.network, machine):
            running = [op for op in plan(design.network, machine, schedule) if op.runs]
            asked = [op for op in running if not names or op.layer.name in names]
            on_array = [op for op in asked if op.layer.nest is not None]
            others = [played_alone(op, machine, self._rows) for op in asked if op.layer.nest is None]
            outlook.add_plan(others, on_array)
            for op in on_array:
                found = taken.get(_alike(op))
                if found and not added:
                    outlook.know(op, found)
                elif not outlook.knows(op):
                    least = [self._least(op, machine, floors[measure], found) for measure in outlook.measures]
                    outlook.add_least(op, least)
        return outlook

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
        more = same and len(factors_of(self.objective)) == 1 and set(machine.dataflows) > set(mine.dataflows)
        return (self.taken, True) if more else ({}, False)

    def _floors_of(self, machine: Hardware, flows: Sequence[Dataflow], measure: str) -> FloorsByFlow:
        """Return what is known of floors, to add to."""
        found = [self._floors.setdefault(setting_key(machine, (flow,), measure), {}) for flow in flows]
        return measure, list(zip(flows, found, strict=True))

    def _least(self, op: PlannedOp, machine: Hardware, floors: FloorsByFlow, found: LayerResult | None) -> float:
        """Return the least over all dataflows; under those of the run it takes what is `found` there, if anything."""
        (measure, by_flow), key = floors, op_key(op)
        new = [flow for flow, known in by_flow if key not in known]
        least = dict(zip(new, least_of(op, machine, new, measure), strict=True))
        before = OBJECTIVES[measure].of_layer(found) / LUCK if found else 0.0
        lowest = inf
        for flow, known in by_flow:
            floor = known.setdefault(key, least.get(flow, 0.0))
            lowest = min(lowest, max(floor, before) if flow in self.design.machine.dataflows else floor)
        return max(0.0, lowest - _prefetched(op, machine, measure))


def searched(outlook: Outlook, design: Design, objective: str, cache: MappingCache) -> Iterator[Found]:
    """Search the ops of a design, those first that take most, as simulating it does; yield each with what it takes.

    Raises InputError for one that cannot fit.
    """
    machine, flows = design.machine, choose_dataflows(design.machine, design.dataflow)
    setting, at_once = setting_key(machine, flows, objective), cpu_count() or 1
    with cache.store.opened() as rows:
        known = Known(setting, cache.mappings_of(setting), rows)
        ops = outlook.to_search()
        for some in (ops[i : i + at_once] for i in range(0, len(ops), at_once)):
            choices = choose_mappings(some, machine, flows, Wanted(objective), known)
            player = Player({name: choice.mapping for name, choice in choices.items()}, machine, rows)
            for op in some:
                found = player.result(op, [Turn(op, op.layer.name, 0, 0)])
                outlook.know(op, found)
                yield op, found


def _alike(op: PlannedOp) -> Alike:
    return op_key(op), len(op.fused), op.added + sum(nest.macs for nest in op.filtering)


def _prefetched(op: PlannedOp, machine: Hardware, measure: str, waits: float = inf) -> float:
    """Return what an op may be spared because its first weights have come before: the time of one transfer.

    Cycles: latency + bytes / bandwidth, of all the op's weights, but no more than the memory holds; of these, the op
    does not end sooner by more than it `waits` for DRAM.
    """
    rate = machine.dram.bytes_per_cycle
    if machine.layer_order != "prefetch_weights" or rate is None:
        return 0.0
    room = max(buffer.capacity_bytes for buffer in machine.buffers if Operand.WEIGHTS in buffer.holds)
    size = min(room, op.layer.params * machine.weight_bits // 8 + 1)
    cycles = machine.dram.latency_cycles + ceil(size / rate)
    sooner = min(waits, cycles)
    spared = {"cycles": sooner, "cycles_plus_dma": sooner + cycles}
    return spared.get(measure, sooner * machine.prices.per_cycle * machine.energy.unit_pj if measure == "energy" else 0)
