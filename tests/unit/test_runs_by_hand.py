"""Bursts that tiles take at least and at most, and steps of the array that cuts cost: counted by hand.

Words are bytes, partial sums two, and a burst is 16. Maps lie channel by channel, row by row; tiles are counted and
bounded, not placed: all that is known is how many there are and how large the largest may be.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simulator import load_hardware
from simulator.cost import steps
from simulator.cost.candidates import ways_to_cut
from simulator.cost.case import FIXED_POINT, TILES
from simulator.cost.convert import layer_record, machine_record, record
from simulator.cost.runs import inputs_in_tiles, inputs_once, more_of_outputs, most_loaded, most_stored
from simulator.cost.steps import least_steps, spreads, step_tables
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import Dim, LoopNest
from tests.oracle.strategies import layer_of

CHIP = load_hardware("flexible_168")
DRAM = replace(CHIP.dram, burst_bytes=16, activations="nchw", weights="krsc")
BYTES = {"input_bits": 8, "weight_bits": 8, "output_bits": 8, "partial_sum_bits": 16}
PLAIN = replace(CHIP, **BYTES, dram=DRAM)  # type: ignore[arg-type]
N, G, K, C, P, Q, R, S = range(8)


def nest_of(columns: int, groups: int = 1) -> LoopNest:
    """Two samples, three channels and six filters a group, 3 x 2 taps, four rows and one of padding on each side."""
    bounds = (2, groups, 6, 3, 4, columns - 1, 3, 2)
    return LoopNest(bounds, padding=(1, 0, 1, 0), input_size=(4, columns))


def setting(columns: int = 6, groups: int = 1, **changes: Any) -> tuple[Any, Any]:
    """The records of a machine, with changes of its DRAM, and of a layer with inputs of so many columns."""
    machine, nest = replace(PLAIN, dram=replace(DRAM, **changes)), nest_of(columns, groups)
    return machine_record(machine), layer_record(machine, layer_of(nest), nest)


def cut(layer: Any, **extents: int) -> tuple[Any, Any]:
    """How many tiles there are along each dimension, and how large they are, where those along some are told."""
    bounds = layer["bounds"].tolist()
    most = [extents.get(d.name, bound) for d, bound in zip(Dim, bounds, strict=True)]
    return np.array([-(-b // m) for b, m in zip(bounds, most, strict=True)]), np.array(most)


def once(columns: int = 6, rows: int = 4, groups: int = 1, tile: dict[str, int] | None = None, **dram: Any) -> int:
    machine, layer = setting(columns, groups, **dram)
    machine["bits"][1] = 5  # weights are as they may
    return int(inputs_once(machine, layer, *turned(layer, rows, columns, tile or {})))


def turned(layer: Any, rows: int, columns: int, tile: dict[str, int]) -> tuple[Any, int, int, Any]:
    trips, most = cut(layer, **tile)
    return trips, rows, columns, most


def test_inputs_that_lie_in_one_piece_take_their_bytes() -> None:
    """Tiles of two rows of outputs reach four of inputs, which may be all: each tile is one run."""
    assert once() == 2 * 3 * 4 * 6
    assert once(tile={"P": 2}) == 144
    assert once(tile={"P": 1}, activations="tiled") == 144
    assert once(rows=3) == 108


def test_runs_of_some_rows_take_a_burst_each_at_least() -> None:
    """Four tiles of three rows, in six maps of 24 bytes: 24 runs, so 24 bursts, where the bytes alone are nine."""
    assert once(tile={"P": 1}) == 24 * 16
    assert once(groups=2, tile={"P": 1}) == 48 * 16


def test_runs_that_begin_anywhere_take_what_lies_around_them() -> None:
    """Maps of 28 bytes begin at multiples of four in a burst: each of 24 runs has 12 bytes too many in the mean."""
    assert once(7, tile={"P": 1}) == 2 * 3 * 4 * 7 + 24 * (16 - 4)


def test_runs_of_some_columns_are_as_many_as_all_rows_outside() -> None:
    """Two tiles of three and two of five columns reach four and three of six: rows lie six bytes apart."""
    assert once(tile={"Q": 3}) == 144 + 2 * 24 * (16 - 2) == 816
    assert once(rows=6, tile={"Q": 3}) == 216 + 2 * 36 * (16 - 2)
    assert once(tile={"Q": 4, "P": 1}) == max(144 + 2 * 24 * 14, 2 * 24 * 16)


def test_runs_of_some_channels_are_as_many_as_tiles_and_samples() -> None:
    """Three tiles of a channel each, in two samples that lie 72 bytes apart."""
    assert once(tile={"C": 1}) == 144 + 6 * (16 - 8)
    assert once(tile={"C": 2}) == 144 + 4 * (16 - 8)
    assert once(tile={"N": 1}) == 144
    assert once(groups=2, tile={"C": 2}) == 288  # a sample is nine bursts
    assert once(7, tile={"C": 1}) == 168 + 6 * (16 - 4)


def test_tiles_of_several_groups_have_all_channels_of_each() -> None:
    """Two groups of three channels of 28 bytes: tiles of one group have half of a sample, of both all of it.

    Where they have some channels of both, these are one run at least.
    """
    assert once(7, groups=2, tile={"G": 1}) == 336 + 4 * (16 - 8)
    assert once(7, groups=2) == 336
    assert once(7, groups=2, tile={"C": 2}) == 336 + 4 * (16 - 8)


def test_channels_of_an_atom_are_one_word() -> None:
    """Two words of two channels each, of which the last is half empty: 192 bytes in 16 runs, each a burst at least."""
    assert once(tile={"P": 1}, atom_channels=2) == 144 + (16 * 16 - 192)


def test_rows_in_the_padding_may_be_no_run() -> None:
    """Windows of three rows with three of padding above: a tile may load nothing, so that all rows may be one run."""
    machine = machine_record(PLAIN)
    nest = LoopNest((2, 1, 6, 3, 7, 5, 3, 2), padding=(3, 0, 2, 0), input_size=(4, 6))
    layer = layer_record(PLAIN, layer_of(nest), nest)
    assert inputs_once(machine, layer, *turned(layer, 4, 6, {"P": 1})) == 144 + 6 * (16 - 8)
    wide = LoopNest((2, 1, 6, 3, 4, 9, 3, 2), padding=(1, 2, 1, 2), input_size=(4, 6))
    layer = layer_record(PLAIN, layer_of(wide), wide)
    assert inputs_once(machine, layer, *turned(layer, 4, 6, {"Q": 1})) == 144 + 24 * (16 - 2)


def test_a_machine_that_moves_whole_rows_has_the_rows_between_windows_in_its_boxes() -> None:
    nest = LoopNest((2, 1, 6, 3, 2, 5, 1, 2), stride=(3, 1), input_size=(6, 6))
    for whole, runs in ((False, 12), (True, 12)):
        machine = replace(PLAIN, dma_whole_rows=whole)
        layer = layer_record(machine, layer_of(nest), nest)
        told = inputs_once(machine_record(machine), layer, *turned(layer, 6, 6, {"P": 1}))
        assert told == 216 + runs * (16 - 4)
    machine = replace(PLAIN, dma_whole_rows=True)
    layer = layer_record(machine, layer_of(nest), nest)
    assert inputs_once(machine_record(machine), layer, *turned(layer, 6, 6, {})) == 216
    assert inputs_once(machine_record(PLAIN), layer, *turned(layer, 6, 6, {})) == 216 + 6 * (16 - 4)


def outputs(columns: int = 6, groups: int = 1, resident: bool = False, **tile: Any) -> int:
    machine, layer = setting(columns, groups, **{key: tile.pop(key) for key in list(tile) if key.islower()})
    layer["resident"][2] = resident
    return int(more_of_outputs(machine, layer, *cut(layer, **tile)))


def test_outputs_take_bursts_beyond_their_bytes_as_inputs_do() -> None:
    """Maps of 4 x 5 bytes begin at multiples of four in a burst, samples of six, 120 bytes, at multiples of eight."""
    assert outputs() == 0
    assert outputs(P=2) == 2 * 12 * (16 - 4)
    assert outputs(P=1) == 4 * 12 * (16 - 4)
    assert outputs(Q=3) == 2 * 4 * 12 * (16 - 1)
    assert outputs(K=2) == 3 * 2 * (16 - 8)
    assert outputs(N=1) == 0
    assert outputs(P=1, resident=True) == outputs(P=1, activations="tiled") == 0
    assert outputs(groups=2, P=2) == 2 * 24 * (16 - 4)
    assert outputs(groups=2, G=1) == outputs(7, groups=2, G=1) == 0  # half of a sample is whole bursts
    assert outputs(K=2, activations="nhwc") == 3 * 40 * (16 - 2)
    assert outputs(P=2, atom_channels=2) == 2 * 6 * (16 - 8)


def test_outputs_that_are_coded_lie_in_one_piece_whatever_inputs_do() -> None:
    machine, layer = setting()
    layer["tiled"][2] = True
    assert more_of_outputs(machine, layer, *cut(layer, P=1)) == 0
    layer["tiled"] = [True, True, False, True]
    assert more_of_outputs(machine, layer, *cut(layer, P=1)) == 4 * 12 * (16 - 4)


def test_boxes_of_inputs_are_loaded_tile_by_tile_unless_they_stay_or_come_whole() -> None:
    machine, layer = setting()
    tiles = record(TILES)
    assert inputs_in_tiles(machine, layer, tiles)
    tiles["whole"][0] = 1
    assert not inputs_in_tiles(machine, layer, tiles)
    tiles["whole"][0] = 0
    layer["resident"][0] = True
    assert not inputs_in_tiles(machine, layer, tiles)
    layer["resident"][0] = False
    for name, value in (("keeps_halo", True), ("outermost", 1)):
        changed = machine.copy()
        changed[name] = value
        assert not inputs_in_tiles(changed, layer, tiles)


def test_a_tile_stores_at_most_its_outputs_in_runs_of_a_row_and_its_partial_sums() -> None:
    """Two bursts around each row, two bytes for what is rounded; sums lie in one piece, with a burst around."""
    machine, layer = setting()
    sums = 2 * (2 * 6 * 2 * 5) + 16
    assert most_stored(machine, layer, *cut(layer, P=2)) == 120 + 2 + 24 * 32 + sums
    assert most_stored(machine, layer, *cut(layer, P=2, Q=1)) == 24 + 2 + 24 * 32 + 2 * 24 + 16
    assert most_stored(machine, layer, *cut(layer, P=2, Q=3)) == 72 + 2 + 24 * 32 + 2 * 72 + 16
    tiled = setting(activations="tiled")
    assert most_stored(*tiled, *cut(layer, P=2)) == 120 + 2 + 32 + sums
    layer["word_bits"][2] = 16
    assert most_stored(machine, layer, *cut(layer, P=2)) == 240 + 2 + 24 * 32 + sums
    layer["resident"][2] = True
    assert most_stored(machine, layer, *cut(layer, P=2)) == 0


def test_a_box_of_several_groups_is_counted_for_each() -> None:
    """Where a tile has all filters of both groups, its box has 12 channels, and may lie in two copies."""
    machine, layer = setting(groups=2)
    whole = 2 * (2 * 12 * 4 * 5)
    assert most_stored(machine, layer, *cut(layer)) == whole + 2 + whole // 5 * 32 + 2 * 480 + 16
    part = 2 * (2 * 3 * 4 * 5)
    assert most_stored(machine, layer, *cut(layer, K=3)) == part + 2 + part // 5 * 32 + 2 * 240 + 16


def test_channels_that_lie_innermost_are_one_run_unless_they_lie_apart() -> None:
    machine, layer = setting(activations="nhwc")
    sums = 2 * 240 + 16
    assert most_stored(machine, layer, *cut(layer)) == 240 + 2 + 40 * 32 + sums
    layer["scattered"][2] = True
    assert most_stored(machine, layer, *cut(layer)) == 240 + 2 + 240 * 32 + sums
    machine, layer = setting(groups=2, activations="nhwc")
    words = 2 * (2 * 12 * 4 * 5)
    assert most_stored(machine, layer, *cut(layer)) == words + 2 + words * 32 + 2 * 480 + 16
    assert most_stored(machine, layer, *cut(layer, G=1)) == 240 + 2 + 40 * 32 + sums


INPUT_BYTES = 2 * 3 * 6 * 6 + 2 + 36 * 32
"""All inputs with their padding, in rows of six."""
SUM_BYTES = 2 * 240 + 16
WEIGHT_BYTES = (16 + 108 + 2 * 108 * 16) + 2
"""Each in a run of its own, two bursts around it; what comes beside them, a burst more."""


def test_a_tile_loads_at_most_inputs_weights_and_sums_that_return() -> None:
    machine, layer = setting()
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + INPUT_BYTES + WEIGHT_BYTES
    tiled = setting(weights="tiled")
    assert most_loaded(*tiled, *cut(layer)) == SUM_BYTES + INPUT_BYTES + (16 + 108 + 16) + 2
    layer["parameters"], layer["residuals"] = 5, 3
    residuals = 3 * (240 + 2 + 48 * 32)
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + residuals + INPUT_BYTES + WEIGHT_BYTES + 5
    layer["word_bits"][2] = 16
    residuals = 3 * (480 + 2 + 48 * 32)
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + residuals + INPUT_BYTES + WEIGHT_BYTES + 5
    layer["resident"][1] = True
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + residuals + INPUT_BYTES + 16 + 5 + 2
    layer["resident"][0] = True
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + residuals + 16 + 5 + 2


def test_coded_weights_are_at_most_as_large_as_they_were_unless_they_are_transformed() -> None:
    machine, layer = setting()
    layer["compression"][1] = FIXED_POINT // 2
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + INPUT_BYTES + WEIGHT_BYTES
    layer["compression"][1] = 2 * FIXED_POINT
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + INPUT_BYTES + 2 * (WEIGHT_BYTES - 1) + 1
    machine["weights_ratio"] = 3 * FIXED_POINT
    assert most_loaded(machine, layer, *cut(layer)) == SUM_BYTES + INPUT_BYTES + 3 * (2 * (WEIGHT_BYTES - 1) + 1)


def test_tiles_that_are_no_whole_numbers_of_steps_cost_more_of_them() -> None:
    """Ten elements on four PEs: three steps at least, four in tiles of three or less than four, five in twos."""
    assert least_steps(10, 1, 4, (10, 4, 3, 2, 1), (10, 9, 3, 2, 1)) == (3, 3, 4, 5, 10)
    assert least_steps(10, 1, 4, (5, 5), (5, 7)) == (4, 3)
    assert least_steps(10, 3, 4, (10, 5), (10, 5)) == (8, 8)
    assert least_steps(10, 3, 4, (3,), (3,)) == (3 * 3 + 1,)


def test_of_a_dimension_that_is_too_long_only_its_own_steps_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert steps.MOST_EXTENTS == 1 << 20
    monkeypatch.setattr(steps, "MOST_EXTENTS", 11)
    assert least_steps.__wrapped__(11, 1, 4, (3,), (3,)) == (4,)
    assert least_steps.__wrapped__(12, 3, 8, (3, 2), (3, 2)) == (5, 5)


FLOW = replace(load_dataflow("no_local_reuse"), rows=(Dim.K,), columns=(Dim.P, Dim.Q), registers=(), lowered=False)
ARRAY = replace(CHIP.array, rows=4, columns=3)


def test_dimensions_are_spread_in_all_ways_that_no_other_exceeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six filters take three of four rows, twice; four rows of a map two of three columns, five columns all three."""
    nest = nest_of(6)
    found = {(1, 1, 3, 1, 2, 1, 1, 1), (1, 1, 3, 1, 1, 3, 1, 1)}
    assert set(spreads(FLOW, nest, ARRAY)) == found
    assert spreads(replace(FLOW, channel_packing=True), nest, ARRAY) == []
    assert spreads(replace(FLOW, lowered=True), nest, ARRAY) == []
    monkeypatch.setattr(steps, "MOST_SPREADS", 2)
    assert set(spreads(FLOW, nest, ARRAY)) == found
    monkeypatch.setattr(steps, "MOST_SPREADS", 1)
    assert spreads(FLOW, nest, ARRAY) == []


