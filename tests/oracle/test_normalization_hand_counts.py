"""Softmax and normalizations counted by hand, on the machine and in the notation of the hand counts of vector ops."""

from pathlib import Path

from simulator.network.graph import Graph
from simulator.network.ir import WITHIN_CHANNEL
from tests.oracle.hand_counts import check, run_of


def test_a_softmax_does_four_operations_an_output(tmp_path: Path):
    g = Graph("net")
    g.softmax(g.input(10, 1, 1))
    # 10 bytes in: 2 bursts (16); 20 out: 3 bursts (24).
    # A running maximum, an exponential, a sum and a division for each of 10: 40, in 14 cycles.
    # 100 + 16/4 + 14 + 100 + 24/4 = 224 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=224,
        dram=(16, 24),
        buffer_inputs=(10, 10),
        buffer_outputs=(20, 20),
        operations=40,
    )


def test_a_normalisation_across_five_channels_does_thirteen_operations_an_output(tmp_path: Path):
    g = Graph("net")
    g.lrn(g.input(8, 2, 2), size=5)
    # 32 elements: 32 bytes in, 4 bursts; 64 out, 8 bursts.
    # For each, 5 squares and 5 sums, then a scale, a power and a product: 13 x 32 = 416, in 139 cycles.
    # 100 + 32/4 + 139 + 100 + 64/4 = 363 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=363,
        dram=(32, 64),
        buffer_inputs=(32, 32),
        buffer_outputs=(64, 64),
        operations=416,
    )


def test_a_normalisation_within_a_channel_squares_a_window_of_rows_and_columns(tmp_path: Path):
    g = Graph("net")
    g.lrn(g.input(2, 4, 4), size=3, region=WITHIN_CHANNEL)
    # As above 32 bytes in and 64 out; 9 squares, 9 sums and 3 more: 21 x 32 = 672 operations, in 224 cycles.
    # At once: 100 + 8 + 224 + 100 + 16 = 448 cycles. Two tiles, each of half of all, are faster, as the first is stored
    # while the second is worked on:
    #   load 0 moves from 100 to 104; load 1 is asked for then and moves from 204 to 208
    #   tile 0 works from 104 to 216, tile 1 from 216 to 328
    #   store 0 is asked for at 216 and moves from 316 to 324; store 1 is asked for at 328 and moves from 428 to 436
    # Of four tiles, the loads end at 102, 204, 306 and 408; the last works until 464, which is later still.
    check(
        run_of(tmp_path, g.build()),
        cycles=436,
        dram=(32, 64),
        buffer_inputs=(32, 32),
        buffer_outputs=(64, 64),
        operations=672,
    )


def test_a_layer_norm_reads_its_inputs_twice_from_the_buffer_and_once_from_dram(tmp_path: Path):
    g = Graph("net")
    g.normalize(g.input(8, 2, 2), "layer_norm")
    # 32 elements, 8 of a position share their statistics, with 8 gains and 8 offsets: 48 bytes in, 6 bursts, and 64
    # out, 8 bursts.
    # Statistics take a sum, a square and its sum; then come difference, factor, gain and offset: 7 x 32 = 224, in 75
    # cycles. The vector unit reads all 32 bytes in either pass, and the 16 once. 100 + 48/4 + 75 + 100 + 64/4 = 303.
    check(
        run_of(tmp_path, g.build()),
        cycles=303,
        dram=(48, 64),
        buffer_inputs=(80, 48),
        buffer_outputs=(64, 64),
        operations=224,
    )


def test_a_norm_of_the_root_mean_square_needs_no_mean(tmp_path: Path):
    g = Graph("net")
    g.normalize(g.input(8, 2, 2), "rms_norm")
    # A square and its sum, a factor and a gain: 4 x 32 = 128, in 43 cycles. 32 bytes and 8 gains are 5 bursts:
    # 100 + 40/4 + 43 + 100 + 16 = 269.
    check(
        run_of(tmp_path, g.build()),
        cycles=269,
        dram=(40, 64),
        buffer_inputs=(72, 40),
        buffer_outputs=(64, 64),
        operations=128,
    )


def test_a_norm_in_tiles_of_whole_positions_loads_everything_once(tmp_path: Path):
    g = Graph("net")
    g.normalize(g.input(8, 2, 2), "layer_norm")
    # At once, 48 + 64 bytes in two slots would take 224 of the 112 bytes; two positions, 16 + 32 bytes with half of the
    # gains and offsets, 8, take 112.
    # Two tiles of 112 operations, 38 and 37 cycles of the 75:
    #   load 0: asked for at 0, moves from 100 to 106; load 1: its channel is free at 106, moves from 206 to 212
    #   tile 0: works from 106 to 143; tile 1: from 212 to 250
    #   store 0: asked for at 143, moves from 243 to 251; store 1: asked for at 251, as its channel is free then,
    #   moves from 351 to 359
    check(
        run_of(tmp_path, g.build(), capacity=112),
        cycles=359,
        dram=(48, 64),
        buffer_inputs=(80, 48),
        buffer_outputs=(64, 64),
        operations=224,
    )


def test_a_norm_whose_elements_do_not_fit_together_loads_everything_twice(tmp_path: Path):
    g = Graph("net")
    g.normalize(g.input(1, 4, 8), "instance_norm")
    # All 32 elements share their statistics, and do not fit: 2 x (32 + 64) bytes of 150. Half of them, loaded for the
    # sums and again to be scaled, are 32 bytes in, and 1 of gain and offset, 5 bursts, 10 cycles, and 32 out:
    # 2 x (33 + 32) bytes.
    # 224 operations, in 75 cycles, 37 and 38:
    #   load 0: from 100 to 110; load 1: its channel is free at 110, from 210 to 220
    #   tile 0: from 110 to 147; tile 1: from 220 to 258
    #   store 0: asked for at 147, from 247 to 255; store 1: asked for at 258, from 358 to 366
    check(
        run_of(tmp_path, g.build(), capacity=150),
        cycles=366,
        dram=(80, 64),
        buffer_inputs=(66, 66),
        buffer_outputs=(64, 64),
        operations=224,
    )
