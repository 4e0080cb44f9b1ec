"""All anchors by name; each is loaded when it is asked for."""

from importlib import import_module

from analysis.drive.accuracy.anchor import Anchor
from simulator.errors import InputError, Problem, nearest

ANCHORS: dict[str, str] = {
    "choice": "analysis.drive.accuracy.anchors.choice",
    "eyeriss_chip": "analysis.drive.accuracy.anchors.eyeriss_chip",
    "fuseconv": "analysis.drive.accuracy.anchors.fuseconv",
    "gemmini": "analysis.drive.accuracy.anchors.gemmini",
    "isca16": "analysis.drive.accuracy.anchors.isca16",
    "networks": "analysis.drive.accuracy.anchors.networks",
    "nn_dataflow": "analysis.drive.accuracy.anchors.nn_dataflow",
    "nvdla": "analysis.drive.accuracy.anchors.nvdla",
    "scalesim": "analysis.drive.accuracy.anchors.scalesim",
    "shufflenet_v2": "analysis.drive.accuracy.anchors.shufflenet_v2",
    "squeezenext_16x16": "analysis.drive.accuracy.anchors.squeezenext_16x16",
    "squeezenext_8x8": "analysis.drive.accuracy.anchors.squeezenext_8x8",
    "timeloop": "analysis.drive.accuracy.anchors.timeloop",
    "tpu_v1": "analysis.drive.accuracy.anchors.tpu_v1",
}
"""Anchor -> the module that holds it as `ANCHOR`."""


def load_anchor(name: str) -> Anchor:
    """Return an anchor; raise InputError for an unknown name, with the nearest known one."""
    if name not in ANCHORS:
        known = ", ".join(ANCHORS)
        raise InputError(Problem("unknown anchor", expected=known, got=name, suggestion=nearest(name, ANCHORS)))
    anchor: Anchor = import_module(ANCHORS[name]).ANCHOR
    return anchor
