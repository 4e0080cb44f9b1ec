"""A machine in words, from the array outwards."""

from collections.abc import Iterator

from analysis.read import units
from analysis.read.layout import printable
from simulator.hardware.model import Array, Buffer, Delivery, Hardware
from simulator.nest import OPERAND_NAMES


def machine_lines(hardware: Hardware) -> Iterator[str]:
    """Yield labelled lines that describe a machine."""
    for label, text in _facts(hardware):
        yield printable(f"{label:<11} {text}")


def _facts(hardware: Hardware) -> Iterator[tuple[str, str]]:
    array, dram = hardware.array, hardware.dram
    yield "machine", hardware.name
    yield "source", hardware.source
    yield "clock", units.clock(hardware.clock_hz)
    yield "array", _array_text(array)
    yield "precision", _precision_text(hardware)
    yield "registers", _per_operand([units.count(words) for words in array.registers_words], "words a PE")
    for name, delivery in zip(OPERAND_NAMES, array.delivery, strict=True):
        yield name, _delivery_text(delivery)
    for buffer in hardware.buffers:
        yield "buffer", _buffer_text(buffer)
    rate = dram.bytes_per_cycle
    bandwidth = "unlimited" if rate is None else f"{float(rate) * hardware.clock_hz / 1e9:.4g} GB/s"
    yield "DRAM", f"{bandwidth}, latency {dram.latency_cycles} cycles, bursts of {dram.burst_bytes} bytes"
    if dram.run_length:
        yield "compression", "run length: " + ", ".join(OPERAND_NAMES[operand] for operand in dram.run_length)
    if dram.winograd:
        outputs, taps = dram.winograd
        yield "weights", f"{taps}x{taps} filters stored in Winograd form for {outputs}x{outputs} outputs"
    padding = ", maps moved with their padding" if hardware.dma_moves_padding else ""
    yield "DMA", units.counted(hardware.dma_channels, "channel") + padding
    yield "vector unit", units.counted(hardware.vector_lanes, "lane")
    yield "fuses", ", ".join(sorted(hardware.fuses)) or "nothing"
    yield "folds", ", ".join(sorted(hardware.folds)) or "nothing"
    kept = "kept on chip where they fit" if hardware.keeps_activations else "through DRAM"
    yield "layers", f"{hardware.layer_order.replace('_', ' ')}, activations {kept}"
    yield "dataflows", ", ".join(hardware.dataflow_names)
    yield "energy", hardware.energy.name


def _array_text(array: Array) -> str:
    text = f"{array.rows} rows x {array.columns} columns = {array.pes} PEs"
    text += f", {units.counted(array.macs_per_cycle, 'MAC')} a cycle each"
    text += f", steps of {array.step_cycles} cycles or more" if array.step_cycles > 1 else ""
    axes = [name for name, sums in (("rows", array.reduce_rows), ("columns", array.reduce_columns)) if sums]
    text += f", sums along {' and '.join(axes)}" if axes else ""
    return text + (", skewed" if array.skewed else "")


def _precision_text(hardware: Hardware) -> str:
    bits = (hardware.input_bits, hardware.weight_bits, hardware.output_bits)
    return _per_operand([str(width) for width in bits], f"bits, partial sums {hardware.partial_sum_bits}")


def _per_operand(values: list[str], unit: str) -> str:
    named = ", ".join(f"{name} {value}" for name, value in zip(OPERAND_NAMES, values, strict=True))
    return f"{named} {unit}"


def _delivery_text(delivery: Delivery) -> str:
    text = f"{delivery.network}, {units.counted(delivery.words_per_cycle, 'word')} a cycle"
    text += ", preload exposed" if delivery.preload == "exposed" else ""
    return text + (", forwarded between PEs" if delivery.forwarding else "")


def _buffer_text(buffer: Buffer) -> str:
    held = ", ".join(OPERAND_NAMES[operand] for operand in buffer.holds)
    slots = "double-buffered" if buffer.double_buffered else "single-buffered"
    ports = [
        f"{name} {rate} bytes a cycle"
        for name, rate in (("reads", buffer.read_bytes_per_cycle), ("writes", buffer.write_bytes_per_cycle))
        if rate is not None
    ]
    return ", ".join([f"{buffer.name}: {units.size(buffer.capacity_bytes)} for {held}", slots, *ports])
