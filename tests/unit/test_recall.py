"""What a simulation found is recalled by the next one, to the byte; what ended badly is not."""

import json
import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import simulator.engine.checks as checks
import simulator.engine.mapping_choice as choice
import simulator.engine.player as players
from simulator import load_hardware, simulate
from simulator.cost.search import Found, Request, search_layer
from simulator.engine.mapping_cache import MappingCache, mapping_data, mapping_of, vector_key
from simulator.engine.player import Player, Turn
from simulator.engine.store import NO_STORE, Rows, Store, key_of
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import LevelTile, Mapping
from simulator.nest import Dim, Operand
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.result.json_io import run_to_json
from simulator.result.laws import LawViolation, Violation
from simulator.result.run import LayerResult, Run
from simulator.schedule import PlannedOp
from tests.cli.tiny import tiny
from tests.written_networks import YAML

MACHINES = ["eyeriss_like", "flexible_168", "timeloop_eyeriss_like", "tpu_v1", "nvdla_256", "gemmini_16x16"]
"""Serial and overlapped ones, with prefetches and without, of one memory level and of several."""


MAPPING = Mapping(
    "rows",
    (1, 1, 8, 4, 7, 7, 3, 3),
    (Dim.K, Dim.P),
    (Dim.Q,),
    (1, 1, 1, 1, 1, 1, 3, 1),
    (1, 1, 1, 1, 7, 1, 1, 1),
    (1, 1, 8, 1, 1, 1, 1, 3),
    (Dim.K, Dim.S),
    stationary=Operand.WEIGHTS,
    inner=(LevelTile((1, 1, 8, 2, 7, 7, 3, 3), (Dim.C,)),),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results.sqlite")


def mixed() -> Network:
    """Groups, strides, a tall kernel, ops of windows, of two passes, and such that only move data."""
    g = Graph("mixed")
    x = g.conv(g.input(4, 12, 12), 8, kernel=3, stride=2, padding=1, activation="relu")
    x = g.conv(x, 8, kernel=(3, 1), groups=8, padding=(1, 0, 1, 0))
    x = g.concat(g.conv(x, 8, kernel=1), g.max_pool(x, kernel=3, stride=1, padding=1))
    x = g.upsample(g.shuffle(g.normalize(x, "layer_norm"), groups=2), (12, 12))
    return g.build(g.softmax(g.global_pool(x)))


def with_store(store: Store, machine: str, network: Network, **options: object) -> Run:
    return simulate(machine, network, cache=MappingCache(store=store), **options)  # type: ignore[arg-type]


def forbidden(*_: object, **__: object) -> object:
    raise AssertionError("found anew")


@pytest.fixture
def nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on whatever is not recalled fails."""

    def forbid() -> None:
        monkeypatch.setattr(choice, "_search", forbidden)
        monkeypatch.setattr(checks, "violations", forbidden)
        for name in ("play_mapping", "fastest", "stream"):
            monkeypatch.setattr(players, name, forbidden)

    return forbid


@pytest.mark.parametrize("network", [tiny, mixed], ids=lambda network: network.__name__)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_run_is_the_same_to_the_byte_whether_found_or_recalled(
    machine: str, network: Callable[[], Network], store: Store, nothing_is_found: Callable[[], None]
) -> None:
    fresh, first = (run_to_json(with_store(each, machine, network())) for each in (NO_STORE, store))
    nothing_is_found()
    assert run_to_json(with_store(store, machine, network())) == first == fresh


def test_runs_of_other_options_and_batches_keep_apart_in_one_store(store: Store) -> None:
    variants: list[tuple[int, dict[str, str]]] = [
        (8, {}),
        (8, {"objective": "energy"}),
        (8, {"dataflow": "row_stationary"}),
        (9, {}),
        (8, {"objective": "dram"}),
    ]
    machine = "flexible_168"
    fresh = [run_to_json(with_store(NO_STORE, machine, tiny(filters), **options)) for filters, options in variants]
    for _ in range(2):
        runs = [run_to_json(with_store(store, machine, tiny(filters), **options)) for filters, options in variants]
        assert runs == fresh
    assert len(set(fresh)) == len(fresh)


@pytest.mark.parametrize(
    "change",
    [
        {"clock_hz": 10**6},
        {"vector_lanes": 1},
        {"configuration_cycles": 7},
        {"launch_cycles": 9},
        {"layer_order": "serial"},
        {"layer_order": "overlapped"},
        {"ops_on_array": frozenset({"pool"})},
        {"fuses": frozenset()},
        {"keeps_activations": True},
    ],
    ids=str,
)
def test_what_no_search_reads_of_a_machine_still_changes_its_runs(store: Store, change: dict[str, object]) -> None:
    base = load_hardware("eyeriss_like")
    machine = replace(base, **change)  # type: ignore[arg-type]
    with_store(store, base, tiny())  # type: ignore[arg-type]
    recalled, fresh = (with_store(each, machine, tiny()) for each in (store, NO_STORE))  # type: ignore[arg-type]
    assert run_to_json(recalled) == run_to_json(fresh)


class Noted(Rows):
    """Rows that know nothing, and note what they are asked for."""

    def __init__(self) -> None:
        super().__init__(NO_STORE)
        self.keys: list[bytes] = []

    def recall(self, key: bytes, find: Callable[[], Any]) -> Any:
        self.keys.append(key)
        return find()


CHIP = load_hardware("eyeriss_like")
OTHER_CHIP = replace(CHIP, dram=replace(CHIP.dram, latency_cycles=1234))
CONV, POOL = (PlannedOp(layer) for layer in (tiny().layers[0], mixed().layers[4]))
FOUND, OTHER_FOUND = (
    search_layer(Request(CHIP, CONV.layer, objective), CHIP.dataflows[:1]) for objective in ("cycles", "dram")
)


def turns(op: PlannedOp, come: int, wanted: int) -> list[Turn]:
    """An op that runs in one go."""
    return [Turn(op, op.layer.name, come, wanted)]


def played(op: PlannedOp, found: Found | None, machine: Hardware, come: int, wanted: int) -> tuple[bytes, LayerResult]:
    """What is asked of the rows for an op, and its result."""
    rows = Noted()
    result = Player({op.layer.name: found.mapping} if found else {}, machine, rows).result(op, turns(op, come, wanted))
    (key,) = rows.keys
    return key, result


def test_ops_that_are_played_in_other_ways_have_other_keys_and_results() -> None:
    ways = [
        (CONV, FOUND, CHIP, 0, 0),
        (CONV, FOUND, CHIP, 64, 0),
        (CONV, FOUND, CHIP, 0, 64_000),
        (CONV, OTHER_FOUND, CHIP, 0, 0),
        (CONV, FOUND, OTHER_CHIP, 0, 0),
        (replace(CONV, residuals=1), FOUND, CHIP, 0, 0),
        (POOL, None, CHIP, 0, 0),
        (POOL, None, CHIP, 0, 64_000),
        (POOL, None, OTHER_CHIP, 0, 0),
        (replace(POOL, resident=(True, False, False)), None, CHIP, 0, 0),
    ]
    found = [played(*way) for way in ways]
    assert len({key for key, _ in found}) == len(ways) == len({repr(result) for _, result in found})


def test_every_field_of_a_vector_key_counts() -> None:
    chip = replace(CHIP, ops_on_array=frozenset())
    keys = [
        vector_key(POOL, chip),
        vector_key(replace(POOL, resident=(False, False, True)), chip),
        vector_key(replace(POOL, reserved_bytes=7), chip),
        vector_key(POOL, replace(chip, vector_lanes=77)),
        vector_key(POOL, CHIP),
        vector_key(replace(POOL, layer=replace(POOL.layer, inputs=("data", "more"))), chip),
    ]
    assert len(set(map(key_of, keys))) == len(keys)


def test_a_player_that_is_asked_again_answers_as_one_that_is_asked_first() -> None:
    assert FOUND is not None
    player = Player({CONV.layer.name: FOUND.mapping}, CHIP, Noted())
    for come, wanted in ((0, 0), (64, 0), (0, 64_000), (64, 64_000), (0, 0)):
        assert player.result(CONV, turns(CONV, come, wanted)) == played(CONV, FOUND, CHIP, come, wanted)[1]
        assert player.result(POOL, turns(POOL, 0, wanted)) == played(POOL, None, CHIP, 0, wanted)[1]


def test_mappings_of_a_file_are_played_once_too(store: Store, nothing_is_found: Callable[[], None]) -> None:
    found = MappingCache(store=NO_STORE)
    simulate("flexible_168", tiny(), cache=found, objective="energy")
    run = simulate("flexible_168", tiny(), cache=found)
    (mappings, *_) = found.found.values()
    given = {layer.name: each.mapping for layer, each in zip(_multiplying(), mappings.values(), strict=True)}
    first = with_store(store, "flexible_168", tiny(), mapping=given)
    nothing_is_found()
    assert run_to_json(with_store(store, "flexible_168", tiny(), mapping=given)) == run_to_json(first)
    assert run_to_json(first) != run_to_json(run)


def _multiplying() -> list:
    return [layer for layer in tiny().layers if layer.nest is not None]


def test_mappings_are_the_same_after_they_were_kept() -> None:
    for mapping in (MAPPING, replace(MAPPING, stationary=None, inner=(), lowered=True, retains=False)):
        again = mapping_of(json.loads(json.dumps(mapping_data(mapping))))
        assert again == mapping and repr(again) == repr(mapping) and key_of(again) == key_of(mapping)


def test_totals_that_break_a_law_are_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: Run, lawful: Collection[str]) -> None:
        raise LawViolation([Violation("conv", "cycles", "a law", "broken")])

    with monkeypatch.context() as patch, pytest.raises(LawViolation):
        patch.setattr(sys.modules["simulator.engine.simulate"], "assert_laws", broken)
        with_store(store, "flexible_168", tiny())
    assert store.entries() == 3  # mappings
    with_store(store, "flexible_168", tiny())
    assert store.entries() > 6


def test_an_internal_error_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> object:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(choice, "_search", fails)
        with_store(store, "flexible_168", tiny())
    assert store.entries() == 0


def test_what_does_not_fit_is_told_each_time(store: Store) -> None:
    base = load_hardware("flexible_168")
    small = replace(base, buffers=tuple(replace(each, capacity_bytes=8) for each in base.buffers))
    for _ in range(2):
        with pytest.raises(InputError, match="does not fit"):
            with_store(store, small, tiny())  # type: ignore[arg-type]
    assert store.entries() == 0


def test_mappings_found_before_ctrl_c_are_kept(store: Store) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_store(store, "flexible_168", tiny(), progress=stop)
    assert store.entries() == 2
    told: list[tuple[int, int]] = []
    with_store(store, "flexible_168", tiny(), progress=lambda done, total, what: told.append((done, total)))
    assert told[-1] == (1, 1)


SECOND = """
import sys
from simulator.cli.exits import run
status = run(sys.argv[1:])
print(*sorted({"numba", "numpy", "matplotlib", "rich", "simpy"} & set(sys.modules)), file=sys.stderr)
"""


def test_the_second_run_of_a_network_loads_no_kernel_and_prints_the_same(own_cache: Path) -> None:
    (own_cache / "net.yaml").write_text(YAML)
    command = [sys.executable, "-c", SECOND, "--hw", "eyeriss_like", "--net", "net.yaml"]
    first, second, anew = (
        subprocess.run([*command, *more], capture_output=True, text=True, check=True, cwd=own_cache, timeout=600)
        for more in ([], [], ["--no-cache"])
    )
    assert second.stderr == "\n"
    assert "numba" in first.stderr and "numba" in anew.stderr
    assert first.stdout == second.stdout == anew.stdout and "global_pool" in first.stdout
