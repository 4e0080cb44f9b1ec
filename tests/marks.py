"""Parameters of which some are tried with every change, and all with the slow tests."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest


def mostly_slow(values: Sequence[Any], often: Collection[Any]) -> list[Any]:
    """Mark as slow what is not to be tried often; a tuple has a value for each parameter."""
    return [_parameters(value) if value in often else slow(value) for value in values]


def one_in(count: int, values: Sequence[Any]) -> list[Any]:
    """Mark as slow all but every so many-th: `pytest.mark.parametrize("size", one_in(3, [1, 2, 3, 4]))`."""
    return mostly_slow(values, values[::count])


def slow(value: Any) -> Any:
    """Mark a value, or a tuple of one for each parameter, as slow."""
    return _parameters(value, pytest.mark.slow)


def _parameters(value: Any, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=marks)
