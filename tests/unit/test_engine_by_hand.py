"""What the engine refuses and tells, whose mappings are searched, and what is prefetched: tiny networks, by hand."""

from dataclasses import replace
from math import inf
from time import sleep

import pytest

from simulator import simulate
from simulator.energy.table import load_energy_table
from simulator.engine.array_ops import mapped_pes
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.mapping_choice import Watch, _each
from simulator.engine.results import energy_of, layer_result, touched
from simulator.errors import InputError, Problem
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.dataflow import load_dataflow
from simulator.mapping.mapping import LevelTile, Mapping
from simulator.nest import LoopNest
from simulator.network.graph import Graph
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult, Run, Traffic
from simulator.schedule.plan import PlannedOp, plan
from tests.oracle.small_cases import one_tile
from workloads.importers.assembly import Assembly

CHIP = load_hardware("flexible_168")
SPADS = load_hardware("timeloop_simple_weight_stationary")
X = (1, 2, 4, 4)


def network(convs: int = 1, batch: int = 1) -> Network:
    g = Graph("tiny")
    x = g.input(2, 4, 4, batch=batch)
    for i in range(convs):
        x = g.conv(x, 2, name=f"conv{i}")
    return g.build()


def refused(*args: object, **options: object) -> list[tuple[str, str | None, str | None, str | None]]:
    with pytest.raises(InputError) as caught:
        simulate(*args, **options)  # type: ignore[arg-type]
    return [(each.message, each.path, each.expected, each.got) for each in caught.value.problems]


def test_an_objective_that_is_none_is_told_with_those_there_are() -> None:
    found = refused(CHIP, network(), objective="speed")
    known = "one of cycles, energy, edp, dram, cycles_plus_dma, cycles_then_energy"
    assert found == [("unknown objective", None, known, "speed")]


def test_the_objective_is_the_machines_unless_given() -> None:
    frugal = replace(CHIP, objective="dram")
    assert simulate(frugal, network()).options["objective"] == "dram"
    assert simulate(frugal, network(), objective="energy").options["objective"] == "energy"
    with pytest.warns(UserWarning, match="`balanced` is now called `cycles_plus_dma`"):
        assert simulate(CHIP, network(), objective="balanced").options["objective"] == "cycles_plus_dma"


def test_options_tell_batch_dataflow_and_mapping() -> None:
    options = simulate(CHIP, network(batch=3), dataflow="row_stationary").options
    assert options == {"batch": 3, "dataflow": "row_stationary", "objective": "cycles_then_energy", "mapping": None}


def test_a_dataflow_that_the_machine_does_not_allow_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        simulate(CHIP, network(), dataflow="row_stationery")
    (problem,) = caught.value.problems
    assert problem.message == "flexible_168 does not allow this dataflow"
    assert (problem.got, problem.suggestion) == ("row_stationery", "row_stationary")
    assert simulate(CHIP, network(), dataflow="no_local_reuse").layers[0].dataflow == "no_local_reuse"


def with_flow(machine: Hardware, rows: str, columns: str, able: tuple[bool, bool], **more: object) -> Hardware:
    from simulator.nest import Dim

    flow = replace(load_dataflow("no_local_reuse"), name="f", rows=(Dim[rows],), columns=(Dim[columns],), **more)
    array = replace(machine.array, reduce_rows=able[0], reduce_columns=able[1])
    return replace(machine, array=array, dataflows=(flow,))


def test_a_dataflow_that_adds_up_along_an_axis_needs_a_machine_that_does() -> None:
    place = "array.delivery.outputs.reduce_along"
    rows = (f"{CHIP.name} cannot run dataflow f", place, None, "no sums along rows")
    columns = (f"{CHIP.name} cannot run dataflow f", place, None, "no sums along columns")
    assert refused(with_flow(CHIP, "C", "K", (False, True)), network()) == [rows]
    assert refused(with_flow(CHIP, "K", "C", (True, False)), network()) == [columns]
    assert refused(with_flow(CHIP, "R", "C", (False, False)), network()) == [rows, columns]
    assert simulate(with_flow(CHIP, "C", "K", (True, False)), network()).total.macs == 64
    assert simulate(with_flow(CHIP, "K", "P", (False, False)), network()).total.macs == 64


