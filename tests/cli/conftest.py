"""What tests of the command may simulate."""

from pathlib import Path

import pytest

from tests.cli.sweeps import PLAN
from workloads.registry import BUILDERS


@pytest.fixture
def tiny_is_bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILDERS, "tiny", "tests.cli.tiny:tiny")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path
