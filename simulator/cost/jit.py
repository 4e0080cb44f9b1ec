"""How every kernel is compiled: cached on disk, free of the interpreter lock, unchecked division."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])

KERNEL_FOLDERS = ("cost", "verify")
"""Folders of the package that hold kernels."""


def kernels_digest() -> str:
    """Name the text of all kernels and the compiler.

    Machine code holds its callees inlined, but numba's own cache looks at the caller's file only: it would go on using
    a stale callee. So whatever is cached stands in a folder of this name.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    package = Path(__file__).resolve().parents[1]
    for source in sorted(path for folder in KERNEL_FOLDERS for path in (package / folder).glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def cache_homes() -> Iterator[Path]:
    """Yield the places for compiled code in order of preference: the user's cache, then a private temporary folder."""
    home = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # no home
        yield (Path(home) if home else Path.home() / ".cache") / "squeezesim"
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"squeezesim-{owner}"


def is_usable(folder: Path) -> bool:
    """Make the folder if need be, and tell whether it is the user's own and can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def cache_folder() -> Path | None:
    """Return the folder of the compiled kernels as they are now; None where nothing can be cached.

    Numba left to itself would then write beside the sources, where nothing tells one text of the kernels from another.
    """
    digest = kernels_digest()
    return next((home / digest for home in cache_homes() if is_usable(home / digest)), None)


_CACHE_FOLDER = cache_folder()
# Wrappers for callers in C are left out: nothing calls a kernel that way, and each takes time to compile.
_OPTIONS: dict[str, Any] = {
    "cache": _CACHE_FOLDER is not None,
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}


def jit(function: F) -> F:
    """Compile a kernel on its first call, once for each type of arguments."""
    return _compiled(function, "never")


def jit_inside(function: F) -> F:
    """Compile a kernel as part of its one caller, which saves compiling all that it calls once more."""
    return _compiled(function, "always")


def _compiled(function: F, inline: str) -> F:
    settings: Any = numba.config
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(_CACHE_FOLDER or "")
    try:
        compiled: F = numba.njit(**(_OPTIONS | {"inline": inline}))(function)
    finally:
        settings.CACHE_DIR = before
    return compiled
