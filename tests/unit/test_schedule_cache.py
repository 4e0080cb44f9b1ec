"""Schedules are shared by exactly those machines that would choose the same, and by processes."""

from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest

from simulator import load_hardware, simulate
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.schedule_cache import Schedules, known_schedules, schedule_key
from simulator.engine.store import Rows, Store, key_of
from simulator.hardware.model import Array, Buffer, DepthwiseEngine, Dram, Hardware
from simulator.hardware.vary import vary
from simulator.nest import Operand
from simulator.schedule import schedules
from tests.cli.tiny import tall

MACHINE = vary(
    load_hardware("edge_npu_like"),
    {"buffers.0.capacity": 3072, "array.rows": 8, "array.columns": 8, "layers.launch": "100 ns"},
)
READ_OF_MACHINE: dict[str, object] = {
    "input_bits": 16,
    "weight_bits": 16,
    "output_bits": 16,
    "partial_sum_bits": 64,
    "fuses": frozenset({"add"}),
    "folds": frozenset({"pool"}),
    "depthwise": DepthwiseEngine(16, 4),
    "strip_overlap": "either",
}
READ_OF_ARRAY = {"rows": 3, "columns": 3}
READ_OF_BUFFER: dict[str, object] = {"capacity_bytes": 999, "double_buffered": False, "holds": (Operand.INPUTS,)}
TOLD_BY_RUNS_STACKS = {"keeps_activations", "stacks", "dram"}


class Untouchable:
    """A value that nothing may read."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"a choice of schedules reads {name} of what is not in its key")

    __bool__ = __eq__ = __hash__ = __iter__ = __len__ = __float__ = __int__ = None  # type: ignore[assignment]


@cache
def chosen() -> Schedules:
    found = schedules(tall(), MACHINE)
    assert len(found) == 2 and found[1] and found[1].stacks and found[1].addresses
    return found


def bare(of: Array | Buffer | Dram | Hardware, read: set[str]) -> dict[str, object]:
    """Fields that nothing may read."""
    return {each.name: Untouchable() for each in fields(of) if each.init and each.name not in read}


def test_a_choice_of_schedules_reads_nothing_that_is_not_in_its_key() -> None:
    (buffer,) = MACHINE.buffers
    others = {
        "array": replace(MACHINE.array, **bare(MACHINE.array, {*READ_OF_ARRAY})),  # type: ignore[arg-type]
        "buffers": (replace(buffer, **bare(buffer, {*READ_OF_BUFFER})),),  # type: ignore[arg-type]
        "dram": replace(MACHINE.dram, **bare(MACHINE.dram, {"activations"})),  # type: ignore[arg-type]
    }
    unread = bare(MACHINE, {*READ_OF_MACHINE, *others, *TOLD_BY_RUNS_STACKS})
    machine = replace(MACHINE, **unread, **others)  # type: ignore[arg-type]
    assert schedules(tall(), machine) == chosen() and schedule_key(machine) == schedule_key(MACHINE)


@pytest.mark.parametrize("field", READ_OF_MACHINE)
def test_machines_that_choose_otherwise_have_other_keys(field: str) -> None:
    assert schedule_key(replace(MACHINE, **{field: READ_OF_MACHINE[field]})) != schedule_key(MACHINE)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", READ_OF_ARRAY)
def test_arrays_of_other_edges_have_other_keys(field: str) -> None:
    array = replace(MACHINE.array, **{field: READ_OF_ARRAY[field]})  # type: ignore[arg-type]
    assert schedule_key(replace(MACHINE, array=array)) != schedule_key(MACHINE)


@pytest.mark.parametrize("field", READ_OF_BUFFER)
def test_buffers_that_hold_other_things_have_other_keys(field: str) -> None:
    buffer = replace(MACHINE.buffers[0], **{field: READ_OF_BUFFER[field]})  # type: ignore[arg-type]
    assert schedule_key(replace(MACHINE, buffers=(buffer,))) != schedule_key(MACHINE)


def test_schedules_are_found_once_for_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, faster = Store(tmp_path / "results.sqlite"), replace(MACHINE, dma_channels=4)
    cache, network = MappingCache(store=store), tall()
    with store.opened() as rows:
        assert known_schedules(network, MACHINE, cache, rows) == chosen()
        rows.keep()
    monkeypatch.setattr("simulator.engine.schedule_cache.schedules", None)
    assert known_schedules(network, faster, cache, Rows(store)) == chosen()
    assert known_schedules(network, faster, MappingCache(store=store), Rows(store)) == chosen()
    with pytest.raises(TypeError):
        known_schedules(tall(filters=12), MACHINE, cache, Rows(store))
    still = replace(MACHINE, stacks="none")
    assert known_schedules(network, still, cache, Rows(store)) == (None,)


def test_stacks_of_either_kind_are_kept_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, either = Store(tmp_path / "results.sqlite"), replace(MACHINE, strip_overlap="either")
    with store.opened() as rows:
        found = known_schedules(tall(), either, MappingCache(store=store), rows)
        rows.keep()
    assert {stack.overlap for each in found if each for stack in each.stacks} == {"kept", "recomputed"}
    monkeypatch.setattr("simulator.engine.schedule_cache.schedules", None)
    assert known_schedules(tall(), either, MappingCache(store=store), Rows(store)) == found


def test_of_many_schedules_the_latest_are_known() -> None:
    cache = MappingCache(settings=2)
    for capacity in (2048, 3072, 2048, 4096):
        machine = replace(MACHINE, buffers=(replace(MACHINE.buffers[0], capacity_bytes=capacity),))
        known_schedules(tall(), machine, cache, Rows(cache.store))
        assert list(cache.schedules.values())[-1] == schedules(tall(), machine)
    machines = [replace(MACHINE, buffers=(replace(MACHINE.buffers[0], capacity_bytes=each),)) for each in (2048, 4096)]
    assert list(cache.schedules) == [
        key_of("schedules", schedule_key(each), tall().inputs, tall().outputs, tall().layers) for each in machines
    ]


def test_a_run_by_known_schedules_is_the_run_by_those_that_are_found() -> None:
    cache = MappingCache()
    first, again = (simulate(MACHINE, tall(), cache=cache, threads=1) for _ in range(2))
    assert first == again == simulate(MACHINE, tall(), threads=1)
