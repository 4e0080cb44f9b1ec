"""All points of a sweep as a Parquet file, for data frames."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.drive.sweep.results import rows
from analysis.drive.sweep.run import Outcome
from analysis.read.layout import Cell
from simulator.errors import InputError, Problem
from simulator.source.files import write_atomically

if TYPE_CHECKING:
    import polars

TEXTS = ("machine", "network", "problem")


def needs_polars() -> None:
    """Raise InputError where the extra is missing: before anything is simulated for it."""
    try:
        import polars  # noqa: F401
    except ImportError as error:
        raise InputError(
            Problem("Parquet needs the extra frames", expected='pip install "squeezesim[frames]"')
        ) from error


def write_parquet(outcome: Outcome, path: Path) -> None:
    """Write the rows of the CSV, numbers as numbers, what is empty there as null."""
    import polars

    table = list(rows(outcome))
    frame = polars.DataFrame([_series(name, [row[name] for row in table]) for name in table[0]] if table else [])
    stream = BytesIO()
    frame.write_parquet(stream)
    write_atomically(path, stream.getvalue())


def _series(name: str, cells: list[Cell]) -> "polars.Series":
    import polars

    kinds = {type(cell) for cell in cells if cell != ""}
    values = [None if cell == "" else cell for cell in cells]
    if kinds <= {int, float} and name not in TEXTS:
        kind = polars.Float64 if float in kinds or not kinds else polars.Int64
        return polars.Series(name, values, dtype=kind, strict=False)
    return polars.Series(name, [None if value is None else str(value) for value in values], dtype=polars.String)
