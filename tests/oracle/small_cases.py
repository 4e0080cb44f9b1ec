"""Small networks, machines of one memory level and mappings for whole runs that are walked word by word."""

from dataclasses import replace
from math import prod
from random import Random

from simulator import load_hardware
from simulator.cost.legality import violations
from simulator.engine import around
from simulator.hardware.load import read_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import ONES, Mapping
from simulator.nest import Dim, array_bounds
from simulator.network.graph import Graph
from simulator.network.ir import MAC_OPS, WITHIN_CHANNEL, Layer, Network, Op
from simulator.schedule import plan
from simulator.source import parse_yaml
from workloads.importers.assembly import Assembly


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


def constant() -> Network:
    """Constants of every kind, a transposed convolution whose taps overlap, pools that are cut up finely."""
    g = Assembly("constant")
    x = g.apply(Op.ADD, g.conv(g.input(3, 4, 4, batch=2), 4), name="table", constants=64)
    y = g.conv(x, 4, (1, 3), padding=(0, 1, 0, 1))
    y = g.apply(Op.ADD, y, name="late", constants=64)
    y = g.apply(Op.ACTIVATION, g.apply(Op.MUL, y, name="scaled", constants=4), variant="add_constant", constants=4)
    g.put(Layer("rows", Op.GATHER, (y.name,), (y.shape,), (2, 5, 64, 1), constant_elements=35))
    taps = g.conv(g.max_pool(x, 3, 1, padding=1), 2 * 9, name="taps")
    sums = Layer("sums", Op.COL2IM, ("taps",), (taps.shape,), (2, 2, 9, 9), (3, 3))
    g.unknown("odd", "Odd", [g.relu(g.put(sums))], (2, 3, 3, 3), constants=21)
    return g.build()


NETWORKS = {build.__name__: build() for build in (fused, residual, grouped, uneven, varied, constant)}

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
        "edge_npu_like eyeriss_chip eyeriss_isca16_nlr flexible_168 gemmini_16x16 nvdla_64 scalesim_32x32 "
        "shidiannao_like squeezenext_16x16 systolic_32x32"
    )
    found = {name: replace(unpacked(load_hardware(name)), stacks="none") for name in names.split()}
    found["nvdla_64"] = replace(found["nvdla_64"], fuses=found["nvdla_64"].fuses - {Op.POOL})
    found["tiny"] = tiny = read_hardware(parse_yaml(TINY, "tiny"))
    found["tiny that prefetches"] = replace(
        tiny, layer_order="prefetch_weights", keeps_activations=False, dma_reloads=False
    )
    dram = replace(tiny.dram, run_length=(1,), activations="nhwc", atom_channels=3)
    found["tiny in rows of atoms"] = replace(tiny, dram=dram, folds=tiny.folds | {Op.SHUFFLE}, descriptor_cycles=2)
    dram = replace(tiny.dram, run_length=(), activations="nchw", weights="krsc")
    found["tiny in blocks"] = replace(tiny, dram=dram, descriptor_cycles=5, descriptor_dimensions=2)
    for name in ("flexible_168", "edge_npu_like", "systolic_32x32", "squeezenext_16x16"):
        found[f"{name}, 2048 bytes"] = with_buffers(found[name], 2048)
    fuses = frozenset({Op.ACTIVATION, Op.ADD, Op.POOL})
    roomy = replace(found["flexible_168"], keeps_activations=True, fuses=fuses)
    found["flexible_168 that adds on the way"] = replace(found["flexible_168"], fuses=fuses)
    found["flexible_168 that keeps maps"] = keeping = with_buffers(roomy, 4096)
    array = replace(keeping.array, tile_setup_cycles=7)
    halved = tuple(replace(buffer, tile_bytes=2048) for buffer in keeping.buffers)
    found["flexible_168 with tensors that are whole"] = replace(
        keeping, array=array, buffers=halved, layer_order="prefetch_weights"
    )
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
