"""Runs that were saved before every energy was in picojoules: those of relative tables counted in the table's unit."""

from collections.abc import Mapping
from typing import Any

from simulator.energy.table import list_energy_tables, load_energy
from simulator.result.facts import fingerprints
from simulator.result.run import Documents

Data = dict[str, Any]

SINCE = "energy_unit_pj"
"""The key of a machine's facts that tells a run of today."""


def with_joules(data: Data) -> Data:
    """Return a run's data with picojoules, and with what a relative table counts in beside them.

    Its table did not say what its MAC takes: the bundled table of that name says it now, or else it is taken as 1 pJ.
    Prices are left out, as gating did not stop registers then. Data in which something is missing are left to whoever
    reads them.
    """
    machine = data.get("hardware")
    if not isinstance(machine, dict) or SINCE in machine or not isinstance(data.get("layers"), list):
        return data
    unit, name = machine.get("energy_unit"), machine.get("energy_table")
    each = 1.0 if unit == "pJ" else unit_picojoules(name)
    facts = machine | {SINCE: each, "energy_pj_per_byte": {}, "energy_pj_per_action": {}}
    now = data | {"hardware": facts}
    if unit == "pJ":
        return now
    layers = [_priced(layer, each) for layer in data["layers"]]
    return now | {"layers": layers, "total": _priced(data.get("total"), each)} | _documents(data, each)


def unit_picojoules(table: object) -> float:
    """Return what the unit of the bundled relative table of a name is; 1 where there is none."""
    found = load_energy(table) if isinstance(table, str) and table in list_energy_tables() else None
    return 1.0 if found is None else found.unit_pj


def _priced(costs: object, each: float) -> object:
    """Return a layer's or the total's costs in picojoules."""
    if not isinstance(costs, dict) or not isinstance(costs.get("energy_parts"), dict):
        return costs
    parts = {part: _times(energy, each) for part, energy in costs["energy_parts"].items()}
    energy = costs.get("energy_pj")
    return costs | {"energy_pj": _times(energy, each), "energy_parts": parts, "energy_relative": energy}


def _times(energy: object, each: float) -> object:
    return energy * each if isinstance(energy, int | float) else energy


def _documents(data: Data, each: float) -> Data:
    """Return the machine's document with a table that says its MAC, and its fingerprint if the old one was right."""
    documents, provenance = data.get("documents"), data.get("provenance")
    machine = documents.get("hardware") if isinstance(documents, dict) else None
    table = machine.get("energy") if isinstance(machine, dict) else None
    if not (isinstance(documents, dict) and isinstance(machine, dict) and isinstance(table, dict)):
        return {}
    if not isinstance(provenance, dict) or table.get("unit") == "pJ":
        return {}
    changed = machine | {"energy": table | {"mac_picojoules": _times(table.get("mac"), each)}}
    return {
        "documents": documents | {"hardware": changed},
        "provenance": provenance | _renewed(provenance, machine, changed),
    }


def _renewed(provenance: Mapping[str, object], before: Data, after: Data) -> dict[str, str]:
    was, now = (fingerprints(Documents(each, None)) for each in (before, after))
    return now if was.items() <= provenance.items() else {}
