"""Charts of experiments: bars, a waterfall, lines, points and fields of colour, in the one theme."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.compare.waterfall import limits
from analysis.read.layout import elide
from analysis.read.theme import (
    BESIDE_FROM,
    BLACK,
    BLUE,
    CATEGORIES,
    DIVERGING,
    GREEN,
    GREY,
    LIGHT_GREY,
    MARKERS,
    SEQUENTIAL,
    SMALL_POINTS,
    VERMILLION,
    inches,
    is_narrow,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Tick = Callable[[float], str]
Rgba = tuple[float, float, float, float]
Points = Sequence[tuple[float, float, str]]  # x, y, and a word beside the point

WIDTH = 8.6  # inches
CROWD = 40  # points of a series, from which on they are small and let others through
NARROW = 3.0  # factor between the ends of a scale, up to which powers of ten are too few ticks
LEFT_EDGE = 0.25  # of the axis: words beside points there stand to the right
LETTER = 0.07  # inches of one below the axes, with what keeps labels apart
_LETTERS = 92  # that fit side by side below a figure with a legend
NAMES = 0.37  # of the width, that names beside a field take at most
BAR = 0.9  # inches of the bar that tells a scale of colours, and its figures


def panels(count: int, height: float = 2.8, columns: int = 1, share_y: bool = False) -> "tuple[Figure, list[Axes]]":
    """Make a figure with axes in rows of so many columns, or below each other where it is narrow."""
    from matplotlib import rcParams

    columns = 1 if rcParams["figure.figsize"][0] < BESIDE_FROM else columns
    lines = -(-count // columns)
    figure = new_figure(0.5 + height * lines, WIDTH)
    axes = figure.subplots(lines, columns, squeeze=False, sharey=share_y)
    for unused in list(axes.flat)[count:]:
        unused.set_axis_off()
    return figure, list(axes.flat)[:count]


def stacked_bars(
    axes: "Axes",
    labels: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    marks: Mapping[str, Sequence[float | None]] | None = None,
    tick: Tick = units.tick,
    colours: Mapping[str, str] | None = None,
    legend: bool = True,
) -> None:
    """Stack parts upon each other; `marks` are published values, drawn over the bars as points."""
    bottom = [0.0] * len(labels)
    for number, (name, values) in enumerate(parts.items()):
        colour = (colours or {}).get(name, CATEGORIES[number % len(CATEGORIES)])
        if any(values):
            axes.bar(range(len(labels)), values, width=0.7, bottom=bottom, color=colour, label=name)
        bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    _mark(axes, marks or {}, range(len(labels)))
    _dress_bars(axes, labels, tick)
    if legend:
        outer_legend(axes, reverse=True)


def grouped_bars(
    axes: "Axes",
    labels: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    tick: Tick = units.tick,
    legend: bool = True,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw for each label a bar of every series side by side; None is a gap."""
    width = 0.8 / max(1, len(series))
    for number, (name, values) in enumerate(series.items()):
        places = [i + (number - (len(series) - 1) / 2) * width for i in range(len(labels))]
        colour = (colours or {}).get(name, CATEGORIES[number % len(CATEGORIES)])
        axes.bar(places, [value or 0 for value in values], width=0.92 * width, color=colour, label=name)
    _dress_bars(axes, labels, tick)
    if legend:
        outer_legend(axes)