def test_a_lowered_layer_is_spread_by_channels_and_taps_together() -> None:
    flow = replace(FLOW, lowered=True, columns=(Dim.C,))
    assert set(spreads(flow, nest_of(6), ARRAY)) == {(1, 1, 3, 3, 1, 1, 1, 1)}
    several = replace(flow, arrays=(Dim.P,))
    assert spreads(several, nest_of(6), replace(ARRAY, instances=2)) == []
    assert spreads(several, nest_of(6), ARRAY)


def test_tables_have_the_steps_of_each_cut_of_each_dimension() -> None:
    nest, longest = nest_of(6), (64,) * 8
    cuts, table = ways_to_cut(nest, FLOW, longest), step_tables(FLOW, nest, ARRAY, longest)
    ways = spreads(FLOW, nest, ARRAY)
    assert table.shape == (2, 8, cuts.least.shape[1])
    for i, spread in enumerate(ways):
        for d in (Dim.K, Dim.P, Dim.C):
            whole = [way for way in range(cuts.counts[d]) if cuts.least[d, way] == nest.bounds[d]]
            assert [table[i, d, way] for way in whole] == [-(-nest.bounds[d] // spread[d])] * len(whole)
    assert table[0, Dim.K, : cuts.counts[Dim.K]].max() == 6  # filters one by one


def test_taps_of_a_lowered_layer_are_counted_with_its_channels() -> None:
    flow, nest, longest = replace(FLOW, lowered=True, columns=(Dim.C,)), nest_of(6), (64,) * 8
    cuts, (table,) = ways_to_cut(nest, flow, longest), step_tables(flow, nest, ARRAY, longest)
    assert (table[Dim.R] == 1).all() and (table[Dim.S] == 1).all()
    (whole,) = {table[Dim.C, way] for way in range(cuts.counts[Dim.C]) if cuts.least[Dim.C, way] == 3}
    assert whole == 3 * 3 * 2 // 3
    (samples,) = {table[Dim.N, way] for way in range(cuts.counts[Dim.N]) if cuts.least[Dim.N, way] == 2}
    assert samples == 2
