"""Laws of circuits: what a machine's energy and area follow from, each against a figure or a law of its own."""

from dataclasses import replace
from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.energy.chip import Chip, Memory
from simulator.energy.circuits import Circuits
from simulator.energy.laws import between, power_law
from simulator.energy.prices import Prices
from simulator.energy.schema_circuits import WrittenCircuits
from simulator.energy.table import load_energy, load_energy_table
from simulator.errors import InputError
from simulator.hardware.load import list_hardware, load_hardware
from simulator.hardware.peak import areas_mm2, dram_watts, peak_macs_per_second, peak_of, peak_watts
from simulator.hardware.vary import vary
from simulator.source import parse_yaml, validate
from simulator.source.paths import data_dir

TABLE = load_energy("cmos")
assert isinstance(TABLE, Circuits)
BUFFER = Memory(level=0, holds=(0, 1, 2), capacity_bytes=8192, banks=1, in_pe=False)
CHIP = Chip(
    clock_hz=10**9,
    pes=256,
    macs_per_pe=1,
    bits=(8, 8, 32),
    registers_words=(1, 1, 1),
    unicast=(False, False, False),
    memories=(BUFFER,),
    dram_type="LPDDR4",
    node_nm=None,
    voltage=None,
)


def with_memory(**changes: object) -> Chip:
    return replace(CHIP, memories=(replace(BUFFER, **changes),))  # type: ignore[arg-type]


def test_at_its_own_node_the_table_gives_the_published_figures() -> None:
    """Horowitz, ISSCC 2014: an 8-bit product 0.2 pJ, a 32-bit sum 0.1 pJ, 64 bits of 8 KB of SRAM 10 pJ."""
    prices = TABLE.prices(CHIP)
    assert prices.mac == pytest.approx(0.2 + 0.1)
    assert prices.vector_op == pytest.approx(0.1)
    assert [64 * price for price in prices.levels_per_bit[0]] == pytest.approx([10, 10, 10])


def test_a_file_of_half_a_kilobyte_costs_a_16_bit_mac() -> None:
    """Chen et al., ISCA 2016: 16 bits of a register file of 0.5 KB cost 1, as a MAC does."""
    chip = replace(CHIP, bits=(16, 16, 32), registers_words=(256, 256, 128))
    prices = TABLE.prices(chip)
    assert [16 * price for price in prices.levels_per_bit[-1]] == pytest.approx([prices.mac] * 3, rel=0.02)


def test_a_latch_is_charged_when_it_is_written_alone() -> None:
    one, two = (TABLE.prices(replace(CHIP, registers_words=(n, n, n))).levels_per_bit[-1] for n in (1, 2))
    for latch, file in zip(one, two, strict=True):
        assert file == pytest.approx(2 * sqrt(2) * latch, rel=0.01)  # twice the bits: sqrt(2); a read is no longer free


@pytest.mark.parametrize("chip", [with_memory(capacity_bytes=2**22), with_memory(capacity_bytes=2**22, banks=16)])
def test_more_banks_cost_less_until_wires_do(chip: Chip) -> None:
    (memory,) = chip.memories
    more = replace(memory, banks=4 * memory.banks)
    bank = 64 * power_law(TABLE.sram_pj, more.capacity_bytes / more.banks)
    both = [64 * TABLE.memory_pj_per_bit(replace(chip, memories=(m,)), m) for m in (memory, more)]
    assert both[1] < both[0]
    assert both[1] > bank


def test_a_memory_of_banks_is_no_cheaper_than_its_wire() -> None:
    memory = replace(BUFFER, capacity_bytes=28 * 2**20, banks=2**20)
    chip = replace(CHIP, pes=65536, memories=(memory,))
    depth = TABLE.memory_mm2(chip, memory) / sqrt(TABLE.logic_mm2(chip))
    assert TABLE.memory_pj_per_bit(chip, memory) > TABLE.wire_pj_per_mm * depth / 2


