"""Cost of what does not use the array: tiles of vector ops and of moved data stream through the buffer.

    for tile                        # an equal share of the outputs; of windows, rows, then channels, then columns
        load its inputs             # DRAM -> buffer, unless they stay on chip; constant operands, always
        operate                     # buffer -> vector unit or PEs -> buffer, `lanes_of` operations a cycle
        store its outputs           # buffer -> DRAM, unless they stay on chip

Bytes are those of tensors as they are; a transfer takes whole bursts of the DRAM port.

An op of two passes, a normalization, reads its inputs twice: for the statistics, then to scale. Tiles that hold whole
sets of elements that share their statistics read the second time from the buffer, finer ones load everything again.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from simulator.cost.case import PIPE, Ints
from simulator.cost.convert import port_record
from simulator.cost.geometry import clipped, tile_box
from simulator.cost.pipeline import RUN, play_runs
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer
from simulator.network.ops import OPS, Op
from simulator.network.shapes import tensor_bytes

ALWAYS_TRIED_TILES = 64  # cuts into so many tiles and fewer are all tried, finer ones until one fits
MOST_TILES = 4096

Resident = tuple[bool, bool, bool]
"""Whether inputs, weights and outputs stay on chip."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Bytes that each tile loads and stores, and its vector cycles, in order; arrays of equal length."""

    loads: Ints
    computes: Ints
    stores: Ints


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
    operations: int
    output_bytes: int
    dram_read_bytes: int
    dram_written_bytes: int
    loaded_bytes: int  # written into the buffer
    operand_bytes: int  # read from the buffer by the vector unit
    stored_bytes: int  # read from the buffer on their way to DRAM


def vector_cost(layer: Layer, hardware: Hardware, tiles: Tiles, prefetch_bytes: int = 0) -> VectorCost:
    """Return the cost of an op cut into tiles; `prefetch_bytes` of the next op's weights cross the port meanwhile."""
    loaded, stored = int(tiles.loads.sum()), int(tiles.stores.sum())
    transfers = np.concatenate((port_cycles(tiles.loads, hardware), port_cycles(tiles.stores, hardware)))
    port = int(transfers.sum())
    return VectorCost(
        tiles=len(tiles.loads),
        timing=timing(tiles, hardware, prefetch_bytes),
        vector_cycles=int(tiles.computes.sum()),
        port_cycles=port,
        dma_cycles=port + hardware.dram.latency_cycles * int(np.count_nonzero(transfers)),
        operations=OPS[layer.op].operations(layer),
        output_bytes=tensor_bytes(layer.output_shape, hardware.output_bits),
        dram_read_bytes=int(whole_bursts(tiles.loads, hardware).sum()),
        dram_written_bytes=int(whole_bursts(tiles.stores, hardware).sum()),
        loaded_bytes=loaded,
        operand_bytes=max(loaded, operand_bytes(layer, hardware)),
        stored_bytes=stored,
    )


def fastest_cut(layer: Layer, hardware: Hardware, resident: Resident, reserved_bytes: int = 0) -> Tiles:
    """Return the fastest cut into 1, 2, 4, ... tiles that fits beside `reserved_bytes`; of equally fast the coarsest.

    If none fits up to `MOST_TILES`, that one is taken all the same.
    """
    free_bytes = hardware.activation_buffer.capacity_bytes - reserved_bytes
    best: tuple[int, Tiles] | None = None
    n = 1
    while best is None or n <= ALWAYS_TRIED_TILES:
        tiles = cut(layer, hardware, n, resident)
        if n >= MOST_TILES or demand_bytes(tiles, hardware) <= free_bytes:
            cycles = timing(tiles, hardware).cycles
            best = (cycles, tiles) if best is None or cycles < best[0] else best
        n *= 2
    return best[1]


