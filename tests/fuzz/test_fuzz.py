"""Some hundred damaged inputs of every kind; `python -m tests.fuzz` tries as many as one likes."""

from pathlib import Path

import pytest

from tests.fuzz.harness import outcomes
from tests.fuzz.subjects import SUBJECTS

OFTEN, SELDOM = 50, 15
"""Inputs of a kind: where a command only reads, and where it simulates."""


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_damaged_input_comes_to_a_result_or_a_clear_complaint(subject: str, tmp_path: Path) -> None:
    if "ONNX" in subject:
        pytest.importorskip("onnx")
    if "TFLite" in subject:
        pytest.importorskip("tflite")
    count = OFTEN if SUBJECTS[subject].command[0] == "check" else SELDOM
    assert [str(each) for each in outcomes(subject, range(count), tmp_path) if each.fault] == []