@pytest.mark.parametrize(("node", "volts"), [(45, 0.9), (16, 0.8)])
def test_the_wire_to_a_bank_is_half_as_long_as_a_memory_along_the_array_is_deep(node: int, volts: float) -> None:
    memory = replace(BUFFER, capacity_bytes=2**20, banks=2)
    chip = replace(CHIP, node_nm=node, pes=2**16, memories=(memory,))
    area, edge = TABLE.memory_mm2(chip, memory), sqrt(TABLE.logic_mm2(chip))
    assert edge > sqrt(area)  # so that it is not as deep as a square
    bank = TABLE.energy_factor(chip) * power_law(TABLE.sram_pj, 2**19)
    wire = TABLE.wire_pj_per_mm * (volts / 0.9) ** 2 * area / edge / 2
    assert TABLE.memory_pj_per_bit(chip, memory) == pytest.approx(bank + wire)
    whole = TABLE.memory_pj_per_bit(chip, replace(memory, banks=1))
    assert whole == pytest.approx(TABLE.energy_factor(chip) * 100 / 64)  # 1 MB: 100 pJ for 64 bits


def test_a_memory_beside_a_short_edge_is_a_square() -> None:
    memory = replace(BUFFER, capacity_bytes=2**20, banks=2)
    chip = replace(CHIP, pes=1, memories=(memory,))
    area = TABLE.memory_mm2(chip, memory)
    assert sqrt(TABLE.logic_mm2(chip)) < sqrt(area)
    wire = TABLE.wire_pj_per_mm * sqrt(area) / 2
    assert TABLE.memory_pj_per_bit(chip, memory) == pytest.approx(power_law(TABLE.sram_pj, 2**19) + wire)


def test_a_product_of_two_widths_is_one_of_their_geometric_mean() -> None:
    """8 x 32 bits are as many partial products as 16 x 16, midway between 8 x 8 and 32 x 32 on a logarithmic axis."""
    chip = replace(CHIP, bits=(8, 32, 32))
    assert TABLE.mac_pj(chip) == pytest.approx(sqrt(0.2 * 3.1) + 0.1)
    assert TABLE.macs_um2(chip) == pytest.approx(sqrt(282 * 3495) + 137)
    assert TABLE.macs_um2(replace(chip, macs_per_pe=3)) == pytest.approx(3 * (sqrt(282 * 3495) + 137))


def test_registers_take_the_area_of_their_words_or_of_one_for_each_mac() -> None:
    """Files of 512 B take 1.3 um2 a bit; files of 4 B 5.9, of which a PE of two MACs has two for its one sum."""
    large, small = (replace(CHIP, registers_words=words) for words in ((512, 512, 128), (4, 4, 1)))
    assert TABLE.registers_um2(large) == pytest.approx(3 * 4096 * 1.3)
    assert TABLE.registers_um2(small) == pytest.approx(3 * 32 * 5.9)
    assert TABLE.registers_um2(replace(small, macs_per_pe=2)) == pytest.approx(4 * 32 * 5.9)
    assert TABLE.registers_um2(replace(small, node_nm=16)) == pytest.approx(0.19 * 3 * 32 * 5.9)
    assert TABLE.pitch_mm(small) ** 2 == pytest.approx((282 + 137 + 3 * 32 * 5.9) / 1e6, rel=1e-9)
    inside = replace(BUFFER, in_pe=True)  # 8 KiB, as large as the smallest bank: SRAM in each of 256 PEs
    assert TABLE.memory_mm2(CHIP, inside) == pytest.approx(256 * 65536 * 0.346 / 0.45 / 1e6)


def test_wires_of_one_pe_cross_half_the_array_and_shared_ones_a_pe() -> None:
    alone = TABLE.prices(replace(CHIP, unicast=(True, False, False))).levels_per_bit[1]
    assert alone[0] == pytest.approx(alone[1] * sqrt(256) / 2)
    assert alone[1] == alone[2]


def test_a_small_memory_in_a_pe_is_a_register_file() -> None:
    memory = replace(BUFFER, capacity_bytes=512, in_pe=True)
    assert TABLE.memory_pj_per_bit(CHIP, memory) == pytest.approx(0.89 / 16)
    assert TABLE.is_file(memory)
    assert not TABLE.is_file(replace(memory, capacity_bytes=8192))
    assert not TABLE.is_file(replace(memory, in_pe=False))


