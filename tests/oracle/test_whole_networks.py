"""Whole small networks on real machines: a slow simulator that walks word by word agrees with the engine, op by op."""

from dataclasses import replace
from math import prod
from random import Random

import numba
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator import load_hardware, simulate
from simulator.cli.mappings import saved_mappings
from simulator.cost.legality import violations
from simulator.engine import around
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import ONES, Mapping
from simulator.nest import OPERAND_NAMES, Dim, array_bounds
from simulator.network.graph import Graph
from simulator.network.ir import MAC_OPS, WITHIN_CHANNEL, Network, Op
from simulator.result.run import LayerResult, Run
from simulator.schedule import plan
from simulator.source import parse_yaml
from tests.drawn_networks import networks
from tests.oracle import strategies
from tests.oracle.slow_port import Played
from tests.oracle.slow_simulator import play_network
from tests.uncompiled import give_records_attributes

give_records_attributes()
COMPILED = not numba.config.DISABLE_JIT


def fused() -> Network:
    """A convolution that an activation and a pool go along with, and a product."""
    g = Graph("fused")
    x = g.conv(g.input(3, 8, 6), 5, 3, stride=(2, 1), padding=1, bias=True, activation="relu")
    x = g.max_pool(x, 3, (2, 3), padding=(1, 0, 0, 0))
    x = g.conv(x, 4, (1, 3), padding=(0, 2, 0, 1), activation="relu")
    g.linear(x, 7)
    return g.build()


def residual() -> Network:
    """Additions that can go along with a convolution, and ones that cannot: others read what they add."""
    g = Graph("residual")
    x = g.conv(g.input(4, 4, 6), 5, 1)
    y = g.add(g.conv(g.conv(x, 3, 1), 5, 3, padding=1, zero_inputs_fraction=0.3), x, activation="relu")
    z = g.conv(y, 5, (3, 1), padding=(1, 0, 1, 0))
    z = g.add(z, y, g.relu(z))
    z = g.add(g.conv(z, 5, 1, zero_weights_fraction=0.2), z, y)
    g.max_pool(g.conv(z, 3, 1), 3, (1, 2), padding=1)
    return g.build()


def grouped() -> Network:
    """Groups and depthwise filters around a shuffle and a concatenation."""
    g = Graph("grouped")
    x = g.input(6, 4, 5)
    a = g.conv(x, 8, 3, padding=1, groups=2)
    b = g.depthwise(g.shuffle(a, 4), 3, stride=2, padding=(1, 0, 1, 2), activation="relu6")
    c = g.conv(b, 4, 1, groups=4)
    d = g.concat(c, b)
    g.linear(g.global_pool(g.conv(d, 4, 1)), 6, groups=2)
    return g.build()


def uneven() -> Network:
    """Two samples; windows that are wide, tall, dilated, far apart, over padding of all kinds."""
    g = Graph("uneven")
    x = g.input(3, 7, 6, batch=2)
    a = g.conv(x, 4, (1, 3), stride=(2, 1), padding=(0, 2, 0, 1), zero_weights_fraction=0.5, zero_columns=True)
    b = g.conv(a, 5, (3, 1), padding=(2, 0, 1, 0), dilation=(2, 1), zero_inputs_fraction=0.5)
    c = g.conv(b, 4, 2, stride=3, padding=(1, 1, 0, 0))
    g.avg_pool(c, (1, 2), (2, 1), padding=(1, 0, 0, 0))
    g.linear(c, 5)
    return g.build()


def varied() -> Network:
    """Ops of the vector unit and moves of data of every kind."""
    g = Graph("varied")
    x = g.input(4, 4, 5, batch=2)
    a = g.lrn(g.conv(x, 5, 1), 3)
    b = g.mul(a, g.global_pool(a))
    e = g.upsample(g.concat(g.gather(b, 4), a), (6, 7))
    f = g.pad(g.upsample(e, (8, 8), "nearest"), (1, 0, 0, 1))
    g.softmax(g.reshape(g.lrn(g.max_pool(f, 3, 3), 3, WITHIN_CHANNEL), (-1, 1, 1)))
    return g.build()


