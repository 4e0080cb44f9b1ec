"""Explanations as data that JSON can hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from analysis.drive.explain.explanation import Explanation
from analysis.drive.explain.layer_levers import alike
from analysis.drive.explain.ranking import LeftOut
from analysis.drive.explain.text import left_out_text, saving_columns, told_changes
from analysis.drive.explain.trials import Saving
from analysis.read.evidence import Verdict
from analysis.read.layout import Column
from simulator.door import network_of_run
from simulator.network.ir import Network
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


def levers_data(explanation: Explanation) -> dict[str, object]:
    """Return what the page of a run shows of its explanation: the tables that are told, and what saves of layers."""
    columns, touched = saving_columns(explanation), layers_touched(network_of_run(explanation.run))
    tables = told_changes(explanation)
    return {
        "head": [column.title for column in columns],
        "tables": [
            {"title": title, "rows": _levers(savings, columns, touched)} for title, savings in tables.items() if savings
        ],
        "changes": _levers([each for each in explanation.network_changes if each.worth > 0], columns, touched),
        "note": left_out_text(explanation),
    }


def layers_touched(network: Network) -> dict[str, list[str]]:
    """Return the layers that a change of a target means: of a stage all, of a layer those that are alike."""
    found: dict[str, list[str]] = {}
    for layer in network.layers:
        if layer.nest is not None and layer.stage:
            found.setdefault(layer.stage, []).append(layer.name)
    for group in alike(network):
        found |= {layer.name: [each.name for each in group] for layer in group}
    return found


def _levers(
    savings: Iterable[Saving], columns: Sequence[Column[Saving]], touched: Mapping[str, list[str]]
) -> list[dict[str, object]]:
    return [
        {
            "what": each.what,
            "cells": [column.cell(each) for column in columns],
            "worth": float(f"{each.worth:.6g}"),
            "layers": [] if each.of_machine else touched.get(each.target, []),
        }
        for each in savings
    ]
