"""Simulations that share mappings keep those of the latest settings."""

from simulator import load_hardware
from simulator.engine.mapping_cache import Choice, MappingCache, op_key, setting_key
from simulator.engine.store import NO_STORE
from simulator.mapping.mapping import Mapping
from simulator.network.ir import Layer, Op
from simulator.schedule import PlannedOp

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
