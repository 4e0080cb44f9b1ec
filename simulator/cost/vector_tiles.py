"""Cost of what does not use the array: tiles of vector ops and of moved data stream through the buffer.

    for tile                        # an equal share of the outputs; of windows, rows, then channels, then columns
        load its inputs             # DRAM -> buffer, unless they stay on chip; constant operands, always
        operate                     # buffer -> vector unit or PEs -> buffer, `lanes_of` operations a cycle
        store its outputs           # buffer -> DRAM, unless they stay on chip

Bytes are those of tensors as they are; a transfer takes whole bursts of the DRAM port. Shares of outputs lie in one
piece, as each tensor's elements may come in the order in which they lie; boxes of windows, as their layout has it.

An op of two passes, a normalization, reads its inputs twice: for the statistics, then to scale. Tiles that hold whole
sets of elements that share their statistics read the second time from the buffer, finer ones load everything again.
"""

from dataclasses import dataclass
from math import floor, prod

import numpy as np

from simulator.cost.case import FIXED_POINT, PIPE, Ints
from simulator.cost.convert import port_record
from simulator.cost.pipeline import RUN, play_runs
from simulator.cost.vector import (
    Timing,
    VectorCost,
    constant_bytes,
    input_bytes,
    lanes_of,
    operand_bytes,
    tile_units,
)
from simulator.cost.windows import BYTES, DESCRIPTORS, RUNS, box_transfers, cut_windows, ends_of, in_one_run
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer
from simulator.network.ops import OPS
from simulator.network.shapes import tensor_bytes

ALWAYS_TRIED_TILES = 64  # cuts into so many tiles and fewer are all tried, finer ones until one fits
MOST_TILES = 4096

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


def vector_cost(layer: Layer, hardware: Hardware, tiles: Tiles, prefetch_bytes: int = 0) -> VectorCost:
    """Return the cost of an op cut into tiles; `prefetch_bytes` of the next op's weights cross the port meanwhile."""
    loaded, stored = int(tiles.loads.sum()), int(tiles.stores.sum())
    transfers = np.concatenate((transfer_cycles(tiles.loading, hardware), transfer_cycles(tiles.storing, hardware)))
    crossed = tiles.loading[:, BYTES], tiles.storing[:, BYTES]
    port = int(transfers.sum())
    return VectorCost(
        tiles=len(tiles.loads),
        timing=timing(tiles, hardware, prefetch_bytes),
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
    if entry.windowed:
        return cut_boxes(layer, hardware, n, resident)
    whole = n <= units
    parts = ends_of(units if whole else prod(layer.output_shape), n)
    loads = shares(parts, constant_bytes(layer, hardware))
    if not resident[Operand.INPUTS]:
        loads += shares(parts, input_bytes(layer, hardware) * (1 if whole else entry.passes))
    stores = shares(parts, tensor_bytes(layer.output_shape, hardware.output_bits))
    stores = np.zeros_like(stores) if resident[Operand.OUTPUTS] else stores
    loading, storing = in_one_run(loads, hardware), in_one_run(stores, hardware)
    return Tiles(loads, computes_of(layer, hardware, parts), stores, loading, storing)


def cut_boxes(layer: Layer, hardware: Hardware, n: int, resident: Resident) -> Tiles:
    """Cut an op of windows into boxes: what each loads and stores lies apart, but for constants."""
    made, read = cut_windows(layer, hardware.dram.atom_channels, n)
    parts = np.concatenate(([0], np.cumsum(made.elements)))
    loads = shares(parts, constant_bytes(layer, hardware))
    loading = in_one_run(loads, hardware)
    if not resident[Operand.INPUTS]:
        sizes = read.box_bytes(hardware.input_bits)
        loads += sizes
        loading += box_transfers(read, sizes, Operand.INPUTS, layer.input_shapes[0], hardware)
    stores = np.zeros_like(loads)
    storing = in_one_run(stores, hardware)
    if not resident[Operand.OUTPUTS]:
        stores = shares(parts, tensor_bytes(layer.output_shape, hardware.output_bits))
        storing = box_transfers(made, stores, Operand.OUTPUTS, layer.output_shape, hardware)
    return Tiles(loads, computes_of(layer, hardware, parts), stores, loading, storing)


def computes_of(layer: Layer, hardware: Hardware, parts: Ints) -> Ints:
    """Cycles of operations of tiles that end at `parts` of the outputs."""
    return shares(parts, -(-OPS[layer.op].operations(layer) // lanes_of(layer, hardware)))


def shares(parts: Ints, total: int) -> Ints:
    """Deal a total out to tiles that end at `parts` of the outputs, in whole numbers that add up to it."""
    ends: Ints = np.array([part * total // int(parts[-1]) for part in parts.tolist()], np.int64)
    return ends[1:] - ends[:-1]


def demand_bytes(tiles: Tiles, hardware: Hardware) -> int:
    """Bytes that the largest tile takes, as often as there are slots."""
    return int((tiles.loads + tiles.stores).max()) * hardware.slots_of(Operand.INPUTS)


def transfer_cycles(transfers: Ints, hardware: Hardware) -> Ints:
    """Cycles that transfers [*, 3] take: of their bytes at the DRAM port, or of their descriptors if those are more."""
    rate, size = hardware.dram.bytes_per_cycle, transfers[:, BYTES]
    port: Ints = np.zeros_like(size) if rate is None else -(-size * rate.denominator // rate.numerator)
    return np.maximum(port, transfers[:, DESCRIPTORS] * hardware.descriptor_cycles)


def prefetch_cycles(prefetch_bytes: int, hardware: Hardware) -> int:
    """Cycles that the next op's first weights take the port; see `simulator.cost.transfers.weights_at_port`."""
    size = -(-prefetch_bytes * floor(hardware.dram.weights_ratio * FIXED_POINT) // FIXED_POINT)
    return int(transfer_cycles(np.array([(size, 0, 0)]), hardware)[0])


def timing(tiles: Tiles, hardware: Hardware, prefetch_bytes: int = 0) -> Timing:
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
    states = np.zeros(2, PIPE)
    end, pipe = int(play_runs(runs, port, prefetch_cycles(prefetch_bytes, hardware), states)), states[0]
    return Timing(end, int(pipe["fill_cycles"]), int(pipe["wait_cycles"]), end - int(pipe["array_free"]))
