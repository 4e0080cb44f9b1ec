"""How near each layer comes to what the array and the memory port allow (Williams et al., CACM 2009).

MACs are those executed, so no point lies above its roof; what skipping gains is told beside it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, log10, pi, sin
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import Row, elide, printable
from analysis.read.theme import BLACK, CATEGORIES, MARKERS, SMALL_POINTS
from simulator.mapping.dataflow import initials
from simulator.result.run import LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUMBERED = 12  # groups that bear a number: those that take most cycles
LARGEST_MARKER = 260.0  # square points, for the layer that takes most cycles


@dataclass(frozen=True, slots=True)
class Level:
    """A memory level whose port is a roof: DRAM's, or the buffer's to the array.

    With `networks`, bytes a cycle by operand, the buffer's port is what the networks to the PEs carry together.
    """

    name: str
    bytes_per_cycle: float
    networks: Mapping[str, float] = field(default_factory=dict)

    def bytes_of(self, layer: LayerResult) -> float:
        """Return what a layer moves through the port while it runs: weights that were prefetched came before.

        Runs saved before schema version 3 do not tell of these.
        """
        if not self.networks:
            return layer.bytes_at(self.name) - (layer.prefetched_bytes if self.name == "dram" else 0)
        return sum(layer.bounds.get(operand, 0) * rate for operand, rate in self.networks.items())


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that coincide: same dataflow, MACs executed per cycle and MACs per byte of every level."""

    layers: tuple[LayerResult, ...]

    @property
    def cycles(self) -> int:
        """Cycles of all its layers."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def dataflow(self) -> str:
        """Dataflow of its layers."""
        return self.layers[0].dataflow

    def place(self, level: Level) -> tuple[float, float] | None:
        """Return MACs per byte of the level and MACs per cycle; None where nothing moves there."""
        layer, moved = self.layers[0], level.bytes_of(self.layers[0])
        macs = layer.effective_macs
        return (macs / moved, macs / layer.cycles) if moved else None

    def label(self, run: Run) -> str:
        """Return the first layer's name, how many more coincide with it, and their share of the cycles."""
        more = f" and {len(self.layers) - 1} more" if len(self.layers) > 1 else ""
        return f"{elide(printable(self.layers[0].name), 26)}{more}: {units.percent(self.cycles / run.total.cycles)}"


def levels_of(run: Run) -> list[Level]:
    """Return the levels with a finite port, DRAM first; what is known of the buffer's is best told by networks."""
    machine = run.hardware
    found = []
    if machine.dram_bytes_per_cycle is not None:
        found.append(Level("dram", machine.dram_bytes_per_cycle))
    if machine.network_bytes_per_cycle:
        networks = machine.network_bytes_per_cycle
        found.append(Level("buffer", sum(networks.values()), networks))
    elif machine.buffer_bytes_per_cycle is not None:
        found.append(Level("buffer", machine.buffer_bytes_per_cycle))
    return found


def attainable(intensity: float, level: Level, run: Run) -> float:
    """Return the MACs per cycle that the roof allows: the array's peak, or the port's bytes times MACs per byte."""
    return min(float(run.hardware.peak_macs_per_cycle), level.bytes_per_cycle * intensity)


def rows(run: Run) -> list[Row]:
    """Return for each level and layer its MACs executed per byte and per cycle, and what the roof allows."""
    return [
        {
            "level": level.name,
            "layer": layer.name,
            "stage": layer.stage,
            "op": layer.op.value,
            "dataflow": layer.dataflow,
            "macs": layer.macs,
            "executed_macs": layer.effective_macs,
            "cycles": layer.cycles,
            "bytes": level.bytes_of(layer),
            "macs_per_byte": layer.effective_macs / level.bytes_of(layer),
            "macs_per_cycle": layer.effective_macs / layer.cycles,
            "attainable_macs_per_cycle": attainable(layer.effective_macs / level.bytes_of(layer), level, run),
        }
        for level in levels_of(run)
        for layer in _multiplying(run, level)
    ]


def draw(run: Run) -> "Figure":
    """Draw a panel per level; the area of a point is its share of the cycles, the largest are numbered."""
    from matplotlib.figure import Figure

    levels = levels_of(run)
    figure = Figure(figsize=(3.4 + 4.4 * len(levels), 4.2), layout="constrained")
    panels = figure.subplots(1, len(levels), squeeze=False, sharey=True)[0]
    groups = _groups(run, levels)
    for axes, level in zip(panels, levels, strict=True):
        _draw_roof(axes, level, [place for group in groups if (place := group.place(level))], run)
        _draw_groups(axes, level, groups)
        axes.set_xlabel("MACs per byte between buffer and PEs" if level.networks else f"MACs per {_title(level)} byte")
    panels[0].set_ylabel("MACs per cycle")
    panels[0].set_title(printable(f"{run.network.name} on {run.hardware.name}"))
    _draw_key(figure, groups, run)
    figure.draw_without_rendering()  # settles where points lie
    for axes, level in zip(panels, levels, strict=True):
        _number(axes, level, groups[:NUMBERED])
    return figure


def _title(level: Level) -> str:
    return "DRAM" if level.name == "dram" else level.name


def _multiplying(run: Run, level: Level) -> list[LayerResult]:
    return [layer for layer in run.layers if layer.effective_macs and layer.cycles and level.bytes_of(layer)]


