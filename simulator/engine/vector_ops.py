"""Ops on the vector unit and pure data movement: from their cost to the result of a layer."""

from simulator.cost.vector import VectorCost, vector_cost, vector_energy
from simulator.energy.table import EnergyTable
from simulator.engine.results import layer_result
from simulator.hardware.model import Hardware
from simulator.result.run import LayerResult, Traffic
from simulator.schedule import PlannedOp


def vector_result(op: PlannedOp, hardware: Hardware, table: EnergyTable, prefetch_bytes: int = 0) -> LayerResult:
    """Assemble the result of an op that does not use the array."""
    cost = vector_cost(op.layer, hardware, op.resident, op.reserved_bytes, prefetch_bytes)
    return layer_result(
        op,
        hardware,
        cycle_parts={"dram": cost.cycles - cost.vector_cycles, "vector": cost.vector_cycles},
        energy_parts=vector_energy(cost, hardware, table),
        traffic=vector_traffic(cost),
        footprint_bytes={"inputs": cost.input_bytes, "outputs": cost.output_bytes},
        bottleneck="dram" if cost.port_cycles >= cost.vector_cycles else "vector",
        bounds={"dram": cost.port_cycles, "vector": cost.vector_cycles},
        tiles=cost.tiles,
        dma_cycles=cost.dma_cycles,
    )


def vector_traffic(cost: VectorCost) -> dict[str, dict[str, Traffic]]:
    """Return bytes by level and operand: what tiles load is written into the buffer, what they store is read there."""
    return {
        "dram": {"inputs": Traffic(cost.dram_read_bytes, 0), "outputs": Traffic(0, cost.dram_written_bytes)},
        "buffer": {
            "inputs": Traffic(cost.operand_bytes, cost.loaded_bytes),
            "outputs": Traffic(cost.stored_bytes, cost.output_bytes),
        },
    }
