"""What is bundled or in a file, before anything is simulated: a machine, a network's layers, all networks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from analysis.read import units
from analysis.read.layout import Column, printable
from analysis.read.tables import ABOUT
from simulator.energy.circuits import Circuits
from simulator.hardware.model import Array, Buffer, Delivery, Hardware
from simulator.hardware.peak import area_mm2, areas_mm2, dram_watts, peak_macs_per_second, peak_watts
from simulator.nest import OPERAND_NAMES
from simulator.network.ir import ASSUMED, Layer, Network
from simulator.network.lifetimes import words_alive
from simulator.network.ops import WINDOWED_OPS
from simulator.result.rows import shape_text
from workloads.load import load_builder, load_network
from workloads.published import published_rows
from workloads.registry import BUILDERS
from workloads.spec import Parameter, parameters_of

MOST_INPUTS = 4  # of a network that are named
OTHER_MEASURES = {"map_percent": "mAP", "miou_percent": "mIoU"}


def machine_lines(hardware: Hardware) -> Iterator[str]:
    """Yield labelled lines that describe a machine."""
    for label, text in _facts(hardware):
        yield printable(f"{label:<11} {text}")


_TOGETHER = {
    "split": "each op split over them",
    "pipelined": "consecutive ops on each",
    "frames": "frames of their own",
    "either": "ops split, pipelined, or frames of their own",
}


def _facts(hardware: Hardware) -> Iterator[tuple[str, str]]:
    array, dram = hardware.array, hardware.dram
    yield "machine", hardware.name
    if hardware.extends:
        yield "extends", ", which extends ".join(hardware.extends)
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
    on_array = f"; the array runs {', '.join(sorted(hardware.ops_on_array))}" if hardware.ops_on_array else ""
    yield "vector unit", units.counted(hardware.vector_lanes, "lane") + on_array + _epilogue_text(hardware)
    yield "fuses", ", ".join(sorted(hardware.fuses)) or "nothing"
    yield "folds", ", ".join(sorted(hardware.folds)) or "nothing"
    kept = "kept on chip where they fit" if hardware.keeps_activations else "through DRAM"
    weights = hardware.kept_weight_bytes
    stay = f", {units.size(weights)} of weights stay from run to run" if weights else ""
    again = {"kept": "", "recomputed": ", rows computed again", "either": ", rows kept or computed again"}
    stacks = f", in stacks depth-first{again[hardware.strip_overlap]}" if hardware.runs_stacks else ""
    yield "layers", f"{hardware.layer_order.replace('_', ' ')}, activations {kept}{stacks}{stay}"
    if hardware.cores > 1:
        yield "cores", f"{hardware.cores} of all that but DRAM: {_TOGETHER[hardware.across_cores]}"
    if hardware.launch_cycles or hardware.host_ps:
        launch = f"{units.count(hardware.launch_cycles)} cycles before each op"
        yield "launch", f"{launch}, host {units.seconds(hardware.host_ps / 10**12)} a run"
    yield "dataflows", ", ".join(hardware.dataflow_names)
    yield "energy", _energy_text(hardware)
    yield from _peaks(hardware)
    yield from (("by default", line) for line in default_lines(hardware))


def _peaks(hardware: Hardware) -> Iterator[tuple[str, str]]:
    """Yield what a machine is at most; bandwidths stand where networks, buffers and DRAM do."""
    yield "peak", f"{units.count(peak_macs_per_second(hardware))} MACs a second, {_watts_text(hardware)}"
    area = area_mm2(hardware)
    if area is None:
        yield "area", "not known: its energy table states no node"
        return
    parts = ", ".join(f"{name} {units.percent(part / area)}" for name, part in areas_mm2(hardware).items())
    yield "area", f"{units.area(area)}: {parts}"


def _energy_text(hardware: Hardware) -> str:
    table = hardware.energy
    if isinstance(table, Circuits):
        node = f"{hardware.node_nm or table.node_nm} nm, {table.voltage_of(hardware.chip):.3g} V"
        return f"{table.name}, {node}, DRAM as {hardware.dram.type}"
    said = "" if table.mac_picojoules is None else f", relative: a MAC takes {units.energy(table.mac_picojoules)}"
    return f"{table.name}{said}"


def _watts_text(hardware: Hardware) -> str:
    dram = dram_watts(hardware)
    return f"{units.power(peak_watts(hardware))}" + (f", and {units.power(dram)} of DRAM" if dram else "")


def default_lines(hardware: Hardware) -> Iterator[str]:
    """Yield what a machine's file leaves open, each key with what holds for it."""
    width = max(map(len, hardware.by_default), default=0)
    for path, text in hardware.by_default.items():
        yield f"{path:<{width}}  {text}"


