"""Changes of the machine: each function yields keys of its file with other values, or nothing where it has no such."""

from collections.abc import Callable, Iterator, Mapping

from analysis.drive.explain.change import SAME, UNKNOWN, Change
from analysis.read import units
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.mapping.dataflow import list_dataflows, load_dataflow
from simulator.nest import OPERAND_NAMES, Operand
from simulator.network.ir import MAC_OPS, Network, Op
from simulator.schedule import full_residency_bytes
from simulator.source.parser import Value
from simulator.source.units import parse_bandwidth
from workloads.importers.assembly import rebatched

FEWEST_BITS = 8  # that networks are run with after training for more
TIMES_THE_BATCH = (4, 16)

Changed = tuple[str, Mapping[str, Value]]  # what was changed, and the keys of the machine's file with their new values


def activations_kept(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Keep activations in the buffer where they fit."""
    if not machine.keeps_activations and _holds_both(machine):
        yield "layers.keep_activations: false -> true", {"layers.keep_activations": True}


def _holds_both(machine: Hardware) -> bool:
    """Whether what one op makes lies where the next one reads."""
    return any({Operand.INPUTS, Operand.OUTPUTS} <= set(buffer.holds) for buffer in machine.buffers)


def array_reshaped(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Arrange the same PEs in fewer rows or in fewer columns."""
    array = machine.array
    shapes = [(array.rows // 2, array.columns * 2), (array.rows * 2, array.columns // 2)]
    wholes = (array.rows % 2 == 0, array.columns % 2 == 0)
    for (rows, columns), whole in zip(shapes, wholes, strict=True):
        if whole:
            yield _array(machine, rows, columns)
    if array.rows != array.columns and (array.columns, array.rows) not in shapes:
        yield _array(machine, array.columns, array.rows)


def array_enlarged(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the rows, or the columns, of the array."""
    yield _array(machine, machine.array.rows * 2, machine.array.columns)
    yield _array(machine, machine.array.rows, machine.array.columns * 2)


def _array(machine: Hardware, rows: int, columns: int) -> Changed:
    """Resize the array; a network as wide as its longer edge stays so, and a vector unit as wide as its columns too."""
    array = machine.array
    edge, new_edge = max(array.rows, array.columns), max(rows, columns)
    wide = [name for name, d in zip(OPERAND_NAMES, array.delivery, strict=True) if d.words_per_cycle == edge]
    changes: dict[str, Value] = {"array.rows": rows, "array.columns": columns}
    changes |= {f"array.delivery.{name}.words_per_cycle": new_edge for name in wide}
    what = [f"array: {array.rows}x{array.columns} -> {rows}x{columns}"]
    if edge != new_edge and wide:
        named = f"delivery of {', '.join(wide)}" if len(wide) < len(OPERAND_NAMES) else "delivery"
        what.append(f"{named}: {edge} -> {new_edge} words a cycle")
    if machine.vector_lanes == array.columns != columns:
        changes["vector.lanes"] = columns
        what.append(f"vector.lanes: {machine.vector_lanes} -> {columns}")
    return ", ".join(what), changes


def buffer_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the capacity of one buffer."""
    for i, buffer in enumerate(machine.buffers):
        large = 2 * buffer.capacity_bytes
        sizes = f"{units.size(buffer.capacity_bytes)} -> {units.size(large)}"
        yield f"buffers.{buffer.name}.capacity: {sizes}", {f"buffers.{i}.capacity": large}


def buffer_for_all_tensors(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Give the activations' memory the capacity from which on all tensors between ops stay there."""
    keeping: dict[str, Value] = {} if machine.keeps_activations else {"layers.keep_activations": True}
    if keeping and (not _holds_both(machine) or machine.cores > 1):
        return
    i, buffer = machine.buffers.index(machine.activation_buffer), machine.activation_buffer
    full = full_residency_bytes(network, vary(machine, keeping) if keeping else machine)
    if full > buffer.capacity_bytes:
        sizes = f"{units.size(buffer.capacity_bytes)} -> {units.size(full)}"
        also = ", layers.keep_activations: true" if keeping else ""
        what = f"buffers.{buffer.name}.capacity: {sizes}, where all stays{also}"
        yield what, {f"buffers.{i}.capacity": full, **keeping}


def buffer_double_buffered(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Let the next tile come while one is used."""
    for i, buffer in enumerate(machine.buffers):
        if not buffer.double_buffered:
            what = f"buffers.{buffer.name}.double_buffered: false -> true"
            yield what, {f"buffers.{i}.double_buffered": True}


def buffer_ports_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double what the ports of all buffers read and write a cycle."""
    ports = ("read_bytes_per_cycle", "write_bytes_per_cycle")
    changes: dict[str, Value] = {
        f"buffers.{i}.{port}": 2 * width
        for i, buffer in enumerate(machine.buffers)
        for port in ports
        if (width := getattr(buffer, port))
    }
    if changes:
        yield f"buffers: {' and '.join(ports)} doubled", changes


def cores_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the cores of a machine that has several."""
    if machine.cores > 1:
        yield f"cores: {machine.cores} -> {2 * machine.cores}", {"cores": 2 * machine.cores}


def dataflow_added(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Allow one more of the bundled dataflows that the array can run."""
    array = machine.array
    present = machine.document["dataflows"] if machine.document else None
    for name in list_dataflows():
        flow = load_dataflow(name)
        able = (array.reduce_rows or not flow.reduces_rows) and (array.reduce_columns or not flow.reduces_columns)
        if able and name not in machine.dataflow_names and isinstance(present, list):
            yield f"dataflows: {name} added", {"dataflows": [*present, name]}


def delivery_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the words a cycle of one operand's network."""
    for name, delivery in zip(OPERAND_NAMES, machine.array.delivery, strict=True):
        words, key = delivery.words_per_cycle, f"array.delivery.{name}.words_per_cycle"
        yield f"{key}: {words} -> {2 * words}", {key: 2 * words}


def dma_channels_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the channels between DRAM and buffers."""
    channels = machine.dma_channels
    yield f"dma.channels: {channels} -> {2 * channels}", {"dma.channels": 2 * channels}


def dram_bandwidth_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the bandwidth of DRAM, and the bursts under way where these limit it."""
    rate = machine.dram.bytes_per_cycle
    if rate is not None and machine.document is not None:
        dram, dma = (machine.document.get(key) for key in ("dram", "dma"))
        written = dram.get("bandwidth") if isinstance(dram, dict) else None
        outstanding = dma.get("outstanding") if isinstance(dma, dict) else None
        changes: dict[str, Value] = {}
        if written != "unlimited":
            changes["dram.bandwidth"] = 2 * parse_bandwidth(written)
        if isinstance(outstanding, int):
            changes["dma.outstanding"] = 2 * outstanding
        gigabytes = float(rate) * machine.clock_hz / 1e9
        yield f"dram.bandwidth: {gigabytes:.4g} -> {2 * gigabytes:.4g} GB/s", changes


def dram_latency_halved(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Halve the latency of DRAM."""
    latency = machine.dram.latency_cycles
    if latency > 1:
        yield f"dram.latency_cycles: {latency} -> {latency // 2}", {"dram.latency_cycles": latency // 2}


def fused(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Fuse one kind of op into the op that makes its input."""
    for op in (Op.ACTIVATION, Op.ADD):
        if op not in machine.fuses | machine.folds and any(layer.op is op for layer in network.layers):
            yield f"fuses: {op.value} added", {"fuses": [*sorted(machine.fuses), op.value]}


def layout_changed(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Store activations with their channels innermost or outermost, or weights tile by tile."""
    dram, key = machine.dram, "dram.layout.activations"
    if other := {"nchw": "nhwc", "nhwc": "nchw"}.get(dram.activations):
        yield f"{key}: {dram.activations} -> {other}", {key: other}
    if dram.weights != "tiled":
        yield f"dram.layout.weights: {dram.weights} -> tiled", {"dram.layout.weights": "tiled"}


def precision_halved(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Halve the bits of words, down to 8: how accurate the network is then, nobody knows before it is tried."""
    widths = (machine.input_bits, machine.weight_bits, machine.output_bits)
    halves = {name: max(FEWEST_BITS, bits // 2) for name, bits in zip(OPERAND_NAMES, widths, strict=True)}
    changed = {name: bits for (name, bits), was in zip(halves.items(), widths, strict=True) if bits < was}
    if changed:
        was = dict(zip(OPERAND_NAMES, widths, strict=True))
        what = ", ".join(f"{name} {was[name]} -> {bits}" for name, bits in changed.items())
        if len(set(widths)) == 1:
            what = f"{widths[0]} -> {halves['inputs']}"
        yield f"precision_bits: {what}", {f"precision_bits.{name}": bits for name, bits in changed.items()}


def preload_hidden(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Load registers while PEs multiply."""
    delivery = zip(OPERAND_NAMES, machine.array.delivery, strict=True)
    exposed = [name for name, d in delivery if d.preload != "hidden"]
    if exposed:
        changes: dict[str, Value] = {f"array.delivery.{name}.preload": "hidden" for name in exposed}
        yield f"array.delivery.{' and '.join(exposed)}.preload: hidden", changes


def registers_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the words that a PE keeps of one operand."""
    for name, words in zip(OPERAND_NAMES, machine.array.registers_words, strict=True):
        key = f"array.registers_words.{name}"
        yield f"{key}: {words} -> {2 * words}", {key: 2 * words}


def stacks_run(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Run stacks of ops strip by strip, so that what lies between them need not fit the buffer whole."""
    if _holds_both(machine):
        also = "" if machine.keeps_activations else ", layers.keep_activations: true"
        yield f"layers.stacks: depth_first{also}", {"layers.stacks": "depth_first", "layers.keep_activations": True}


def strips_made_again(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Let strips compute rows that they share again, so that these need not wait in line buffers."""
    if machine.runs_stacks and machine.strip_overlap == "kept":
        yield "layers.strip_overlap: kept -> either", {"layers.strip_overlap": "either"}


def vector_lanes_doubled(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Double the elements that the vector unit takes a cycle."""
    if any(layer.op not in MAC_OPS for layer in network.layers):
        lanes = machine.vector_lanes
        yield f"vector.lanes: {lanes} -> {2 * lanes}", {"vector.lanes": 2 * lanes}


def weights_prefetched(machine: Hardware, network: Network) -> Iterator[Changed]:
    """Fetch the first weights of a layer while the layer before it runs."""
    if machine.layer_order == "serial":
        yield "layers.order: serial -> prefetch_weights", {"layers.order": "prefetch_weights"}


MACHINE_LEVERS: dict[str, Callable[[Hardware, Network], Iterator[Changed]]] = {
    "activations_kept": activations_kept,
    "array_enlarged": array_enlarged,
    "array_reshaped": array_reshaped,
    "buffer_double_buffered": buffer_double_buffered,
    "buffer_doubled": buffer_doubled,
    "buffer_for_all_tensors": buffer_for_all_tensors,
    "buffer_ports_doubled": buffer_ports_doubled,
    "cores_doubled": cores_doubled,
    "dataflow_added": dataflow_added,
    "delivery_doubled": delivery_doubled,
    "dma_channels_doubled": dma_channels_doubled,
    "dram_bandwidth_doubled": dram_bandwidth_doubled,
    "dram_latency_halved": dram_latency_halved,
    "fused": fused,
    "layout_changed": layout_changed,
    "precision_halved": precision_halved,
    "preload_hidden": preload_hidden,
    "registers_doubled": registers_doubled,
    "stacks_run": stacks_run,
    "strips_made_again": strips_made_again,
    "vector_lanes_doubled": vector_lanes_doubled,
    "weights_prefetched": weights_prefetched,
}


ACCURACIES = {"precision_halved": UNKNOWN}
"""Lever -> what it does to accuracy, where that is not nothing."""


def machine_changes(machine: Hardware, network: Network, dataflow: str) -> Iterator[Change]:
    """Yield every change of the machine that its schema allows, of the dataflow that runs on it, and of the batch."""
    for lever, yields in MACHINE_LEVERS.items():
        if lever != "dataflow_added" or dataflow == "best":
            for what, changes in yields(machine, network):
                try:
                    changed = vary(machine, changes)
                except InputError:
                    continue
                if changed != machine:
                    yield Change(lever, machine.name, what, machine=changed, accuracy=ACCURACIES.get(lever, SAME))
    if dataflow != "best":
        for name in ("best", *machine.dataflow_names):
            if name != dataflow and len(machine.dataflows) > 1:
                yield Change("dataflow_other", machine.name, f"dataflow: {dataflow} -> {name}", dataflow=name)
    yield from batch_raised(machine, network)


def batch_raised(machine: Hardware, network: Network) -> Iterator[Change]:
    """Run several times the samples at once; the figures are of one as before, though each waits for all."""
    batch = next(iter(network.inputs.values()))[0]
    for times in TIMES_THE_BATCH:
        try:
            larger = rebatched(network, times * batch)
        except InputError:
            continue
        what = f"batch: {batch} -> {times * batch}, figures of {batch}"
        yield Change("batch_raised", machine.name, what, network=larger, frames=times)
