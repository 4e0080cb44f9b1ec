"""A run as rows: what `layers.csv` holds, a row for each layer."""

from simulator.energy.schema import PICOJOULE
from simulator.nest import OPERAND_NAMES
from simulator.network.ir import Op
from simulator.network.ops import WINDOWED_OPS
from simulator.result.cores import note_of
from simulator.result.run import CYCLE_PARTS, LayerResult, MachineFacts, Run
from simulator.source.cells import Cell

WAYS = ("read", "write")
COLUMNS = (
    *("layer", "stage", "op", "inputs", "output", "kernel", "groups", "dataflow", "macs", "effective_macs", "params"),
    *("cycles", "share", "utilization", "dram_bytes", "buffer_bytes", "alive_bytes", "tile_bytes", "energy_pj"),
    *("energy_relative", "bound_by", "producer", "tiles", "stack", "strips"),
    *(f"cycles_{part}" for part in CYCLE_PARTS),
    "note",
)
"""Columns of every run, those of traffic apart; runs in picojoules alone have no `energy_relative`."""
OF_ONE_LAYER = frozenset(
    {"layer", "stage", "op", "inputs", "output", "kernel", "groups", "dataflow"}
    | {"utilization", "bound_by", "producer", "stack", "note"}
)
"""Columns that several layers together have no sum of."""


def column_names(machine: MachineFacts) -> list[str]:
    """Return the columns of runs of a machine, without one."""
    levels = [f"{level}_{operand}" for level in machine.levels for operand in OPERAND_NAMES]
    traffic = [f"{each}_{way}_bytes" for each in levels for way in WAYS]
    absent = "energy_relative" if machine.energy_unit == PICOJOULE else None
    return [*(name for name in COLUMNS if name != absent), *traffic]


def layer_rows(run: Run) -> list[dict[str, Cell]]:
    """Return a row for every layer, fused ones included, with parts and traffic spread over columns."""
    producers = run.producer_of()
    return [layer_row(layer, run, producers.get(layer.name, "")) for layer in run.layers]


def layer_row(layer: LayerResult, run: Run, producer: str) -> dict[str, Cell]:
    """Return every figure of a layer; `producer` is the layer that it is fused into, or empty."""
    return {
        "layer": layer.name,
        "stage": layer.stage,
        "op": layer.op.value,
        "inputs": " ".join(shape_text(shape) for shape in layer.input_shapes),
        "output": shape_text(layer.output_shape),
        "kernel": kernel_text(layer),
        "groups": layer.groups,
        "dataflow": layer.dataflow,
        "macs": layer.macs,
        "effective_macs": layer.effective_macs,
        "params": layer.params,
        "cycles": layer.cycles,
        "share": layer.cycles / run.total.cycles if run.total.cycles else 0.0,
        "utilization": layer.utilization,
        "dram_bytes": layer.bytes_at("dram"),
        "buffer_bytes": layer.buffer_bytes,
        "alive_bytes": layer.alive_bytes,
        "tile_bytes": layer.tile_bytes,
        "energy_pj": layer.energy_pj,
        **({} if layer.energy_relative is None else {"energy_relative": layer.energy_relative}),
        "bound_by": "folded" if layer.folded else "fused" if producer else layer.bottleneck,
        "producer": producer,
        "tiles": layer.tiles,
        "stack": f"{layer.stacked.first} to {layer.stacked.last}" if layer.stacked else "",
        "strips": layer.stacked.strips if layer.stacked else 0,
        **{f"cycles_{part}": layer.cycle_parts.get(part, 0) for part in CYCLE_PARTS},
        **_traffic_columns(layer, run),
        "note": layer.note or note_of(layer, run),
    }


def _traffic_columns(layer: LayerResult, run: Run) -> dict[str, Cell]:
    columns: dict[str, Cell] = {}
    for level in run.hardware.levels:
        for operand in OPERAND_NAMES:
            traffic = layer.traffic.get(level, {}).get(operand)
            for way in WAYS:
                columns[f"{level}_{operand}_{way}_bytes"] = getattr(traffic, f"{way}_bytes") if traffic else 0
    return columns


def shape_text(shape: tuple[int, int, int, int]) -> str:
    """Write a tensor's shape, leaving out what is one.

    >>> shape_text((1, 64, 56, 56)), shape_text((4, 1000, 1, 1))
    ('64x56x56', '4x1000')
    """
    batch, channels, height, width = shape
    sizes = [channels] if height == width == 1 else [channels, height, width]
    return "x".join(str(size) for size in ([batch, *sizes] if batch > 1 else sizes))


def kernel_text(layer: LayerResult) -> str:
    """Write kernel, stride and groups: 7x7/2, 3x3g4; nothing for an op that slides no window."""
    if layer.op not in WINDOWED_OPS:
        return ""
    text = "x".join(str(size) for size in layer.kernel)
    vertical, horizontal = layer.stride
    if (vertical, horizontal) != (1, 1):
        text += f"/{vertical}" if vertical == horizontal else f"/{vertical}x{horizontal}"
    return f"{text}g{layer.groups}" if layer.groups > 1 and layer.op is Op.CONV else text