def _array_text(array: Array) -> str:
    text = f"{array.instances} x " if array.instances > 1 else ""
    text += f"{array.rows} rows x {array.columns} columns = {array.pes} PEs"
    text += f", {units.counted(array.macs_per_cycle, 'MAC')} a cycle each"
    text += f", steps of {array.step_cycles} cycles or more" if array.step_cycles > 1 else ""
    text += f", {array.tile_setup_cycles} cycles to set up a tile" if array.tile_setup_cycles else ""
    axes = [name for name, sums in (("rows", array.reduce_rows), ("columns", array.reduce_columns)) if sums]
    text += f", sums along {' and '.join(axes)}" if axes else ""
    return text + (", skewed" if array.skewed else "")


def _epilogue_text(hardware: Hardware) -> str:
    engine = hardware.depthwise
    beside = f"; depthwise layers beside the array, {engine.channels} x {engine.pixels}" if engine else ""
    if not hardware.epilogue.operations:
        return beside
    waits = ", for which the array waits" if hardware.epilogue.array_waits else ""
    return f"; {units.counted(hardware.epilogue.operations, 'operation')} an output of the array{waits}{beside}"


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
    tiles = [] if buffer.tile_bytes is None else [f"{units.size(buffer.tile_bytes)} of it for tiles"]
    return ", ".join([f"{buffer.name}: {units.size(buffer.capacity_bytes)} for {held}", *tiles, slots, *ports])


def _kernel(layer: Layer) -> str:
    return _pair(layer.kernel) if layer.op in WINDOWED_OPS else "-"


def _pair(sizes: tuple[int, int]) -> str:
    return f"{sizes[0]}x{sizes[1]}"


def _stride(layer: Layer) -> str:
    vertical, horizontal = layer.stride
    return "-" if _kernel(layer) == "-" else str(vertical) if vertical == horizontal else _pair(layer.stride)


def _padding(layer: Layer) -> str:
    """Write top, left, bottom, right, as shortly as they allow."""
    top, left, bottom, right = layer.padding
    if _kernel(layer) == "-":
        return "-"
    if (top, left) != (bottom, right):
        return ",".join(str(size) for size in layer.padding)
    return str(top) if top == left else f"{top},{left}"


LAYER_COLUMNS: tuple[Column[Layer], ...] = (
    Column("layer", 0, lambda layer: layer.name, is_number=False),
    Column("op", 1, lambda layer: layer.op.value, is_number=False),
    Column("inputs", 4, lambda layer: "+".join(shape_text(shape) for shape in layer.input_shapes)),
    Column("output", 2, lambda layer: shape_text(layer.output_shape)),
    Column("kernel", 3, _kernel),
    Column("stride", 7, _stride),
    Column("pad", 8, _padding),
    Column("groups", 9, lambda layer: str(layer.groups) if layer.groups > 1 else "-"),
    Column("MACs", 5, lambda layer: units.count(layer.macs, digits=4) if layer.macs else "-"),
    Column("params", 6, lambda layer: units.count(layer.params, digits=4) if layer.params else "-"),
)


