"""All experiments by name; each is loaded when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from simulator.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from analysis.drive.codesign.bench import Bench
    from analysis.drive.codesign.report import Report

EXPERIMENTS: dict[str, str] = {
    "condensenet": "stages of condensation, the deployed form, what its index layers cost",
    "dataflows": "one dataflow for all layers against the best for each, over all network families",
    "memory": "what must be whole at each resolution, what keeping tensors on chip saves, what runs wholly there",
    "mobilenet": "width and resolution, what depthwise layers take, by array size",
    "shufflenet": "the four guidelines of ShuffleNetV2 on accelerators",
    "silicon": "networks of this lineage on chips that exist, beside what was measured; where depthwise pays",
    "squeezenet": "share of 3x3, squeeze ratio, late downsampling, and bypasses",
    "squeezenext": "v1 to v5 as in the paper, and the loop in which the profile redesigns the network",
}
"""Experiment -> what it is about. A new one is a module of this folder with a function `run`, and a line here."""


def load_experiment(name: str) -> "Callable[[Bench], Report]":
    """Return the function that runs an experiment; raise InputError for an unknown name, with the nearest known one."""
    if name not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        raise InputError(Problem("unknown experiment", expected=known, got=name, suggestion=nearest(name, EXPERIMENTS)))
    experiment: Callable[[Bench], Report] = import_module(f"analysis.drive.codesign.{name}").run
    return experiment
