"""A run under every fault of streams and disks; `python -m tests.faults` tries all commands."""

from pathlib import Path

import pytest

from tests.faults.streams import FAULTS, prepare, wrong
from tests.marks import one_in


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faults")
    prepare(made)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_a_line_at_most_and_leaves_no_half_file(fault: str, folder: Path) -> None:
    assert wrong(folder, "explain", fault) == ""


@pytest.mark.parametrize("fault", one_in(2, ["a reader that leaves", "a full disk"]))
def test_a_report_that_cannot_be_written_leaves_none(fault: str, folder: Path) -> None:
    assert wrong(folder, "report", fault) == ""
