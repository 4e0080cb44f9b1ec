"""What the project's own exporter says of a network beside the graph: its name, facts, stages and shares of zeros."""

import json
from collections.abc import Mapping
from dataclasses import replace

from simulator.network.ir import Network
from workloads.importers.assembly import Assembly
from workloads.importers.bounds import MOST_ELEMENTS

KEY = "squeezesim"
SHARES = ("zero_inputs_fraction", "zero_weights_fraction", "zero_outputs_fraction")


def told_by(metadata: Mapping[str, str]) -> Mapping[str, object]:
    """Return what a model's metadata say, nothing where they are not the project's own."""
    try:
        told = json.loads(metadata.get(KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def detail(g: Assembly, told: Mapping[str, object]) -> None:
    """Give layers the stages and shares of zeros that are told of them."""
    layers = told.get("layers")
    for name, found in layers.items() if isinstance(layers, dict) else ():
        if g.layer(name) and isinstance(found, dict):
            stage = found.get("stage", "")
            inputs, weights, outputs = (_share(found.get(key)) for key in SHARES)
            stage = stage if isinstance(stage, str) else ""
            zeros, constants = (inputs, weights, outputs), found.get("constant_elements")
            known = constants if isinstance(constants, int) and 0 < constants <= MOST_ELEMENTS else 0
            g.revise(name, stage, "", zeros, found.get("zero_columns") is True, known)


def _share(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, int | float) and 0 <= value <= 1 else None


def named(network: Network, told: Mapping[str, object]) -> Network:
    """Return the network under the name and with the facts that are told of it."""
    name, facts = told.get("name"), told.get("facts")
    texts = {str(key): text for key, text in facts.items() if isinstance(text, str)} if isinstance(facts, dict) else {}
    return replace(network, name=name if isinstance(name, str) and name else network.name, facts=texts | network.facts)
