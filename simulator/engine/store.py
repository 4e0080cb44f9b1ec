"""What simulations found, on disk: rows of JSON, each under a digest of all that it depends on.

One SQLite file in write-ahead mode, for many processes at a time: a row is there whole once its transaction is
committed. Each row carries a digest of its own content; one that does not match is dropped. When the rows outgrow their
bound, the oldest go. A file that cannot be used costs a note: everything is found anew.
"""

import hashlib
import json
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from simulator.caches import SWITCH, model_digest, usable_folder

T = TypeVar("T")

FILE_NAME = "results.sqlite"
MOST_BYTES = 256 * 2**20
"""Of the rows; about a hundred thousand."""
SHARE_DROPPED = 4
"""One in so many rows goes, the oldest, when they outgrow their bound."""
WAIT_SECONDS = 5.0  # for another process that writes

_CREATE = """
CREATE TABLE IF NOT EXISTS results (
    number INTEGER PRIMARY KEY,  -- the larger, the younger
    key BLOB NOT NULL UNIQUE,    -- of what was asked, and of the model that answered
    value BLOB NOT NULL,         -- JSON
    digest BLOB NOT NULL         -- of key and value
)
"""


class StoreNote(UserWarning):
    """Results are found anew, because the file that keeps them cannot be used."""


@dataclass(frozen=True, slots=True)
class Store:
    """The file of the results; without a path nothing is kept."""

    path: Path | None
    most_bytes: int = MOST_BYTES

    @contextmanager
    def opened(self) -> Iterator["Rows"]:
        """Yield the rows, for one thread of this process."""
        rows = Rows(self)
        try:
            yield rows
        finally:
            rows.close()

    def entries(self) -> int:
        """Count the rows."""
        with self.opened() as rows:
            return rows.count()

    def clear(self) -> None:
        """Forget all rows; a file that cannot be used is removed, with what belongs to it."""
        with warnings.catch_warnings(action="ignore", category=StoreNote), self.opened() as rows:
            done = rows.clear()
        if not done and self.path is not None:
            for ending in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)


NO_STORE = Store(None)


def user_store() -> Store:
    """Return the store of the user's cache folder; none where that is switched off or cannot be."""
    if os.environ.get(SWITCH) == "off":
        return NO_STORE
    folder = usable_folder()
    return NO_STORE if folder is None else Store(folder / FILE_NAME)


def key_of(*parts: object) -> bytes:
    """Digest what a result depends on: frozen dataclasses and plain values, which their `repr` tells apart."""
    return hashlib.sha256("\0".join([model_digest(), *map(repr, parts)]).encode()).digest()


def row_digest(key: bytes, value: bytes) -> bytes:
    """Digest a row, to notice a damaged one."""
    return hashlib.sha256(key + value).digest()[:16]


@dataclass(slots=True)
class Rows:
    """An open store. What is found anew waits in `fresh` until it is kept."""

    store: Store
    fresh: dict[bytes, bytes] = field(default_factory=dict)
    connection: sqlite3.Connection | None = None

    def __post_init__(self) -> None:
        """Open the file, or make it."""
        if self.store.path is not None:
            self._attempt(self._open)

    def _open(self) -> None:
        assert self.store.path is not None
        self.connection = sqlite3.connect(self.store.path, timeout=WAIT_SECONDS, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute(_CREATE)

    def recall(self, key: bytes, find: Callable[[], Any]) -> Any:
        """Return what is known under a key, or find it now: plain data, as JSON holds it."""
        value = self.get(key)
        if value is None:
            value = find()
            self.put(key, value)
        return value

    def get(self, key: bytes) -> Any:
        """Return what is known under a key, or None."""
        if key in self.fresh:
            return json.loads(self.fresh[key])
        row = self._attempt(lambda: self._row(key))
        return None if row is None else json.loads(row)

    def _row(self, key: bytes) -> bytes | None:
        if self.connection is None:
            return None
        row = self.connection.execute("SELECT value, digest FROM results WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        value, digest = row
        if isinstance(value, bytes) and digest == row_digest(key, value):
            return value
        self.connection.execute("DELETE FROM results WHERE key = ?", (key,))
        return None

    def put(self, key: bytes, value: object) -> None:
        """Know a value from now on."""
        self.fresh[key] = json.dumps(value, separators=(",", ":")).encode()

    def keep(self) -> None:
        """Write what is fresh."""
        if self.fresh:
            self._attempt(self._write)
            self.fresh.clear()

    def _write(self) -> None:
        if self.connection is None:
            return
        rows = [(key, value, row_digest(key, value)) for key, value in self.fresh.items()]
        with self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO results (key, value, digest) VALUES (?, ?, ?)", rows)
            if self._size() > self.store.most_bytes:
                oldest, youngest = connection.execute("SELECT min(number), max(number) FROM results").fetchone()
                bound = oldest + (youngest - oldest) // SHARE_DROPPED
                connection.execute("DELETE FROM results WHERE number <= ?", (bound,))

    def count(self) -> int:
        """Count the rows of the file."""
        if self.connection is None:
            return 0
        query = self.connection.execute
        return self._attempt(lambda: int(query("SELECT count(*) FROM results").fetchone()[0])) or 0

    def clear(self) -> bool:
        """Drop the rows of the file; tell whether that could be done."""
        if self.connection is None:
            return False
        script = self.connection.executescript
        anew = f"BEGIN IMMEDIATE; DROP TABLE results; {_CREATE}; COMMIT; VACUUM"
        return self._attempt(lambda: script(anew)) is not None

    def _size(self) -> int:
        """Bytes of the pages that rows take."""
        assert self.connection is not None
        pages, unused, size = (
            int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - unused) * size

    def _attempt(self, act: Callable[[], T]) -> T | None:
        """Do something with the file; if it cannot be used, say so once, and go on without."""
        try:
            return act()
        except sqlite3.Error as error:
            self.close()
            remedy = "`simulate cache --clear` removes it"
            warnings.warn(f"going on without {self.store.path}: {error}; {remedy}", StoreNote, stacklevel=2)
            return None

    def close(self) -> None:
        """Close the file; what is fresh and not kept is forgotten."""
        if self.connection is not None:
            with suppress(sqlite3.Error):
                self.connection.close()
            self.connection = None
