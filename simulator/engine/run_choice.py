"""Which of several runs of a network, or ways to run an op, is best, by what mappings minimize."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from simulator.engine.schedules import schedule_of
from simulator.hardware.model import BAND
from simulator.result.run import Run, total_of
from simulator.schedule import Stack


class Figures(NamedTuple):
    """What an objective weighs, of a run, a frame or an op."""

    cycles: int
    energy_pj: float
    dram_bytes: int
    dma_cycles: int


MEASURES: dict[str, Callable[[Figures], float]] = {
    "cycles": lambda each: each.cycles,
    "cycles_plus_dma": lambda each: each.cycles + each.dma_cycles,
    "cycles_then_energy": lambda each: each.energy_pj,
    "dram": lambda each: each.dram_bytes,
    "edp": lambda each: each.energy_pj * each.cycles,
    "energy": lambda each: each.energy_pj,
}
"""What an objective has least of."""


def figures_of(run: Run) -> Figures:
    """Return what an objective weighs of a whole run."""
    total = run.total
    return Figures(total.cycles, total.energy_pj, total.dram_bytes, sum(layer.dma_cycles for layer in run.layers))


def least(figures: Sequence[Figures], objective: str) -> int:
    """Return the place of the best figures; of equally good ones the faster, then the first.

    Where energy counts among the fastest, those are what takes at most a `BAND` more than the fewest cycles.
    """
    fewest = min(each.cycles for each in figures)
    within = [at for at, each in enumerate(figures) if each.cycles <= (1 + BAND) * fewest]
    asked = within if objective == "cycles_then_energy" else range(len(figures))
    return min(asked, key=lambda at: (MEASURES[objective](figures[at]), figures[at].cycles))


def best_run(runs: Sequence[Run], objective: str) -> Run:
    """Return the best run; of equally good ones the faster, then the first."""
    return runs[least([figures_of(run) for run in runs], objective)]


def paying_stacks(stacked: Run, without: Run, objective: str) -> list[Stack]:
    """Return the stacks of a run that pay: with what their ops took in a run without stacks, it would be no better.

    Among the fastest runs energy counts, so stacks are first to cost no cycles.
    """
    schedule = schedule_of(stacked)
    place = {layer.name: at for at, layer in enumerate(stacked.layers)}
    measure = MEASURES["cycles" if objective == "cycles_then_energy" else objective]
    found = []
    for stack in schedule.stacks if schedule else ():
        begin, end = place[stack.ops[0]], place[stack.ops[-1]] + 1
        layers = (*stacked.layers[:begin], *without.layers[begin:end], *stacked.layers[end:])
        mixed = replace(stacked, layers=layers, total=total_of(layers, stacked.hardware))
        if measure(figures_of(mixed)) >= measure(figures_of(stacked)):
            found.append(stack)
    return found
