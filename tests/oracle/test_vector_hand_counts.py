"""Ops of the vector unit and of data movement, counted by hand on a machine whose prices are distinct primes.

The machine, once for all: inputs are 1 byte a word, outputs 2. The DRAM port moves 4 bytes a cycle in bursts of 8, each
transfer 100 cycles after it is asked for; loads and stores have a channel each. The vector unit does 3 operations a
cycle. Latency is so long that a short op runs as one tile if that fits the buffer: load, operate, store, in that order:

    cycles = 100 + ceil8(loaded bytes) / 4 + ceil(operations / 3) + 100 + ceil8(stored bytes) / 4

where ceil8 rounds up to whole bursts. Prices: an operation 3, a byte in or out of the buffer 5, a byte over DRAM 11, a
cycle of leakage 7. Into and out of the buffer go: what is loaded, what the vector unit reads, what it writes, what is
stored.
"""

from pathlib import Path

import pytest

from simulator.network.graph import Graph
from simulator.result.run import Traffic
from tests.oracle.hand_counts import check, run_of


def test_an_activation_that_no_machine_fuses_loads_operates_and_stores(tmp_path: Path):
    g = Graph("net")
    g.relu(g.input(2, 3, 5))
    # 30 elements: 30 bytes in, which are 4 bursts (32), and 60 out, 8 bursts (64).
    # One operation an output: 30, in 10 cycles.
    # 100 + 32/4 + 10 + 100 + 64/4 = 234 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=234,
        dram=(32, 64),
        buffer_inputs=(30, 30),  # the vector unit reads what was loaded
        buffer_outputs=(60, 60),  # what is stored is what it wrote
        operations=30,
    )


def test_a_pool_of_overlapping_padded_windows_reads_each_element_as_often_as_windows_hold_it(tmp_path: Path):
    g = Graph("net")
    g.max_pool(g.input(2, 5, 5), kernel=3, stride=2, padding=1)
    # (5 + 2 - 3) / 2 + 1 = 3 rows and columns: 18 outputs, 36 bytes, 5 bursts (40).
    # All 50 inputs are loaded once, as 7 bursts (56): windows overlap in the buffer, not over DRAM.
    # 9 elements of 18 windows are read and compared: 162 operations, in 54 cycles; padding counts as elements.
    # 100 + 56/4 + 54 + 100 + 40/4 = 278 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=278,
        dram=(56, 40),
        buffer_inputs=(162, 50),
        buffer_outputs=(36, 36),
        operations=162,
    )


def test_a_pools_last_window_may_hang_over_the_edge(tmp_path: Path):
    g = Graph("net")
    g.avg_pool(g.input(1, 5, 5), kernel=2, stride=2, ceil=True)
    # Windows start at 0, 2 and 4; the last hangs over by one: 9 outputs, 18 bytes, 3 bursts (24).
    # All 25 inputs are met: 4 bursts (32). 4 elements of 9 windows: 36 operations, in 12 cycles.
    # 100 + 32/4 + 12 + 100 + 24/4 = 226 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=226,
        dram=(32, 24),
        buffer_inputs=(36, 25),
        buffer_outputs=(18, 18),
        operations=36,
    )


def test_rows_that_no_window_reaches_are_not_loaded(tmp_path: Path):
    g = Graph("net")
    g.max_pool(g.input(1, 6, 8), kernel=2, stride=4)
    # (6 - 2) / 4 + 1 = 2 rows, (8 - 2) / 4 + 1 = 2 columns: 4 outputs, 8 bytes, 1 burst.
    # One tile loads from the first row that is reached to the last, 0 to 5: all 48 inputs, 6 bursts (48).
    # 4 elements of 4 windows: 16 operations, in 6 cycles. What the vector unit reads counts as all that came.
    # 100 + 48/4 + 6 + 100 + 8/4 = 220 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=220,
        dram=(48, 8),
        buffer_inputs=(48, 48),
        buffer_outputs=(8, 8),
        operations=16,
    )


@pytest.mark.parametrize("capacity", [300, 224])
def test_a_pool_that_does_not_fit_at_once_is_cut_by_rows_and_loads_the_rows_between_twice(
    tmp_path: Path, capacity: int
):
    g = Graph("net")
    g.max_pool(g.input(2, 8, 8), kernel=3, stride=2, padding=1)
    # 4 x 4 x 2 outputs: 32, 64 bytes. At once, 128 + 64 bytes in two slots would take 384 of at most 300 bytes.
    # Cut into two tiles of two output rows each (rows 0, 1 and 2, 3). A row of the input is 16 bytes:
    #   windows at rows -1..1 and 1..3 reach input rows 0 to 3: 64 bytes, 8 bursts, 16 cycles of the port
    #   windows at rows 3..5 and 5..7 reach input rows 3 to 7: 80 bytes, 10 bursts, 20 cycles; row 3 comes again
    # Each stores 32 bytes: 4 bursts, 8 cycles. The larger takes 2 x (80 + 32) = 224 of the bytes.
    # 9 elements of 32 windows: 288 operations, in 96 cycles, 48 a tile.
    #   load 0: asked for at 0, moves from 100 to 116
    #   load 1: its channel is free at 116, moves from 216 to 236
    #   tile 0: works from 116 to 164; tile 1: from 236 to 284
    #   store 0: asked for at 164, would move from 264 (the port is free since 236) to 272
    #   store 1: asked for at 284, moves from 384 to 392
    check(
        run_of(tmp_path, g.build(), capacity=capacity),
        cycles=392,
        dram=(64 + 80, 32 + 32),
        buffer_inputs=(288, 64 + 80),
        buffer_outputs=(64, 64),
        operations=288,
    )


