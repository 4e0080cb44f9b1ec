"""Whole small networks on real machines: a slow simulator that walks word by word agrees with the engine, op by op."""

from dataclasses import replace
from math import prod
from random import Random

import numba
import pytest

from simulator import load_hardware, simulate
from simulator.cli.mappings import saved_mappings
from simulator.cost.legality import violations
from simulator.engine import around
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import OPERAND_NAMES, Dim, Operand, array_bounds
from simulator.network.graph import Graph
from simulator.network.ir import MAC_OPS, WITHIN_CHANNEL, Network, Op
from simulator.result.run import LayerResult, Run
from simulator.schedule import plan
from simulator.source import parse_yaml
from tests.oracle.slow_port import Played
from tests.oracle.slow_simulator import play_network
from tests.uncompiled import give_records_attributes

give_records_attributes()
COMPILED = not numba.config.DISABLE_JIT


def fused() -> Network:
    """A convolution that an activation and a pool go along with, and a product."""
    g = Graph("fused")
    x = g.conv(g.input(3, 9, 8), 6, 3, stride=(2, 1), padding=1, bias=True, activation="relu")
    x = g.max_pool(x, 2, 2, ceil=True)
    x = g.conv(x, 5, (1, 3), padding=(0, 2, 0, 1), activation="relu")
    g.linear(x, 7)
    return g.build()


def residual() -> Network:
    """Additions that can go along with a convolution, and ones that cannot: others read what they add."""
    g = Graph("residual")
    x = g.conv(g.input(4, 6, 6), 6, 1)
    y = g.add(g.conv(g.conv(x, 4, 1), 6, 3, padding=1, zero_inputs_fraction=0.3), x, activation="relu")
    z = g.conv(y, 6, 3, padding=1)
    z = g.add(z, y, g.relu(z))
    z = g.add(g.conv(z, 6, 1, zero_weights_fraction=0.2), z)
    g.max_pool(g.conv(z, 3, 1), 3, 2, padding=1)
    return g.build()


def grouped() -> Network:
    """Groups and depthwise filters around a shuffle and a concatenation."""
    g = Graph("grouped")
    x = g.input(6, 5, 6)
    a = g.conv(x, 8, 3, padding=1, groups=2)
    b = g.depthwise(g.shuffle(a, 4), 3, stride=2, padding=(1, 0, 1, 2), activation="relu6")
    c = g.conv(b, 4, 1, groups=4)
    d = g.concat(c, b)
    g.linear(g.global_pool(g.conv(d, 4, 1)), 6, groups=2)
    return g.build()


def uneven() -> Network:
    """Two samples; windows that are wide, tall, dilated, far apart, over padding of all kinds."""
    g = Graph("uneven")
    x = g.input(3, 8, 7, batch=2)
    a = g.conv(x, 4, (1, 3), stride=(2, 1), padding=(0, 2, 0, 1), zero_weights_fraction=0.5, zero_columns=True)
    b = g.conv(a, 5, (3, 1), padding=(2, 0, 1, 0), dilation=(2, 1), zero_inputs_fraction=0.5)
    c = g.conv(b, 4, 2, stride=3, padding=(1, 1, 0, 0))
    g.avg_pool(c, (1, 2), (2, 1), padding=(1, 0, 0, 0))
    g.linear(c, 5)
    return g.build()


def varied() -> Network:
    """Ops of the vector unit and moves of data of every kind."""
    g = Graph("varied")
    x = g.input(6, 4, 5, batch=2)
    a = g.lrn(g.conv(x, 6, 1), 3)
    b = g.mul(a, g.global_pool(a))
    c, d = g.split(b, 2, 4)
    e = g.upsample(g.concat(g.gather(c, 4), d), (6, 7))
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
layers: {order: prefetch_weights, keep_activations: true, configuration_cycles: 17}
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
        "edge_npu_like eyeriss_chip eyeriss_isca16 eyeriss_isca16_nlr eyeriss_like gemmini_16x16 nvdla_64 scalesim_32x32 "
        "shidiannao_like squeezenext_16x16 squeezenext_8x8 systolic_32x32"
    )
    found = {name: unpacked(load_hardware(name)) for name in names.split()}
    found["tiny"] = read_hardware(parse_yaml(TINY, "tiny"))
    small = {name: 2048 for name in ("eyeriss_like", "edge_npu_like", "systolic_32x32", "squeezenext_16x16")}
    for name, size in small.items():
        found[f"{name}, {size} bytes"] = with_buffers(found[name], size)
    fuses = frozenset({Op.ACTIVATION, Op.ADD, Op.POOL})
    roomy = replace(found["eyeriss_like"], keeps_activations=True, fuses=fuses, buffers=found["eyeriss_like"].buffers)
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
    figures |= {"energy": layer.energy_pj, "tiles": layer.tiles, "DMA": layer.dma_cycles}
    return {name: figure for name, figure in figures.items() if figure}


def counted(played: Played) -> dict[str, float]:
    """The same of what the slow simulator counted."""
    figures: dict[str, float] = {f"cycles.{part}": count for part, count in played.parts.items()}
    figures["cycles.dram"] = sum(played.parts[part] for part in ("fill", "wait", "drain"))
    figures |= {f"energy.{part}": energy for part, energy in played.energy.items()}
    for (level, operand), (read, written) in played.traffic.items():
        figures |= {f"{way}.{level}.{OPERAND_NAMES[operand]}": n for way, n in (("read", read), ("written", written))}
    figures |= {"cycles": sum(played.parts.values()), "MACs": played.dense, "executed MACs": played.macs}
    figures |= {"energy": sum(played.energy.values()), "tiles": len(played.tiles), "DMA": played.dma_cycles}
    return {name: figure for name, figure in figures.items() if figure}


def check(run: Run, network: Network, machine: Hardware) -> None:
    """Play what a run did once more, slowly, and compare all figures of all ops, and their sums."""
    played = play_network(network, machine, {layer.name: mapping for layer, mapping in saved_mappings(run, network.layers)})
    slow = {name: counted(op) for name, op in played.items()}
    fast = {layer.name: figures_of(layer) for layer in run.layers}
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


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("machine", MACHINES)
def test_any_mappings_cost_what_a_slow_walk_counts(machine: str, network: str) -> None:
    net, hardware = NETWORKS[network], MACHINES[machine]
    run = simulate(hardware, net, mapping=some_mappings(net, hardware, seed=1))
    check(run, net, hardware)


@pytest.mark.skipif(not COMPILED, reason="a search takes seconds in plain Python")
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("machine", MACHINES)
def test_the_mappings_of_a_search_cost_what_a_slow_walk_counts(machine: str, network: str) -> None:
    net, hardware = NETWORKS[network], MACHINES[machine]
    check(simulate(hardware, net, threads=1), net, hardware)
