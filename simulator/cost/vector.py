"""Cost of what does not use the array: tiles of vector ops and of moved data stream through the buffer.

    for tile                        # an equal share of the outputs; of windows, whole rows
        load its inputs             # DRAM -> buffer, unless they stay on chip
        operate                     # buffer -> vector unit -> buffer, `lanes` operations a cycle
        store its outputs           # buffer -> DRAM, unless they stay on chip

Bytes are those of tensors as they are; a transfer takes whole bursts of the DRAM port. Shares of outputs lie in one
piece, as each tensor's elements may come in the order in which they lie; rows of windows, as their layout has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from simulator.cost.case import LAYER, PIPE, ROWS, TILES, Ints
from simulator.cost.convert import machine_record, port_record, record
from simulator.cost.geometry import clipped, tile_box
from simulator.cost.layout import box_transfer
from simulator.cost.pipeline import RUN, play_runs
from simulator.cost.stored import tensor_fields
from simulator.hardware.model import Buffer, Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer
from simulator.network.ops import OPS, Op
from simulator.network.shapes import Shape, tensor_bytes

ALWAYS_TRIED_TILES = 64  # cuts into so many tiles and fewer are all tried, finer ones until one fits
MOST_TILES = 4096
BYTES, RUNS, DESCRIPTORS = range(3)
"""Columns of transfers."""
INPUTS, _, OUTPUTS = Operand

Resident = tuple[bool, bool, bool]
"""Whether inputs, weights and outputs stay on chip."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Bytes that each tile loads and stores, its vector cycles, and how it crosses the port; arrays of equal length."""

    loads: Ints
    computes: Ints
    stores: Ints
    loading: Ints  # [tile, 3]: bytes in bursts, contiguous runs, descriptors
    storing: Ints


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


def vector_cost(
    layer: Layer, hardware: Hardware, resident: Resident, reserved_bytes: int = 0, prefetch_bytes: int = 0
) -> VectorCost:
    """Return the cost of an op, cut in the fastest way that fits the buffer beside `reserved_bytes`.

    `prefetch_bytes` of the next op's weights cross the port meanwhile.
    """
    timed, tiles = fastest_cut(layer, hardware, resident, reserved_bytes, prefetch_bytes)
    loaded, stored = int(tiles.loads.sum()), int(tiles.stores.sum())
    transfers = np.concatenate((transfer_cycles(tiles.loading, hardware), transfer_cycles(tiles.storing, hardware)))
    crossed = tiles.loading[:, BYTES], tiles.storing[:, BYTES]
    port = int(transfers.sum())
    return VectorCost(
        tiles=len(tiles.loads),
        timing=timed,
        vector_cycles=int(tiles.computes.sum()),
        port_cycles=port,
        dma_cycles=port + hardware.dram.latency_cycles * int(np.count_nonzero(transfers)),
        dma_runs=int(tiles.loading[:, RUNS].sum() + tiles.storing[:, RUNS].sum()),
        operations=OPS[layer.op].operations(layer),
        output_bytes=tensor_bytes(layer.output_shape, hardware.output_bits),
        dram_read_bytes=int(crossed[0].sum()),
        dram_written_bytes=int(crossed[1].sum()),
        loaded_bytes=loaded,
        operand_bytes=max(loaded, operand_bytes(layer, hardware)),
        stored_bytes=stored,
    )


def vector_demand(layer: Layer, hardware: Hardware, resident: Resident, reserved_bytes: int) -> int:
    """Bytes that the tiles of an op take of the activations' buffer."""
    return demand_bytes(fastest_cut(layer, hardware, resident, reserved_bytes, 0)[1], hardware)


