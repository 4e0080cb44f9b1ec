"""Charts of experiments: bars, a waterfall, lines, points and fields of colour, in the one theme."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.theme import BLACK, BLUE, CATEGORIES, GREEN, GREY, MARKERS, SMALL_POINTS, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Tick = Callable[[float], str]
Points = Sequence[tuple[float, float, str]]  # x, y, and a word beside the point

WIDTH = 8.6  # inches
LEFT_EDGE = 0.25  # of the axis: words beside points there stand to the right
_LETTERS = 85  # that fit side by side below a figure; labels of more stand upright


def panels(count: int, height: float = 3.2, columns: int = 1, share_y: bool = False) -> "tuple[Figure, list[Axes]]":
    """Make a figure with axes in rows of so many columns."""
    from matplotlib.figure import Figure

    lines = -(-count // columns)
    figure = Figure(figsize=(WIDTH, 0.3 + height * lines), layout="constrained")
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


def waterfall(axes: "Axes", start: tuple[str, float], steps: Sequence[tuple[str, float]], tick: Tick) -> None:
    """Draw a first value, what each step adds or takes away, and the last value; the axis begins above 0."""
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
    _dress_bars(axes, [*labels, "result"], tick)
    low, high = min(levels), max(levels)
    axes.set_ylim(max(0.0, low - 0.6 * (high - low)), high + 0.12 * (high - low))


def reference(axes: "Axes", value: float, text: str) -> None:
    """Draw a level to compare with, and name it."""
    axes.axhline(value, color=BLACK, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.annotate(
        text,
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(-3, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL_POINTS,
    )


def lines(
    axes: "Axes", labels: Sequence[str], series: Mapping[str, Sequence[float]], tick: Tick, legend: bool = True
) -> None:
    """Draw a line with markers for each series over labelled places."""
    for number, (name, values) in enumerate(series.items()):
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        axes.plot(range(len(labels)), values, color=colour, marker=marker, markersize=4.5, linewidth=1.4, label=name)
    _dress_bars(axes, labels, tick)
    if legend:
        outer_legend(axes)


def points(axes: "Axes", series: Mapping[str, Points], x_tick: Tick, y_tick: Tick, legend: bool = True) -> None:
    """Draw points of several series, each with its word."""
    from matplotlib.ticker import FuncFormatter

    for number, (name, places) in enumerate(series.items()):
        colour, marker = CATEGORIES[number % len(CATEGORIES)], MARKERS[number % len(MARKERS)]
        xs, ys = [x for x, _, _ in places], [y for _, y, _ in places]
        axes.scatter(xs, ys, s=26, color=colour, marker=marker, label=name, zorder=3)
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
    logarithmic: bool = False,
) -> None:
    """Draw a table as colours with its values written in; dark is large."""
    from matplotlib.colors import LogNorm, Normalize

    flat = [value for line in values for value in line]
    low, high = min(flat), max(max(flat), min(flat) * 1.001)
    norm = LogNorm(low, high) if logarithmic else Normalize(low, high)
    axes.imshow(values, cmap="cividis_r", aspect="auto", norm=norm)
    for y, line in enumerate(values):
        for x, value in enumerate(line):
            colour = "white" if norm(value) > 0.5 else "black"
            axes.text(x, y, write(value), ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.grid(visible=False)
    axes.tick_params(length=0)


def plain_log_ticks(axes: "Axes", tick: Tick) -> None:
    """Write the ticks of a logarithmic y axis at 1, 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def outer_legend(axes: "Axes", reverse: bool = False) -> None:
    """Put the legend to the right of the axes."""
    handles, texts = axes.get_legend_handles_labels()
    order = -1 if reverse else 1
    axes.legend(handles[::order], texts[::order], loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)


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

    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    grid = axes.get_subplotspec()
    upright = longest * len(labels) * (grid.get_gridspec().ncols if grid else 1) > _LETTERS
    axes.set_xticks(range(len(labels)), labels, rotation=90 if upright else 0)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
