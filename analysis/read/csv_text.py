"""Write rows as CSV: raw integers, full names, one header line."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO

from analysis.read.tables import kernel_text, shape_text
from simulator.nest import LEVEL_NAMES, OPERAND_NAMES
from simulator.result.run import CYCLE_PARTS, LayerResult, Run

Cell = int | float | str
Row = Mapping[str, Cell]


def csv_text(rows: Sequence[Row]) -> str:
    """Return rows that share their keys as CSV with a header; floats keep every digit."""
    stream = StringIO(newline="")
    if rows:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return stream.getvalue()


def layer_rows(run: Run) -> list[dict[str, Cell]]:
    """Return a row for every layer, fused ones included, with parts and traffic spread over columns."""
    producers = run.producer_of()
    return [_row(layer, run, producers.get(layer.name, "")) for layer in run.layers]


def _row(layer: LayerResult, run: Run, producer: str) -> dict[str, Cell]:
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
        "params": layer.params,
        "cycles": layer.cycles,
        "share": layer.cycles / run.total.cycles if run.total.cycles else 0.0,
        "utilization": layer.utilization,
        "dram_bytes": layer.bytes_at("dram"),
        "buffer_bytes": layer.bytes_at("buffer"),
        "energy_pj": layer.energy_pj,
        "bound_by": "folded" if layer.folded else "fused" if producer else layer.bottleneck,
        "producer": producer,
        "tiles": layer.tiles,
        **{f"cycles_{part}": layer.cycle_parts.get(part, 0) for part in CYCLE_PARTS},
        **_traffic_columns(layer),
        "note": layer.note,
    }


def _traffic_columns(layer: LayerResult) -> dict[str, Cell]:
    columns: dict[str, Cell] = {}
    for level in LEVEL_NAMES:
        for operand in OPERAND_NAMES:
            traffic = layer.traffic.get(level, {}).get(operand)
            columns[f"{level}_{operand}_read_bytes"] = traffic.read_bytes if traffic else 0
            columns[f"{level}_{operand}_write_bytes"] = traffic.write_bytes if traffic else 0
    return columns
