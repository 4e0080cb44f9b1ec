"""Runs of relative tables: joules beside what the table counts in, and runs of before that knew the latter alone."""

import json
from dataclasses import replace

import pytest

from simulator import load_hardware, simulate
from simulator.door import machine_of
from simulator.errors import InputError
from simulator.hardware.vary import vary
from simulator.result.facts import fingerprint
from simulator.result.json_io import run_from_json, run_to_json
from simulator.result.laws import broken_laws
from simulator.result.run import Run
from tests.cli.tiny import tiny

MACHINE = "squeezenext_16x16"


@pytest.fixture(scope="module")
def run() -> Run:
    return simulate(MACHINE, tiny())


def as_before(run: Run, table: str | None = None) -> dict:
    """The run as it was saved when a relative table's figures stood where picojoules stand today."""
    data = json.loads(run_to_json(run))
    unit = run.hardware.energy_unit_pj
    for name in ("energy_unit_pj", "area_mm2", "peak_watts"):
        del data["hardware"][name]
    for costs in (data["total"], *data["layers"]):
        costs["energy_pj"] = costs.pop("energy_relative")
        costs["energy_parts"] = {part: energy / unit for part, energy in costs["energy_parts"].items()}
    for prices in data["hardware"]["energy_pj_per_byte"].values():
        prices.update({operand: price / unit for operand, price in prices.items()})
    data["hardware"]["energy_pj_per_action"] = {k: v / unit for k, v in run.hardware.energy_pj_per_action.items()}
    machine = data["documents"]["hardware"]
    del machine["energy"]["mac_picojoules"]
    if table:
        data["hardware"]["energy_table"] = machine["energy"]["name"] = table
    data["provenance"]["hardware_sha256"] = fingerprint(machine)
    return data


def test_a_relative_run_has_joules_and_what_its_table_counts_in(run: Run) -> None:
    unit = load_hardware(MACHINE).energy.unit_pj
    assert unit == 1.4
    assert run.total.energy_relative == pytest.approx(run.total.energy_pj / unit)
    assert [layer.energy_relative for layer in run.layers] == pytest.approx([x.energy_pj / unit for x in run.layers])
    assert sum(float(row["energy_relative"]) for row in run.to_rows()) == pytest.approx(run.total.energy_relative)
    assert run.total.watts == pytest.approx(run.total.energy_pj * 1e-12 / run.total.latency_s)
    assert run.total.chip_watts < run.total.watts


def test_a_run_in_picojoules_has_no_relative_energy() -> None:
    run = simulate("systolic_32x32", tiny())
    assert run.total.energy_relative is None
    assert all(layer.energy_relative is None for layer in run.layers)
    assert "energy_relative" not in run.to_rows()[0]
    assert run.total.energy_parts["clock"] > 0


def test_a_relative_energy_that_is_not_that_of_its_unit_is_noticed(run: Run) -> None:
    first, *others = run.layers
    wrong = replace(run, layers=(replace(first, energy_relative=first.energy_pj), *others))
    assert any(broken.field == "energy_relative" for broken in broken_laws(wrong))


def test_an_old_relative_run_gets_picojoules_from_the_table_of_its_name(run: Run) -> None:
    read = run_from_json(json.dumps(as_before(run)))
    assert read.total.energy_pj == pytest.approx(run.total.energy_pj)
    assert read.total.energy_relative == pytest.approx(run.total.energy_relative)
    assert read.total.energy_parts == pytest.approx(run.total.energy_parts)
    assert [x.energy_pj for x in read.layers] == pytest.approx([x.energy_pj for x in run.layers])
    assert machine_of(read) == load_hardware(MACHINE)
    assert run_from_json(run_to_json(read)) == read


def test_an_old_run_of_a_table_of_ones_own_takes_its_unit_for_a_picojoule(run: Run) -> None:
    read = run_from_json(json.dumps(as_before(run, "my_own")))
    assert read.total.energy_pj == read.total.energy_relative == pytest.approx(run.total.energy_relative)
    assert machine_of(read).energy.unit_pj == 1


def test_an_old_run_in_picojoules_stays_as_it_is() -> None:
    run = simulate(vary(load_hardware("systolic_32x32"), {"energy": "picojoule_45nm_int8"}), tiny())
    data = json.loads(run_to_json(run))
    for name in ("energy_unit_pj", "area_mm2", "peak_watts"):
        del data["hardware"][name]
    read = run_from_json(json.dumps(data))
    assert (read.layers, read.total) == (run.layers, run.total)


def test_an_old_run_that_was_altered_is_noticed(run: Run) -> None:
    data = as_before(run)
    data["documents"]["hardware"]["clock"] = "7 GHz"
    with pytest.raises(InputError, match="altered since the run was made"):
        run_from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("path", "value"),
    [(("total",), 3), (("layers",), {}), (("hardware",), 3), (("documents",), 3), (("total", "energy_parts"), 3)],
)
def test_an_old_run_with_something_wrong_is_told_and_not_stumbled_over(run: Run, path: tuple, value: object) -> None:
    data = as_before(run)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(InputError):
        run_from_json(json.dumps(data))


def test_gating_spares_the_registers_behind_the_inputs() -> None:
    machine = load_hardware("eyeriss_like")
    gated, full = (simulate(vary(machine, {"array.zero.inputs.gate": g}), tiny()).layers for g in (True, False))
    share = 1 - 0.575 * (1 - 0.55)
    for with_gate, without in zip(gated, full, strict=True):
        for part in with_gate.energy_parts.keys() & {"mac", "rf.weights", "rf.outputs"}:
            assert with_gate.energy_parts[part] == pytest.approx(share * without.energy_parts[part])
        if "rf.inputs" in without.energy_parts:
            assert with_gate.energy_parts["rf.inputs"] == without.energy_parts["rf.inputs"]
