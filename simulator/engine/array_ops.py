"""Ops that run on the PE array: from a mapping's totals to the result of a layer."""

from dataclasses import dataclass
from math import prod

from simulator.cost.case import SUM_BITS, Case, Record
from simulator.cost.convert import (
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    port_record,
    price_record,
)
from simulator.cost.evaluate import evaluate
from simulator.cost.legality import level_names
from simulator.cost.sparsity import mac_share, word_bits
from simulator.engine.results import Cost, energy_of, layer_result, touched
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.mapping.text import array_tile, mapping_to_dict
from simulator.nest import OPERAND_NAMES, Dim, LoopNest, Operand, footprint
from simulator.result.run import LayerResult, Traffic
from simulator.schedule import PlannedOp


@dataclass(frozen=True, slots=True)
class Played:
    """One layer's mapping, played: its totals (`TOTALS`) and the words moved on chip (`MOVED`)."""

    mapping: Mapping
    totals: Record
    moved: Record
    mac_share: float  # what a MAC costs of a full one, as some are gated
    prefetched_bytes: int  # of its first weights, which came during the op before


def play_mapping(
    op: PlannedOp,
    mapping: Mapping,
    hardware: Hardware,
    prefetched_bytes: int = 0,
    prefetch_bytes: int = 0,
) -> Played:
    """Evaluate a mapping that fits; see `LAYER` in `simulator.cost.case` for the prefetches."""
    layer, nest = op.layer, op.layer.nest
    assert nest is not None
    facts = layer_record(hardware, layer, nest, op.resident, op.residuals, op.stored, op.slices)
    facts["prefetched_bytes"], facts["prefetch_bytes"] = prefetched_bytes, prefetch_bytes
    scratch, prices = make_scratch(), price_record(hardware, layer)
    machine = machine_record(hardware, op.reserved_bytes)
    case = Case(machine, port_record(hardware), facts, prices, mapping_record(hardware, mapping))
    fits = evaluate(case, scratch)
    assert fits, f"{layer.name}: the mapping does not fit"
    return Played(mapping, scratch.totals, scratch.moved, mac_share(hardware, layer), prefetched_bytes)


