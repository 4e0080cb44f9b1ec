"""What an op is on a machine: run, fused, free; and which tensors stay on chip."""

from dataclasses import replace

import pytest

from simulator import simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.errors import InputError
from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph
from simulator.network.ir import Network, Op
from simulator.schedule import plan
from tests.marks import one_in


def residual_block(channels: int = 8, size: int = 8) -> Network:
    """Two convolutions around which a shortcut leads."""
    g = Graph("block")
    x = g.conv(g.input(3, size, size), channels, 1, activation="relu", name="stem")
    y = g.conv(x, channels, 3, padding=1, activation="relu", name="first")
    y = g.conv(y, channels, 3, padding=1, name="second")
    g.activation(g.add(x, y, name="sum"), "relu", name="out")
    return g.build()


def ops_of(network: Network, **changes):
    machine = replace(load_hardware("flexible_168"), **changes)
    return {op.layer.name: op for op in plan(network, machine)}


def test_an_activation_is_fused_into_the_layer_before_it():
    ops = ops_of(residual_block(), fuses=frozenset({"activation"}))
    assert ops["first"].fused == ("first_relu",)
    assert ops["first_relu"].producer == "first"
    assert ops["sum"].runs and ops["sum"].fused == ("out",)


def test_a_machine_that_fuses_nothing_runs_every_op():
    assert all(op.runs for op in ops_of(residual_block(), fuses=frozenset(), folds=frozenset()).values())


def test_a_fused_add_brings_its_other_input_along():
    ops = ops_of(residual_block(), fuses=frozenset({"activation", "add"}))
    assert ops["second"].fused == ("sum", "out")
    assert ops["second"].residuals == 1
    run = simulate(replace(load_hardware("flexible_168"), fuses=frozenset({"activation", "add"})), residual_block())
    plain = simulate(replace(load_hardware("flexible_168"), fuses=frozenset({"activation"})), residual_block())
    second = {r.name: r for r in run.layers}["second"].traffic["dram"]["inputs"].read_bytes
    shortcut = 2 * 8 * 8 * 8
    assert second == {r.name: r for r in plain.layers}["second"].traffic["dram"]["inputs"].read_bytes + shortcut


def test_an_op_is_not_fused_where_another_reads_the_same_tensor():
    g = Graph("fork")
    x = g.conv(g.input(3, 8, 8), 8, 1, name="stem")
    g.add(g.activation(x, "relu", name="relu"), x, name="sum")
    ops = ops_of(g.build(), fuses=frozenset({"activation"}))
    assert ops["relu"].runs


def test_a_folded_op_costs_nothing_and_hands_its_inputs_on():
    g = Graph("fire")
    x = g.conv(g.input(3, 8, 8), 8, 1, name="squeeze")
    x = g.concat(g.conv(x, 8, 1, name="left"), g.conv(x, 8, 3, padding=1, name="right"), name="concat")
    g.conv(x, 8, 1, name="next")
    network = g.build()
    ops = ops_of(network, folds=frozenset({"concat"}), keeps_activations=True)
    assert ops["concat"].folded
    assert ops["left"].resident[2] and ops["right"].resident[2] and ops["next"].resident[0]
    run = simulate(replace(load_hardware("flexible_168"), folds=frozenset({"concat"})), network)
    assert [(r.cycles, r.energy_pj) for r in run.layers if r.op is Op.CONCAT] == [(0, 0.0)]


def test_a_shortcut_stays_on_chip_until_it_is_added():
    ops = ops_of(residual_block(), keeps_activations=True, fuses=frozenset({"activation"}))
    kept = 2 * 8 * 8 * 8
    assert ops["stem"].resident == (False, False, True)
    assert ops["second"].resident == (True, False, True)
    assert ops["second"].reserved_bytes >= 3 * kept  # the shortcut, what is read, what is made
    assert ops["sum"].resident[0] and not ops["sum"].resident[2]  # the network's output goes to DRAM


def test_kept_tensors_never_cross_the_dram_port():
    machine = replace(load_hardware("flexible_168"), keeps_activations=True)
    rows = {r.name: r for r in simulate(machine, residual_block()).layers}
    assert rows["first"].traffic["dram"]["inputs"].read_bytes == 0
    assert rows["first"].traffic["dram"]["outputs"].write_bytes == 0
    assert rows["sum"].traffic["dram"]["inputs"].read_bytes == 0


def test_tensors_that_are_too_large_go_through_dram():
    ops = ops_of(residual_block(channels=64, size=56), keeps_activations=True)
    assert not any(op.resident[0] or op.resident[2] for op in ops.values())


def test_what_a_fused_add_brings_is_whole_though_a_pool_is_fused_too():
    def network(pools: bool) -> Network:
        g = Graph("net")
        x = g.input(16, 16, 16)
        y = g.add(g.conv(x, 16, 1, name="a"), g.conv(x, 16, 1, name="b"), name="sum")
        if pools:
            g.max_pool(y, 2, stride=2, name="pool")
        return g.build()

    machine = replace(load_hardware("edge_npu_like"), keeps_activations=False)
    runs = [simulate(machine, network(pools), objective="dram") for pools in (False, True)]
    inputs, outputs = 16 * 16 * 16, 16 * 16 * 16  # bytes: a word is one
    for run, stored in zip(runs, (outputs, outputs // 4), strict=True):
        traffic = run.layers[1].traffic["dram"]
        assert (traffic["inputs"].read_bytes, traffic["outputs"].write_bytes) == (inputs + outputs, stored)


@pytest.mark.parametrize("name", one_in(2, ["systolic_32x32", "flexible_168"]))
def test_fetching_weights_ahead_moves_the_same_bytes_in_fewer_cycles(name: str):
    machine = load_hardware(name)
    cache = MappingCache()  # mappings are the same, whether weights are fetched ahead
    serial, ahead = (
        simulate(replace(machine, layer_order=order), "squeezenext:variant=v5,resolution=64", cache=cache)
        for order in ("serial", "prefetch_weights")
    )
    assert ahead.total.dram_bytes == serial.total.dram_bytes
    assert ahead.total.cycles < serial.total.cycles


@pytest.mark.parametrize(
    "changes",
    [
        {"clock_hz": 1},
        {"configuration_cycles": 7},
        {"folds": frozenset()},
        {"fuses": frozenset()},
        {"layer_order": "serial"},
        {"name": "other"},
        {"vector_lanes": 1},
    ],
    ids=str,
)
def test_machines_that_a_search_cannot_tell_apart_share_their_mappings(changes):
    machine, cache, found = load_hardware("flexible_168"), MappingCache(), []
    simulate(machine, residual_block(), cache=cache, progress=lambda *told: found.append(told))
    assert found
    found.clear()
    other = replace(machine, **changes)
    run = simulate(other, residual_block(), cache=cache, progress=lambda *told: found.append(told))
    assert not found
    assert run == simulate(other, residual_block())


@pytest.mark.parametrize("options", [{"batch": 2.5}, {"mapping": {"absent": None}}], ids=str)
def test_what_a_program_asks_for_is_checked_like_a_users_input(options):
    with pytest.raises(InputError):
        simulate("flexible_168", "alexnet", **options)
