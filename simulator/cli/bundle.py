"""What comes with the package, by kind and name, without loading any of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workloads.spec import Parameter


def _machines() -> dict[str, str]:
    from simulator.source.locate import bundled

    return {name: _headline(path) for name, path in bundled().items()}


def _dataflows() -> dict[str, str]:
    from simulator.source.locate import bundled

    return {name: _headline(path) for name, path in bundled("dataflows").items()}


def _networks() -> dict[str, str]:
    from workloads.load import load_builder
    from workloads.registry import BUILDERS
    from workloads.spec import parameters_of

    described = {}
    for name in BUILDERS:
        parameters = parameters_of(load_builder(name)).values()
        described[name] = ", ".join(_choice(parameter) for parameter in parameters)
    return described


def _choice(parameter: "Parameter") -> str:
    """Write a parameter with its default, then the other values it may have."""
    if parameter.default is None:
        return parameter.name
    values = [parameter.default, *(value for value in parameter.choices if value != parameter.default)]
    return f"{parameter.name}={'|'.join(str(value) for value in values)}"


KINDS: Mapping[str, Callable[[], dict[str, str]]] = {
    "dataflows": _dataflows,
    "hardware": _machines,
    "networks": _networks,
}
"""Kind -> a function that returns each name with a line about it."""


def _headline(path: Path) -> str:
    """Return the first sentence of the comment at the top of a file."""
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    return first.removeprefix("#").strip().partition(". ")[0].rstrip(".") if first.startswith("#") else ""