NETWORKS = {build.__name__: build() for build in (fused, residual, grouped, uneven, varied)}

TINY = """
name: tiny
source: a machine of everything that the bundled ones leave out
clock: 1 GHz
precision_bits: {inputs: 8, weights: 4, outputs: 12, partial_sums: 20}
array:
  rows: 4
  columns: 3
  macs_per_cycle: 2
  step_cycles: 3
  registers_words: {inputs: 24, weights: 24, outputs: 24}
  delivery:
    inputs: {network: unicast, words_per_cycle: 3}
    weights: {network: multicast, words_per_cycle: 2, preload: exposed}
    outputs: {network: multicast, words_per_cycle: 2, directions: shared, reduce_along: both}
  zero: {weights: {fraction: 0.3, skip_window: 3}, inputs: {fraction: 0.6, gate: true}}
buffers:
  - {name: maps, holds: [inputs, outputs], capacity: 3 KiB, read_bytes_per_cycle: 5, write_bytes_per_cycle: 3}
  - {name: filters, holds: [weights], capacity: 600 B, read_bytes_per_cycle: 1, double_buffered: false}
dma: {channels: 1, halo: kept, reuse: none}
dram:
  bandwidth: 1700 MB/s
  latency_cycles: 11
  burst: 12 B
  compression: {run_length: {operands: [inputs, weights, outputs], longest_run: 3, run_bits: 2}}
vector: {lanes: 3}
fuses: [activation, add, pool]
folds: [concat]
layers: {order: serial, keep_activations: true, configuration_cycles: 17}
dataflows: [row_stationary, output_stationary_channels, no_local_reuse]
energy: picojoule_45nm
"""


def with_buffers(machine: Hardware, size: int) -> Hardware:
    """The machine with so many bytes in each memory: tiles are many."""
    return replace(machine, buffers=tuple(replace(buffer, capacity_bytes=size) for buffer in machine.buffers))


def unpacked(machine: Hardware) -> Hardware:
    """The machine without lanes that take taps for channels."""
    flows = tuple(replace(flow, channel_packing=False) for flow in machine.dataflows)
    return replace(machine, dataflows=flows)


def machines() -> dict[str, Hardware]:
    """Machines of one memory level, as they are and with less memory."""
    names = (
        "edge_npu_like eyeriss_chip eyeriss_isca16_nlr eyeriss_like gemmini_16x16 nvdla_64 scalesim_32x32 "
        "shidiannao_like squeezenext_16x16 systolic_32x32"
    )
    found = {name: unpacked(load_hardware(name)) for name in names.split()}
    found["nvdla_64"] = replace(found["nvdla_64"], fuses=found["nvdla_64"].fuses - {Op.POOL})
    found["tiny"] = tiny = read_hardware(parse_yaml(TINY, "tiny"))
    found["tiny that prefetches"] = replace(
        tiny, layer_order="prefetch_weights", keeps_activations=False, dma_reloads=False
    )
    for name in ("eyeriss_like", "edge_npu_like", "systolic_32x32", "squeezenext_16x16"):
        found[f"{name}, 2048 bytes"] = with_buffers(found[name], 2048)
    fuses = frozenset({Op.ACTIVATION, Op.ADD, Op.POOL})
    roomy = replace(found["eyeriss_like"], keeps_activations=True, fuses=fuses)
    found["eyeriss_like that adds on the way"] = replace(found["eyeriss_like"], fuses=fuses)
    found["eyeriss_like that keeps maps"] = with_buffers(roomy, 4096)
    return found


MACHINES = machines()


def some_mappings(network: Network, machine: Hardware, seed: int) -> dict[str, Mapping]:
    """A mapping of every op on the array that fits, none that a search would find."""
    found, random = {}, Random(seed)
    for op in plan(network, machine):
        if op.layer.op in MAC_OPS:
            tried = (some_mapping(op.layer.nest, machine, random) for _ in range(2000))
            fitting = (mapping for mapping in tried if not violations(mapping, op.layer, machine, around(op)))
            found[op.layer.name] = next(fitting)
    return found


