"""What a run carries of the machine and the network: enough to simulate them again anywhere."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from simulator.result.subject import unique_names

from simulator import load_hardware, simulate
from simulator.errors import InputError
from simulator.result.json_io import load_run, run_from_json, run_to_json, save_run
from simulator.source.paths import data_dir
from tests.cli.tiny import tiny


@pytest.fixture
def own_machine(tmp_path: Path) -> Path:
    """A machine in a file, with a dataflow and an energy table in files beside it."""
    machine = (data_dir() / "eyeriss_like.yaml").read_text(encoding="utf-8")
    flows, _, rest = machine.partition("dataflows:\n")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "machine.yaml").write_text(f"{flows}dataflows: [flow.yaml, no_local_reuse]\nenergy: table.yaml\n")
    flow = (data_dir() / "dataflows/row_stationary.yaml").read_text(encoding="utf-8")
    (folder / "flow.yaml").write_text(flow.replace("name: row_stationary", "name: my_rows"))
    table = (data_dir() / "energy/eyeriss_relative.yaml").read_text(encoding="utf-8")
    (folder / "table.yaml").write_text(table.replace("name: eyeriss_relative", "name: my_energies"))
    assert "energy:" in rest
    return folder / "machine.yaml"


@pytest.mark.parametrize("machine", ["eyeriss_chip", "eyeriss_like", "squeezenext_16x16", "systolic_32x32"])
def test_a_saved_run_gives_back_machine_and_network_as_they_were(machine: str) -> None:
    network = tiny()
    run = run_from_json(run_to_json(simulate(machine, network)))
    assert run.subject is not None
    assert (run.subject.hardware, run.subject.network) == (load_hardware(machine), network)
    assert run == simulate(machine, network)


def test_what_lay_in_files_of_the_user_travels_with_the_run(own_machine: Path, tmp_path: Path) -> None:
    run = simulate(own_machine, tiny(), dataflow=str(own_machine.parent / "flow.yaml"))
    save_run(run, tmp_path / "run.json")
    assert str(tmp_path) not in (tmp_path / "run.json").read_text()
    subject = load_run(tmp_path / "run.json").subject
    assert subject is not None
    assert subject.hardware.dataflows == ("my_rows", "no_local_reuse")
    assert (subject.hardware.energy, subject.energy.name) == ("my_energies", "my_energies")
    assert [flow.name for flow in subject.dataflows] == ["my_rows", "no_local_reuse"]
    assert run.options["dataflow"] == "my_rows"


def test_a_bandwidth_that_is_no_whole_number_of_bytes_a_cycle_stays_exact() -> None:
    machine = load_hardware("eyeriss_like")
    odd = replace(machine, dram=replace(machine.dram, bytes_per_cycle=Fraction(127, 3)))
    subject = run_from_json(run_to_json(simulate(odd, tiny()))).subject
    assert subject is not None and subject.hardware.dram.bytes_per_cycle == Fraction(127, 3)


def test_dataflows_of_one_name_are_told_apart() -> None:
    flows = [simulate("eyeriss_like", tiny()).subject.dataflows[0]] * 3  # type: ignore[union-attr]
    assert unique_names(flows) == ("row_stationary", "row_stationary#2", "row_stationary#3")


@pytest.mark.parametrize(
    ("part", "path", "value"),
    [("hardware", ("dma_channels",), 7), ("energy", ("mac_pj",), 3.0), ("network", ("layers", 0, "stage"), "other")],
)
def test_a_machine_or_network_changed_in_the_file_is_noticed(
    part: str, path: tuple[str | int, ...], value: object
) -> None:
    data = json.loads(run_to_json(simulate("eyeriss_like", tiny())))
    inner = data["subject"][part]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(InputError, match=f"provenance.{part}_sha256: altered since the run was made"):
        run_from_json(json.dumps(data), "run.json")


def test_a_run_of_before_is_read_without_its_subject() -> None:
    data = json.loads(run_to_json(simulate("eyeriss_like", tiny())))
    del data["subject"]
    assert run_from_json(json.dumps(data)).subject is None
