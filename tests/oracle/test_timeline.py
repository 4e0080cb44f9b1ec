"""The timeline's generators and the max-plus recurrences agree to the cycle."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cost.case import PIPE
from simulator.cost.case import PORT as PORT_FIELDS
from simulator.cost.convert import record
from simulator.cost.pipeline import RUN, play_runs
from simulator.timing.tiles import OpTiles, PortSpec, TileRun
from simulator.timing.timeline import ARRAY, CONTROL, PORT, VECTOR, Interval, play
from tests.oracle.strategies import MANY, port_specs, tile_runs


@MANY
@given(tile_runs(), port_specs())
def test_the_timeline_ends_when_the_recurrence_does(runs, machine):
    assert play_op(runs, machine).end_cycle == compiled_end(runs, machine) == plain_end(runs, machine)


@given(tile_runs(), port_specs())
def test_no_block_does_two_things_at_once(runs, machine):
    for intervals in play_op(runs, machine).by_block().values():
        assert all(before.end_cycle <= after.begin_cycle for before, after in pairwise(intervals))


@given(tile_runs(), port_specs())
def test_every_cycle_of_every_tile_is_in_the_timeline(runs, machine):
    timeline = play_op(runs, machine, VECTOR)
    words = sum(run.count * (run.deeper_cycles + run.load_cycles + run.store_cycles) for run in runs)
    assert timeline.busy_cycles(PORT) == words + machine.prefetch_cycles
    assert timeline.busy_cycles(VECTOR) == sum(run.count * run.compute_cycles for run in runs)


@given(tile_runs(), port_specs())
def test_a_tile_starts_with_its_data_in_and_stores_once_it_is_done(runs, machine):
    timeline = play_op(runs, machine)
    when = {(i.kind, i.tile): i for i in timeline.intervals if i.block in (PORT, ARRAY)}
    computes = [tile for kind, tile in when if kind == "compute"]
    for tile in computes:
        work = when["compute", tile]
        freed = when.get(("compute", tile - machine.slots))
        load, store = when.get(("load", tile)), when.get(("store", tile))
        early = when.get(("deeper", tile))
        assert early is None or early.end_cycle <= work.begin_cycle
        assert load is None or load.end_cycle <= work.begin_cycle
        assert load is None or freed is None or freed.end_cycle + machine.latency_cycles <= load.begin_cycle
        assert store is None or work.end_cycle + machine.latency_cycles <= store.begin_cycle


def test_double_buffering_hides_the_loads_behind_the_work():
    runs = [TileRun(load_cycles=10, compute_cycles=20, store_cycles=0, count=4)]
    assert play_op(runs, PortSpec(slots=2, out_slots=2, channels=1, latency_cycles=0)).end_cycle == 10 + 4 * 20
    assert play_op(runs, PortSpec(slots=1, out_slots=1, channels=1, latency_cycles=0)).end_cycle == 4 * (10 + 20)


def test_a_second_channel_hides_the_latency():
    runs = [TileRun(load_cycles=10, compute_cycles=1, store_cycles=0, count=5)]
    assert play_op(runs, PortSpec(slots=8, out_slots=8, channels=1, latency_cycles=10)).end_cycle == 5 * (10 + 10) + 1
    assert play_op(runs, PortSpec(slots=8, out_slots=8, channels=2, latency_cycles=10)).end_cycle == 10 + 5 * 10 + 1


def test_the_next_weights_cross_the_port_while_the_last_tile_computes():
    runs = [TileRun(load_cycles=10, compute_cycles=50, store_cycles=5)]
    timeline = play_op(runs, PortSpec(slots=2, out_slots=2, channels=2, latency_cycles=3, prefetch_cycles=30))
    port = [(i.kind, i.tile, i.begin_cycle, i.end_cycle) for i in timeline.by_block()[PORT]]
    assert port == [("load", 0, 3, 13), ("prefetch", 1, 13, 43), ("store", 0, 66, 71)]


def test_a_layer_without_work_takes_no_time():
    timeline = play_op([TileRun(0, 0, 0, count=3)], PortSpec(2, 2, 1, 100))
    assert (timeline.intervals, timeline.end_cycle) == ((), 0)


@pytest.mark.parametrize("make", [lambda: TileRun(1, -1, 1), lambda: TileRun(1, 1, 1, 0), lambda: PortSpec(0, 1, 1, 0)])
def test_impossible_tiles_and_ports_are_refused(make):
    with pytest.raises(ValueError, match=r"tile|slot"):
        make()


@given(st.lists(st.tuples(tile_runs(), port_specs(), st.integers(0, 9)), min_size=1, max_size=4))
def test_ops_follow_one_another_each_as_if_it_were_alone(drawn):
    timeline = play([OpTiles(str(i), ARRAY, tuple(runs), port, setup) for i, (runs, port, setup) in enumerate(drawn)])
    ends = [setup + plain_end(runs, port) for runs, port, setup in drawn]
    assert [end - begin for begin, end in timeline.spans] == ends
    assert timeline.end_cycle == sum(ends)
    assert all(before == after for (_, before), (after, _) in pairwise(timeline.spans))


@given(tile_runs(), port_specs(), st.integers(0, 2000), st.integers(0, 500))
def test_the_vector_unit_adds_behind_the_array_and_the_op_takes_the_longer(runs, port, added, since):
    timeline = play([OpTiles("deconv", ARRAY, tuple(runs), port, added_cycles=added, added_from=since)])
    assert timeline.end_cycle == max(plain_end(runs, port), since + added if added else 0)
    adding = [(i.tile, i.begin_cycle, i.end_cycle) for i in timeline.by_block().get(VECTOR, ())]
    assert adding == ([(0, since, since + added)] if added else [])


@given(st.integers(0, 50), st.integers(0, 50))
def test_where_ops_overlap_with_their_neighbours_one_takes_the_longer_of_block_and_port(load, compute):
    port = PortSpec(slots=1, out_slots=1, channels=1, latency_cycles=0)
    timeline = play([OpTiles("conv", ARRAY, (TileRun(load, compute, 0, count=2),), port, apart=True)])
    assert timeline.end_cycle == 2 * max(load, compute)
    assert (timeline.busy_cycles(PORT), timeline.busy_cycles(ARRAY)) == (2 * load, 2 * compute)


def test_where_ops_overlap_no_load_waits_for_a_tile_to_be_computed():
    port, runs = PortSpec(slots=1, out_slots=1, channels=1, latency_cycles=0), (TileRun(1, 10, 0), TileRun(8, 1, 0))
    assert play([OpTiles("conv", ARRAY, runs, port, apart=True)]).end_cycle == 10 + 1
    assert play([OpTiles("conv", ARRAY, runs, port)]).end_cycle == 1 + 10 + 8 + 1


def test_whatever_is_at_work_is_told_with_its_op_its_tile_and_its_bytes():
    """After an op of a cycle one is set up for 5, loads 10 after a latency of 3, and computes for 20.

    Its channel brings the next weights, 7 cycles, meanwhile; another stores for 5 at the end.
    """
    port = PortSpec(2, 2, channels=1, latency_cycles=3)
    tile = TileRun(load_cycles=10, compute_cycles=20, store_cycles=5, load_bytes=40, store_bytes=20)
    ahead = replace(port, prefetch_cycles=7, prefetch_bytes=28)
    ops = [OpTiles("a", VECTOR, (TileRun(0, 1, 0),), port), OpTiles("b", ARRAY, (tile,), ahead, setup_cycles=5)]
    rows = [
        (VECTOR, 0, 0, "compute", 0, 1, 0),
        (CONTROL, 1, 0, "setup", 1, 6, 0),
        (PORT, 1, 0, "load", 9, 19, 40),
        ("dma load 0", 1, 0, "load", 6, 19, 40),
        (PORT, 1, 1, "prefetch", 22, 29, 28),
        ("dma load 0", 1, 1, "prefetch", 19, 29, 28),
        (ARRAY, 1, 0, "compute", 19, 39, 0),
        (PORT, 1, 0, "store", 42, 47, 20),
        ("dma store 0", 1, 0, "store", 39, 47, 20),
    ]
    timeline = play(ops)
    assert timeline.intervals == tuple(Interval(*row) for row in rows)
    assert timeline.spans == ((0, 1), (1, 47))
    assert play([]).end_cycle == 0


def play_op(runs, port, block=ARRAY):
    return play([OpTiles("conv1", block, tuple(runs), port)])


def compiled_end(runs, machine):
    return play_runs(run_records(runs), port_of(machine), machine.prefetch_cycles, np.zeros(2, PIPE))


def run_records(runs):
    """The runs as the recurrence takes them."""
    rows = [(run.deeper_cycles, run.load_cycles, run.compute_cycles, run.store_cycles, run.count) for run in runs]
    return np.array(rows, RUN)


def port_of(machine):
    """The port as the recurrence takes it."""
    return record(
        PORT_FIELDS,
        deeper_slots=machine.deeper_slots,
        slots=machine.slots,
        out_slots=machine.out_slots,
        channels=machine.channels,
        latency_cycles=machine.latency_cycles,
    )


def plain_end(runs, machine):
    return plain_play(runs, machine)[0]


def plain_play(runs, machine):
    """The machine as max and plus: one line per tile and transaction, in the port's order.

    Returns when all is over, and when each tile is computed.
    """
    slots, late, latency = machine.slots, machine.out_slots, machine.latency_cycles
    tiles = [run for run in runs for _ in range(run.count)]
    n, port, channel_free, computed, moved = len(tiles), 0, {}, {-1: 0}, {}

    def move(kind, tile, ready, cycles):
        nonlocal port
        if cycles:
            channel = kind == "store", tile % machine.channels
            issue = max(ready, channel_free.get(channel, 0))
            port = channel_free[channel] = moved[kind, tile] = max(issue + latency, port) + cycles

    for i, tile in enumerate(tiles):
        loads = [("deeper", machine.deeper_slots, tile.deeper_cycles), ("load", slots, tile.load_cycles)]
        for kind, most, cycles in loads:
            if most > late:
                move(kind, i, computed.get(i - most, 0), cycles)
        if i >= late:
            move("store", i - late, computed[i - late], tiles[i - late].store_cycles)
        for kind, most, cycles in loads:
            if most <= late:
                move(kind, i, computed.get(i - most, 0), cycles)
        causes = [("deeper", i), ("load", i), ("store", i - late)]
        computed[i] = tile.compute_cycles + max(computed[i - 1], *(moved.get(cause, 0) for cause in causes))
    move("load", n, 0, machine.prefetch_cycles)
    for i in range(max(0, n - late), n):
        move("store", i, computed[i], tiles[i].store_cycles)
    del computed[-1]
    return max([port, *computed.values()]), computed
