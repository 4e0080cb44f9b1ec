"""Inputs and weights that come whole, before the first tile, and what sets up a tile: counted by hand."""

from dataclasses import replace
from math import ceil

import pytest

from simulator import simulate
from simulator.cost.legality import Around, violations, whole_bytes
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.mapping.mapping import ONES, Mapping
from simulator.network.graph import Graph
from simulator.network.ir import Network

MIB = 2**20
TPU = load_hardware("tpu_v6e")


def product(rows: int, channels: int, filters: int) -> Network:
    g = Graph("product")
    g.linear(g.input(channels, 1, 1, batch=rows), filters)
    return g.build()


def alone(rows: int, channels: int, filters: int):
    (result,) = simulate(TPU, product(rows, channels, filters)).layers
    return result


def test_operands_that_fit_come_before_the_first_tile_computes():
    result = alone(1024, 2048, 2048)
    size = (8 + 4) * MIB
    assert result.tiles > 1
    assert result.dram_parts["fill"] == TPU.dram.latency_cycles + ceil(size / TPU.dram.bytes_per_cycle)


def test_tiles_load_what_came_whole_no_second_time():
    """Inputs of 80 MiB fit into the 96 MiB that tiles leave; of 160 MiB and weights of 100, one comes again."""
    result = alone(8192, 5120, 10240)
    assert result.traffic["dram"]["inputs"].read_bytes == 80 * MIB
    assert result.tiles > 1
    beyond = alone(32768, 5120, 10240)
    read = [beyond.traffic["dram"][operand].read_bytes for operand in ("inputs", "weights")]
    assert read[0] > 160 * MIB or read[1] > 100 * MIB


@pytest.mark.parametrize(
    ("room", "resident", "reserved", "whole"),
    [
        (12, False, 0, 12),  # MiB: 4 of inputs, 8 of weights
        (11, False, 0, 4),
        (8, True, 0, 8),  # inputs are there already
        (12, False, 4, 4),
        (12, False, 9, 0),
        (3, False, 0, 0),
    ],
)
def test_the_smaller_operand_comes_first_as_long_as_there_is_room(room, resident, reserved, whole):
    machine = vary(TPU, {"buffers.vmem.capacity": (32 + room) * MIB})
    around = Around((resident, False, False), reserved * MIB)
    assert whole_bytes(product(1024, 2048, 2048).layers[0], machine, around) == whole * MIB


def test_a_tensor_without_room_of_its_own_comes_tile_by_tile():
    machine = vary(TPU, {"buffers.vmem.capacity": 32 * MIB})
    (result,) = simulate(machine, product(8192, 2048, 2048)).layers
    first = TPU.dram.latency_cycles + ceil((8 + 32) * MIB / TPU.dram.bytes_per_cycle)
    assert result.dram_parts["fill"] < first / 2


def test_each_tile_is_set_up_and_its_wave_front_fills_and_drains():
    result = alone(1024, 2048, 2048)
    assert result.cycle_parts["skew"] == result.tiles * (1225 + 256 + 256 - 2)


def test_a_mapping_whose_tiles_need_more_than_their_share_is_refused():
    layer = product(8192, 2048, 2048).layers[0]
    mapping = Mapping("weight_stationary_lowered", layer.nest.bounds, (), (), ONES, ONES, ONES, (), lowered=True)
    (reason,) = violations(mapping, layer, TPU)
    assert reason.startswith(f"buffer vmem: tiles need {8192 * 2048 * 4} bytes, it has {32 * MIB} for them")
    assert violations(replace(mapping, tile=(2048, *layer.nest.bounds[1:])), layer, TPU) == []


@pytest.mark.parametrize(
    ("buffers", "expected"),
    [
        ([{"name": "all", "holds": ["inputs", "weights", "outputs"], "capacity": 64, "tiles": 65}], "capacity"),
        (
            [
                {"name": "maps", "holds": ["inputs", "outputs"], "capacity": 64, "tiles": 32},
                {"name": "filters", "holds": ["weights"], "capacity": 64},
            ],
            "an outermost buffer of inputs and weights",
        ),
    ],
)
def test_room_for_whole_tensors_needs_a_memory_that_holds_them(buffers, expected):
    with pytest.raises(InputError, match=expected):
        vary(TPU, {"buffers": buffers})
