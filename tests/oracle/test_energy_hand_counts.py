"""Energy of layers on the array, counted by hand, action by action, at prices that are distinct primes.

Words have eight bits. A word read or written costs 3, 5, 7 in the registers of inputs, weights, outputs; 11 on the
networks of the array; 13 in a memory on chip; 17 in DRAM. A MAC costs 2, a cycle 19.
"""

from pathlib import Path

import pytest

from simulator import simulate
from simulator.network.graph import Graph

MACHINE = """
name: primes
source: by hand
clock: 1 GHz
precision_bits: {{inputs: 8, weights: 8, outputs: 8, partial_sums: 8}}
array:
  rows: 2
  columns: 1
  registers_words: {{inputs: 1, weights: 1, outputs: 1}}
  delivery:
    inputs: {{network: multicast, words_per_cycle: 8}}
    weights: {{network: multicast, words_per_cycle: 8}}
    outputs: {{network: multicast, words_per_cycle: 8, reduce_along: rows}}
buffers: {buffers}
dram: {{bandwidth: unlimited, latency_cycles: 0, burst: 1 B}}
vector: {{lanes: 1}}
dataflows: [{{name: by_hand, source: by hand, rows: [K, C], columns: [], registers: [], stationary: weights}}]
energy:
  name: primes
  source: by hand
  unit: pJ
  mac: 2
  gated_mac_fraction: 0
  rf: {{inputs: {{energy: 3, bits: 8}}, weights: {{energy: 5, bits: 8}}, outputs: {{energy: 7, bits: 8}}}}
  array: {{energy: 11, bits: 8}}
  buffer: [{{capacity: 1 KiB, energy: 13, bits: 8}}]
  dram: {{energy: 17, bits: 8}}
  vector_op: 23
  leakage_per_cycle: 19
"""
ONE = "[{name: main, holds: [inputs, weights, outputs], capacity: 1 KiB}]"
SPAD = ONE[:-1] + ", {name: spad, below: main, in_pe: true, holds: [weights], capacity: 16 B}]"


def result(folder: Path, buffers: str, mapping: str, *, channels: int, filters: int, width: int, taps: int = 1):
    """The layer that convolves [1, channels, 1, width], as mapped."""
    (folder / "machine.yaml").write_text(MACHINE.format(buffers=buffers))
    (folder / "mapping.yaml").write_text(f"layers:\n  conv: {{dataflow: by_hand, stationary: weights, {mapping}}}\n")
    g = Graph("one")
    g.conv(g.input(channels, 1, width), filters, (1, taps), name="conv")
    (layer,) = simulate(folder / "machine.yaml", g.build(), mapping=folder / "mapping.yaml").layers
    return layer


def test_two_filters_share_each_input(tmp_path: Path) -> None:
    # Two PEs, a filter each; three pixels one after the other. A pixel is read once for both PEs; weights stay.
    layer = result(tmp_path, ONE, "buffer: [Q3], rows: [K2]", channels=1, filters=2, width=3)
    assert layer.cycles == 3
    assert layer.energy_parts == {
        "mac": 6 * 2,
        "rf.inputs": (6 + 6) * 3,  # read by each MAC; written as three words arrive in two PEs
        "rf.weights": (6 + 2) * 5,  # read by each MAC; one arrives in each PE
        "rf.outputs": (6 + 6) * 7,  # each MAC reads a sum and writes it
        "array.inputs": 6 * 11,
        "array.weights": 2 * 11,
        "array.outputs": 6 * 11,  # out; none comes back
        "buffer.inputs": (3 + 3) * 13,  # written from DRAM; read once for both PEs
        "buffer.weights": (2 + 2) * 13,
        "buffer.outputs": (6 + 6) * 13,  # written by the PEs; read to be stored
        "dram.inputs": 3 * 17,
        "dram.weights": 2 * 17,
        "dram.outputs": 6 * 17,
        "leakage": 3 * 19,
    }


