from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from pathlib import Path

import pytest

from simulator.energy.table import load_energy_table
from simulator.errors import InputError
from simulator.hardware.load import list_hardware, load_hardware, read_hardware
from simulator.hardware.model import Delivery, ZeroWeights
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import Dim
from simulator.source import parse_yaml
from simulator.source.paths import data_dir

SMALLEST = """
name: smallest
source: a test
clock: 100 MHz
precision_bits: {inputs: 8, weights: 8, outputs: 8}
array:
  rows: 2
  columns: 3
  registers_words: {inputs: 1, weights: 1, outputs: 1}
  delivery:
    inputs: {network: unicast, words_per_cycle: 2}
    weights: {network: multicast, words_per_cycle: 1}
    outputs: {network: multicast, words_per_cycle: 1}
buffers:
  - {name: all, holds: [outputs, inputs, weights], capacity: 1 KiB}
dram: {bandwidth: 150 MB/s, latency_cycles: 0, burst: 1 B}
vector: {lanes: 1}
dataflows: [weight_stationary]
energy: eyeriss_relative
"""


def messages(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_hardware(parse_yaml(text, "x.yaml"))
    return [problem.message for problem in caught.value.problems]


def test_what_a_machine_leaves_out_has_a_plain_meaning():
    machine = read_hardware(parse_yaml(SMALLEST))
    array, (buffer,) = machine.array, machine.buffers
    assert (machine.partial_sum_bits, machine.output_bits) == (32, 8)
    assert (array.macs_per_cycle, array.skewed, array.reduce_rows, array.reduce_columns) == (1, False, False, False)
    assert array.step_cycles == 1
    assert (array.zero_weights, array.zero_inputs_fraction, array.gates_zero_inputs) == (
        ZeroWeights(0.0, 1),
        0.0,
        False,
    )
    assert array.delivery[0] == Delivery("unicast", 2, "hidden", forwarding=False)
    assert array.delivery[2].concurrent
    assert (buffer.double_buffered, buffer.banks, buffer.read_bytes_per_cycle, buffer.holds) == (
        True,
        1,
        None,
        (0, 1, 2),
    )
    assert (machine.dma_channels, machine.layer_order, machine.keeps_activations) == (1, "serial", False)
    assert (machine.fuses, machine.folds, machine.dram.run_length) == (frozenset(), frozenset(), ())


def test_dram_bytes_a_cycle_are_exact():
    assert read_hardware(parse_yaml(SMALLEST)).dram.bytes_per_cycle == Fraction(3, 2)
    assert load_hardware("eyeriss_chip").dram.bytes_per_cycle == Fraction(12, 5)


@pytest.mark.parametrize(
    ("along", "rows", "columns"),
    [("rows", True, False), ("columns", False, True), ("both", True, True), ("none", False, False)],
)
def test_sums_are_reduced_along_the_axes_that_are_named(along: str, rows: bool, columns: bool):
    outputs = "outputs: {network: multicast, words_per_cycle: 1"
    text = SMALLEST.replace(outputs, f"{outputs}, reduce_along: {along}, directions: shared")
    array = read_hardware(parse_yaml(text)).array
    assert (array.reduce_rows, array.reduce_columns) == (rows, columns)
    assert not array.delivery[2].concurrent


def test_a_machine_cannot_be_changed():
    machine = load_hardware("eyeriss_chip")
    with pytest.raises(FrozenInstanceError):
        machine.name = "other"  # type: ignore[misc]


def test_a_machine_is_a_path_or_a_bundled_name_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(SMALLEST)
    assert load_hardware(path) == load_hardware("mine.yaml")
    assert load_hardware("flexible_168.yaml") == load_hardware("flexible_168")


def test_a_dataflow_and_an_energy_table_may_be_files_beside_the_machine(tmp_path: Path):
    for folder, name in (("dataflows", "row_stationary"), ("energy", "eyeriss_relative")):
        text = (data_dir() / folder / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"own_{folder}.yaml").write_text(text.replace(f"name: {name}", f"name: own_{folder}"))
    path = tmp_path / "mine.yaml"
    text = SMALLEST.replace("[weight_stationary]", "[own_dataflows.yaml]")
    path.write_text(text.replace("eyeriss_relative", "own_energy.yaml"))
    machine = load_hardware(path)
    assert machine.dataflows == (replace(load_dataflow("row_stationary"), name="own_dataflows"),)
    assert machine.energy == replace(load_energy_table("eyeriss_relative"), name="own_energy")


def test_a_dataflow_and_an_energy_table_may_stand_in_the_machine_itself():
    flow = "{name: mine, source: me, rows: [K], columns: [C], stationary: weights}"
    price = "{energy: 1, bits: 16}"
    table = (
        f"{{name: prices, source: me, unit: pJ, mac: 1, gated_mac_fraction: 0.5, rf: {{inputs: {price}, weights: "
        f"{price}, outputs: {price}}}, array: {price}, buffer: [{{capacity: 1 KiB, energy: 6, bits: 16}}], dram: "
        f"{price}, vector_op: 1, leakage_per_cycle: 0}}"
    )
    text = SMALLEST.replace("[weight_stationary]", f"[weight_stationary, {flow}]").replace("eyeriss_relative", table)
    machine = read_hardware(parse_yaml(text))
    assert machine.dataflow_names == ("weight_stationary", "mine")
    assert machine.dataflows[1].columns == (Dim.C,)
    assert (machine.energy.name, machine.energy.dram_pj_per_bit) == ("prices", 1 / 16)
    broken = text.replace("rows: [K]", "rows: [Z]").replace("unit: pJ, mac: 1", "unit: pJ, mac: -1")
    with pytest.raises(InputError) as caught:
        read_hardware(parse_yaml(broken, "x.yaml"))
    places = [(problem.path, problem.line, problem.file) for problem in caught.value.problems]
    assert places == [("dataflows.1.rows.0", 18, "x.yaml"), ("energy.mac", 19, "x.yaml")]


def test_problems_of_files_that_a_machine_names_are_told_with_its_own(tmp_path: Path):
    (tmp_path / "own.yaml").write_text("name: own\nrows: [K]\n")
    path = tmp_path / "mine.yaml"
    path.write_text(SMALLEST.replace("[weight_stationary]", "[own.yaml]").replace("rows: 2", "rows: 0"))
    with pytest.raises(InputError) as caught:
        load_hardware(path)
    told = [(Path(problem.file or "").name, problem.path) for problem in caught.value.problems]
    assert told[0] == ("mine.yaml", "array.rows")
    assert {("own.yaml", "source"), ("own.yaml", "columns"), ("own.yaml", "stationary")} == set(told[1:])


@pytest.mark.parametrize("value", ["[3]", "[[K]]", "[null]", "[{}]", "[{a: 1}]"])
def test_what_is_no_dataflow_is_told_what_it_must_be(value: str):
    with pytest.raises(InputError, match=r"dataflows\.0: wrong value\n.*the name of a bundled dataflow"):
        read_hardware(parse_yaml(SMALLEST.replace("[weight_stationary]", value), "x.yaml"))


def test_dataflows_of_one_name_are_told_apart(tmp_path: Path):
    text = (data_dir() / "dataflows/row_stationary.yaml").read_text(encoding="utf-8")
    for i, name in enumerate(("row_stationary#2", "row_stationary", "row_stationary")):
        (tmp_path / f"{i}.yaml").write_text(text.replace("name: row_stationary", f'name: "{name}"'))
    path = tmp_path / "mine.yaml"
    path.write_text(SMALLEST.replace("[weight_stationary]", "[0.yaml, row_stationary, 1.yaml, 2.yaml]"))
    machine = load_hardware(path)
    names = tuple(f"row_stationary{number}" for number in ("#2", "", "#3", "#4"))
    assert machine.dataflow_names == names
    assert read_hardware(machine.document or {}).dataflow_names == names


def test_a_file_beside_the_machine_that_is_named_without_suffix_is_suggested(tmp_path: Path):
    (tmp_path / "own.yaml").write_text("name: own\n")
    (tmp_path / "mine.yaml").write_text(SMALLEST.replace("[weight_stationary]", "[own]"))
    with pytest.raises(InputError, match=r'did you mean "own\.yaml"'):
        load_hardware(tmp_path / "mine.yaml")


def test_a_dataflow_file_that_is_not_there_is_a_problem():
    assert messages(SMALLEST.replace("[weight_stationary]", "[absent.yaml]")) == [
        "cannot read the file: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("buffers", "message"),
    [
        ("[{name: a, holds: [inputs, weights], capacity: 1 KiB}]", "the buffers hold outputs 0 times"),
        (
            "[{name: a, holds: [inputs, weights], capacity: 1 KiB}, {name: b, holds: [inputs], capacity: 1 KiB}]",
            "the buffers hold inputs 2 times, outputs 0 times",
        ),
        ("[{name: a, holds: [inputs, inputs], capacity: 1 KiB}]", "given twice"),
        ("[{name: a, holds: [inputs], capacity: 1 B}, {name: a, holds: [weights], capacity: 1 B}]", "given twice"),
    ],
)
def test_buffers_hold_each_operand_once(buffers: str, message: str):
    start, end = SMALLEST.index("buffers:"), SMALLEST.index("dram:")
    assert messages(f"{SMALLEST[:start]}buffers: {buffers}\n{SMALLEST[end:]}") == [message]


@pytest.mark.parametrize("key", ["fuses", "folds"])
def test_what_multiplies_is_neither_fused_nor_folded(key: str):
    assert messages(f"{SMALLEST}{key}: [conv]\n") == ["unknown kind of op"]


def test_a_name_in_a_list_comes_once():
    assert messages(f"{SMALLEST}fuses: [add, add]\n") == ["given twice"]


def test_a_run_of_zeros_fits_its_field():
    compression = "compression: {run_length: {operands: [inputs], longest_run: 32, run_bits: 5}}"
    assert messages(SMALLEST.replace("burst: 1 B", f"burst: 1 B, {compression}")) == ["does not fit its field"]


def test_every_problem_of_a_machine_is_reported_at_once():
    text = SMALLEST.replace("rows: 2", "rows: 0").replace("100 MHz", "100").replace("eyeriss_relative", "eyeriss")
    assert messages(text) == ["a unit is missing", "wrong value", "unknown energy table"]


def test_the_bundled_machines_are_listed():
    assert set(list_hardware()) >= {
        "eyeriss_chip",
        "flexible_168",
        "squeezenext_16x16",
        "squeezenext_8x8",
        "systolic_32x32",
    }
