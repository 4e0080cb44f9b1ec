"""Mappings as text: saved, read again, refused with a reason."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import simulate
from simulator.cost.legality import Around, load_mappings, violations
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.mapping.mapping import Mapping
from simulator.mapping.schema import WrittenMappings
from simulator.mapping.text import LevelNames, mapping_to_dict, mappings_to_yaml, read_mapping
from simulator.source import load_yaml, parse_yaml, validate
from simulator.source.parser import MAX_BYTES, OF_LAYERS
from tests.oracle.strategies import SHAPES, layer_of, mapped_nests
from workloads.load import load_network

GOOD = """
layers:
  conv3:
    dataflow: row_stationary
    stationary: weights
    dram: [K6, C64]
    buffer: [N4, Q13]
    rows: [R3, K4]
    columns: [P13]
    registers: [S3, C4, K16]
"""


def read(text: str, tmp_path: Path):
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    return load_mappings(path, load_network("alexnet", batch=4).layers, load_hardware("eyeriss_chip"))


def problems(text: str, tmp_path: Path):
    with pytest.raises(InputError) as caught:
        read(text, tmp_path)
    return caught.value.problems


def test_a_published_mapping_reads_as_its_table_says(tmp_path):
    mapping = read(GOOD, tmp_path)["conv3"]
    assert mapping.tile == (4, 1, 64, 4, 13, 13, 3, 3)
    assert [d.name for d in mapping.dram_order] == ["K", "C"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("conv3", "conv33", "no layer of this name"),
        ("K6, C64", "K6, C63", "loops over C do not cover it"),
        ("[N4, Q13]", "[N4, Q12]", "loops over Q do not cover it"),
        ("[R3, K4]", "[R3, K5]", "rows: unrolls 15 PEs"),
        ("S3, C4, K16", "S3, C4, K16q", "not a loop"),
        ("buffer", "bufer", "unknown key"),
        ("[K6, C64]", "[K6, K64]", "dimension K given twice"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_place(old: str, new: str, said: str, tmp_path):
    found = problems(GOOD.replace(old, new), tmp_path)
    assert any(said in problem.message for problem in found)
    assert all(problem.file and problem.line for problem in found)


def test_what_is_wrong_with_a_layers_mapping_as_a_whole_is_told_at_its_name(tmp_path):
    (unknown,) = problems(GOOD.replace("conv3", "conv33"), tmp_path)
    assert (unknown.path, unknown.line, unknown.column, unknown.suggestion) == ("layers.conv33", 3, 3, "conv3")
    wide = problems(GOOD.replace("[R3, K4]", "[R3, K5]").replace("[K6, C64]", "[K5, C64]"), tmp_path)
    assert {(problem.path, problem.line, problem.column) for problem in wide} == {("layers.conv3", 3, 3)}


def test_tensors_that_stay_around_a_layer_leave_its_mapping_less_room(tmp_path):
    path = tmp_path / "mapping.yaml"
    path.write_text(GOOD)
    layers, machine = load_network("alexnet", batch=4).layers, load_hardware("eyeriss_chip")

    def loaded_beside(name: str) -> dict[str, Mapping]:
        around = {name: Around(reserved_bytes=10**5)}
        return load_mappings(
            path, layers, machine, lambda each, of: violations(each, of, machine, around.get(of.name, Around()))
        )

    assert loaded_beside("conv2") == load_mappings(path, layers, machine)
    with pytest.raises(InputError) as caught:
        loaded_beside("conv3")
    (problem,) = caught.value.problems
    assert f"it has {102400 - 10**5} for them" in problem.message


def test_a_mapping_that_exceeds_array_registers_or_buffer_says_by_how_much(tmp_path):
    text = GOOD.replace("[K6, C64]", "[K3, C16]").replace("[N4, Q13]", "[N4, Q13]").replace("[R3, K4]", "[R3, K8]")
    messages = " / ".join(problem.message for problem in problems(text.replace("C4, K16", "C16, K16"), tmp_path))
    assert "rows: unrolls 24 PEs, the array has 12 rows" in messages
    assert "registers: a PE needs 768 words of weights, it has 224" in messages
    assert re.search(r"buffer main: tiles need [0-9]{6,} bytes, it has 102400 for them", messages)


@pytest.mark.parametrize(
    ("machine", "network"),
    [
        ("flexible_168", "squeezenext:variant=v5,resolution=64"),
        ("squeezenext_16x16", "squeezenet:version=1.1,resolution=64"),
        ("systolic_32x32", "squeezenext:variant=v5,resolution=64"),
    ],
)
def test_replaying_the_mappings_of_a_run_gives_the_same_run(machine: str, network: str, tmp_path):
    run = simulate(machine, network)
    path = tmp_path / "mappings.yaml"
    path.write_text(mappings_to_yaml([(r.name, dict(r.mapping)) for r in run.layers if r.mapping], "mappings"))
    again = simulate(machine, network, mapping=path)
    assert again.layers == run.layers
    assert again.total == run.total


@given(data=st.data())
def test_any_mapping_survives_being_written_and_read(data):
    """On machines of any levels and arrays; loops that run once are not written."""
    shape = data.draw(SHAPES)
    nest, mapping = data.draw(mapped_nests(shapes=st.just(shape)))
    levels = LevelNames(tuple(f"level {i}" for i in range(shape.levels)), shape.chip)
    layer, written = layer_of(nest), mapping_to_dict(mapping, nest.bounds, levels)
    document = parse_yaml(mappings_to_yaml([(layer.name, written)], "one"))
    again, wrong = read_mapping(validate(document, WrittenMappings).layers[layer.name], layer, document, levels)
    assert not wrong
    assert mapping_to_dict(again, nest.bounds, levels) == written
    orders = {name: getattr(again, name) for name in ("dram_order", "buffer_order", "registers_order")}
    inner = tuple(replace(a, order=b.order) for a, b in zip(mapping.inner, again.inner, strict=True))
    assert again == replace(mapping, inner=inner, **orders)


def test_a_mapping_for_more_samples_names_the_batch():
    with pytest.raises(InputError, match="--batch 4") as raised:
        simulate("eyeriss_chip", "alexnet", mapping="eyeriss_chip_alexnet")
    assert {problem.got for problem in raised.value.problems} == {"N4"}


def test_a_file_of_mappings_for_as_many_layers_as_a_network_may_have_is_within_the_bounds(tmp_path: Path) -> None:
    entry = "{dataflow: weight_stationary, dram: [K4:16, C2], buffer: [K2], rows: [C4], columns: [K4], registers: [P3]}"
    text = "layers:\n" + "".join(f"  {'x' * 170}{number}: {entry}\n" for number in range(20_000))
    assert MAX_BYTES < len(text) < MAX_BYTES * OF_LAYERS
    (tmp_path / "m.yaml").write_text(text[: MAX_BYTES + 500].rpartition("\n")[0])
    assert len(load_yaml(tmp_path / "m.yaml", OF_LAYERS).data["layers"]) > 3000  # type: ignore[arg-type]
    with pytest.raises(InputError, match="too large"):
        load_yaml(tmp_path / "m.yaml")
