"""How well each stage of a network uses the machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from analysis.read.losses import PeCycles, pe_cycles, sum_pe_cycles
from simulator.result.run import LayerResult, Run


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
