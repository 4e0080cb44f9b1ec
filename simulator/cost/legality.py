"""What a machine cannot do or hold of a mapping, as sentences that name the resource, the demand and the limit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.mapping.text import LevelNames, read_mapping
from simulator.nest import OPERAND_NAMES, REDUCTION, Dim, Operand, footprint
from simulator.network.ir import Layer
from simulator.source import load_yaml, validate
from simulator.source.parser import OF_LAYERS


@dataclass(frozen=True, slots=True)
class Around:
    """What the rest of a network leaves a layer: which operands stay on chip whole, bytes of the buffer of inputs that
    kept tensors take, how many residual operands are added to its outputs, and the parameters of ops fused into it.
    """

    resident: tuple[bool, bool, bool] = (False, False, False)
    reserved_bytes: int = 0
    residuals: int = 0
    parameters: int = 0


ALONE = Around()

Check = Callable[[Mapping, Layer], list[str]]
"""Every reason why a layer cannot be run by a mapping."""


def violations(mapping: Mapping, layer: Layer, hardware: Hardware, around: Around = ALONE) -> list[str]:
    """Every reason why the machine cannot run the mapping; empty if it can."""
    if len(mapping.inner) + 1 != len(hardware.level_names):
        return [f"levels: has tiles of {len(mapping.inner) + 1}, the machine has {', '.join(hardware.level_names)}"]
    return [
        *_lanes(mapping, hardware),
        *_axes(mapping, hardware),
        *_registers(mapping, layer, hardware),
        *_buffers(mapping, layer, hardware, around),
    ]


def _lanes(mapping: Mapping, hardware: Hardware) -> list[str]:
    inside = [buffer.name for buffer in hardware.buffers if buffer.in_pe]
    return (
        [f"channel_packing: packed lanes take single words, and keep none in {', '.join(inside)}"]
        if mapping.channel_packing and inside
        else []
    )


def _axes(mapping: Mapping, hardware: Hardware) -> list[str]:
    array = hardware.array
    reasons = []
    for name, bounds, length, reduces in (
        ("arrays", mapping.arrays, array.instances, False),
        ("rows", mapping.rows, array.rows, array.reduce_rows),
        ("columns", mapping.columns, array.columns, array.reduce_columns),
    ):
        if prod(bounds) > length:
            unit, owner = ("arrays", "machine") if name == "arrays" else ("PEs", "array")
            reasons.append(f"{name}: unrolls {prod(bounds)} {unit}, the {owner} has {length} {name}")
        summed = [d.name for d in Dim if d in REDUCTION and bounds[d] > 1]
        if summed and not reduces:
            reasons.append(f"{name}: unrolls {', '.join(summed)}, but partial sums cannot be added along {name}")
    return reasons


def _registers(mapping: Mapping, layer: Layer, hardware: Hardware) -> list[str]:
    from simulator.cost.spatial import SpatialMapping, register_words

    assert layer.nest is not None
    layout = SpatialMapping(mapping.rows, mapping.columns, mapping.registers)
    array, order = hardware.array, mapping.registers_order
    needed = register_words(layout, order, mapping.stationary, layer.nest, mapping.lowered, array)
    return [
        f"registers: a PE needs {needed[o]} words of {OPERAND_NAMES[o]}, it has {available}"
        for o, available in zip(Operand, array.registers_words, strict=True)
        if needed[o] > available
    ]


def buffer_demands(mapping: Mapping, layer: Layer, hardware: Hardware, around: Around = ALONE) -> list[int]:
    """Bytes that the mapping keeps in each buffer of the machine, kept tensors apart."""
    from simulator.cost.case import REUSE, TILES
    from simulator.cost.convert import layer_record, machine_record, mapping_record, record
    from simulator.cost.reuse import set_reuse
    from simulator.cost.tiles import memory_demand, start_tiles

    assert layer.nest is not None
    machine, tiles, reuse = machine_record(hardware, around.reserved_bytes), record(TILES), record(REUSE)
    data = layer_record(hardware, layer, layer.nest, around.resident, around.residuals)
    data["parameters"] = around.parameters
    cut = mapping_record(hardware, mapping)
    start_tiles(machine, data, cut, tiles)
    set_reuse(machine, cut, reuse)
    return [int(memory_demand(tiles, machine, data, cut, reuse, i)) for i in range(len(hardware.buffers))]


def whole_bytes(layer: Layer, hardware: Hardware, around: Around = ALONE) -> int:
    """Bytes of the inputs and weights of a layer that come whole, before its first tile."""
    from simulator.cost.case import TILES
    from simulator.cost.convert import layer_record, machine_record, record
    from simulator.cost.tiles import set_whole

    assert layer.nest is not None
    machine, tiles, inputs_and_weights = machine_record(hardware, around.reserved_bytes), record(TILES), (0, 1)
    data = layer_record(hardware, layer, layer.nest, around.resident, around.residuals)
    set_whole(machine, data, tiles)
    return -(-sum(int(tiles["whole"][o]) * int(machine["bits"][o]) for o in inputs_and_weights) // 8)


def _buffers(mapping: Mapping, layer: Layer, hardware: Hardware, around: Around) -> list[str]:
    from simulator.cost.convert import machine_record

    demands = buffer_demands(mapping, layer, hardware, around)
    capacities = [int(size) for size in machine_record(hardware, around.reserved_bytes)["capacity_bytes"]]
    return [
        f"buffer {buffer.name}: tiles need {demand} bytes, it has {capacity} for them; smaller tiles "
        f"of {', '.join(OPERAND_NAMES[o] for o in buffer.holds)} would fit"
        for buffer, demand, capacity in zip(hardware.buffers, demands, capacities, strict=False)
        if demand > capacity
    ]


def load_mappings(
    path: str | Path, layers: Iterable[Layer], hardware: Hardware, check: Check | None = None
) -> dict[str, Mapping]:
    """Read a mapping file for the layers of a network on a machine; return mappings by layer name.

    Layers that the file leaves out are left to the search; `check` tells what is against a mapping of a layer, by
    default what is against it for the layer alone. Raises InputError with every problem: unknown layers, loops that do
    not cover a layer, and what the machine cannot do or hold.
    """
    from simulator.mapping.schema import WrittenMappings

    document = load_yaml(path, OF_LAYERS)
    written = validate(document, WrittenMappings)
    by_name = {layer.name: layer for layer in layers if layer.nest is not None}
    problems: list[Problem] = []
    found: dict[str, Mapping] = {}
    for name, entry in written.layers.items():
        if name not in by_name:
            message = "the network has no layer of this name that multiplies"
            problems.append(document.problem(("layers", name), message, suggestion=nearest(name, by_name), of_key=True))
            continue
        mapping, wrong = read_mapping(entry, by_name[name], document, level_names(hardware))
        if mapping is not None:
            reasons = check(mapping, by_name[name]) if check else violations(mapping, by_name[name], hardware)
            wrong = [document.problem(("layers", name), reason, of_key=True) for reason in reasons]
            found[name] = mapping
        problems += wrong
    if problems:
        raise InputError(*problems)
    return found


def level_names(hardware: Hardware) -> LevelNames:
    """Name the machine's memory levels for mapping files."""
    return LevelNames(hardware.level_names, hardware.levels_outside)


def least_demand(hardware: Hardware, layer: Layer) -> dict[Operand, int]:
    """Bytes of the smallest tile of each operand that any mapping can use."""
    nest = layer.nest
    assert nest is not None
    smallest = (1, 1, 1, 1, 1, 1, nest.bounds[Dim.R], nest.bounds[Dim.S])
    bits = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    return {o: -(-footprint(nest, smallest, o) * bits[o] // 8) for o in Operand}
