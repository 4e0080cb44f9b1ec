"""Machines that extend another: what is joined, what is refused, and what a run keeps of them."""

from fractions import Fraction
from pathlib import Path

import pytest

from simulator import simulate
from simulator.door import machine_of
from simulator.errors import InputError, Problem
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.network.graph import Graph

DPU_SIZES = {512: (4, 8), 800: (4, 10), 1024: (8, 8), 1152: (4, 12), 1600: (8, 10), 2304: (8, 12), 3136: (8, 14)}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\n{text}")
    return path


def problems(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_hardware(path)
    return caught.value.problems


@pytest.mark.parametrize("size", DPU_SIZES)
def test_each_dpu_has_the_parallelism_of_the_product_guide_and_all_else_of_the_largest(size: int):
    machine, largest = load_hardware(f"dpu_b{size}"), load_hardware("dpu_b4096")
    array = machine.array
    assert (array.instances, array.rows) == DPU_SIZES[size]
    assert 2 * array.pes == size
    assert machine.extends == ("dpu_b4096",)
    assert (machine.dram, machine.launch_cycles) == (largest.dram, largest.launch_cycles)
    assert machine.by_default == largest.by_default


def test_a_machine_is_what_it_says_over_what_it_extends(tmp_path: Path):
    path = written(tmp_path, "mine", "extends: edge_npu_like\nclock: 500 MHz\narray: {rows: 16}\n")
    by_hand = vary(load_hardware("edge_npu_like"), {"name": "mine", "clock": "500 MHz", "array.rows": 16})
    assert load_hardware(path) == by_hand
    assert load_hardware(path).document == by_hand.document


def test_buffers_are_joined_by_name_and_new_ones_follow(tmp_path: Path):
    text = "extends: dpu_b4096\nbuffers:\n  - {name: weights, capacity: 1 MiB}\n"
    text += "  - {name: pad, below: weights, in_pe: true, holds: [weights], capacity: 8 B}\n"
    banks, weights, pad = load_hardware(written(tmp_path, "mine", text)).buffers
    assert banks == load_hardware("dpu_b4096").buffers[0]
    assert (weights.capacity_bytes, weights.banks) == (2**20, 16)
    assert (pad.name, pad.level) == ("pad", 1)


def test_a_key_without_value_takes_back_what_the_extended_machine_says(tmp_path: Path):
    text = "extends: dpu_b4096\ndram: {latency: null, latency_cycles: 7}\nfolds: []\nlayers: {launch: null}\n"
    machine = load_hardware(written(tmp_path, "mine", text))
    assert (machine.dram.latency_cycles, machine.launch_cycles, machine.folds) == (7, 0, frozenset())
    assert machine.dram.bytes_per_cycle == Fraction(8, 10) * 32
    assert machine.by_default["layers.launch"] == "ops launched in no time"


def test_a_chain_goes_through_files_beside_one_another(tmp_path: Path):
    written(tmp_path, "slow", "extends: dpu_b512\nclock: 100 MHz\n")
    machine = load_hardware(written(tmp_path, "slower", "extends: slow.yaml\nclock: 50 MHz\n"))
    assert machine.extends == ("slow", "dpu_b512", "dpu_b4096")
    assert (machine.clock_hz, machine.array.pes) == (50 * 10**6, 256)


def test_a_loop_of_machines_is_refused_where_it_closes(tmp_path: Path):
    path = written(tmp_path, "one", "extends: two.yaml\n")
    written(tmp_path, "two", "clock: 1 GHz\nextends: one.yaml\n")
    (problem,) = problems(path)
    assert (Path(problem.file or "").name, problem.line, problem.path) == ("two.yaml", 3, "extends")
    assert problem.message == "a machine that extends itself: one > two > one"


@pytest.mark.parametrize(
    ("name", "got", "suggestion"),
    [("dpu_b4095", '"dpu_b4095"', "dpu_b4096"), ("dpu.yaml", '"dpu.yaml"', None), ("7", "7", None)],
)
def test_a_machine_that_there_is_not_is_refused_with_the_nearest(
    tmp_path: Path, name: str, got: str, suggestion: str | None
):
    (problem,) = problems(written(tmp_path, "mine", f"extends: {name}\n"))
    assert (problem.line, problem.column, problem.path, problem.got) == (2, 10, "extends", got)
    assert suggestion is None or problem.suggestion == suggestion


def test_what_is_wrong_in_the_file_has_its_place_also_in_buffers_that_are_joined(tmp_path: Path):
    text = "extends: dpu_b4096\nbuffers:\n  - {name: weights, capacity: none}\narray: {rowz: 3}\n"
    found = [(p.line, p.path) for p in problems(written(tmp_path, "mine", text))]
    assert found == [(4, "buffers.1.capacity"), (5, "array.rowz")]


def test_what_only_goes_wrong_together_is_placed_at_what_is_said(tmp_path: Path):
    (problem,) = problems(written(tmp_path, "mine", "extends: dpu_b4096\ndram: {latency_cycles: 7}\n"))
    assert (problem.line, problem.message) == (2, "the latency is given twice")


def test_a_machine_has_a_name_of_its_own(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: dpu_b4096\n")
    (problem,) = problems(path)
    assert (problem.message, problem.path) == ("missing key", "name")


def test_what_is_wrong_in_the_extended_file_is_told_of_that_file(tmp_path: Path):
    written(tmp_path, "base", "extends: dpu_b4096\nclock: soon\n")
    (problem,) = problems(written(tmp_path, "mine", "extends: base.yaml\nclock: 1 GHz\n"))
    assert (Path(problem.file or "").name, problem.line, problem.path) == ("base.yaml", 3, "clock")


def test_a_run_keeps_the_whole_machine():
    g = Graph("one")
    g.conv(g.input(16, 8, 8), 16, kernel=3)
    run = simulate("dpu_b512", g.build())
    assert run.documents is not None and run.documents.hardware is not None
    assert "extends" not in run.documents.hardware
    assert machine_of(run) == load_hardware("dpu_b512")
