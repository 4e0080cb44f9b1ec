"""Import networks from files, the format told by the suffix. One module or package a format, loaded when needed."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.network.ir import Network

Importer = Callable[[Path, bool, Mapping[str, int]], Network]

FOLDER = "/"
IMPORTERS = {
    FOLDER: "workloads.importers.timeloop:import_folder",
    ".csv": "workloads.importers.csv_file:import_csv",
    ".onnx": "workloads.importers.from_onnx.load:import_onnx",
    ".prototxt": "workloads.importers.from_caffe.load:import_prototxt",
    ".tflite": "workloads.importers.from_tflite.load:import_tflite",
    ".yaml": "workloads.importers.yaml_file:import_yaml",
    ".yml": "workloads.importers.yaml_file:import_yaml",
}
"""Suffix -> the function that imports such a file, or a folder."""


def import_network(path: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Return the network in a file, in the batch it states.

    `skip_unknown` counts the traffic of unknown ops instead of refusing them; `sizes` are extents that a file leaves
    open, by their names there. Raises InputError with every problem of the file, or for a suffix that is unknown.
    """
    suffix = FOLDER if os.path.isdir(path) else path.suffix.lower()
    if suffix not in IMPORTERS:
        expected = f"a file that ends in {', '.join(list(IMPORTERS)[1:])}"
        got = suffix or "no suffix"
        suggestion = nearest(suffix, IMPORTERS) if suffix else None
        problem = Problem("unknown format of a network", str(path), expected=expected, got=got, suggestion=suggestion)
        raise InputError(problem)
    module, _, function = IMPORTERS[suffix].partition(":")
    importer: Importer = getattr(import_module(module), function)
    return importer(path, skip_unknown, sizes or {})
