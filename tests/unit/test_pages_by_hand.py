"""Tensors of an op off chip: which of them a tile moves, where they lie, how far apart their runs; counted by hand."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from simulator import load_hardware
from simulator.cost.convert import layer_record
from simulator.cost.stored import Slices
from simulator.engine.pages import EVENLY, at_full_rate, of_tile, pages_of, pitches_of, streamed, tensors_of
from simulator.hardware.dram_types import DRAM_TYPES
from simulator.hardware.model import Hardware, Pages
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Op
from simulator.result.run import Traffic
from simulator.timing.dram import Cursor, DramUse, OpenPages
from simulator.timing.tiles import Placed, Stretch, TileRun
from tests.builders import conv_result

CHIP = load_hardware("flexible_168")
KIND = DRAM_TYPES["LPDDR4"]
PAGES = Pages("LPDDR4", KIND, KIND.bandwidth, Fraction(32, 5))
INPUTS, WEIGHTS, OUTPUTS = range(3)
Bounds = tuple[int, int, int, int, int, int, int, int]


def test_a_machine_with_pages_has_all_of_its_bandwidth_and_a_memory_to_play() -> None:
    assert at_full_rate(CHIP) is CHIP and pages_of(CHIP) is None
    paged = replace(CHIP, pages=PAGES)
    assert at_full_rate(paged).dram == replace(CHIP.dram, bytes_per_cycle=Fraction(32, 5))
    memory = pages_of(paged)
    assert memory is not None and (memory.pages, memory.cycle_ps) == (PAGES, 1000)


RUN = {"inputs_bytes": 100, "weights_bytes": 60, "load_bytes": 110, "deeper_bytes": 60, "load_runs": 9} | {
    "weights_runs": 3, "store_bytes": 80, "store_runs": 4,
}  # fmt: skip
"""Of 170 bytes that are loaded, 10 are neither inputs nor weights: partial sums, one run."""


def test_a_tile_loads_inputs_weights_and_partial_sums_and_stores_outputs() -> None:
    tile = TileRun(1, 2, 3)
    inputs, weights, sums = Stretch(INPUTS, 100, 5), Stretch(WEIGHTS, 60, 3), Stretch(OUTPUTS, 10, 1)
    store = (Stretch(OUTPUTS, 80, 4),)
    none = replace(tile, load=(inputs, weights, sums), store=store)
    assert of_tile(tile, RUN, 3) == none  # type: ignore[arg-type]
    early = replace(tile, deeper=(weights,), load=(inputs, sums), store=store)
    assert of_tile(tile, RUN, WEIGHTS) == early  # type: ignore[arg-type]
    alone = RUN | {"deeper_bytes": 80, "load_bytes": 80}
    some = replace(tile, deeper=(Stretch(INPUTS, 80, 6),), load=(Stretch(INPUTS, 20, 6), weights), store=store)
    assert of_tile(tile, alone, INPUTS) == some  # type: ignore[arg-type]


def test_what_a_tile_does_not_move_is_no_stretch() -> None:
    nothing = dict.fromkeys(RUN, 0) | {"inputs_bytes": 1, "load_bytes": 1, "load_runs": 1}
    assert of_tile(TileRun(1, 2, 0), nothing, 3).load == (Stretch(INPUTS, 1, 1),)  # type: ignore[arg-type]
    assert of_tile(TileRun(1, 2, 0), nothing, 3).store == ()  # type: ignore[arg-type]


def test_a_tile_of_the_vector_unit_loads_inputs_and_stores_outputs() -> None:
    tile = TileRun(1, 2, 3, load_bytes=50, store_bytes=20)
    told = replace(tile, load=(Stretch(INPUTS, 50, 7),), store=(Stretch(OUTPUTS, 20, 2),))
    assert streamed(tile, 7, 2) == told
    assert streamed(TileRun(0, 2, 0), 0, 0) == TileRun(0, 2, 0)
    assert EVENLY == (1 << 62, 0, 1 << 62)


def test_tensors_are_as_large_as_what_crosses_of_them_once() -> None:
    """Inputs come twice; of the weights some came before and are not counted here; sums go out and come in."""
    result = conv_result("conv")
    traffic = {"inputs": Traffic(800, 0), "weights": Traffic(300, 0), "outputs": Traffic(50, 150)}
    result = replace(result, traffic={"dram": traffic}, footprint_bytes={"inputs": 400, "weights": 900, "outputs": 100})
    placed = (Placed(400, 5), Placed(300, 6), Placed(200, 7), Placed(64))
    assert tensors_of(result, (5, 6, 7), 64) == placed
    assert tensors_of(result, (5, 6, 7), 0)[-1] == Placed(1)


def test_a_tensor_of_which_nothing_crosses_has_a_place_of_a_byte_and_one_without_a_footprint_all_that_crosses() -> None:
    result = conv_result("conv")
    result = replace(
        result, traffic={"dram": {"inputs": Traffic(800, 0), "outputs": Traffic(0, 9)}}, footprint_bytes={}
    )
    assert tensors_of(result, EVENLY, 0) == (Placed(800, 1 << 62), Placed(1), Placed(9, 1 << 62), Placed(1))
    result = replace(result, traffic={"dram": {"inputs": Traffic(0, 0), "outputs": Traffic(0, 9)}})
    assert tensors_of(result, EVENLY, 0)[0] == Placed(1, 1 << 62)


def pitches(tile: Bounds, *, activations: str = "nchw", weights: str = "kcrs", atom: int = 1, **more: Any) -> list[int]:
    """Pitches of a layer of two groups, of three to four channels each: 2 samples, 10 x 8 inputs, 3 x 2 taps.

    Windows are two rows and two columns apart, taps two rows and three columns; a row of padding lies above. Words of
    inputs, weights and outputs are one, two and three bytes.
    """
    dram = replace(CHIP.dram, activations=activations, weights=weights, atom_channels=atom)  # type: ignore[arg-type]
    bits = {"input_bits": 8, "weight_bits": 16, "output_bits": 24}
    machine: Hardware = replace(CHIP, dram=dram, **bits)  # type: ignore[arg-type]
    nest = LoopNest((2, 2, 4, 3, 4, 3, 3, 2), stride=(2, 2), dilation=(2, 3), padding=(1, 0, 0, 0), input_size=(10, 8))
    layer = Layer("y", Op.CONV, ("x",), ((2, 6, 10, 8),), (2, 8, 4, 3), (3, 2), (2, 2), groups=2)
    facts = layer_record(machine, layer, nest, slices=more.pop("slices", Slices()))
    case: Any = SimpleNamespace(mapping={"tile": tile}, layer=facts)
    return pitches_of(case)


N, G, K, C, P, Q, R, S = 2, 2, 4, 3, 4, 3, 3, 2


def test_runs_of_a_whole_tensor_are_one() -> None:
    assert pitches((N, G, K, C, P, Q, R, S)) == [0, 0, 0]
    assert pitches((9, 9, 9, 9, 9, 9, 9, 9)) == [0, 0, 0]
    assert pitches((N, G, K, C, P, Q, R, S), activations="tiled", weights="tiled") == [0, 0, 0]


def test_runs_of_some_rows_lie_a_map_apart() -> None:
    """A map is 80 bytes of inputs, and 12 words of 3 bytes of outputs; weights have all of their rows."""
    assert pitches((N, G, K, C, 2, Q, R, S)) == [80, 0, 36]
    assert pitches((1, 1, K, 2, 2, Q, R, S))[0] == 80
    assert pitches((1, 1, K, 2, 2, Q, R, S), activations="tiled", weights="tiled") == [0, 0, 0]


def test_a_window_of_one_output_is_its_taps_and_more_outputs_take_as_many_strides_besides() -> None:
    """Of 10 x 8 inputs, 3 taps 2 rows apart take 5 rows, 2 taps 3 columns apart 4 columns; outputs 2 more of each."""
    assert pitches((N, G, K, C, 3, Q, 3, S))[0] == 80  # 2 x 2 + 2 x 2 + 1 = 9 rows
    assert pitches((N, G, K, C, 4, Q, 2, S))[0] == 80  # 3 x 2 + 1 x 2 + 1 = 9 rows
    assert pitches((N, G, K, C, 4, Q, 3, S))[0] == 0  # 11 rows, of which one is padding
    assert pitches((N, G, K, C, P, 2, R, 2))[0] == 8  # 1 x 2 + 1 x 3 + 1 = 6 columns: a row apart
    assert pitches((N, G, K, C, P, 3, R, 1))[0] == 8  # 2 x 2 + 1 = 5 columns
    assert pitches((N, G, K, C, P, 3, R, 2))[0] == 0  # 8 columns
    assert pitches((1, 1, K, 1, 1, Q, 1, S))[0] == 0  # a row
    assert pitches((1, 1, K, 1, 1, Q, 2, S))[0] == 0  # three rows that lie together


def test_runs_of_some_columns_lie_a_row_apart_or_where_the_next_place_outside_is() -> None:
    assert pitches((N, G, K, C, P, 1, R, S))[2] == 3 * 3
    assert pitches((N, G, K, C, 1, 1, R, S))[2] == 12 * 3  # one row: a map apart
    assert pitches((N, 1, 1, C, 1, 1, R, S))[2] == 8 * 12 * 3  # one map: a sample apart
    assert pitches((1, 1, 1, C, 1, 1, R, S))[2] == 0  # one word
    assert pitches((1, 1, 2, C, 1, 1, R, S))[2] == 12 * 3


def test_runs_of_some_channels_lie_a_sample_apart() -> None:
    """Six channels of inputs in two groups, eight of outputs."""
    assert pitches((N, 1, K, C, P, Q, R, S)) == [6 * 80, 0, 8 * 36]
    assert pitches((N, 2, K, 2, P, Q, R, S))[0] == 6 * 80
    assert pitches((1, 1, K, C, P, Q, R, S))[0] == 0
    assert pitches((N, 2, 3, C, P, Q, R, S))[2] == 8 * 36


def test_runs_of_weights_lie_apart_by_what_their_layout_has_outside() -> None:
    """Filters outside channels outside rows, or channels innermost, in words of two bytes."""
    assert pitches((N, G, K, 2, P, Q, R, S))[1] == 3 * 6 * 2
    assert pitches((N, G, K, C, P, Q, 2, S))[1] == 6 * 2
    assert pitches((N, G, K, C, P, Q, R, 1))[1] == 2 * 2
    assert pitches((N, 1, 2, 2, P, Q, R, S))[1] == 3 * 6 * 2
    assert pitches((N, 1, 1, 2, P, Q, R, S))[1] == 0
    assert pitches((N, G, K, 2, P, Q, R, S), weights="krsc")[1] == 3 * 2


def test_channels_of_an_atom_lie_together() -> None:
    """Two channels a word: three words of inputs, four of outputs."""
    assert pitches((N, G, K, C, 2, Q, R, S), atom=2)[::2] == [2 * 80, 2 * 36]
    assert pitches((N, 1, 1, 1, P, Q, R, S), atom=2)[::2] == [6 * 80, 8 * 36]
    assert pitches((N, 2, 1, 1, 2, Q, R, S), atom=2)[::2] == [6 * 80, 8 * 36]
    assert pitches((N, 1, K, C, 2, Q, R, S), atom=4)[::2] == [8 * 80, 8 * 36]


def test_channels_that_lie_innermost_are_runs_a_pixel_apart() -> None:
    assert pitches((N, 1, K, C, P, Q, R, S), activations="nhwc")[::2] == [6, 8 * 3]
    assert pitches((N, G, K, C, P, 1, R, S), activations="nhwc")[2] == 3 * 8 * 3
    assert pitches((N, G, K, C, P, Q, R, S), activations="nhwc", slices=Slices(output_channels=9))[2] == 9 * 3


def test_tensors_of_an_op_lie_one_after_the_other_from_rows_of_their_own_on() -> None:
    kind = replace(KIND, row_bytes=64)
    memory = OpenPages(Pages("", kind, 2 * kind.bandwidth, Fraction(1)), 10**9)
    first = memory.place([Placed(128, 9), Placed(129), Placed(1)])
    assert [(each.begin, each.tensor) for each in first] == [(0, Placed(128, 9)), (128, Placed(129)), (384, Placed(1))]
    assert [each.begin for each in memory.place([Placed(5)])] == [512]


def test_a_tile_begins_where_the_first_run_of_the_one_before_ended_and_its_runs_lie_a_pitch_apart() -> None:
    """100 bytes from address 1000 on: runs of 10, of 7 where 20 are three, further apart where there are fewer."""
    cursor = Cursor(1000, Placed(100, 30))
    assert cursor.take(Stretch(0, 30, 3)) == (1000, 10, 30, 3)
    assert cursor.take(Stretch(0, 20, 3)) == (1010, 7, 30, 3)
    assert cursor.take(Stretch(0, 80, 1)) == (1017, 80, 80, 1)
    assert cursor.take(Stretch(0, 8, 4)) == (1097, 2, 25, 4)
    assert cursor.take(Stretch(0, 9, 9)) == (1099, 1, 11, 9)
    assert cursor.take(Stretch(0, 4, 2)) == (1000, 2, 30, 2)


def test_runs_that_are_spread_over_a_tensor_share_it() -> None:
    assert Cursor(0, Placed(100, 1 << 62)).take(Stretch(0, 12, 4)) == (0, 3, 25, 4)
    assert Cursor(0, Placed(10)).take(Stretch(0, 12, 1)) == (0, 12, 12, 1)


def test_what_crosses_is_counted_with_the_time_that_it_took() -> None:
    memory = OpenPages(PAGES, 500_000_000)
    memory.count(600, 100)
    memory.count(400, 400)
    assert memory.use == DramUse("LPDDR4", 1, KIND.bandwidth, 1000, 1e-6)
    assert memory.use.bytes_per_s == pytest.approx(1e9)


def test_bandwidth_is_told_in_a_line_beside_the_peak() -> None:
    one, two = (DramUse("DDR3", channels, 8_000_000_000, 2_000, 1e-6) for channels in (1, 2))
    assert str(one) == "DDR3, 1 channel, open pages: 2 of 8 GB/s (25.0%) while its port is at work"
    assert str(two).startswith("DDR3, 2 channels, ")
    assert replace(one, busy_s=0.0).bytes_per_s == 0.0


def test_a_read_alone_takes_until_its_row_is_open_and_its_data_are_there() -> None:
    """A cycle is a nanosecond; it is issued in cycle 5, and ends with the cycle in which its last data cross."""
    memory = OpenPages(PAGES, 10**9)
    burst_ps = KIND.burst_bytes * 10**12 // KIND.bandwidth
    end_ps = 5000 + KIND.activate_ps + KIND.column_ps + burst_ps
    assert memory.dram["burst_ps"] == burst_ps
    assert memory.serve([(0, KIND.burst_bytes, 0, 1)], 5, write=False) == -(-end_ps // 1000)
    assert memory.serve([], 7, write=False) == 7


def test_channels_share_the_bandwidth_evenly() -> None:
    memory = OpenPages(Pages("", KIND, 3 * KIND.bandwidth, Fraction(1)), 10**9)
    assert (memory.dram["channels"], memory.dram["burst_ps"]) == (3, KIND.burst_bytes * 10**12 // KIND.bandwidth)
    assert memory.dram["row_bytes"] == KIND.row_bytes