def test_sums_come_back_for_the_second_channel(tmp_path: Path) -> None:
    # One PE; two tiles of a channel each. Three sums leave it in each tile, and come back for the second.
    layer = result(tmp_path, ONE, "dram: [C2], buffer: [Q3]", channels=2, filters=1, width=3)
    assert (layer.cycles, layer.tiles) == (6, 2)
    assert layer.energy_parts == {
        "mac": 6 * 2,
        "rf.inputs": (6 + 6) * 3,
        "rf.weights": (6 + 2) * 5,
        "rf.outputs": (6 + 6) * 7,
        "array.inputs": 6 * 11,
        "array.weights": 2 * 11,
        "array.outputs": (6 + 3) * 11,  # three sums of each tile out, three back in
        "buffer.inputs": (6 + 6) * 13,
        "buffer.weights": (2 + 2) * 13,
        "buffer.outputs": (6 + 3 + 3) * 13,  # written by the PE; read to come back; read to be stored
        "dram.inputs": 6 * 17,
        "dram.weights": 2 * 17,
        "dram.outputs": 3 * 17,
        "leakage": 6 * 19,
    }


def test_two_channels_add_up_on_their_way(tmp_path: Path) -> None:
    # Two PEs, a channel each: sums of both leave PEs, and one of each pair reaches the buffer.
    layer = result(tmp_path, ONE, "buffer: [Q3], rows: [C2]", channels=2, filters=1, width=3)
    assert layer.cycles == 3
    assert layer.energy_parts == {
        "mac": 6 * 2,
        "rf.inputs": (6 + 6) * 3,
        "rf.weights": (6 + 2) * 5,
        "rf.outputs": (6 + 6) * 7,
        "array.inputs": 6 * 11,
        "array.weights": 2 * 11,
        "array.outputs": 6 * 11,  # each PE hands three sums on
        "buffer.inputs": (6 + 6) * 13,
        "buffer.weights": (2 + 2) * 13,
        "buffer.outputs": (3 + 3) * 13,
        "dram.inputs": 6 * 17,
        "dram.weights": 2 * 17,
        "dram.outputs": 3 * 17,
        "leakage": 3 * 19,
    }


def test_a_scratch_pad_keeps_both_taps(tmp_path: Path) -> None:
    # One PE with a scratch pad for the filter's two taps; for each tap two pixels, so that sums go out and come back.
    mapping = "levels: {main: [], spad: [S2, Q2]}"
    layer = result(tmp_path, SPAD, mapping, channels=1, filters=1, width=3, taps=2)
    assert layer.cycles == 4
    assert layer.energy_parts == {
        "mac": 4 * 2,
        "rf.inputs": (4 + 4) * 3,  # a register of one word: an input arrives for each MAC
        "rf.weights": (4 + 2) * 5,  # each tap comes once from the scratch pad
        "rf.outputs": (4 + 4) * 7,
        "array.inputs": 4 * 11,
        "array.weights": 2 * 11,  # into the scratch pad
        "array.outputs": (4 + 2) * 11,  # two sums for each tap out; for the second tap two back in
        "main.inputs": (3 + 4) * 13,  # three words come, two windows of two are read
        "main.weights": (2 + 2) * 13,
        "main.outputs": (4 + 2 + 2) * 13,  # written by the PE; read to come back; read to be stored
        "spad.weights": (2 + 2) * 13,  # written from the buffer; read into the register
        "dram.inputs": 3 * 17,
        "dram.weights": 2 * 17,
        "dram.outputs": 2 * 17,
        "leakage": 4 * 19,
    }


@pytest.mark.parametrize("buffers", [ONE, SPAD])
def test_energy_is_the_sum_of_its_parts(tmp_path: Path, buffers: str) -> None:
    mapping = "buffer: [Q3]" if buffers is ONE else "levels: {main: [Q3], spad: []}"
    layer = result(tmp_path, buffers, mapping, channels=1, filters=1, width=3)
    assert layer.energy_pj == sum(layer.energy_parts.values())