def test_nodes_scale_as_published() -> None:
    """Stillmaker and Baas, Integration 58, 2017: 45 to 16 nm takes 0.19 of the area; their curves at 0.9 and 0.8 V."""
    chip = replace(CHIP, node_nm=16)
    at45, at16 = 1.103 * 0.81 - 0.362 * 0.9 + 0.2767, 0.2958 * 0.64 - 0.1241 * 0.8 + 0.03024
    assert TABLE.energy_factor(chip) == pytest.approx(at16 / at45)
    assert TABLE.area_factor(chip) == pytest.approx(0.19)
    assert TABLE.wire_factor(chip) == pytest.approx((0.8 / 0.9) ** 2)
    assert replace(TABLE, node_nm=16).area_factor(replace(CHIP, node_nm=45)) == pytest.approx(1 / 0.19)
    assert TABLE.area_factor(replace(CHIP, node_nm=28)) == pytest.approx(0.21 + (0.46 - 0.21) * 8 / 12)


def test_at_another_node_circuits_take_its_energy_and_wires_that_of_its_voltage() -> None:
    """A bus and the clock are wires, of the PEs' pitch and of the area of logic, which shrink with the node."""
    chip = replace(CHIP, node_nm=16)
    there, here = TABLE.prices(chip), TABLE.prices(CHIP)
    of_circuits, of_wires = TABLE.energy_factor(chip), (0.8 / 0.9) ** 2
    assert there.mac == pytest.approx(of_circuits * here.mac)
    assert there.vector_op == pytest.approx(of_circuits * here.vector_op)
    buffer, network, registers = [
        to[0] / at[0] for to, at in zip(there.levels_per_bit, here.levels_per_bit, strict=True)
    ]
    assert (buffer, registers) == pytest.approx((of_circuits, of_circuits))
    assert network == pytest.approx(of_wires * sqrt(0.19))
    assert there.clock_per_cycle == pytest.approx(of_wires * 0.19 * here.clock_per_cycle)
    assert there.dram_per_bit == here.dram_per_bit
    areas, before = TABLE.areas_mm2(chip), TABLE.areas_mm2(CHIP)
    assert areas.pop("memories") == pytest.approx(65536 * 0.07 / 0.45 / 1e6)
    assert areas == pytest.approx({part: 0.19 * before[part] for part in ("macs", "registers", "control")})


def test_a_machine_at_a_voltage_of_its_own_takes_its_nodes_energy_there() -> None:
    """45 nm at 0.6 V: 1.103 V^2 - 0.362 V + 0.2767, and wires (0.6 / 0.9)^2; at 16 nm likewise."""
    low, at45 = replace(CHIP, voltage=0.6), 1.103 * 0.81 - 0.362 * 0.9 + 0.2767
    assert TABLE.energy_factor(low) == pytest.approx((1.103 * 0.36 - 0.362 * 0.6 + 0.2767) / at45)
    assert TABLE.wire_factor(low) == pytest.approx((0.6 / 0.9) ** 2)
    there = replace(low, node_nm=16)
    assert TABLE.energy_factor(there) == pytest.approx((0.2958 * 0.36 - 0.1241 * 0.6 + 0.03024) / at45)
    file = replace(BUFFER, capacity_bytes=512, in_pe=True)
    assert TABLE.memory_pj_per_bit(there, file) == pytest.approx(TABLE.energy_factor(there) * 0.89 / 16)


def test_a_level_has_prices_of_what_it_holds_alone() -> None:
    chip = replace(CHIP, memories=(replace(BUFFER, holds=(1,)), replace(BUFFER, level=1, holds=(0, 2))))
    outer, inner, *_ = TABLE.prices(chip).levels_per_bit
    assert (outer, inner) == (pytest.approx((0, 10 / 64, 0)), pytest.approx((10 / 64, 0, 10 / 64)))


@given(st.sampled_from([65, 45, 28, 16, 7]), st.floats(0.6, 1.1))
def test_a_lower_voltage_never_costs_more(node: int, voltage: float) -> None:
    low, high = (TABLE.prices(replace(CHIP, node_nm=node, voltage=v)) for v in (voltage, voltage + 0.1))
    assert low.mac <= high.mac and low.clock_per_cycle <= high.clock_per_cycle


