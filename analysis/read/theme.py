"""One look for every picture: colours that the colour-blind can tell apart, sizes that survive a paper's column.

The palette is Okabe and Ito's, "Color Universal Design" (2008).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, LIGHT_GREY = "#999999", "#F2F2F2"

CYCLE_COLOURS = {
    "compute": BLUE,
    "delivery": SKY,
    "preload": GREEN,
    "skew": YELLOW,
    "dram": VERMILLION,
    "vector": PURPLE,
    "configuration": GREY,
}
COMPONENT_COLOURS = {
    "mac": BLUE,
    "rf": SKY,
    "array": GREEN,
    "buffer": ORANGE,
    "dram": VERMILLION,
    "vector": PURPLE,
    "clock": YELLOW,
    "leakage": GREY,
}
COMPONENT_LABELS = {
    "mac": "MACs",
    "rf": "registers",
    "array": "array network",
    "buffer": "buffer",
    "dram": "DRAM",
    "vector": "vector ops",
    "clock": "clock",
    "leakage": "leakage",
}
MEMORY_COLOURS = (ORANGE, YELLOW, BLACK, "#b8860b")
"""Of memory levels on chip, outermost first; a machine of one has a "buffer"."""


def component_colours(levels: Sequence[str]) -> dict[str, str]:
    """Return the colour of each component of a machine's energy, from the MACs outwards, then what is not traffic.

    `levels` are those of traffic, outermost first, as a run's machine lists them.

    >>> list(component_colours(("dram", "sram", "local", "array", "rf")))
    ['mac', 'rf', 'array', 'local', 'sram', 'dram', 'vector', 'clock', 'leakage']
    """
    memories = [level for level in levels if level not in COMPONENT_COLOURS or level == "buffer"]
    shades = dict(zip(memories, MEMORY_COLOURS, strict=False))
    inside = {name: COMPONENT_COLOURS[name] for name in ("mac", "rf", "array")}
    outside = {name: COMPONENT_COLOURS[name] for name in ("dram", "vector", "clock", "leakage")}
    return inside | {level: shades[level] for level in reversed(memories)} | outside


OPERAND_COLOURS = {
    "inputs": ORANGE,
    "weights": GREEN,
    "outputs": PURPLE,
    "computing": BLUE,
    "clock": YELLOW,
    "leakage": GREY,
}
USE_COLOURS = {"executed": BLUE, "temporal": YELLOW, "spatial": ORANGE, "stall": VERMILLION}
USE_LABELS = {
    "executed": "MACs executed",
    "temporal": "temporal: edges of loops",
    "spatial": "spatial: PEs left out",
    "stall": "stall: PEs wait",
}
MEASURE_COLOURS = {"macs": BLUE, "cycles": VERMILLION, "energy_pj": GREEN}
CATEGORIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK, GREY)
"""For values without a colour of their own, in order of appearance."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Told apart in grey, beside CATEGORIES."""

SEQUENTIAL, DIVERGING = "cividis_r", "PuOr_r"
"""Colour maps: dark is much; white is as much as what is compared with."""
SMALL_POINTS = 6.5  # labels of many layers


@dataclass(frozen=True, slots=True)
class Size:
    """For what a picture is made: how wide it may be at most, in inches, its type, and dots an inch of a PNG."""

    width: float
    points: float
    dots_per_inch: int


SIZES = {"column": Size(3.5, 8, 300), "page": Size(7.0, 8, 300), "screen": Size(11.0, 8.5, 160)}
"""A column of a paper, its whole width, and a screen, where a picture of many layers may be wider."""
USUAL_SIZE = "screen"
LEAST_WIDTH = 7.0  # inches that every picture takes where it may
BESIDE_FROM = 6.0  # inches: from here on legends stand beside the axes, else below
_SETTINGS: dict[str, object] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelsize": "medium",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "large",
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "figure.titlesize": "large",
    "legend.fontsize": "small",
    "legend.handlelength": 1.4,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "squeezesim",  # the same picture is the same file
    "hatch.linewidth": 0.4,
    "xtick.labelsize": "small",
    "ytick.labelsize": "small",
}


@contextmanager
def themed(size: str = USUAL_SIZE) -> Iterator[None]:
    """Apply the theme, and the size that `new_figure` keeps to, to all drawing and saving inside."""
    from matplotlib import rc_context

    chosen = SIZES[size]
    sized = {
        "figure.figsize": (chosen.width, chosen.width),
        "figure.dpi": chosen.dots_per_inch,
        "font.size": chosen.points,
    }
    with rc_context(_SETTINGS | sized):  # type: ignore[arg-type]  # newer stubs list every key
        yield


def new_figure(height: float, width: float = LEAST_WIDTH) -> "Figure":
    """Make a figure so many inches high, and as wide as asked for, or as the theme's size allows."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    most = float(rcParams["figure.figsize"][0])
    return Figure(figsize=(min(most, max(width, LEAST_WIDTH)), height), layout="constrained")


def inches(axes: "Axes") -> float:
    """Return the width of the figure that axes stand in."""
    return float(axes.get_figure(root=True).get_size_inches()[0])  # type: ignore[union-attr]


def is_narrow(axes: "Axes") -> bool:
    """Whether the figure has no room for legends beside the axes."""
    return inches(axes) < BESIDE_FROM


def fitting(figure: "Figure", points: float) -> int:
    """Return how many characters of a bold text of so many points fit the width of a figure, about.

    An average letter of the theme's bold face is 0.66 of its size wide.
    """
    return int(72 * figure.get_size_inches()[0] / (0.66 * points))


def balanced(text: str, width: int) -> list[str]:
    """Break a text into as few lines as it takes, of about equal length: no word stands alone.

    >>> balanced("cycles of every layer by what they went to", 40)
    ['cycles of every layer', 'by what they went to']
    """
    from textwrap import wrap

    lines, longest = wrap(text, width), max(map(len, text.split()), default=0)
    while len(lines) > 1 and width > longest and len(narrower := wrap(text, width - 1)) == len(lines):
        lines, width = narrower, width - 1
    return lines


def headline(figure: "Figure", title: str, more: str = "") -> None:
    """Write a title, and smaller below it what the figures are of; both break where the figure ends."""
    from matplotlib import rcParams
    from matplotlib.text import Annotation

    points = float(rcParams["font.size"])
    above = balanced(title, fitting(figure, 1.2 * points))
    below = balanced(more, int(1.1 * fitting(figure, 0.833 * points)))
    room = [" "] * len(below)  # the layout keeps it free
    top = figure.suptitle("\n".join([*above, *room]), x=0.01, ha="left", fontweight="bold")
    if below:
        note = Annotation("\n".join(below), (0, 0), xycoords=top, fontsize="small", va="bottom", color="#444444")
        note.set_in_layout(False)
        figure.add_artist(note)
