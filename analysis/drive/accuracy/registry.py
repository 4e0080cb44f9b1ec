"""All anchors by name; each is loaded, and its rows computed, when it is asked for."""

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module

from analysis.drive.accuracy.anchor import Anchor, Evaluation, Row
from analysis.drive.sweep.pool import Crew
from simulator.errors import InputError, Problem, nearest

Progress = Callable[[int, int, str], None]
WORTH = 6
"""Anchors for which processes are worth their start."""

ANCHORS: dict[str, str] = {
    "choice": "analysis.drive.accuracy.anchors.choice",
    "dpu": "analysis.drive.accuracy.anchors.dpu",
    "edge_tpu": "analysis.drive.accuracy.anchors.edge_tpu",
    "ethos_u": "analysis.drive.accuracy.anchors.ethos_u",
    "eyeriss_chip": "analysis.drive.accuracy.anchors.eyeriss_chip",
    "eyeriss_v2": "analysis.drive.accuracy.anchors.eyeriss_v2",
    "flux": "analysis.drive.accuracy.anchors.flux",
    "fuseconv": "analysis.drive.accuracy.anchors.fuseconv",
    "gap9": "analysis.drive.accuracy.anchors.gap9",
    "gemmini": "analysis.drive.accuracy.anchors.gemmini",
    "isca16": "analysis.drive.accuracy.anchors.isca16",
    "networks": "analysis.drive.accuracy.anchors.networks",
    "neural_art": "analysis.drive.accuracy.anchors.neural_art",
    "nn_dataflow": "analysis.drive.accuracy.anchors.nn_dataflow",
    "nvdla": "analysis.drive.accuracy.anchors.nvdla",
    "power_area": "analysis.drive.accuracy.anchors.power_area",
    "scalesim": "analysis.drive.accuracy.anchors.scalesim",
    "shufflenet_v2": "analysis.drive.accuracy.anchors.shufflenet_v2",
    "squeezenext_16x16": "analysis.drive.accuracy.anchors.squeezenext_16x16",
    "squeezenext_8x8": "analysis.drive.accuracy.anchors.squeezenext_8x8",
    "timeloop": "analysis.drive.accuracy.anchors.timeloop",
    "tpu_v1": "analysis.drive.accuracy.anchors.tpu_v1",
    "tpu_v6e": "analysis.drive.accuracy.anchors.tpu_v6e",
    "vta": "analysis.drive.accuracy.anchors.vta",
}
"""Anchor -> the module that holds it as `ANCHOR`."""


def load_anchor(name: str) -> Anchor:
    """Return an anchor; raise InputError for an unknown name, with the nearest known one."""
    if name not in ANCHORS:
        known = ", ".join(ANCHORS)
        raise InputError(Problem("unknown anchor", expected=known, got=name, suggestion=nearest(name, ANCHORS)))
    anchor: Anchor = import_module(ANCHORS[name]).ANCHOR
    return anchor


def evaluate_anchors(names: Iterable[str] = (), progress: Progress | None = None, workers: int = 0) -> list[Evaluation]:
    """Evaluate anchors, all of them if none is named; raise InputError for an unknown name before any work.

    `progress` is told how many of how many anchors are done, and which one comes. So many `workers` are processes that
    take them one by one; few anchors are evaluated here.
    """
    names = tuple(dict.fromkeys(names)) or tuple(ANCHORS)
    anchors = [load_anchor(name) for name in names]
    rows: dict[int, tuple[Row, ...]] = {}
    with Crew(partial(Bench, names), workers if len(anchors) >= WORTH else 0, ahead=1) as crew:
        if progress:
            progress(0, len(anchors), anchors[0].name)
        for done in crew.finish(range(len(anchors))):
            for number, own in done:
                if isinstance(own, Exception):
                    raise own
                rows[number] = own
            coming = next((at for at in range(len(anchors)) if at not in rows), None)
            if progress and coming is not None:
                progress(len(rows), len(anchors), anchors[coming].name)
    return [Evaluation(anchor, rows[number]) for number, anchor in enumerate(anchors)]


class Bench:
    """Evaluates anchors of some names by their numbers; what is raised is handed on."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def finish(self, number: int) -> tuple[int, tuple[Row, ...] | Exception]:
        """Return the rows of an anchor."""
        try:
            return number, evaluate(load_anchor(self.names[number])).rows
        except Exception as error:
            return number, error


def evaluate(anchor: Anchor) -> Evaluation:
    """Simulate what an anchor asks for; raise ValueError if two of its rows have the same name."""
    rows = tuple(anchor.rows())
    keys = [row.key for row in rows]
    if len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"{anchor.name}: rows of the same name: {', '.join(twice)}")
    return Evaluation(anchor, rows)
