"""Keep the results of a sweep in SQLite, a row a point, so that whatever ends the program loses nothing finished.

The database is in write-ahead mode: a row is in the file once its transaction is committed, and a process killed at any
moment leaves the committed rows readable.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from simulator.errors import InputError, Problem

APPLICATION_ID = 0x53_51_5A_53  # "SQZS", in the header of the file
SCHEMA_VERSION = 1
WAIT_SECONDS = 30.0  # for another sweep that writes to the same file
KEYS_AT_ONCE = 500  # SQLite allows 999 values in a statement

_CREATE = """
CREATE TABLE IF NOT EXISTS points (
    key TEXT PRIMARY KEY,    -- of machine, network, options and model
    machine TEXT NOT NULL,
    network TEXT NOT NULL,
    settings TEXT NOT NULL,  -- JSON: what the plan's axes set
    result TEXT NOT NULL     -- JSON: figures, or the problem
) WITHOUT ROWID
"""
_REMEDIES = {
    sqlite3.SQLITE_FULL: "free space on the disk; what was finished is kept, and running again does the rest",
    sqlite3.SQLITE_IOERR: "a disk that takes what is written; what was finished is kept",
    sqlite3.SQLITE_READONLY: "a file and a folder that can be written to",
    sqlite3.SQLITE_CANTOPEN: "a file in a folder that exists and can be written to",
    sqlite3.SQLITE_NOTADB: "a file that an earlier sweep has made, or a new one",
    sqlite3.SQLITE_CORRUPT: "an intact file: restore it, or begin a new one",
    sqlite3.SQLITE_BUSY: "that no other program holds the file",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A finished point as the store keeps it; `settings` and `result` are JSON."""

    key: str
    machine: str
    network: str
    settings: str
    result: str


class Store:
    """An open store; use it as a context. Everything it does raises InputError where the file cannot be used."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; refuse one that is damaged, foreign, or cannot be written to."""
        self.path = path
        if path.is_dir():
            raise InputError(Problem("a folder, not a store", file=str(path), expected="a file"))
        with self._reported():
            self.connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise

    def _prepare(self) -> None:
        execute = self.connection.execute
        known = int(execute("PRAGMA application_id").fetchone()[0])
        tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = int(execute("PRAGMA user_version").fetchone()[0])
        if (tables or known) and (known, version) != (APPLICATION_ID, SCHEMA_VERSION):
            expected = f"a file that `simulate sweep` made, of version {SCHEMA_VERSION}, or a new one"
            raise InputError(Problem("not a store of sweeps", file=str(self.path), expected=expected))
        damage = execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            expected = _REMEDIES[sqlite3.SQLITE_CORRUPT]
            raise InputError(Problem("the store is damaged", file=str(self.path), expected=expected, got=damage))
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        execute("BEGIN IMMEDIATE")
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        execute(_CREATE)
        execute("COMMIT")

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def add(self, rows: Sequence[Row]) -> None:
        """Keep rows, all in one transaction; a key that is there already keeps its row."""
        values = [(row.key, row.machine, row.network, row.settings, row.result) for row in rows]
        with self._reported():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.connection.executemany("INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?)", values)
                self.connection.execute("COMMIT")
            except sqlite3.Error:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that have a row."""
        return {key for key, _ in self._find("key, ''", keys)}

    def results(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the results, as JSON, of those keys that have a row."""
        return dict(self._find("key, result", keys))

    def _find(self, columns: str, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        wanted = list(keys)
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            part = wanted[start : start + KEYS_AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._reported():
                found = self.connection.execute(f"SELECT {columns} FROM points WHERE key IN ({marks})", part).fetchall()
            yield from found

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn what SQLite complains of into a problem with a way out."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says where
            expected = _REMEDIES.get(code)
            raise InputError(
                Problem(f"cannot use the store: {error}", file=str(self.path), expected=expected)
            ) from error
