"""Simulations that share what they found: mappings, what playing them leaves, what equal ops cost."""

from dataclasses import fields, replace

import pytest

from simulator import load_hardware
from simulator.engine import simulate
from simulator.engine.mapping_cache import Choice, MappingCache, op_key, result_key, setting_key
from simulator.engine.player import Shared
from simulator.engine.results import FREE
from simulator.engine.store import NO_STORE
from simulator.mapping.mapping import Mapping
from simulator.network.ir import Layer, Network, Op
from simulator.result.json_io import run_to_json
from simulator.result.laws import LawViolation, Violation
from simulator.schedule import PlannedOp
from tests.cli.tiny import tiny

MACHINE = load_hardware("flexible_168")
FLOW = MACHINE.dataflows[0]
STEP = PlannedOp(Layer("conv", Op.CONV, ("data",), ((1, 4, 9, 9),), (1, 8, 7, 7), kernel=(3, 3), stage="conv"))


def test_mappings_of_the_latest_settings_are_kept() -> None:
    cache = MappingCache(settings=2, store=NO_STORE)
    first, second, third = (setting_key(MACHINE, (FLOW,), name) for name in ("cycles", "energy", "edp"))
    mapping = Mapping("rows", (1,) * 8, (), (), (1,) * 8, (1,) * 8, (1,) * 8, ())
    cache.mappings_of(first)[op_key(STEP)] = choice = Choice(mapping, 0.25)
    cache.mappings_of(second)
    assert cache.mappings_of(first) == {op_key(STEP): choice}
    cache.mappings_of(third)
    assert list(cache.found) == [first, third]


def renamed(network: Network) -> Network:
    """The same layers under other names and in other stages."""

    def other(name: str) -> str:
        return name if name in network.inputs else f"other/{name}"

    layers = [
        replace(layer, name=other(layer.name), inputs=tuple(map(other, layer.inputs)), stage="other")
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers), outputs=tuple(map(other, network.outputs)))


@pytest.mark.parametrize("name", ["nvdla_64", "edge_npu_like", "squeezenext_16x16"])
def test_what_equal_ops_cost_is_worked_out_once_and_is_what_each_costs_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, cache, second = load_hardware(name), MappingCache(store=NO_STORE), renamed(tiny())
    alone = simulate(machine, second, cache=MappingCache(store=NO_STORE))
    simulate(machine, tiny(), cache=cache)
    if not machine.runs_stacks:
        monkeypatch.setattr("simulator.engine.player.array_cost", None)
        monkeypatch.setattr("simulator.engine.player.vector_cost", None)
    together = simulate(machine, second, cache=cache)
    assert run_to_json(together) == run_to_json(alone)
    assert [layer.gap for layer in together.layers] == [layer.gap for layer in alone.layers]


def test_costs_that_break_a_law_are_not_kept_and_of_those_that_are_laws_among_layers_are_still_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, cache = load_hardware("nvdla_64"), MappingCache(store=NO_STORE)
    broken = [Violation("conv", "cycles", "a law", "broken")]
    with monkeypatch.context() as patch, pytest.raises(LawViolation):
        patch.setattr("simulator.result.laws._parts", lambda *_: iter(broken))
        simulate(machine, tiny(), cache=cache)
    assert not any(cache.costs.values())
    simulate(machine, tiny(), cache=cache)
    assert any(cache.costs.values())
    with monkeypatch.context() as patch:
        patch.setattr("simulator.result.laws._parts", lambda *_: iter(broken))
        simulate(machine, tiny(), cache=cache)
        patch.setattr("simulator.result.laws._totals", lambda *_: iter(broken))
        with pytest.raises(LawViolation):
            simulate(machine, tiny(), cache=cache)


def test_ops_have_one_key_if_only_their_names_differ_and_another_for_every_other_field() -> None:
    layer = STEP.layer
    named = PlannedOp(replace(layer, name="other", inputs=("x",), stage="late"), read_last_by="last")
    assert result_key(named, ()) == result_key(STEP, ())
    others = {each.name: 7 for each in fields(Layer) if each.name not in ("name", "inputs", "stage", "op")}
    keys = {result_key(replace(STEP, layer=replace(layer, **{name: value})), ()) for name, value in others.items()}
    ops = ("folded", "residuals", "resident", "reserved_bytes", "alive_bytes", "stored", "added", "filtering", "slices")
    keys |= {result_key(replace(STEP, **{name: 7}), ()) for name in ops}
    keys |= {result_key(STEP, ((None, 1, 0),)), result_key(STEP, ((None, 0, 1),)), result_key(STEP, ())}
    keys |= {result_key(replace(STEP, fused=("relu",)), ())}
    assert len(keys) == len(others) + len(ops) + 4


def test_of_what_ops_cost_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.engine.player.MOST_KEPT", 2)
    shared = Shared()
    keys = [result_key(replace(STEP, residuals=count), ()) for count in range(4)]
    shared.keep(dict.fromkeys(keys[:1], FREE))
    shared.keep(dict.fromkeys(keys[1:], FREE))
    assert list(shared.costs) == keys[2:]
