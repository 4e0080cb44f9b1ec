"""JSON of runs as plain data, and what speaks against its numbers, as problems with their paths."""

import json
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, NoReturn

from simulator.errors import InputError, Problem

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_DIGITS = 30  # sums over all layers of counts that each have 18 at most
COUNTED = ("hardware", "network", "total", "steady", "cores", "layers")
"""Parts of a run whose numbers are counts, sizes and ratios of them."""

_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")
_UNUSUAL = (b"-", b"NaN", b"Infinity", b"0" * MAX_DIGITS, b"0e")
"""One of these is in every text, its digits zeros, with a number below 0, without bounds or of too many digits."""


def is_usual(text: str) -> bool:
    """Whether all numbers of a text can be told at a glance to be 0 or more, finite and of few digits."""
    digits = text.encode(errors="replace").translate(_ZEROS)
    return not any(mark in digits for mark in _UNUSUAL)


def parse(text: str, file: str | None) -> tuple[object, bool]:
    """Return what a text holds, and whether any number of it has a sign; raise InputError where it is no JSON."""
    signed = False

    def refuse(constant: str) -> NoReturn:
        raise InputError(Problem(f"{constant} is not a number of a run", file))

    def number(literal: str) -> float:
        nonlocal signed
        signed |= literal[0] == "-"
        value = float(literal)
        return value if isfinite(value) else refuse(literal)

    def whole(literal: str) -> int:
        nonlocal signed
        signed |= literal[0] == "-"
        return int(literal) if len(literal) <= MAX_DIGITS else refuse(literal[:40])

    try:
        return json.loads(text, parse_constant=refuse, parse_float=number, parse_int=whole), signed
    except json.JSONDecodeError as error:
        raise InputError(Problem(f"not JSON: {error.msg}", file, error.lineno, error.colno)) from None
    except RecursionError:
        raise InputError(Problem("nested too deeply", file)) from None
    except ValueError as error:  # an integer of thousands of digits
        raise InputError(Problem(f"not JSON: {error}", file)) from None


def negative(path: str, value: object, file: str | None) -> Iterator[Problem]:
    """Yield numbers below 0 in what stands at a path: a run counts, nothing of it is owed."""
    left = [(path, value)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{path}.{key}", item) for key, item in value.items()]
        elif isinstance(value, list):
            left += [(f"{path}.{at}", item) for at, item in enumerate(value)]
        elif isinstance(value, int | float) and value < 0:
            yield Problem("out of range", file, path=path, expected="0 or more", got=str(value))


def complaints(error: "ValidationError", file: str | None, *above: int | str) -> list[Problem]:
    """Return what a model has against the data at a path."""
    return [
        Problem(
            details["msg"], file, path=".".join(map(str, (*above, *details["loc"]))), got=shortened(details["input"])
        )
        for details in error.errors()
    ]


def shortened(value: object) -> str:
    """Return a value as Python writes it, cut short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