def test_packed_lanes_need_a_machine_without_memories_in_pes() -> None:
    packed = with_flow(SPADS, "C", "K", (True, True), channel_packing=True)
    assert refused(packed, network()) == [
        (f"{SPADS.name} cannot run dataflow f", "buffers", None, "memories in PEs, which packed lanes do not use")
    ]
    assert simulate(with_flow(CHIP, "C", "K", (True, True), channel_packing=True), network()).total.macs == 64


def test_mappings_of_layers_that_are_none_or_do_not_fit_are_told() -> None:
    mappings = one_tile(network(), CHIP)
    absent = refused(CHIP, network(), mapping={"y": mappings["conv0"], "x": mappings["conv0"]})
    assert [(message, path) for message, path, *_ in absent] == [
        ("the network has no such layer", "mapping.x"), ("the network has no such layer", "mapping.y")
    ]  # fmt: skip
    wide = replace(mappings["conv0"], rows=(1, 1, 13, 1, 1, 1, 1, 1))
    found = refused(CHIP, network(), mapping={"conv0": wide})
    assert found == [("rows: unrolls 13 PEs, the array has 12 rows", "mapping.conv0", None, None)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search takes so long that it tells how far it is."""
    monkeypatch.setattr("simulator.engine.mapping_choice.TELL_EVERY_S", inf)


@pytest.mark.usefixtures("quick")
def test_a_given_mapping_is_played_and_the_others_are_searched() -> None:
    net, told = network(2), []
    given = one_tile(net, CHIP)["conv0"]
    run = simulate(CHIP, net, mapping={"conv0": given}, progress=lambda *each: told.append(each))
    assert told == [(1, 1, "conv1")]
    assert run.layers[0].dataflow == given.dataflow and run.layers[0].mapped_pes == 1
    assert run.layers[1].cycles < run.layers[0].cycles


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("threads", [1, 3])
def test_equal_ops_are_searched_once_and_progress_counts_different_ones(threads: int) -> None:
    g = Graph("mixed")
    x = g.conv(g.conv(g.input(2, 4, 4), 2, name="a"), 2, name="b")
    g.conv(x, 3, name="c")
    told: list[tuple[int, int, str]] = []
    cache = MappingCache()
    run = simulate(CHIP, g.build(), progress=lambda *each: told.append(each), threads=threads, cache=cache)
    assert told == [(1, 2, "a"), (2, 2, "c")]
    told.clear()
    assert simulate(CHIP, g.build(), progress=lambda *each: told.append(each), cache=cache) == run
    assert told == []


def test_a_search_that_takes_long_tells_how_far_it_is_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = iter((0.0, 0.4, 0.6, 0.7, 1.2)), []
    monkeypatch.setattr("simulator.engine.mapping_choice.monotonic", lambda: next(now))
    watch = Watch(lambda *each: told.append(each), 3)
    tell = watch.of("conv1")
    tell("cycles", 0.5, 0)
    tell("cycles", 0.25, 0)
    watch.finish("conv0")
    tell("cycles", 0.25, 4095)
    tell("energy", 0.012, 4096)
    assert told == [
        (0, 3, "conv1: cycles at most 25% above the least there is"),
        (1, 3, "conv0"),
        (1, 3, "conv1: energy at most 1.2% above the least there is, 4,096 spatial mappings searched"),
    ]


def test_a_search_that_knows_no_bound_yet_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.engine.mapping_choice.TELL_EVERY_S", 0.0)
    told: list[tuple[int, int, str]] = []
    Watch(lambda *each: told.append(each), 1).of("conv0")("cycles", inf, 7)
    assert told == []


def test_once_a_search_fails_those_that_wait_are_not_begun() -> None:
    begun: list[str] = []

    def search(op: PlannedOp) -> Mapping:
        begun.append(op.layer.name)
        if op.layer.name == "conv0":
            raise InputError(Problem("no mapping"))
        sleep(0.05)
        return one_tile(network(), CHIP)["conv0"]

    ops = plan(network(40), CHIP)
    with pytest.raises(InputError, match="no mapping"):
        list(_each(search, ops, threads=2))
    assert begun[0] == "conv0" and len(begun) < 40


def shrunk(machine: Hardware, *capacities: int) -> Hardware:
    buffers = zip(machine.buffers, capacities, strict=True)
    return replace(machine, buffers=tuple(replace(buffer, capacity_bytes=size) for buffer, size in buffers))


def test_a_layer_that_fits_no_buffer_is_told_with_what_would_do() -> None:
    """A word of each operand is two bytes, in a buffer with two slots; a scratch pad holds one word at least."""
    (buffer,) = CHIP.buffers
    found = refused(shrunk(CHIP, 5), network())
    assert found == [
        (
            f"layer conv0 does not fit buffer {buffer.name} of flexible_168",
            f"buffers.{buffer.name}.capacity",
            "at least 6 bytes: the smallest tile of inputs, weights, outputs",
            "5 bytes",
        )
    ]
    (message, path, expected, got), = refused(shrunk(CHIP, 6), network())  # fmt: skip
    assert message == "no mapping of layer conv0 fits the buffers of flexible_168"
    assert (path, got) == (None, f"{buffer.name}: 6 bytes")
    assert expected == "buffers with room for more than one slot of the smallest tiles, or other dataflows"
    inner = SPADS.buffers[1].name
    found = refused(shrunk(SPADS, 10**5, 0), network())
    assert found == [
        (f"layer conv0 does not fit buffer {inner} of {SPADS.name}", f"buffers.{inner}.capacity",
         "at least 1 bytes: the smallest tile of weights", "0 bytes")
    ]  # fmt: skip


def test_energy_is_traffic_and_actions_times_their_prices() -> None:
    own = {"mac_pj": 2.0, "vector_op_pj": 3.0, "leakage_pj_per_cycle": 0.5, "dram_pj_per_bit": 1.25}
    table = replace(load_energy_table("eyeriss_relative"), unit="pJ", mac_picojoules=None, **own)  # type: ignore[arg-type]
    machine = replace(CHIP, energy=table)
    traffic = {"dram": {"inputs": Traffic(3, 4)}}
    found = energy_of(traffic, {"mac": 10, "vector": 20, "cycles": 30}, machine)
    assert found == {"mac": 20.0, "vector": 60.0, "leakage": 15.0, "dram.inputs": 70.0}


def test_rows_and_columns_that_some_tap_meets_are_touched() -> None:
    """Windows of 2 x 1 taps start at rows -1, 2, 5, 8 of 8 and columns 0, 2: rows 0, 2, 3, 5, 6 and two columns."""
    layer = Layer("y", Op.CONV, ("x",), ((1, 1, 8, 5),), (1, 1, 4, 2), (2, 1), (3, 2), (1, 0, 2, 0))
    assert (touched(layer, 0), touched(layer, 1)) == (5, 2)
    holes = replace(layer, kernel=(2, 2), dilation=(2, 3), stride=(4, 1), output_shape=(1, 1, 2, 2))
    assert (touched(holes, 0), touched(holes, 1)) == (3, 4)


def test_pes_with_work_are_the_positions_of_a_full_step_of_the_tile_next_to_the_array() -> None:
    """Ten filters on four rows, seven pixels on eight columns; two filters and two pixels a PE."""

    def at(k: int, p: int, c: int = 1) -> tuple[int, ...]:
        return (1, 1, k, c, p, 1, 1, 1)

    nest = LoopNest(at(10, 7, 3), stride=(2, 3))
    flat = replace(
        one_tile(network(), CHIP)["conv0"], tile=at(10, 7), rows=at(4, 1), columns=at(1, 8), registers=at(2, 2)
    )
    assert mapped_pes(flat, nest, 1) == 4 * 4
    assert mapped_pes(replace(flat, tile=at(5, 7)), nest, 1) == 3 * 4
    packed = replace(flat, channel_packing=True, columns=at(1, 1, 8))
    assert mapped_pes(packed, nest, 1) == 4 * 6  # a channel for each of 2 x 3 taps that the stride groups
    two = replace(flat, inner=(LevelTile(at(3, 7), flat.buffer_order),))
    assert mapped_pes(two, nest, 2) == 2 * 4  # of the inner tile
    assert mapped_pes(two, nest, 1) == 4 * 1  # in a PE, each has an inner tile of its own


def test_what_costs_nothing_is_a_result_of_zeros() -> None:
    layer = Layer("y", Op.CONCAT, ("a", "b"), (X, X), (1, 4, 4, 4), stage="s")
    result = layer_result(PlannedOp(layer, folded=True, resident=(True, False, True), reserved_bytes=7), CHIP)
    assert (result.folded, result.on_chip, result.kept_bytes, result.cycles, result.energy_pj) == (True, (), 7, 0, 0)
    assert (result.name, result.op, result.stage, result.inputs) == ("y", Op.CONCAT, "s", ("a", "b"))
    runs = layer_result(PlannedOp(layer, resident=(True, False, True)), CHIP)
    assert runs.on_chip == ("inputs", "outputs")


def ahead(capacity: int, second: int = 4, **machine: object) -> tuple[Run, Run]:
    """A layer of four channels and one of some filters, each in one tile; fetched one by one, or ahead."""
    g = Graph("ahead")
    g.conv(g.conv(g.input(4, 2, 2), 4, name="first"), second, name="second")
    net = g.build()
    runs = []
    for order in ("serial", "prefetch_weights"):
        one = shrunk(replace(CHIP, layer_order=order, keeps_activations=False, **machine), capacity)  # type: ignore[arg-type]
        runs.append(simulate(one, net, mapping=one_tile(net, one)))
    return runs[0], runs[1]


def test_weights_come_ahead_into_what_the_layer_before_leaves_free_and_not_into_a_byte_less() -> None:
    """16 words of two bytes: inputs and weights of the one tile, outputs twice, and the 32 bytes that come ahead."""
    serial, prefetched = ahead(4 * 32 + 32)
    assert prefetched.layers[1].cycles < serial.layers[1].cycles
    assert prefetched.total.cycles < serial.total.cycles
    assert [layer.traffic for layer in prefetched.layers] == [layer.traffic for layer in serial.layers]
    serial, prefetched = ahead(4 * 32 + 31)
    assert [layer.cycles for layer in prefetched.layers] == [layer.cycles for layer in serial.layers]


def test_a_layer_is_set_up_once_and_the_setting_up_does_not_leak() -> None:
    plain, slow = (ahead(10**5, configuration_cycles=cycles)[0] for cycles in (0, 17))
    for one, other in zip(plain.layers, slow.layers, strict=True):
        assert other.cycles == one.cycles + 17 == one.cycles + other.cycle_parts["configuration"]
        assert other.energy_parts == one.energy_parts


def test_a_level_has_the_traffic_of_what_it_holds() -> None:
    (layer,) = simulate(SPADS, network()).layers
    everything = {"inputs", "weights", "outputs"}
    held = {level: set(operands) for level, operands in layer.traffic.items()}
    assert held == dict.fromkeys(("dram", "shared_glb", "array", "rf"), everything) | {"pe_spad": {"weights"}}


def taps(lanes: int) -> LayerResult:
    """A transposed convolution of 8 filters, 3 x 3 taps and stride 2 on a map of 4 x 4."""
    table = load_energy_table("eyeriss_relative")
    table = replace(table, unit="pJ", mac_picojoules=None, leakage_pj_per_cycle=0.5, vector_op_pj=3.0)
    g = Assembly("up")
    y = g.conv(g.input(1, 4, 4), 8 * 9, name="taps")
    g.put(Layer("sums", Op.COL2IM, ("taps",), (y.shape,), (1, 8, 9, 9), (3, 3)))
    return simulate(replace(CHIP, vector_lanes=lanes, energy=table), g.build()).layers[0]


def test_what_the_vector_unit_adds_longer_than_the_array_works_leaks_as_well() -> None:
    """Of 8 x 9 x 16 products, 8 x 81 are the first of an output: the others take 504 operations."""
    fast, slow = taps(lanes=504), taps(lanes=1)
    array = slow.cycles - slow.cycle_parts["vector"]
    assert fast.cycle_parts["vector"] == 1  # of the last tile
    assert slow.cycles == 504 + -(-array // slow.tiles)  # after the first tile
    assert (fast.bounds["vector"], slow.bounds["vector"]) == (1, 504)
    assert fast.energy_parts["vector"] == slow.energy_parts["vector"] == 504 * 3.0
    assert fast.cycles == array + 1
    assert (fast.energy_parts["leakage"], slow.energy_parts["leakage"]) == (0.5 * fast.cycles, 0.5 * slow.cycles)


def test_an_op_that_adds_nothing_has_no_part_of_the_vector_unit() -> None:
    (layer,) = simulate(CHIP, network()).layers
    assert "vector" not in layer.energy_parts and "vector" not in layer.bounds
