"""Load a machine from its YAML file."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.energy.table import energy_of
from simulator.errors import InputError, Problem
from simulator.hardware.dram_types import DRAM_TYPES
from simulator.hardware.model import (
    Array,
    Buffer,
    Delivery,
    DepthwiseEngine,
    Dram,
    Epilogue,
    Hardware,
    Pages,
    ZeroWeights,
)
from simulator.log import timed
from simulator.mapping.dataflow import dataflow_of
from simulator.nest import OPERAND_NAMES
from simulator.source import Document, load_yaml, plain_document, validate
from simulator.source.locate import bundled, locate
from simulator.source.parser import Value

if TYPE_CHECKING:
    from simulator.hardware import schema, schema_array


def list_hardware() -> tuple[str, ...]:
    """Return the names of the bundled machines.

    >>> "eyeriss_chip" in list_hardware()
    True
    """
    return tuple(bundled())


def load_hardware(spec: str | Path) -> Hardware:
    """Return the machine in a file, or a bundled one by its name with or without suffix.

    Raises InputError with every problem of the file.

    >>> load_hardware("eyeriss_chip").array.pes
    168
    """
    path = locate(spec, "", "machine")
    if path.suffix.lower() == ".cfg":
        expected = f"what `simulate convert {path} --to hw` writes of it"
        raise InputError(Problem("a machine of another tool", str(path), expected=expected))
    with timed("loaded machine %s", path):
        return read_hardware(load_yaml(path))


def read_hardware(document: Document | Mapping[str, Value], bare_quantities: bool = False) -> Hardware:
    """Return the machine that a parsed file, or plain data such as a machine's `document`, describes.

    Dataflows, the energy table and the machine that it names are read, too; paths are relative to the file's folder.
    With `bare_quantities` a whole number without unit is one of hertz, bytes, bytes a second or picoseconds. Raises
    InputError with every problem of all these files.
    """
    from simulator.hardware.defaults import chosen_by_default

    source = document if isinstance(document, Document) else plain_document(document)
    machine, extends = _machine(source, bare_quantities, ())
    hardware = _hardware(machine)
    object.__setattr__(hardware, "document", machine.model_dump(exclude_defaults=True))
    object.__setattr__(hardware, "by_default", dict(chosen_by_default(machine)))
    object.__setattr__(hardware, "extends", extends)
    return hardware


def _machine(
    source: Document, bare_quantities: bool, below: tuple[Path, ...]
) -> "tuple[schema.Machine, tuple[str, ...]]":
    """Read a machine and the names of those it extends; `below` are the files of those that extend it in turn."""
    from simulator.hardware.extend import EXTENDS, base_file, joined
    from simulator.hardware.named import FOLDER
    from simulator.hardware.schema import Machine
    from simulator.source.fields import BARE_QUANTITIES

    extends: tuple[str, ...] = ()
    if EXTENDS in source.data:
        files = (*below, Path(source.file).resolve())
        base, names = _machine(load_yaml(base_file(source, files)), False, files)
        source, extends = joined(source, base.model_dump(exclude_unset=True)), (base.name, *names)
    context = {FOLDER: Path(source.file).parent, BARE_QUANTITIES: bare_quantities}
    return validate(source, Machine, context), extends


def _hardware(machine: "schema.Machine") -> Hardware:
    bits = machine.precision_bits
    return Hardware(
        name=machine.name,
        source=machine.source,
        clock_hz=machine.clock,
        input_bits=bits.inputs,
        weight_bits=bits.weights,
        output_bits=bits.outputs,
        partial_sum_bits=bits.sum_bits,
        array=_array(machine.array),
        buffers=tuple(_buffer(buffer, machine.buffers) for buffer in machine.buffers),
        dma_channels=machine.dma.channels,
        dram=_dram(machine.dram, machine.dma, machine.clock),
        pages=_pages(machine.dram, machine.dma, machine.clock),
        vector_lanes=machine.vector.lanes,
        epilogue=_epilogue(machine.vector.epilogue),
        depthwise=DepthwiseEngine(engine.channels, engine.pixels) if (engine := machine.vector.depthwise) else None,
        ops_on_array=frozenset(machine.vector.on_array),
        fuses=frozenset(machine.fuses),
        folds=frozenset(machine.folds),
        layer_order=machine.layers.order,
        keeps_activations=machine.layers.keep_activations,
        stacks=machine.layers.stacks,
        strip_overlap=machine.layers.strip_overlap,
        cores=machine.cores,
        dram_streams=machine.dram.streams,
        across_cores=machine.layers.across_cores,
        kept_weight_bytes=machine.layers.keep_weights or 0,
        configuration_cycles=machine.layers.configuration_cycles,
        launch_cycles=cycles_of(machine.layers.launch, machine.clock),
        host_ps=machine.host_time or 0,
        dataflows=tuple(dataflow_of(flow) for flow in machine.dataflows),
        energy=energy_of(machine.energy),
        node_nm=machine.process.node,
        voltage=None if machine.process.voltage is None else machine.process.voltage / 1000,
        objective=machine.objective,
        dma_whole_rows=machine.dma.whole_rows,
        dma_moves_padding=machine.dma.padding == "moved",
        dma_reloads=machine.dma.reuse == "none",
        dma_keeps_halo=machine.dma.halo == "kept",
        descriptor_cycles=machine.dma.descriptor_cycles,
        descriptor_dimensions=machine.dma.descriptor_dimensions,
    )


def _array(array: "schema_array.Array") -> Array:
    registers, outputs = array.registers_words, array.delivery.outputs
    weights, inputs = array.zero.weights, array.zero.inputs
    return Array(
        rows=array.rows,
        columns=array.columns,
        macs_per_cycle=array.macs_per_cycle,
        registers_words=(registers.inputs, registers.weights, registers.outputs),
        delivery=_delivery(array.delivery, max(array.rows, array.columns)),
        reduce_rows=outputs.reduce_along in ("rows", "both"),
        reduce_columns=outputs.reduce_along in ("columns", "both"),
        skewed=array.skewed,
        skew_over_used=array.skew_over == "used",
        zero_weights=ZeroWeights(weights.fraction, weights.skip_window) if weights else ZeroWeights(0.0, 1),
        zero_inputs_fraction=inputs.fraction if inputs else 0.0,
        gates_zero_inputs=inputs.gate if inputs else False,
        skipped_in_pes=tuple(sorted({OPERAND_NAMES.index(name) for name in array.zero.skipped_in_pes})),
        step_cycles=array.step_cycles,
        tile_setup_cycles=array.tile_setup_cycles,
        instances=array.instances,
    )


def _delivery(networks: "schema_array.Deliveries", edge: int) -> tuple[Delivery, Delivery, Delivery]:
    inputs, weights, outputs = networks.inputs, networks.weights, networks.outputs

    def words(written: "schema_array.Words") -> int:
        return edge if isinstance(written, str) else written

    return (
        Delivery(
            inputs.network,
            words(inputs.words_per_cycle),
            inputs.preload,
            inputs.forwarding,
            windows_apart=inputs.windows == "apart",
        ),
        Delivery(weights.network, words(weights.words_per_cycle), weights.preload),
        Delivery(
            outputs.network,
            words(outputs.words_per_cycle),
            concurrent=outputs.directions == "concurrent",
            initial_sums=outputs.initial_sums,
        ),
    )


def _epilogue(epilogue: "schema.Epilogue | None") -> Epilogue:
    return Epilogue(epilogue.operations, epilogue.array == "waits") if epilogue else Epilogue()


def _level(buffer: "schema.Buffer", buffers: "Sequence[schema.Buffer]") -> int:
    """Count the memories above one, each named by the one below it."""
    above = {other.name: other.below for other in buffers}
    level, name = 0, buffer.below
    while name is not None:
        level, name = level + 1, above[name]
    return level


def _buffer(buffer: "schema.Buffer", buffers: "Sequence[schema.Buffer]") -> Buffer:
    return Buffer(
        name=buffer.name,
        holds=tuple(sorted(OPERAND_NAMES.index(operand) for operand in buffer.holds)),
        capacity_bytes=buffer.capacity,
        banks=buffer.banks,
        read_bytes_per_cycle=buffer.read_bytes_per_cycle,
        write_bytes_per_cycle=buffer.write_bytes_per_cycle,
        double_buffered=buffer.has_second_slot,
        streams=tuple(sorted(OPERAND_NAMES.index(operand) for operand in buffer.streams)),
        level=_level(buffer, buffers),
        in_pe=buffer.in_pe,
        tile_bytes=buffer.tiles,
    )


def cycles_of(picoseconds: int | None, clock_hz: int) -> int:
    """Return the whole cycles that a time takes; none if it is not written."""
    return -(-(picoseconds or 0) * clock_hz // 10**12)


def latency_of(dram: "schema.Dram", clock_hz: int) -> int:
    """Return cycles from a request to its data."""
    return cycles_of(dram.latency, clock_hz) if dram.latency_cycles is None else dram.latency_cycles


def _exact(share: float) -> Fraction:
    """Return a share as it is written, in decimals, and not as it is stored."""
    return Fraction(str(share))


def port_bytes_per_cycle(dram: "schema.Dram", dma: "schema.Dma", clock_hz: int) -> Fraction | None:
    """Return what DRAM, at its efficiency, and the requests under way allow together; None where it takes no time.

    With `outstanding` bursts on their way and each `latency_cycles` from request to data, no more than
    outstanding * burst / latency arrives a cycle (Little's law).
    """
    offered = None if dram.bandwidth == "unlimited" else Fraction(dram.bandwidth, clock_hz) * _exact(dram.efficiency)
    latency = latency_of(dram, clock_hz)
    if dma.outstanding is None or not latency:
        return offered
    asked = Fraction(dma.outstanding * dram.burst, latency)
    return asked if offered is None else min(offered, asked)


def _dram(dram: "schema.Dram", dma: "schema.Dma", clock_hz: int) -> Dram:
    code = dram.compression.run_length
    operands = code.operands if code else []
    transform = dram.compression.winograd_weights
    return Dram(
        bytes_per_cycle=port_bytes_per_cycle(dram, dma, clock_hz),
        latency_cycles=latency_of(dram, clock_hz),
        burst_bytes=dram.burst,
        activations=dram.layout.activations,
        atom_channels=dram.layout.atom_channels,
        weights=dram.layout.weights,
        run_length=tuple(sorted(OPERAND_NAMES.index(operand) for operand in operands)),
        run_length_max=code.longest_run if code else 0,
        run_length_bits=code.run_bits if code else 0,
        winograd=(transform.outputs, transform.taps) if transform else None,
        type=dram.type,
        weights_ratio=weights_ratio(dram),
    )


def _pages(dram: "schema.Dram", dma: "schema.Dma", clock_hz: int) -> Pages | None:
    """Describe banks and rows, if the machine asks for them; they take the place of an efficiency."""
    whole = port_bytes_per_cycle(dram.model_copy(update={"efficiency": 1.0}), dma, clock_hz)
    if dram.page_policy is None or isinstance(dram.bandwidth, str) or whole is None:
        return None
    return Pages(dram.type, DRAM_TYPES[dram.type], dram.bandwidth, whole)


def weights_ratio(dram: "schema.Dram") -> Fraction:
    """Return how long a byte of weights takes the port, by what any other byte does.

    ratio = efficiency x bandwidth / bandwidth of weights; at least 1, as the port is in between.
    """
    if dram.weights_bandwidth is None or isinstance(dram.bandwidth, str):
        return Fraction(1)
    return max(Fraction(1), Fraction(dram.bandwidth, dram.weights_bandwidth) * _exact(dram.efficiency))
