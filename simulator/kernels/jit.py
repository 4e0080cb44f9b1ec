"""How every kernel is compiled: cached on disk, free of the interpreter lock, unchecked division."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def _cache_folder() -> str:
    """Name the cache after the text of all kernels.

    Machine code holds its callees inlined, but numba's own cache looks at the caller's file only: it would go on using
    a stale callee.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(home) / "squeezesim" / digest.hexdigest()[:16])


_CACHE_FOLDER = _cache_folder()
# Wrappers for callers in C are left out: nothing calls a kernel that way, and each takes time to compile.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def jit(function: F) -> F:
    """Compile a kernel on its first call, once for each type of arguments."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _CACHE_FOLDER
    try:
        compiled: F = numba.njit(**_OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled
