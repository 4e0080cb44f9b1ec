"""Which of several runs of a network is best, by what its mappings minimize."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from simulator.engine.schedules import schedule_of
from simulator.hardware.model import BAND
from simulator.result.run import Run, total_of
from simulator.schedule import Stack

MEASURES: dict[str, Callable[[Run], float]] = {
    "cycles": lambda run: run.total.cycles,
    "cycles_plus_dma": lambda run: run.total.cycles + sum(layer.dma_cycles for layer in run.layers),
    "cycles_then_energy": lambda run: run.total.energy_pj,
    "dram": lambda run: run.total.dram_bytes,
    "edp": lambda run: run.total.energy_pj * run.total.cycles,
    "energy": lambda run: run.total.energy_pj,
}
"""What an objective has least of, over a whole run."""


def best_run(runs: Sequence[Run], objective: str) -> Run:
    """Return the best run; of equally good ones the faster, then the first.

    Where energy counts among the fastest, those are the runs that take at most a `BAND` more than the fewest cycles.
    """
    fewest = min(run.total.cycles for run in runs)
    within = [run for run in runs if run.total.cycles <= (1 + BAND) * fewest]
    asked = within if objective == "cycles_then_energy" else runs
    return min(asked, key=lambda run: (MEASURES[objective](run), run.total.cycles))


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
        if measure(replace(stacked, layers=layers, total=total_of(layers, stacked.hardware))) >= measure(stacked):
            found.append(stack)
    return found
