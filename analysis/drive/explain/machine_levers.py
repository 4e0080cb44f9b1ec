"""Changes of the machine: each function yields changed designs, or nothing where the machine has no such thing."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from analysis.drive.explain.design import Change, Design
from analysis.read import units
from simulator.hardware.model import Array
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import OPERAND_NAMES, Operand
from simulator.network.ir import MAC_OPS, Op

Changed = tuple[str, Design]  # what was changed, and the design that results


def activations_kept(design: Design) -> Iterator[Changed]:
    """Keep activations in the buffer where they fit."""
    hardware = design.hardware
    together = any({Operand.INPUTS, Operand.OUTPUTS} <= set(buffer.holds) for buffer in hardware.buffers)
    if not hardware.keeps_activations and together:
        yield "layers.keep_activations: false -> true", design.with_hardware(keeps_activations=True)


def array_reshaped(design: Design) -> Iterator[Changed]:
    """Arrange the same PEs in fewer rows or in fewer columns."""
    array = design.hardware.array
    shapes = [(array.rows // 2, array.columns * 2), (array.rows * 2, array.columns // 2)]
    wholes = (array.rows % 2 == 0, array.columns % 2 == 0)
    for (rows, columns), whole in zip(shapes, wholes, strict=True):
        if whole:
            yield _array(design, rows, columns)
    if array.rows != array.columns and (array.columns, array.rows) not in shapes:
        yield _array(design, array.columns, array.rows)


def array_enlarged(design: Design) -> Iterator[Changed]:
    """Double the rows, or the columns, of the array."""
    array = design.hardware.array
    yield _array(design, array.rows * 2, array.columns)
    yield _array(design, array.rows, array.columns * 2)


def _array(design: Design, rows: int, columns: int) -> Changed:
    """Resize the array; a network as wide as its longer edge stays so, and a vector unit as wide as its columns too."""
    array = design.hardware.array
    edge, new_edge = max(array.rows, array.columns), max(rows, columns)
    delivery = [replace(d, words_per_cycle=new_edge) if d.words_per_cycle == edge else d for d in array.delivery]
    changed = design.with_array(rows=rows, columns=columns, delivery=tuple(delivery))
    if design.hardware.vector_lanes == array.columns:
        changed = changed.with_hardware(vector_lanes=columns)
    what = [f"array: {array.rows}x{array.columns} -> {rows}x{columns}"]
    if edge != new_edge:
        what += [f"{name}: {edge} -> {new_edge} words a cycle" for name in _wide(array, edge)]
    if changed.hardware.vector_lanes != design.hardware.vector_lanes:
        what.append(f"vector.lanes: {design.hardware.vector_lanes} -> {columns}")
    return ", ".join(what), changed


def _wide(array: Array, edge: int) -> list[str]:
    """Name the networks that are as wide as the edge, all three as one."""
    wide = [name for name, d in zip(OPERAND_NAMES, array.delivery, strict=True) if d.words_per_cycle == edge]
    return [f"delivery of {', '.join(wide)}" if len(wide) < len(OPERAND_NAMES) else "delivery"] if wide else []


def buffer_doubled(design: Design) -> Iterator[Changed]:
    """Double the capacity of one buffer."""
    buffers = design.hardware.buffers
    for i, buffer in enumerate(buffers):
        large = replace(buffer, capacity_bytes=2 * buffer.capacity_bytes)
        sizes = f"{units.size(buffer.capacity_bytes)} -> {units.size(large.capacity_bytes)}"
        yield (
            f"buffers.{buffer.name}.capacity: {sizes}",
            design.with_hardware(buffers=(*buffers[:i], large, *buffers[i + 1 :])),
        )


def buffer_double_buffered(design: Design) -> Iterator[Changed]:
    """Let the next tile come while one is used."""
    buffers = design.hardware.buffers
    for i, buffer in enumerate(buffers):
        if not buffer.double_buffered:
            changed = (*buffers[:i], replace(buffer, double_buffered=True), *buffers[i + 1 :])
            yield f"buffers.{buffer.name}.double_buffered: false -> true", design.with_hardware(buffers=changed)


def buffer_ports_doubled(design: Design) -> Iterator[Changed]:
    """Double what the ports of all buffers read and write a cycle."""
    buffers = design.hardware.buffers
    if any(buffer.read_bytes_per_cycle or buffer.write_bytes_per_cycle for buffer in buffers):
        wide = [
            replace(
                buffer,
                read_bytes_per_cycle=2 * buffer.read_bytes_per_cycle if buffer.read_bytes_per_cycle else None,
                write_bytes_per_cycle=2 * buffer.write_bytes_per_cycle if buffer.write_bytes_per_cycle else None,
            )
            for buffer in buffers
        ]
        yield (
            "buffers: read_bytes_per_cycle and write_bytes_per_cycle doubled",
            design.with_hardware(buffers=tuple(wide)),
        )


def dataflow_added(design: Design) -> Iterator[Changed]:
    """Allow one more of the bundled dataflows that the array can run."""
    hardware = design.hardware
    known = {flow.name for flow in design.dataflows}
    for name in list_dataflows():
        flow = load_dataflow(name)
        able = (hardware.array.reduce_rows or not flow.reduces_rows) and (
            hardware.array.reduce_columns or not flow.reduces_columns
        )
        if able and name not in known and design.dataflow == "best":
            wider = design.with_hardware(dataflows=(*hardware.dataflows, name))
            yield f"dataflows: {name} added", replace(wider, dataflows=(*design.dataflows, flow))


def dataflow_other(design: Design) -> Iterator[Changed]:
    """Run all layers under one dataflow, or each under its best where one was asked for."""
    for name in ("best", *design.hardware.dataflows):
        if name != design.dataflow and len(design.hardware.dataflows) > 1:
            yield f"dataflow: {design.dataflow} -> {name}", replace(design, dataflow=name)


def delivery_doubled(design: Design) -> Iterator[Changed]:
    """Double the words a cycle of one operand's network."""
    delivery = design.hardware.array.delivery
    for i, name in enumerate(OPERAND_NAMES):
        words = delivery[i].words_per_cycle
        wide = (*delivery[:i], replace(delivery[i], words_per_cycle=2 * words), *delivery[i + 1 :])
        yield f"array.delivery.{name}.words_per_cycle: {words} -> {2 * words}", design.with_array(delivery=wide)


