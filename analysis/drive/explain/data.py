"""Explanations as data that JSON can hold."""

from collections.abc import Iterable
from dataclasses import asdict

from analysis.drive.explain.explanation import Explanation
from analysis.drive.explain.trials import LeftOut, Saving
from analysis.read.evidence import Verdict
from simulator.result.run import LayerResult


def explanation_data(explanation: Explanation) -> dict[str, object]:
    """Return an explanation; changes that were simulated come with those that save most first."""
    run = explanation.run
    return {
        "network": run.network.name,
        "hardware": run.hardware.name,
        "cycles": run.total.cycles,
        "asked": [layer.name for layer in explanation.asked],
        "stages": [asdict(stage) for stage in explanation.stages],
        "layers": [_layer(layer, verdict) for layer, verdict in explanation.verdicts],
        "best_keeping": _rows(explanation.best_keeping),
        "best_cutting": _rows(explanation.best_cutting),
        "best_of_machine": _rows(explanation.best_of_machine),
        "network_changes": _rows(explanation.network_changes),
        "machine_changes": _rows(explanation.machine_changes),
        "left_out": _rows(explanation.left_out),
    }


def _layer(layer: LayerResult, verdict: Verdict) -> dict[str, object]:
    return {
        "name": layer.name,
        "stage": layer.stage,
        "op": layer.op.value,
        "cycles": layer.cycles,
        "bounds": layer.bounds,
        "cycle_parts": layer.cycle_parts,
        "mapping": layer.mapping,
        **asdict(verdict),
    }


def _rows(changes: Iterable[Saving | LeftOut]) -> list[dict[str, object]]:
    return [asdict(change) for change in changes]
