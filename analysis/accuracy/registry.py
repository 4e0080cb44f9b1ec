"""All anchors by name; each is loaded when it is asked for."""

from importlib import import_module

from analysis.accuracy.anchor import Anchor
from simulator.errors import InputError, Problem, nearest

ANCHORS: dict[str, str] = {
    "choice": "analysis.accuracy.anchors.choice",
    "eyeriss_chip": "analysis.accuracy.anchors.eyeriss_chip",
    "fuseconv": "analysis.accuracy.anchors.fuseconv",
    "gemmini": "analysis.accuracy.anchors.gemmini",
    "isca16": "analysis.accuracy.anchors.isca16",
    "networks": "analysis.accuracy.anchors.networks",
    "nn_dataflow": "analysis.accuracy.anchors.nn_dataflow",
    "nvdla": "analysis.accuracy.anchors.nvdla",
    "scalesim": "analysis.accuracy.anchors.scalesim",
    "shufflenet_v2": "analysis.accuracy.anchors.shufflenet_v2",
    "squeezenext_16x16": "analysis.accuracy.anchors.squeezenext_16x16",
    "squeezenext_8x8": "analysis.accuracy.anchors.squeezenext_8x8",
    "timeloop": "analysis.accuracy.anchors.timeloop",
    "tpu_v1": "analysis.accuracy.anchors.tpu_v1",
}
"""Anchor -> the module that holds it as `ANCHOR`."""


def load_anchor(name: str) -> Anchor:
    """Return an anchor; raise InputError for an unknown name, with the nearest known one."""
    if name not in ANCHORS:
        known = ", ".join(ANCHORS)
        raise InputError(Problem("unknown anchor", expected=known, got=name, suggestion=nearest(name, ANCHORS)))
    anchor: Anchor = import_module(ANCHORS[name]).ANCHOR
    return anchor