def dma_channels_doubled(design: Design) -> Iterator[Changed]:
    """Double the channels between DRAM and buffers."""
    channels = design.hardware.dma_channels
    yield f"dma.channels: {channels} -> {2 * channels}", design.with_hardware(dma_channels=2 * channels)


def dram_bandwidth_doubled(design: Design) -> Iterator[Changed]:
    """Double the bandwidth of DRAM."""
    dram = design.hardware.dram
    if dram.bytes_per_cycle is not None:
        gigabytes = float(dram.bytes_per_cycle) * design.hardware.clock_hz / 1e9
        fast = replace(dram, bytes_per_cycle=2 * dram.bytes_per_cycle)
        yield f"dram.bandwidth: {gigabytes:.4g} -> {2 * gigabytes:.4g} GB/s", design.with_hardware(dram=fast)


def dram_latency_halved(design: Design) -> Iterator[Changed]:
    """Halve the latency of DRAM."""
    dram = design.hardware.dram
    if dram.latency_cycles > 1:
        quick = replace(dram, latency_cycles=dram.latency_cycles // 2)
        yield f"dram.latency_cycles: {dram.latency_cycles} -> {quick.latency_cycles}", design.with_hardware(dram=quick)


def fused(design: Design) -> Iterator[Changed]:
    """Fuse one kind of op into the op that makes its input."""
    hardware = design.hardware
    for op in (Op.ACTIVATION, Op.ADD):
        if op not in hardware.fuses | hardware.folds and any(layer.op is op for layer in design.network.layers):
            yield f"fuses: {op.value} added", design.with_hardware(fuses=hardware.fuses | {op.value})


def preload_hidden(design: Design) -> Iterator[Changed]:
    """Load registers while PEs multiply."""
    delivery = design.hardware.array.delivery
    exposed = [name for name, d in zip(OPERAND_NAMES, delivery, strict=True) if d.preload != "hidden"]
    if exposed:
        hidden = tuple(replace(d, preload="hidden") for d in delivery)
        yield f"array.delivery.{' and '.join(exposed)}.preload: hidden", design.with_array(delivery=hidden)


def registers_doubled(design: Design) -> Iterator[Changed]:
    """Double the words that a PE keeps of one operand."""
    words = design.hardware.array.registers_words
    for i, name in enumerate(OPERAND_NAMES):
        more = tuple(2 * count if i == j else count for j, count in enumerate(words))
        yield f"array.registers_words.{name}: {words[i]} -> {2 * words[i]}", design.with_array(registers_words=more)


def vector_lanes_doubled(design: Design) -> Iterator[Changed]:
    """Double the elements that the vector unit takes a cycle."""
    hardware = design.hardware
    if any(layer.op not in MAC_OPS for layer in design.network.layers):
        lanes = hardware.vector_lanes
        yield f"vector.lanes: {lanes} -> {2 * lanes}", design.with_hardware(vector_lanes=2 * lanes)


def weights_prefetched(design: Design) -> Iterator[Changed]:
    """Fetch the first weights of a layer while the layer before it runs."""
    if design.hardware.layer_order == "serial":
        changed = design.with_hardware(layer_order="prefetch_weights")
        yield "layers.order: serial -> prefetch_weights", changed


MACHINE_LEVERS: dict[str, Callable[[Design], Iterator[Changed]]] = {
    "activations_kept": activations_kept,
    "array_enlarged": array_enlarged,
    "array_reshaped": array_reshaped,
    "buffer_double_buffered": buffer_double_buffered,
    "buffer_doubled": buffer_doubled,
    "buffer_ports_doubled": buffer_ports_doubled,
    "dataflow_added": dataflow_added,
    "dataflow_other": dataflow_other,
    "delivery_doubled": delivery_doubled,
    "dma_channels_doubled": dma_channels_doubled,
    "dram_bandwidth_doubled": dram_bandwidth_doubled,
    "dram_latency_halved": dram_latency_halved,
    "fused": fused,
    "preload_hidden": preload_hidden,
    "registers_doubled": registers_doubled,
    "vector_lanes_doubled": vector_lanes_doubled,
    "weights_prefetched": weights_prefetched,
}


def machine_changes(design: Design) -> Iterator[Change]:
    """Yield every change of the machine."""
    for name, lever in MACHINE_LEVERS.items():
        for what, changed in lever(design):
            yield Change(name, design.hardware.name, what, changed)
