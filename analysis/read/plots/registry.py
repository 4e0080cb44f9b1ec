"""All plots by name, and how they reach files."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.read.layout import Row
from analysis.read.pictures import Picture, write_pictures
from analysis.read.plots import cycles, energy, mapping, memory, roofline, shares, traffic, utilization
from analysis.read.theme import USUAL_SIZE
from simulator.errors import InputError, Problem, nearest
from simulator.result.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a run, and the rows it shows."""

    rows: Callable[[Run], list[Row]]
    draw: Callable[[Run], "Figure"]

    def of(self, run: Run, name: str) -> Picture:
        """Return the picture of a run under that name."""
        return Picture(name, self.rows(run), lambda: self.draw(run))


MOST_LETTERS = 80  # of a layer's name in that of a file

PLOTS: dict[str, Plot] = {
    "cycles": Plot(cycles.rows, cycles.draw),
    "energy": Plot(energy.rows, energy.draw),
    "mapping": Plot(mapping.rows, mapping.draw),
    "memory": Plot(memory.rows, memory.draw),
    "roofline": Plot(roofline.rows, roofline.draw),
    "shares": Plot(shares.rows, shares.draw),
    "traffic": Plot(traffic.rows, traffic.draw),
    "utilization": Plot(utilization.rows, utilization.draw),
}


def write_plots(run: Run, folder: str | Path, formats: Iterable[str] = ("png",), size: str = USUAL_SIZE) -> list[Path]:
    """Write every plot and its rows into a folder; return the files. `size` is "column", "page" or "screen"."""
    return write_pictures((plot.of(run, name) for name, plot in PLOTS.items()), Path(folder), formats, size)


def write_plot(
    name: str, run: Run, folder: Path, formats: Iterable[str] = ("png",), size: str = USUAL_SIZE
) -> list[Path]:
    """Write NAME.csv and NAME.png (or .svg, .pdf); return the files."""
    if name not in PLOTS:
        raise InputError(Problem(f'no plot named "{name}"', expected=", ".join(PLOTS), suggestion=nearest(name, PLOTS)))
    return write_pictures([PLOTS[name].of(run, name)], folder, formats, size)


def mapping_picture(run: Run, layer: str) -> Picture:
    """Return the picture of a layer on the array; raise InputError if the array runs none of that name."""
    found = mapping.named(run, layer)
    rows = [row for row in mapping.rows(run) if row["layer"] == layer]
    return Picture(f"mapping_{file_word(layer)}", rows, lambda: mapping.draw_layers(run, [found]))


def file_word(name: str) -> str:
    """Return a name with what no file name takes, or may hide in one, as underscores.

    >>> file_word("block1/conv 2"), file_word("..")
    ('block1_conv_2', '__')
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:MOST_LETTERS]
