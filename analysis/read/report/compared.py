"""What two runs differ in, for their page: totals, and changes by stage, by part and by layer."""

from analysis.read import units
from analysis.read.compare.comparison import Change, Comparison, compare
from analysis.read.objective import COMPARED
from analysis.read.report.cards import cards
from analysis.read.report.layers import Data, short
from simulator.result.run import Run
from simulator.result.steady import any_steady


def compared_data(before: Run, after: Run, labels: tuple[str, str]) -> Data:
    """Return the cards of both runs side by side, and the changes by each measure."""
    steady = any_steady(before, after)
    comparisons = [compare(before, after, by) for by in COMPARED]
    return {
        "labels": labels,
        "cards": [cards(run, steady=steady) for run in (before, after)],
        "measures": [_measure(comparison) for comparison in comparisons],
    }


def _measure(comparison: Comparison) -> Data:
    groups = {"stage": comparison.stages, "part": comparison.parts, "layer": comparison.layers}
    return {
        "name": comparison.measure.name,
        "unit": comparison.unit,
        "total": _change(comparison.total, comparison),
        **{name: [_change(change, comparison) for change in changes] for name, changes in groups.items()},
    }


def _change(change: Change, comparison: Comparison) -> Data:
    return {
        "name": comparison.named(change.name),
        "detail": change.detail,
        "values": [short(change.before), short(change.after)],
        "cells": [comparison.write(change.before), comparison.write(change.after)],
        "relative": units.signed_percent(change.relative),
        "contribution": short(change.contribution),
    }
