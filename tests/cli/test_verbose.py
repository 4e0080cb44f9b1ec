"""`-v` tells what is done on stderr, and then nothing more is told."""

import re
from pathlib import Path

import pytest

from simulator.cli.exits import run
from tests.cli.commands import output

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")
RUN = ("--hw", "squeezenext_16x16", "--net", "tiny")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, list[str]]:
    """Return what a command that does well prints, and its lines on stderr without their times."""
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    lines = [re.fullmatch(r" *\d+ ms  (.*)", line) for line in err.splitlines()]
    return out, [line[1] for line in lines if line]


def test_a_run_tells_its_files_phases_and_what_was_known(
    tmp_path: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = output(capsys, *RUN)
    out, lines = told(capsys, *RUN, "-v", "--out", str(tmp_path / "out"))
    text = "\n".join(lines)
    assert out == plain
    assert re.search(r"loaded machine .*squeezenext_16x16.yaml in [\d.]+ s", text)
    assert re.search(r"mapped 3 ops, 3 of them distinct: 3 from the cache, 0 searched in", text)
    assert re.search(r"played \d+ ops of tiny on squeezenext_16x16 in", text)
    assert f"wrote {tmp_path / 'out' / 'report.html'}" in text and ".squeezesim-" not in text


def test_twice_verbose_names_each_mapping_and_file(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(told(capsys, "-vv", *RUN)[1])
    assert re.search(r"searched conv1: \w+, at most [\d.]+% from the best", text)
    assert re.search(r"reading .*squeezenext_16x16.yaml", text)


def test_the_next_command_is_quiet_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "-v", *RUN)[1]
    assert output(capsys, *RUN)
