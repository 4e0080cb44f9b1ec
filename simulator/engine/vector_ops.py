"""Ops on the vector unit and pure data movement: from their cost to the result of a layer."""

from simulator.cost.vector import VectorCost, vector_cost
from simulator.energy.table import EnergyTable
from simulator.engine.results import energy_of, layer_result
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.result.run import LayerResult, Traffic
from simulator.schedule import PlannedOp


def vector_result(op: PlannedOp, hardware: Hardware, table: EnergyTable, prefetch_bytes: int = 0) -> LayerResult:
    """Assemble the result of an op that does not use the array."""
    cost = vector_cost(op.layer, hardware, op.resident, op.reserved_bytes, prefetch_bytes)
    time, traffic = cost.timing, vector_traffic(cost, hardware)
    waits = {"fill": time.fill_cycles, "wait": time.wait_cycles, "drain": time.drain_cycles}
    return layer_result(
        op,
        hardware,
        cycle_parts={"dram": sum(waits.values()), "vector": cost.vector_cycles},
        dram_parts=waits,
        energy_parts={
            "vector": cost.operations * table.vector_op_pj,
            **energy_of(traffic, hardware, table),
            "leakage": time.cycles * table.leakage_pj_per_cycle,
        },
        traffic=traffic,
        footprint_bytes={"inputs": cost.input_bytes, "outputs": cost.output_bytes},
        bottleneck="dram" if cost.port_cycles >= cost.vector_cycles else "vector",
        bounds={"dram": cost.port_cycles, "vector": cost.vector_cycles},
        tiles=cost.tiles,
        dma_cycles=cost.dma_cycles,
    )


def vector_traffic(cost: VectorCost, hardware: Hardware) -> dict[str, dict[str, Traffic]]:
    """Return bytes by level and operand: what tiles load is written into the buffer, what they store is read there.

    Inputs and outputs pass the outermost memories that hold them.
    """
    traffic = {"dram": {"inputs": Traffic(cost.dram_read_bytes, 0), "outputs": Traffic(0, cost.dram_written_bytes)}}
    traffic.setdefault(hardware.level_of(Operand.INPUTS), {})["inputs"] = Traffic(cost.operand_bytes, cost.loaded_bytes)
    outputs = Traffic(cost.stored_bytes, cost.output_bytes)
    traffic.setdefault(hardware.level_of(Operand.OUTPUTS), {})["outputs"] = outputs
    return traffic
