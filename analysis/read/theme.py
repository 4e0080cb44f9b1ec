"""One look for every picture: colours that the colour-blind can tell apart, sizes that survive a paper's column.

The palette is Okabe and Ito's, "Color Universal Design" (2008).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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

DOTS_PER_INCH = 160
SMALL_POINTS = 6.5  # labels of many layers
TINY_POINTS = 5.8  # within a bar
_SETTINGS: dict[str, object] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.dpi": DOTS_PER_INCH,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "squeezesim",  # the same picture is the same file
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@contextmanager
def themed() -> Iterator[None]:
    """Apply the theme to all drawing and saving inside."""
    from matplotlib import rc_context

    with rc_context(_SETTINGS):  # type: ignore[arg-type]  # newer stubs list every key
        yield