def _groups(run: Run, levels: Sequence[Level]) -> list[Group]:
    """Merge layers that lie within about 2% of each other at every level; those that take most cycles come first."""
    groups: dict[tuple[object, ...], list[LayerResult]] = defaultdict(list)
    for layer in run.layers:
        if layer.effective_macs and layer.cycles:
            ratios = (layer.cycles, *(level.bytes_of(layer) for level in levels))
            place = tuple(round(log10(layer.effective_macs / ratio), 2) if ratio else None for ratio in ratios)
            groups[layer.dataflow, place].append(layer)
    return sorted((Group(tuple(layers)) for layers in groups.values()), key=lambda group: -group.cycles)


def _dataflows(groups: Sequence[Group]) -> list[str]:
    return sorted({group.dataflow for group in groups})


def _draw_roof(axes: "Axes", level: Level, places: Sequence[tuple[float, float]], run: Run) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    peak = float(run.hardware.peak_macs_per_cycle)
    ridge = peak / level.bytes_per_cycle
    left = min([ridge, *(intensity for intensity, _ in places)]) / 2
    right = max([ridge, *(intensity for intensity, _ in places)]) * 3
    lowest = min([attainable(left, level, run), *(speed for _, speed in places)])
    axes.set(xscale="log", yscale="log", xlim=(left, right))
    axes.set_ylim(min(axes.get_ylim()[0] if axes.lines else lowest, lowest) / 1.5, peak * 2.2)
    axes.plot([left, ridge, right], [left * level.bytes_per_cycle, peak, peak], color=BLACK, linewidth=1.4)
    axes.grid(visible=True, which="major", axis="both")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: units.tick(value)))
        axis.set_minor_formatter(NullFormatter())
    bandwidth = level.bytes_per_cycle * run.hardware.clock_hz / 1e9
    port = "networks to the PEs" if level.networks else _title(level)
    text = f"{peak:,.0f} MACs a cycle, {port} {bandwidth:.4g} GB/s"
    if run.total.effective_macs < run.total.macs:
        text += f"\nMACs executed; dense-equivalent speed-up {run.total.dense_speedup:.2f}"
    axes.text(0.02, 0.98, text, transform=axes.transAxes, va="top", fontsize=8)


def _draw_groups(axes: "Axes", level: Level, groups: Sequence[Group]) -> None:
    largest, dataflows = max((group.cycles for group in groups), default=1), _dataflows(groups)
    for group in groups:
        place = group.place(level)
        if place is None:
            continue
        x, y = place
        colour, marker = _look(dataflows.index(group.dataflow))
        axes.scatter(
            [x],
            [y],
            s=max(8.0, LARGEST_MARKER * group.cycles / largest),
            color=colour,
            marker=marker,
            alpha=0.7,
            linewidths=0.5,
            edgecolors="white",
            zorder=3,
        )


def _number(axes: "Axes", level: Level, groups: Sequence[Group]) -> None:
    """Write each group's number on its point, or as near to it as other numbers allow."""
    taken: list[tuple[float, float]] = []
    for number, group in enumerate(groups, start=1):
        place = group.place(level)
        if place is None:
            continue
        x, y = axes.transData.transform(place) * 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
        right, up = _free_shift((x, y), taken)
        taken.append((x + right, y + up))
        axes.annotate(
            str(number),
            place,
            xytext=(right, up),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALL_POINTS,
            fontweight="bold",
            arrowprops={"arrowstyle": "-", "color": BLACK, "linewidth": 0.4, "shrinkA": 3} if right or up else None,
            zorder=4,
        )


def _free_shift(point: tuple[float, float], taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the least shift, in points, that keeps a number clear of those that stand already."""
    rings = [(distance, turn * pi / 4) for distance in (12.0, 20.0, 28.0, 36.0) for turn in (6, 0, 7, 5, 4, 1, 3, 2)]
    shifts = [(0.0, 0.0), *((distance * cos(angle), distance * sin(angle)) for distance, angle in rings)]
    for right, up in shifts:
        x, y = point[0] + right, point[1] + up
        if all(abs(x - left) >= 1.4 * SMALL_POINTS or abs(y - low) >= 1.2 * SMALL_POINTS for left, low in taken):
            return right, up
    return shifts[-1]


def _draw_key(figure: "Figure", groups: Sequence[Group], run: Run) -> None:
    """Explain colours and numbers at the right of the panels."""
    from matplotlib.lines import Line2D

    handles = []
    for index, name in enumerate(_dataflows(groups)):
        colour, marker = _look(index)
        label = f"{name.replace('_', ' ')} ({initials(name)})"
        handles.append(Line2D([], [], linestyle="", color=colour, marker=marker, label=label))
    if groups:
        handles.append(Line2D([], [], linestyle="", label="areas and percentages: of cycles"))
    for number, group in enumerate(groups[:NUMBERED], start=1):
        handles.append(Line2D([], [], linestyle="", label=f"{number}  {group.label(run)}"))
    figure.legend(handles=handles, loc="outside right upper", fontsize=7.5)


def _look(index: int) -> tuple[str, str]:
    """Return colour and marker of the dataflow of this index."""
    return CATEGORIES[index % len(CATEGORIES)], MARKERS[index % len(MARKERS)]
