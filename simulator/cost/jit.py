"""How every kernel is compiled: cached on disk, free of the interpreter lock, unchecked division."""

import logging
import sys
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import typeof_impl

from simulator.caches import digest_of, kernel_sources, usable_folder
from simulator.cost.compiled import KernelFiles, clear_leftovers
from simulator.cost.parts import Part, PartCompiler, WholeCompiler

F = TypeVar("F", bound=Callable[..., object])


def kernels_digest() -> str:
    """Name the text of all kernels, the compiler, and what its code depends on; files tell processors apart.

    Machine code holds its callees inlined, but numba's own cache looks at the caller's file only: it would go on using
    a stale callee. So whatever is cached stands in a folder of this name.
    """
    versions = numba.__version__, np.__version__, sys.implementation.cache_tag
    return digest_of(kernel_sources(), " ".join(map(str, versions)))[:16]


def cache_folder() -> Path | None:
    """Return the folder of the compiled kernels as they are now; None where nothing can be cached.

    Numba left to itself would then write beside the sources, where nothing tells one text of the kernels from another.
    """
    return usable_folder(kernels_digest())


def tell_of_compiling(folder: Path | None) -> None:
    """Say on stderr what the first simulation waits for, unless there is compiled code already."""
    tell = logging.getLogger("squeezesim").warning
    if folder is None:
        tell("compiling kernels, every time: there is no folder that can be written to")
    elif not any(folder.glob("*.kernel")):
        tell("compiling kernels, which takes half a minute and happens once, into %s", folder)


_CACHE_FOLDER = cache_folder()
tell_of_compiling(_CACHE_FOLDER)
if _CACHE_FOLDER:
    clear_leftovers(_CACHE_FOLDER)
# Wrappers for callers in C are left out: nothing calls a kernel that way, and each takes time to compile.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_CONFIG: Any = numba.config
_OF_PARTS: dict[str, Any] = {"nopython": True, "no_cpython_wrapper": True, "boundscheck": None}


class Kernel:
    """A function that Python and other kernels call: for each it is compiled on the first call of these types."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.part = Part(function, {}, _OPTIONS | _OF_PARTS, pipeline_class=PartCompiler)
        self.whole: Any = numba.njit(**_OPTIONS, pipeline_class=WholeCompiler)(function)
        if _CACHE_FOLDER:
            self.whole._cache = KernelFiles(function, _CACHE_FOLDER)
        update_wrapper(self, function)

    def __call__(self, *arguments: object) -> object:
        """Run the machine code."""
        return self.whole(*arguments)


@typeof_impl.register(Kernel)
def _part_of(kernel: Kernel, _: object) -> object:
    """Return what another kernel calls, as numba's type of a function."""
    return numba.types.Dispatcher(kernel.part)


def jit(function: F) -> F:
    """Make a kernel; where kernels run as plain Python, the function itself."""
    kernel: Any = function if _CONFIG.DISABLE_JIT else Kernel(function)
    compiled: F = kernel
    return compiled
