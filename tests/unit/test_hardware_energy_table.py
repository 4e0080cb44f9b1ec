from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.energy.table import EnergyTable, list_energy_tables, load_energy, load_energy_table, read_energy_table
from simulator.errors import InputError
from simulator.source import parse_yaml
from simulator.source.paths import data_dir


@pytest.mark.parametrize("name", list_energy_tables())
def test_a_bundled_table_bears_the_name_of_its_file(name: str):
    assert load_energy(name).name == name


def test_the_relative_table_holds_the_published_costs_of_a_16_bit_access():
    """Chen et al., ISCA 2016: register file 1, PE to PE 2, buffer 6, DRAM 200 times a MAC."""
    table = load_energy_table("eyeriss_relative")
    assert (table.mac_pj, table.unit) == (1, "MAC")
    assert [16 * cost for cost in table.rf_pj_per_bit] == [1, 1, 1]
    assert 16 * table.array_pj_per_bit == 2
    assert 16 * table.buffer_pj_per_bit(108 * 1024) == 6
    assert 16 * table.dram_pj_per_bit == 200
    assert table.gated_mac_fraction == pytest.approx(1 - 0.45)


def test_the_picojoule_table_holds_the_published_costs():
    """Horowitz, ISSCC 2014, 45 nm: SRAM of 8 KB 10 pJ, 32 KB 20 pJ, 1 MB 100 pJ, DRAM 1.3 nJ for 64 bits."""
    table = load_energy_table("picojoule_45nm")
    sizes = [8 * 2**10, 32 * 2**10, 2**20]
    assert [64 * table.buffer_pj_per_bit(size) for size in sizes] == pytest.approx([10, 20, 100])
    assert 64 * table.dram_pj_per_bit == 1300
    assert table.unit == "pJ"


def test_a_16_bit_multiplication_lies_between_8_and_32_bits_by_a_power_law():
    """Horowitz, ISSCC 2014: int8 multiplication 0.2 pJ, int32 3.1 pJ, int32 addition 0.1 pJ."""
    multiply = (0.2 * 3.1) ** 0.5  # 16 lies midway between 8 and 32 on a logarithmic axis
    assert load_energy_table("picojoule_45nm").mac_pj == pytest.approx(multiply + 0.1, abs=0.005)
    assert load_energy_table("picojoule_45nm_int8").mac_pj == pytest.approx(0.2 + 0.1)


def test_between_points_energy_follows_their_law_and_beyond_them_that_of_the_two_outermost():
    """A buffer of four times the capacity takes twice as much up to 1 KiB, and four times as much from there on."""
    sizes = {256: 4.0, 1024: 8.0, 4096: 32.0}
    table = replace(load_energy_table("picojoule_45nm"), buffer_points=tuple(sizes.items()))
    wanted = sizes | {64: 2.0, 512: 4.0 * 2**0.5, 2048: 16.0, 8192: 64.0, 16384: 128.0}
    assert {size: table.buffer_pj_per_bit(size) for size in wanted} == pytest.approx(wanted)
    one = replace(table, buffer_points=((256, 4.0),))
    assert [one.buffer_pj_per_bit(size) for size in (16, 256, 4096)] == [4.0, 4.0, 4.0]


def test_the_unit_of_a_relative_table_is_what_its_mac_takes_for_each_that_it_counts() -> None:
    table = load_energy_table("eyeriss_relative")
    assert replace(table, mac_pj=2.0, mac_picojoules=3.0).unit_pj == 1.5
    assert replace(table, mac_pj=2.0, mac_picojoules=None).unit_pj == 1.0


def test_every_key_of_a_table_has_a_field_of_its_own() -> None:
    text = """
name: own
source: by hand
unit: pJ
mac: 2
gated_mac_fraction: 0.5
rf: {inputs: {energy: 3, bits: 2}, weights: {energy: 5, bits: 2}, outputs: {energy: 7, bits: 2}}
array: {energy: 11, bits: 2}
buffer: [{capacity: 1 KiB, energy: 13, bits: 2}]
dram: {energy: 17, bits: 2}
vector_op: 19
leakage_per_cycle: 23
"""
    table = read_energy_table(parse_yaml(text, "own.yaml"))
    assert table == EnergyTable(
        name="own",
        source="by hand",
        unit="pJ",
        mac_pj=2,
        gated_mac_fraction=0.5,
        rf_pj_per_bit=(1.5, 2.5, 3.5),
        array_pj_per_bit=5.5,
        buffer_points=((1024, 6.5),),
        dram_pj_per_bit=8.5,
        vector_op_pj=19,
        leakage_pj_per_cycle=23,
    )


