"""How kernels are compiled: as parts for the kernels that call them, and whole for callers in Python.

Left to itself, numba links every function that is called into every one that calls it, optimizes all of it, makes
machine code, and wraps that for callers in Python: of a chain of n calls the innermost function is optimized n times.
A part stops before that. What Python calls links all parts that it needs, and optimizes them once.

Names of functions hold their types in full, and those of our records are some 10 kB long; here a digest stands for
them.
"""
# mypy: disable-error-code="no-untyped-call"

import hashlib
from collections.abc import Iterable
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.funcdesc import default_mangler
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

_passes: Any = DefaultPassBuilder.define_nopython_pipeline


def short_name(name: str, types: Iterable[object], **tags: Any) -> str:
    """Name the machine code of a function for these types of arguments."""
    digest = hashlib.sha256(" ".join(map(str, types)).encode()).hexdigest()
    mangled: str = default_mangler(name, (digest[:16],), **tags)
    return mangled


class PartLibrary(JITCodeLibrary):
    """Code of one function, to be linked: neither linked with what it calls nor optimized with it."""

    def finalize(self) -> None:
        """Leave all that to the whole."""
        self._finalized = True


class WholeLibrary(JITCodeLibrary):
    """Machine code of a function and all that it calls."""

    def finalize(self) -> None:
        """Link also what parts call."""
        for library in self._linking_libraries:  # which grows meanwhile
            if isinstance(library, PartLibrary):
                self._linking_libraries += [
                    each for each in library._linking_libraries if each not in self._linking_libraries
                ]
        super().finalize()


@register_pass(mutates_CFG=True, analysis_only=False)
class WholeLowering(NativeLowering):
    """Make machine code of a typed kernel."""

    _name = "whole_lowering"
    kind: type[JITCodeLibrary] = WholeLibrary

    def run_pass(self, state: Any) -> bool:
        """Lower it into code of our own kind, under a short name."""
        state.targetctx = state.targetctx.subtarget(mangler=short_name)
        code = self.kind(state.targetctx.codegen(), state.func_id.func_qualname)
        code.enable_object_caching()
        state["library"] = code  # where numba looks for it
        super().run_pass(state)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(WholeLowering):
    """Make code of a typed kernel that others can link."""

    _name, kind = "part_lowering", PartLibrary

    def run_pass(self, state: Any) -> bool:
        """Lower it without an executable; the library itself tells one function from another where numba asks."""
        state.flags.no_compile = True
        super().run_pass(state)
        code, lowered = state["library"], state["cr"]
        code.finalize()
        state["cr"] = lowered._replace(cfunc=code)
        state.targetctx.insert_user_function(code, lowered.fndesc, [code])
        return True


class WholeCompiler(CompilerBase):
    """Numba's pipeline with another lowering."""

    lowering: type[WholeLowering] = WholeLowering

    def define_pipelines(self) -> list[Any]:
        """Put our lowering in the place of numba's."""
        passes = _passes(self.state)
        passes.passes = [(self.lowering if step is NativeLowering else step, text) for step, text in passes.passes]
        passes.finalize()
        return [passes]


class PartCompiler(WholeCompiler):
    """The same for parts."""

    lowering = PartLowering


class Part(CPUDispatcher):
    """A kernel as other kernels call it."""

    def add_overload(self, compiled: Any) -> None:
        """Know it for these types of arguments; there is nothing that Python could call."""
        self.overloads[tuple(compiled.signature.args)] = compiled
