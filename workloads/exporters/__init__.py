"""Write networks to files. One module a format, loaded when needed."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network

EXPORTERS = {
    "csv": "workloads.exporters.csv_layers:export_csv",
    "onnx": "workloads.exporters.to_onnx:export_onnx",
    "prototxt": "workloads.exporters.prototxt:export_prototxt",
    "scalesim": "workloads.exporters.scalesim:export_topology",
    "tflite": "workloads.exporters.to_tflite:export_tflite",
    "timeloop": "workloads.exporters.timeloop:export_problems",
    "yaml": "workloads.exporters.yaml_layers:export_yaml",
}
"""Format -> the function that writes it."""

TEXTS = {
    "csv": "workloads.exporters.csv_layers:csv_text",
    "prototxt": "workloads.exporters.prototxt:prototxt_text",
    "scalesim": "workloads.exporters.scalesim:topology_text",
    "yaml": "workloads.exporters.yaml_layers:yaml_text",
}
"""Format that is one text -> the function that returns it."""

SUFFIXES = {
    "csv": ".csv",
    "onnx": ".onnx",
    "prototxt": ".prototxt",
    "scalesim": ".csv",
    "tflite": ".tflite",
    "timeloop": "",
    "yaml": ".yaml",
}
"""Format -> how the name of its file ends; a folder's has no suffix."""

NESTS_ONLY = frozenset({"scalesim", "timeloop"})
"""Formats that hold layers that multiply, and no others."""


def convert(network: Network, format: str, path: str | Path) -> None:
    """Write a network in a format, to a file or, for timeloop, a folder with a file for each layer.

    Raises InputError for an unknown format, a network that the format cannot hold, or a place that cannot be written.
    """
    exporter: Callable[[Network, Path], None] = _function(EXPORTERS, check_format(format))
    exporter(network, Path(path))


def text_of(network: Network, format: str) -> str:
    """Return a network in a format that is one text."""
    if check_format(format) not in TEXTS:
        raise InputError(Problem(f"{format} is no text", path="format", expected=f"one of {', '.join(TEXTS)}"))
    text: Callable[[Network], str] = _function(TEXTS, format)
    return text(network)


def check_format(format: str) -> str:
    """Return the format; raise InputError, with the nearest one, if it is unknown."""
    if format not in EXPORTERS:
        expected, suggestion = f"one of {', '.join(EXPORTERS)}", nearest(format, EXPORTERS)
        raise InputError(Problem("unknown format", path="format", expected=expected, got=format, suggestion=suggestion))
    return format


def _function(registry: dict[str, str], format: str) -> Any:
    module, _, name = registry[format].partition(":")
    return getattr(import_module(module), name)
