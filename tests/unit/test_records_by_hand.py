"""Machines, layers, mappings and prices as the records that kernels read: each field by hand, no two figures alike."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from simulator.cost.case import FIXED_POINT, MAX_LEVELS, NO_OPERAND, Record
from simulator.cost.convert import (
    complete_order,
    layer_record,
    machine_record,
    mapping_record,
    port_record,
    price_record,
)
from simulator.cost.prices import prices_per_action, prices_per_byte
from simulator.cost.stored import AXES, Slices, tensor_fields
from simulator.energy.table import load_energy_table
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Buffer, Delivery, Hardware, ZeroWeights
from simulator.mapping.mapping import LevelTile, Mapping
from simulator.nest import Dim, LoopNest, Operand
from tests.oracle.strategies import layer_of

CHIP = load_hardware("flexible_168")
I, W, O = Operand  # noqa: E741


def buffer(name: str, level: int, holds: tuple[int, ...], size: int, **more: Any) -> Buffer:
    usual: dict[str, Any] = {"banks": 1, "read_bytes_per_cycle": None, "write_bytes_per_cycle": None}
    return Buffer(name, holds, size, **(usual | {"double_buffered": False} | more), level=level)


def machine(**changes: Any) -> Hardware:
    """Three levels: maps beside filters; weights and outputs; weights in each PE. Inputs pass by the last two."""
    buffers = (
        buffer("filters", 0, (W,), 700, streams=(W,), write_bytes_per_cycle=9),
        buffer("maps", 0, (I, O), 5000, double_buffered=True, read_bytes_per_cycle=6),
        buffer("near", 1, (W, O), 300, read_bytes_per_cycle=7, write_bytes_per_cycle=8),
        buffer("pad", 2, (W,), 20, double_buffered=True, in_pe=True),
    )
    delivery = (
        Delivery("unicast", 3, "exposed", forwarding=True),
        Delivery("systolic", 4, "double_buffered"),
        Delivery("multicast", 5, initial_sums=True, concurrent=False),
    )
    array = replace(
        CHIP.array, rows=6, columns=9, macs_per_cycle=2, step_cycles=11, instances=3, skewed=True, delivery=delivery,
        zero_weights=ZeroWeights(0.5, 2), zero_inputs_fraction=0.25, gates_zero_inputs=True,
    )  # fmt: skip
    dram = replace(
        CHIP.dram, bytes_per_cycle=Fraction(13, 7), burst_bytes=32, latency_cycles=40, activations="nhwc",
        weights="krsc", atom_channels=1, run_length=(),
    )  # fmt: skip
    widths = {"input_bits": 8, "weight_bits": 4, "output_bits": 12, "partial_sum_bits": 20}
    more = {"dma_channels": 5, "descriptor_cycles": 15, "descriptor_dimensions": 4, "layer_order": "overlapped"}
    parts = {"buffers": buffers, "array": array, "dram": dram}
    return replace(CHIP, **(parts | widths | more | changes))


def figures(record: Record, *names: str) -> dict[str, Any]:
    return {name: record[name].tolist() for name in names}


def test_the_array_as_kernels_see_it() -> None:
    names = ("macs_per_cycle", "step_cycles", "arrays", "unicast", "preload", "shift_cycles", "words_per_cycle")
    assert figures(machine_record(machine()), *names, "forwarding", "initial_sums", "concurrent", "skew_cycles") == {
        "macs_per_cycle": 2, "step_cycles": 11, "arrays": 3, "unicast": [1, 0, 0], "preload": [1, 2, 0],
        "shift_cycles": [0, 6, 0], "words_per_cycle": [3, 4, 5], "forwarding": 1, "initial_sums": 1, "concurrent": 0,
        "skew_cycles": 6 + 9 - 2,
    }  # fmt: skip
    flat = machine(array=replace(machine().array, skewed=False))
    assert machine_record(flat)["skew_cycles"] == 0


def test_dram_and_the_dma_as_kernels_see_them() -> None:
    names = ("bits", "dram_numerator", "dram_denominator", "burst_bytes", "descriptor_cycles", "descriptor_dimensions")
    assert figures(machine_record(machine()), *names) == {
        "bits": [8, 4, 12, 20], "dram_numerator": 13, "dram_denominator": 7, "burst_bytes": 32, "descriptor_cycles": 15,
        "descriptor_dimensions": 4,
    }  # fmt: skip
    free = machine(dram=replace(machine().dram, bytes_per_cycle=None))
    assert figures(machine_record(free), "dram_numerator", "dram_denominator") == {
        "dram_numerator": 0, "dram_denominator": 1
    }  # fmt: skip
    switches = {"dma_whole_rows": "whole_rows", "dma_reloads": "reloads", "dma_keeps_halo": "keeps_halo"}
    for key, name in switches.items():
        made = figures(machine_record(machine(**{key: True})), "whole_rows", "reloads", "keeps_halo")
        assert made == dict.fromkeys(switches.values(), 0) | {name: 1}
    for order, overlapped in (("overlapped", 1), ("serial", 0), ("prefetch_weights", 0)):
        assert machine_record(machine(layer_order=order))["overlapped"] == overlapped


def test_memories_and_levels_as_kernels_see_them() -> None:
    """Kept tensors take room where inputs are. Outputs and weights go from level 0 to 1, these on into the PEs."""
    made = machine_record(machine(), reserved_bytes=1000)
    levels, memories = len(machine().level_names), len(machine().buffers)
    assert (made["levels"], made["chip_levels"], made["memories"]) == (levels, 2, memories) == (3, 2, 4)
    assert made["memory_of"].tolist() == [[1, 0, 1], [-1, 2, 2], [-1, 3, -1]] + [[-1] * 3] * (MAX_LEVELS - 3)
    assert made["outermost"].tolist() == [0, 0, 0]
    assert made["array_level"].tolist() == [3, 2, 3]
    assert made["keeps"].tolist()[:5] == [[1, 1, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert made["source"].tolist()[:4] == [[-1, -1, -1], [0, 0, 0], [0, 1, 1], [0, 2, 1]]
    assert made["streams"].tolist() == [0, 1, 0]
    wanted = {
        "level_of": [0, 0, 1, 2], "capacity_bytes": [700, 4000, 300, 20], "double_buffered": [0, 1, 0, 1],
        "read_bytes_per_cycle": [0, 6, 7, 0], "write_bytes_per_cycle": [9, 0, 8, 0],
    }  # fmt: skip
    assert {name: made[name].tolist()[:memories] for name in wanted} == wanted
    assert all(made[name].tolist()[memories:] == [0] * (8 - memories) for name in wanted)


def test_an_operand_that_the_outermost_level_does_not_hold_comes_from_dram() -> None:
    outer, inner = buffer("outer", 0, (I, W), 100), buffer("inner", 1, (O,), 50, in_pe=True)
    made = machine_record(machine(buffers=(outer, inner)))
    assert made["outermost"].tolist() == [0, 0, 1]
    assert made["array_level"].tolist() == [2, 2, 1]
    assert made["source"].tolist()[:3] == [[-1, -1, -1], [0, 0, -1], [0, 0, 1]]


@pytest.mark.parametrize(
    ("maps", "filters", "deeper", "slots"),
    [(True, False, I, (2, 1, 2)), (False, True, W, (2, 1, 1)), (True, True, NO_OPERAND, (2, 2, 2))],
)
def test_slots_are_those_of_the_memories_and_one_operand_may_have_more(
    maps: bool, filters: bool, deeper: int, slots: tuple[int, int, int]
) -> None:
    one, other = (
        buffer("filters", 0, (W,), 9, double_buffered=filters),
        buffer("maps", 0, (I, O), 9, double_buffered=maps),
    )
    own = machine(buffers=(one, other))
    port = port_record(own)
    assert (port["deeper_slots"], port["slots"], port["out_slots"]) == slots
    assert (port["channels"], port["latency_cycles"]) == (5, 40)
    assert machine_record(own)["deeper_operand"] == deeper


NEST = LoopNest((2, 3, 5, 7, 4, 6, 3, 2), (2, 3), (1, 2), (1, 0, 2, 4), (8, 14))


def test_a_layer_as_kernels_see_it() -> None:
    layer = layer_of(NEST)
    made = layer_record(machine(), layer, NEST, (False, True, False), 2, Fraction(1, 4))
    assert figures(made, "bounds", "macs", "stride", "dilation", "pad", "input_size", "resident", "residuals") == {
        "bounds": list(NEST.bounds), "macs": 2 * 3 * 5 * 7 * 4 * 6 * 3 * 2, "stride": [2, 3], "dilation": [1, 2],
        "pad": [1, 0], "input_size": [8, 14], "resident": [0, 1, 0], "residuals": 2,
    }  # fmt: skip
    assert made["compression"].tolist() == [FIXED_POINT, FIXED_POINT, FIXED_POINT // 4]
    assert (made["residual_compression"], made["prefetched_bytes"], made["prefetch_bytes"]) == (FIXED_POINT, 0, 0)
    plain = layer_record(machine(), layer, NEST)
    assert (plain["resident"].tolist(), plain["residuals"], plain["scattered"].tolist()) == ([0] * 3, 0, [0] * 4)
    assert plain["compression"].tolist() == [FIXED_POINT] * 3
    padded = layer_record(machine(dma_moves_padding=True), layer, NEST)
    assert (padded["pad"].tolist(), padded["input_size"].tolist()) == ([0, 0], [1 + 8 + 2, 0 + 14 + 4])


def test_a_layers_tensors_lie_in_dram_axis_by_axis() -> None:
    """Inputs of 21 channels, filters of 7 by 15, outputs of 15; what is added to these has their shape and width."""
    made = layer_record(machine(), layer_of(NEST), NEST)
    assert made["whole"].tolist() == [[21, 14, 8, 2], [7, 2, 3, 15], [15, 6, 4, 2], [15, 6, 4, 2]]
    assert made["word_bits"].tolist() == [8, 4, 12, 12]
    assert [row[:2] for row in made["pitch_bits"].tolist()] == [[8, 21 * 8], [4, 7 * 4], [12, 15 * 12], [12, 15 * 12]]
    assert (made["tiled"].tolist(), made["atom"].tolist()) == ([0, 0, 0, 0], [1, 1, 1, 1])
    sliced = layer_record(machine(), layer_of(NEST), NEST, slices=Slices(40, 50, scattered=True))
    assert [row[0] for row in sliced["whole"].tolist()] == [40, 7, 50, 15]
    assert sliced["scattered"].tolist() == [1, 0, 0, 0]
    atoms = machine(dram=replace(machine().dram, atom_channels=4, weights="tiled"))
    made = layer_record(atoms, layer_of(NEST), NEST, stored=Fraction(1, 2))
    assert (made["atom"].tolist(), made["word_bits"].tolist()) == ([4, 1, 4, 4], [32, 4, 48, 48])
    assert [row[0] for row in made["whole"].tolist()] == [6, 2, 4, 4]
    assert made["tiled"].tolist() == [0, 1, 1, 0]  # what is compressed, or pooled, has no addresses of its own


def test_places_of_a_tensor_are_its_axes_from_the_innermost_outwards() -> None:
    """Two samples of 3 x 4 x 5: granules divide a burst of 256 bits and all pitches further out that repeat."""
    shape, letters = (2, 3, 4, 5), "dcrw"
    for layout, order in AXES.items():
        made = tensor_fields(layout, shape, 1, 8, 32)
        axes = [letters.index(letter) for letter in order]
        assert (made["axis"], made["whole"]) == (axes, [shape[axis] for axis in axes])
    rows = tensor_fields("nchw", shape, 1, 8, 32)
    assert rows["pitch_bits"] == [8, 40, 160, 480]
    assert rows["granule_bits"] == [8, 32, 32, 256, 256]
    single = tensor_fields("nchw", (1, 3, 4, 5), 1, 8, 32)
    assert single["granule_bits"] == [8, 32, 256, 256, 256]
    atoms = tensor_fields("nhwc", (2, 10, 4, 5), 4, 32, 32)
    assert (atoms["whole"], atoms["pitch_bits"]) == ([3, 5, 4, 2], [32, 96, 480, 1920])


def test_prices_as_kernels_see_them() -> None:
    """A quarter of inputs is zero: their MACs, with weights and sums in registers, take 0.6; 0.9 on the mean."""
    table = replace(
        load_energy_table("eyeriss_relative"), mac_pj=2.0, mac_picojoules=1.0, rf_pj_per_bit=(3.0, 5.0, 7.0),
        array_pj_per_bit=11.0, buffer_points=((10, 13.0),), leakage_pj_per_cycle=17.0, dram_pj_per_bit=19.0,
        vector_op_pj=23.0, gated_mac_fraction=0.6,
    )  # fmt: skip
    own = machine(energy=table)
    made, share = price_record(own, layer_of(NEST)), 1 - 0.25 * 0.4
    assert (made["mac_pj"], made["dram_pj_per_byte"], made["leakage_pj_per_cycle"]) == (2 * share, 19 * 8, 17)
    assert made["word_pj"].tolist()[:5] == [
        [13 * 8, 13 * 4, 13 * 20],
        [0, 13 * 4, 13 * 20],
        [0, 13 * 4, 0],
        [11 * 8, 11 * 4, 11 * 20],
        pytest.approx([3 * 8, 5 * 4 * share, 7 * 20 * share]),
    ]
    half = {"inputs": 0.5 * 8 * 3, "weights": 0.5 * 8 * 5, "outputs": 0.5 * 8 * 7}  # a byte, in picojoules
    found = prices_per_byte(own)
    assert found["rf"] == half and found["dram"] == dict.fromkeys(half, 0.5 * 8 * 19)
    assert list(found) == ["dram", *own.level_names, "array", "rf"]
    assert prices_per_action(own) == {"mac": 1.0, "vector": 11.5, "leakage": 8.5}


def test_the_clock_runs_in_every_cycle_as_the_chip_leaks() -> None:
    chip = load_hardware("tpu_v1")
    prices = chip.prices
    assert prices.leakage_per_cycle > 0 < prices.clock_per_cycle
    made = price_record(chip, layer_of(NEST))
    assert made["leakage_pj_per_cycle"] == prices.leakage_per_cycle + prices.clock_per_cycle
    found = prices_per_action(chip)
    assert (found["leakage"], found["clock"]) == (prices.leakage_per_cycle, prices.clock_per_cycle)


def test_a_mapping_as_kernels_see_it() -> None:
    inner = tuple(LevelTile((1, 1, size, 1, 1, 1, 1, 1), (Dim.Q, Dim.P)) for size in (4, 2))
    mapping = Mapping(
        "own", (1, 2, 3, 4, 5, 6, 7, 8), (Dim.K, Dim.C), (Dim.P, Dim.K), rows=(1, 1, 2, 1, 1, 1, 1, 1),
        columns=(1, 1, 3, 1, 5, 1, 1, 1), registers=(1, 1, 1, 1, 1, 1, 2, 3), registers_order=(), stationary=W,
        inner=inner, arrays=(1, 1, 1, 1, 2, 1, 1, 1),
    )  # fmt: skip
    made = mapping_record(machine(), mapping)
    assert made["tile"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert made["dram_order"].tolist() == [0, 1, 4, 5, 6, 7, 2, 3] == complete_order(mapping.dram_order)
    assert [row[2] for row in made["inner_tile"].tolist()] == [1, 4, 2, 1]
    assert made["orders"].tolist() == [[0, 1, 3, 5, 6, 7, 4, 2], *[[0, 1, 2, 3, 6, 7, 5, 4]] * 2, list(range(8))]
    assert (made["spatial"].tolist(), made["arrays"].tolist()) == ([1, 1, 6, 1, 10, 1, 1, 1], [1, 1, 1, 1, 2, 1, 1, 1])
    assert made["registers"].tolist() == [1, 1, 1, 1, 1, 1, 2, 3]
    switches = ("lowered", "retains", "stationary", "skips", "channel_packing")
    assert figures(made, *switches) == dict(zip(switches, (0, 1, W, 0, 0), strict=True))
    other = replace(mapping, rows=(1,) * 8, columns=(1,) * 8, retains=False, stationary=None, channel_packing=True)
    assert figures(mapping_record(machine(), other), *switches) == dict(
        zip(switches, (0, 0, NO_OPERAND, 1, 1), strict=True)
    )
    assert mapping_record(machine(), replace(other, lowered=True))["lowered"] == 1
