"""Stacked bars over the layers of a network, legible from five layers to two hundred, and drawn for five hundred."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby
from math import ceil, floor, inf, log
from textwrap import fill
from typing import TYPE_CHECKING

from analysis.read.layout import elide, printable
from analysis.read.theme import LIGHT_GREY, SMALL_POINTS, inches, is_narrow, new_figure
from analysis.read.titles import run_subtitle
from analysis.read.units import percent, size, tick
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BAR_WIDTH = 0.86  # of a layer's place
MOST_BARS = 500  # of a figure; tables beside it have a row for every layer
MOST_STAGES = 60  # that are told by numbers
MAX_NAME = 22  # characters of a label
TOWERING = 3.0  # times the highest bar that is not cut: from here on bars are cut
MOST_CUT, FEW_BARS = 3, 8
HEADROOM = 1.1  # where bars are cut, in heights of the highest that is not
ABOVE_CUT = 1.14  # height of the axis, in that of bars that are cut
MAX_NUMBER = 8  # characters of the height of a bar
LETTERS_OF_TWO = 52  # of a legend's two columns, which fit a narrow figure
INCHES_PER_LABEL = 0.1
INCHES_PER_LETTER = 0.062


def timed_layers(run: Run) -> list[LayerResult]:
    """Return the layers that take time; folded and fused ones have no bar."""
    return [layer for layer in run.layers if layer.cycles]


def drawn_layers(run: Run) -> list[LayerResult]:
    """Return the layers that a figure has bars for: those that take time, or where these are too many, the longest."""
    layers = timed_layers(run)
    if len(layers) <= MOST_BARS:
        return layers
    longest = sorted(range(len(layers)), key=lambda at: (-layers[at].cycles, at))[:MOST_BARS]
    return [layers[at] for at in sorted(longest)]


def bars_subtitle(run: Run, *more: str) -> str:
    """Return the subtitle of a figure with a bar for each layer, which says so where some have none."""
    layers = len(timed_layers(run))
    left_out = f"the {MOST_BARS} of {layers:,} layers that take most cycles" if layers > MOST_BARS else ""
    return run_subtitle(run, left_out, *more)


def layer_figure(layers: int, panels: int, height: float = 2.4) -> "tuple[Figure, list[Axes]]":
    """Make a figure that grows with the number of layers, and `panels` axes above each other, `height` inches each."""
    figure = new_figure(1.5 + height * panels, 2.5 + 0.115 * layers)
    axes = figure.subplots(panels, 1, squeeze=False)
    return figure, list(axes[:, 0])


def layer_legend(axes: "Axes", handles: "Sequence[Artist]", texts: Sequence[str]) -> None:
    """Put a legend, in the order of a stack, beside the axes, or where a figure is narrow, above the stages' names."""
    if is_narrow(axes):
        columns = 2 if 2 * max(map(len, texts), default=0) <= LETTERS_OF_TWO else 1
        axes.legend(handles, texts, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=1.4)
    else:
        axes.legend(handles, texts, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)


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
    legend: bool = True,
) -> None:
    """Stack the series, first at the bottom; the legend, in the order of the stack, tells each one's share.

    Series that are zero throughout are left out. Where very few bars tower over all others, they are cut: below the
    cut all is to scale, and a number tells the whole height in `unit`.
    """
    heights = [float(sum(parts)) for parts in zip(*series.values(), strict=True)]
    whole, cut = sum(heights), cut_height(heights)
    top = cut or max(heights, default=0.0) or 1.0
    bottom = [0.0] * len(heights)
    for name, values in series.items():
        if any(values):
            label = f"{(labels or {}).get(name, name)} {percent(sum(values) / whole)}"
            ends = [low + value for low, value in zip(bottom, values, strict=True)]
            shown = [min(end, top) - min(low, top) for low, end in zip(bottom, ends, strict=True)]
            lows = [min(low, top) for low in bottom]
            draw_bars(axes, range(len(shown)), shown, [BAR_WIDTH] * len(shown), lows, colours[name], label)
            bottom = ends
    if legend:
        handles, texts = axes.get_legend_handles_labels()
        layer_legend(axes, handles[::-1], texts[::-1])
    set_places(axes, len(heights))
    axes.set_ylim(0, top * (ABOVE_CUT if cut else 1.05))
    if cut:
        _mark_cut_bars(axes, heights, cut, unit)


