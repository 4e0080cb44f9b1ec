"""What changed designs take at least, proven without a search of mappings: what a change can save at most.

An op on the array takes at least its floor (`simulator.cost.floor`); where neither it nor the machine is changed, what
it takes in the run. Other ops are played as they are, for they are not searched.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil, prod

from analysis.read.objective import OBJECTIVES
from simulator.engine.least import least_of, played_alone
from simulator.engine.mapping_cache import OpKey, SettingKey, op_key, setting_key
from simulator.engine.simulate import choose_dataflows
from simulator.engine.store import NO_STORE, Rows
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Network
from simulator.result.run import LayerResult, Run
from simulator.schedule import PlannedOp, plan, schedules

FACTORS = {"cycles_then_energy": ("cycles",), "edp": ("cycles", "energy")}
"""Objective -> measures whose product it is, where that is not itself alone."""

HIDDEN = {"cycles": 1, "cycles_plus_dma": 2}
"""Measure -> how often it counts the cycles of a transfer."""

Alike = tuple[OpKey, int, int]  # an op with what is fused into it


def factors_of(objective: str) -> tuple[str, ...]:
    """Return the measures whose product an objective is."""
    return FACTORS.get(objective, (objective,))


@dataclass(frozen=True, slots=True)
class Design:
    """A network on a machine under a dataflow."""

    machine: Hardware
    network: Network
    dataflow: str


class Floors:
    """What designs take at least; floors of equal ops on equal machines are found once."""

    def __init__(self, run: Run, design: Design) -> None:
        """The design is the one that the run is of."""
        self.machine, self.dataflow = design.machine, design.dataflow
        self._taken = _taken(run, design)
        self._floors: dict[SettingKey, dict[OpKey, float]] = {}
        self._rows = Rows(NO_STORE)

    def of(self, design: Design, objective: str, names: Collection[str] = ()) -> float:
        """Return what the layers of these names, or all, take at least of an objective."""
        plans = [plan(design.network, design.machine, each) for each in schedules(design.network, design.machine)]
        running = [[op for op in ops if op.runs and (not names or op.layer.name in names)] for ops in plans]
        return min(prod(self._sum(ops, design, measure) for measure in factors_of(objective)) for ops in running)

    def _sum(self, ops: Collection[PlannedOp], design: Design, measure: str) -> float:
        machine = design.machine
        flows = choose_dataflows(machine, design.dataflow)
        settings = [setting_key(machine, (flow,), measure) for flow in flows]
        floors = [self._floors.setdefault(setting, {}) for setting in settings]
        known = self._taken if machine is self.machine and design.dataflow == self.dataflow else {}

        def least(op: PlannedOp) -> float:
            if op.layer.nest is None:
                return OBJECTIVES[measure].of_layer(played_alone(op, machine, self._rows))
            if found := known.get(_alike(op)):
                return OBJECTIVES[measure].of_layer(found)
            key = op_key(op)
            new = [flow for flow, floor in zip(flows, floors, strict=True) if key not in floor]
            for flow, found_least in zip(new, least_of(op, machine, new, measure), strict=True):
                floors[flows.index(flow)][key] = found_least
            return max(0.0, min(floor[key] for floor in floors) - _prefetched(op, machine, measure))

        return sum(map(least, ops))


def _alike(op: PlannedOp) -> Alike:
    return op_key(op), len(op.fused), op.added + sum(layer.macs for layer in op.filtering)


def _taken(run: Run, design: Design) -> Mapping[Alike, LayerResult]:
    """Return what ops take in the run, where that depends on nothing around them that is not in their key."""
    results = {layer.name: layer for layer in run.layers}
    if (
        design.machine.layer_order == "prefetch_weights"
        or design.machine.keeps_activations
        or run.options.get("mapping")
    ):
        return {}
    ops = (op for op in plan(design.network, design.machine) if op.runs and op.layer.nest is not None)
    return {_alike(op): results[op.layer.name] for op in ops}


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
    price = machine.prices.per_cycle * machine.energy.unit_pj
    return cycles * (price if measure == "energy" else HIDDEN.get(measure, 0))
