"""A network on several cores: what they do together, each way simulated, the best by the objective taken.

    split       op after op, each cut over cores by filters, rows or samples, or whole on one; the next op begins when
                all are done
    pipelined   each core has consecutive ops, cut where the longest range is shortest, and frames go from one to the
                next; all set out together on a frame each, in every period
    frames      each core has frames of its own, and runs all ops

Mappings of what cores do at a time are searched with an even share of the DRAM port for each; what they take then is
what the events say in which all of them contend for it (`simulator.timing.cores`).
"""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.engine.checks import Checks
from simulator.engine.core_costs import cost_on_cores, cycles_of
from simulator.engine.core_player import CorePlayer
from simulator.engine.mapping_cache import Choice
from simulator.engine.mapping_choice import Searching
from simulator.engine.results import Cost, layer_result
from simulator.engine.run_choice import Figures, least
from simulator.engine.store import Rows
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.log import LOG
from simulator.network.ir import Network
from simulator.result.cores import CorePart, CoreRange, CoresResult, SplitResult
from simulator.result.facts import EVERY_CYCLE, machine_facts, prices_of_cores
from simulator.result.run import LayerResult, Total, total_of
from simulator.result.steady import Steady
from simulator.schedule import PlannedOp, Schedule, plan
from simulator.schedule.choice import Split, Together
from simulator.schedule.cuts import balanced_cuts
from simulator.schedule.split import OpOfCores, all_slices, ops_of_cores, slices_of, ways_of

ALL: tuple[Together, ...] = ("split", "pipelined", "frames")


@dataclass(frozen=True, slots=True)
class OnCores:
    """What came of a way of running a network on several cores."""

    layers: tuple[LayerResult, ...]
    cores: CoresResult
    total: Total
    steady: Steady | None = None

    @property
    def frame(self) -> Figures:
        """What a frame takes among many."""
        told, dma_cycles = self.steady or self.total, sum(layer.dma_cycles for layer in self.layers)
        return Figures(told.cycles, told.energy_pj, told.dram_bytes, dma_cycles)