def cut_height(heights: Sequence[float]) -> float | None:
    """Return where to cut bars so that as few as can be are cut; None if no few tower over all others.

    A few are one in twenty, at most `MOST_CUT`; where there are not many bars, none is.

    >>> cut_height([900, *[10] * 20]), cut_height([80, 20, *[10] * 20]), cut_height([20, *[10] * 20])
    (11.0, 22.0, None)
    """
    if len(heights) < FEW_BARS:
        return None
    falling = sorted(heights, reverse=True)
    for cuts in range(1, min(MOST_CUT, max(1, len(heights) // 20)) + 1):
        if falling[cuts - 1] > TOWERING * falling[cuts] > 0:
            return falling[cuts] * HEADROOM
    return None


def _mark_cut_bars(axes: "Axes", heights: Sequence[float], cut: float, unit: str) -> None:
    """Strike through the ends of bars that are cut, and write their heights above; of close ones, in their order."""
    letter = 1.2 * INCHES_PER_LETTER * len(heights) / axes_width(axes)  # in places of bars
    groups: list[list[int]] = []
    for place in [place for place, height in enumerate(heights) if height > cut]:
        for low in (0.93, 0.955):
            axes.plot([place - 0.5, place + 0.5], [low * cut, (low + 0.025) * cut], color="white", linewidth=1.2)
        if groups and place - groups[-1][-1] < MAX_NUMBER * letter:
            groups[-1].append(place)
        else:
            groups.append([place])
    for group in groups:
        text = ", ".join(tick(heights[place], unit) for place in group)
        half = len(text) * letter / 2
        middle = min(max(sum(group) / len(group), half - 0.7), len(heights) - 0.3 - half)
        axes.text(middle, 1.03 * cut, text, ha="center", va="bottom", fontsize=SMALL_POINTS, fontweight="bold")


def tick_in(axis: "Axis", unit: str) -> None:
    """Put ticks of an axis whose limits are set at round numbers of a unit ("B": of bytes, KiB, MiB, ...)."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    low, high = axis.get_view_interval()
    base = 1024 if unit == "B" else 1000
    scale = float(base) ** floor(log(high, base)) if high > 0 and (unit != "B" or high >= 1) else 1.0
    suffix = size(int(scale))[1:] if unit == "B" else tick(scale, unit)[1:]
    places = [
        place * scale for place in MaxNLocator(5, steps=[1, 2, 4, 5, 8, 10]).tick_values(low / scale, high / scale)
    ]
    axis.set_major_locator(FixedLocator([place for place in places if low <= place <= high]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / scale:g}{suffix}" if value else "0"))


def set_places(axes: "Axes", layers: int) -> None:
    """Give each layer a place on the x axis, without ticks."""
    axes.set_xlim(-0.7, max(1, layers) - 0.3)
    axes.set_xticks([])


def name_layers(axes: "Axes", layers: Sequence[LayerResult], heights: Sequence[float] | None = None) -> None:
    """Label the x axis with the layers' names, upright unless all fit side by side.

    Where they would overlap, those stay that are highest, by `heights` or else by cycles.
    """
    each = axes_width(axes) / max(1, len(layers))
    names = [elide_front(printable(layer.name), MAX_NAME) for layer in layers]
    lie = max(map(len, names), default=0) * INCHES_PER_LETTER < each
    ranks = list(heights) if heights is not None else [layer.cycles for layer in layers]
    places = list(range(len(layers))) if lie else apart(ranks, max(1, ceil(INCHES_PER_LABEL / each)))
    axes.set_xticks(places, [names[place] for place in places], rotation=0 if lie else 90, fontsize=SMALL_POINTS)
    axes.tick_params(axis="x", length=2)


def apart(ranks: Sequence[float], step: int) -> list[int]:
    """Choose places that lie at least a step apart, those of high rank first.

    >>> apart([1, 5, 2, 9, 3, 4], 2), apart([1, 1, 1], 1)
    ([1, 3, 5], [0, 1, 2])
    """
    chosen: list[int] = []
    for place in sorted(range(len(ranks)), key=lambda place: (-ranks[place], place)):
        left = bisect(chosen, place)
        if all(abs(other - place) >= step for other in chosen[max(0, left - 1) : left + 1]):
            chosen.insert(left, place)
    return chosen


def elide_front(text: str, width: int) -> str:
    """Cut the beginning off a name: its end tells layers of a stage apart.

    >>> elide_front("stage1/block2/conv3", 13), elide_front("conv3", 12)
    ('..ock2/conv3', 'conv3')
    """
    return text if len(text) <= width else f"..{text[len(text) - width + 3 :]}"


def shade_stages(axes: "Axes", layers: Sequence[LayerResult], *, name: bool) -> None:
    """Shade every other stage; with `name`, write the stages above the axes, numbered where one has no room."""
    groups = [(stage, len(list(members))) for stage, members in groupby(layers, key=lambda layer: layer.stage)]
    each = axes_width(axes) / max(1, len(layers))
    names = [elide(printable(stage), 14) for stage, _ in groups]
    numbered = any(len(text) * INCHES_PER_LETTER > count * each for text, (_, count) in zip(names, groups, strict=True))
    told = 1 < len(groups) <= MOST_STAGES
    ends = list(accumulate(count for _, count in groups))
    _shade(axes, [(end - count - 0.5, end - 0.5) for end, (_, count) in zip(ends, groups, strict=True)][1::2])
    last = -inf
    for index, (text, (_, count), end) in enumerate(zip(names, groups, ends, strict=True)):
        middle = end - (count + 1) / 2
        shown = (str(index + 1) if told else "") if numbered else text
        half = len(shown) * INCHES_PER_LETTER / each / 2
        if name and shown and middle - half > last:
            _above(axes, middle, shown)
            last = middle + half
    if name and numbered and told:
        _tell_stages(axes, names)


def _shade(axes: "Axes", spans: Sequence[tuple[float, float]]) -> None:
    """Shade parts of the x axis, from the bottom of the axes to their top, behind all else."""
    from matplotlib.collections import PolyCollection

    corners = [[(left, 0), (right, 0), (right, 1), (left, 1)] for left, right in spans]
    place = axes.get_xaxis_transform()
    axes.add_collection(
        PolyCollection(corners, facecolors=LIGHT_GREY, linewidths=0, zorder=0, transform=place), autolim=False
    )


def _above(axes: "Axes", place: float, text: str) -> None:
    """Write a stage above its layers."""
    axes.annotate(
        text,
        (place, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=SMALL_POINTS,
        color="#444444",
    )


def _tell_stages(axes: "Axes", names: Sequence[str]) -> None:
    """Say below everything which stage has which number; nothing where their names are their numbers."""
    from matplotlib import rcParams

    figure = axes.get_figure(root=True)
    told = [f"{number} {text or 'none'}" for number, text in enumerate(names, start=1)]
    letters = int((inches(axes) - 0.4) * 72 / (0.54 * SMALL_POINTS))
    text = fill(f"stages: {', '.join(told)}", letters)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=min(SMALL_POINTS, rcParams["font.size"]))  # type: ignore[union-attr]


def axes_width(axes: "Axes") -> float:
    """Return the width of the axes in inches, about: the figure's without margins, and legend where it is beside."""
    return inches(axes) - (0.7 if is_narrow(axes) else 2.5)
