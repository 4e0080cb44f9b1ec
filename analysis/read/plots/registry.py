"""All plots by name, and how they reach files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.read.csv_text import Row, csv_text
from analysis.read.plots import cycles, energy, roofline, shares, traffic, utilization
from analysis.read.theme import themed
from simulator.errors import InputError, Problem, nearest
from simulator.result.run import Run
from simulator.source.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a run, and the rows it shows."""

    rows: Callable[[Run], list[Row]]
    draw: Callable[[Run], "Figure"]


PLOTS: dict[str, Plot] = {
    "cycles": Plot(cycles.rows, cycles.draw),
    "energy": Plot(energy.rows, energy.draw),
    "roofline": Plot(roofline.rows, roofline.draw),
    "shares": Plot(shares.rows, shares.draw),
    "traffic": Plot(traffic.rows, traffic.draw),
    "utilization": Plot(utilization.rows, utilization.draw),
}


def write_plots(run: Run, folder: str | Path, formats: Iterable[str] = ("png",)) -> list[Path]:
    """Write every plot and its rows into a folder; return the files."""
    formats = checked_formats(formats)
    return [path for name in PLOTS for path in write_plot(name, run, Path(folder), formats)]


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


def write_plot(name: str, run: Run, folder: Path, formats: Iterable[str] = ("png",)) -> list[Path]:
    """Write NAME.csv and NAME.png (or .svg, .pdf); return the files."""
    if name not in PLOTS:
        raise InputError(Problem(f'no plot named "{name}"', expected=", ".join(PLOTS), suggestion=nearest(name, PLOTS)))
    plot, formats = PLOTS[name], checked_formats(formats)
    table = folder / f"{name}.csv"
    write_atomically(table, csv_text(plot.rows(run)))
    with themed():
        figure = plot.draw(run)
        return [table, *(_save(figure, folder / f"{name}.{suffix}") for suffix in formats)]


def _save(figure: "Figure", path: Path) -> Path:
    """Render in memory, without the date, and write the picture whole or not at all."""
    stream = BytesIO()
    dateless = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[path.suffix]
    figure.savefig(stream, format=path.suffix[1:], metadata=dateless)
    write_atomically(path, stream.getvalue())
    return path
