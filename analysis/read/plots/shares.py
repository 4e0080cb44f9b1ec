"""What each kind of op takes of MACs, cycles and energy, side by side."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.csv_text import Row
from analysis.read.kinds import kinds_of
from analysis.read.layout import printable
from analysis.read.theme import MEASURE_COLOURS
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES: dict[str, Callable[[LayerResult], float]] = {
    "macs": lambda layer: layer.macs,
    "cycles": lambda layer: layer.cycles,
    "energy_pj": lambda layer: layer.energy_pj,
    "dram_bytes": lambda layer: layer.bytes_at("dram"),
    "params": lambda layer: layer.params,
}
"""What is summed up by kind; the first three are drawn."""

DRAWN = {"macs": "MACs", "cycles": "cycles", "energy_pj": "energy"}


def rows(run: Run) -> list[Row]:
    """Return for each kind of op how many layers it has, their sums, and the share of each in the network's.

    Kinds come in the order of their cycles.
    """
    kinds = kinds_of(run)
    sums: dict[str, dict[str, float]] = {}
    for layer in run.layers:
        if layer.cycles or layer.macs:
            _add(sums.setdefault(kinds[layer.name], dict.fromkeys(("layers", *MEASURES), 0)), layer)
    totals = {name: sum(kind[name] for kind in sums.values()) for name in MEASURES}
    ordered = sorted(sums.items(), key=lambda item: (-item[1]["cycles"], item[0]))
    return [
        {"kind": kind, **found, **{f"{name}_share": _share(found[name], whole) for name, whole in totals.items()}}
        for kind, found in ordered
    ]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _add(sums: dict[str, float], layer: LayerResult) -> None:
    sums["layers"] += 1
    for name, value in MEASURES.items():
        sums[name] += value(layer)


def draw(run: Run) -> "Figure":
    """Draw three bars for each kind of op, whichever takes most cycles on top."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    shares = rows(run)
    figure = Figure(figsize=(6.5, 1.3 + 0.46 * max(2, len(shares))), layout="constrained")
    axes = figure.subplots()
    thick = 0.26
    for index, (name, label) in enumerate(DRAWN.items()):
        places = [place + (index - 1) * thick for place in range(len(shares))]
        widths = [float(row[f"{name}_share"]) for row in shares]
        bars = axes.barh(places, widths, 0.9 * thick, color=MEASURE_COLOURS[name], label=label)
        texts = [units.percent(width) if width else "none" for width in widths]
        axes.bar_label(bars, texts, padding=2, fontsize=6.5)
    names = [f"{row['kind']} ({row['layers']})" for row in shares]
    axes.set_yticks(range(len(shares)), [printable(name) for name in names])
    axes.set_ylim(max(1, len(shares)) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.margins(x=0.1)
    axes.set_xlabel("share of the network's")
    axes.legend(loc="lower right")
    axes.set_title(printable(f"{run.network.name} on {run.hardware.name}: kinds of op"))
    return figure
