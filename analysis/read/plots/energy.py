"""Where each layer's energy went: by component, and by the operand that was moved."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from analysis.read.layout import Row
from analysis.read.objective import ENERGY, component_of, energy_by, operand_of
from analysis.read.plots.bars import (
    bars_subtitle,
    drawn_layers,
    layer_figure,
    name_layers,
    shade_stages,
    stacked_bars,
    timed_layers,
)
from analysis.read.theme import CATEGORIES, COMPONENT_LABELS, OPERAND_COLOURS, component_colours, headline
from analysis.read.titles import run_title
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPERANDS = ("computing", "inputs", "weights", "outputs", "clock", "leakage")  # in the order of the stack


def rows(run: Run) -> list[Row]:
    """Return layer, stage, op, energy and the energy of each part ("LEVEL.OPERAND", "mac", ...), in picojoules."""
    parts = sorted(run.total.energy_parts)
    return [
        {"layer": layer.name, "stage": layer.stage, "op": layer.op.value, "energy_pj": layer.energy_pj}
        | {part: layer.energy_parts.get(part, 0.0) for part in parts}
        for layer in timed_layers(run)
    ]


def draw(run: Run) -> "Figure":
    """Draw two panels over the same layers: energy by component above, by operand below."""
    from matplotlib.ticker import FuncFormatter

    layers = drawn_layers(run)
    figure, (above, below) = layer_figure(len(layers), panels=2)
    colours = component_colours(run.hardware.levels)
    others = sorted({component_of(part) for part in run.total.energy_parts} - colours.keys())
    colours |= dict(zip(others, CATEGORIES, strict=False))
    stacked_bars(above, _series(layers, component_of, colours), colours, COMPONENT_LABELS, ENERGY.unit)
    stacked_bars(
        below,
        _series(layers, operand_of, OPERANDS),
        OPERAND_COLOURS,
        unit=ENERGY.unit,
    )
    for axes in (above, below):
        shade_stages(axes, layers, name=axes is above)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: ENERGY.tick(value)))
    above.set_ylabel("energy by\ncomponent")
    below.set_ylabel("energy by\noperand")
    figure.align_ylabels([above, below])
    name_layers(below, layers, [layer.energy_pj for layer in layers])
    told = f"{ENERGY.write(ENERGY.of_run(run))} of energy"
    headline(figure, run_title(run, told), bars_subtitle(run, f"prices of {run.hardware.energy_table}"))
    return figure


def _series(
    layers: Sequence[LayerResult], group_of: Callable[[str], str], names: Iterable[str]
) -> dict[str, list[float]]:
    """Return for each name the energy of that component or operand in every layer."""
    sums = [energy_by(group_of, layer.energy_parts) for layer in layers]
    return {name: [found.get(name, 0.0) for found in sums] for name in names}
