"""Keep the results of a sweep in SQLite, a row a point, so that whatever ends the program loses nothing finished.

The database is in write-ahead mode: a row is in the file once its transaction is committed, and a process killed at any
moment leaves the committed rows readable.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType

from simulator.errors import InputError, Problem
from simulator.source.files import check_file

APPLICATION_ID = 0x53_51_5A_53  # "SQZS", in the header of the file
SCHEMA_VERSION = 2
WITHOUT_DIGESTS = 1
"""A version whose rows nobody can check: they are simulated again."""
WAIT_SECONDS = 30.0  # for another sweep that writes to the same file
KEYS_AT_ONCE = 500  # SQLite allows 999 values in a statement

_CREATE = """
CREATE TABLE IF NOT EXISTS points (
    key TEXT PRIMARY KEY,    -- of machine, network, options and model
    machine TEXT NOT NULL,
    network TEXT NOT NULL,
    settings TEXT NOT NULL,  -- JSON: what the plan's axes set
    result TEXT NOT NULL,    -- JSON: figures, or the problem
    digest BLOB              -- of key and result
) WITHOUT ROWID
"""
_ADD_DIGESTS = "ALTER TABLE points ADD COLUMN digest BLOB"
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


def digest_of(key: str, result: bytes) -> bytes:
    """Digest a row, to notice a damaged one."""
    return hashlib.sha256(key.encode() + b"\0" + result).digest()[:16]


class Store:
    """An open store; use it as a context. Everything it does raises InputError where the file cannot be used."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open the file, or make it; refuse one that is damaged, foreign, or cannot be written to.

        One that is only read stays as it is.
        """
        self.path = path
        if not read_only:
            check_file(path)
        place = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        with self._reported():
            self.connection = sqlite3.connect(place, timeout=WAIT_SECONDS, isolation_level=None, uri=True)
            try:
                self._check()
                if not read_only:
                    self._prepare()
            except BaseException:
                self.connection.close()
                raise

    def _check(self) -> None:
        execute = self.connection.execute
        known = int(execute("PRAGMA application_id").fetchone()[0])
        tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = int(execute("PRAGMA user_version").fetchone()[0])
        if (tables or known) and (known != APPLICATION_ID or version not in (WITHOUT_DIGESTS, SCHEMA_VERSION)):
            expected = f"a file that `simulate sweep` made, of version {SCHEMA_VERSION}, or a new one"
            raise InputError(Problem("not a store of sweeps", file=str(self.path), expected=expected))
        damage = execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            expected = _REMEDIES[sqlite3.SQLITE_CORRUPT]
            raise InputError(Problem("the store is damaged", file=str(self.path), expected=expected, got=damage))

    def _prepare(self) -> None:
        execute = self.connection.execute
        version = int(execute("PRAGMA user_version").fetchone()[0])
        tables = int(execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        execute("BEGIN IMMEDIATE")
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        execute(_ADD_DIGESTS if tables and version == WITHOUT_DIGESTS else _CREATE)
        execute("COMMIT")

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def add(self, rows: Sequence[Row]) -> None:
        """Keep rows, all in one transaction; one of the same key gives way."""
        values = [(*astuple(row), digest_of(row.key, row.result.encode())) for row in rows]
        with self._reported():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.connection.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?)", values)
                self.connection.execute("COMMIT")
            except sqlite3.Error:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def intact(self, keys: Iterable[str]) -> dict[str, bool]:
        """Tell of those keys that have a row whether it is as it was written."""
        return {key: result is not None for key, result in self._find(keys)}

    def results(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the results, as JSON, of those keys that have a row as it was written."""
        return {key: result for key, result in self._find(keys) if result is not None}

    def rows(self, keys: Iterable[str]) -> list[Row]:
        """Return the whole rows of those keys that are as they were written."""
        intact = [key for key, there in self.intact(keys).items() if there]
        query = "SELECT key, machine, network, settings, result FROM points WHERE key = ?"
        with self._reported():
            found = [self.connection.execute(query, (key,)).fetchone() for key in intact]
        return [Row(*values) for values in found]

    def _find(self, keys: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        """Yield the keys that have a row, with its result; None where it is another than was written."""
        wanted = list(keys)
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            part = wanted[start : start + KEYS_AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._reported():
                query = f"SELECT key, CAST(result AS BLOB), digest FROM points WHERE key IN ({marks})"
                found = self.connection.execute(query, part).fetchall()
            for key, result, digest in found:
                intact = isinstance(result, bytes) and digest == digest_of(key, result)
                yield key, result.decode() if intact else None

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn what SQLite complains of into a problem with a way out."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes the file, whatever bytes it holds
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says where
            expected = _REMEDIES.get(code)
            raise InputError(
                Problem(f"cannot use the store: {error}", file=str(self.path), expected=expected)
            ) from error
