"""Load a network by its spec: a bundled one by name and parameters, or one in a file by its path."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from simulator.errors import InputError, Problem, nearest
from simulator.log import timed
from simulator.network.graph import with_batch
from simulator.network.ir import Network
from workloads.importers import IMPORTERS, import_network
from workloads.importers.assembly import rebatched
from workloads.importers.bounds import LARGEST_EXTENT
from workloads.published import facts_of
from workloads.registry import BUILDERS
from workloads.spec import Builder, parse_parameters, split_spec


def load_network(spec: str, batch: int | None = None, skip_unknown: bool = False) -> Network:
    """Return the network that `spec` names, for `batch` samples: those that a file states, or one, unless given.

    A bundled one goes by its name, with or without suffix, and its parameters; then its name is the spec, its facts
    the published figures. A file goes by its path, the format told by its suffix; extents that it leaves open may be
    given by their names there (`net.onnx:height=224`). `skip_unknown` counts the traffic of unknown ops of a file and
    warns of them among the facts. Raises InputError for an unknown name or parameter, with the nearest known one, for a
    value that the builder does not take, and with every problem of a file.

    >>> load_network("squeezenext:variant=v5").macs
    224916480
    """
    with timed("loaded network %s", spec):
        return _load(spec, batch, skip_unknown)


def _load(spec: str, batch: int | None, skip_unknown: bool) -> Network:
    if is_file(spec):
        path, texts = _file_and_sizes(spec)
        network = import_network(path, skip_unknown, _sizes(path, texts))
        return network if batch is None else rebatched(network, batch)
    name, texts = split_spec(spec)
    name = name.removesuffix(".py")
    builder = load_builder(name)
    values = parse_parameters(name, builder, texts)
    network = builder(**values)
    given = ",".join(f"{key}={text}" for key, text in texts.items())
    network = replace(network, name=f"{name}:{given}" if given else name, facts=facts_of(name, builder, values))
    return network if batch is None else with_batch(network, batch)


def is_file(spec: str) -> bool:
    """Return whether a spec means a file: it is no bundled name, and ends or stands as one does."""
    name = spec.partition(":")[0]
    if name.removesuffix(".py") in BUILDERS:
        return False
    known = _suffix(spec) in IMPORTERS or _suffix(name) in IMPORTERS
    return known or os.path.basename(name) != name or os.path.exists(spec) or os.path.isfile(name)


def load_builder(name: str) -> Builder:
    """Return the function that builds the bundled network of that name."""
    if name not in BUILDERS:
        known = "a path, or one of " + ", ".join(BUILDERS)
        raise InputError(
            Problem("unknown network", path="network", expected=known, got=name, suggestion=nearest(name, BUILDERS))
        )
    module, _, function = BUILDERS[name].partition(":")
    builder: Builder = getattr(import_module(module), function)
    return builder


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _file_and_sizes(spec: str) -> tuple[Path, dict[str, str]]:
    """Split a file's spec; the path itself may have a colon in it."""
    if os.path.isfile(spec) or ":" not in spec:
        return Path(spec), {}
    path, _, sizes = spec.rpartition(":")
    return Path(path), split_spec(f"{Path(path).name.replace(':', '_')}:{sizes}")[1]


def _sizes(path: Path, texts: Mapping[str, str]) -> dict[str, int]:
    problems = [
        Problem("not a size", path=f"{path.name}.{name}", expected=f"1 to {LARGEST_EXTENT}", got=text)
        for name, text in texts.items()
        if not (text.isascii() and text.isdecimal() and len(text) < 12 and 1 <= int(text) <= LARGEST_EXTENT)
    ]
    if problems:
        raise InputError(*problems)
    return {name: int(text) for name, text in texts.items()}
