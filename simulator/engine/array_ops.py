"""Ops that run on the PE array: from a mapping's totals to the result of a layer."""

from dataclasses import dataclass
from math import prod

import numpy as np

from simulator.cost import array as st
from simulator.cost import evaluate as ev
from simulator.cost.convert import (
    energy_record,
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    word_bits,
)
from simulator.cost.energy import PARTS, energy_parts
from simulator.energy.table import EnergyTable
from simulator.engine.results import layer_result
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.mapping.text import array_tile, mapping_to_dict
from simulator.nest import OPERAND_NAMES, Dim, LoopNest, Operand
from simulator.result.run import LayerResult, Traffic
from simulator.schedule import PlannedOp

Totals = dict[str, int]


@dataclass(frozen=True, slots=True)
class Played:
    """One layer's mapping, played: totals by name and energy by part."""

    mapping: Mapping
    totals: Totals
    energy_parts: dict[str, float]


TOTAL_NAMES = (
    "MAC_CYCLES",
    "BUS_INPUTS",
    "BUS_WEIGHTS",
    "BUS_OUTPUTS",
    "SUMS_READ",
    "PES_INPUTS",
    "PES_WEIGHTS",
    "PES_OUTPUTS",
    "ARRAY_CYCLES",
    "DELIVERY_CYCLES",
    "PRELOAD_CYCLES",
    "SKEW_CYCLES",
    "LOADED_INPUTS",
    "LOADED_WEIGHTS",
    "LOADED_SUMS",
    "LOADED_ADDENDS",
    "STORED_OUTPUTS",
    "STORED_SUMS",
    "DRAM_INPUTS",
    "DRAM_WEIGHTS",
    "DRAM_OUTPUTS_READ",
    "DRAM_OUTPUTS_WRITTEN",
    "PORT_CYCLES",
    "DMA_CYCLES",
    "ALL_TILES",
    "CYCLES",
    "FIRST_WEIGHTS_BYTES",
    "EXECUTED_MACS",
    "REGISTERS",
)
"""Totals of a layer that results are made of; see `simulator.cost.array` and `simulator.cost.evaluate`."""


def play_mapping(
    step: PlannedOp,
    mapping: Mapping,
    hardware: Hardware,
    table: EnergyTable,
    prefetched_bytes: int = 0,
    prefetch_bytes: int = 0,
) -> Played:
    """Evaluate a mapping that fits; see `LAYER` in `simulator.cost.case` for the prefetches."""
    layer, nest = step.layer, step.layer.nest
    assert nest is not None
    scratch = make_scratch(hardware)
    fits = ev.evaluate(
        machine_record(hardware, step.reserved_bytes),
        layer_record(
            hardware, layer, nest, step.resident, step.residuals, prefetched_bytes, prefetch_bytes, step.stored
        ),
        mapping_record(hardware, mapping),
        scratch.program,
        scratch.walk,
        scratch.state,
        scratch.kinds,
        scratch.totals,
    )
    assert fits, f"{layer.name}: the mapping does not fit"
    parts = np.zeros(len(PARTS))
    energy_parts(energy_record(hardware, table, layer), scratch.totals, parts)
    totals = {name: int(scratch.totals[index(name)]) for name in TOTAL_NAMES}
    return Played(mapping, totals, {name: float(pj) for name, pj in zip(PARTS, parts, strict=True)})


def index(name: str) -> int:
    """Position of a named total."""
    position: int = getattr(ev, name) if hasattr(ev, name) else getattr(st, name)
    return position


def array_result(step: PlannedOp, played: Played, hardware: Hardware) -> LayerResult:
    """Assemble the result of a layer that ran on the array."""
    t = played.totals
    assert step.layer.nest is not None
    bounds = cycle_bounds(t, hardware)
    return layer_result(
        step,
        hardware,
        dataflow=played.mapping.dataflow,
        effective_macs=t["EXECUTED_MACS"],
        cycle_parts={
            "compute": t["MAC_CYCLES"],
            "delivery": t["DELIVERY_CYCLES"],
            "preload": t["PRELOAD_CYCLES"],
            "skew": t["SKEW_CYCLES"],
            "dram": t["CYCLES"] - t["ARRAY_CYCLES"],
            "configuration": hardware.configuration_cycles,
        },
        energy_parts=played.energy_parts,
        traffic=array_traffic(t, hardware),
        footprint_bytes=footprints(step, hardware),
        bottleneck=bottleneck(t, bounds),
        bounds=bounds,
        tiles=t["ALL_TILES"],
        dma_cycles=t["DMA_CYCLES"],
        mapping=mapping_to_dict(played.mapping, step.layer.nest.bounds),
        mapped_pes=mapped_pes(played.mapping, step.layer.nest),
    )