def array_result(op: PlannedOp, played: Played, hardware: Hardware) -> LayerResult:
    """Assemble the result of a layer that ran on the array."""
    t = played.totals
    assert op.layer.nest is not None
    macs, adding = int(t["executed_macs"]), -(-op.added // hardware.vector_lanes)
    exposed = max(0, adding - int(t["cycles"]))  # the vector unit adds behind the array, whatever that waits for
    traffic, levels = with_sums(array_traffic(played, hardware), op, hardware), level_names(hardware)
    actions = {"mac": macs * played.mac_share, "cycles": int(t["cycles"]) + exposed}
    waits = {name: int(t[f"{name}_cycles"]) for name in ("fill", "wait", "drain")}
    cost = Cost(
        dataflow=played.mapping.dataflow,
        effective_macs=macs,
        cycle_parts={
            "compute": int(t["mac_cycles"]),
            "delivery": int(t["delivery_cycles"]),
            "preload": int(t["preload_cycles"]),
            "skew": int(t["skew_cycles"]),
            "dram": sum(waits.values()),
            "vector": exposed,
            "configuration": hardware.launch_cycles + hardware.configuration_cycles,
        },
        dram_parts=waits,
        energy_parts=energy_of(
            traffic, actions | ({"vector": op.added} if op.added else {}), hardware, played.mac_share
        ),
        traffic=traffic,
        footprint_bytes=footprints(op, hardware),
        bounds=cycle_bounds(t, hardware) | ({"vector": adding} if op.added else {}),
        tiles=int(t["tiles"]),
        dma_cycles=int(t["dma_cycles"]),
        prefetched_bytes=played.prefetched_bytes,
        dma_runs=int(t["dma_runs"]),
        mapping=mapping_to_dict(played.mapping, op.layer.nest.bounds, levels),
        mapped_pes=mapped_pes(played.mapping, op.layer.nest, levels.outside),
    )
    return layer_result(op, hardware, cost)


def mapped_pes(mapping: Mapping, nest: LoopNest, outside: int) -> int:
    """PEs that have work in a full step of a full tile: the positions that each dimension takes, multiplied.

    A step lies in a tile of the last of `outside` memory levels; a PE has a tile of the next one, or its registers.
    """
    tiles = [array_tile(mapping), *(level.tile for level in mapping.inner), mapping.registers]
    extents, own = list(tiles[outside - 1]), tiles[outside]
    if mapping.channel_packing:
        extents[Dim.C] *= prod(nest.stride)
    each = zip(mapping.spatial, own, extents, strict=True)
    return prod(min(pes, -(-extent // part)) for pes, part, extent in each)


def cycle_bounds(t: Record, hardware: Hardware) -> dict[str, int]:
    """Cycles that each resource alone needs: MACs and all of the array, each operand's network, the DRAM port."""
    wide = [delivery.words_per_cycle for delivery in hardware.array.delivery]
    words, sums = [int(n) for n in t["network_words"]], int(t["network_returned"])
    incoming, outgoing = -(-sums // wide[Operand.OUTPUTS]), -(-words[Operand.OUTPUTS] // wide[Operand.OUTPUTS])
    together = hardware.array.delivery[Operand.OUTPUTS].concurrent
    return {
        "array": int(t["array_cycles"]),
        "dram": int(t["port_cycles"]),
        "inputs": -(-words[Operand.INPUTS] // wide[Operand.INPUTS]),
        "weights": -(-words[Operand.WEIGHTS] // wide[Operand.WEIGHTS]),
        "outputs": max(incoming, outgoing) if together else incoming + outgoing,
    }


def array_traffic(played: Played, hardware: Hardware) -> dict[str, dict[str, Traffic]]:
    """Bytes by level and operand. DRAM counts what crosses the port; what is added to outputs counts as inputs.

    Without registers in use, operands go from the networks into the MACs, and there is no such level; nor is there an
    operand in a level that does not hold it.
    """
    t, moved, bits = played.totals, played.moved, word_bits(hardware)
    widths = (bits[Operand.INPUTS], bits[Operand.WEIGHTS], bits[SUM_BITS])
    traffic = {
        "dram": {
            name: Traffic(int(t["dram_read"][o]), int(t["dram_written"]) if o == Operand.OUTPUTS else 0)
            for o, name in zip(Operand, OPERAND_NAMES, strict=True)
        }
    }
    levels = (*hardware.level_names, "array", *(["rf"] if t["retains"] else []))
    for level, name in enumerate(levels):
        held = {o for b in hardware.buffers if b.level == level for o in b.holds} or set(Operand)
        traffic[name] = {
            OPERAND_NAMES[o]: Traffic(
                (int(moved["read"][level, o]) * widths[o] + 7) // 8,
                (int(moved["written"][level, o]) * widths[o] + 7) // 8,
            )
            for o in sorted(held)
        }
    return traffic


def with_sums(
    traffic: dict[str, dict[str, Traffic]], op: PlannedOp, hardware: Hardware
) -> dict[str, dict[str, Traffic]]:
    """Count the partial sums that the vector unit reads to add products of the array to them.

    It adds where outputs lie: every product is written there already, and each but the first of an output finds a sum.
    """
    if not op.added:
        return traffic
    level, read = hardware.level_of(Operand.OUTPUTS), (op.added * hardware.partial_sum_bits + 7) // 8
    before = traffic[level]["outputs"]
    summed = Traffic(before.read_bytes + read, before.write_bytes)
    return traffic | {level: traffic[level] | {"outputs": summed}}


def footprints(op: PlannedOp, hardware: Hardware) -> dict[str, int]:
    """Distinct bytes of each operand that the layer touches, uncompressed and without padding."""
    nest = op.layer.nest
    assert nest is not None
    samples, groups, channels = (nest.bounds[d] for d in (Dim.N, Dim.G, Dim.C))
    words = {
        "inputs": samples * groups * channels * touched(op.layer, 0) * touched(op.layer, 1),
        "weights": footprint(nest, nest.bounds, Operand.WEIGHTS),
        "outputs": footprint(nest, nest.bounds, Operand.OUTPUTS),
    }
    bits = word_bits(hardware)
    return {name: (words[name] * bits[o] + 7) // 8 for o, name in enumerate(OPERAND_NAMES)}
