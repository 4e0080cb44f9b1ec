"""What an op costs that ran on several cores: sums of what each did, in the time that the last of them took."""

from collections.abc import Sequence
from dataclasses import replace

from simulator.engine.array_ops import footprints
from simulator.engine.results import Cost
from simulator.engine.vector_ops import touched_bytes
from simulator.hardware.model import Hardware
from simulator.result.facts import EVERY_CYCLE, prices_of_cores
from simulator.result.run import Traffic
from simulator.result.sums import collected
from simulator.schedule import PlannedOp


def cost_on_cores(op: PlannedOp, costs: Sequence[Cost], hardware: Hardware) -> Cost:
    """Join what an op cost on each core that ran a slice of it, or all of it.

    Its time, and where that went, is that of the core that is over last. DRAM's port serves them all, so its bound is
    the sum of theirs, over those that it serves at a time; every other resource is one of each core. All cores leak
    until the op is over.
    """
    last = max(costs, key=cycles_of)
    running = cycles_of(last) - last.cycle_parts["configuration"]
    energy = {name: sum(parts) for name, parts in collected(cost.energy_parts for cost in costs).items()}
    prices = prices_of_cores(hardware)
    energy |= {name: running * prices[name] for name in energy if name in EVERY_CYCLE}
    return replace(
        last,
        effective_macs=sum(cost.effective_macs for cost in costs),
        energy_parts=energy,
        traffic=_traffic(costs),
        footprint_bytes=_footprint(op, costs, hardware),
        bounds=_bounds(costs, hardware.dram_streams),
        tiles=sum(cost.tiles for cost in costs),
        mapping=last.mapping if len(costs) == 1 else None,
        mapped_pes=sum(cost.mapped_pes for cost in costs),
        dma_cycles=sum(cost.dma_cycles for cost in costs),
        dma_runs=sum(cost.dma_runs for cost in costs),
        tile_bytes=max(cost.tile_bytes for cost in costs),
        gap=max((cost.gap for cost in costs if cost.gap is not None), default=None),
        cycles_gap=max((cost.cycles_gap for cost in costs if cost.cycles_gap is not None), default=None),
    )


def cycles_of(cost: Cost) -> int:
    """Return the cycles that an op took."""
    return sum(cost.cycle_parts.values())


def _bounds(costs: Sequence[Cost], streams: int) -> dict[str, int]:
    told = collected(cost.bounds for cost in costs)
    return {name: max(*each, -(-sum(each) // streams) if name == "dram" else 0) for name, each in told.items()}


def _traffic(costs: Sequence[Cost]) -> dict[str, dict[str, Traffic]]:
    found: dict[str, dict[str, Traffic]] = {}
    for cost in costs:
        for level, operands in cost.traffic.items():
            there = found.setdefault(level, {})
            for name, moved in operands.items():
                before = there.get(name, Traffic(0, 0))
                there[name] = Traffic(before.read_bytes + moved.read_bytes, before.write_bytes + moved.write_bytes)
    return found


def _footprint(op: PlannedOp, costs: Sequence[Cost], hardware: Hardware) -> dict[str, int]:
    """Return the distinct bytes that all cores touch together: those of the whole op."""
    if len(costs) == 1:
        return costs[0].footprint_bytes
    if op.layer.nest is not None:
        return footprints(op, hardware)
    outputs = sum(cost.footprint_bytes["outputs"] for cost in costs)
    return {"inputs": touched_bytes(op.layer, hardware), "outputs": outputs}
