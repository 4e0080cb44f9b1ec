"""Machines of other tools: what is written of them loads, runs, and is the machine that the file says."""

from pathlib import Path

import pytest

from simulator import simulate
from simulator.cli.convert import convert
from simulator.errors import InputError
from simulator.hardware.importers import machine_text
from simulator.hardware.load import load_hardware, read_hardware
from simulator.hardware.model import Hardware
from simulator.nest import OPERAND_NAMES
from simulator.source import parse_yaml

SCALE_SIM = """\
[general]
run_name = scale_example_run_32x32_os

[architecture_presets]
ArrayHeight:    32
ArrayWidth:     32
IfmapSramSzkB:    64
FilterSramSzkB:   64
OfmapSramSzkB:    64
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Bandwidth : 10
Dataflow : os
MemoryBanks:   1

[run_presets]
InterfaceBandwidth: USER
"""

VERSION_4 = """\
architecture:
  # ============================================================
  version: 0.4
  nodes: # Top-level is hierarchical
  - !Container # Top-level system
    name: system
    attributes:
      technology: "45nm"
      global_cycle_seconds: 1e-9
      datawidth: 16
  - !Component # DRAM main memory
    name: DRAM
    class: DRAM
    attributes:
      width: 64
      datawidth: datawidth
  - !Container # Eyeriss accelerator
    name: eyeriss
  - !Component # Global buffer for inputs & outputs
    name: shared_glb
    class: smartbuffer_sram
    attributes:
      depth: 16384
      width: 64
      n_banks: 32
      read_bandwidth: 16
      write_bandwidth: 16
    constraints:
      dataspace: {keep: [Inputs, Outputs], bypass: [Weights]}
  - !Container # Each column of PEs produces a different psum row
    name: PE_column
    spatial: {meshX: 14}
    constraints:
      spatial: {permutation: [N, C, P, R, S, Q, M], split: 7}
  - !Container
    name: PE
    spatial: {meshY: 12}
  - !Component # Input scratchpad
    name: ifmap_spad
    class: smartbuffer_RF
    attributes: {depth: 12, width: datawidth, read_bandwidth: 2}
    constraints:
      dataspace: {keep: [Inputs], bypass: [Outputs, Weights]}
  - !Component # Weight scratchpad
    name: weights_spad
    class: smartbuffer_RF
    attributes: {depth: 192, width: datawidth}
    constraints:
      dataspace: {keep: [Weights], bypass: [Inputs, Outputs]}
  - !Component # Psum scratchpad
    name: psum_spad
    class: smartbuffer_RF
    attributes: {depth: 16, width: datawidth, update_fifo_depth: 2}
    constraints:
      dataspace: {keep: [Outputs], bypass: [Inputs, Weights]}
  - !Component # MAC unit
    name: mac
    class: intmac
    attributes: {multiplier_width: datawidth, adder_width: datawidth}
"""

VERSION_3 = """\
architecture:
  version: 0.3
  subtree:
    - name: system
      attributes:
        technology: "45nm"
      local:
        - name: DRAM
          class: DRAM
          attributes: {type: "LPDDR4", width: 64, block-size: 4, word-bits: 16}
      subtree:
        - name: chip
          local:
            - name: shared_glb
              class: smartbuffer_SRAM
              attributes:
                {memory_depth: 16384, memory_width: 64, n_banks: 32, block-size: 4, word-bits: 16, read_bandwidth: 16}
            - name: DummyBuffer[0..15]
              class: regfile
              attributes: {depth: 16, width: 16, word-bits: 16, block-size: 1, meshX: 16}
          subtree:
            - name: PE[0..255]
              local:
                - name: pe_spad
                  class: smartbuffer_RF
                  attributes: {memory_depth: 192, memory_width: 16, block-size: 1, word-bits: 16, meshX: 16}
                - name: weight_reg
                  class: reg_storage
                  attributes: {depth: 1, width: 16, word-bits: 16, meshX: 16}
                - name: mac
                  class: intmac
                  attributes: {datawidth: 16, meshX : 16}
"""


def machine(text: str, suffix: str, folder: Path) -> Hardware:
    path = folder / f"theirs{suffix}"
    path.write_text(text)
    return read_hardware(parse_yaml(machine_text(path)))


