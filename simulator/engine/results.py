"""Put together the result of a layer: what it is, and what it cost."""

from simulator.cost.convert import level_prices
from simulator.energy.table import EnergyTable
from simulator.hardware.model import Hardware
from simulator.nest import OPERAND_NAMES
from simulator.result.run import CYCLE_PARTS, LayerResult, Traffic, utilization
from simulator.schedule import PlannedOp


def layer_result(
    op: PlannedOp,
    hardware: Hardware,
    *,
    dataflow: str = "",
    effective_macs: int = 0,
    cycle_parts: dict[str, int] | None = None,
    energy_parts: dict[str, float] | None = None,
    traffic: dict[str, dict[str, Traffic]] | None = None,
    footprint_bytes: dict[str, int] | None = None,
    bottleneck: str = "",
    bounds: dict[str, int] | None = None,
    tiles: int = 0,
    mapping: dict[str, object] | None = None,
    mapped_pes: int = 0,
    dma_cycles: int = 0,
    dram_parts: dict[str, int] | None = None,
) -> LayerResult:
    """Result of an op; by default it costs nothing, as one that is fused into another or is folded into addressing."""
    layer, parts = op.layer, dict.fromkeys(CYCLE_PARTS, 0) | (cycle_parts or {})
    cycles = sum(parts.values())
    return LayerResult(
        name=layer.name,
        op=layer.op,
        stage=layer.stage,
        input_shapes=layer.input_shapes,
        output_shape=layer.output_shape,
        kernel=layer.kernel,
        stride=layer.stride,
        groups=layer.groups,
        fused=op.fused,
        folded=op.folded,
        dataflow=dataflow,
        macs=layer.macs,
        effective_macs=effective_macs,
        params=layer.params,
        cycles=cycles,
        cycle_parts=parts,
        utilization=utilization(layer.macs, cycles, hardware.array.pes),
        energy_pj=sum((energy_parts or {}).values()),
        energy_parts=energy_parts or {},
        traffic=traffic or {},
        footprint_bytes=footprint_bytes or {},
        bottleneck=bottleneck,
        bounds=bounds or {},
        tiles=tiles,
        mapping=mapping,
        mapped_pes=mapped_pes,
        dma_cycles=dma_cycles,
        dram_parts=dram_parts or {},
    )


def prices_per_byte(hardware: Hardware, table: EnergyTable) -> dict[str, dict[str, float]]:
    """Energy of a byte read or written, by level and operand: DRAM, memories, the array's networks, registers."""
    inside = zip((*hardware.level_names, "array", "rf"), level_prices(hardware, table), strict=True)
    per_bit = {"dram": [table.dram_pj_per_bit] * 3, **dict(inside)}
    return {level: dict(zip(OPERAND_NAMES, (8 * pj for pj in row), strict=True)) for level, row in per_bit.items()}


def energy_of(traffic: dict[str, dict[str, Traffic]], hardware: Hardware, table: EnergyTable) -> dict[str, float]:
    """Energy by level and operand, as LEVEL.OPERAND: traffic x price, whatever the op."""
    prices = prices_per_byte(hardware, table)
    return {
        f"{level}.{operand}": moved.total_bytes * prices[level][operand]
        for level, operands in traffic.items()
        for operand, moved in operands.items()
    }
