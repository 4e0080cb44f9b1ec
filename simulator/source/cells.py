"""Cells of CSV files: spreadsheets run some texts as formulas, and a name may come from anybody."""

import re
from typing import TypeVar

T = TypeVar("T")
Cell = int | float | str

QUOTE = "'"
"""Before a cell it tells spreadsheets that text follows."""
_FORMULA = re.compile(r"'*[=+@\t\r-]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)?([eE][+-]?\d+)?")


def inert(cell: T) -> T | str:
    """Return a cell as it is written: what a spreadsheet would run gets a quote in front; `as_meant` takes it off.

    >>> inert("=1+2"), inert("conv1"), inert("-1"), inert(-1)
    ("'=1+2", 'conv1', '-1', -1)
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return QUOTE + cell
    return cell


def as_meant(text: str) -> str:
    """Return the text of a cell that `inert` has written.

    >>> as_meant(inert("=1+2")), as_meant(inert("'=")), as_meant("conv1's")
    ('=1+2', "'=", "conv1's")
    """
    return text[1:] if text.startswith(QUOTE) and _FORMULA.match(text) else text
