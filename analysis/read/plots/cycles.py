"""Where each layer's cycles went: bars stacked by cause."""

from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import Row
from analysis.read.plots.bars import (
    bars_subtitle,
    drawn_layers,
    layer_figure,
    name_layers,
    shade_stages,
    stacked_bars,
    timed_layers,
)
from analysis.read.theme import CYCLE_COLOURS, headline
from analysis.read.titles import run_title
from simulator.result.causes import CAUSES
from simulator.result.run import CYCLE_PARTS, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rows(run: Run) -> list[Row]:
    """Return layer, stage, op, cycles and the cycles of each cause."""
    return [
        {"layer": layer.name, "stage": layer.stage, "op": layer.op.value, "cycles": layer.cycles}
        | {part: layer.cycle_parts.get(part, 0) for part in CYCLE_PARTS}
        for layer in timed_layers(run)
    ]


def draw(run: Run) -> "Figure":
    """Draw one bar per layer, MACs at the bottom and what delays them above."""
    from matplotlib.ticker import FuncFormatter

    layers = drawn_layers(run)
    figure, (axes,) = layer_figure(len(layers), panels=1)
    series = {part: [layer.cycle_parts.get(part, 0) for layer in layers] for part in CYCLE_PARTS}
    stacked_bars(axes, series, CYCLE_COLOURS, CAUSES)
    shade_stages(axes, layers, name=True)
    name_layers(axes, layers)
    axes.set_ylabel("cycles")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.tick(value)))
    total = units.count(run.total.cycles, digits=4)
    time = units.seconds(run.total.latency_s)
    headline(figure, run_title(run, f"{total} cycles, {time}"), bars_subtitle(run))
    return figure
