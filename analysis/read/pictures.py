"""Pictures of many runs: the rows that one shows, and how both reach files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from analysis.read import units
from analysis.read.csv_text import Row, csv_text
from analysis.read.theme import themed
from simulator.source.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 6.0  # ratio of largest to smallest from which on an axis is logarithmic

_DATELESS: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture under the name of its files, and the rows it shows."""

    name: str
    rows: Sequence[Row]
    draw: Callable[[], "Figure"]


def scale_axis(
    axes: "Axes", which: Literal["x", "y"], values: Sequence[float], text_of: Callable[[float], str]
) -> None:
    """Make the x or y axis logarithmic if the values span a wide range, and write its ticks with `text_of`."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    least, most = min(values), max(values)
    axis = axes.xaxis if which == "x" else axes.yaxis
    if 0 < WIDE * least < most:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if most < 300 * least else (1.0,)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text_of(value)))


def seconds_tick(value: float) -> str:
    """Write a time at an axis, without the zeros that a column of figures needs.

    >>> seconds_tick(0.0015), seconds_tick(0)
    ('1.5ms', '0s')
    """
    text = units.seconds(value)
    digits = text.rstrip("pnµms")
    return f"{float(digits):g}{text[len(digits) :]}"


def write_pictures(pictures: Iterable[Picture], folder: Path, formats: Iterable[str] = ("png",)) -> list[Path]:
    """Write NAME.csv and NAME.png (or .svg, .pdf) of each picture into a folder; return the files."""
    formats = tuple(formats)
    return [path for picture in pictures for path in _write(picture, folder, formats)]


def _write(picture: Picture, folder: Path, formats: tuple[str, ...]) -> list[Path]:
    paths = [folder / f"{picture.name}.csv"]
    write_atomically(paths[0], csv_text(picture.rows))
    with themed():
        figure = picture.draw()
        for kind in formats:
            stream = BytesIO()
            figure.savefig(stream, format=kind, metadata=_DATELESS[kind])
            paths.append(folder / f"{picture.name}.{kind}")
            write_atomically(paths[-1], stream.getvalue())
    return paths
