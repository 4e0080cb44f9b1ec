"""Stacked bars over the layers of a network, legible from five layers to two hundred."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import log
from typing import TYPE_CHECKING

from analysis.read.layout import elide, printable
from analysis.read.theme import BLACK, LIGHT_GREY, SMALL_POINTS, TINY_POINTS
from analysis.read.units import percent, size, tick
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BAR_WIDTH = 0.86  # of a layer's place
MAX_NAME = 22  # characters of a label
TOWERING = 3.0  # times the usual height: from here on bars are cut
MOST_CUT, FEW_BARS = 3, 8
HEADROOM = 1.2  # height of the axis, in usual heights, where bars are cut
_INCHES_PER_LABEL = 0.092
_INCHES_PER_LETTER = 0.062


def timed_layers(run: Run) -> list[LayerResult]:
    """Return the layers that take time; folded and fused ones have no bar."""
    return [layer for layer in run.layers if layer.cycles]


def layer_figure(layers: int, panels: int, height: float = 2.7) -> "tuple[Figure, list[Axes]]":
    """Make a figure that grows with the number of layers, and `panels` axes above each other, `height` inches each."""
    from matplotlib.figure import Figure

    width = min(16.0, max(6.5, 2.5 + 0.115 * layers))
    figure = Figure(figsize=(width, 1.4 + height * panels), layout="constrained")
    axes = figure.subplots(panels, 1, squeeze=False)
    return figure, list(axes[:, 0])


def draw_bars(
    axes: "Axes",
    places: Sequence[float],
    heights: Sequence[float],
    widths: Sequence[float],
    bottoms: Sequence[float],
    colours: str | Sequence[str],
    label: str = "",
) -> None:
    """Draw a series of bars as one collection: hundreds of them are no slower than one."""
    from matplotlib.collections import PolyCollection

    corners = [
        [(x - width / 2, low), (x + width / 2, low), (x + width / 2, low + height), (x - width / 2, low + height)]
        for x, height, width, low in zip(places, heights, widths, bottoms, strict=True)
    ]
    axes.add_collection(PolyCollection(corners, facecolors=colours, linewidths=0, label=label), autolim=False)


def stacked_bars(
    axes: "Axes",
    series: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    unit: str = "",
) -> None:
    """Stack the series, first at the bottom; the legend, in the order of the stack, tells each one's share.

    Series that are zero throughout are left out. Where a few bars tower over all others they are broken: shrunk to
    the axis with their parts in proportion, and labelled with their height in `unit`.
    """
    heights = [float(sum(parts)) for parts in zip(*series.values(), strict=True)]
    whole, top = sum(heights), cut_height(heights)
    scales = [top / height if top and height > top else 1.0 for height in heights]
    bottom = [0.0] * len(heights)
    for name, values in series.items():
        if any(values):
            label = f"{(labels or {}).get(name, name)} {percent(sum(values) / whole)}"
            shown = [value * scale for value, scale in zip(values, scales, strict=True)]
            draw_bars(axes, range(len(shown)), shown, [BAR_WIDTH] * len(shown), bottom, colours[name], label)
            bottom = [low + value for low, value in zip(bottom, shown, strict=True)]
    handles, texts = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], texts[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)
    axes.set_ylim(0, top or max(heights, default=0) * 1.04 or 1)
    set_places(axes, len(heights))
    if top:
        _mark_cut_bars(axes, heights, top, unit)


def cut_height(heights: Sequence[float]) -> float | None:
    """Return where to cut the axis so that no more than a few bars are cut; None if bars do not differ that much.

    A few are one in twenty, at most `MOST_CUT`; where there are not many bars, none is.

    >>> cut_height([900, *[10] * 20]), cut_height([20, *[10] * 20])
    (12.0, None)
    """
    cuts = min(MOST_CUT, max(1, len(heights) // 20))
    if len(heights) < FEW_BARS:
        return None
    highest, usual = max(heights), sorted(heights)[-cuts - 1]
    return usual * HEADROOM if highest > TOWERING * usual > 0 else None


def _mark_cut_bars(axes: "Axes", heights: Sequence[float], top: float, unit: str) -> None:
    """Strike through the bars that are higher than the axis, and write their height at their end."""
    from matplotlib.patheffects import withStroke

    note = "bars struck through:\nshrunk to the axis"
    axes.text(1.01, 0.0, note, transform=axes.transAxes, fontsize=SMALL_POINTS, va="bottom")
    for place, height in enumerate(heights):
        if height > top:
            for low in (0.70, 0.725):
                axes.plot([place - 0.5, place + 0.5], [low * top, (low + 0.015) * top], color="white", linewidth=1.2)
            axes.text(
                place,
                0.985 * top,
                tick(height, unit),
                rotation=90,
                ha="center",
                va="top",
                fontsize=TINY_POINTS,
                color="white",
                path_effects=[withStroke(linewidth=0.8, foreground=BLACK)],
            )


def tick_in(axis: "Axis", unit: str) -> None:
    """Put ticks of an axis whose limits are set at round numbers of a unit ("B": of bytes, KiB, MiB, ...)."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    low, high = axis.get_view_interval()
    scale = 1024 ** int(log(high, 1024)) if unit == "B" and high >= 1024 else 1
    suffix = size(scale)[1:] if unit == "B" else ""
    places = [
        place * scale for place in MaxNLocator(5, steps=[1, 2, 4, 5, 8, 10]).tick_values(low / scale, high / scale)
    ]
    axis.set_major_locator(FixedLocator([place for place in places if low <= place <= high]))

    def text(value: float, _: object) -> str:
        return f"{value / scale:g}{suffix}" if suffix and value else tick(value, unit)

    axis.set_major_formatter(FuncFormatter(text))


def set_places(axes: "Axes", layers: int) -> None:
    """Give each layer a place on the x axis, without ticks."""
    axes.set_xlim(-0.7, max(1, layers) - 0.3)
    axes.set_xticks([])


def name_layers(axes: "Axes", layers: Sequence[LayerResult]) -> None:
    """Label the x axis with the layers' names; where they would overlap, with every second, third, ... name."""
    step = max(1, -(-len(layers) // int(_width(axes) / _INCHES_PER_LABEL)))
    places = range(0, len(layers), step)
    names = [elide(printable(layers[place].name), MAX_NAME) for place in places]
    axes.set_xticks(places, names, rotation=90, fontsize=SMALL_POINTS)
    axes.tick_params(axis="x", length=2 if step == 1 else 3)


def shade_stages(axes: "Axes", layers: Sequence[LayerResult], *, name: bool) -> None:
    """Shade every other stage; with `name`, write stages above the axes where there is room."""
    start, inches_per_layer = 0, _width(axes) / max(1, len(layers))
    for index, (stage, members) in enumerate(groupby(layers, key=lambda layer: layer.stage)):
        end = start + len(list(members))
        if index % 2:
            axes.axvspan(start - 0.5, end - 0.5, color=LIGHT_GREY, zorder=0, linewidth=0)
        text = elide(printable(stage), 14)
        if name and text and (end - start) * inches_per_layer >= len(text) * _INCHES_PER_LETTER:
            axes.annotate(
                text,
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


def _width(axes: "Axes") -> float:
    """Return the width of the axes in inches, about: the figure's without margins and legend."""
    return float(axes.get_figure(root=True).get_size_inches()[0]) - 2.4  # type: ignore[union-attr]
