"""How well each layer used the array: MACs executed, and what was lost in space, in time and in stalls."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import Row, printable
from analysis.read.losses import PeCycles, pe_cycles, sum_pe_cycles
from analysis.read.plots.bars import (
    BAR_WIDTH,
    axes_width,
    bars_subtitle,
    draw_bars,
    drawn_layers,
    elide_front,
    layer_figure,
    layer_legend,
    name_layers,
    set_places,
    shade_stages,
    timed_layers,
)
from analysis.read.theme import SMALL_POINTS, USE_COLOURS, USE_LABELS, headline
from analysis.read.titles import run_title
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAME = 16  # characters of a label in the lower panel
NARROWEST_EDGED = 0.03  # inches: narrower layers have no line at their edge, which would hide them
WITHOUT_MACS = "#C4C4C4"


def rows(run: Run) -> list[Row]:
    """Return for each layer its PE-cycles, in MACs that the array could have done, and fractions of them.

    `executed`, `spatial`, `temporal` and `stall` add up to `available`, their fractions to 1. `utilization` is the
    fraction executed; `macs` are all of the layer, skipped ones too.
    """
    return [_row(layer, pe_cycles(layer, run)) for layer in timed_layers(run)]


def _row(layer: LayerResult, use: PeCycles) -> Row:
    return {
        "layer": layer.name,
        "stage": layer.stage,
        "op": layer.op.value,
        "cycles": layer.cycles,
        "macs": layer.macs,
        "utilization": layer.utilization,
        "mapped_pes": layer.mapped_pes,
        "available": use.available,
        **{name: int(getattr(use, name)) for name in USE_COLOURS},
        **{f"{name}_fraction": use.fraction(name) for name in USE_COLOURS},
    }


def draw(run: Run) -> "Figure":
    """Draw a bar per layer above; below the same, each layer as wide as its time, so that areas are PE-cycles."""
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    layers = drawn_layers(run)
    uses = [pe_cycles(layer, run) for layer in layers]
    figure, (above, below) = layer_figure(len(layers), panels=2)
    set_places(above, len(layers))
    _stack(above, layers, uses, range(len(layers)), [BAR_WIDTH] * len(layers))
    _explain(above, layers, uses)
    shade_stages(above, layers, name=True)
    name_layers(above, layers)
    above.set_ylabel("PE-cycles of each layer")
    widths = [layer.cycles for layer in layers]
    starts = [0, *accumulate(widths)]
    _stack(below, layers, uses, [start + width / 2 for start, width in zip(starts, widths, strict=False)], widths)
    _name_wide(below, layers, starts)
    below.set_ylabel("PE-cycles over time")
    below.set_xlabel("cycles, one layer after the other")
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.tick(value)))
    figure.align_ylabels([above, below])
    for axes in (above, below):
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    told = f"utilization {units.percent(run.total.utilization)} (MACs executed)"
    headline(figure, run_title(run, told), bars_subtitle(run, *_skipped(run)))
    return figure


def _stack(
    axes: "Axes",
    layers: Sequence[LayerResult],
    uses: Sequence[PeCycles],
    places: Sequence[float],
    widths: Sequence[float],
) -> None:
    """Stack fractions of PE-cycles; those of ops that have no MACs are in a colour of their own."""
    bottom = [0.0] * len(uses)
    for name, colour in USE_COLOURS.items():
        heights = [use.fraction(name) for use in uses]
        colours = [colour if layer.macs else WITHOUT_MACS for layer in layers]
        draw_bars(axes, places, heights, widths, bottom, colours)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    axes.set_ylim(0, 1)


def _explain(axes: "Axes", layers: Sequence[LayerResult], uses: Sequence[PeCycles]) -> None:
    """Add a legend that tells each colour's share of all PE-cycles."""
    from matplotlib.patches import Patch

    whole = sum_pe_cycles(uses).available or 1
    busy = sum_pe_cycles(use for use, layer in zip(uses, layers, strict=True) if layer.macs)
    shares = {USE_LABELS[name]: (colour, int(getattr(busy, name))) for name, colour in USE_COLOURS.items()}
    shares["stall: ops without MACs"] = (WITHOUT_MACS, whole - busy.available)
    handles = [
        Patch(color=colour, label=f"{label} {units.percent(part / whole)}") for label, (colour, part) in shares.items()
    ]
    layer_legend(axes, handles[::-1], [str(handle.get_label()) for handle in handles[::-1]])


def _skipped(run: Run) -> list[str]:
    """Say what skipping gains, which no bar shows: skipped MACs take no PE-cycles."""
    if run.total.effective_macs >= run.total.macs:
        return []
    return [f"zero weights skipped, dense-equivalent speed-up {run.total.dense_speedup:.2f}"]


def _name_wide(axes: "Axes", layers: Sequence[LayerResult], starts: Sequence[int]) -> None:
    """Write the names of layers that take long enough to stand above the axes, upright, without overlap."""
    axes.set_xlim(0, starts[-1] or 1)
    each = axes_width(axes) / (starts[-1] or 1)  # inches a cycle
    for layer, start in zip(layers, starts, strict=False):
        if layer.cycles * each >= 1.5 * SMALL_POINTS / 72:
            axes.annotate(
                elide_front(printable(layer.name), MAX_NAME),
                (start + layer.cycles / 2, 1.0),
                xytext=(0, 3),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=SMALL_POINTS,
            )
        if layer.cycles * each >= NARROWEST_EDGED:
            axes.axvline(start, color="white", linewidth=0.3)
