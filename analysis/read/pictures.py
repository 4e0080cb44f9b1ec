"""Pictures: the rows that one shows, and how both reach files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from analysis.read.layout import Row, csv_text, printable
from analysis.read.theme import SIZES, USUAL_SIZE, headline, themed
from simulator.errors import InputError, Problem, nearest
from simulator.log import timed
from simulator.source.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TICKS = 4  # across, with their units, in half a page
WIDE = 6.0  # ratio of largest to smallest from which on an axis is logarithmic

FORMATS: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Format -> metadata that keep the date out: the same picture is the same file."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture under the name of its files, the rows it shows, and a title where drawing it makes none."""

    name: str
    rows: Sequence[Row]
    draw: Callable[[], "Figure"]
    title: str = ""

    def titled(self) -> "Figure":
        """Draw it with its title."""
        figure = self.draw()
        if self.title:
            headline(figure, printable(self.title))
        return figure


def scale_axis(
    axes: "Axes", which: Literal["x", "y"], values: Sequence[float], text_of: Callable[[float], str]
) -> None:
    """Make the x or y axis logarithmic if the values span a wide range, and write its ticks with `text_of`."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    least, most = min(values), max(values)
    axis = axes.xaxis if which == "x" else axes.yaxis
    if 0 < WIDE * least < most:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if most < 300 * least else (1.0,)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    elif which == "x":
        axis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text_of(value)))


def checked_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Return the formats without doubles; raise InputError with those that cannot be drawn."""
    formats = tuple(dict.fromkeys(formats))
    problems = [
        Problem("no format to draw in", expected=", ".join(FORMATS), got=kind, suggestion=nearest(kind, FORMATS))
        for kind in formats
        if kind not in FORMATS
    ]
    if problems:
        raise InputError(*problems)
    return formats


def checked_size(size: str) -> str:
    """Return the name of a size; raise InputError for one that there is not."""
    if size not in SIZES:
        known = ", ".join(SIZES)
        raise InputError(Problem("no size to draw in", expected=known, got=size, suggestion=nearest(size, SIZES)))
    return size


def write_pictures(
    pictures: Iterable[Picture], folder: Path, formats: Iterable[str] = ("png",), size: str = USUAL_SIZE
) -> list[Path]:
    """Write NAME.csv and NAME.png (or .svg, .pdf) of each picture, in a size of `SIZES`, into a folder."""
    formats, size = checked_formats(formats), checked_size(size)
    return [path for picture in pictures for path in _write(picture, folder, formats, size)]


def _write(picture: Picture, folder: Path, formats: Sequence[str], size: str) -> list[Path]:
    table, files = folder / f"{picture.name}.csv", [folder / f"{picture.name}.{kind}" for kind in formats]
    write_atomically(table, csv_text(picture.rows))
    with timed("drew %s", picture.name):
        write_figure(picture.titled, files, size)
    return [table, *files]


def write_figure(draw: Callable[[], "Figure"], files: Iterable[Path], size: str = USUAL_SIZE) -> None:
    """Draw in the one theme; render in memory, without the date, and write each file whole or not at all."""
    with themed(size):
        figure = draw()
        for file in files:
            stream = BytesIO()
            kind = file.suffix[1:]
            figure.savefig(stream, format=kind, metadata=FORMATS[kind])
            write_atomically(file, stream.getvalue())
