"""Which iterations of a loop are alike, and what they add: by hand."""

import numpy as np
import pytest

from simulator.cost.case import CROSSED, NONE, ONE, TOTALS, VARIANT, ZERO, Case
from simulator.cost.convert import (
    layer_record,
    machine_record,
    make_scratch,
    mapping_record,
    port_record,
    price_record,
    record,
)
from simulator.cost.evaluate import begin
from simulator.cost.play import WORTH, add_alike, first_alike, jump, last_alike, play_tiles, set_mark
from simulator.cost.tiles import start_tiles
from simulator.cost.variants import add_variant, count_variants
from simulator.hardware.load import load_hardware
from simulator.mapping.mapping import ONES, Mapping
from simulator.nest import Dim, LoopNest
from tests.oracle.strategies import layer_of

MACHINE = load_hardware("systolic_32x32")
NEST = LoopNest((1, 1, 4, 3, 40, 30, 3, 3), (2, 1), (1, 1), (5, 1, 1, 1), (80, 30))
"""Five rows of padding above, one on the other sides; 40 x 30 outputs of 80 x 30 inputs."""
TILE = (1, 1, 4, 3, 2, 1, 3, 3)
"""Twenty by thirty tiles of two outputs, one below the other."""


def case_of(tile=TILE) -> Case:
    mapping = Mapping("drawn", tile, tuple(Dim), tuple(Dim), ONES, ONES, ONES, (), lowered=False)
    layer = layer_of(NEST)
    records = machine_record(MACHINE), port_record(MACHINE), layer_record(MACHINE, layer, NEST)
    return Case(*records, price_record(MACHINE, layer), mapping_record(MACHINE, mapping))


def started(case: Case):
    scratch = make_scratch()
    start_tiles(case.machine, case.layer, case.mapping, scratch.tiles)
    return scratch


def test_rows_are_alike_from_the_first_that_does_not_reach_into_the_padding_on() -> None:
    """Tiles of two outputs begin four rows apart: the first two reach into five rows of padding."""
    case = case_of()
    assert first_alike(case, int(Dim.P)) == 5 // 4 + 1
    assert first_alike(case, int(Dim.Q)) == 1 // 1 + 1
    assert first_alike(case, int(Dim.K)) == 1


def test_rows_are_alike_to_the_last_whose_windows_are_whole() -> None:
    """Tile i begins at row 4 i - 5 and needs five rows of 80: i <= 20, but the last of twenty is never like others.

    Columns: tile i begins at column i - 1 and needs three of 30: up to the 28th.
    """
    case = case_of()
    tiles = started(case).tiles
    assert last_alike(case, tiles, int(Dim.P)) == min(20 - 2, (80 + 5 - 5) // 4)
    assert last_alike(case, tiles, int(Dim.Q)) == min(30 - 2, (30 + 1 - 3) // 1)
    assert last_alike(case, tiles, int(Dim.R)) == last_alike(case, tiles, int(Dim.S)) == NONE


def test_rows_over_which_taps_are_cut_are_never_alike() -> None:
    case = case_of((1, 1, 4, 3, 2, 1, 1, 3))
    assert last_alike(case, started(case).tiles, int(Dim.P)) == NONE
    assert last_alike(case, started(case).tiles, int(Dim.Q)) == 28


@pytest.mark.parametrize("times", [1, 7])
def test_what_was_moved_since_the_mark_is_moved_as_often_again(times: int) -> None:
    scratch, number = started(case_of()), 0
    before, now = scratch.marks.crossed[2], scratch.totals
    for name in CROSSED.names or ():
        number += 3
        before[name], now[name] = number, 10 * number + np.arange(now[name].size).reshape(now[name].shape)
    expected = {name: now[name] + times * (now[name] - before[name]) for name in CROSSED.names or ()}
    add_alike(scratch, 2, times)
    assert all((now[name] == expected[name]).all() for name in CROSSED.names or ())


@pytest.mark.parametrize(("at", "marked"), [(2, False), (3, True), (28 - WORTH, True), (29 - WORTH, False)])
def test_iterations_are_marked_only_where_they_are_alike_and_enough_are_left(at: int, marked: bool) -> None:
    case = case_of()
    scratch = started(case)
    j = next(j for j in range(scratch.tiles.loops) if scratch.tiles.order[j] == Dim.Q)
    mark = scratch.marks.states[j]
    mark.at, mark.first, mark.last, scratch.tiles.at[Dim.Q] = NONE, 3, 28, at - 1
    assert jump(case, scratch, j, 10) == 10
    assert (mark.at, mark.tile) == ((at, 10) if marked else (NONE, mark.tile))


def test_a_mark_tells_the_iteration_its_tile_and_what_was_moved() -> None:
    case = case_of()
    scratch = started(case)
    for number, name in enumerate(CROSSED.names or (), 1):
        scratch.totals[name] = number
    set_mark(scratch, case.port, 1, 9, 20)
    assert (scratch.marks.states[1].at, scratch.marks.states[1].tile) == (9, 20)
    crossed = scratch.marks.crossed[1]
    assert all((crossed[name] == number).all() for number, name in enumerate(CROSSED.names or (), 1))


def tiles_played(case: Case, jumps: int) -> int:
    scratch = make_scratch()
    assert begin(case, scratch)
    count_variants(case, scratch)
    left = int(scratch.work["left"])
    assert play_tiles(case, scratch, jumps, np.inf)
    return left - int(scratch.work["left"])


def test_of_many_tiles_few_are_played_where_iterations_are_jumped_over_and_else_all() -> None:
    strips = case_of((1, 1, 4, 3, 2, 30, 3, 3))
    assert tiles_played(strips, ONE) < tiles_played(strips, ZERO) == 20
    assert tiles_played(case_of(), ONE) < 20 * 30 / 4


def test_a_tile_counts_as_often_as_there_are_tiles_like_it() -> None:
    """Five tiles whose figures are 1, 2, 3 and so on, then none; the second of the levels within is the registers."""
    variant, totals = record(VARIANT), record(TOTALS)
    for number, name in enumerate(VARIANT.names or (), 1):
        variant[name] = number + np.arange(variant[name].size).reshape(variant[name].shape)
    for tiles in (5, 0):
        variant["tiles"] = tiles
        add_variant(totals, variant, 1)
    for name in ("mac_cycles", "mac_slots", "sums", "array_cycles", "delivery_cycles", "preload_cycles", "skew_cycles"):
        assert totals[name] == 5 * variant[name], name
    assert (totals["tiles"], totals["network_returned"]) == (5, 5 * variant["network_returned"])
    assert totals["network_words"].tolist() == (5 * variant["network_words"]).tolist()
    assert totals["tile_bytes"].tolist() == [
        5 * int(variant[f"{name}_bytes"]) for name in ("inputs", "weights", "outputs", "sums")
    ]
    for name in ("crossed", "delivered", "returned"):
        assert totals[name][1].tolist() == (5 * variant[name][1]).tolist()
        assert not totals[name][0].any() and not totals[name][2:].any()
