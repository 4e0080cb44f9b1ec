"""Explanations as data that JSON can hold."""

from dataclasses import asdict

from analysis.drive.explain.explanation import Explanation, LayerExplanation, Saving
from analysis.read.evidence import Verdict
from analysis.read.losses import StageUse
from simulator.result.run import LayerResult, Run


def network_data(explanation: Explanation) -> dict[str, object]:
    """Return a network's explanation; changes come with those that save most first."""
    return {
        **_head(explanation.run),
        "stages": [_stage(stage) for stage in explanation.stages],
        "layers": [_layer(layer, verdict) for layer, verdict in explanation.verdicts],
        "best_of_network": _savings(explanation.best_of_network),
        "best_at_equal_macs": _savings(explanation.best_at_equal_macs),
        "best_of_machine": _savings(explanation.best_of_machine),
        "network_changes": _savings(explanation.network_changes),
        "machine_changes": _savings(explanation.machine_changes),
    }


def layer_data(explanation: LayerExplanation) -> dict[str, object]:
    """Return a layer's explanation."""
    return {
        **_head(explanation.run),
        "layer": _layer(explanation.layer, explanation.verdict),
        "mapping": explanation.layer.mapping,
        "network_changes": _savings(explanation.network_changes),
        "machine_changes": _savings(explanation.machine_changes),
    }


def _head(run: Run) -> dict[str, object]:
    return {"network": run.network.name, "hardware": run.hardware.name, "cycles": run.total.cycles}


def _stage(stage: StageUse) -> dict[str, object]:
    return asdict(stage)


def _layer(layer: LayerResult, verdict: Verdict) -> dict[str, object]:
    return {
        "name": layer.name,
        "stage": layer.stage,
        "op": layer.op.value,
        "cycles": layer.cycles,
        "bounds": layer.bounds,
        "cycle_parts": layer.cycle_parts,
        **asdict(verdict),
    }


def _savings(savings: tuple[Saving, ...]) -> list[dict[str, object]]:
    return [asdict(saving) for saving in savings]
