"""How layers lie on the array: which loops are unrolled over rows and columns, and the PEs that have nothing to do."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from analysis.read.layout import Row, elide, printable
from analysis.read.nests import SPATIAL, Loop, loops_at, nest_places, working
from analysis.read.plots.bars import draw_bars
from analysis.read.theme import BESIDE_FROM, BLACK, BLUE, GREY, SKY, headline, new_figure
from analysis.read.titles import run_subtitle, run_title
from analysis.read.units import percent
from simulator.errors import InputError, Problem, nearest
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 6  # layers, those that take most cycles
LEAST_INCHES, MOST_INCHES = 0.9, 2.6  # height of an array
MOST_LINES = 33  # rows or columns, up to which every PE is drawn
DIMENSIONS = {
    "N": "batch",
    "G": "group",
    "K": "filter",
    "C": "channel",
    "P": "output row",
    "Q": "output column",
    "R": "window row",
    "S": "window column",
}


def mapped(run: Run) -> list[LayerResult]:
    """Return the layers that the array runs."""
    return [layer for layer in run.layers if layer.mapping and layer.mapped_pes]


def largest(run: Run) -> list[LayerResult]:
    """Return those layers that take most cycles, each mapping once, in the order of the network."""
    first: dict[str, LayerResult] = {}
    for layer in sorted(mapped(run), key=lambda layer: -layer.cycles):
        first.setdefault(f"{layer.mapping}", layer)
    chosen = {layer.name for layer in list(first.values())[:SHOWN]}
    return [layer for layer in run.layers if layer.name in chosen]


def named(run: Run, name: str) -> LayerResult:
    """Return a layer that the array runs; raise InputError with the nearest one if there is none of that name."""
    known = {layer.name: layer for layer in mapped(run)}
    if name not in known:
        expected = "a layer that the array runs"
        raise InputError(
            Problem("no mapping of this name", expected=expected, got=name, suggestion=nearest(name, known))
        )
    return known[name]


def rows(run: Run) -> list[Row]:
    """Return for each layer of the array what is unrolled where, and how many rows, columns and PEs have work."""
    return [_row(layer, run) for layer in mapped(run)]


def _row(layer: LayerResult, run: Run) -> Row:
    down, across = working(layer)
    return {
        "layer": layer.name,
        "stage": layer.stage,
        "dataflow": layer.dataflow,
        **{place: _text(loops_at(layer, place)) for place in (*SPATIAL, "registers")},
        "working_rows": down,
        "working_columns": across,
        "mapped_pes": layer.mapped_pes,
        "idle_pes": run.hardware.pes - layer.mapped_pes,
        "cycles": layer.cycles,
    }


def draw(run: Run) -> "Figure":
    """Draw the array under the layers that take most cycles."""
    return draw_layers(run, largest(run))


def draw_layers(run: Run, layers: Sequence[LayerResult]) -> "Figure":
    """Draw the array under each of some layers, idle PEs hatched; of a single one, its loop nest beside it."""
    from matplotlib import rcParams

    wide = rcParams["figure.figsize"][0] >= BESIDE_FROM
    columns = (min(3, max(2, len(layers))) if wide else 1) if len(layers) != 1 or wide else 1
    lines = max(1, -(-len(layers) // columns))
    width = (BESIDE_FROM if wide else 3.0) / columns
    height = min(MOST_INCHES, max(LEAST_INCHES, width * run.hardware.rows / run.hardware.columns))
    figure = new_figure(0.8 + (0.75 + height) * lines)
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, layer in zip(panels, layers, strict=False):
        _draw_array(axes, layer, run)
    for axes in panels[len(layers) :]:
        axes.set_axis_off()
    if len(layers) == 1 and len(panels) > 1:
        _tell_nest(panels[1], layers[0], run)
    array = f"{run.hardware.rows} x {run.hardware.columns} PEs"
    told = f"mapping onto {array}" + (f" of each of {run.hardware.arrays} arrays" if run.hardware.arrays > 1 else "")
    of = run_subtitle(run, "hatched: idle PEs", "shades: the outermost loops", _key(layers))
    headline(figure, run_title(run, told), of)
    return figure


def _key(layers: Sequence[LayerResult]) -> str:
    """Say what the letters of the loops over the array mean."""
    letters = {letter for layer in layers for place in SPATIAL for letter, _, _ in loops_at(layer, place)}
    return ", ".join(f"{letter} {word}" for letter, word in DIMENSIONS.items() if letter in letters)


def _text(loops: Sequence[Loop]) -> str:
    return " x ".join(f"{letter}{bound}" for letter, bound, _ in loops)


def _draw_array(axes: "Axes", layer: LayerResult, run: Run) -> None:
    """Draw the array as it stands: row 0 above, each PE shaded by the position that the outermost loops give it."""
    from matplotlib.patches import Rectangle

    machine, (down, across) = run.hardware, working(layer)
    axes.add_patch(
        Rectangle((0, 0), machine.columns, machine.rows, facecolor="white", edgecolor=GREY, hatch="////", linewidth=0.6)
    )
    inner = [prod(bound for _, bound, _ in loops_at(layer, axis)[1:]) for axis in ("rows", "columns")]
    for shade, colour in enumerate((BLUE, SKY)):
        blocks = [
            (x, y, min(inner[1], across - x), min(inner[0], down - y))
            for y in range(0, down, inner[0])
            for x in range(0, across, inner[1])
            if (y // inner[0] + x // inner[1]) % 2 == shade
        ]
        lefts, tops, widths, heights = zip(*blocks, strict=True) if blocks else ((), (), (), ())
        middles = [left + width / 2 for left, width in zip(lefts, widths, strict=True)]
        draw_bars(axes, middles, heights, widths, tops, colour)
    if max(machine.rows, machine.columns) < MOST_LINES:
        for x in range(1, machine.columns):
            axes.axvline(x, color="white", linewidth=0.4)
        for y in range(1, machine.rows):
            axes.axhline(y, color="white", linewidth=0.4)
    axes.set(xlim=(0, machine.columns), ylim=(machine.rows, 0), aspect="equal", anchor="NW")
    axes.set_xlabel(f"columns: {_text(loops_at(layer, 'columns')) or 'nothing'}", fontsize="small")
    axes.set_ylabel(f"rows: {_text(loops_at(layer, 'rows')) or 'nothing'}", fontsize="small")
    axes.set_xticks([0, machine.columns])
    axes.set_yticks([0, machine.rows])
    axes.grid(visible=False)
    share = percent(layer.mapped_pes / machine.pes)
    over = _text(loops_at(layer, "arrays"))
    lines = [
        elide(printable(layer.name), 30),
        f"{layer.mapped_pes:,} PEs work, {share}" + (f"; arrays: {over}" if over else ""),
    ]
    axes.set_title("\n".join(lines), fontsize="small", fontweight="normal", color=BLACK)


def _tell_nest(axes: "Axes", layer: LayerResult, run: Run) -> None:
    """Write the loop nest, outermost first, and the dataflow above it."""
    found = [f"{place}: {_text(loops)}" for place, loops in nest_places(layer, run.hardware)]
    lines = [layer.dataflow.replace("_", " "), *(f"{'  ' * depth}{line}" for depth, line in enumerate(found))]
    lines.append(f"{layer.cycles:,} cycles, utilization {percent(layer.utilization)}")
    text = "\n".join(map(printable, lines))
    axes.text(0, 1, text, transform=axes.transAxes, va="top", fontsize="small", linespacing=1.6)