def test_areas_are_sums_of_parts() -> None:
    parts = TABLE.areas_mm2(CHIP)
    assert parts["macs"] == pytest.approx(256 * (282 + 137) / 1e6, rel=1e-9)
    assert parts["memories"] == pytest.approx(65536 * 0.346 / 0.45 / 1e6, rel=1e-9)
    assert parts["macs"] + parts["registers"] == pytest.approx(0.18 * TABLE.logic_mm2(CHIP), rel=1e-9)
    assert parts["control"] == pytest.approx(0.82 * TABLE.logic_mm2(CHIP))


def test_pes_of_several_macs_have_registers_for_each() -> None:
    wide = replace(CHIP, pes=32, macs_per_pe=8)
    assert TABLE.areas_mm2(wide) == pytest.approx(TABLE.areas_mm2(CHIP))
    assert TABLE.pitch_mm(wide) == pytest.approx(TABLE.pitch_mm(CHIP))


def test_a_pe_is_as_large_as_its_circuits_and_the_memory_in_it() -> None:
    """A file of 512 B takes 1.3 um2 a bit in every PE."""
    spad = replace(BUFFER, level=1, capacity_bytes=512, in_pe=True)
    chip = replace(CHIP, memories=(BUFFER, spad))
    assert TABLE.memory_mm2(chip, spad) == pytest.approx(256 * 4096 * 1.3 / 1e6)
    assert TABLE.pitch_mm(chip) ** 2 == pytest.approx(TABLE.pitch_mm(CHIP) ** 2 + 4096 * 1.3 / 1e6)
    assert TABLE.memory_mm2(replace(chip, node_nm=16), spad) == pytest.approx(0.19 * 256 * 4096 * 1.3 / 1e6)
    assert (CHIP.levels, chip.levels) == (1, 2)


def test_actions_that_move_no_word_have_a_price_each() -> None:
    prices = Prices(2.0, 3.0, (), 5.0, 7.0, 11.0)
    assert prices.per_action == {"mac": 2.0, "vector": 3.0, "leakage": 7.0, "clock": 11.0}
    assert replace(prices, clock_per_cycle=0.0).per_action == {"mac": 2.0, "vector": 3.0, "leakage": 7.0}
    assert (prices.per_cycle, replace(prices, clock_per_cycle=0.0).per_cycle) == (18.0, 7.0)


def test_what_runs_always_goes_with_area_and_time() -> None:
    prices, slow = TABLE.prices(CHIP), TABLE.prices(replace(CHIP, clock_hz=5 * 10**8))
    area = sum(TABLE.areas_mm2(CHIP).values())
    assert prices.leakage_per_cycle == pytest.approx(TABLE.leakage_mw_per_mm2 * area)  # mW of 1 ns are pJ
    assert slow.leakage_per_cycle == pytest.approx(2 * prices.leakage_per_cycle)
    assert slow.clock_per_cycle == prices.clock_per_cycle
    assert prices.per_cycle == prices.leakage_per_cycle + prices.clock_per_cycle


def test_a_chip_at_two_thirds_of_its_voltage_leaks_little_more_than_a_third() -> None:
    """0.65 of 0.9 V: 0.722 of the voltage, and 0.525 of the current, as the threshold rises by 25 mV of 38.8."""
    low, usual = (TABLE.prices(replace(CHIP, voltage=volts)).leakage_per_cycle for volts in (0.65, None))
    assert low / usual == pytest.approx(0.722 * 0.525, rel=0.01)


@pytest.mark.parametrize(("kind", "each"), [("DDR3", 70), ("LPDDR4", 8)])
def test_dram_is_priced_by_its_type(kind: str, each: float) -> None:
    assert TABLE.prices(replace(CHIP, dram_type=kind)).dram_per_bit == each