def layer_columns(network: Network) -> tuple[Column[Layer], ...]:
    """Return the columns of a network's layers; shapes that are assumed are marked."""
    assumed = network.assumed

    def output(layer: Layer) -> str:
        return (ABOUT if layer.name in assumed else "") + shape_text(layer.output_shape)

    return tuple(replace(column, cell=output) if column.title == "output" else column for column in LAYER_COLUMNS)


def network_lines(network: Network) -> Iterator[str]:
    """Yield labelled lines with the totals of a network and what is published about it."""
    named = [f"{name} {shape_text(shape)}" for name, shape in network.inputs.items()]
    more = [f"{len(named) - MOST_INPUTS} more"] if len(named) > MOST_INPUTS else []
    inputs = ", ".join(named[:MOST_INPUTS] + more)
    kinds = Counter(layer.op.value for layer in network.layers)
    lines = {
        "network": f"{network.name}, input {inputs}",
        "layers": f"{len(network.layers)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
        "MACs": f"{network.macs:,}",
        "params": f"{network.params:,}",
        "memory": _alive_text(network),
        **({"assumed": f"shapes of {len(network.assumed)} layers, marked {ABOUT}"} if network.assumed else {}),
        **{f"published {key}": value for key, value in network.facts.items() if key not in ("warning", ASSUMED)},
    }
    width = max(len(label) for label in lines)
    for label, text in lines.items():
        yield printable(f"{label:<{width}}  {text}")


def _alive_text(network: Network) -> str:
    """Write the most words of activations that are alive at a time, and the first layer at which they are."""
    alive = words_alive(network)
    return f"{max(alive):,} words of activations alive at most, in {network.layers[alive.index(max(alive))].name}"


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One network; accuracies in percent as they are published, "" where they are not."""

    name: str
    macs: int
    params: int
    top1: str
    top5: str
    other: str  # detection and segmentation: figure and measure
    parameters: str


def family_rows() -> list[NetworkRow]:
    """Return a row for each family, at its default parameters."""
    return [_family(name, _choices(name)) for name in BUILDERS]


def member_rows(family: str) -> list[NetworkRow]:
    """Return a row for each member of a family that something is published about."""
    specs = dict.fromkeys(row["spec"] for row in published_rows(family))
    return [_family(spec) for spec in specs]


def _family(spec: str, parameters: str = "") -> NetworkRow:
    network = load_network(spec)
    other = [f"{_figure(network, key)} {measure}" for key, measure in OTHER_MEASURES.items() if _figure(network, key)]
    top1, top5 = _figure(network, "top1_percent"), _figure(network, "top5_percent")
    return NetworkRow(spec, network.macs, network.params, top1, top5, ", ".join(other), parameters)


def _figure(network: Network, key: str) -> str:
    """Return what the first source that tells it says; further sources have a number behind the key."""
    return next((text for name, text in network.facts.items() if name.startswith(key)), "")


def _choices(name: str) -> str:
    return ", ".join(_choice(parameter) for parameter in parameters_of(load_builder(name)).values())


def _choice(parameter: Parameter) -> str:
    """Write a parameter with its default, then the other values it may have."""
    if parameter.default is None:
        return parameter.name
    values = [parameter.default, *(value for value in parameter.choices if value != parameter.default)]
    return f"{parameter.name}={'|'.join(str(value) for value in values)}"


def family_columns(rows: list[NetworkRow]) -> tuple[Column[NetworkRow], ...]:
    """Return the columns that some row has something to say in."""
    return tuple(_family_columns(rows))


def _family_columns(rows: list[NetworkRow]) -> Iterator[Column[NetworkRow]]:
    yield Column("network", 0, lambda row: row.name, is_number=False)
    yield Column("MACs", 1, lambda row: units.count(row.macs))
    yield Column("params", 2, lambda row: units.count(row.params))
    yield Column("top-1", 3, lambda row: row.top1 or "-")
    yield Column("top-5", 4, lambda row: row.top5 or "-")
    if any(row.other for row in rows):
        yield Column("other", 5, lambda row: row.other or "-")
    if any(row.parameters for row in rows):
        yield Column("parameters", 6, lambda row: row.parameters, is_number=False)
