"""Write networks to files. One module a format, loaded when needed."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network

Exporter = Callable[[Network, Path], None]

EXPORTERS = {
    "csv": "workloads.exporters.csv_layers:export_csv",
    "onnx": "workloads.exporters.to_onnx:export_onnx",
    "timeloop": "workloads.exporters.timeloop:export_problems",
    "yaml": "workloads.exporters.yaml_layers:export_yaml",
}
"""Format -> the function that writes it."""

SUFFIXES = {"csv": ".csv", "onnx": ".onnx", "timeloop": "", "yaml": ".yaml"}
"""Format -> how the name of its file ends; a folder's has no suffix."""


def convert(network: Network, format: str, path: str | Path) -> None:
    """Write a network in a format, to a file or, for timeloop, a folder with a file for each layer.

    Raises InputError for an unknown format, a network that the format cannot hold, or a place that cannot be written.
    """
    if format not in EXPORTERS:
        expected = f"one of {', '.join(EXPORTERS)}"
        suggestion = nearest(format, EXPORTERS)
        raise InputError(Problem("unknown format", path="format", expected=expected, got=format, suggestion=suggestion))
    module, _, function = EXPORTERS[format].partition(":")
    exporter: Exporter = getattr(import_module(module), function)
    exporter(network, Path(path))