def fastest_cut(
    layer: Layer, hardware: Hardware, resident: Resident, reserved_bytes: int, prefetch_bytes: int
) -> tuple[Timing, Tiles]:
    """Return timing and tiles of the fastest cut into 1, 2, 4, ... tiles that fits; of equally fast ones the coarsest.

    If none fits up to `MOST_TILES`, that one is taken all the same.
    """
    free_bytes = activation_buffer(hardware).capacity_bytes - reserved_bytes
    best: tuple[Timing, Tiles] | None = None
    n = 1
    while best is None or n <= ALWAYS_TRIED_TILES:
        tiles = cut(layer, hardware, n, resident)
        if n >= MOST_TILES or demand_bytes(tiles, hardware) <= free_bytes:
            timed = timing(tiles, hardware, prefetch_bytes)
            best = (timed, tiles) if best is None or timed.cycles < best[0].cycles else best
        n *= 2
    return best


def cut(layer: Layer, hardware: Hardware, n: int, resident: Resident) -> Tiles:
    """Cut an op into n tiles of equal output; a window's tiles are rows, and load the rows their windows reach.

    Shares are whole: tile i takes what lies between i/n and (i+1)/n of the outputs, rounded.
    """
    height = layer.output_shape[2]
    by_rows = n <= height
    parts = np.linspace(0, height if by_rows else prod(layer.output_shape), n + 1).round().astype(np.int64)
    windowed = by_rows and OPS[layer.op].windowed
    rows = window_rows(layer, parts) if windowed else []
    loads = row_bytes(layer, hardware, rows) if windowed else shares(parts, input_bytes(layer, hardware))
    stores = shares(parts, tensor_bytes(layer.output_shape, hardware.output_bits))
    computes = shares(parts, -(-OPS[layer.op].operations(layer) // hardware.vector_lanes))
    loads, stores = (np.zeros_like(x) if resident[o] else x for o, x in ((INPUTS, loads), (OUTPUTS, stores)))
    if not windowed:
        return Tiles(loads, computes, stores, in_one_run(loads, hardware), in_one_run(stores, hardware))
    made = [(start, end - start) for start, end in pairwise(parts.tolist())]
    loading = strips(hardware, INPUTS, layer.input_shapes[0], loads, rows)
    return Tiles(loads, computes, stores, loading, strips(hardware, OUTPUTS, layer.output_shape, stores, made))


def in_one_run(sizes: Ints, hardware: Hardware) -> Ints:
    """Let each transfer be one contiguous run, rounded up to whole bursts: its bytes, runs and descriptors."""
    burst, some = hardware.dram.burst_bytes, np.minimum(sizes, 1)
    return np.stack((-(-sizes // burst) * burst, some, some), axis=1)


def strips(hardware: Hardware, operand: int, shape: Shape, sizes: Ints, rows: Sequence[tuple[int, int]]) -> Ints:
    """Bytes in bursts, contiguous runs and descriptors of strips of a tensor: the first row of each and how many.

    A strip has all channels, as far as the layout goes; `sizes` are its bytes, of which none may be left to move.
    """
    dram, layout = hardware.dram, hardware.dram.activations
    if layout == "tiled" or operand in dram.run_length:
        return in_one_run(sizes, hardware)
    atom, bits = dram.atom_channels, (hardware.input_bits, 0, hardware.output_bits)[operand]
    fields = tensor_fields(layout, shape, atom, atom * bits, dram.burst_bytes)
    facts, machine, tiles = record(LAYER), machine_record(hardware), record(TILES)
    facts["word_bits"][operand] = atom * bits
    for name, values in fields.items():
        facts[name][operand] = values
    tiles["copies"], tiles["box"] = 1, (shape[0], -(-shape[1] // atom), 0, shape[3])
    found = np.zeros((len(rows), 3), np.int64)
    for i, (start, count) in enumerate(rows):
        tiles["start"][ROWS], tiles["box"][ROWS] = start, count
        if sizes[i]:
            found[i] = box_transfer(tiles, machine, facts, operand)
    return found


def shares(parts: Ints, total: int) -> Ints:
    """Deal a total out to tiles that end at `parts` of the outputs, in whole numbers that add up to it."""
    ends: Ints = parts * total // parts[-1]
    return ends[1:] - ends[:-1]


def window_rows(layer: Layer, parts: Ints) -> list[tuple[int, int]]:
    """First and number of the input rows that each tile's windows reach; rows that two tiles need come twice."""
    height = layer.input_shapes[0][2]
    (taps, _), (stride, _), (dilation, _), (pad, *_) = layer.kernel, layer.stride, layer.dilation, layer.padding
    found = []
    for first, end in pairwise(parts.tolist()):
        box = tile_box(end - first, taps, stride, dilation, 0) if end > first else 0
        start = first * stride - pad
        found.append((max(0, start), clipped(start, box, height)))
    return found


def row_bytes(layer: Layer, hardware: Hardware, rows: Sequence[tuple[int, int]]) -> Ints:
    """Bytes of rows of the inputs."""
    n, channels, _, width = layer.input_shapes[0]
    return tensor_bytes((n, channels, width), hardware.input_bits) * np.array([count for _, count in rows], np.int64)


def input_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes of all inputs, each once; of what a slice takes a part of, that part."""
    if layer.op is Op.SPLIT:
        return tensor_bytes(layer.output_shape, hardware.input_bits)
    return sum(tensor_bytes(shape, hardware.input_bits) for shape in layer.input_shapes)


def operand_bytes(layer: Layer, hardware: Hardware) -> int:
    """Bytes that the vector unit reads: each input once, but for windows each of their elements."""
    distinct = input_bytes(layer, hardware)
    elements = OPS[layer.op].operations(layer) if OPS[layer.op].windowed else 0
    return max(distinct, tensor_bytes((elements,), hardware.input_bits))


def activation_buffer(hardware: Hardware) -> Buffer:
    """The buffer that holds inputs."""
    return next(buffer for buffer in hardware.buffers if Operand.INPUTS in buffer.holds)


def demand_bytes(tiles: Tiles, hardware: Hardware) -> int:
    """Bytes that the largest tile takes, as often as there are slots."""
    return int((tiles.loads + tiles.stores).max()) * hardware.slots_of(Operand.INPUTS)


def transfer_cycles(transfers: Ints, hardware: Hardware) -> Ints:
    """Cycles that transfers [*, 3] take: of their bytes at the DRAM port, or of their descriptors if those are more."""
    rate, size = hardware.dram.bytes_per_cycle, transfers[:, BYTES]
    port: Ints = np.zeros_like(size) if rate is None else -(-size * rate.denominator // rate.numerator)
    return np.maximum(port, transfers[:, DESCRIPTORS] * hardware.descriptor_cycles)


def timing(tiles: Tiles, hardware: Hardware, prefetch_bytes: int) -> Timing:
    """Play the tiles; a machine that overlaps layers takes the longer of port and vector unit."""
    loads, stores = transfer_cycles(tiles.loading, hardware), transfer_cycles(tiles.storing, hardware)
    computes = int(tiles.computes.sum())
    if hardware.layer_order == "overlapped":
        cycles = max(int(loads.sum() + stores.sum()), computes)
        return Timing(cycles, 0, cycles - computes, 0)
    runs = np.zeros(len(loads), RUN)
    runs["load"], runs["compute"], runs["store"], runs["count"] = loads, tiles.computes, stores, 1
    port = port_record(hardware)
    port["slots"] = port["deeper_slots"] = hardware.slots_of(Operand.INPUTS)
    ahead = np.array([(prefetch_bytes, 0, 0)])
    states = np.zeros(2, PIPE)
    end, pipe = int(play_runs(runs, port, int(transfer_cycles(ahead, hardware)[0]), states)), states[0]
    return Timing(end, int(pipe["fill_cycles"]), int(pipe["wait_cycles"]), end - int(pipe["array_free"]))