@pytest.mark.parametrize("energy", [0, 1e12])
def test_an_energy_may_be_nothing_and_a_million_million_and_no_more(energy: float):
    text = (data_dir() / "energy" / "picojoule_45nm.yaml").read_text()
    written = text.replace("mac: 0.89", f"mac: {energy}").replace(
        "energy: 1300, bits: 64", f"energy: {energy}, bits: 1"
    )
    table = read_energy_table(parse_yaml(written, "x.yaml"))
    assert (table.mac_pj, table.dram_pj_per_bit) == (energy, energy)
    with pytest.raises(InputError, match="mac"):
        read_energy_table(
            parse_yaml(written.replace(f"mac: {energy}", f"mac: {energy + (1 if energy else -1)}"), "x.yaml")
        )


def test_a_buffer_costs_something_and_moves_at_most_65536_bits_at_once():
    text = (data_dir() / "energy" / "picojoule_45nm.yaml").read_text()
    first = "{capacity: 8 KiB, energy: 10, bits: 64}"
    assert first in text

    def with_first(energy: float, bits: int) -> str:
        return text.replace(first, f"{{capacity: 8 KiB, energy: {energy}, bits: {bits}}}")

    assert read_energy_table(parse_yaml(with_first(1e12, 65536), "x.yaml")).buffer_points[0][1] == 1e12 / 65536
    assert read_energy_table(parse_yaml(with_first(2, 1), "x.yaml")).buffer_points[0] == (8192, 2.0)
    for energy, bits in ((0, 1), (1e12 + 1, 1), (1, 65537), (1, 0)):
        with pytest.raises(InputError, match=r"buffer\.0"):
            read_energy_table(parse_yaml(with_first(energy, bits), "x.yaml"))


@given(st.integers(1, 2**30), st.integers(1, 2**30))
def test_a_larger_buffer_never_costs_less(one: int, other: int):
    table = load_energy_table("picojoule_45nm")
    small, large = sorted((one, other))
    assert table.buffer_pj_per_bit(small) <= table.buffer_pj_per_bit(large)


@pytest.mark.parametrize("name", [n for n in list_energy_tables() if isinstance(load_energy(n), EnergyTable)])
def test_farther_memories_cost_more(name: str):
    table = load_energy_table(name)
    buffer = table.buffer_pj_per_bit(128 * 1024)
    assert min(table.rf_pj_per_bit) <= table.array_pj_per_bit <= buffer <= table.dram_pj_per_bit
    assert max(table.rf_pj_per_bit) <= buffer  # a hop to the next PE's latch may cost less than a file of registers


@pytest.mark.parametrize(
    ("old", "new", "path", "suggestion"),
    [
        ("mac: 0.89", "mac: -1", "mac", None),
        ("mac: 0.89", "mac: cheap", "mac", None),
        ("mac: 0.89", "mc: 0.89", "mc", "mac"),
        ("gated_mac_fraction: 0.55", "gated_mac_fraction: 55", "gated_mac_fraction", None),
        ("capacity: 32 KiB", "capacity: 32", "buffer.1.capacity", None),
        ("capacity: 32 KiB", "capacity: 32 kib", "buffer.1.capacity", "32 KiB"),
        ("capacity: 32 KiB", "capacity: 4 KiB", "buffer.1.capacity", None),
        ("capacity: 32 KiB", "capacity: 8 KiB", "buffer.1.capacity", None),
        ("dram: {energy: 1300, bits: 64}", "dram: {energy: 1300, bits: 0}", "dram.bits", None),
        ("dram: {energy: 1300, bits: 64}", "dram: 1300", "dram", None),
        ("unit: pJ", "", "unit", None),
    ],
)
def test_a_broken_table_is_reported_with_its_place(old: str, new: str, path: str, suggestion: str | None):
    text = (data_dir() / "energy" / "picojoule_45nm.yaml").read_text()
    assert old in text
    with pytest.raises(InputError) as caught:
        read_energy_table(parse_yaml(text.replace(old, new), "x.yaml"))
    (problem,) = caught.value.problems
    assert (problem.path, problem.suggestion, problem.file) == (path, suggestion, "x.yaml")
    assert problem.line is not None
    assert problem.expected


def test_an_unknown_table_suggests_the_nearest():
    with pytest.raises(InputError, match="eyeriss_relative"):
        load_energy_table("eyeris_relative")
