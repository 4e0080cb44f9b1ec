"""Machine code of kernels on disk: a file for each kernel and types of arguments, with a digest of what it holds.

Numba's own cache trusts its files, and an index that processes share. Here a file that is not what was written is
compiled again and written anew; what cannot be written is compiled each time; and of processes that need a kernel at
once, one compiles it, and the others wait for its file.
"""

import hashlib
import logging
import os
import pickle
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import compiler, serialize

_numba: Any = compiler.CompileResult
_dumps: Callable[[object], bytes] = serialize.dumps
DIGEST = hashlib.sha256
LONGEST_WAIT_SECONDS, PAUSE_SECONDS = 60.0, 0.02
"""How long a process waits for what another one compiles before it compiles it, too; how often it looks."""
LEFT_OVER_SECONDS = 3600.0
"""Age from which on a half-written file is of a process that was killed."""


class KernelFiles:
    """The machine code of one kernel, as its dispatcher asks for it and hands it over (numba's interface of caches)."""

    def __init__(self, function: Callable[..., object], folder: Path) -> None:
        self.cache_path = str(folder)
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self.locks: dict[Path, int] = {}

    def load_overload(self, signature: object, context: Any) -> object:
        """Return what was compiled for these types of arguments; None: it must be, and then handed over."""
        context.refresh()
        path = self.path(signature, context.codegen())
        content = load(path)
        if content is None:
            self.lock(path)
            content = load(path)  # somebody else has compiled it meanwhile
        if content is None:
            return None
        self.unlock(path)
        return _numba._rebuild(context, *pickle.loads(content))

    def save_overload(self, signature: object, compiled: Any) -> None:
        """Keep what was compiled."""
        path = self.path(signature, compiled.codegen)
        save(path, _dumps(compiled._reduce()))
        self.unlock(path)

    def path(self, signature: object, codegen: Any) -> Path:
        """File of the machine code for these types of arguments on this processor."""
        key = DIGEST(repr((signature, codegen.magic_tuple())).encode()).hexdigest()
        return Path(self.cache_path) / f"{self.name}-{key[:16]}.kernel"

    def lock(self, path: Path) -> None:
        """Wait until no other process compiles this, but no longer than that may take."""
        with suppress(ImportError, OSError):
            import fcntl

            lock = self.locks[path] = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            latest = time.monotonic() + LONGEST_WAIT_SECONDS
            while time.monotonic() < latest:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                time.sleep(PAUSE_SECONDS)

    def unlock(self, path: Path) -> None:
        """Let others go on."""
        lock = self.locks.pop(path, None)
        if lock is not None:
            with suppress(OSError):
                path.with_suffix(".lock").unlink()
            os.close(lock)


def load(path: Path) -> bytes | None:
    """Return what a file holds; None if it is not there, or, which is told, not what was written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        content = b""
    size = DIGEST().digest_size
    if DIGEST(content[size:]).digest() == content[:size]:
        return content[size:]
    tell_once("note: compiled kernels in %s were damaged, and are compiled again", path.parent)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
    return None


def save(path: Path, content: bytes) -> None:
    """Write a file whole; where that cannot be, it is told, and does no harm."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(DIGEST(content).digest() + content)
        unfinished.replace(path)
    except OSError as error:
        tell_once("note: compiled kernels are not kept in %s: %s", path.parent, error.strerror)
        with suppress(OSError):
            unfinished.unlink()


@cache
def tell_once(message: str, *parts: object) -> None:
    """Say something on stderr, but not for every kernel."""
    logging.getLogger("squeezesim").warning(message, *parts)


def clear_leftovers(folder: Path) -> None:
    """Remove what processes that were killed have left half-written."""
    oldest = time.time() - LEFT_OVER_SECONDS
    for path in (*folder.glob("*.tmp"), *folder.glob("*.lock")):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
