"""Load a network by its spec."""

from dataclasses import replace
from importlib import import_module

from simulator.errors import InputError, Problem, nearest
from simulator.network.graph import with_batch
from simulator.network.ir import Network
from workloads.published import facts_of
from workloads.registry import BUILDERS
from workloads.spec import Builder, parse_parameters, split_spec


def load_network(spec: str, batch: int = 1) -> Network:
    """Return the network that `spec` names: a bundled one, with or without suffix, and its parameters.

    Its name is the spec, its facts the published figures. Raises InputError for an unknown name or parameter, with
    the nearest known one, and for a value that the builder does not take.

    >>> load_network("squeezenext:variant=v5").macs
    224916480
    """
    name, texts = split_spec(spec)
    name = name.removesuffix(".py")
    builder = load_builder(name)
    values = parse_parameters(name, builder, texts)
    network = builder(**values)
    given = ",".join(f"{key}={text}" for key, text in texts.items())
    network = replace(network, name=f"{name}:{given}" if given else name, facts=facts_of(name, builder, values))
    return with_batch(network, batch) if batch != 1 else network


def load_builder(name: str) -> Builder:
    """Return the function that builds the bundled network of that name."""
    if name not in BUILDERS:
        known = "one of " + ", ".join(BUILDERS)
        raise InputError(
            Problem("unknown network", path="network", expected=known, got=name, suggestion=nearest(name, BUILDERS))
        )
    module, _, function = BUILDERS[name].partition(":")
    builder: Builder = getattr(import_module(module), function)
    return builder
