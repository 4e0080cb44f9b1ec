"""Put together the result of a layer: what it is, and what it cost."""

from simulator.hardware.model import Hardware
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
) -> LayerResult:
    """Result of an op; by default it costs nothing, as one that is fused into another or folded into addressing."""
    layer = op.layer
    parts = dict.fromkeys(CYCLE_PARTS, 0) | (cycle_parts or {})
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
    )
