"""What a user names: a network, a machine or something smaller, by bundled name or file; an option of many commands."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from simulator.caches import SWITCH

if TYPE_CHECKING:
    from simulator.network.ir import Network


def _switch_off(chosen: bool) -> bool:
    """Let this process, and those that it starts, neither read nor write results of earlier ones."""
    if chosen:
        os.environ[SWITCH] = "off"
    return chosen


NoCache = Annotated[
    bool,
    typer.Option("--no-cache", callback=_switch_off, help="find everything anew and keep nothing: see simulate cache"),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="change a value of the machine: array.rows=32; repeatable"),
]
Formats = Annotated[str, typer.Option("--format", help="png, svg, pdf, or several: png,pdf")]
PictureSize = Annotated[
    str, typer.Option("--size", metavar="NAME", help="of pictures: column (3.5 in wide), page (7 in) or screen")
]
Look: TypeAlias = tuple[tuple[str, ...], str]
"""Formats and size of pictures."""

KEYS = {
    "machine": frozenset(
        {"clock", "precision_bits", "array", "buffers", "dram", "dataflows", "energy", "vector", "dma", "extends"}
    ),
    "dataflow": frozenset({"rows", "columns", "registers", "stationary", "lowered", "order"}),
    "energy": frozenset(
        {"unit", "mac", "rf", "array", "buffer", "dram", "vector_op", "leakage_per_cycle"}
        | {"node", "multiplier", "adder", "sram", "nodes", "dram_per_bit", "pe_share", "gated_mac_fraction"}
    ),
    "network": frozenset({"inputs", "layers", "outputs", "facts", "problem"}),
    "schedule": frozenset({"order", "kept", "parts", "stacks", "weights"}),
    "plan": frozenset({"machines", "networks", "axes", "samples", "derived", "constraints", "search"}),
}
"""Kind of YAML file -> the keys that tell it."""

BUNDLED = {"machine": "", "dataflow": "dataflows", "energy": "energy", "mapping": "mappings"}
"""Kind -> the folder of those that are bundled, the first if a name is in several."""


def kind_of(spec: str) -> str:
    """Return the kind of what a name or a path means: one of `KEYS`, "mapping" or "run"; a machine if in doubt."""
    from simulator.source.locate import bundled
    from workloads.load import is_file
    from workloads.registry import BUILDERS

    if spec.endswith(".json"):
        return "run"
    if spec.partition(":")[0].removesuffix(".py") in BUILDERS:
        return "network"
    is_yaml, name = spec.lower().endswith((".yaml", ".yml")), spec.removesuffix(".yaml")
    if is_yaml and os.path.lexists(spec):
        return _kind_of_yaml(spec)
    for kind, folder in BUNDLED.items():
        if name in bundled(folder):
            return kind
    return "network" if is_file(spec) and not is_yaml else "machine"


def _kind_of_yaml(file: str) -> str:
    """Choose by the keys at the top: the kind that knows most of them, a machine if in doubt."""
    from workloads.importers.timeloop_text import read_source

    with read_source(Path(file)).document() as document:
        data = document.data
    keys = set(data)
    kind = max(KEYS, key=lambda kind: len(keys & KEYS[kind]))
    return "mapping" if kind == "network" and isinstance(data.get("layers"), dict) else kind


def specs(text: str) -> list[str]:
    """Split a list of names, which may carry parameters of their own.

    >>> specs("squeezenet,mobilenet_v1:width=0.5,resolution=160,alexnet")
    ['squeezenet', 'mobilenet_v1:width=0.5,resolution=160', 'alexnet']
    """
    found: list[str] = []
    for part in text.split(","):
        if found and ":" in found[-1] and "=" in part and ":" not in part:
            found[-1] += f",{part}"
        elif part.strip():
            found.append(part.strip())
    return found


def load(spec: str, batch: int | None = None, skip_unknown: bool = False) -> "Network":
    """Return a network, bundled or from a file; a line of warning for each op that is unknown and was skipped."""
    from analysis.read.layout import printable
    from workloads.load import load_network

    network = load_network(spec, batch, skip_unknown)
    for warning in filter(None, network.facts.get("warning", "").split("; ")):
        print(printable(f"warning: {warning}"), file=sys.stderr)
    return network


def check_settings(spec: str, settings: Sequence[str] | None) -> None:
    """Refuse --set for what is no machine."""
    from simulator.errors import InputError, Problem

    if settings and kind_of(spec) != "machine":
        raise InputError(Problem("--set changes machines", expected="the name or file of one", got=spec))
