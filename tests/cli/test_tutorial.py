"""Every command of the tutorial runs, one after the other, and prints the lines that it shows."""

import re
from pathlib import Path

import pytest

from tests.cli.commands import output

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCKS = [
    block.splitlines() for block in re.findall(r"```console\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.slow
def test_every_command_of_the_tutorial_prints_what_is_shown(own_cache, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    assert len(BLOCKS) > 4
    for command, *shown in BLOCKS:
        program, *words = command.removeprefix("$ ").split()
        assert program == "simulate"
        printed = output(capsys, *words)
        assert [line for line in shown if line != "..." and line not in printed] == []


def test_the_tutorial_shows_commands_and_what_they_print():
    assert all(command.startswith("$ simulate ") and shown for command, *shown in BLOCKS)


@pytest.mark.slow
def test_the_cells_of_the_notebook_run(own_cache):
    page = (TUTORIAL.parent / "howto" / "notebook.md").read_text(encoding="utf-8")
    cells = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    for cell in cells:
        exec(cell, names)
    assert {"run", "comparison"} <= names.keys()
