"""The command as a process: imports, pipes, terminals, signals."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

import simulator

CODE = str(Path(simulator.__file__).parents[1])
HEAVY = {"matplotlib", "numba", "onnx", "scipy", "simpy", "rich"}


def python(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with the code that this test imports and warnings as errors."""
    return subprocess.run(
        [sys.executable, *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": CODE, "PYTHONWARNINGS": "error"} | environment,
        timeout=120,
    )


def run_simulate(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return python("-m", "simulator", *arguments, **options)


@pytest.mark.parametrize(
    "arguments",
    ["--help", "list", "list vgg", "show squeezenext", "show flexible_168 --json", "show alexnet --json", "report -h"],
)
def test_light_commands_import_nothing_heavy(arguments: str) -> None:
    code = (
        "import sys; from simulator.cli.exits import run; status = run(sys.argv[1:]);"
        f"print(*sorted(set(sys.modules) & {HEAVY}), file=sys.stderr); sys.exit(status)"
    )
    done = python("-c", code, *arguments.split())
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_it_runs_from_any_directory(tmp_path: Path) -> None:
    assert run_simulate("list", "networks", cwd=tmp_path).stdout.splitlines()[1].startswith("alexnet")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        done = run_simulate("show", "squeezenext", stdout=stdout)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stdout_is_told_in_a_line() -> None:
    with Path("/dev/full").open("w") as stdout:
        done = run_simulate("show", "squeezenext", stdout=stdout)
    assert done.returncode == 1
    assert done.stderr == "cannot write the output: No space left on device\n"


def test_a_terminal_of_ascii_letters_is_no_error() -> None:
    done = run_simulate("show", "squeezenext", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_gets_tables_of_its_width() -> None:
    controller, terminal = pty.openpty()
    environment = os.environ | {"PYTHONPATH": CODE, "COLUMNS": "60"}
    command = [sys.executable, "-m", "simulator", "show", "squeezenext"]
    process = subprocess.Popen(command, env=environment, stdout=terminal)
    os.close(terminal)
    lines = _all_of(controller).splitlines()
    assert process.wait(timeout=60) == 0
    table = lines[: lines.index("")]
    assert len(table) > 200
    assert max(len(line) for line in table) <= 60


def _all_of(terminal: int) -> str:
    """Read until the other end is closed, which Linux tells by an error."""
    content = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as stream:
        while chunk := stream.read(4096):
            content += chunk
    return content.decode()
