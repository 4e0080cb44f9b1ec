"""What tests of the command may simulate."""

import pytest

from workloads.registry import BUILDERS


@pytest.fixture
def tiny_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILDERS, "tiny", "tests.cli.tiny:tiny")
