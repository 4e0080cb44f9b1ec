"""A run as events: what is played of which op, on what, after which setting up; counted by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest

from simulator import load_hardware, simulate
from simulator.engine import timeline
from simulator.engine.timeline import array_runs, block_of, ops_in_play, port_of, run_timeline
from simulator.errors import InputError
from simulator.hardware.dram_types import DRAM_TYPES
from simulator.hardware.model import Epilogue, Hardware, Pages
from simulator.mapping.mapping import Mapping
from simulator.network.graph import Graph
from simulator.network.ir import Layer, Network, Op
from simulator.result.laws import LawViolation, Violation
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp, Schedule, Stack, plan
from simulator.timing.tiles import OpTiles, Placed, PortSpec, Stretch, TileRun
from simulator.timing.timeline import ARRAY, VECTOR
from tests.builders import conv_result
from tests.oracle.small_cases import one_tile
from tests.oracle.some_stacks import forced
from workloads.importers.assembly import Assembly

CHIP = load_hardware("flexible_168")
(MAIN,) = CHIP.buffers
DRAM = replace(CHIP.dram, bytes_per_cycle=Fraction(4), latency_cycles=3, burst_bytes=4)
BYTES = {"input_bits": 8, "weight_bits": 8, "output_bits": 8, "partial_sum_bits": 16}
PLAIN = replace(
    CHIP, **BYTES, dram=DRAM, keeps_activations=False, layer_order="serial", launch_cycles=5, configuration_cycles=7
)  # type: ignore[arg-type]
TILES = {"first": (1, 1, 4, 2, 2, 4, 1, 1)}
"""Two of the four rows of the first layer's map."""


def chain() -> Network:
    """Products of 2 x 4 channels on a map of 4 x 4, a pool of 2 x 2, and products of 4 x 4 channels on what is left."""
    g = Graph("chain")
    x = g.conv(g.input(2, 4, 4), 4, name="first")
    g.conv(g.max_pool(x, 2, 2, name="pool"), 4, name="last")
    return g.build()


def in_play(machine: Hardware) -> list[OpTiles]:
    """The chain, all its products on one PE."""
    net = chain()
    return list(ops_in_play(plan(net, machine), one_tile(net, machine, TILES), machine))


FIRST = (TileRun(6, 64, 8, load_bytes=24, store_bytes=32), TileRun(4, 64, 8, load_bytes=16, store_bytes=32))
"""16 bytes of inputs, and at first 8 of weights; 32 of outputs."""
POOL = (TileRun(8, 2, 4, load_bytes=32, store_bytes=16), TileRun(8, 3, 4, load_bytes=32, store_bytes=16))
"""64 operations on 14 lanes, and 64 bytes, shared out; a row of each of four maps is two bytes of a burst."""
LAST = TileRun(8, 64, 4, load_bytes=32, store_bytes=16)
PORT = PortSpec(slots=2, out_slots=2, channels=2, latency_cycles=3, deeper_slots=2)


def test_each_op_is_played_with_its_tiles_after_its_setting_up() -> None:
    """An op is launched in 5 cycles, and the array configured in 7 more."""
    expected = [("first", ARRAY, FIRST, PORT, 12), ("pool", VECTOR, POOL, PORT, 5), ("last", ARRAY, (LAST,), PORT, 12)]
    assert in_play(PLAIN) == [OpTiles(*each) for each in expected]


def test_weights_that_come_ahead_cross_the_port_during_the_op_before() -> None:
    """16 bytes, 4 cycles; the first op's come with itself, and nothing comes ahead during an op with room for none."""
    first, pool, last = in_play(replace(PLAIN, layer_order="prefetch_weights"))
    assert first == OpTiles("first", ARRAY, FIRST, PORT, 12)
    assert (pool.runs, pool.port) == (POOL, replace(PORT, prefetch_cycles=4, prefetch_bytes=16))
    assert last == OpTiles("last", ARRAY, (replace(LAST, load_cycles=4, load_bytes=16),), PORT, 12)


def test_equal_ops_are_listed_once_and_those_whose_weights_came_ahead_by_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g, made = Graph("alike"), []
    x = g.input(4, 2, 2)
    for _ in range(3):
        x = g.conv(x, 4)
    g.relu(g.relu(x))
    net, listing = g.build(), (timeline.array_runs, timeline.vector_runs)
    for name, each in zip(("array_runs", "vector_runs"), listing, strict=True):
        monkeypatch.setattr(timeline, name, lambda *args, each=each, name=name: made.append(name) or each(*args))
    for order, times in (("serial", 1), ("prefetch_weights", 2)):
        machine = replace(PLAIN, layer_order=order, fuses=frozenset())  # type: ignore[arg-type]
        played = list(ops_in_play(plan(net, machine), one_tile(net, machine), machine))
        assert len(played) == 5 and played[1].runs == played[2].runs
        assert made == ["array_runs"] * times + ["vector_runs"]
        made.clear()