@pytest.mark.parametrize(
    ("capacity", "tiles", "cycles", "each"),
    [
        # 8 tiles at least, of 6 rows: each row twice, a channel a tile, 12 tiles. Windows of a row of outputs reach 3
        # rows of 8 inputs: 24 bytes, 3 bursts, 6 cycles; 6 outputs, 12 bytes, 2 bursts, 4 cycles. In two slots that
        # takes 72 bytes. Loads follow one another, 106 cycles each; the last tile works 18 cycles and is stored:
        # 12 x 106 + 18 + 104 = 1394. Coarser tiles take 120 bytes at least.
        (100, 12, 1394, (24, 24)),
        # 32 tiles at least: 6 rows, 2 channels, 3 parts of 2 columns, 36 tiles. A part reaches 3 rows of 4 inputs: 12
        # bytes, each row in a burst of its own, 6 cycles; 2 outputs, 4 bytes in one burst, 2 cycles: 32 bytes in two
        # slots; 24 tiles take 42. Each works 6 cycles: 36 x 106 + 6 + 102 = 3924.
        (40, 36, 3924, (12, 24)),
    ],
)
def test_a_pool_that_is_cut_finer_than_its_rows_loads_what_its_windows_reach_in_every_tile(
    tmp_path: Path, capacity: int, tiles: int, cycles: int, each: tuple[int, int]
):
    g = Graph("net")
    g.max_pool(g.input(2, 8, 8), kernel=3)
    result = run_of(tmp_path, g.build(), capacity)
    loaded, at_port = each
    assert (result.tiles, result.cycles) == (tiles, cycles)
    assert result.traffic["dram"]["inputs"].read_bytes == tiles * at_port
    assert result.traffic["buffer"]["inputs"].write_bytes == tiles * loaded


def test_what_tiles_load_again_is_read_again_though_windows_leave_some_of_it_out(tmp_path: Path):
    g = Graph("net")
    g.max_pool(g.input(1, 9, 8), kernel=(2, 1), stride=(1, 4))
    # 8 x 2 outputs. A row of them reaches two whole rows, 16 bytes, of which windows meet 4; with 4 bytes out it takes
    # 2 x 20 of the 40 bytes, and two rows would take 64. All but the first and the last of 9 rows come twice.
    result = run_of(tmp_path, g.build(), capacity=40)
    assert result.tiles == 8
    assert result.traffic["buffer"]["inputs"] == Traffic(8 * 16, 8 * 16)
    assert result.traffic["dram"]["inputs"] == Traffic(8 * 16, 0)


def test_pools_that_the_array_runs_take_a_pe_and_the_energy_of_a_mac_for_each_operation(tmp_path: Path):
    g = Graph("net")
    g.max_pool(g.input(2, 5, 5), kernel=3, stride=2, padding=1)
    # The pool of overlapping windows above, on 5 x 1 PEs: 162 operations in 33 cycles, each at the price of a MAC, 2.
    # 100 + 56/4 + 33 + 100 + 40/4 = 257 cycles.
    check(
        run_of(tmp_path, g.build(), vector="{lanes: 3, on_array: [pool]}", rows=5),
        cycles=257,
        dram=(56, 40),
        buffer_inputs=(162, 50),
        buffer_outputs=(36, 36),
        operations=162,
        price=2,
    )


def test_ops_that_the_array_does_not_run_stay_on_the_vector_unit(tmp_path: Path):
    g = Graph("net")
    g.relu(g.input(2, 3, 5))
    # As in the first count here: 30 operations on 3 lanes, in 10 cycles.
    check(
        run_of(tmp_path, g.build(), vector="{lanes: 3, on_array: [pool]}", rows=5),
        cycles=234,
        dram=(32, 64),
        buffer_inputs=(30, 30),
        buffer_outputs=(60, 60),
        operations=30,
    )


def test_a_global_pool_does_one_operation_for_each_input(tmp_path: Path):
    g = Graph("net")
    g.global_pool(g.input(5, 4, 4))
    # 80 inputs, 80 bytes, 10 bursts; 5 outputs, 10 bytes, 2 bursts (16). 80 operations, in 27 cycles.
    # 100 + 80/4 + 27 + 100 + 16/4 = 251 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=251,
        dram=(80, 16),
        buffer_inputs=(80, 80),
        buffer_outputs=(10, 10),
        operations=80,
    )


