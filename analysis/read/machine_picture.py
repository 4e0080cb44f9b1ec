"""A machine drawn: DRAM, memories level by level, the networks to the PEs, the array and what is in each PE."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import ceil
from typing import TYPE_CHECKING

from analysis.read import units
from analysis.read.layout import elide, printable
from analysis.read.theme import BLACK, BLUE, GREY, LIGHT_GREY, OPERAND_COLOURS, ORANGE, PURPLE, SMALL_POINTS, VERMILLION
from simulator.hardware.model import Buffer, Hardware
from simulator.nest import OPERAND_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 4.0
BOX, GAP, ARRAY = 1.75, 1.25, 2.6  # widths
MOST_DRAWN = 8  # rows and columns of PEs; more are told by dots
LONGEST, LONGEST_TITLE = 20, 60  # characters of a name in a box and above all


@dataclass(frozen=True, slots=True)
class Box:
    """A block of the drawing: its lower left corner, its size, and the lines in it, the first its name."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    lines: tuple[str, ...]

    @property
    def right(self) -> float:
        """Where its right edge is."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """How high its middle is."""
        return self.y + self.height / 2

    def clamped(self, y: float) -> float:
        """Return the height nearest to another at which an arrow may leave its side."""
        return min(max(y, self.y + 0.2), self.y + self.height - 0.2)


def draw_machine(hardware: Hardware) -> "Figure":
    """Draw a machine, DRAM on the left and PEs on the right, with the widths and rates of what joins them."""
    from matplotlib.figure import Figure

    outside = _levels(hardware)
    width = BOX + len(outside) * (GAP + BOX) + GAP * 1.5 + ARRAY
    figure = Figure(figsize=(width * 0.92 + 0.3, HEIGHT * 0.95 + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.1, width + 0.1), ylim=(-0.75, HEIGHT + 0.1), aspect="equal")
    axes.axis("off")
    dram = Box(0, HEIGHT * 0.3, BOX, HEIGHT * 0.4, VERMILLION, tuple(_dram_lines(hardware)))
    boxes = [[dram], *(list(_memory_boxes(memories, level)) for level, memories in enumerate(outside))]
    for box in chain.from_iterable(boxes):
        _draw_box(axes, box)
    _draw_ways(axes, hardware, boxes, width - ARRAY)
    _draw_array(axes, hardware, width - ARRAY)
    _draw_vector(axes, hardware, BOX + GAP)
    area = f", {hardware.node_nm} nm" if hardware.node_nm else ""
    name = elide(hardware.name, LONGEST_TITLE)
    cores = f"{hardware.cores} cores of " if hardware.cores > 1 else ""
    axes.set_title(printable(f"{name}: {cores}{_array_title(hardware)} at {units.clock(hardware.clock_hz)}{area}"))
    return figure


def _levels(hardware: Hardware) -> list[list[Buffer]]:
    """Return the memories outside the PEs, level by level, the outermost first."""
    outside = [buffer for buffer in hardware.buffers if not buffer.in_pe]
    return [[b for b in outside if b.level == level] for level in sorted({b.level for b in outside})]


def _array_title(hardware: Hardware) -> str:
    array = hardware.array
    instances = f"{array.instances} arrays of " if array.instances > 1 else ""
    return f"{instances}{array.rows} x {array.columns} PEs"


def _dram_lines(hardware: Hardware) -> Iterator[str]:
    yield "DRAM"
    yield hardware.dram.type
    yield f"latency {hardware.dram.latency_cycles} cycles"
    yield f"bursts of {units.size(hardware.dram.burst_bytes)}"


def _port_text(hardware: Hardware) -> str:
    """Write what crosses the DRAM port, and by how many engines."""
    rate = hardware.dram.bytes_per_cycle
    channels = units.counted(hardware.dma_channels, "DMA channel")
    if rate is None:
        return f"unlimited\n{channels}"
    return f"{float(rate) * hardware.clock_hz / 1e9:.4g} GB/s\n{float(rate):.4g} B/cycle\n{channels}"


def _memory_boxes(memories: Sequence[Buffer], level: int) -> Iterator[Box]:
    """Yield the boxes of a level, one above the other."""
    x, share = BOX + GAP + level * (BOX + GAP), HEIGHT / len(memories)
    for i, memory in enumerate(memories):
        height = share - 0.15
        yield Box(x, HEIGHT - (i + 1) * share + 0.075, BOX, height, ORANGE, tuple(_memory_lines(memory)))


def _memory_lines(memory: Buffer) -> Iterator[str]:
    yield elide(printable(memory.name), LONGEST)
    banks = f", {memory.banks} banks" if memory.banks > 1 else ""
    yield f"{units.size(memory.capacity_bytes)}{banks}"
    yield from (OPERAND_NAMES[operand] for operand in memory.holds)
    yield "two slots" if memory.double_buffered else "one slot"
    for name, rate in (("reads", memory.read_bytes_per_cycle), ("writes", memory.write_bytes_per_cycle)):
        if rate is not None:
            yield f"{name} {rate} B/cycle"


def _pe_lines(hardware: Hardware) -> Iterator[str]:
    """Yield what is in each PE."""
    array = hardware.array
    yield "in each PE"
    yield f"{units.counted(array.macs_per_cycle, 'MAC')}/cycle"
    words = ", ".join(str(count) for count in array.registers_words)
    yield "registers of inputs, weights,"
    yield f"outputs: {words} words"
    for memory in hardware.buffers:
        if memory.in_pe:
            held = ", ".join(OPERAND_NAMES[operand] for operand in memory.holds)
            yield printable(f"{elide(memory.name, LONGEST)} {units.size(memory.capacity_bytes)}: {held}")


def _draw_box(axes: "Axes", box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    patch = FancyBboxPatch((box.x, box.y), box.width, box.height, boxstyle="round,pad=0,rounding_size=0.08",
                           facecolor=LIGHT_GREY, edgecolor=box.colour, linewidth=1.5)  # fmt: skip
    axes.add_patch(patch)
    step = min(0.24, (box.height - 0.05) / max(1, len(box.lines)))
    top = box.y + box.height / 2 + step * (len(box.lines) - 1) / 2
    for i, line in enumerate(box.lines):
        weight = "bold" if i == 0 else "normal"
        axes.text(
            box.x + box.width / 2, top - i * step, line, ha="center", va="center", fontsize=7.5, fontweight=weight
        )


def _draw_arrow(axes: "Axes", start: tuple[float, float], end: tuple[float, float], colour: str, style: str) -> None:
    head = {"arrowstyle": style, "color": colour, "linewidth": 1.6, "shrinkA": 2, "shrinkB": 2}
    axes.annotate("", xy=end, xytext=start, arrowprops=head)


def _draw_ways(axes: "Axes", hardware: Hardware, boxes: Sequence[Sequence[Box]], x: float) -> None:
    """Draw what joins DRAM and memories, level by level, and the innermost ones that hold an operand with the array."""
    for above, below in pairwise(boxes):
        for box in below:
            source = min(above, key=lambda other: abs(other.middle - box.middle))
            _draw_arrow(axes, (source.right, source.clamped(box.middle)), (box.x, box.middle), BLACK, "<|-|>")
    dram, at, split = boxes[0][0], (boxes[0][0].right + boxes[1][0].x) / 2, len(boxes[1]) % 2 == 0
    y, where = (dram.middle, "center") if split else (dram.middle + 0.08, "bottom")
    axes.text(at, y, _port_text(hardware), ha="center", va=where, fontsize=SMALL_POINTS)
    _draw_networks(axes, hardware, boxes, x)


def _draw_networks(axes: "Axes", hardware: Hardware, boxes: Sequence[Sequence[Box]], x: float) -> None:
    """Draw an arrow for each operand from the memory that holds it to the array, with what it carries."""
    bits = (hardware.input_bits, hardware.weight_bits, hardware.partial_sum_bits)
    sources = [_source_of(name, boxes) for name in OPERAND_NAMES]
    order = sorted(range(len(sources)), key=lambda operand: -sources[operand].middle)
    for place, operand in enumerate(order):
        name, delivery, source = OPERAND_NAMES[operand], hardware.array.delivery[operand], sources[operand]
        y = HEIGHT * (0.8 - 0.21 * place)
        style = "<|-|>" if name == "outputs" else "-|>"
        _draw_arrow(axes, (source.right, source.clamped(y)), (x, y), OPERAND_COLOURS[name], style)
        text = f"{name}, {delivery.network}\n{delivery.words_per_cycle} x {bits[operand]} bits/cycle"
        y = max(y, (y + source.clamped(y)) / 2) + 0.08
        axes.text(x - GAP * 0.75, y, text, ha="center", va="bottom", fontsize=SMALL_POINTS)


def _source_of(name: str, boxes: Sequence[Sequence[Box]]) -> Box:
    """Return the innermost memory that holds an operand, else the innermost there is."""
    return next((box for level in reversed(boxes) for box in level if name in box.lines[1:]), boxes[-1][-1])


def _draw_array(axes: "Axes", hardware: Hardware, x: float) -> None:
    """Draw the PEs of an array, or some of them and dots, and below them what is in one."""
    from matplotlib.patches import Rectangle

    array = hardware.array
    rows, columns = (min(count, MOST_DRAWN) for count in (array.rows, array.columns))
    side = min(ARRAY / columns, HEIGHT * 0.6 / rows)
    left, bottom = x, HEIGHT - side * rows - 0.4
    for instance in range(min(array.instances, 3), 1, -1):
        shift = 0.07 * (instance - 1)
        behind = Rectangle(
            (left + shift, bottom + shift), side * columns, side * rows, facecolor="white", edgecolor=GREY
        )
        axes.add_patch(behind)
    for row in range(rows):
        for column in range(columns):
            dots = _is_left_out(row, array.rows) or _is_left_out(column, array.columns)
            at = (left + column * side, bottom + (rows - 1 - row) * side)
            if dots:
                axes.text(at[0] + side / 2, at[1] + side / 2, "·", ha="center", va="center", fontsize=9)
            else:
                axes.add_patch(
                    Rectangle(at, side * 0.86, side * 0.86, facecolor="#D6E6F2", edgecolor=BLUE, linewidth=0.8)
                )
    axes.text(x, HEIGHT - 0.1, _array_title(hardware), va="center", fontsize=8, fontweight="bold")
    lines = tuple(_pe_lines(hardware))
    height = max(0.8, 0.24 * len(lines))
    _draw_box(axes, Box(x, min(bottom - 0.15, 1.1) - height, ARRAY, height, BLUE, lines))


def _is_left_out(at: int, count: int) -> bool:
    """Whether dots stand in place of a row or column of PEs: the last but one drawn, where not all are."""
    return count > MOST_DRAWN and at == MOST_DRAWN - 2


def _draw_vector(axes: "Axes", hardware: Hardware, x: float) -> None:
    lanes = units.counted(ceil(hardware.vector_lanes), "lane")
    _draw_box(axes, Box(x, -0.65, BOX, 0.5, PURPLE, ("vector unit", lanes)))
    head = {"arrowstyle": "<|-|>", "color": PURPLE, "linewidth": 1.2, "shrinkA": 1, "shrinkB": 1}
    axes.annotate("", xy=(x + BOX / 2, 0.1), xytext=(x + BOX / 2, -0.15), arrowprops=head)
