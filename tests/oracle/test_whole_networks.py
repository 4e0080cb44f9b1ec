"""Whole small networks on real machines: a slow simulator that walks word by word agrees with the engine, op by op."""

from dataclasses import replace
from math import prod

import numba
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulator import load_hardware, simulate
from simulator.cost.legality import violations
from simulator.door import saved_mappings
from simulator.engine import around
from simulator.hardware.model import Epilogue, Hardware
from simulator.mapping.mapping import ONES
from simulator.nest import OPERAND_NAMES, Dim
from simulator.network.graph import Graph
from simulator.network.ir import Network, Op
from simulator.result.run import LayerResult, Run
from simulator.schedule import plan
from tests.drawn_networks import networks
from tests.marks import one_in
from tests.oracle import strategies
from tests.oracle.slow_port import Played
from tests.oracle.slow_simulator import play_network
from tests.oracle.small_cases import MACHINES, NETWORKS, one_tile, some_mappings, unpacked, with_buffers

COMPILED = not numba.config.DISABLE_JIT


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
    figures |= {"utilization": layer.utilization, "prefetched": layer.prefetched_bytes, "runs": layer.dma_runs}
    return {name: figure for name, figure in figures.items() if figure}


def counted(played: Played, peak: int) -> dict[str, float]:
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
    figures |= {"runs": played.dma_runs, "PEs": played.mapped_pes, "prefetched": played.come}
    figures |= {"utilization": played.macs / max(1, sum(played.parts.values()) * peak)}
    return {name: figure for name, figure in figures.items() if figure}


def check(run: Run, network: Network, machine: Hardware) -> None:
    """Play what a run did once more, slowly, and compare all figures of all ops, and their sums."""
    chosen = saved_mappings(run, network.layers) if any(layer.mapping for layer in run.layers) else ()
    played = play_network(network, machine, {layer.name: mapping for layer, mapping in chosen})
    slow = {name: counted(op, machine.array.pes * machine.array.macs_per_cycle) for name, op in played.items()}
    fast = {layer.name: figures_of(layer) for layer in run.layers}
    bottlenecks = {layer.name: layer.bottleneck for layer in run.layers if layer.bottleneck}
    assert bottlenecks == {name: op.bottleneck for name, op in played.items() if op.bottleneck}
    for name, figures in fast.items():
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


@pytest.mark.parametrize(("machine", "network"), one_in(2, PAIRS[::2]))
def test_any_mappings_cost_what_a_slow_walk_counts(machine: str, network: str) -> None:
    net, hardware = NETWORKS[network], MACHINES[machine]
    check(simulate(hardware, net, mapping=some_mappings(net, hardware, seed=1)), net, hardware)


@pytest.mark.skipif(not COMPILED, reason="a search takes seconds in plain Python")
@pytest.mark.parametrize(("machine", "network"), one_in(2, PAIRS[1::2]))
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
        dram=replace(hardware.dram, winograd=None),  # no transformed weights here
        fuses=frozenset(draw(OPS_OF_UNITS)),
        folds=frozenset({Op.SPLIT, *draw(MOVED_OPS)}),
        vector_lanes=draw(st.sampled_from((1, 3, 8))),
        ops_on_array=frozenset(draw(st.sets(st.sampled_from((Op.POOL, Op.SOFTMAX))))),
        layer_order=draw(st.sampled_from(("serial", "overlapped", "prefetch_weights"))),
        configuration_cycles=draw(st.sampled_from((0, 5))),
        epilogue=Epilogue(draw(st.sampled_from((0, 0, 3))), draw(st.booleans())),
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


def test_a_fused_pool_stores_its_own_outputs_and_no_byte_more() -> None:
    g = Graph("pooled")
    g.global_pool(g.conv(g.input(4, 2, 3), 4))
    hardware = unpacked(load_hardware("nvdla_64"))
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


def test_maps_that_stay_on_chip_leave_a_memory_of_weights_to_the_next_weights() -> None:
    g = Graph("two")
    g.conv(g.conv(g.input(4, 2, 2), 4), 4)
    hardware = load_hardware("tpu_v1")
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


def test_a_slice_reads_only_the_channels_that_it_takes() -> None:
    g = Graph("sliced")
    g.slice(g.input(3, 2, 2), 0, 1)
    hardware = replace(load_hardware("flexible_168"), folds=frozenset())
    check(simulate(hardware, g.build()), g.build(), hardware)


def test_weights_are_prefetched_only_into_what_tiles_of_the_vector_unit_leave_free() -> None:
    g = Graph("full")
    g.linear(g.softmax(g.input(300, 1, 1)), 2)
    hardware = replace(with_buffers(load_hardware("edge_npu_like"), 1000), keeps_activations=False)
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


def test_a_resident_tensor_takes_the_room_of_what_is_stored() -> None:
    g = Graph("kept")
    g.conv(g.max_pool(g.conv(g.input(2, 8, 8), 4), 4, 4), 2)
    hardware = with_buffers(load_hardware("edge_npu_like"), 400)
    tile = {"conv1": (1, 1, 4, 2, 1, 8, 1, 1)}
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware, tile)), g.build(), hardware)


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


def test_a_network_of_free_ops_alone_costs_nothing() -> None:
    g = Graph("free")
    g.flatten(g.input(2, 2, 2))
    hardware = load_hardware("flexible_168")
    check(simulate(hardware, g.build()), g.build(), hardware)


def test_a_sum_of_three_that_goes_along_fetches_two_residual_operands() -> None:
    g = Graph("sum")
    a, b, x = (g.input(1, 1, 1, name) for name in "abx")
    g.add(g.conv(x, 1), a, b)
    hardware = replace(load_hardware("flexible_168"), fuses=frozenset({Op.ADD}))
    check(simulate(hardware, g.build(), mapping=one_tile(g.build(), hardware)), g.build(), hardware)


def test_a_fill_takes_no_fewer_cycles_than_its_words_over_its_network() -> None:
    g = Graph("narrow")
    g.conv(g.input(32, 1, 1), 32, name="conv")
    hardware = load_hardware("systolic_32x32")
    inputs, weights, outputs = hardware.array.delivery
    narrow = (inputs, replace(weights, words_per_cycle=1), outputs)
    hardware = replace(hardware, array=replace(hardware.array, delivery=narrow))
    rows, columns = (1, 1, 1, 32, 1, 1, 1, 1), (1, 1, 32, 1, 1, 1, 1, 1)
    mapping = replace(one_tile(g.build(), hardware)["conv"], rows=rows, columns=columns)
    check(simulate(hardware, g.build(), mapping={"conv": mapping}), g.build(), hardware)
