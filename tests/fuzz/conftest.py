"""Sweeps of the tests of commands, whose stores are damaged here."""

from tests.cli.conftest import plan, tiny_is_bundled

__all__ = ["plan", "tiny_is_bundled"]
