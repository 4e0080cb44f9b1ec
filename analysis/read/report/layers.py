"""What a page tells of each layer: the cells of its row, and what opens below it."""

from collections.abc import Sequence

from analysis.read.evidence import verdict_of
from analysis.read.nests import nest_places, working
from analysis.read.objective import component_of
from analysis.read.tables import COLUMNS, OpRow, op_rows
from analysis.read.theme import USE_COLOURS, component_colours
from simulator.nest import OPERAND_NAMES
from simulator.result.run import CYCLE_PARTS, LayerResult, Run, Traffic

Data = dict[str, object]

FIGURES = {
    "MACs": "macs",
    "cycles": "cycles",
    "share": "share",
    "util": "utilization",
    "DRAM": "dram_bytes",
    "buffer": "buffer_bytes",
    "energy": "energy_pj",
}
"""Title of a column that is a figure -> the field of a row that it is sorted by, and that its bar shows."""
NOTHING = Traffic(0, 0)


def column_data() -> list[Data]:
    """Return the columns of the table of layers."""
    return [{"title": column.title, "figure": column.title in FIGURES} for column in COLUMNS]


def layer_data(run: Run) -> list[Data]:
    """Return a layer for each row of the table of ops, in the order of the network."""
    layers, energies = {layer.name: layer for layer in run.layers}, energy_names(run)
    return [_row(row) | _detail(layers[row.layer], run, energies) for row in op_rows(run)]


def short(value: float) -> float:
    """Round to what a page can show: whole numbers stay."""
    return value if isinstance(value, int) else float(f"{value:.6g}")


def energy_names(run: Run) -> list[str]:
    """Return the parts of a run's energy that are not zero throughout, from the MACs outwards."""
    order = list(component_colours(run.hardware.levels))
    found = [part for part, energy in run.total.energy_parts.items() if energy]
    return sorted(found, key=lambda part: (order.index(component_of(part)), part))


def _row(row: OpRow) -> Data:
    return {
        "name": row.layer,
        "stage": row.stage,
        "op": row.op,
        "bound": row.bound_by,
        "dataflow": row.dataflow,
        "cycles": row.cycles,
        "cells": [column.cell(row) for column in COLUMNS],
        "values": [short(getattr(row, FIGURES[column.title])) for column in COLUMNS if column.title in FIGURES],
    }


def _detail(layer: LayerResult, run: Run, energies: Sequence[str]) -> Data:
    """Return what opens below a row; of a layer without cycles, the verdict alone."""
    verdict = verdict_of(layer, run)
    told: Data = {"verdict": verdict.verdict, "evidence": verdict.evidence, "fused": layer.fused}
    if not layer.cycles:
        return told
    return told | {
        "parts": [layer.cycle_parts.get(part, 0) for part in CYCLE_PARTS],
        "use": [short(verdict.use.fraction(name)) for name in USE_COLOURS],
        "traffic": [[_moved(layer, level, operand) for operand in OPERAND_NAMES] for level in run.hardware.levels],
        "energy": [short(layer.energy_parts.get(part, 0)) for part in energies],
        "nest": nest_places(layer, run.hardware),
        "work": working(layer),
        "mapped": layer.mapped_pes,
    }


def _moved(layer: LayerResult, level: str, operand: str) -> Sequence[int]:
    traffic = layer.traffic.get(level, {}).get(operand, NOTHING)
    return traffic.read_bytes, traffic.write_bytes
