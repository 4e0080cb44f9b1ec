"""Rows as data frames, and as Parquet files: numbers as numbers, what is empty in a CSV as missing."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import InputError, Problem
from simulator.source.cells import Cell
from simulator.source.files import write_atomically

if TYPE_CHECKING:
    import pandas
    import polars

Rows = Sequence[Mapping[str, Cell]]


def check_frames(package: str = "polars") -> None:
    """Raise InputError where a package of the extra is missing: before anything is simulated for it."""
    if find_spec(package) is None:
        message = f"{package} is missing: it comes with the extra frames"
        raise InputError(Problem(message, expected='pip install "squeezesim[frames]"'))


def polars_frame(rows: Rows) -> "polars.DataFrame":
    """Return rows that share their keys as a data frame of polars."""
    check_frames("polars")
    import polars

    columns = rows[0] if rows else ()
    return polars.DataFrame([_series(name, [row[name] for row in rows]) for name in columns])


def pandas_frame(rows: Rows) -> "pandas.DataFrame":
    """Return rows that share their keys as a data frame of pandas."""
    check_frames("pandas")
    import pandas

    return pandas.DataFrame([{name: None if cell == "" else cell for name, cell in row.items()} for row in rows])


def write_parquet(rows: Rows, file: Path) -> None:
    """Write rows that share their keys as a Parquet file."""
    stream = BytesIO()
    polars_frame(rows).write_parquet(stream)
    write_atomically(file, stream.getvalue())


def _series(name: str, cells: Sequence[Cell]) -> "polars.Series":
    """Make a column: of numbers if all that is there is one, of text else, of nulls if nothing is there."""
    import polars

    kinds, values = {type(cell) for cell in cells if cell != ""}, [None if cell == "" else cell for cell in cells]
    if str in kinds:
        return polars.Series(name, [value if value is None else str(value) for value in values], dtype=polars.String)
    dtype = polars.Float64 if float in kinds else polars.Int64 if kinds else polars.Null
    return polars.Series(name, values, dtype=dtype, strict=False)
