"""Frames one behind the other: what each takes once all before it have left their weights on chip."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.result.run import Run

Broken = tuple[str, str, str, str]
"""Where, which field, the law, the figures."""


@dataclass(frozen=True, slots=True)
class KeptWeights:
    """All weights of an op that stay in the activations' memory from frame to frame."""

    address: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Steady:
    """What a batch takes among many: fields are keys of a run's JSON.

    `weights` by op lie in the activations' memory all the time, and cross DRAM in no frame but the first. The first
    weights of a frame come while the last op of the frame before runs, where the machine prefetches.
    """

    cycles: int
    period_s: float  # of the cycles, and the host's time
    energy_pj: float
    dram_bytes: int
    peak_sram_bytes: int  # those weights included
    weights: Mapping[str, KeptWeights]

    @property
    def weight_bytes(self) -> int:
        """Bytes that stay from frame to frame."""
        return sum(each.size_bytes for each in self.weights.values())


def any_steady(*runs: "Run") -> bool:
    """Whether frames one behind the other take less than by themselves in one of some runs."""
    return any(run.steady for run in runs)


def spared_by_frames(run: "Run") -> float:
    """Return what frames one behind the other spare at most, of time, energy or DRAM bytes, as a fraction."""
    steady, total = run.steady, run.total
    if steady is None:
        return 0.0
    pairs = (
        (steady.period_s, total.latency_s),
        (steady.energy_pj, total.energy_pj),
        (steady.dram_bytes, total.dram_bytes),
    )
    return max(1 - each / alone if alone else 0.0 for each, alone in pairs)


def broken_steady(run: "Run") -> Iterator[Broken]:
    """Find what cannot be of frames in a steady state: weights that stay cost DRAM once, and have their own bytes.

    Where an op's weights are there already, its inputs may find room to come whole, which takes fewer bursts.
    """
    steady = run.steady
    if steady is None:
        return
    spared, names = 0, {layer.name for layer in run.layers}
    for layer in run.layers:
        dram = layer.traffic.get("dram", {})
        spared += dram["weights"].read_bytes if layer.name in steady.weights and "weights" in dram else 0
    if steady.dram_bytes > run.total.dram_bytes - spared:
        figures = f"{steady.dram_bytes} > {run.total.dram_bytes} - {spared}"
        yield "steady", "dram_bytes", "weights that stay cost DRAM once", figures
    for name in sorted(steady.weights.keys() - names):
        yield "steady", "weights", "weights are those of ops", name
    if steady.peak_sram_bytes > run.hardware.activation_bytes:
        figures = f"{steady.peak_sram_bytes} > {run.hardware.activation_bytes}"
        yield "steady", "peak_sram_bytes", "bytes on chip <= capacity", figures
    taken = run.top_bytes
    for weights, name in sorted((each.address, name) for name, each in steady.weights.items()):
        if weights < taken:
            yield "steady", f"weights.{name}", "tensors and weights that stay lie apart", f"{weights} < {taken}"
        taken = weights + steady.weights[name].size_bytes
    if steady.weights and taken > run.hardware.activation_bytes:
        yield "steady", "weights", "bytes on chip <= capacity", f"{taken} > {run.hardware.activation_bytes}"
