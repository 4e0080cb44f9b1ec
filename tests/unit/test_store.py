"""Rows on disk are what was put there, whoever else writes; whatever ails the file costs a note and nothing else."""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

import simulator.engine.store as stores
from simulator.engine.store import NO_STORE, Store, StoreNote, key_of, user_store

KEY, OTHER = key_of("layer", 1), key_of("layer", 2)
VALUE = {"cycles": 12345678901234, "read": [[1, 2], [3, 4]], "pj": 0.1 + 0.2, "mapping": None}


def kept(store: Store, **rows: object) -> None:
    with store.opened() as opened:
        for name, value in rows.items():
            opened.put(key_of(name), value)
        opened.keep()


def known(store: Store, *names: str) -> list[object]:
    with store.opened() as opened:
        return [opened.get(key_of(name)) for name in names]


def altered(store: Store, statement: str) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results.sqlite")


def test_what_was_kept_is_known_next_time_to_the_last_bit(store: Store) -> None:
    kept(store, layer=VALUE)
    assert known(store, "layer", "other") == [VALUE, None]
    assert store.entries() == 1


def test_what_was_not_kept_is_known_until_the_store_is_closed(store: Store) -> None:
    with store.opened() as rows:
        rows.put(KEY, VALUE)
        assert rows.get(KEY) == VALUE
    with store.opened() as rows:
        assert rows.get(KEY) is None


def test_what_is_known_is_not_found_again(store: Store) -> None:
    found: list[int] = []

    def find() -> int:
        found.append(1)
        return 7

    for _ in range(3):
        with store.opened() as rows:
            assert [rows.recall(KEY, find), rows.recall(KEY, find), rows.recall(KEY, find)] == [7, 7, 7]
            rows.keep()
    assert len(found) == 1


def test_without_a_file_all_is_found_each_time() -> None:
    for _ in range(2):
        with NO_STORE.opened() as rows:
            assert rows.get(KEY) is None
            assert rows.recall(KEY, lambda: 7) == 7
            rows.keep()
    assert NO_STORE.entries() == 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE results SET value = CAST(replace(CAST(value AS TEXT), '5', '6') AS BLOB)",
        "UPDATE results SET value = x'ff00'",
        "UPDATE results SET value = 5",
        "UPDATE results SET digest = x'00'",
    ],
)
def test_a_damaged_row_is_dropped_and_found_again(store: Store, damage: str) -> None:
    kept(store, layer=VALUE, other=VALUE)
    altered(store, f"{damage} WHERE number = 1")
    assert known(store, "layer", "other") == [None, VALUE]
    assert store.entries() == 1
    kept(store, layer=VALUE)
    assert known(store, "layer") == [VALUE]


def test_a_row_of_another_key_is_not_taken_for_its_own(store: Store) -> None:
    kept(store, layer=1, other=2)
    altered(store, "UPDATE results SET value = (SELECT value FROM results WHERE number = 2) WHERE number = 1")
    altered(store, "UPDATE results SET digest = (SELECT digest FROM results WHERE number = 2) WHERE number = 1")
    assert known(store, "layer", "other") == [None, 2]


Ailment = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def garbage(path: Path) -> Iterator[None]:
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)
    yield


@contextmanager
def text(path: Path) -> Iterator[None]:
    path.write_text("not a database at all\n" * 1000)
    yield


@contextmanager
def a_folder(path: Path) -> Iterator[None]:
    path.mkdir()
    yield


@contextmanager
def another_table(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE results (something INTEGER)")
    yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    kept(Store(path), layer=VALUE)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """A path of the kernel's, in which nobody can make a file, whatever the permissions."""
    path.parent.rmdir()
    path.parent.symlink_to("/proc/self")
    yield


@contextmanager
def no_space(path: Path) -> Iterator[None]:
    """No file of this process may grow beyond a few pages."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("ailment", [garbage, text, a_folder, another_table, locked, read_only, no_space])
def test_a_file_that_cannot_be_used_costs_a_note(
    ailment: Ailment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "WAIT_SECONDS", 0.05)
    store = Store(tmp_path / "place" / "results.sqlite")
    tmp_path.joinpath("place").mkdir()
    told = "going on without .*results.sqlite"
    with ailment(store.path), pytest.warns(StoreNote, match=told) as noted, store.opened() as rows:
        assert rows.recall(KEY, lambda: ["x" * 100_000]) == ["x" * 100_000]
        rows.keep()
        assert rows.recall(OTHER, lambda: 7) == 7
        rows.keep()
    assert len(noted) == 1


def test_rows_that_cannot_be_counted_are_none(store: Store) -> None:
    kept(store, layer=VALUE)
    with store.opened() as rows:
        assert rows.count() == 1
        altered(store, "DROP TABLE results")
        with pytest.warns(StoreNote, match="going on without"):
            assert rows.count() == 0


@pytest.mark.parametrize("ailment", [garbage, text, another_table])
def test_clearing_mends_a_file_that_cannot_be_used(ailment: Ailment, store: Store) -> None:
    with ailment(store.path):
        store.clear()
    kept(store, layer=VALUE)
    assert known(store, "layer") == [VALUE]


def test_clearing_forgets_every_row_and_frees_the_disk(store: Store) -> None:
    kept(store, **{f"layer{i}": "x" * 1000 for i in range(1000)})
    assert store.path is not None and store.path.stat().st_size > 1_000_000
    store.clear()
    assert store.entries() == 0 and store.path.stat().st_size < 100_000


def test_the_oldest_rows_go_when_they_outgrow_their_bound(tmp_path: Path) -> None:
    store = Store(tmp_path / "results.sqlite", most_bytes=200_000)
    names = [f"layer{i}" for i in range(600)]
    for start in range(0, len(names), 20):
        kept(store, **dict.fromkeys(names[start : start + 20], "x" * 1000))
    assert store.path is not None and store.path.stat().st_size < 300_000
    there = [value is not None for value in known(store, *names)]
    oldest = there.index(True)
    assert 0 < oldest < 500 and all(there[oldest:]) and not any(there[:oldest])


WRITER = """
import sys, warnings
from pathlib import Path
from simulator.engine.store import Store, key_of
warnings.simplefilter("error")
for i in range(60):
    with Store(Path(sys.argv[1])).opened() as rows:
        for name in (f"shared{i}", f"own{sys.argv[2]}-{i}"):
            assert rows.recall(key_of(name), lambda: [name] * 50) == [name] * 50
        rows.keep()
"""


def test_many_processes_write_at_once_and_lose_nothing(store: Store) -> None:
    commands = [[sys.executable, "-c", WRITER, str(store.path), str(number)] for number in range(5)]
    for process in [subprocess.Popen(command) for command in commands]:
        assert process.wait(timeout=120) == 0
    names = [f"shared{i}" for i in range(60)] + [f"own{number}-{i}" for number in range(5) for i in range(60)]
    assert known(store, *names) == [[name] * 50 for name in names]
    assert store.entries() == 360


def test_what_another_model_has_found_does_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(store, layer=VALUE)
    monkeypatch.setattr(stores, "model_digest", lambda: "another")
    assert known(store, "layer") == [None]


def test_the_store_lies_in_the_users_cache_unless_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_store() == NO_STORE
    monkeypatch.delenv("SQUEEZESIM_CACHE")
    assert user_store() == Store(tmp_path / "squeezesim" / "results.sqlite")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert user_store() == NO_STORE
