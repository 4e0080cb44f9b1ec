"""`simulate cache` and --no-cache: what is kept for next time can be seen, cleared and left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator.cli.app import COMMANDS
from simulator.cli.exits import run
from tests.cli.commands import output
from tests.cli.test_process import python
from tests.written_networks import YAML

TINY = ("--hw", "flexible_168", "--net", "tiny")
pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


def entries(capsys: pytest.CaptureFixture[str]) -> int:
    (line,) = (line for line in output(capsys, "cache").splitlines() if line.startswith("results"))
    return int(line.split()[1])


def test_what_a_simulation_finds_is_counted_and_cleared(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entries(capsys) == 0
    first = output(capsys, *TINY)
    found = entries(capsys)
    assert found > 6
    assert output(capsys, *TINY) == first
    assert entries(capsys) == found
    folder, results, compiled = output(capsys, "cache", "--clear").splitlines()
    assert folder.split() == ["folder", str(own_cache)]
    assert results.split()[1:3] == ["0", "entries,"]
    assert compiled.startswith("compiled kernels")
    assert output(capsys, *TINY) == first


def test_compiled_kernels_of_all_versions_are_shown_and_cleared_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("0123456789abcdef", "fedcba9876543210", "notes"):
        (tmp_path / "squeezesim" / name / "cost").mkdir(parents=True)
        (tmp_path / "squeezesim" / name / "cost" / "kernel.nbc").write_bytes(b"x" * 2**20)
    assert output(capsys, "cache").splitlines()[-1] == "compiled kernels  of 2 versions, 2.0 MiB"
    assert output(capsys, "cache", "--clear").splitlines()[-1] == "compiled kernels  of 0 versions, 0.0 MiB"
    assert [path.name for path in (tmp_path / "squeezesim").iterdir() if path.is_dir()] == ["notes"]


def test_no_folder_to_keep_anything_in_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert output(capsys, "cache") == "nothing is kept: no folder can be written to\n"
    assert "tiny" in output(capsys, *TINY)


def test_a_damaged_file_costs_a_note_and_is_mended_by_clearing(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = output(capsys, *TINY, "--no-cache")
    os.environ["SQUEEZESIM_CACHE"] = "on"  # the option holds for the rest of its process
    (own_cache / "results.sqlite").write_text("nothing of the kind\n" * 1000)
    (tmp_path / "net.yaml").write_text(YAML)
    net = str(tmp_path / "net.yaml")
    done = python("-m", "simulator", "--hw", "flexible_168", "--net", net, PYTHONWARNINGS="default")
    assert done.returncode == 0 and "tiny" in done.stdout
    (note,) = done.stderr.splitlines()
    assert note.startswith("note: going on without ") and "simulate cache --clear" in note
    output(capsys, "cache", "--clear")
    assert output(capsys, *TINY) == first
    assert entries(capsys) > 6


@pytest.mark.parametrize(
    "command",
    [
        [*TINY],
        ["compare", "--hw", "flexible_168,squeezenext_16x16", "--net", "tiny"],
        ["explain", "run.json"],
        ["sweep", "plan.yaml", "--workers", "1"],
        ["accuracy", "timeloop"],
    ],
    ids=lambda command: command[0].strip("-"),
)
def test_without_the_cache_nothing_is_kept(
    command: list[str], own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*TINY, "--json", "run.json", "--no-cache"]) == 0
    (tmp_path / "net.yaml").write_text(YAML)
    text = f"machines: [flexible_168]\nnetworks: [{tmp_path / 'net.yaml'}]\naxes: {{batch: [1]}}\n"
    (tmp_path / "plan.yaml").write_text(text)
    assert not (own_cache / "results.sqlite").exists()
    monkeypatch.setenv("SQUEEZESIM_CACHE", "on")
    assert run([*command, "--no-cache"]) == 0
    assert not (own_cache / "results.sqlite").exists()
    monkeypatch.setenv("SQUEEZESIM_CACHE", "on")
    monkeypatch.chdir(own_cache)
    if command[0] != "explain":
        assert run([str(tmp_path / word) if word == "plan.yaml" else word for word in command]) == 0
        assert (own_cache / "results.sqlite").exists()


def test_every_command_that_simulates_can_go_without_the_cache(capsys: pytest.CaptureFixture[str]) -> None:
    told = {name: "--no-cache  " in output(capsys, name, "--help") for name in COMMANDS}
    simulating = {"accuracy", "compare", "experiment", "explain", "fit", "redesign", "search", "sweep"}
    assert {name for name, can in told.items() if can} == simulating
    assert "--no-cache  " in output(capsys, "--help")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs to see what a process has loaded")
def test_ctrl_c_ends_a_search_at_once() -> None:
    command = [sys.executable, "-m", "simulator", "--hw", "eyeriss_like", "--net", "densenet:depth=201"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which jobs in a shell's background ignore
    ) as process:
        while "llvmlite" not in Path(f"/proc/{process.pid}/maps").read_text():
            time.sleep(0.1)
        time.sleep(2)  # it loads or compiles kernels, or searches
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - before < 5  # a second, on a machine that does nothing else
    assert (process.returncode, out) == (130, "") and err.splitlines()[-1] == "interrupted"


def test_that_kernels_are_compiled_is_told_once(tmp_path: Path) -> None:
    code = "from simulator.caches import usable_folder; from simulator.cost.jit import cache_folder"
    first = python("-c", code, XDG_CACHE_HOME=str(tmp_path))
    assert first.stderr.startswith("compiling kernels") and len(first.stderr.splitlines()) == 1
    (folder,) = (tmp_path / "squeezesim").iterdir()
    (folder / "kernel.kernel").touch()
    assert python("-c", code, XDG_CACHE_HOME=str(tmp_path)).stderr == ""