def test_an_addition_of_two_reads_both(tmp_path: Path):
    g = Graph("net")
    g.add(g.input(3, 4, 4, "a"), g.input(3, 4, 4, "b"))
    # 48 + 48 bytes in, in one transfer: 12 bursts (96); 96 bytes out: 12 bursts. 48 sums, in 16 cycles.
    # 100 + 96/4 + 16 + 100 + 96/4 = 264 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=264,
        dram=(96, 96),
        buffer_inputs=(96, 96),
        buffer_outputs=(96, 96),
        operations=48,
    )


def test_an_addition_of_three_does_two_operations_an_output(tmp_path: Path):
    g = Graph("net")
    g.add(*(g.input(3, 4, 4, name) for name in "abc"))
    # 3 x 48 = 144 bytes in: 18 bursts (144); 96 out: 12 bursts. Two sums for each of 48: 96, in 32 cycles.
    # 100 + 144/4 + 32 + 100 + 96/4 = 292 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=292,
        dram=(144, 96),
        buffer_inputs=(144, 144),
        buffer_outputs=(96, 96),
        operations=96,
    )


def test_a_factor_for_each_channel_is_read_once_and_stretched(tmp_path: Path):
    g = Graph("net")
    g.mul(g.input(3, 4, 4, "maps"), g.input(3, 1, 1, "factors"))
    # 48 + 3 bytes in: 51, 7 bursts (56); 48 products, 96 bytes out, 12 bursts; 16 cycles.
    # 100 + 56/4 + 16 + 100 + 96/4 = 254 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=254,
        dram=(56, 96),
        buffer_inputs=(51, 51),
        buffer_outputs=(96, 96),
        operations=48,
    )


@pytest.mark.parametrize(("kind", "each", "cycles"), [("bilinear", 4, 292), ("nearest", 1, 244)])
def test_an_upsampled_pixel_is_made_of_four_neighbours_or_copied(tmp_path: Path, kind: str, each: int, cycles: int):
    g = Graph("net")
    g.upsample(g.input(3, 2, 2), (4, 4), kind)
    # 12 bytes in: 2 bursts (16); 48 outputs, 96 bytes: 12 bursts.
    # bilinear: 4 x 48 = 192 operations, in 64 cycles: 100 + 16/4 + 64 + 100 + 96/4 = 292
    # nearest: 48 operations, in 16 cycles: 100 + 4 + 16 + 100 + 24 = 244
    check(
        run_of(tmp_path, g.build()),
        cycles=cycles,
        dram=(16, 96),
        buffer_inputs=(12, 12),
        buffer_outputs=(96, 96),
        operations=each * 48,
    )


def test_a_concatenation_that_is_not_folded_moves_all_and_computes_nothing(tmp_path: Path):
    g = Graph("net")
    g.concat(g.input(2, 3, 3, "a"), g.input(3, 3, 3, "b"))
    # 18 + 27 = 45 bytes in: 6 bursts (48); 90 out: 12 bursts (96). No operation.
    # 100 + 48/4 + 100 + 96/4 = 236 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=236,
        dram=(48, 96),
        buffer_inputs=(45, 45),
        buffer_outputs=(90, 90),
        operations=0,
    )


def test_a_shuffle_that_is_not_folded_moves_all(tmp_path: Path):
    g = Graph("net")
    g.shuffle(g.input(6, 2, 2), groups=3)
    # 24 bytes in: 3 bursts; 48 out: 6 bursts. 100 + 24/4 + 100 + 48/4 = 218 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=218,
        dram=(24, 48),
        buffer_inputs=(24, 24),
        buffer_outputs=(48, 48),
        operations=0,
    )


def test_a_gather_loads_all_channels_and_stores_those_picked(tmp_path: Path):
    g = Graph("net")
    g.gather(g.input(6, 2, 2), channels=2)
    # An index may pick any of them: 24 bytes in, 3 bursts; 2 x 4 outputs, 16 bytes, 2 bursts.
    # 100 + 24/4 + 100 + 16/4 = 210 cycles.
    check(
        run_of(tmp_path, g.build()),
        cycles=210,
        dram=(24, 16),
        buffer_inputs=(24, 24),
        buffer_outputs=(16, 16),
        operations=0,
    )


def test_an_op_that_overlaps_with_its_neighbours_takes_the_longer_of_port_and_vector_unit(tmp_path: Path):
    g = Graph("net")
    g.lrn(g.input(8, 2, 2), size=5)
    # As above; the port is busy for 8 + 16 = 24 cycles, the vector unit for 139.
    check(
        run_of(tmp_path, g.build(), order="overlapped"),
        cycles=139,
        dram=(32, 64),
        buffer_inputs=(32, 32),
        buffer_outputs=(64, 64),
        operations=416,
    )
