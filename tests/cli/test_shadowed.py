"""Packages of other projects, called as ours are."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "command"),
    [("analysis", "-m simulator list"), ("workloads", "-c import+simulator;simulator.load_network")],
)
def test_a_package_that_hides_ours_is_named_with_its_path(name: str, command: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("")
    arguments = [word.replace("+", " ") for word in command.split()]
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""}
    done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, env=path, capture_output=True, text=True)
    told = f"{tmp_path / name}.py: another package named {name} hides that of squeezesim"
    assert told in done.stderr and str(ROOT / name) in done.stderr
    assert (done.returncode, "Traceback" in done.stderr) == ((2, False) if name == "analysis" else (1, True))
