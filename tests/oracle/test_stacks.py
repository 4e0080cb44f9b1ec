"""Stacks against a walk over rows: what each strip makes, what waits on chip meanwhile, what crosses DRAM."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import load_hardware
from simulator.engine import Options, simulate
from simulator.network.ir import Network
from simulator.schedule import Stack
from simulator.schedule.stacks import blocks_of, strips_of
from simulator.schedule.strips import before_pools, produced
from simulator.verify.stacks import LineBuffer, StackExecution, verify_stack
from tests.drawn_networks import chains
from tests.oracle.slow_stacks import Walk
from tests.oracle.some_stacks import forced, setting
from workloads.importers.assembly import Assembly

EDGE = replace(load_hardware("edge_npu_like"), stacks="depth_first", strip_overlap="either")


@given(chains(), st.data())
def test_strips_make_and_hold_the_rows_that_a_walk_finds(network: Network, data) -> None:
    fusion, flow, stacks = setting(network, EDGE)
    if not stacks:
        return
    stack = data.draw(st.sampled_from(stacks)).stack
    walk = Walk(network, stack.ops, stack.strip_rows, dict(fusion.producer_of), stack.overlap)
    strips = strips_of(flow, stack)
    for op in stack.ops:
        left, fused = walk.leaves[op], fusion.groups[op].fused
        assert [set(range(*made)) for made in strips[op].made] == walk.made[left]
        assert [set(range(*made)) for made in produced(fused, strips[op]).made] == walk.made[op]
        waiting = [each.line_rows for _, each in before_pools(fused, strips[op])]
        pools = [job for job in walk.jobs if walk.op_of[job] == op and job != left]
        assert waiting[::-1] == [max(rows[job] for _, rows in walk.alive) for job in pools]
    for at, op in enumerate(stack.ops[:-1]):
        last = max(stack.ops.index(flow.name(reader.group)) for reader in flow.readers[op])
        at_work = stack.ops[at : last + 1]
        alive = [(walk.op_of[job], rows[walk.leaves[op]]) for job, rows in walk.alive]
        assert strips[op].held_rows == max(rows for name, rows in alive if name in at_work)
        assert strips[op].line_rows == max(rows for name, rows in alive if name not in at_work)


@given(chains(), st.data())
def test_a_stack_takes_what_lies_on_chip_at_any_time(network: Network, data) -> None:
    fusion, flow, stacks = setting(network, EDGE)
    if not stacks:
        return
    choice = data.draw(st.sampled_from(stacks))
    stack = choice.stack
    walk = Walk(network, stack.ops, stack.strip_rows, dict(fusion.producer_of), stack.overlap)
    layers = {layer.name: layer for layer in network.layers}
    weights = sum(layers[op].params for op in stack.ops if stack.weights == "held")
    row = {job: prod(layers[job].output_shape) // layers[job].output_shape[2] for job in walk.jobs}
    for op, taken in zip(stack.ops, choice.taken_bytes, strict=True):
        alive = [sum(rows[t] * row[t] for t in rows) for job, rows in walk.alive if walk.op_of[job] == op]
        assert taken >= max(alive) + weights
    blocks = blocks_of(flow, stack, EDGE)
    for at, taken in zip(choice.index, choice.taken_bytes, strict=True):
        there = [b for b in blocks.values() if b.lifetime.made <= at <= b.lifetime.last_read]
        assert sum(block.size_bytes for block in there) == taken


@settings(max_examples=max(4, settings.default.max_examples // 12))
@given(chains(), st.data())
def test_a_run_moves_over_dram_what_a_walk_counts(network: Network, data) -> None:
    """In bursts of a byte and with room for whole strips: inputs from outside by strip, weights once or by strip."""
    machine = replace(EDGE, dram=replace(EDGE.dram, burst_bytes=1))
    fusion, _, stacks = setting(network, machine)
    if not stacks:
        return
    stack = data.draw(st.sampled_from(stacks)).stack
    run = simulate(machine, network, Options(objective="dram", schedule=forced(network, machine, stack)), threads=1)
    walk = Walk(network, stack.ops, stack.strip_rows, dict(fusion.producer_of), stack.overlap)
    layers = {layer.name: layer for layer in run.layers}
    for op in stack.ops:
        result, dram = layers[op], layers[op].traffic["dram"]
        times = 1 if stack.weights == "held" else sum(map(bool, walk.made[op]))
        if result.macs:
            made = sum(map(len, walk.made[op]))
            assert result.effective_macs == result.macs * made // result.output_shape[2]
            assert result.stacked.again_rows == made - result.output_shape[2]
            assert dram["weights"].read_bytes == result.params * times
        inner = [home for home, layer in walk.readers[op] if home in walk.jobs and layer.name == op]
        expected = 0 if inner else walk.bytes_read(op, machine.input_bits)
        others = sum(home not in walk.jobs for home, layer in walk.readers[op] if layer.name != op)
        if len(result.input_shapes) == 1 and not others:
            halo = max(0, (walk.layers[op].kernel[0] - 1) * walk.layers[op].dilation[0] + 1 - result.stride[0])
            row = 0 if inner or result.macs else prod(result.input_shapes[0]) // result.input_shapes[0][2]
            cuts = result.tiles - sum(map(bool, walk.made[op]))  # the vector unit may cut strips, and reads halos again
            assert expected <= dram["inputs"].read_bytes <= expected + cuts * halo * row
        whole = prod(walk.layers[walk.leaves[op]].output_shape) if op == stack.ops[-1] else 0
        assert dram["outputs"].write_bytes == whole


@settings(max_examples=max(4, settings.default.max_examples // 12))
@given(
    chains(), st.sampled_from((1024, 2048, 4096)), st.sampled_from(("cycles", "dram", "energy", "cycles_then_energy"))
)
def test_stacks_are_never_worse_than_none(network: Network, capacity: int, objective: str) -> None:
    buffer = replace(EDGE.buffers[0], capacity_bytes=capacity)
    array = replace(EDGE.array, rows=4, columns=4)
    with_, without = (replace(EDGE, buffers=(buffer,), array=array, stacks=s) for s in ("depth_first", "none"))
    stacked, alone = (simulate(m, network, Options(objective=objective), threads=1).total for m in (with_, without))
    figure = {"dram": "dram_bytes", "energy": "energy_pj"}.get(objective, "cycles")
    assert getattr(stacked, figure) <= getattr(alone, figure) * (1.01 if objective == "cycles_then_energy" else 1)


def test_all_rows_at_once_is_a_stack_too() -> None:
    g = Assembly("pair")
    g.conv(g.conv(g.input(2, 8, 8), 4, 3, padding=1, name="a"), 2, 3, padding=1, name="b")
    network = g.build()
    run = simulate(EDGE, network, Options(schedule=forced(network, EDGE, Stack(("a", "b"), 8))), threads=1)
    assert [layer.stacked.strips for layer in run.layers] == [1, 1]
    assert run.layers[0].traffic["dram"]["outputs"].write_bytes == 0


@pytest.mark.parametrize("weights", ["held", "reloaded"])
def test_weights_come_once_or_with_every_strip(weights) -> None:
    g = Assembly("pair")
    g.conv(g.conv(g.input(2, 8, 8), 4, 3, padding=1, name="a"), 2, 3, padding=1, name="b")
    network, machine = g.build(), replace(EDGE, dram=replace(EDGE.dram, burst_bytes=1))
    schedule = forced(network, machine, Stack(("a", "b"), 2, weights))
    run = simulate(machine, network, Options(objective="dram", schedule=schedule), threads=1)
    assert [layer.traffic["dram"]["weights"].read_bytes // 72 for layer in run.layers] == [
        1 if weights == "held" else 4
    ] * 2


@settings(max_examples=max(4, settings.default.max_examples // 4))
@given(chains(), st.data())
def test_strips_through_line_buffers_compute_what_whole_tensors_do(network: Network, data) -> None:
    _, _, stacks = setting(network, EDGE)
    if stacks:
        found = verify_stack(network, EDGE, data.draw(st.sampled_from(stacks)).stack)
        assert (found.mismatches, found.lost_rows) == (0, 0)


def test_a_line_buffer_that_is_too_short_loses_rows() -> None:
    g = Assembly("pair")
    g.conv(g.conv(g.input(2, 8, 8), 4, 3, padding=1, name="a"), 2, 3, padding=1, name="b")
    execution = StackExecution(g.build(), EDGE, Stack(("a", "b"), 2))
    late = replace(execution.strips["a"], ends=(2, 4, 6, 8))
    execution.strips["a"] = late
    assert not execution.verdict().passed


POOLS = {"wide": (3, 2, 1), "apart": (2, 3, 0), "padded": (3, 1, 1), "tall": (3, 2, 0), "twice": (2, 2, 0)}


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("ending", ["pool", "conv"])
def test_convolutions_whose_pool_goes_along_are_stacked_row_by_row(pool: str, ending: str) -> None:
    """A convolution, its activation and a pool (or two) that it goes through, with strips of each height."""
    g, (kernel, stride, padding) = Assembly("stem"), POOLS[pool]
    x = g.relu(g.conv(g.relu(g.input(3, 23, 9), name="first"), 6, 5, 2, padding=2, name="stem"))
    x = g.relu(g.max_pool(x, kernel, stride, padding, ceil=pool == "tall"))
    x = g.max_pool(x, 2, 1) if pool == "twice" else x
    if ending == "conv":
        g.conv(x, 4, 3, padding=1, name="last")
    network, machine = g.build(), replace(EDGE, dram=replace(EDGE.dram, burst_bytes=1))
    ops = ("first", "stem") if ending == "pool" else ("first", "stem", "last")
    fusion, flow, _ = setting(network, machine)
    stored = fusion.groups[ops[-1]].last.output_shape
    for rows in range(1, stored[2] + 1):
        stack = Stack(ops, rows)
        walk, strips = Walk(network, ops, rows, dict(fusion.producer_of)), strips_of(flow, stack)
        assert [set(range(*made)) for made in strips["stem"].made] == walk.made[walk.leaves["stem"]]
        assert [set(range(*m)) for m in produced(fusion.groups["stem"].fused, strips["stem"]).made] == walk.made["stem"]
        assert verify_stack(network, machine, stack).passed
        row = {job: prod(walk.layers[job].output_shape) // walk.layers[job].output_shape[2] for job in walk.jobs}
        alive = [sum(rows[t] * row[t] for t in rows) for job, rows in walk.alive if walk.op_of[job] == "stem"]
        at, blocks = (
            flow.index[flow.place["stem"]],
            blocks_of(flow, replace(stack, weights="reloaded"), machine).values(),
        )
        taken = sum(block.size_bytes for block in blocks if block.lifetime.made <= at <= block.lifetime.last_read)
        assert max(alive) <= taken
    run = simulate(machine, network, Options(schedule=forced(network, machine, Stack(ops, 2))), threads=1)
    last = next(layer for layer in run.layers if layer.name == ops[-1])
    assert 0 <= last.traffic["dram"]["outputs"].write_bytes - prod(stored) <= last.tiles  # whole bytes a tile


def test_a_pool_whose_line_buffer_is_too_short_loses_rows() -> None:
    g = Assembly("stem")
    x = g.relu(g.input(3, 16, 8), name="first")
    g.max_pool(g.conv(x, 6, 3, padding=1, name="stem"), 3, 2, 1)
    execution = StackExecution(g.build(), EDGE, Stack(("first", "stem"), 2))
    (pool,) = execution.pools("stem")
    assert execution.verdict().passed and len(pool.buffer.held) == 1
    pool.buffer = LineBuffer((1, 6, 16, 8), 1)
    pool.put(0, np.zeros((1, 6, 2, 8), np.int8))
    pool.buffer.held = [-1]
    pool.put(1, np.zeros((1, 6, 4, 8), np.int8))
    assert pool.buffer.lost
