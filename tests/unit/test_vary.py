"""A machine with some keys changed: the same as a file with these keys."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulator import load_hardware
from simulator.errors import InputError
from simulator.hardware.load import list_hardware
from simulator.hardware.vary import vary
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import Dim
from simulator.source.parser import Value
from simulator.source.paths import data_dir

MACHINE = "squeezenext_16x16"


def problem_of(changes: dict[str, Value]) -> str:
    with pytest.raises(InputError) as caught:
        vary(load_hardware(MACHINE), changes)
    return caught.value.render()


@pytest.mark.parametrize("name", list_hardware())
def test_a_machine_without_changes_is_the_machine(name: str) -> None:
    machine = load_hardware(name)
    assert vary(machine, {}) == machine


def test_a_varied_machine_is_that_of_a_file_with_other_values(tmp_path: Path) -> None:
    text = (data_dir() / f"{MACHINE}.yaml").read_text(encoding="utf-8")
    other = text.replace("bandwidth: 16 GB/s", "bandwidth: 8 GB/s").replace("rows: 16\n", "rows: 8\n")
    (tmp_path / "other.yaml").write_text(other)
    machine = vary(load_hardware(MACHINE), {"dram.bandwidth": "8 GB/s", "array.rows": 8})
    assert machine == load_hardware(tmp_path / "other.yaml")
    assert machine.document == load_hardware(tmp_path / "other.yaml").document
    assert machine != load_hardware(MACHINE)


@pytest.mark.parametrize(
    ("path", "text", "number"),
    [("clock", "500 MHz", 5 * 10**8), ("dram.bandwidth", "2 GB/s", 2 * 10**9), ("buffers.0.capacity", "1 KiB", 1024)],
)
def test_a_quantity_is_text_with_a_unit_or_a_number(path: str, text: str, number: int) -> None:
    machine = load_hardware(MACHINE)
    varied = vary(machine, {path: number})
    assert varied == vary(machine, {path: text}) != machine
    assert varied.document == vary(machine, {path: text}).document


def test_items_go_by_index_or_name() -> None:
    machine = load_hardware("eyeriss_chip")
    by_name = vary(machine, {"buffers.filter.capacity": "4 KiB"})
    assert by_name == vary(machine, {"buffers.1.capacity": "4 KiB"})
    assert [buffer.capacity_bytes for buffer in by_name.buffers] == [102400, 4096]


def test_keys_of_dataflows_and_of_the_energy_table_are_the_machines_own() -> None:
    machine = load_hardware("eyeriss_like")
    varied = vary(machine, {"dataflows.row_stationary.columns": ["K"], "energy.dram.energy": 100})
    assert varied.dataflows == (replace(load_dataflow("row_stationary"), columns=(Dim.K,)),)
    assert varied.energy == replace(machine.energy, dram_pj_per_bit=100 / 16)


def test_dataflows_and_energy_table_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (data_dir() / "dataflows/row_stationary.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("name: row_stationary", "name: mine"))
    monkeypatch.chdir(tmp_path)
    flows: list[Value] = ["weight_stationary", "mine.yaml"]
    machine = vary(load_hardware("eyeriss_chip"), {"dataflows": flows, "energy": "picojoule_45nm"})
    assert (machine.dataflow_names, machine.energy.unit) == (("weight_stationary", "mine"), "pJ")


def test_what_was_left_out_can_be_given_and_one_change_may_follow_on_another() -> None:
    machine = load_hardware(MACHINE)
    assert vary(machine, {"layers.order": "prefetch_weights"}).layer_order == "prefetch_weights"
    buffers: list[Value] = [{"name": "one", "holds": ["inputs", "weights", "outputs"], "capacity": "1 KiB"}]
    assert vary(machine, {"buffers": buffers, "buffers.one.banks": 2}).buffers[0].banks == 2


def test_changes_are_checked_as_in_a_file() -> None:
    assert "array.row: unknown key\n" in problem_of({"array.row": 8})
    assert 'did you mean "rows"' in problem_of({"array.row": 8})
    assert problem_of({"array.rows": 0}).startswith("array.rows: wrong value\n  expected: at least 1\n  got: 0")
    assert problem_of({"dram.bandwidth": "fast", "vector.lanes": "many"}).count("expected") == 2
    assert "buffers.mian.capacity: squeezenext_16x16 has no such item" in problem_of({"buffers.mian.capacity": 9})
    assert 'did you mean "main"' in problem_of({"buffers.mian.capacity": 9})
    assert "clock: a unit is missing" in problem_of({"clock": True})


def test_a_machine_without_a_document_is_refused() -> None:
    with pytest.raises(InputError, match="in no form that can be varied"):
        vary(replace(load_hardware(MACHINE), clock_hz=1), {"array.rows": 8})