def cut(layer: Layer, hardware: Hardware, n: int, resident: Resident) -> Tiles:
    """Cut an op into n tiles of equal output; of windows into as many at least, see `cut_windows`.

    Shares are whole: tile i takes what lies between i/n and (i+1)/n of the outputs, rounded.
    """
    entry, units = OPS[layer.op], tile_units(layer)
    whole = n <= units
    if entry.windowed:
        parts, inputs = cut_windows(layer, hardware, n)
    else:
        parts = ends_of(units if whole else prod(layer.output_shape), n)
        inputs = shares(parts, input_bytes(layer, hardware) * (1 if whole else entry.passes))
    stores = shares(parts, tensor_bytes(layer.output_shape, hardware.output_bits))
    computes = shares(parts, -(-entry.operations(layer) // lanes_of(layer, hardware)))
    constants, zero = shares(parts, constant_bytes(layer, hardware)), np.zeros(len(stores), np.int64)
    loads = constants + (zero if resident[Operand.INPUTS] else inputs)
    return Tiles(loads, computes, zero if resident[Operand.OUTPUTS] else stores)


def ends_of(extent: int, n: int) -> Ints:
    """Where n parts of an extent, as equal as whole numbers allow, start and end."""
    ends: Ints = np.linspace(0, extent, n + 1).round().astype(np.int64)
    return ends


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
    return hardware.energy.mac_pj if layer.op in hardware.ops_on_array else hardware.energy.vector_op_pj


def tile_units(layer: Layer) -> int:
    """What tiles have whole numbers of, unless there are more tiles: rows; sets that share their statistics."""
    if OPS[layer.op].passes > 1:
        return max(1, prod(layer.output_shape) // layer.window_elements)
    return layer.output_shape[2]


def shares(parts: Ints, total: int) -> Ints:
    """Deal a total out to tiles that end at `parts` of the outputs, in whole numbers that add up to it."""
    ends: Ints = np.array([part * total // int(parts[-1]) for part in parts.tolist()], np.int64)
    return ends[1:] - ends[:-1]


def cut_windows(layer: Layer, hardware: Hardware, n: int) -> tuple[Ints, Ints]:
    """Cut windows into n tiles or a few more: where each ends among the outputs, and the bytes that it loads.

    Rows are cut first, then channels (of all samples), which share no input; columns last. A tile loads the box of
    rows and columns that its windows reach, a row of it in whole bytes; what two tiles need comes twice.
    """
    samples, channels, height, width = layer.output_shape
    maps = samples * channels
    rows, deep = ends_of(height, min(n, height)), ends_of(maps, min(maps, -(-n // height)))
    columns = ends_of(width, min(width, -(-n // (height * maps))))
    lengths = reached(layer, 0, rows)
    widths = reached(layer, 1, columns) if len(columns) > 2 else np.array([layer.input_shapes[0][3]])
    line_bytes = (np.outer(np.diff(deep), widths) * hardware.input_bits + 7) // 8
    outputs = np.outer(np.diff(rows), np.outer(np.diff(deep), np.diff(columns)))
    return np.concatenate(([0], np.cumsum(outputs))), np.outer(lengths, line_bytes).ravel()


def reached(layer: Layer, axis: int, ends: Ints) -> Ints:
    """Rows (axis 0) or columns (1) of the input, from first to last, that windows of each part of the outputs reach."""
    taps, stride, dilation = layer.kernel[axis], layer.stride[axis], layer.dilation[axis]
    pad, size = layer.padding[axis], layer.input_shapes[0][2 + axis]
    found = [
        clipped(start * stride - pad, tile_box(end - start, taps, stride, dilation, 0), size) if end > start else 0
        for start, end in pairwise(ends.tolist())
    ]
    return np.array(found, np.int64)


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
    return tensor_bytes((prod(layer.output_shape) if picks else layer.constant_elements,), hardware.input_bits)


def operand_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes that the vector unit reads: each operand in every pass, but for windows each of their elements."""
    distinct = input_bytes(layer, hardware) * OPS[layer.op].passes + constant_bytes(layer, hardware)
    elements = OPS[layer.op].operations(layer) if OPS[layer.op].windowed else 0
    return max(distinct, tensor_bytes((elements,), hardware.input_bits))


def demand_bytes(tiles: Tiles, hardware: Hardware) -> int:
    """Bytes that the largest tile takes, as often as there are slots."""
    return int((tiles.loads + tiles.stores).max()) * hardware.slots_of(Operand.INPUTS)


def whole_bursts(sizes: Ints, hardware: Hardware) -> Ints:
    """Round transfers up to whole bursts."""
    burst = hardware.dram.burst_bytes
    return -(-sizes // burst) * burst


def port_cycles(sizes: Ints, hardware: Hardware) -> Ints:
    """Cycles that transfers take the DRAM port, in whole bursts and whole cycles each."""
    rate, whole = hardware.dram.bytes_per_cycle, whole_bursts(sizes, hardware)
    return np.zeros_like(whole) if rate is None else -(-whole * rate.denominator // rate.numerator)


def timing(tiles: Tiles, hardware: Hardware, prefetch_bytes: int = 0) -> Timing:
    """Play the tiles; a machine that overlaps layers takes the longer of port and vector unit."""
    loads, stores = port_cycles(tiles.loads, hardware), port_cycles(tiles.stores, hardware)
    computes = int(tiles.computes.sum())
    if hardware.layer_order == "overlapped":
        cycles = max(int(loads.sum() + stores.sum()), computes)
        return Timing(cycles, 0, cycles - computes, 0)
    runs = np.zeros(len(loads), RUN)
    runs["load"], runs["compute"], runs["store"], runs["count"] = loads, tiles.computes, stores, 1
    port = port_record(hardware)
    port["slots"] = port["deeper_slots"] = hardware.slots_of(Operand.INPUTS)
    ahead, states = int(port_cycles(np.array([prefetch_bytes]), hardware)[0]), np.zeros(2, PIPE)
    end, pipe = int(play_runs(runs, port, ahead, states)), states[0]
    return Timing(end, int(pipe["fill_cycles"]), int(pipe["wait_cycles"]), end - int(pipe["array_free"]))
