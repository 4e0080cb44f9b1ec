"""How many bytes each layer moves at each memory level, and of which operand."""

from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import Row, printable
from analysis.read.plots.bars import (
    bars_subtitle,
    drawn_layers,
    layer_figure,
    name_layers,
    shade_stages,
    stacked_bars,
    tick_in,
    timed_layers,
)
from analysis.read.theme import COMPONENT_LABELS, OPERAND_COLOURS, headline
from analysis.read.titles import run_title
from simulator.nest import OPERAND_NAMES
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def rows(run: Run) -> list[Row]:
    """Return for each layer, level and operand the bytes read and written, and their sum."""
    found: list[Row] = []
    for layer in timed_layers(run):
        for level, operands in layer.traffic.items():
            for operand, traffic in operands.items():
                found.append(
                    {
                        "layer": layer.name,
                        "stage": layer.stage,
                        "op": layer.op.value,
                        "level": level,
                        "operand": operand,
                        "read_bytes": traffic.read_bytes,
                        "write_bytes": traffic.write_bytes,
                        "bytes": traffic.total_bytes,
                    }
                )
    return found


def draw(run: Run) -> "Figure":
    """Draw a panel per level that is used, DRAM above: a bar per layer, operands stacked, reads and writes together."""
    layers = drawn_layers(run)
    levels = [level for level in run.hardware.levels if any(level in layer.traffic for layer in layers)] or ["dram"]
    figure, panels = layer_figure(len(layers), panels=len(levels), height=1.6)
    for axes, level in zip(panels, levels, strict=True):
        _draw_level(axes, level, layers, name_stages=axes is panels[0])
    figure.align_ylabels(panels)
    name_layers(panels[-1], layers, [layer.bytes_at("dram") for layer in layers])
    total = units.size(run.total.dram_bytes)
    headline(figure, run_title(run, f"{total} of DRAM traffic"), bars_subtitle(run))
    return figure


def _draw_level(axes: "Axes", level: str, layers: list[LayerResult], *, name_stages: bool) -> None:
    series = {operand: [_bytes(layer, level, operand) for layer in layers] for operand in OPERAND_NAMES}
    stacked_bars(axes, series, OPERAND_COLOURS, unit="B")
    shade_stages(axes, layers, name=name_stages)
    tick_in(axes.yaxis, "B")
    total = units.size(sum(layer.bytes_at(level) for layer in layers))
    axes.set_ylabel(f"{printable(COMPONENT_LABELS.get(level, level))}\n{total}")


def _bytes(layer: LayerResult, level: str, operand: str) -> int:
    traffic = layer.traffic.get(level, {}).get(operand)
    return traffic.total_bytes if traffic else 0
