"""What became of every cycle of every PE: MACs, or why not."""

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.result.run import LayerResult, Run

LOSSES = ("spatial", "temporal", "stall")


@dataclass(frozen=True, slots=True)
class PeCycles:
    """What the PEs could have done, in MACs, and how it was spent; the last four make up the first, exactly.

    `executed`: MACs done, which are fewer than the layer's where zero weights are skipped. `spatial`: lost in PEs that
    the mapping leaves out while others multiply. `temporal`: lost in PEs of the mapping that have less to do than the
    fullest one, at the edges of loops whose bounds do not divide, or wait out a step's least length. `stall`: lost
    while no PE multiplies.
    """

    available: int
    executed: int
    spatial: int
    temporal: int
    stall: int

    @property
    def lost(self) -> int:
        """What was not used."""
        return self.available - self.executed

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
    available = layer.cycles * machine.pes * machine.macs_per_cycle
    multiplying = compute * machine.pes * machine.macs_per_cycle
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
