"""How near each layer comes to what the array and the memory port allow (Williams et al., CACM 2009).

MACs are those executed, so no point lies above its roof; what skipping gains is told beside it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, inf, log10, pi, sin
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import Row, elide, printable
from analysis.read.theme import BESIDE_FROM, BLACK, CATEGORIES, MARKERS, SMALL_POINTS, headline, new_figure
from analysis.read.titles import run_subtitle, run_title
from simulator.mapping.dataflow import initials
from simulator.nest import OPERAND_NAMES
from simulator.result.run import NO_BUFFERS, LayerResult, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

NUMBERED = 12  # groups that bear a number: those that take most cycles
LARGEST_MARKER = 160.0  # square points, for the layer that takes most cycles
MARGIN = 1.6  # factor between the outermost points and the ends of an axis
NEAR = 8.0  # factor: a ridge within it of the points is shown
WIDE_SPAN = 300.0  # factor, from which on an axis has ticks at powers of ten only
PANEL_INCHES, KEY_INCHES = 2.5, 1.25
DRAM = "dram"


@dataclass(frozen=True, slots=True)
class Level:
    """A memory level whose port is a roof, or the networks to the PEs, whose operands have bytes a cycle each.

    A memory whose reads take no time has no slope: the array's peak alone is its roof.
    """

    name: str
    bytes_per_cycle: float
    networks: Mapping[str, float] = field(default_factory=dict)
    level: str = ""  # of traffic, where a memory is not all of it
    holds: tuple[str, ...] = OPERAND_NAMES

    @property
    def title(self) -> str:
        """What moves the bytes."""
        return "networks to the PEs" if self.networks else "DRAM" if self.name == DRAM else self.name

    @property
    def is_limited(self) -> bool:
        """Whether its bytes take time."""
        return self.bytes_per_cycle < inf

    def bytes_of(self, layer: LayerResult) -> float:
        """Return what a layer moves through the port while it runs: weights that were prefetched came before.

        Runs saved before schema version 3 do not tell of these.
        """
        if self.name == DRAM:
            return layer.bytes_at(DRAM) - layer.prefetched_bytes
        if not self.networks:
            moved = layer.traffic.get(self.level or self.name, {})
            return sum(traffic.read_bytes for operand, traffic in moved.items() if operand in self.holds)
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
        return f"{elide(printable(self.layers[0].name), 20)}{more}: {units.percent(self.cycles / run.total.cycles)}"


def levels_of(run: Run) -> list[Level]:
    """Return the levels that layers read from, DRAM first; registers, which each MAC reads alike, have no roofline.

    Of a machine of one memory that takes no time, what its networks carry is all there is to tell of it.
    """
    machine = run.hardware
    memories = [level for level in machine.levels if level not in NO_BUFFERS]
    ports = _read_ports(run)
    found = [] if machine.dram_bytes_per_cycle is None else [Level(DRAM, machine.dram_bytes_per_cycle)]
    for memory in memories:
        own = [port for port in ports if memory in (port.name, port.level)]
        if not own and (len(memories) > 1 or not machine.network_bytes_per_cycle):
            own = [Level(memory, inf)]
        found += own
    if machine.network_bytes_per_cycle:
        networks = machine.network_bytes_per_cycle
        found.append(Level("networks", sum(networks.values()), networks))
    return found


def _read_ports(run: Run) -> list[Level]:
    """Return the memories with a limited port: what they read at best, at which level, of which operands."""
    machine = run.hardware
    memories = [level for level in machine.levels if level not in NO_BUFFERS]
    if len(memories) == 1 and machine.buffer_bytes_per_cycle is not None:
        return [Level(memories[0], float(machine.buffer_bytes_per_cycle))]
    document = run.documents.hardware if run.documents else None
    buffers = (document or {}).get("buffers", ())
    ports = []
    for buffer in buffers if isinstance(buffers, Sequence) else ():
        name, rate = str(buffer.get("name")), buffer.get("read_bytes_per_cycle")
        level = memories[0] if len(memories) == 1 else name
        if isinstance(rate, int) and level in memories:
            ports.append(Level(name, float(rate), level=level, holds=tuple(buffer.get("holds", OPERAND_NAMES))))
    return ports


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
    from matplotlib import rcParams

    levels = levels_of(run)
    columns = 1 if rcParams["figure.figsize"][0] < BESIDE_FROM else min(2, max(1, len(levels)))
    lines = -(-len(levels) // columns)
    figure = new_figure(1.3 + KEY_INCHES * (2 if columns == 1 else 1) + PANEL_INCHES * lines)
    if not levels:
        headline(figure, run_title(run, "no port is limited"), run_subtitle(run))
        return figure
    panels = list(figure.subplots(lines, columns, squeeze=False, sharey=True).flat)
    for unused in panels[len(levels) :]:
        unused.set_axis_off()
    groups = _groups(run, levels)
    for axes, level in zip(panels, levels, strict=False):
        _draw_roof(axes, level, [place for group in groups if (place := group.place(level))], run)
        _draw_groups(axes, level, groups)
    for axes in panels[::columns]:
        axes.set_ylabel("MACs per cycle")
    _fit_height(panels[0], levels, groups, run)
    told = f"roofline, {run.hardware.peak_macs_per_cycle:,} MACs a cycle at peak"
    headline(figure, run_title(run, told), run_subtitle(run, *_skipped(run)))
    _draw_key(figure, groups, run, columns)
    figure.draw_without_rendering()  # settles where points lie
    for axes, level in zip(panels, levels, strict=False):
        _number(axes, level, groups[:NUMBERED])
    return figure


def _skipped(run: Run) -> list[str]:
    if run.total.effective_macs >= run.total.macs:
        return []
    return [f"MACs executed; dense-equivalent speed-up {run.total.dense_speedup:.2f}"]


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
    """Draw the roof over the range that the points take, and a little more: the ridge where it is near."""
    from matplotlib.ticker import NullFormatter

    peak, seen = float(run.hardware.peak_macs_per_cycle), [intensity for intensity, _ in places] or [1.0]
    ridge = peak / level.bytes_per_cycle
    low, high = min(seen), max(seen)
    left, right = low / MARGIN, high * MARGIN
    if level.is_limited and left / NEAR < ridge < right * NEAR:
        left, right = min(left, ridge / MARGIN), max(right, ridge * MARGIN)
    axes.set(xscale="log", yscale="log", xlim=(left, right))
    corners = [x for x in (left, ridge, right) if left <= x <= right]
    axes.plot(corners, [attainable(x, level, run) for x in corners], color=BLACK, linewidth=1.4)
    axes.grid(visible=True, which="major", axis="both")
    _tick(axes.xaxis, right / left)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"MACs per byte of {'the ' if level.networks else ''}{level.title}")
    port = "takes no time"
    if level.is_limited:
        rate = level.bytes_per_cycle * run.hardware.clock_hz / 1e9
        port = f"{rate:,.0f} GB/s" if rate >= 1000 else f"{rate:.4g} GB/s"
        port += "" if left < ridge < right else f", ridge at {units.tick(ridge)}"
    axes.set_title(f"{level.title}: {port}", fontsize="medium", fontweight="normal")


def _fit_height(axes: "Axes", levels: Sequence[Level], groups: Sequence[Group], run: Run) -> None:
    """Let the axis that the panels share hold the points and the array's peak."""
    from matplotlib.ticker import NullFormatter

    peak = float(run.hardware.peak_macs_per_cycle)
    speeds = [place[1] for group in groups for level in levels if (place := group.place(level))] or [peak]
    axes.set_ylim(min(speeds) / MARGIN, peak * MARGIN)
    _tick(axes.yaxis, peak / min(speeds))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _tick(axis: "Axis", span: float) -> None:
    """Put ticks at 1, 2 and 5, or where an axis spans much, at powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if span < WIDE_SPAN else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: units.tick(value)))


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
    """Write each group's number beside its point, led out where points or other numbers crowd."""
    places = [(number, place) for number, group in enumerate(groups, start=1) if (place := group.place(level))]
    to_points = 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    box = axes.get_window_extent()
    inside = (box.x0 * to_points, box.x1 * to_points), (box.y0 * to_points, box.y1 * to_points)
    centres = [tuple(axes.transData.transform(place) * to_points) for _, place in places]
    taken = list(centres)
    for (number, place), centre in zip(places, centres, strict=True):
        right, up = _free_shift(centre, taken, inside)
        taken.append((centre[0] + right, centre[1] + up))
        axes.annotate(
            str(number),
            place,
            xytext=(right, up),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALL_POINTS,
            fontweight="bold",
            arrowprops={"arrowstyle": "-", "color": BLACK, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0},
            zorder=4,
        )