def test_an_op_that_overlaps_with_its_neighbours_keeps_port_and_block_busy_for_as_long_as_each_needs() -> None:
    """All that it moves is one tensor, in as many runs as its tiles take of maps that lie channel by channel."""
    port = PortSpec(slots=1, out_slots=1, channels=1, latency_cycles=0)
    expected = [
        ("first", ARRAY, 26, 128, 104, 2 * (2 + 4) + 1, 12),
        ("pool", VECTOR, 20, 5, 80, 1 + 1, 5),
        ("last", ARRAY, 12, 64, 48, 3, 12),
    ]
    assert in_play(replace(PLAIN, layer_order="overlapped")) == [
        OpTiles(
            name,
            block,
            (TileRun(load, compute, 0, load_bytes=size, load=(Stretch(0, size, runs),)),),
            port,
            setup,
            apart=True,
            tensors=(Placed(size, 1 << 62),),
        )
        for name, block, load, compute, size, runs, setup in expected
    ]


def test_an_op_that_overlaps_and_moves_nothing_has_no_stretch_of_memory() -> None:
    machine = replace(PLAIN, layer_order="overlapped", keeps_activations=True)
    _, pool, _ = in_play(machine)
    assert pool.runs == (TileRun(0, 5, 0),)
    assert pool.tensors == (Placed(1, 1 << 62),)


def stack_of(machine: Hardware) -> tuple[tuple[PlannedOp, ...], dict[str, Mapping], list[str]]:
    """Two layers in strips of two of their four rows: ops, mappings of each strip, names of strips in order."""
    g = Assembly("stack")
    x = g.conv(g.input(2, 4, 4), 4, name="one")
    g.conv(g.conv(x, 4, name="two"), 4, name="three")
    net = g.build()
    schedule: Schedule = forced(net, machine, Stack(("one", "two"), 2))
    ops = plan(net, machine, schedule)
    strips = [strip for op in ops for strip in (op.in_stack.shapes if op.in_stack else (op,))]
    some = one_tile(net, machine)["one"]
    mappings = {strip.layer.name: replace(some, tile=strip.layer.nest.bounds) for strip in strips if strip.layer.nest}
    return ops, mappings, [strip.layer.name for strip in strips]


@pytest.mark.parametrize("order", ["serial", "overlapped"])
def test_a_strip_has_a_name_of_its_own_and_an_op_is_launched_with_its_first(order: str) -> None:
    machine = replace(PLAIN, layer_order=order, stacks="depth_first", keeps_activations=True)  # type: ignore[arg-type]
    machine = replace(machine, dram=replace(machine.dram, activations="nhwc"))
    ops, mappings, names = stack_of(machine)
    played = list(ops_in_play(ops, mappings, machine))
    assert [each.name for each in played] == ["one", "two", "one", "two", "three"]
    assert [each.setup_cycles for each in played] == [12, 12, 7, 7, 12]
    assert all(each.strip in names and each.strip != each.name for each in played[:4])
    assert played[-1].strip == ""


def test_products_run_on_the_array_and_other_ops_where_the_machine_runs_them() -> None:
    first, pool, last = plan(chain(), PLAIN)
    assert [block_of(op, PLAIN) for op in (first, pool, last)] == [ARRAY, VECTOR, ARRAY]
    machine = replace(PLAIN, ops_on_array=frozenset({Op.POOL}))
    assert [block_of(op, machine) for op in (first, pool, last)] == [ARRAY] * 3


def taps(machine: Hardware) -> tuple[LayerResult, OpTiles]:
    """A transposed convolution of 8 filters, 3 x 3 taps and stride 2 on a map of 4 x 4, in its run and in play."""
    g = Assembly("up")
    y = g.conv(g.input(1, 4, 4), 8 * 9, name="taps")
    g.put(Layer("sums", Op.COL2IM, ("taps",), (y.shape,), (1, 8, 9, 9), (3, 3)))
    net = g.build()
    mappings = one_tile(net, machine, {"taps": (1, 1, 72, 1, 2, 4, 1, 1)})
    run = simulate(machine, net, mapping=mappings)
    (played,) = ops_in_play(plan(net, machine), mappings, machine)
    return run.layers[0], played


