"""Ops on the vector unit and pure data movement: tiles stream through the buffer as those of the array do."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from simulator.cost.case import Ints
from simulator.cost.geometry import clipped_box
from simulator.cost.pipeline import play_runs
from simulator.energy.table import EnergyTable
from simulator.engine.results import layer_result
from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Layer, Op
from simulator.network.ops import OPS
from simulator.network.shapes import tensor_bytes
from simulator.result.run import LayerResult, Traffic
from simulator.schedule import PlannedOp

MOST_TILES = 4096


@dataclass(frozen=True, slots=True)
class Tiles:
    """Bytes that each tile loads and stores, and its vector cycles, in order; arrays of equal length."""

    loads: Ints
    computes: Ints
    stores: Ints


def cut(layer: Layer, hardware: Hardware, n: int, resident: tuple[bool, bool, bool]) -> Tiles:
    """Cut an op into n tiles of equal output; a window's tiles are rows, and load the rows their windows reach."""
    height = layer.output_shape[2]
    parts = np.linspace(0, height if n <= height else prod(layer.output_shape), n + 1).round().astype(np.int64)
    if n <= height and layer.op is Op.POOL:
        loads = _window_bytes(layer, hardware, parts)
    else:
        total = sum(tensor_bytes(shape, hardware.input_bits) for shape in layer.input_shapes)
        loads = np.diff(parts * total // parts[-1])
    stores = np.diff(parts * tensor_bytes(layer.output_shape, hardware.output_bits) // parts[-1])
    cycles = -(-OPS[layer.op].operations(layer) // hardware.vector_lanes)
    computes = np.diff(parts * cycles // parts[-1])
    zero = np.zeros(n, np.int64)
    return Tiles(zero if resident[0] else loads, computes, zero if resident[2] else stores)


def _window_bytes(layer: Layer, hardware: Hardware, parts: Ints) -> Ints:
    n, channels, height, width = layer.input_shapes[0]
    row = tensor_bytes((n, channels, width), hardware.input_bits)
    taps, stride, pad = layer.kernel[0], layer.stride[0], layer.padding[0]
    sizes = [
        row * clipped_box(int(start), int(end - start), 0, taps, stride, 1, pad, height, 0) if end > start else 0
        for start, end in pairwise(parts)
    ]
    return np.array(sizes, np.int64)


def vector_result(step: PlannedOp, hardware: Hardware, table: EnergyTable, prefetch_bytes: int = 0) -> LayerResult:
    """Cost of an op that does not use the array: the fastest of a few ways to cut it that fit the buffer."""
    buffer = next(b for b in hardware.buffers if Operand.INPUTS in b.holds)
    room = buffer.capacity_bytes - step.reserved_bytes
    best: tuple[int, Tiles] | None = None
    n = 1
    while best is None or n <= 64:
        tiles = cut(step.layer, hardware, n, step.resident)
        if int((tiles.loads + tiles.stores).max()) * hardware.slots_of(Operand.INPUTS) <= room or n >= MOST_TILES:
            cycles = _play(tiles, hardware, prefetch_bytes)
            best = min(best, (cycles, tiles), key=lambda b: b[0]) if best else (cycles, tiles)
        n *= 2
    return _result(step, hardware, table, best[0], best[1])


def _port(sizes: Ints, hardware: Hardware) -> Ints:
    """Port cycles of transfers, in whole bursts."""
    burst, rate = hardware.dram.burst_bytes, hardware.dram.bytes_per_cycle
    whole = -(-sizes // burst) * burst
    if rate is None:
        return np.zeros_like(whole)
    return -(-whole * rate.denominator // rate.numerator)


def _play(tiles: Tiles, hardware: Hardware, prefetch_bytes: int) -> int:
    slots, out_slots = hardware.slots_of(Operand.INPUTS), hardware.slots_of(Operand.OUTPUTS)
    ones = np.ones(len(tiles.loads), np.int64)
    ahead = int(_port(np.array([prefetch_bytes]), hardware)[0])
    loads, stores = _port(tiles.loads, hardware), _port(tiles.stores, hardware)
    latency, channels = hardware.dram.latency_cycles, hardware.dma_channels
    if hardware.layer_order == "overlapped":
        return int(max(loads.sum() + stores.sum(), tiles.computes.sum()))
    port = (slots, slots, out_slots, channels, latency)
    return int(play_runs(np.zeros_like(ones), loads, tiles.computes, stores, ones, port, ahead))


def _result(step: PlannedOp, hardware: Hardware, table: EnergyTable, cycles: int, tiles: Tiles) -> LayerResult:
    layer, burst = step.layer, hardware.dram.burst_bytes
    dram_in = int((-(-tiles.loads // burst) * burst).sum())
    dram_out = int((-(-tiles.stores // burst) * burst).sum())
    actions, computes = OPS[layer.op].operations(layer), int(tiles.computes.sum())
    touched = sum(tensor_bytes(shape, hardware.input_bits) for shape in layer.input_shapes)
    reads = max(touched, int(tiles.loads.sum()))
    if layer.op is Op.POOL:
        reads = max(reads, tensor_bytes((actions,), hardware.input_bits))
    made = tensor_bytes(layer.output_shape, hardware.output_bits)
    traffic = {
        "dram": {"inputs": Traffic(dram_in, 0), "outputs": Traffic(0, dram_out)},
        "buffer": {
            "inputs": Traffic(reads, int(tiles.loads.sum())),
            "outputs": Traffic(int(tiles.stores.sum()), made),
        },
    }
    transfers = np.concatenate((_port(tiles.loads, hardware), _port(tiles.stores, hardware)))
    port = int(transfers.sum())
    return layer_result(
        step,
        hardware,
        cycle_parts={"dram": cycles - computes, "vector": computes},
        energy_parts=_energy(traffic, actions, cycles, hardware, table),
        traffic=traffic,
        footprint_bytes={"inputs": min(reads, touched), "outputs": made},
        bottleneck="dram" if port >= computes else "vector",
        bounds={"dram": port, "vector": computes},
        tiles=len(tiles.loads),
        dma_cycles=port + hardware.dram.latency_cycles * int(np.count_nonzero(transfers)),
    )


def _energy(
    traffic: dict[str, dict[str, Traffic]], actions: int, cycles: int, hardware: Hardware, table: EnergyTable
) -> dict[str, float]:
    parts = {"vector": actions * table.vector_op_pj, "leakage": cycles * table.leakage_pj_per_cycle}
    for operand in (Operand.INPUTS, Operand.OUTPUTS):
        name = operand.name.lower()
        owner = next(b for b in hardware.buffers if operand in b.holds)
        bits = 8 * traffic["buffer"][name].total_bytes
        parts[f"buffer.{name}"] = bits * table.buffer_pj_per_bit(owner.capacity_bytes)
        parts[f"dram.{name}"] = 8 * traffic["dram"][name].total_bytes * table.dram_pj_per_bit
    return parts
