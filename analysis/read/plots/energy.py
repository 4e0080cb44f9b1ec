"""Where each layer's energy went: by component, and by the operand that was moved."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.csv_text import Row
from analysis.read.layout import printable
from analysis.read.plots.bars import layer_figure, name_layers, shade_stages, stacked_bars, timed_layers
from analysis.read.theme import COMPONENT_COLOURS, COMPONENT_LABELS, OPERAND_COLOURS
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rows(run: Run) -> list[Row]:
    """Return layer, stage, op, energy and the energy of each part ("LEVEL.OPERAND", "mac", ...), in picojoules."""
    parts = sorted(run.total.energy_parts)
    return [
        {"layer": layer.name, "stage": layer.stage, "op": layer.op.value, "energy_pj": layer.energy_pj}
        | {part: layer.energy_parts.get(part, 0.0) for part in parts}
        for layer in timed_layers(run)
    ]


def component_of(part: str) -> str:
    """Name the component of an energy part: "dram" of "dram.inputs".

    >>> component_of("dram.inputs"), component_of("mac")
    ('dram', 'mac')
    """
    return part.split(".")[0]


def operand_of(part: str) -> str:
    """Name the operand of an energy part; MACs and vector operations are "computing".

    >>> operand_of("dram.inputs"), operand_of("mac"), operand_of("leakage")
    ('inputs', 'computing', 'leakage')
    """
    _, dot, operand = part.partition(".")
    return operand if dot else "leakage" if part == "leakage" else "computing"


def draw(run: Run) -> "Figure":
    """Draw two panels over the same layers: energy by component above, by operand below."""
    from matplotlib.ticker import FuncFormatter

    layers, unit = timed_layers(run), run.hardware.energy_unit
    figure, (above, below) = layer_figure(len(layers), panels=2)
    components = {key: [_energy(layer, key, component_of) for layer in layers] for key in COMPONENT_COLOURS}
    stacked_bars(above, components, COMPONENT_COLOURS, COMPONENT_LABELS, unit)
    order = ("computing", "inputs", "weights", "outputs", "leakage")
    operands = {key: [_energy(layer, key, operand_of) for layer in layers] for key in order}
    stacked_bars(below, operands, OPERAND_COLOURS, unit=unit)
    relative = "" if unit == "pJ" else f", in {unit}s"
    for axes in (above, below):
        shade_stages(axes, layers, name=axes is above)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.tick(value, unit)))
    above.set_ylabel(printable(f"energy by component{relative}"))
    below.set_ylabel(printable(f"energy by operand{relative}"))
    figure.align_ylabels([above, below])
    name_layers(below, layers)
    total = units.energy(run.total.energy_pj, unit)
    amount = total if unit == "pJ" else f"energy of {total} {unit}s"
    above.set_title(printable(f"{run.network.name} on {run.hardware.name}: {amount}"), pad=14)
    return figure


def _energy(layer: LayerResult, key: str, kind: Callable[[str], str]) -> float:
    return sum(value for part, value in layer.energy_parts.items() if kind(part) == key)