def _free_shift(
    point: tuple[float, float], taken: Sequence[tuple[float, float]], inside: tuple[tuple[float, float], ...]
) -> tuple[float, float]:
    """Return the least shift, in points, that keeps a number clear of what stands already and within the axes."""
    shifts = [
        (distance * cos(turn * pi / 8), distance * sin(turn * pi / 8))
        for distance in (10.0, 16.0, 22.0, 30.0, 40.0, 52.0)
        for turn in (10, 14, 6, 2, 12, 0, 8, 4, 11, 13, 9, 15, 7, 5, 3, 1)
    ]
    (left, right), (low, high) = inside
    for x, y in shifts:
        at = point[0] + x, point[1] + y
        if not (
            left + SMALL_POINTS < at[0] < right - SMALL_POINTS and low + SMALL_POINTS < at[1] < high - SMALL_POINTS
        ):
            continue
        if all(abs(at[0] - other[0]) >= 1.5 * SMALL_POINTS or abs(at[1] - other[1]) >= 1.2 * SMALL_POINTS
               for other in taken):  # fmt: skip
            return x, y
    return shifts[0]


def _draw_key(figure: "Figure", groups: Sequence[Group], run: Run, columns: int) -> None:
    """Explain colours, areas and numbers below the panels."""
    from matplotlib.lines import Line2D

    handles = []
    for index, name in enumerate(_dataflows(groups)):
        colour, marker = _look(index)
        label = f"{name.replace('_', ' ')} ({initials(name)})"
        handles.append(Line2D([], [], linestyle="", color=colour, marker=marker, markersize=5, label=label))
    if groups:
        handles.append(Line2D([], [], linestyle="", label="marker area: share of cycles"))
    for number, group in enumerate(groups[:NUMBERED], start=1):
        handles.append(Line2D([], [], linestyle="", label=f"{number}  {group.label(run)}"))
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, handlelength=1.0, columnspacing=1.0)


def _look(index: int) -> tuple[str, str]:
    """Return colour and marker of the dataflow of this index."""
    return CATEGORIES[index % len(CATEGORIES)], MARKERS[index % len(MARKERS)]
