"""What became of every cycle of every PE, layer by layer and stage by stage: MACs, or why not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from simulator.result.run import LayerResult, Run


@dataclass(frozen=True, slots=True)
class PeCycles:
    """What the PEs could have done, in MACs, and how it was spent; the last four make up the first, exactly.

    `executed`: MACs done, which are fewer than the layer's where zero weights are skipped. `spatial`: lost in PEs that
    the mapping leaves out while others multiply. `temporal`: lost in PEs of the mapping that have less to do than the
    most-loaded one, at the edges of loops whose bounds do not divide, or wait out a step's least length. `stall`: lost
    while no PE multiplies.
    """

    available: int
    executed: int
    spatial: int
    temporal: int
    stall: int

    def fraction(self, name: str) -> float:
        """Return one of them as a fraction of what was available; 0 where nothing was."""
        return int(getattr(self, name)) / self.available if self.available else 0.0


def pe_cycles(layer: LayerResult, run: Run) -> PeCycles:
    """Split the PE-cycles of a layer.

    While PEs multiply (the layer's compute cycles), `mapped_pes` of them are at work, or all where a run does not tell;
    what these could do beyond the MACs executed is lost at edges.
    """
    machine = run.hardware
    compute = layer.cycle_parts.get("compute", 0)
    available = layer.cycles * machine.peak_macs_per_cycle
    multiplying = compute * machine.peak_macs_per_cycle
    mapped = compute * (layer.mapped_pes or machine.pes) * machine.macs_per_cycle
    executed = layer.effective_macs
    return PeCycles(available, executed, multiplying - mapped, mapped - executed, available - multiplying)


def sum_pe_cycles(parts: Iterable[PeCycles]) -> PeCycles:
    """Add up the PE-cycles of several layers."""
    sums = [0] * 5
    for part in parts:
        for i, value in enumerate((part.available, part.executed, part.spatial, part.temporal, part.stall)):
            sums[i] += value
    return PeCycles(*sums)


@dataclass(frozen=True, slots=True)
class StageUse:
    """The sums over the layers of a stage; shares are of the network's. `filters` are the least and the most."""

    stage: str
    layers: int
    filters: tuple[int, int]
    cycles: int
    cycles_share: float
    macs: int
    macs_share: float
    cycle_parts: dict[str, int]
    use: PeCycles

    @property
    def utilization(self) -> float:
        """Return the MACs executed as a fraction of what the array could have done meanwhile."""
        return self.use.fraction("executed")

    @property
    def excess(self) -> float:
        """Return by how much its share of the cycles exceeds its share of the MACs."""
        return self.cycles_share - self.macs_share


def stage_uses(run: Run) -> tuple[StageUse, ...]:
    """Return every stage that takes time, in order; a stage that comes again is another one."""
    return tuple(
        _stage(stage, [layer for layer in layers if layer.cycles], run)
        for stage, layers in ((key, list(group)) for key, group in groupby(run.layers, key=lambda layer: layer.stage))
        if any(layer.cycles for layer in layers)
    )


def _stage(stage: str, layers: Sequence[LayerResult], run: Run) -> StageUse:
    cycles, macs = sum(layer.cycles for layer in layers), sum(layer.macs for layer in layers)
    filters = [layer.output_shape[1] for layer in layers if layer.macs] or [0]
    return StageUse(
        stage,
        len(layers),
        (min(filters), max(filters)),
        cycles,
        cycles / run.total.cycles,
        macs,
        macs / run.total.macs if run.total.macs else 0.0,
        {part: sum(layer.cycle_parts.get(part, 0) for layer in layers) for part in run.total.cycle_parts},
        sum_pe_cycles(pe_cycles(layer, run) for layer in layers),
    )
