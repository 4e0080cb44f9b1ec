"""Run the loop on a network, from the start or from where an earlier run ended."""

from dataclasses import replace
from pathlib import Path

from analysis.drive.codesign.bench import Bench
from analysis.drive.redesign.limits import Limits, read_limits
from analysis.drive.redesign.loop import Trial, Workshop, next_step
from analysis.drive.redesign.state import Way, kept_way, key_of, network_of, save_way, stage_of
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.network.ir import Network

KEEP = 0.9
"""Share of MACs and parameters that remains unless something else is said: networks shrink only so far."""
STEPS = 8


def redesigned(
    bench: Bench,
    machine: Hardware,
    network: Network,
    within: str = "",
    *,
    keep: float = KEEP,
    steps: int = STEPS,
    objective: str | None = None,
    folder: Path | None = None,
) -> tuple[Way, Limits]:
    """Redesign a network for a machine in so many steps at most.

    With a folder the steps are kept there as they are found, and those that are there already are not taken again.
    Raises InputError for limits that are none, a network that does not fit the machine, or steps of another redesign.
    """
    limits = read_limits(within, network, keep)
    shop = Workshop(bench, machine, limits, objective)
    network = replace(network, facts={})  # what is published of it does not hold for what becomes of it
    key = key_of(machine, network, limits, objective)
    way = (kept_way(folder, key) if folder else None) or Way(key, (stage_of(_start(shop, network)),))
    if len(way.stages) > steps + 1:
        return replace(way, stages=way.stages[: steps + 1], finished=False), limits
    now = _start(shop, network_of(way.end) if len(way.stages) > 1 else network)
    while not way.finished and len(way.stages) <= steps:
        step = next_step(shop, now)
        if step:
            now = step.taken
            way = replace(way, stages=(*way.stages, stage_of(now, step)))
        else:
            way = replace(way, finished=True)
        if folder:
            save_way(way, folder)
    return way, limits


def _start(shop: Workshop, network: Network) -> Trial:
    if not network.macs:
        raise InputError(Problem("nothing to redesign: the network multiplies nothing", path=network.name))
    return shop.start(network)