def test_laws_hold_between_points_and_beyond() -> None:
    assert power_law([(1, 3.0)], 77) == 3
    assert [power_law([(1, 1), (4, 2), (16, 8)], x) for x in (0.25, 2, 8, 64)] == pytest.approx([0.5, sqrt(2), 4, 32])
    assert [between([(7, 1), (10, 4), (16, 7)], x) for x in (7, 8, 10, 13, 16)] == [1, 2, 4, 5.5, 7]


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        ({"process.node": "3 nm"}, "process.node", "7 nm to 65 nm"),
        ({"dram.type": "DDR9"}, "dram.type", "one of DDR3, DDR4, HBM2, LPDDR4, LPDDR5"),
        ({"energy.nodes": []}, "energy.nodes", "at least 2 entries"),
        ({"energy.node": "90 nm"}, "energy.node", "7 nm to 65 nm"),
        ({"process.voltage": "9 V"}, "process.voltage", "at most 2000"),
    ],
)
def test_what_circuits_do_not_know_is_told_with_its_place(change: dict, path: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        vary(load_hardware("tpu_v1"), change)
    assert [(problem.path, problem.expected) for problem in caught.value.problems] == [(path, expected)]


def test_a_table_knows_the_nodes_for_which_it_has_both_logic_and_cells() -> None:
    text = (data_dir() / "energy" / "cmos.yaml").read_text()
    ends = {
        "    - {node: 7 nm, area: 0.027}\n": (10, 65),
        "    - {node: 65 nm, area: 0.525}\n": (7, 45),
        "  - {node: 7 nm, voltage: 0.7 V, area: 0.059, energy: [0.1776, -0.09097, 0.02447]}\n": (10, 65),
        "  - {node: 65 nm, voltage: 1 V, area: 1.5, energy: [3.755, -4.398, 1.975]}\n": (7, 45),
    }
    for line, (least, most) in ends.items():
        assert text.count(line) == 1
        table = validate(parse_yaml(text.replace(line, ""), "short.yaml"), WrittenCircuits)
        told = [table.outside(node) for node in (least - 1, least, most, most + 1)]
        assert told == [f"{least} nm to {most} nm", "", "", f"{least} nm to {most} nm"]


def test_a_width_may_be_a_bit_and_a_memory_may_have_one_size_of_bank() -> None:
    text = (data_dir() / "energy" / "cmos.yaml").read_text()
    for old, new in (
        ("- {bits: 8, energy: 0.03, area: 36}", "- {bits: 1, energy: 0.03, area: 36}"),
        ("    - {capacity: 32 KiB, energy: 20, bits: 64}\n    - {capacity: 1 MiB, energy: 100, bits: 64}\n", ""),
        ("  DDR3: 70", "  OWN: 1.5"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    table = validate(parse_yaml(text, "least.yaml"), WrittenCircuits)
    assert table.adder[0].bits == len(table.sram.banks) == 1
    assert table.dram_per_bit["OWN"] == 1.5


@pytest.mark.parametrize("bits", [32, 64])
def test_widths_of_a_table_grow_from_the_first_to_the_last(bits: int) -> None:
    text = (data_dir() / "energy" / "cmos.yaml").read_text()
    wide = text.replace("- {bits: 8, energy: 0.2, area: 282}", f"- {{bits: {bits}, energy: 0.2, area: 282}}")
    with pytest.raises(InputError, match="widths must grow") as caught:
        validate(parse_yaml(wide, "wide.yaml"), WrittenCircuits)
    assert [problem.path for problem in caught.value.problems] == ["multiplier.1.bits"]


def test_a_relative_table_must_say_what_its_mac_takes_and_others_must_not() -> None:
    machine = load_hardware("eyeriss_like")
    for changes in ({"energy.mac_picojoules": None}, {"energy.unit": "pJ"}):
        with pytest.raises(InputError) as caught:
            vary(machine, changes)
        assert [problem.path for problem in caught.value.problems] == ["energy.mac_picojoules"]
    with pytest.raises(InputError) as caught:
        vary(machine, {"energy.mac": 0})
    assert [problem.path for problem in caught.value.problems] == ["energy.mac"]
    doubled = vary(machine, {"energy.mac_picojoules": 2.8})
    assert peak_watts(doubled) == pytest.approx(2 * peak_watts(machine))


def test_a_machine_whose_table_states_no_node_has_no_area() -> None:
    machine = load_hardware("eyeriss_like")
    assert peak_of(machine)["area_mm2"] is None
    with pytest.raises(InputError, match="eyeriss_relative states no node"):
        areas_mm2(machine)


def test_peaks_are_those_of_published_machines() -> None:
    """Jouppi et al., ISCA 2017: TPU, 92 TOPS; JSSC 2017: Eyeriss, 33.6 GMAC/s; DDR3 at 34 GB/s, 70 pJ a bit."""
    tpu = load_hardware("tpu_v1")
    assert 2 * peak_macs_per_second(tpu) == pytest.approx(92e12, rel=0.01)
    assert peak_macs_per_second(load_hardware("eyeriss_chip")) == 33_600_000_000
    assert dram_watts(tpu) == pytest.approx(34e9 * 8 * 70e-12)
    assert peak_watts(tpu) + dram_watts(tpu) < 75


def test_all_of_a_small_machine_at_work_takes_the_sum_of_its_accesses() -> None:
    """Two arrays of 2 x 3 PEs of two MACs; words of 8, 4 and 16 bits. Prices are of a bit, in half picojoules.

    A MAC: 2, registers 2 x 8 x 3 + 4 x 5 + 2 x 16 x 7, networks (8 + 16) x 11: 558, 24 times. An edge has 3 x 2 MACs,
    12 of both arrays: as many inputs and outputs cross, and two weights, 12 x 8 x 29 + 2 x 4 x 13 + 12 x 16 x 29, from
    the memory of 1 MiB, and that of 1 KiB which holds weights. A cycle 17: 21,865 in all.
    """
    chip = load_hardware("flexible_168")
    table = replace(
        load_energy_table("eyeriss_relative"), mac_pj=2.0, mac_picojoules=1.0, rf_pj_per_bit=(3.0, 5.0, 7.0),
        array_pj_per_bit=11.0, buffer_points=((2**10, 13.0), (2**20, 29.0)), leakage_pj_per_cycle=17.0,
        dram_pj_per_bit=19.0,
    )  # fmt: skip
    outer = replace(chip.buffers[0], capacity_bytes=2**20)
    inner = replace(outer, name="inner", level=1, holds=(1,), capacity_bytes=2**10)
    buffers = (outer, inner, replace(inner, name="pad", level=2, holds=(0,), in_pe=True))
    delivery = tuple(replace(each, words_per_cycle=n) for each, n in zip(chip.array.delivery, (6, 1, 16), strict=True))
    array = replace(chip.array, rows=2, columns=3, instances=2, macs_per_cycle=2, delivery=delivery)
    dram, widths = replace(chip.dram, bytes_per_cycle=Fraction(5, 2)), {"input_bits": 8, "weight_bits": 4}
    small = replace(chip, energy=table, buffers=buffers, array=array, clock_hz=2 * 10**9, dram=dram, **widths)
    assert peak_watts(small) == pytest.approx(21_865 * 0.5 * 2e9 / 1e12)
    assert dram_watts(small) == pytest.approx(2.5 * 8 * 19 * 0.5 * 2e9 / 1e12)
    tall = replace(small, array=replace(array, rows=3, columns=2))
    assert peak_watts(tall) == peak_watts(small)  # the longer edge
    assert peak_macs_per_second(small) == 24 * 2 * 10**9
    assert dram_watts(replace(small, dram=replace(dram, bytes_per_cycle=None))) == 0
    apart = (replace(outer, holds=(0, 1)), replace(inner, holds=(2,), in_pe=True))  # no memory outside holds outputs
    assert peak_watts(replace(small, buffers=apart)) == pytest.approx((24 * 558 + 12 * 8 * 29 + 2 * 4 * 29 + 17) / 1000)


@pytest.mark.parametrize("name", list_hardware())
def test_every_machine_has_a_plausible_peak(name: str) -> None:
    peak = peak_of(load_hardware(name))
    operations_a_joule = 2 * peak["macs_per_second"] / peak["chip_watts"]  # type: ignore[operator]
    assert 1e10 < operations_a_joule < 2e13
    assert peak["chip_watts"] < (150 if name == "tpu_v6e" else 40)  # type: ignore[operator]