def dots(
    axes: "Axes", labels: Sequence[str], series: Mapping[str, Sequence[float]], tick: Tick, legend: bool = True
) -> None:
    """Draw for each label a dot of every series, side by side, over a logarithmic axis: ratios have no base."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    width = 0.7 / max(1, len(series))
    for number, (name, values) in enumerate(series.items()):
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        places = [i + (number - (len(series) - 1) / 2) * width for i in range(len(labels))]
        axes.plot(places, values, linestyle="", color=colour, marker=marker, markersize=4.5, label=name)
    _dress_bars(axes, labels, tick)
    flat = [value for values in series.values() for value in values]
    axes.set_yscale("log")
    is_wide = max(flat) > 3 * min(flat)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)) if is_wide else MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    for place in range(1, len(labels)):
        axes.axvline(place - 0.5, color=LIGHT_GREY, linewidth=0.8, zorder=0)
    if legend:
        outer_legend(axes)


def waterfall(axes: "Axes", start: tuple[str, float], steps: Sequence[tuple[str, float]], tick: Tick) -> None:
    """Draw a first value, what each step adds or takes away, and the last; an axis that begins above 0 says so."""
    level, labels, levels = start[1], [start[0]], [start[1]]
    axes.bar(0, level, color=GREY, width=0.7)
    for place, (name, delta) in enumerate(steps, start=1):
        colour = GREEN if delta < 0 else VERMILLION
        axes.bar(place, abs(delta), bottom=min(level, level + delta), color=colour, edgecolor=colour, width=0.7)
        axes.plot([place - 1 + 0.35, place - 0.35], [level, level], color=BLACK, linewidth=0.7)
        level += delta
        _note_above(axes, place, max(level, level - delta), f"{'-' if delta < 0 else '+'}{tick(abs(delta))}")
        labels.append(name)
        levels.append(level)
    axes.bar(len(labels), level, color=BLUE, width=0.7)
    axes.plot([len(labels) - 1 + 0.35, len(labels) - 0.35], [level, level], color=BLACK, linewidth=0.7)
    for place, value in ((0, start[1]), (len(labels), level)):
        _note_above(axes, place, value, tick(value))
    begin, end = limits(levels)
    axes.set_ylim(begin, end)
    if begin:
        _break(axes, (0, len(labels)), f"the axis begins at {tick(begin)}, not 0")
    _dress_bars(axes, [*labels, "result"], tick)


def _break(axes: "Axes", places: Sequence[int], text: str) -> None:
    """Strike through bars near the axis, which go on to 0 below it, and say so."""
    begin, end = axes.get_ylim()
    for place in places:
        for share in (0.02, 0.04):
            y = begin + share * (end - begin)
            axes.plot([place - 0.4, place + 0.4], [y, y + 0.012 * (end - begin)], color="white", linewidth=1.2)
    axes.set_xlabel(text, fontsize=SMALL_POINTS)


def reference(axes: "Axes", value: float, text: str) -> None:
    """Draw a level to compare with, and name it beside the axes."""
    axes.axhline(value, color=BLACK, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.annotate(
        text,
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=SMALL_POINTS,
    )


def lines(
    axes: "Axes", labels: Sequence[str], series: Mapping[str, Sequence[float]], tick: Tick, legend: bool = True
) -> None:
    """Draw a line with markers for each series over labelled places; dashed ones where colours begin anew."""
    for number, (name, values) in enumerate(series.items()):
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        style = "-" if number < len(CATEGORIES) else "--"
        axes.plot(
            range(len(labels)), values, style, color=colour, marker=marker, markersize=4.5, linewidth=1.4, label=name
        )
    _dress_bars(axes, labels, tick)
    if legend:
        outer_legend(axes)


def points(axes: "Axes", series: Mapping[str, Points], x_tick: Tick, y_tick: Tick, legend: bool = True) -> None:
    """Draw points of several series, each with its word."""
    from matplotlib.ticker import FuncFormatter

    for number, (name, places) in enumerate(series.items()):
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        xs, ys = [x for x, _, _ in places], [y for _, y, _ in places]
        crowd = len(places) > CROWD
        axes.scatter(xs, ys, s=9 if crowd else 26, alpha=0.35 if crowd else 1.0, linewidths=0, color=colour,
                     marker=marker, label=name, zorder=2 if crowd else 3)  # fmt: skip
    axes.margins(x=0.1, y=0.08)
    left, right = axes.get_xlim()
    for number, places in enumerate(series.values()):
        for x, y, word in places:  # words of two series do not meet, nor those at the left edge the axis
            below = number % 2 == 0
            side = "left" if below or x < left + LEFT_EDGE * (right - left) else "right"
            axes.annotate(
                word,
                (x, y),
                xytext=(4 if side == "left" else -4, -9 if below else 3),
                textcoords="offset points",
                fontsize=SMALL_POINTS,
                color=CATEGORIES[number % len(CATEGORIES)] if len(series) > 1 else BLACK,
                ha=side,
            )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: x_tick(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: y_tick(value)))
    axes.grid(visible=True, axis="both")
    if legend:
        outer_legend(axes)


def field(
    axes: "Axes",
    across: Sequence[str],
    down: Sequence[str],
    values: Sequence[Sequence[float]],
    write: Tick,
    neutral: float | None = None,
    base: float = 10,
) -> None:
    """Draw a table as colours of a logarithmic scale, with a bar that tells it, and its values if there is room.

    Dark is large, or where a value is `neutral`, as 1 is of ratios, it is white and the two colours say on which side.
    The bar's figures are of powers of `base`.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    flat = [value for line in values for value in line if value > 0]
    low, high = min(flat), max(max(flat), min(flat) * 1.001)
    reach = max(high / neutral, neutral / low, 1.001) if neutral else 1.0
    norm = LogNorm(neutral / reach, neutral * reach) if neutral else LogNorm(low, high)
    image = axes.imshow(values, cmap=DIVERGING if neutral else SEQUENTIAL, aspect="auto", norm=norm)
    width = inches(axes) / _columns(axes)
    names = [elide(name, int(NAMES * width / LETTER)) for name in down]
    letters = (width - BAR) / LETTER - max(map(len, names))
    if len(across) * max(len(write(value)) for value in flat) <= letters:
        _write_in(axes, values, write, lambda value: image.cmap(float(norm(value))))
    bar = axes.figure.colorbar(image, ax=axes)
    ends = (min(low, neutral), max(high, neutral * 1.001)) if neutral else (low, high)
    bar.ax.set_ylim(*ends)
    is_wide = ends[1] > NARROW * ends[0]
    subs = (1.0, 2.0, 5.0) if base == 10 else (1.0,)
    bar.ax.yaxis.set_major_locator(LogLocator(base, subs=subs) if is_wide else MaxNLocator(4))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    bar.ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    _name_places(axes, across, letters)
    axes.set_yticks(range(len(down)), names)
    axes.grid(visible=False)
    axes.tick_params(length=0)


