"""Ops that run on the PE array: from a mapping's totals to the result of a layer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import TYPE_CHECKING, Any

from simulator.cost.legality import Around, buffer_demands, level_names, whole_bytes
from simulator.cost.sparsity import mac_share
from simulator.engine.mapping_choice import too_much
from simulator.engine.results import Cost, energy_of, stacked_result, touched
from simulator.errors import InputError, TooMuchWork
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.mapping.text import array_tile, mapping_to_dict
from simulator.nest import OPERAND_NAMES, Dim, LoopNest, Operand, footprint
from simulator.result.run import Traffic
from simulator.schedule import PlannedOp
from simulator.timing.tiles import exposed_cycles

if TYPE_CHECKING:
    from simulator.cost.case import Case, Record, Scratch


MOST_TILES = 20_000_000
"""Tiles of a mapping that are played, if they differ; what is alike is jumped over, and does not count."""


@dataclass(frozen=True, slots=True)
class Played:
    """What playing a layer's mapping leaves: of `TOTALS` and `MOVED` in `simulator.cost.case` what results are made of.

    Words `read` and `written` are by level and operand. `demand_bytes` is what the mapping keeps in each buffer.
    """

    array_cycles: int
    cycles: int
    delivery_cycles: int
    dma_cycles: int
    dma_runs: int
    drain_cycles: int
    dram_read: list[int]
    dram_written: int
    executed_macs: int
    fill_cycles: int
    first_weights_bytes: int
    mac_cycles: int
    network_returned: int
    network_words: list[int]
    port_cycles: int
    preload_cycles: int
    retains: int
    skew_cycles: int
    tiles: int
    wait_cycles: int
    read: list[list[int]]
    written: list[list[int]]
    demand_bytes: list[int]


def evaluated(
    op: PlannedOp, mapping: Mapping, hardware: Hardware, prefetched_bytes: int = 0, prefetch_bytes: int = 0
) -> tuple["Case", "Scratch"]:
    """Evaluate a mapping that fits; see `LAYER` in `simulator.cost.case` for the prefetches.

    InputError if it has more tiles than are ever played.
    """
    from simulator.cost.case import PRICES, Case
    from simulator.cost.convert import (
        layer_record,
        machine_record,
        make_scratch,
        mapping_record,
        port_record,
        record,
    )
    from simulator.cost.evaluate import evaluate

    layer, nest = op.layer, op.layer.nest
    assert nest is not None
    facts = layer_record(hardware, layer, nest, op.resident, op.residuals, op.stored, op.slices)
    facts["prefetched_bytes"], facts["prefetch_bytes"] = prefetched_bytes, prefetch_bytes
    facts["parameters"] = op.parameters
    scratch, machine = make_scratch(), machine_record(hardware, op.reserved_bytes)
    case = Case(machine, port_record(hardware), facts, record(PRICES), mapping_record(hardware, mapping))
    scratch.work["left"] = MOST_TILES
    fits = evaluate(case, scratch)
    if scratch.work["left"] < 0:
        raise InputError(too_much(layer, hardware, TooMuchWork(MOST_TILES)))
    assert fits, f"{layer.name}: the mapping does not fit"
    return case, scratch


def play_mapping(
    op: PlannedOp,
    mapping: Mapping,
    hardware: Hardware,
    prefetched_bytes: int = 0,
    prefetch_bytes: int = 0,
) -> dict[str, object]:
    """Evaluate a mapping that fits; return the fields of `Played` by name, in plain data."""
    layer, (_, scratch) = op.layer, evaluated(op, mapping, hardware, prefetched_bytes, prefetch_bytes)
    around = Around(op.resident, op.reserved_bytes, op.residuals, op.parameters)
    demands = buffer_demands(mapping, layer, hardware, around)
    demands[next(i for i, b in enumerate(hardware.buffers) if Operand.WEIGHTS in b.holds)] += whole_bytes(
        layer, hardware, around
    )
    return plain(scratch.totals, scratch.moved) | {"demand_bytes": demands}


def plain(*records: "Record") -> dict[str, object]:
    """Return the fields of records that `Played` has."""
    names = {each.name for each in fields(Played)}
    return {name: each[name].tolist() for each in records for name in each.dtype.names or () if name in names}


def sum_played(strips: Sequence[Played]) -> Played:
    """Add up what strips of an op leave; of the buffers, and of what registers retain, the most counts."""
    if len(strips) == 1:
        return strips[0]
    added = {each.name: _added([getattr(strip, each.name) for strip in strips]) for each in fields(Played)}
    demands = [max(sizes) for sizes in zip(*(strip.demand_bytes for strip in strips), strict=True)]
    first, retains = strips[0].first_weights_bytes, max(strip.retains for strip in strips)
    return Played(**(added | {"demand_bytes": demands, "first_weights_bytes": first, "retains": retains}))


def _added(values: Sequence[Any]) -> Any:
    if isinstance(values[0], list):
        return [_added(column) for column in zip(*values, strict=True)]
    return sum(values)


Strip = tuple[PlannedOp, Mapping, Played]
"""A strip of an op, or all of it: its mapping, and what playing that leaves."""


def array_cost(op: PlannedOp, strips: Sequence[Strip], hardware: Hardware, prefetched_bytes: int = 0) -> Cost:
    """Assemble the cost of a layer that ran on the array, in one strip or several, each under a mapping.

    So many of its weights came ahead. What is told of one mapping is told of that of most strips.
    """
    nests = {strip.layer.name: (strip.layer.nest, own) for strip, own, _ in strips}
    _, mapping = nests[Counter(strip.layer.name for strip, *_ in strips).most_common(1)[0][0]]
    assert op.layer.nest is not None
    t, share = sum_played([played for *_, played in strips]), mac_share(hardware, op.layer)
    behind = [behind_array(strip, hardware) for strip, *_ in strips]
    exposed = sum(each.exposed(played.cycles, played.tiles) for each, (*_, played) in zip(behind, strips, strict=True))
    vector = {"vector": each} if (each := sum(own.operations for own in behind)) else {}
    traffic, levels = with_sums(array_traffic(t, hardware), op, hardware), level_names(hardware)
    actions = {"mac": t.executed_macs * share, "cycles": t.cycles + exposed}
    waits = {"fill": t.fill_cycles, "wait": t.wait_cycles, "drain": t.drain_cycles}
    return Cost(
        dataflow=mapping.dataflow,
        effective_macs=t.executed_macs,
        cycle_parts={
            "compute": t.mac_cycles,
            "delivery": t.delivery_cycles,
            "preload": t.preload_cycles,
            "skew": t.skew_cycles,
            "dram": sum(waits.values()),
            "vector": exposed,
            "configuration": hardware.launch_cycles + len(strips) * hardware.configuration_cycles,
        },
        dram_parts=waits,
        energy_parts=energy_of(traffic, actions | vector, hardware, share),
        traffic=traffic,
        footprint_bytes=footprints(op, hardware),
        bounds=cycle_bounds(t, hardware) | ({"vector": each} if (each := sum(own.cycles for own in behind)) else {}),
        tiles=t.tiles,
        dma_cycles=t.dma_cycles,
        prefetched_bytes=prefetched_bytes,
        dma_runs=t.dma_runs,
        mapping=None if op.in_stack else mapping_to_dict(mapping, op.layer.nest.bounds, levels),
        stacked=stacked_result(
            op, {x: mapping_to_dict(own, nest.bounds, levels) for x, (nest, own) in nests.items() if nest}
        ),
        mapped_pes=max(mapped_pes(own, nest, levels.outside) for nest, own in nests.values() if nest),
        tile_bytes=t.demand_bytes[hardware.buffers.index(hardware.activation_buffer)],
    )


@dataclass(frozen=True, slots=True)
class Behind:
    """What the vector unit does behind the array."""

    operations: int
    cycles: int
    array_waits: bool

    def exposed(self, array_cycles: int, tiles: int) -> int:
        """Cycles that it takes beyond those of the array, or all of its own where the array waits."""
        return exposed_cycles(self.cycles, array_cycles, tiles, array_waits=self.array_waits)


def behind_array(op: PlannedOp, hardware: Hardware) -> Behind:
    """Return what the vector unit does with a layer's outputs on their way out.

    operations = products that are added to others + operations an output x outputs, and cycles = operations / lanes.
    Products of an engine for depthwise layers are operations, too, in cycles of its own.
    """
    operations = op.added + hardware.epilogue.operations * prod(op.layer.output_shape)
    cycles = -(-operations // hardware.vector_lanes) + sum(filter_cycles(nest, hardware) for nest in op.filtering)
    products = sum(nest.macs for nest in op.filtering)
    return Behind(operations + products, cycles, hardware.epilogue.array_waits)


def filter_cycles(nest: LoopNest, hardware: Hardware) -> int:
    """Return the cycles of an engine for a depthwise layer: a tap of its channels and pixels of a row in each.

    cycles = samples x filters a channel x ceil(channels / its own) x rows x ceil(columns / its pixels) x taps
    (AMD, PG338: depthwise convolution, of channel and pixel parallelism).
    """
    engine, bounds = hardware.depthwise, nest.bounds
    assert engine is not None
    groups, columns = -(-bounds[Dim.G] // engine.channels), -(-bounds[Dim.Q] // engine.pixels)
    return groups * columns * prod(bounds[d] for d in (Dim.N, Dim.K, Dim.P, Dim.R, Dim.S))


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


def cycle_bounds(t: Played, hardware: Hardware) -> dict[str, int]:
    """Cycles that each resource alone needs: MACs and all of the array, each operand's network, the DRAM port."""
    wide = [delivery.words_per_cycle for delivery in hardware.array.delivery]
    words, sums = t.network_words, t.network_returned
    incoming, outgoing = -(-sums // wide[Operand.OUTPUTS]), -(-words[Operand.OUTPUTS] // wide[Operand.OUTPUTS])
    together = hardware.array.delivery[Operand.OUTPUTS].concurrent
    return {
        "array": t.array_cycles,
        "dram": t.port_cycles,
        "inputs": -(-words[Operand.INPUTS] // wide[Operand.INPUTS]),
        "weights": -(-words[Operand.WEIGHTS] // wide[Operand.WEIGHTS]),
        "outputs": max(incoming, outgoing) if together else incoming + outgoing,
    }


def array_traffic(t: Played, hardware: Hardware) -> dict[str, dict[str, Traffic]]:
    """Bytes by level and operand. DRAM counts what crosses the port; what is added to outputs counts as inputs.

    Without registers in use, operands go from the networks into the MACs, and there is no such level; nor is there an
    operand in a level that does not hold it.
    """
    widths = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    traffic = {
        "dram": {
            name: Traffic(t.dram_read[o], t.dram_written if o == Operand.OUTPUTS else 0)
            for o, name in zip(Operand, OPERAND_NAMES, strict=True)
        }
    }
    levels = (*hardware.level_names, "array", *(["rf"] if t.retains else []))
    for level, name in enumerate(levels):
        held = {o for b in hardware.buffers if b.level == level for o in b.holds} or set(Operand)
        traffic[name] = {
            OPERAND_NAMES[o]: Traffic(
                (t.read[level][o] * widths[o] + 7) // 8,
                (t.written[level][o] * widths[o] + 7) // 8,
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
    bits = (hardware.input_bits, hardware.weight_bits, hardware.output_bits)
    return {name: (words[name] * bits[o] + 7) // 8 for o, name in enumerate(OPERAND_NAMES)}
