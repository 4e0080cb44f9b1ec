"""What each kind of op takes of MACs, cycles and energy, side by side."""

from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.kinds import by_kind, detailed_kinds_of
from analysis.read.layout import Row, printable
from analysis.read.objective import CYCLES, DRAM, ENERGY, MACS, PARAMS
from analysis.read.theme import MEASURE_COLOURS, SMALL_POINTS, headline, new_figure
from analysis.read.titles import run_subtitle, run_title
from simulator.result.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = (MACS, CYCLES, ENERGY)
SUMMED = (*DRAWN, DRAM, PARAMS)


def rows(run: Run) -> list[Row]:
    """Return for each kind of op how many layers it has, their sums, and the share of each in the network's.

    Kinds come in the order of their cycles.
    """
    counts = by_kind(run, lambda layer: int(bool(layer.cycles or layer.macs)), detailed_kinds_of)
    sums = {measure.key: by_kind(run, measure.of_layer, detailed_kinds_of) for measure in SUMMED}
    kinds = [kind for kind, layers in counts.items() if layers]
    totals = {key: sum(found[kind] for kind in kinds) for key, found in sums.items()}
    return [
        {
            "kind": kind,
            "layers": counts[kind],
            **{key: found[kind] for key, found in sums.items()},
            **{f"{key}_share": found[kind] / totals[key] if totals[key] else 0.0 for key, found in sums.items()},
        }
        for kind in sorted(kinds, key=lambda kind: (-sums[CYCLES.key][kind], kind))
    ]


def draw(run: Run) -> "Figure":
    """Draw three bars for each kind of op, whichever takes most cycles on top."""
    from matplotlib.ticker import PercentFormatter

    shares = rows(run)
    figure = new_figure(1.5 + 0.42 * max(2, len(shares)))
    axes = figure.subplots()
    thick = 0.26
    for index, measure in enumerate(DRAWN):
        places = [place + (index - 1) * thick for place in range(len(shares))]
        widths = [float(row[f"{measure.key}_share"]) for row in shares]
        bars = axes.barh(places, widths, 0.9 * thick, color=MEASURE_COLOURS[measure.key], label=measure.name)
        texts = [units.percent(width) if width else "none" for width in widths]
        axes.bar_label(bars, texts, padding=2, fontsize=SMALL_POINTS)
    names = [f"{row['kind']} ({row['layers']})" for row in shares]
    axes.set_yticks(range(len(shares)), [printable(name) for name in names])
    axes.set_ylim(max(1, len(shares)) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.margins(x=0.12)
    axes.set_xlabel("share of the network's")
    axes.legend(loc="lower right")
    headline(figure, run_title(run, "kinds of op, by cycles"), run_subtitle(run))
    return figure
