"""The bundled machines say what their papers say."""

import re
from fractions import Fraction

import pytest

from simulator.energy.table import list_energy_tables
from simulator.hardware.load import list_hardware, load_hardware
from simulator.hardware.model import ZeroWeights
from simulator.nest import Operand
from simulator.source.paths import data_dir

NUMBER = re.compile(r"\b\d")


@pytest.mark.parametrize("name", list_hardware())
def test_a_bundled_machine_bears_the_name_of_its_file(name: str):
    machine = load_hardware(name)
    assert machine.name == name
    assert machine.energy.name in list_energy_tables()


@pytest.mark.parametrize(
    "path", [*sorted(data_dir().glob("*.yaml")), *sorted((data_dir() / "energy").glob("*.yaml"))], ids=lambda p: p.stem
)
def test_every_number_of_a_bundled_file_stands_near_its_source(path):
    """Each block at the top of the file that holds a number holds a comment as well."""
    blocks = re.split(r"\n(?=\S)", path.read_text())
    silent = [block for block in blocks if NUMBER.search(block) and "#" not in block]
    assert [block for block in silent if not block.startswith(("name:", "source:", "energy:", "dataflows:"))] == []


def test_eyeriss_chip_is_the_chip_of_the_paper():
    """Chen et al., JSSC 2017: array, scratch pads, buffers, clocks, link and run-length code."""
    chip = load_hardware("eyeriss_chip")
    main, filters = chip.buffers
    assert (chip.array.rows, chip.array.columns, chip.array.pes) == (12, 14, 168)
    assert chip.array.registers_words == (12, 224, 24)
    assert [delivery.words_per_cycle for delivery in chip.array.delivery] == [1, 4, 4]
    assert (main.capacity_bytes + filters.capacity_bytes, main.banks + filters.banks) == (108 * 1024, 27)
    assert chip.clock_hz == 200_000_000
    assert chip.dram.bytes_per_cycle * chip.clock_hz == 8 * 60_000_000
    assert chip.dram.run_length == (Operand.INPUTS, Operand.OUTPUTS)
    assert chip.dram.run_length_max == 31
    assert chip.configuration_cycles == -(-1794 * 200 // 60)
    assert chip.configuration_cycles / chip.clock_hz < 100e-6


@pytest.mark.parametrize(("ifmap_kb", "psum_kb"), [(15.5, 72.2), (3.8, 91.1), (7.0, 84.5), (10.5, 84.5), (10.5, 84.5)])
def test_the_published_tiles_fit_the_chip_once_but_not_twice(ifmap_kb: float, psum_kb: float):
    """Chen et al., JSSC 2017, the mapping of AlexNet CONV1 to CONV5."""
    main = load_hardware("eyeriss_chip").buffers[0]
    tile_bytes = (ifmap_kb + psum_kb) * 1024
    assert tile_bytes <= main.capacity_bytes < 2 * tile_bytes
    assert not main.double_buffered


@pytest.mark.parametrize(("size", "buffer_kib"), [(16, 128), (8, 32)])
def test_the_squeezenext_machines_are_those_of_the_paper(size: int, buffer_kib: int):
    """Gholami et al., arXiv 1803.10615, section 4."""
    machine = load_hardware(f"squeezenext_{size}x{size}")
    assert (machine.array.rows, machine.array.columns) == (size, size)
    assert [buffer.capacity_bytes for buffer in machine.buffers] == [buffer_kib * 1024]
    assert machine.dram.bytes_per_cycle == Fraction(16)
    assert machine.dram.latency_cycles == 100
    assert machine.array.zero_weights == ZeroWeights(0.4, 2)
    assert set(machine.dataflow_names) == {"weight_stationary", "output_stationary_blocks"}
    assert {"pool", "add"} <= machine.folds


def test_the_two_squeezenext_machines_differ_in_size_alone():
    large, small = load_hardware("squeezenext_16x16"), load_hardware("squeezenext_8x8")
    assert large.array.delivery[0].network == small.array.delivery[0].network
    assert (large.dram, large.folds, large.fuses, large.clock_hz) == (
        small.dram,
        small.folds,
        small.fuses,
        small.clock_hz,
    )
    assert large.array.registers_words == small.array.registers_words


def test_the_systolic_machine_scales_the_tpu_by_its_pes():
    """Jouppi et al., ISCA 2017: 256 x 256 MACs, 24 MiB of activations and 4 MiB of accumulators, 700 MHz."""
    machine = load_hardware("systolic_32x32")
    unified = machine.buffers[0]
    assert unified.capacity_bytes * (256 * 256) == 28 * 2**20 * machine.array.pes
    assert machine.clock_hz == 700_000_000
    assert all(delivery.network == "systolic" for delivery in machine.array.delivery)
    assert machine.array.skewed
    assert machine.partial_sum_bits == 32


def test_every_machine_names_an_energy_table_with_a_cost_for_its_buffers():
    for name in list_hardware():
        machine = load_hardware(name)
        levels = machine.prices.levels_per_bit
        assert all(levels[buffer.level][operand] > 0 for buffer in machine.buffers for operand in buffer.holds)


def test_tpu_v6e_has_the_peak_and_the_bandwidth_that_google_cloud_states():
    machine = load_hardware("tpu_v6e")
    assert (machine.array.instances, machine.array.rows, machine.array.columns) == (2, 256, 256)
    assert 2 * machine.array.pes * machine.clock_hz == pytest.approx(918e12, rel=1e-3)
    assert machine.dram.bytes_per_cycle * machine.clock_hz == Fraction(91, 100) * 1638 * 10**9
    (vmem,) = machine.buffers
    assert (vmem.capacity_bytes, vmem.tile_bytes) == (128 * 2**20, 32 * 2**20)


def test_dpu_b4096_has_the_parallelism_the_banks_and_the_ports_of_its_product_guide():
    """AMD, PG338: 8 pixels x 16 x 16 channels, 8 banks of 2,048 words of 16 bytes, two ports of 128 bits."""
    machine = load_hardware("dpu_b4096")
    array = machine.array
    assert (array.instances, array.rows, array.columns, array.pes) == (8, 16, 16, 2048)
    banks, _ = machine.buffers
    assert banks.capacity_bytes == 8 * 2048 * 16
    assert machine.dram.bytes_per_cycle == Fraction(8, 10) * 2 * 16