def some_mapping(nest, machine: Hardware, random: Random) -> Mapping:
    """A mapping under one of the machine's dataflows, which may not fit."""
    flow = random.choice(machine.dataflows)
    tile = [random.choice((bound, bound, bound, -(-bound // 2), random.randint(1, bound))) for bound in nest.bounds]
    extents = array_bounds(tile, flow.lowered)
    rows = spread(flow.rows, machine.array.rows, extents, random)
    columns = spread(flow.columns, machine.array.columns, extents, random)
    registers = spread(flow.registers, max(machine.array.registers_words), extents, random)
    orders = [tuple(random.sample(list(Dim), len(Dim))) for _ in range(3)]
    return Mapping(
        flow.name, tuple(tile), orders[0], orders[1], rows, columns, registers, orders[2],
        lowered=flow.lowered, retains=flow.stationary is not None, stationary=flow.stationary,
    )  # fmt: skip


def one_tile(network: Network, machine: Hardware, tiles: dict[str, tuple[int, ...]] = {}) -> dict[str, Mapping]:  # noqa: B006
    """The plainest mappings: all MACs on one PE under the first dataflow, in one tile unless `tiles` says otherwise."""
    flow = machine.dataflows[0]
    return {
        layer.name: Mapping(
            flow.name, tiles.get(layer.name, layer.nest.bounds), tuple(Dim), tuple(Dim), ONES, ONES, ONES, (),
            lowered=flow.lowered, stationary=flow.stationary,
        )
        for layer in network.layers
        if layer.op in MAC_OPS
    }  # fmt: skip


def spread(dims, room: int, extents, random: Random) -> tuple[int, ...]:
    """Bounds along some dimensions, as many as there is room for."""
    bounds = [1] * len(Dim)
    for d in random.sample(list(dims), len(dims)):
        bounds[d] = random.randint(1, max(1, min(extents[d], room // prod(bounds))))
    return tuple(bounds)


def figures_of(layer: LayerResult) -> dict[str, float]:
    """What a run says of an op, by a name each."""
    parts = layer.cycle_parts | layer.dram_parts
    figures: dict[str, float] = {f"cycles.{part}": count for part, count in parts.items()}
    figures |= {f"energy.{part}": energy for part, energy in layer.energy_parts.items()}
    for level, operands in layer.traffic.items():
        figures |= {f"read.{level}.{name}": moved.read_bytes for name, moved in operands.items()}
        figures |= {f"written.{level}.{name}": moved.write_bytes for name, moved in operands.items()}
    figures |= {"cycles": layer.cycles, "MACs": layer.macs, "executed MACs": layer.effective_macs}
    figures |= {"energy": layer.energy_pj, "tiles": layer.tiles, "DMA": layer.dma_cycles, "PEs": layer.mapped_pes}
    figures |= {f"bound.{name}": count for name, count in layer.bounds.items()}
    figures |= {f"footprint.{name}": count for name, count in layer.footprint_bytes.items()}
    figures["utilization"] = layer.utilization
    return {name: figure for name, figure in figures.items() if figure}


def counted(played: Played, pes: int) -> dict[str, float]:
    """The same of what the slow simulator counted."""
    figures: dict[str, float] = {f"cycles.{part}": count for part, count in played.parts.items()}
    figures["cycles.dram"] = sum(played.parts[part] for part in ("fill", "wait", "drain"))
    figures |= {f"energy.{part}": energy for part, energy in played.energy.items()}
    for (level, operand), (read, written) in played.traffic.items():
        figures |= {f"{way}.{level}.{OPERAND_NAMES[operand]}": n for way, n in (("read", read), ("written", written))}
    figures |= {"cycles": sum(played.parts.values()), "MACs": played.dense, "executed MACs": played.macs}
    figures |= {"energy": sum(played.energy.values()), "tiles": len(played.tiles), "DMA": played.dma_cycles}
    figures |= {f"bound.{name}": count for name, count in played.bounds.items()}
    figures |= {f"footprint.{name}": count for name, count in played.footprint.items()}
    figures |= {"PEs": played.mapped_pes, "utilization": played.dense / max(1, sum(played.parts.values()) * pes)}
    return {name: figure for name, figure in figures.items() if figure}


def check(run: Run, network: Network, machine: Hardware) -> None:
    """Play what a run did once more, slowly, and compare all figures of all ops, and their sums."""
    chosen = saved_mappings(run, network.layers) if any(layer.mapping for layer in run.layers) else ()
    played = play_network(network, machine, {layer.name: mapping for layer, mapping in chosen})
    slow = {name: counted(op, machine.array.pes) for name, op in played.items()}
    fast = {layer.name: figures_of(layer) for layer in run.layers}
    bottlenecks = {layer.name: layer.bottleneck for layer in run.layers if layer.bottleneck}
    assert bottlenecks == {name: op.bottleneck for name, op in played.items()}
    for name, figures in fast.items():
        if not COMPILED:  # uncompiled, sums of truths are no numbers of transfers
            figures.pop("DMA", None)
            slow.get(name, {}).pop("DMA", None)
        assert figures == pytest.approx(slow.get(name, {}), rel=1e-9), name
    ops = played.values()
    assert run.total.cycles == sum(sum(op.parts.values()) for op in ops)
    assert run.total.macs == sum(op.dense for op in ops)
    assert run.total.energy_pj == pytest.approx(sum(sum(op.energy.values()) for op in ops), rel=1e-9)
    assert run.total.dram_bytes == sum(sum(op.dram_read.values()) + op.dram_written for op in ops)
    moved = [sum(count) for op in ops for (level, _), count in op.traffic.items() if level == "buffer"]
    assert run.total.buffer_bytes == sum(moved)


PAIRS = [(machine, network) for machine in MACHINES for network in NETWORKS]
"""Every machine meets every network: every other pair with mappings of a search, the rest with any."""


@pytest.mark.parametrize(("machine", "network"), PAIRS[::2])
def test_any_mappings_cost_what_a_slow_walk_counts(machine: str, network: str) -> None:
    net, hardware = NETWORKS[network], MACHINES[machine]
    check(simulate(hardware, net, mapping=some_mappings(net, hardware, seed=1)), net, hardware)


@pytest.mark.skipif(not COMPILED, reason="a search takes seconds in plain Python")
@pytest.mark.parametrize(("machine", "network"), PAIRS[1::2])
def test_the_mappings_of_a_search_cost_what_a_slow_walk_counts(machine: str, network: str) -> None:
    net, hardware = NETWORKS[network], MACHINES[machine]
    check(simulate(hardware, net, threads=1), net, hardware)


OPS_OF_UNITS = st.sets(st.sampled_from((Op.ACTIVATION, Op.ADD, Op.MUL)))
NETWORK_OF = {"systolic": "multicast"}  # wave fronts: see the machines above
MOVED_OPS = st.sets(st.sampled_from((Op.CONCAT, Op.RESHAPE, Op.SHUFFLE)))


@st.composite
def cases(draw):
    """A drawn network on a drawn machine, mapped as drawn where that is legal, plainly elsewhere."""
    network, hardware = draw(networks()), draw(strategies.hardwares())
    assume(network.macs < 5000 and all(prod(layer.output_shape) < 3000 for layer in network.layers))
    array = replace(hardware.array, rows=4, columns=4, reduce_rows=True, reduce_columns=True)
    delivery = tuple(replace(each, network=NETWORK_OF.get(each.network, each.network)) for each in array.delivery)
    hardware = replace(
        hardware,
        array=replace(array, delivery=delivery),
        fuses=frozenset(draw(OPS_OF_UNITS)),
        folds=frozenset({Op.SPLIT, *draw(MOVED_OPS)}),
        vector_lanes=draw(st.sampled_from((1, 3, 8))),
        layer_order=draw(st.sampled_from(("serial", "overlapped", "prefetch_weights"))),
        configuration_cycles=draw(st.sampled_from((0, 5))),
    )
    mappings = {}
    assume(any(op.runs for op in plan(network, hardware)))
    for op in plan(network, hardware):
        if op.runs and op.layer.nest:
            mapping = replace(draw(strategies.mappings(op.layer.nest)), channel_packing=False)
            if violations(mapping, op.layer, hardware, around(op)):
                plain = {"rows": ONES, "columns": ONES, "registers": ONES, "registers_order": ()}
                mapping = replace(mapping, buffer_order=tuple(Dim), **plain)
            mappings[op.layer.name] = mapping
    return network, hardware, mappings


@pytest.mark.skipif(not COMPILED, reason="a case that fails takes minutes to shrink in plain Python")
@settings(max_examples=max(20, settings.default.max_examples // 5))
@given(cases())
def test_drawn_networks_on_drawn_machines_cost_what_a_slow_walk_counts(case) -> None:
    network, hardware, mappings = case
    check(simulate(hardware, network, mapping=mappings), network, hardware)


def fixed_by(reason: str):
    """Mark a case in which the engine is wrong."""
    return pytest.mark.xfail(strict=True, reason=reason, raises=AssertionError)


@fixed_by("a fused pool's share of the outputs is rounded up in binary: 4 averages of 24 bytes are stored as 5 bytes")
def test_a_fused_pool_stores_its_own_outputs_and_no_byte_more() -> None:
    g = Graph("pooled")
    g.global_pool(g.conv(g.input(4, 2, 3), 4))
    hardware = unpacked(load_hardware("nvdla_64"))
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


@fixed_by("what resident maps take of their memory is taken off that of weights, too")
def test_maps_that_stay_on_chip_leave_a_memory_of_weights_to_the_next_weights() -> None:
    g = Graph("two")
    g.conv(g.conv(g.input(4, 2, 2), 4), 4)
    hardware = load_hardware("tpu_v1")
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


@fixed_by("a slice is charged for all channels of its input")
def test_a_slice_reads_only_the_channels_that_it_takes() -> None:
    g = Graph("sliced")
    g.slice(g.input(3, 2, 2), 0, 1)
    hardware = replace(load_hardware("eyeriss_like"), folds=frozenset())
    check(simulate(hardware, g.build()), g.build(), hardware)


@fixed_by("weights are prefetched into a memory that is full of the tiles of an op of the vector unit")
def test_weights_are_prefetched_only_into_what_tiles_of_the_vector_unit_leave_free() -> None:
    g = Graph("full")
    g.linear(g.softmax(g.input(300, 1, 1)), 2)
    hardware = replace(with_buffers(load_hardware("edge_npu_like"), 1000), keeps_activations=False)
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


@fixed_by("room is reserved for what a convolution makes, not for what the pool that goes along with it leaves")
def test_a_resident_tensor_takes_the_room_of_what_is_stored() -> None:
    g = Graph("kept")
    g.conv(g.max_pool(g.conv(g.input(2, 8, 8), 4), 4, 4), 2)
    hardware = with_buffers(load_hardware("edge_npu_like"), 400)
    tile = {"conv1": (1, 1, 4, 2, 1, 8, 1, 1)}
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware, tile)), g.build(), hardware)


@fixed_by("a fill hides in the MACs of the pass before, not in all of its time")
def test_a_fill_that_shifts_in_behind_a_slow_pass_takes_no_time() -> None:
    g = Graph("slow")
    g.conv(g.input(64, 2, 2), 4, name="conv")
    hardware = load_hardware("systolic_32x32")
    inputs, *others = hardware.array.delivery
    narrow = (replace(inputs, words_per_cycle=1), *others)
    hardware = replace(hardware, array=replace(hardware.array, delivery=narrow))
    rows, columns = (1, 1, 1, 32, 1, 1, 1, 1), (1, 1, 4, 1, 1, 1, 1, 1)
    mapping = replace(one_tile(g.build(), hardware)["conv"], rows=rows, columns=columns, buffer_order=(Dim.C, Dim.P))
    check(simulate(hardware, g.build(), mapping={"conv": mapping}), g.build(), hardware)


@pytest.mark.xfail(strict=True, reason="the loop over ops that run expects one", raises=ValueError)
def test_a_network_of_free_ops_alone_costs_nothing() -> None:
    g = Graph("free")
    g.flatten(g.input(2, 2, 2))
    hardware = load_hardware("eyeriss_like")
    check(simulate(hardware, g.build()), g.build(), hardware)