def _write_in(axes: "Axes", values: Sequence[Sequence[float]], write: Tick, colour_of: Callable[[float], Rgba]) -> None:
    """Write each value of a field on its colour, in what can be read there."""
    for y, line in enumerate(values):
        for x, value in enumerate(line):
            red, green, blue, _ = colour_of(value)
            colour = BLACK if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"
            axes.text(x, y, write(value), ha="center", va="center", fontsize=SMALL_POINTS, color=colour)


def outer_legend(axes: "Axes", reverse: bool = False) -> None:
    """Put the legend to the right of the axes, or where the figure is narrow, below all."""
    handles, texts = axes.get_legend_handles_labels()
    order = -1 if reverse else 1
    handles, texts = handles[::order], texts[::order]
    if is_narrow(axes):
        figure = axes.get_figure(root=True)
        columns = 2 if max(map(len, texts), default=0) < 24 else 1
        figure.legend(handles, texts, loc="outside lower left", ncols=columns)  # type: ignore[union-attr]
    else:
        axes.legend(handles, texts, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)


def _note_above(axes: "Axes", place: float, value: float, text: str) -> None:
    """Write a number above a bar; lines that cross it stay behind."""
    axes.annotate(
        text,
        (place, value),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=SMALL_POINTS,
        bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 0.5},
    )


def _mark(axes: "Axes", marks: Mapping[str, Sequence[float | None]], places: Sequence[int]) -> None:
    for name, values in marks.items():
        known = [(place, value) for place, value in zip(places, values, strict=True) if value is not None]
        if known:
            axes.plot(
                *zip(*known, strict=True),
                linestyle="",
                marker="D",
                markersize=5,
                markerfacecolor="white",
                markeredgecolor=BLACK,
                label=name,
                zorder=4,
            )


def _dress_bars(axes: "Axes", labels: Sequence[str], tick: Tick) -> None:
    from matplotlib.ticker import FuncFormatter

    _name_places(axes, labels, _LETTERS * inches(axes) / WIDTH / _columns(axes))
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def _columns(axes: "Axes") -> int:
    """Return how many panels stand side by side."""
    spec = axes.get_subplotspec()
    return spec.get_gridspec().ncols if spec else 1


def _name_places(axes: "Axes", labels: Sequence[str], letters: float) -> None:
    """Name the places below the axes, where so many letters fit: between words on more lines if need be, or upright."""
    room = max(1, int(letters / max(1, len(labels))))
    broken = ["\n".join(line for part in label.split("\n") for line in _lines(part, room)) for label in labels]
    upright = any(len(line) > room for label in broken for line in label.split("\n"))
    axes.set_xticks(range(len(labels)), labels if upright else broken, rotation=90 if upright else 0)


def _lines(text: str, room: int) -> list[str]:
    return wrap(text, room, break_long_words=False, break_on_hyphens=False)