def mapped_pes(mapping: Mapping, nest: LoopNest) -> int:
    """PEs that have work in a full step of a full tile: the positions that each dimension takes, multiplied."""
    spatial = (r * c for r, c in zip(mapping.rows, mapping.columns, strict=True))
    extents = list(array_tile(mapping))
    if mapping.packs:
        extents[Dim.C] *= prod(nest.stride)
    each = zip(spatial, mapping.registers, extents, strict=True)
    return prod(min(pes, -(-extent // registers)) for pes, registers, extent in each)


def cycle_bounds(t: Totals, hardware: Hardware) -> dict[str, int]:
    """Cycles that each resource alone needs: MACs and all of the array, each operand's network, the DRAM port."""
    wide = [delivery.words_per_cycle for delivery in hardware.array.delivery]
    incoming, outgoing = -(-t["SUMS_READ"] // wide[2]), -(-t["BUS_OUTPUTS"] // wide[2])
    together = hardware.array.delivery[Operand.OUTPUTS].concurrent
    return {
        "array": t["ARRAY_CYCLES"],
        "dram": t["PORT_CYCLES"],
        "inputs": -(-t["BUS_INPUTS"] // wide[0]),
        "weights": -(-t["BUS_WEIGHTS"] // wide[1]),
        "outputs": max(incoming, outgoing) if together else incoming + outgoing,
    }


def bottleneck(t: Totals, bounds: dict[str, int]) -> str:
    """The resource that needs most of the layer's time.

    That is DRAM if the port needs longer than the array, and otherwise the array's slowest: the MACs or an operand's
    network; or the preload or skew of its passes, where these take longer still.
    """
    if bounds["dram"] > bounds["array"]:
        return "dram"
    candidates = {
        "compute": t["MAC_CYCLES"],
        "inputs": bounds["inputs"],
        "weights": bounds["weights"],
        "outputs": bounds["outputs"],
        "preload": t["PRELOAD_CYCLES"],
        "skew": t["SKEW_CYCLES"],
    }
    return max(candidates, key=lambda name: candidates[name])


def array_traffic(t: Totals, hardware: Hardware) -> dict[str, dict[str, Traffic]]:
    """Bytes by level and operand. DRAM counts what crosses the port; what is added to outputs counts as inputs.

    Without registers in use, operands go from the networks into the MACs, and there is no such level.
    """
    bits = word_bits(hardware)

    def size(words: int, operand: int) -> int:
        return (words * bits[operand] + 7) // 8

    sums, macs = 3, t["EXECUTED_MACS"]
    added = size(t["LOADED_ADDENDS"], 2)
    final = size(t["STORED_OUTPUTS"], sums)
    traffic = {
        "dram": {
            "inputs": Traffic(t["DRAM_INPUTS"], 0),
            "weights": Traffic(t["DRAM_WEIGHTS"], 0),
            "outputs": Traffic(t["DRAM_OUTPUTS_READ"], t["DRAM_OUTPUTS_WRITTEN"]),
        },
        "buffer": {
            "inputs": Traffic(size(t["BUS_INPUTS"], 0) + added, size(t["LOADED_INPUTS"], 0) + added),
            "weights": Traffic(size(t["BUS_WEIGHTS"], 1), size(t["LOADED_WEIGHTS"], 1)),
            "outputs": Traffic(
                size(t["SUMS_READ"] + t["STORED_SUMS"], sums) + final,
                size(t["BUS_OUTPUTS"] + t["LOADED_SUMS"], sums),
            ),
        },
        "array": {
            "inputs": Traffic(size(t["PES_INPUTS"], 0), 0),
            "weights": Traffic(size(t["PES_WEIGHTS"], 1), 0),
            "outputs": Traffic(size(t["SUMS_READ"], sums), size(t["PES_OUTPUTS"], sums)),
        },
    }
    if t["REGISTERS"]:
        traffic["rf"] = {
            "inputs": Traffic(size(macs, 0), size(t["PES_INPUTS"], 0)),
            "weights": Traffic(size(macs, 1), size(t["PES_WEIGHTS"], 1)),
            "outputs": Traffic(size(macs, sums), size(macs, sums)),
        }
    return traffic


def footprints(step: PlannedOp, hardware: Hardware) -> dict[str, int]:
    """Distinct bytes of each operand that the layer touches, uncompressed and without padding."""
    nest = step.layer.nest
    assert nest is not None
    n, g, k, c, p, q, r, s = nest.bounds
    words = {
        "inputs": n * g * c * touched(nest, 0) * touched(nest, 1),
        "weights": g * k * c * r * s,
        "outputs": n * g * k * p * q,
    }
    bits = word_bits(hardware)
    return {name: (words[name] * bits[o] + 7) // 8 for o, name in enumerate(OPERAND_NAMES)}


def touched(nest: LoopNest, axis: int) -> int:
    """Rows (axis 0) or columns (1) of the unpadded input that some filter tap meets."""
    pixels, taps = nest.bounds[Dim.P + axis], nest.bounds[Dim.R + axis]
    stride, dilation, pad = nest.stride[axis], nest.dilation[axis], nest.padding[axis]
    positions = {i * stride + j * dilation - pad for i in range(pixels) for j in range(taps)}
    return sum(0 <= position < nest.input_size[axis] for position in positions)
