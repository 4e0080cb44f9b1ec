"""Machine code is of the kernels as they are now, wherever it can be kept or not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import simulator.cost

CALLER = """\
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit


@jit
def half(a):
    return ceil_div(a, 2)
"""
DIVISION = "return (a + b - 1) // b"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of a few kernels: one, in a file of its own, calls another."""
    folder, source = tmp_path / "package" / "simulator" / "cost", Path(simulator.cost.__file__).parent
    folder.mkdir(parents=True)
    for name in ("__init__.py", "case.py", "geometry.py", "jit.py"):
        shutil.copy(source / name, folder)
    (folder.parent / "__init__.py").touch()
    shutil.copy(source.parent / "caches.py", folder.parent)
    (folder / "caller.py").write_text(CALLER)
    return folder


def half_of_seven(package: Path, home: Path, temporary: Path) -> int:
    """Call the kernel in a process of its own."""
    places = {"PYTHONPATH": str(package.parents[1]), "XDG_CACHE_HOME": str(home), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", "from simulator.cost.caller import half; print(half(7))"]
    ran = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=True, cwd=temporary)
    return int(ran.stdout)


@pytest.mark.parametrize("unusable", [(), ("home",), ("home", "temporary")])
def test_an_edited_kernel_never_runs_as_it_was(package: Path, tmp_path: Path, unusable: tuple[str, ...]) -> None:
    """Of unusable places for a cache there is a file in the way: permissions do not stop every user."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    if "home" in unusable:
        home.touch()
    if "temporary" in unusable:
        (temporary / f"squeezesim-{os.getuid()}").touch()
    assert half_of_seven(package, home, temporary) == 4
    geometry = package / "geometry.py"
    assert DIVISION in geometry.read_text()
    geometry.write_text(geometry.read_text().replace(DIVISION, f"{DIVISION} + 100"))
    assert half_of_seven(package, home, temporary) == 104
    kept = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.nbi")}
    assert kept == {("home", "temporary")[len(unusable)]} if len(unusable) < 2 else not kept
