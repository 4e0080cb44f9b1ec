"""What an op that does not use the array works with: operations and lanes, bytes, and what they cost in all.

How its tiles stream through the buffer is told in `simulator.cost.vector_tiles`.
"""

from dataclasses import dataclass
from math import prod

from simulator.cost.prices import prices_per_action
from simulator.hardware.model import Hardware
from simulator.network.ir import Layer
from simulator.network.ops import OPS, Op
from simulator.network.shapes import tensor_bytes


@dataclass(frozen=True, slots=True)
class Timing:
    """When the last store is done; of that, cycles before the first tile is computed, between tiles, after the last."""

    cycles: int
    fill_cycles: int
    wait_cycles: int
    drain_cycles: int


@dataclass(frozen=True, slots=True)
class VectorCost:
    """What an op costs: cycles, operations, and bytes where they pass.

    `port_cycles` is all that crosses the DRAM port; `dma_cycles` adds the latency of every transfer.
    """

    tiles: int
    timing: Timing
    vector_cycles: int
    port_cycles: int
    dma_cycles: int
    dma_runs: int
    operations: int
    output_bytes: int
    dram_read_bytes: int
    dram_written_bytes: int
    loaded_bytes: int  # written into the buffer
    operand_bytes: int  # read from the buffer by the vector unit
    stored_bytes: int  # read from the buffer on their way to DRAM


def lanes_of(layer: Layer, hardware: Hardware) -> int:
    """Operations a cycle: one a lane of the vector unit, or one a PE where the array runs the op.

    Row stationary runs a pool as it runs a convolution, planes one by one, with MAX in place of the MAC (Chen et al.,
    ISCA 2016, section V-D). What its networks deliver is taken to keep pace: a word serves several windows.
    """
    return hardware.array.pes if layer.op in hardware.ops_on_array else hardware.vector_lanes


def operation_pj(layer: Layer, hardware: Hardware) -> float:
    """Energy of an operation: the table's for the vector unit; in a PE that of a MAC.

    A comparison or a sum takes the place of the MAC there, in the same datapath, so that a MAC is the most that it
    takes (45 nm, 32 bits: an addition 0.1 pJ, a multiplication 3.1 pJ; Horowitz, ISSCC 2014). Registers are not counted
    apart, as none are for the vector unit.
    """
    return prices_per_action(hardware)["mac" if layer.op in hardware.ops_on_array else "vector"]


def tile_units(layer: Layer) -> int:
    """What tiles have whole numbers of, unless there are more tiles: rows; sets that share their statistics."""
    if OPS[layer.op].passes > 1:
        return max(1, prod(layer.output_shape) // layer.window_elements)
    return layer.output_shape[2]


def input_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes of all inputs, each once; of what a slice takes a part of, that part."""
    if layer.op is Op.SPLIT:
        return tensor_bytes(layer.output_shape, hardware.input_bits)
    return sum(tensor_bytes(shape, hardware.input_bits) for shape in layer.input_shapes)


def constant_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes of constant operands that an op reads, which lie in DRAM and have the width of inputs.

    A tile holds its part of all samples, so that a constant comes once, whatever the batch. An embedding reads the
    rows that it picks, as many elements as it makes, and not the table.
    """
    picks = layer.op is Op.GATHER and layer.constant_elements > 0
    return tensor_bytes((prod(layer.output_shape) if picks else layer.constants,), hardware.input_bits)


def operand_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes that the vector unit reads: each operand in every pass, but for windows each of their elements."""
    distinct = input_bytes(layer, hardware) * OPS[layer.op].passes + constant_bytes(layer, hardware)
    elements = OPS[layer.op].operations(layer) if OPS[layer.op].windowed else 0
    return max(distinct, tensor_bytes((elements,), hardware.input_bits))
