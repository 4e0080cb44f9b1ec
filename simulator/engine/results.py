"""Put together the result of a layer: what it is, and what it cost."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, fields
from math import prod
from operator import attrgetter

from simulator.cost.prices import prices_per_action, prices_per_byte
from simulator.hardware.model import Hardware
from simulator.nest import OPERAND_NAMES, Operand, footprint
from simulator.network.ir import Layer, Op
from simulator.result.causes import bottleneck
from simulator.result.run import (
    CYCLE_PARTS,
    LayerResult,
    Traffic,
    relative_energy,
    shared,
    utilization,
)
from simulator.result.stacked import KeptTensor, StackedResult, StackPart, StripShape
from simulator.schedule import PlannedOp


@dataclass(frozen=True, slots=True)
class Cost:
    """What an op cost, field by field of `LayerResult`; by default nothing."""

    dataflow: str = ""
    effective_macs: int = 0
    cycle_parts: dict[str, int] = field(default_factory=dict)
    dram_parts: dict[str, int] = field(default_factory=dict)
    energy_parts: dict[str, float] = field(default_factory=dict)
    traffic: dict[str, dict[str, Traffic]] = field(default_factory=dict)
    footprint_bytes: dict[str, int] = field(default_factory=dict)
    bounds: dict[str, int] = field(default_factory=dict)
    tiles: int = 0
    mapping: dict[str, object] | None = None
    stacked: StackedResult | None = None
    mapped_pes: int = 0
    dma_cycles: int = 0
    prefetched_bytes: int = 0
    dma_runs: int = 0
    tile_bytes: int = 0
    gap: float | None = None
    cycles_gap: float | None = None


FREE = Cost()
"""Of an op that is fused into another or folded into addressing."""
_NO_CYCLES = dict.fromkeys(CYCLE_PARTS, 0)
_OF_COST = tuple(each.name for each in fields(Cost))
_cost_values = attrgetter(*_OF_COST)


def layer_result(op: PlannedOp, hardware: Hardware, cost: Cost = FREE) -> LayerResult:
    """Put what an op is beside what it cost."""
    layer, parts = op.layer, _NO_CYCLES | cost.cycle_parts
    cycles = sum(parts.values())
    known = dict(zip(_OF_COST, _cost_values(cost), strict=True))
    return LayerResult(
        name=layer.name,
        op=layer.op,
        stage=layer.stage,
        input_shapes=layer.input_shapes,
        output_shape=layer.output_shape,
        inputs=layer.inputs,
        on_chip=tuple(name for name, here in zip(OPERAND_NAMES, op.resident, strict=True) if here and op.runs),
        kept_bytes=op.reserved_bytes,
        alive_bytes=op.alive_bytes,
        kept=KeptTensor(op.kept.address, op.kept.size_bytes, op.read_last_by) if op.kept else None,
        kernel=layer.kernel,
        stride=layer.stride,
        groups=layer.groups,
        fused=op.fused,
        folded=op.folded,
        macs=layer.macs,
        params=layer.params,
        parameter_bytes=parameter_bytes(layer, hardware),
        cycles=cycles,
        utilization=utilization(cost.effective_macs, cycles, hardware.peak_macs_per_cycle),
        bottleneck=bottleneck(parts, cost.bounds),
        energy_pj=(energy := sum(cost.energy_parts.values())),
        energy_relative=relative_energy(energy, hardware.energy.unit, hardware.energy.unit_pj),
        **(known | {"cycle_parts": parts}),
    )


def parameter_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes at least of the weights or constants that a layer reads from DRAM, wherever it runs.

    Of a table that it picks from, those. Constants are as wide as inputs, or as what they are fused with.
    """
    if layer.op is Op.MATMUL:
        return 0
    if layer.nest:
        return footprint(layer.nest, layer.nest.bounds, Operand.WEIGHTS) * hardware.weight_bits // 8
    picked = prod(layer.output_shape) if layer.op is Op.GATHER else layer.constants
    return min(layer.constants, picked) * min(hardware.input_bits, hardware.weight_bits, hardware.output_bits) // 8


def stacked_result(op: PlannedOp, mappings: MappingType[str, dict[str, object]]) -> StackedResult | None:
    """Tell how an op ran that is in a stack; `mappings` are those of its strips by name."""
    own = op.in_stack
    if own is None:
        return None
    stack = own.stack
    return StackedResult(
        first=stack.ops[0],
        last=stack.ops[-1],
        strip_rows=stack.strip_rows,
        strips=len(own.plays),
        weights=stack.weights,
        overlap=stack.overlap,
        again_rows=own.again_rows,
        parts=tuple(
            StackPart(part, kept.address, kept.size_bytes, made_by, until)
            for part, (kept, made_by, until) in own.parts.items()
        ),
        shapes=tuple(
            StripShape(strip.layer.name, own.plays.count(at), mappings.get(strip.layer.name))
            for at, strip in enumerate(own.shapes)
        ),
    )


def energy_of(
    traffic: dict[str, dict[str, Traffic]], actions: dict[str, float], hardware: Hardware, mac_share: float = 1.0
) -> dict[str, float]:
    """Picojoules by action, and by level and operand as LEVEL.OPERAND: actions x price and traffic x price, for any op.

    `actions` count what moves no word, and `cycles` in which the chip leaks and its clock runs. A gated MAC also spares
    the registers of weights and sums: `mac_share` is what MACs cost of full ones.
    """
    of_actions, prices = prices_per_action(hardware), prices_per_byte(hardware)
    moved = {
        f"{level}.{operand}": traffic_there.total_bytes * prices[level][operand] * shared(level, operand, mac_share)
        for level, operands in traffic.items()
        for operand, traffic_there in operands.items()
    }
    counts = actions | dict.fromkeys(of_actions.keys() & {"leakage", "clock"}, actions["cycles"])
    return {action: counts[action] * price for action, price in of_actions.items() if action in counts} | moved


def touched(layer: Layer, axis: int) -> int:
    """Rows (axis 0) or columns (1) of the unpadded input that some tap of a window meets.

    Tap j meets the positions i*stride + j*dilation - pad. Those of one remainder by the stride are neighbours once
    divided by it: each tap has a run of as many as there are outputs, and the runs of a remainder are joined.
    """
    stride, dilation, pad = layer.stride[axis], layer.dilation[axis], layer.padding[axis]
    outputs, taps, size = layer.output_shape[2 + axis], layer.kernel[axis], layer.input_shapes[0][2 + axis]
    ends: dict[int, int] = {}  # remainder -> where the runs so far end
    met = 0
    for tap in range(taps):
        first, remainder = divmod(tap * dilation - pad, stride)
        last = min(first + outputs, -(-(size - remainder) // stride))
        met += max(0, last - max(first, ends.get(remainder, 0)))
        ends[remainder] = max(last, ends.get(remainder, 0))
    return met
