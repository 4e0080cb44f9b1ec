"""Ops that run on the vector unit, or only move data: from their tiles' cost to the result of a layer."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from simulator.cost.vector import Timing, VectorCost, constant_bytes, input_bytes, operation_pj
from simulator.engine.results import Cost, energy_of, stacked_result, touched
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer
from simulator.network.ops import OPS
from simulator.network.shapes import tensor_bytes
from simulator.result.run import Traffic
from simulator.schedule import PlannedOp

if TYPE_CHECKING:
    from simulator.cost.vector_tiles import Tiles


@dataclass(frozen=True, slots=True)
class Streamed:
    """What an op costs whose tiles stream through the buffer, and the bytes that they take of it."""

    cost: VectorCost
    demand_bytes: int


def fastest(op: PlannedOp, hardware: Hardware) -> "Tiles":
    """Cut an op the fastest way."""
    from simulator.cost.vector_tiles import fastest_cut

    return fastest_cut(op.as_read, hardware, op.resident, op.reserved_bytes)


def stream(op: PlannedOp, tiles: "Tiles", hardware: Hardware, prefetch_bytes: int = 0) -> dict[str, object]:
    """Stream an op's tiles; return the fields of `Streamed` by name, in plain data."""
    from simulator.cost import vector_tiles

    cost = vector_tiles.vector_cost(op.as_read, hardware, tiles, prefetch_bytes)
    return asdict(Streamed(cost, vector_tiles.demand_bytes(tiles, hardware)))


def streamed_of(data: dict[str, Any]) -> Streamed:
    """Return what `stream` left."""
    cost = data["cost"] | {"timing": Timing(**data["cost"]["timing"])}
    return Streamed(VectorCost(**cost), data["demand_bytes"])


def sum_streamed(strips: Sequence[Streamed]) -> Streamed:
    """Add up what strips of an op cost; of the bytes that tiles take, the most count."""
    costs = [strip.cost for strip in strips]
    timing = Timing(*(sum(parts) for parts in zip(*(astuple(cost.timing) for cost in costs), strict=True)))
    counts = {
        each.name: sum(getattr(cost, each.name) for cost in costs)
        for each in fields(VectorCost)
        if each.name != "timing"
    }
    return Streamed(VectorCost(timing=timing, **counts), max(strip.demand_bytes for strip in strips))


def vector_cost(op: PlannedOp, streamed: Streamed, hardware: Hardware) -> Cost:
    """Assemble the cost of an op that does not use the array."""
    counted = streamed.cost
    time, traffic = counted.timing, vector_traffic(counted, hardware)
    waits = {"fill": time.fill_cycles, "wait": time.wait_cycles, "drain": time.drain_cycles}
    energy = {"vector": counted.operations * operation_pj(op.layer, hardware)}
    return Cost(
        cycle_parts={
            "dram": sum(waits.values()),
            "vector": counted.vector_cycles,
            "configuration": hardware.launch_cycles,
        },
        dram_parts=waits,
        energy_parts=energy | energy_of(traffic, {"cycles": time.cycles}, hardware),
        traffic=traffic,
        footprint_bytes={"inputs": touched_bytes(op.layer, hardware), "outputs": counted.output_bytes},
        bounds={"dram": counted.port_cycles, "vector": counted.vector_cycles},
        tiles=counted.tiles,
        dma_cycles=counted.dma_cycles,
        dma_runs=counted.dma_runs,
        tile_bytes=streamed.demand_bytes,
        stacked=stacked_result(op, {}),
    )


def touched_bytes(layer: Layer, hardware: Hardware) -> int:
    """Distinct bytes that an op reads: of windows, inputs that they meet; of a table, at most all of it.

    Constants of ops that are fused into it are theirs.
    """
    if not OPS[layer.op].windowed:
        table = tensor_bytes((layer.constants,), hardware.input_bits)
        return input_bytes(layer, hardware) + min(table, constant_bytes(layer, hardware))
    n, channels, *_ = layer.input_shapes[0]
    return tensor_bytes((n, channels, touched(layer, 0), touched(layer, 1)), hardware.input_bits)


def vector_traffic(cost: VectorCost, hardware: Hardware) -> dict[str, dict[str, Traffic]]:
    """Return bytes by level and operand: what tiles load is written into the buffer, what they store is read there.

    Inputs and outputs pass the outermost memories that hold them.
    """
    traffic = {"dram": {"inputs": Traffic(cost.dram_read_bytes, 0), "outputs": Traffic(0, cost.dram_written_bytes)}}
    traffic.setdefault(hardware.level_of(Operand.INPUTS), {})["inputs"] = Traffic(cost.operand_bytes, cost.loaded_bytes)
    outputs = Traffic(cost.stored_bytes, cost.output_bytes)
    traffic.setdefault(hardware.level_of(Operand.OUTPUTS), {})["outputs"] = outputs
    return traffic
