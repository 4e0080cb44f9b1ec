"""Import YAML: a layer list of the project's own, or a Timeloop problem, told by its keys."""

from collections.abc import Mapping
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import Network


def import_yaml(path: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Import a file."""
    if sizes:
        raise InputError(Problem("a layer list takes no parameters", str(path), got=", ".join(sizes)))
    from workloads.importers.timeloop_text import read_source

    with read_source(path).document() as document:
        if "problem" in document.data:
            from workloads.importers.timeloop import import_problem

            return import_problem(document, path.stem)
        from workloads.importers.yaml_layers import import_layers

        return import_layers(document, path.stem, skip_unknown)
