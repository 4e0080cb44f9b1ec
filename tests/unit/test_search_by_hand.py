"""What a search tries and in what order, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from simulator.cost.candidates import (
    Candidate,
    aligned_counts,
    as_mapping,
    dram_orders,
    in_order,
    template_record,
    tile_choices,
    tile_steps,
)
from simulator.cost.effort import BEAM, PROVE
from simulator.cost.inner import InnerTiles
from simulator.cost.legality import ALONE, Around, buffer_demands, least_demand, violations
from simulator.cost.search import Request, Search, search_layer
from simulator.cost.spatial import SpatialMapping, spatial_mappings
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import Dataflow, load_dataflow
from simulator.mapping.mapping import ONES, LevelTile
from simulator.nest import Dim, LoopNest, Operand
from tests.oracle.strategies import layer_of

FLEXIBLE, SIMPLE = load_hardware("flexible_168"), load_hardware("timeloop_simple_weight_stationary")
ROWS, PIXELS = load_dataflow("row_stationary"), load_dataflow("output_stationary_pixels")
LAYER = layer_of(LoopNest((1, 2, 8, 6, 10, 12, 3, 3), input_size=(12, 14)))
NEST = LAYER.nest


def test_tiles_are_whole_numbers_of_steps_and_below_one_of_its_halves() -> None:
    assert aligned_counts(10, 1) == (10, 5, 4, 3, 2, 1)
    assert aligned_counts(10, 4) == (10, 8, 4, 2, 1)
    assert aligned_counts(100, 7) == (100, 56, 35, 28, 21, 14, 8, 7, 4, 2, 1)
    assert aligned_counts(5, 100) == (5, 4, 2, 1)
    assert aligned_counts(1, 3) == (1,)


def chosen(dataflow: Dataflow, steps: tuple[int, ...]) -> dict[str, list[int]]:
    choices, counts = tile_choices(NEST, steps, dataflow)
    assert all(int(size) == 0 for d in Dim for size in choices[d, counts[d] :])
    return {d.name: [int(size) for size in choices[d, : counts[d]]] for d in Dim}


def test_filters_are_not_cut_and_a_dataflow_may_say_what_else_is_not() -> None:
    free = replace(ROWS, untiled=(), one_step_a_tile=())
    wanted = {
        "N": [1], "G": [2, 1], "K": [8, 4, 2, 1], "C": [6, 3, 2, 1], "P": [10, 8, 4, 2, 1],
        "Q": [12, 6, 4, 3, 2, 1], "R": [3], "S": [3],
    }  # fmt: skip
    steps = (1, 1, 4, 1, 4, 1, 1, 1)
    assert chosen(free, steps) == wanted
    assert chosen(replace(free, untiled=(Dim.K, Dim.C)), steps) == wanted | {"K": [8], "C": [6]}
    assert chosen(replace(free, one_step_a_tile=(Dim.K, Dim.C)), steps) == wanted | {"K": [4], "C": [1]}
    assert chosen(replace(free, one_step_a_tile=(Dim.K,)), (1, 1, 9, 1, 4, 1, 1, 1)) == wanted | {"K": [8]}


def test_a_step_is_what_pes_and_registers_cover_or_the_inner_tile_on_chip() -> None:
    layout = SpatialMapping((1, 1, 2, 3, 1, 1, 1, 1), ONES, (1, 1, 4, 5, 1, 1, 3, 1))
    flat = Candidate(ROWS, layout, InnerTiles(ROWS.order))
    assert tile_steps(flat) == (1, 1, 8, 15, 1, 1, 3, 1)
    lowered = replace(flat, dataflow=replace(ROWS, lowered=True))
    assert tile_steps(lowered) == (1, 1, 8, 1, 1, 1, 1, 1)
    inner = (LevelTile((1, 1, 6, 6, 2, 2, 3, 3), ROWS.order),)
    on_chip = replace(flat, inner=InnerTiles(ROWS.order, inner, 2))
    assert tile_steps(on_chip) == (1, 1, 6, 6, 2, 2, 3, 3)
    assert tile_steps(replace(on_chip, inner=InnerTiles(ROWS.order, inner, 1))) == tile_steps(flat)


def test_orders_of_dram_loops_that_differ_by_what_is_tiled() -> None:
    """G outermost; where only one group is tiled there is one order, of two there are two, of three six."""
    orders, tries = dram_orders()
    names = ["".join(Dim(d).name for d in order) for order in orders]
    assert names == ["GNPQKCRS", "GNPQCRSK", "GKNPQCRS", "GKCRSNPQ", "GCRSNPQK", "GCRSKNPQ"]
    listed = [[int(i) for i in row if i >= 0] for row in tries]
    assert listed == [[0], [0], [0], [0, 2], [0], [0, 3], [0, 1], [0, 1, 2, 3, 4, 5]]
    assert all(sorted(row.tolist(), key=lambda i: i < 0) == row.tolist() for row in tries)


def test_candidates_come_by_what_they_promise() -> None:
    layout = SpatialMapping(ONES, ONES, ONES)
    made = [
        Candidate(ROWS, layout, InnerTiles(ROWS.order), promise)
        for promise in ((2, 0, 0, 0), (1, 9, 0, 1), (1, 9, 0, 0))
    ]
    assert [each.promise for each in in_order(made)] == [(1, 9, 0, 0), (1, 9, 0, 1), (2, 0, 0, 0)]


@pytest.mark.parametrize(
    ("objective", "first"), [("cycles", 0), ("cycles_plus_dma", 0), ("energy", 1), ("dram", 1), ("edp", 1)]
)
def test_what_is_mostly_time_is_judged_by_array_cycles_first_and_the_rest_by_words(objective: str, first: int) -> None:
    search = Search(Request(FLEXIBLE, LAYER, objective))
    layouts = search.spatial_mappings(ROWS)
    judged = search.judged(ROWS, 3, layouts)
    assert len(judged) == len(layouts) > BEAM / 4
    trial = template_record(ROWS, InnerTiles(ROWS.order), False)
    figures = search.figures(trial, layouts).tolist()
    wanted = sorted((figures[i][first], figures[i][1 - first], 3, i) for i in range(len(layouts)))
    assert [each.promise for each in judged] == wanted
    assert [each.layout for each in judged] == [layouts[promise[3]] for promise in wanted]


def test_a_machine_of_memories_in_pes_tries_single_words_in_registers_and_no_packed_lanes() -> None:
    assert any(buffer.in_pe for buffer in SIMPLE.buffers)
    search = Search(Request(SIMPLE, LAYER, "cycles"))
    found, plain = search.spatial_mappings(ROWS), spatial_mappings(ROWS, NEST, SIMPLE.array)
    single = [replace(layout, registers=ONES) for layout in plain]
    assert list(found) == list(dict.fromkeys([*plain, *single]))
    assert search.spatial_mappings(replace(ROWS, channel_packing=True)) == ()
    flat = Search(Request(FLEXIBLE, LAYER, "cycles"))
    assert flat.spatial_mappings(ROWS) == spatial_mappings(ROWS, NEST, FLEXIBLE.array)


def test_the_best_mapping_as_found_has_no_inner_tile_larger_than_what_it_lies_in() -> None:
    tiles = (LevelTile((1, 1, 6, 6, 20, 2, 3, 3), ROWS.order), LevelTile((1, 1, 2, 9, 1, 1, 3, 3), PIXELS.order))
    layout = SpatialMapping(ONES, ONES, ONES)
    candidate = Candidate(ROWS, layout, InnerTiles(PIXELS.order, tiles, 2))
    best = template_record(ROWS, candidate.inner, False)
    best["tile"], best["dram_order"] = (1, 1, 8, 4, 10, 12, 3, 3), (7, 6, 5, 4, 3, 2, 1, 0)
    mapping = as_mapping(best, candidate)
    assert mapping.tile == (1, 1, 8, 4, 10, 12, 3, 3)
    assert mapping.dram_order == tuple(reversed(Dim))
    assert mapping.buffer_order == PIXELS.order
    assert [level.tile for level in mapping.inner] == [(1, 1, 6, 4, 10, 2, 3, 3), (1, 1, 2, 4, 1, 1, 3, 3)]
    assert [level.order for level in mapping.inner] == [ROWS.order, PIXELS.order]
    assert mapping.registers_order == tuple(reversed(ROWS.registers))
    assert (mapping.retains, mapping.stationary, mapping.lowered) == (True, Operand.WEIGHTS, False)
    loose = as_mapping(best, replace(candidate, dataflow=replace(ROWS, stationary=None)))
    assert (loose.retains, loose.stationary) == (False, None)


def test_a_template_holds_what_dataflow_and_inner_tiles_fix() -> None:
    tile = (1, 1, 6, 6, 2, 2, 3, 3)
    made = template_record(ROWS, InnerTiles(PIXELS.order, (LevelTile(tile, ROWS.order),), 2), True)
    assert made["inner_tile"][:2].tolist() == [[1] * 8, list(tile)]
    assert made["orders"][:2].tolist() == [list(PIXELS.order), list(ROWS.order)]
    assert (made["inner_tile"][2:] == 1).all() and (made["orders"][2:] == np.arange(8)).all()
    assert (made["skips"], made["retains"], made["stationary"], made["lowered"]) == (1, 1, Operand.WEIGHTS, 0)
    assert all((made[name] == 1).all() for name in ("spatial", "rows", "arrays", "registers"))
    none = template_record(replace(ROWS, stationary=None), InnerTiles(ROWS.order), False)
    assert (none["skips"], none["retains"], none["stationary"]) == (0, 0, 3)


def test_the_least_that_a_tile_takes_is_one_window_its_weights_and_a_sum() -> None:
    machine = replace(FLEXIBLE, input_bits=8, weight_bits=12, output_bits=8, partial_sum_bits=20)
    layer = layer_of(LoopNest((2, 2, 8, 6, 10, 12, 3, 2), (2, 2), input_size=(21, 24)))
    assert least_demand(machine, layer) == {Operand.INPUTS: 6, Operand.WEIGHTS: 9, Operand.OUTPUTS: 3}


def small(capacity: int, **more) -> Hardware:
    buffers = (replace(FLEXIBLE.buffers[0], capacity_bytes=capacity),)
    return replace(FLEXIBLE, buffers=buffers, **more)


def test_a_layer_that_fits_no_buffer_is_not_mapped_and_one_that_barely_fits_is() -> None:
    """A tile of one output in 16 bits: 3 x 3 inputs, as many weights, and the sum; each twice, as it is replaced."""
    needed = next(size for size in range(1, 200) if search_layer(Request(small(size), LAYER, "cycles"), [PIXELS]))
    found = search_layer(Request(small(needed), LAYER, "cycles"), [PIXELS])
    assert found is not None
    assert found.mapping.tile == (1, 1, 1, 1, 1, 1, 3, 3)
    assert needed == sum(buffer_demands(found.mapping, LAYER, small(needed)))
    assert violations(found.mapping, LAYER, small(needed)) == []
    (told,) = violations(found.mapping, LAYER, small(needed - 1))
    assert told.startswith(
        f"buffer {FLEXIBLE.buffers[0].name}: tiles need {needed} bytes, it has {needed - 1} for them"
    )


def mapped(hardware: Hardware = FLEXIBLE, flow: Dataflow = ROWS):
    found = search_layer(Request(hardware, LAYER, "cycles"), [flow])
    assert found is not None
    return found.mapping


def test_what_a_machine_cannot_do_is_told_with_demand_and_limit() -> None:
    mapping = replace(mapped(), rows=ONES, columns=ONES, registers=ONES)
    rows, columns = FLEXIBLE.array.rows, FLEXIBLE.array.columns
    edge = replace(mapping, rows=(1, 1, rows, 1, 1, 1, 1, 1), columns=(1, 1, 1, 1, columns, 1, 1, 1))
    assert violations(edge, LAYER, FLEXIBLE) == []
    wide = replace(edge, rows=(1, 1, rows + 1, 1, 1, 1, 1, 1), columns=(1, 1, 1, 1, columns + 1, 1, 1, 1))
    assert violations(wide, LAYER, FLEXIBLE) == [
        f"rows: unrolls {rows + 1} PEs, the array has {rows} rows",
        f"columns: unrolls {columns + 1} PEs, the array has {columns} columns",
    ]
    split = replace(mapping, arrays=(1, 1, 2, 1, 1, 1, 1, 1))
    assert violations(split, LAYER, FLEXIBLE) == ["arrays: unrolls 2 arrays, the machine has 1 arrays"]
    summed = replace(mapping, rows=(1, 1, 1, 2, 1, 1, 1, 1), columns=(1, 1, 1, 1, 1, 1, 3, 1))
    apart = replace(FLEXIBLE, array=replace(FLEXIBLE.array, reduce_rows=False, reduce_columns=False))
    assert violations(summed, LAYER, apart) == [
        "rows: unrolls C, but partial sums cannot be added along rows",
        "columns: unrolls R, but partial sums cannot be added along columns",
    ]
    both = replace(apart, array=replace(apart.array, reduce_rows=True, reduce_columns=True))
    assert violations(summed, LAYER, both) == []
    two = replace(both, array=replace(both.array, instances=2))
    assert violations(replace(mapping, arrays=(1, 1, 1, 2, 1, 1, 1, 1)), LAYER, two) == [
        "arrays: unrolls C, but partial sums cannot be added along arrays"
    ]


def test_levels_lanes_and_registers_are_told() -> None:
    flat, deep = mapped(), mapped(SIMPLE, SIMPLE.dataflows[0])
    (told,) = violations(flat, LAYER, SIMPLE)
    assert told == f"levels: has tiles of 1, the machine has {', '.join(SIMPLE.level_names)}"
    (told,) = violations(deep, LAYER, FLEXIBLE)
    assert told == f"levels: has tiles of {len(SIMPLE.level_names)}, the machine has {', '.join(FLEXIBLE.level_names)}"
    packed = violations(replace(deep, channel_packing=True), LAYER, SIMPLE)
    assert packed[0].startswith("channel_packing: packed lanes take single words, and keep none in ")
    few = replace(FLEXIBLE, array=replace(FLEXIBLE.array, registers_words=(9, 8, 9)))
    held = replace(flat, rows=ONES, columns=ONES, registers=(1, 1, 1, 1, 1, 1, 3, 3), registers_order=(Dim.R, Dim.S))
    assert violations(held, LAYER, few) == ["registers: a PE needs 9 words of weights, it has 8"]


def test_tensors_that_stay_take_room_and_those_that_stay_whole_need_none_in_tiles() -> None:
    mapping = mapped()
    demand = sum(buffer_demands(mapping, LAYER, FLEXIBLE))
    machine = small(demand + 10)
    assert violations(mapping, LAYER, machine, ALONE) == []
    assert violations(mapping, LAYER, machine, Around(reserved_bytes=10)) == []
    assert len(violations(mapping, LAYER, machine, Around(reserved_bytes=11))) == 1
    whole = sum(buffer_demands(mapping, LAYER, machine, Around(resident=(True, False, False))))
    more = sum(buffer_demands(mapping, LAYER, machine, Around(residuals=1)))
    assert whole < demand < more


def test_a_proof_tells_a_gap_that_never_grows_and_ends_in_none() -> None:
    layer, told = layer_of(LoopNest((1, 1, 2, 2, 3, 3, 1, 1), input_size=(3, 3))), list[tuple[str, float, int]]()
    found = search_layer(Request(FLEXIBLE, layer, "cycles"), [PIXELS], PROVE, lambda *each: told.append(each))
    assert found is not None and found.gap == 0
    names, gaps, counts = zip(*told, strict=True)
    assert set(names) == {"cycles"}
    assert list(gaps) == sorted(gaps, reverse=True) and gaps[-1] == 0
    assert list(counts) == sorted(counts) and counts[-1] > 0