def test_what_works_behind_the_array_ends_with_its_op() -> None:
    """On one lane, 504 products that are added to others take longer than the array; a tile is half of all."""
    layer, played = taps(replace(PLAIN, vector_lanes=1, array=replace(CHIP.array, macs_per_cycle=8)))
    array = layer.cycles - layer.cycle_parts["vector"] - 12
    assert (played.setup_cycles, played.added_cycles, layer.tiles) == (12, 504, 2)
    assert array < 504
    assert played.added_from == -(-array // 2) == layer.cycles - 12 - 504
    layer, played = taps(replace(PLAIN, vector_lanes=504))
    assert (played.added_cycles, played.added_from) == (1, layer.cycles - 12 - 1)


def test_nothing_works_behind_an_op_of_the_vector_unit_or_an_array_that_leaves_nothing_to_add() -> None:
    machine = replace(PLAIN, epilogue=Epilogue(operations=1))
    first, pool, _ = in_play(machine)
    assert (pool.setup_cycles, pool.added_cycles, pool.added_from) == (5, 0, 0)
    assert first.added_cycles == 5  # 64 outputs on 14 lanes
    first, *_ = in_play(PLAIN)
    assert (first.added_cycles, first.added_from) == (0, 0)


def test_ports_have_the_slots_of_what_crosses_them() -> None:
    """Tiles of the vector unit lie where inputs do, whatever weights and outputs have."""

    def slots(inputs: bool, weights: bool, *, on_array: bool) -> tuple[int, int, int]:
        buffers = [
            replace(MAIN, name=str(operand), holds=(operand,), double_buffered=double)
            for operand, double in enumerate((inputs, weights, False))
        ]
        port = port_of(replace(PLAIN, buffers=tuple(buffers)), 9, on_array=on_array)
        assert (port.channels, port.latency_cycles, port.prefetch_cycles, port.prefetch_bytes) == (2, 3, 3, 9)
        return port.deeper_slots, port.slots, port.out_slots

    assert slots(False, True, on_array=True) == slots(True, False, on_array=True) == (2, 1, 1)
    assert slots(False, True, on_array=False) == (1, 1, 1)
    assert slots(True, False, on_array=False) == (2, 2, 1)


def test_a_run_of_three_hundred_thousand_tiles_is_played_and_not_of_one_more() -> None:
    layer = replace(conv_result("conv"), tiles=300_000)
    assert run_timeline([layer], (), {}, PLAIN).end_cycle == 0
    more = [replace(layer, tiles=200_000), replace(layer, tiles=100_001)]
    with pytest.raises(InputError) as caught:
        run_timeline(more, (), {}, PLAIN)
    (problem,) = caught.value.problems
    assert (problem.expected, problem.got) == ("at most 300000", "300001")
    assert run_timeline(more, (), {}, replace(PLAIN, layer_order="overlapped")).end_cycle == 0


def test_a_layer_of_too_many_tiles_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert timeline.MOST_LISTED == 5_000_000
    op, mapping = plan(chain(), PLAIN)[0], one_tile(chain(), PLAIN, TILES)["first"]
    monkeypatch.setattr(timeline, "MOST_LISTED", 2)
    assert len(array_runs(op, mapping, PLAIN, 0).runs) == 2
    monkeypatch.setattr(timeline, "MOST_LISTED", 1)
    with pytest.raises(InputError, match="first has too many tiles") as caught:
        array_runs(op, mapping, PLAIN, 0)
    assert (caught.value.problems[0].expected, caught.value.problems[0].got) == ("at most 1", "2")


def told(machine: Hardware) -> tuple[tuple[LayerResult, ...], tuple[PlannedOp, ...], dict[str, Mapping]]:
    net = chain()
    mappings = one_tile(net, machine, TILES)
    return simulate(machine, net, mapping=mappings).layers, plan(net, machine), mappings


def test_events_take_the_cycles_of_the_run_op_by_op_or_the_ops_that_do_not_are_told() -> None:
    layers, ops, mappings = told(PLAIN)
    timeline = run_timeline(layers, ops, mappings, PLAIN)
    ends = [sum(layer.cycles for layer in layers[: i + 1]) for i in range(3)]
    assert timeline.spans == ((0, ends[0]), (ends[0], ends[1]), (ends[1], ends[2]))
    wrong = [layers[0], replace(layers[1], cycles=1), layers[2]]
    with pytest.raises(LawViolation) as caught:
        run_timeline(wrong, ops, mappings, PLAIN)
    law = "events take the cycles of the run"
    assert caught.value.violations == [Violation("pool", "cycles", law, f"{layers[1].cycles} of 1")]


def test_where_banks_and_rows_are_played_events_end_when_they_end() -> None:
    pages = Pages("LPDDR4", DRAM_TYPES["LPDDR4"], 3_200_000_000, Fraction(16, 5))
    machine = replace(PLAIN, pages=pages)
    played = run_timeline(*told(PLAIN), machine)
    assert played.dram is not None and played.dram.size_bytes == 104 + 96 + 48
    first, *_ = played.ops
    assert [run.load for run in first.runs] == [(Stretch(0, 16, 2), Stretch(1, 8, 1)), (Stretch(0, 16, 2),)]
    assert first.tensors == (Placed(32, 16), Placed(8, 0), Placed(64, 16), Placed(1, 0))
    assert all(each.tensors == () for each in in_play(PLAIN))
