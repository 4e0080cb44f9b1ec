"""Stacked bars over the layers of a network, legible from five layers to two hundred."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from analysis.layout import elide, printable
from analysis.theme import LIGHT_GREY, SMALL_POINTS
from analysis.units import percent
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_NAME = 22  # characters of a label
_INCHES_PER_LABEL = 0.105


def timed_layers(run: Run) -> list[LayerResult]:
    """Return the layers that take time; folded and fused ones have no bar."""
    return [layer for layer in run.layers if layer.cycles]


def layer_figure(layers: int, panels: int) -> "tuple[Figure, list[Axes]]":
    """Make a figure that grows with the number of layers, and `panels` axes above each other over the same layers."""
    from matplotlib.figure import Figure

    width = min(14.0, max(6.5, 2.5 + 0.115 * layers))
    figure = Figure(figsize=(width, 1.4 + 2.7 * panels), layout="constrained")
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)
    return figure, list(axes[:, 0])


def stacked_bars(
    axes: "Axes",
    series: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
) -> None:
    """Stack the series, first at the bottom; the legend, in the order of the stack, tells each one's share.

    Series that are zero throughout are left out.
    """
    whole = sum(sum(values) for values in series.values())
    bottom = [0.0] * max((len(values) for values in series.values()), default=0)
    for name, values in series.items():
        if any(values):
            label = f"{(labels or {}).get(name, name)} {percent(sum(values) / whole)}"
            axes.bar(range(len(values)), values, width=0.86, bottom=bottom, color=colours[name], label=label)
            bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    handles, texts = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], texts[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)


def name_layers(axes: "Axes", layers: Sequence[LayerResult]) -> None:
    """Label the x axis with the layers' names; where they would overlap, with every second, third, ... name."""
    figure_width = axes.get_figure(root=True).get_size_inches()[0]  # type: ignore[union-attr]
    room = (figure_width - 2.4) / _INCHES_PER_LABEL
    step = max(1, -(-len(layers) // int(room)))
    places = range(0, len(layers), step)
    names = [elide(printable(layers[place].name), MAX_NAME) for place in places]
    axes.set_xticks(places, names, rotation=90, fontsize=SMALL_POINTS)
    axes.set_xlim(-0.7, len(layers) - 0.3)
    axes.tick_params(axis="x", length=2 if step == 1 else 3)


def shade_stages(axes: "Axes", layers: Sequence[LayerResult], *, name: bool) -> None:
    """Shade every other stage; with `name`, write stages above the axes where there is room."""
    start = 0
    for index, (stage, members) in enumerate(groupby(layers, key=lambda layer: layer.stage)):
        end = start + len(list(members))
        if index % 2:
            axes.axvspan(start - 0.5, end - 0.5, color=LIGHT_GREY, zorder=0, linewidth=0)
        if name and stage and (end - start) * 100 >= 4 * len(layers):
            axes.annotate(
                elide(printable(stage), 14),
                ((start + end - 1) / 2, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=SMALL_POINTS,
                color="#444444",
            )
        start = end