def said(text: str, suffix: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        machine(text, suffix, folder)
    return caught.value.render()


def memories(hardware: Hardware) -> list[tuple[str, list[str], int]]:
    return [(b.name, [OPERAND_NAMES[operand] for operand in b.holds], b.capacity_bytes) for b in hardware.buffers]


def test_a_configuration_of_scale_sim_is_a_systolic_array_with_a_memory_for_each_operand(tmp_path: Path):
    found = machine(SCALE_SIM, ".cfg", tmp_path)
    assert (found.name, found.array.rows, found.array.columns) == ("scale_example_run_32x32_os", 32, 32)
    assert memories(found) == [(name, [name], 64 * 1024) for name in ("inputs", "weights", "outputs")]
    assert [flow.name for flow in found.dataflows] == ["output_stationary_lowered"]
    assert found.dram.bytes_per_cycle == 3 * 10
    assert found.array == load_hardware("scalesim_32x32").array


def test_the_first_version_of_a_configuration_is_read_by_its_own_keys(tmp_path: Path):
    text = SCALE_SIM.replace("SramSzkB", "SramSz").replace("USER", "CALC").replace("Dataflow : os", "Dataflow: ws")
    found = machine(text, ".cfg", tmp_path)
    assert [flow.name for flow in found.dataflows] == ["weight_stationary_lowered"]
    assert memories(found)[0] == ("inputs", ["inputs"], 64 * 1024)


def test_all_that_is_wrong_with_a_configuration_is_told_at_once(tmp_path: Path):
    wrong = SCALE_SIM.replace("32\n", "many\n", 1).replace(": os", ": rs").replace("IfmapSramSzkB", "Ifmap")
    text = said(wrong, ".cfg", tmp_path)
    assert "ArrayHeight: wrong value" in text
    assert "IfmapSramSz: missing key" in text
    assert "Dataflow: wrong value\n  expected: one of is, os, ws\n  got: rs" in text
    assert "not a configuration" in said("ArrayHeight: 3", ".cfg", tmp_path)
    assert "SparsitySupport" in said(SCALE_SIM + "[sparsity]\nSparsitySupport : true\n", ".cfg", tmp_path)


def test_an_architecture_of_eyeriss_is_the_machine_that_was_written_by_hand(tmp_path: Path):
    found, ours = machine(VERSION_4, ".yaml", tmp_path), load_hardware("timeloop_eyeriss_like")
    assert (found.array.rows, found.array.columns, found.clock_hz) == (
        ours.array.rows,
        ours.array.columns,
        ours.clock_hz,
    )
    assert found.array.registers_words == (12, 1, 16)
    assert memories(found) == [
        ("shared_glb", ["inputs", "outputs"], 16384 * 8),
        ("weights_spad", ["weights"], 192 * 2),
    ]


@pytest.mark.parametrize("version", ["0.2", "0.3"])
def test_a_tree_counts_its_parts_by_their_names(version: str, tmp_path: Path):
    found = machine(VERSION_3.replace("0.3", version), ".yaml", tmp_path)
    assert (found.array.rows, found.array.columns, found.array.registers_words) == (16, 16, (1, 1, 1))
    everything = list(OPERAND_NAMES)
    assert memories(found) == [("shared_glb", everything, 131072), ("pe_spad", everything, 384)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.3", "0.9", "a version that is not known"),
        ("class: intmac", "class: adder", "no line from DRAM to MACs"),
        ("PE[0..255]", "PE[0..200]", "instances do not divide into columns"),
        ("pe_spad\n", "pe_spad[0..3]\n", "memories between chip and PE"),
        ("architecture:", "sparse_optimizations: {}\narchitecture:", "zeros are no part of a machine"),
        ("memory_depth: 192", "memory_depth: lots", "not a number"),
        ("memory_depth: 192, ", "", "nothing tells its size"),
        (
            "        - name: chip",
            "        - name: other\n        - name: chip",
            "several kinds of part beside one another",
        ),
    ],
)
def test_what_a_machine_cannot_say_is_told_at_its_place(old: str, new: str, message: str, tmp_path: Path):
    text = said(VERSION_3.replace(old, new), ".yaml", tmp_path)
    assert message in text
    assert "theirs.yaml:" in text


def test_parts_beside_one_another_are_refused(tmp_path: Path):
    text = VERSION_4.replace(
        "  - !Container # Eyeriss accelerator\n    name: eyeriss\n", "  - !Parallel\n    nodes: []\n"
    )
    assert "several parts beside one another" in said(text, ".yaml", tmp_path)


def test_the_command_writes_a_machine_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    theirs, ours = tmp_path / "theirs.cfg", tmp_path / "ours.yaml"
    theirs.write_text(SCALE_SIM)
    convert(str(theirs), "hw", ours)
    assert capsys.readouterr().out == f"{ours}\n"
    run = simulate(load_hardware(ours), "squeezenet:version=1.1")
    assert run.hardware.pes == 1024
    convert(str(theirs), "hw")
    assert capsys.readouterr().out == ours.read_text()


def test_a_configuration_in_place_of_a_machine_is_told_what_to_do(tmp_path: Path):
    (tmp_path / "theirs.cfg").write_text(SCALE_SIM)
    with pytest.raises(InputError, match=r"simulate convert .*theirs.cfg --to hw"):
        load_hardware(tmp_path / "theirs.cfg")


def test_another_suffix_is_no_machine(tmp_path: Path):
    assert "not a machine of another tool" in said("", ".txt", tmp_path)
