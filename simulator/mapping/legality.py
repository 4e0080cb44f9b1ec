"""What a machine cannot do or hold of a mapping, as sentences that name the resource, the demand and the limit."""

from collections.abc import Sequence
from math import prod

from simulator.dims import OPERAND_NAMES, REDUCTION, Dim, Operand
from simulator.hardware.model import Hardware
from simulator.kernels.params import PROGRAM, WALK
from simulator.kernels.steps import set_program
from simulator.kernels.walk import buffer_demand, start_walk
from simulator.mapping.mapping import Mapping
from simulator.mapping.placements import Placement, register_words
from simulator.mapping.records import layer_record, machine_record, mapping_record, record
from simulator.network.ir import Layer


def violations(
    mapping: Mapping, layer: Layer, hardware: Hardware, resident: Sequence[bool] = (False, False, False)
) -> list[str]:
    """Every reason why the machine cannot run the mapping; empty if it can."""
    return [
        *_axes(mapping, hardware),
        *_registers(mapping, layer, hardware),
        *_buffers(mapping, layer, hardware, resident),
    ]


def _axes(mapping: Mapping, hardware: Hardware) -> list[str]:
    array = hardware.array
    reasons = []
    for name, bounds, length, reduces in (
        ("rows", mapping.rows, array.rows, array.reduce_rows),
        ("columns", mapping.columns, array.columns, array.reduce_columns),
    ):
        if prod(bounds) > length:
            reasons.append(f"{name}: unrolls {prod(bounds)} PEs, the array has {length} {name}")
        summed = [d.name for d in Dim if d in REDUCTION and bounds[d] > 1]
        if summed and not reduces:
            reasons.append(f"{name}: unrolls {', '.join(summed)}, but partial sums cannot be added along {name}")
    return reasons


def _registers(mapping: Mapping, layer: Layer, hardware: Hardware) -> list[str]:
    assert layer.nest is not None
    placement = Placement(mapping.rows, mapping.columns, mapping.registers)
    array, order = hardware.array, mapping.registers_order
    needed = register_words(placement, order, mapping.stationary, layer.nest, mapping.lowered, array)
    return [
        f"registers: a PE needs {needed[o]} words of {OPERAND_NAMES[o]}, it has {available}"
        for o, available in zip(Operand, array.registers_words, strict=True)
        if needed[o] > available
    ]


def buffer_demands(
    mapping: Mapping, layer: Layer, hardware: Hardware, resident: Sequence[bool] = (False, False, False)
) -> list[int]:
    """Bytes that the mapping keeps in each buffer of the machine."""
    assert layer.nest is not None
    machine, walk, program = machine_record(hardware), record(WALK), record(PROGRAM)
    data, cut = layer_record(hardware, layer, layer.nest, resident), mapping_record(hardware, mapping)
    start_walk(machine, data, cut, walk)
    set_program(cut, machine["forwarding"], program)
    return [int(buffer_demand(walk, machine, data, cut, program, i)) for i in range(len(hardware.buffers))]


def _buffers(mapping: Mapping, layer: Layer, hardware: Hardware, resident: Sequence[bool]) -> list[str]:
    demands = buffer_demands(mapping, layer, hardware, resident)
    return [
        f"buffer {buffer.name}: tiles need {demand} bytes, it holds {buffer.capacity_bytes}; smaller tiles "
        f"of {', '.join(OPERAND_NAMES[o] for o in buffer.holds)} would fit"
        for buffer, demand in zip(hardware.buffers, demands, strict=True)
        if demand > buffer.capacity_bytes
    ]
