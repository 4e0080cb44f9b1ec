"""What comes with the package besides networks, by kind and name, without loading any of it."""

from collections.abc import Callable, Mapping
from pathlib import Path


def _machines() -> dict[str, str]:
    from simulator.source.locate import bundled

    return {name: _headline(path) for name, path in bundled().items()}


def _dataflows() -> dict[str, str]:
    from simulator.source.locate import bundled

    return {name: _headline(path) for name, path in bundled("dataflows").items()}


KINDS: Mapping[str, Callable[[], dict[str, str]]] = {"dataflows": _dataflows, "hardware": _machines}
"""Kind -> a function that returns each name with a line about it."""


def _headline(path: Path) -> str:
    """Return the first sentence of the comment at the top of a file."""
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    return first.removeprefix("#").strip().partition(". ")[0].rstrip(".") if first.startswith("#") else ""