class Cores:
    """Runs a network on several cores, by a schedule or as is best."""

    def __init__(self, hardware: Hardware, network: Network, searching: Searching, rows: Rows) -> None:
        self.hardware, self.network, self.searching, self.rows = hardware, network, searching, rows
        self.given, self.objective = searching.given, searching.wanted.objective
        self.ops = plan(network, hardware.core)
        self.running = ops_of_cores(network, hardware)

    def best(self, schedule: Schedule | None) -> OnCores:
        """Return what comes of a schedule, or the best of the ways that the machine has."""
        told, asked = schedule.together if schedule else None, self.hardware.across_cores
        if not self.running:
            told = "split"  # of nothing, as there is nothing to have ranges of
        found, refused = list[OnCores](), list[InputError]()
        if self.given:
            planned = [*self.ops, *all_slices(self.network, self.hardware)]
            Checks(self.hardware.core, self.rows).of_all(self.given, planned)
        for way in [told] if told else ALL if asked == "either" else [asked]:
            try:
                found.append(self._split(schedule) if way == "split" else self._apart(way, schedule))
            except InputError as error:  # another way may have fewer tiles
                refused.append(error)
        if not found:
            raise refused[0]
        best = found[least([each.frame for each in found], self.objective)]
        LOG.info("took the best of %d ways to use %d cores: %s", len(found), self.hardware.cores, best.cores.together)
        return best

    def _find(self, ops: Sequence[PlannedOp], hardware: Hardware) -> dict[str, Choice]:
        return self.searching.find(ops, hardware, self.rows)

    def _ways(self, op: OpOfCores, schedule: Schedule | None) -> dict[Split | None, tuple[PlannedOp, ...]]:
        """Return what may run of an op on the cores, by how it is cut; None: whole, on one of them.

        Without a schedule, if mappings are given of some of these, they are what is wanted.
        """
        asked = [schedule.splits.get(op.planned.layer.name)] if schedule else [None, *ways_of(op, self.hardware.cores)]
        found = {split: slices_of(op, split) if split else (op.planned,) for split in asked}
        wanted = {split: own for split, own in found.items() if any(each.layer.name in self.given for each in own)}
        return wanted or found

    def _split(self, schedule: Schedule | None) -> OnCores:
        ways = {op.planned.layer.name: self._ways(op, schedule) for op in self.running}
        choices: dict[str, Choice] = {}
        for count in range(1, self.hardware.cores + 1):
            slices = [
                own
                for found in ways.values()
                for split, cut in found.items()
                if (split.cores if split else 1) == count
                for own in cut
            ]
            choices |= self._find(slices, self.hardware.core_among(count)) if slices else {}
        player = CorePlayer(self.hardware, self.rows, self.given, choices)
        layers, splits = list[LayerResult](), dict[str, SplitResult]()
        for op in self.ops:
            if not op.runs:
                layers.append(layer_result(op, self.hardware))
                continue
            layer, split = self._best_way(op, ways[op.layer.name], player)
            layers.append(layer)
            splits |= {op.layer.name: split} if split else {}
        cores = CoresResult(self.hardware.cores, "split", splits, streams=self.hardware.dram_streams)
        return OnCores(tuple(layers), cores, total_of(layers, machine_facts(self.hardware)))

    def _best_way(
        self,
        op: PlannedOp,
        ways: MappingType[Split | None, tuple[PlannedOp, ...]],
        player: CorePlayer,
    ) -> tuple[LayerResult, SplitResult | None]:
        """Play an op in each way that it may run, and return the best."""
        found, refused = list[tuple[LayerResult, SplitResult | None]](), list[InputError]()
        for split, slices in ways.items():
            try:
                found.append(self._way(op, split, slices, player))
            except InputError as error:
                refused.append(error)
        if not found:
            raise refused[0]
        figures = [
            Figures(layer.cycles, layer.energy_pj, layer.bytes_at("dram"), layer.dma_cycles) for layer, _ in found
        ]
        return found[least(figures, self.objective)]

    def _way(
        self, op: PlannedOp, split: Split | None, slices: Sequence[PlannedOp], player: CorePlayer
    ) -> tuple[LayerResult, SplitResult | None]:
        alone = [player.player.waiting(own) for own in slices]
        if split is None:
            return layer_result(op, self.hardware, cost_on_cores(op, alone, self.hardware)), None
        spans = [span for own in player.together([[own] for own in slices]) for span in own]
        costs = player.costs(slices, spans)
        layer = layer_result(op, self.hardware, cost_on_cores(op, costs, self.hardware))
        parts = (part_of(*each) for each in zip(slices, costs, map(cycles_of, alone), strict=True))
        return layer, SplitResult(split.by, tuple(parts))

    def _apart(self, way: Together, schedule: Schedule | None) -> OnCores:
        """Let each core have ops, or frames, of its own; one frame by itself has one core after the other, or one."""
        hardware, running = self.hardware, [op.planned for op in self.running]
        player = CorePlayer(hardware, self.rows, self.given, self._find(running, hardware.core_among(hardware.cores)))
        costs = {op.layer.name: player.player.waiting(op) for op in running}
        alone = {name: cycles_of(cost) for name, cost in costs.items()}
        ranges = [running] * hardware.cores
        if way == "pipelined":
            cuts = cuts_of(schedule, running) if schedule else balanced_cuts([*alone.values()], hardware.cores)
            ranges = [running[begin:end] for begin, end in cuts]
        spans = player.together(ranges)
        told = [
            CoreRange(own[0].layer.name, own[-1].layer.name, ends[-1].end, sum(alone[op.layer.name] for op in own))
            for own, ends in zip(ranges, spans, strict=True)
        ]
        layers = tuple(
            layer_result(op, hardware, cost_on_cores(op, [costs[op.layer.name]], hardware))
            if op.runs
            else layer_result(op, hardware)
            for op in self.ops
        )
        cores = CoresResult(hardware.cores, way, {}, tuple(told), hardware.dram_streams)
        total = total_of(layers, machine_facts(hardware))
        return OnCores(layers, cores, total, steady_of(cores, total, hardware))


def part_of(own: PlannedOp, cost: Cost, alone_cycles: int) -> CorePart:
    """Tell what a core did of an op."""
    dram = cost.traffic.get("dram", {}).values()
    return CorePart(
        name=own.layer.name,
        macs=own.layer.macs,
        effective_macs=cost.effective_macs,
        cycles=cycles_of(cost),
        alone_cycles=alone_cycles,
        compute_cycles=cost.cycle_parts.get("compute", 0),
        mapped_pes=cost.mapped_pes,
        dram_cycles=cost.bounds["dram"],
        dram_bytes=sum(moved.total_bytes for moved in dram),
        mapping=cost.mapping,
    )


def cuts_of(schedule: Schedule, running: Sequence[PlannedOp]) -> list[tuple[int, int]]:
    """Return the ranges of ops of which a schedule tells the first."""
    place = {op.layer.name: at for at, op in enumerate(running)}
    begins = [place[name] for name in schedule.pipeline]
    return list(zip(begins, [*begins[1:], len(running)], strict=True))


def steady_of(cores: CoresResult, total: Total, hardware: Hardware) -> Steady:
    """Return what a frame takes among many: its share of the period, in which all cores leak."""
    cycles, idle = -(-cores.period_cycles // cores.frames), prices_of_cores(hardware)
    energy = sum(each for name, each in total.energy_parts.items() if name not in EVERY_CYCLE)
    energy += cycles * sum(idle.get(name, 0.0) for name in EVERY_CYCLE)
    period_s = cycles / hardware.clock_hz + hardware.host_ps / 10**12
    return Steady(cycles, period_s, energy, total.dram_bytes, total.peak_sram_bytes, {})
