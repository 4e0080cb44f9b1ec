"""Machine code is of the kernels as they are now, wherever it can be kept or not."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import simulator.cost
from tests.marks import one_in

CALLER = """\
from simulator.cost.geometry import ceil_div
from simulator.cost.jit import jit


@jit
def half(a):
    return ceil_div(a, 2)
"""
DIVISION = "return (a + b - 1) // b"


def package_in(place: Path) -> Path:
    """Make a package of a few kernels: one, in a file of its own, calls another."""
    folder, source = place / "package" / "simulator" / "cost", Path(simulator.cost.__file__).parent
    folder.mkdir(parents=True)
    for name in ("__init__.py", "case.py", "compiled.py", "geometry.py", "jit.py", "parts.py"):
        shutil.copy(source / name, folder)
    (folder.parent / "__init__.py").touch()
    shutil.copy(source.parent / "caches.py", folder.parent)
    (folder / "caller.py").write_text(CALLER)
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that is nowhere compiled."""
    return package_in(tmp_path)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package, and in `home` its compiled code."""
    place = tmp_path_factory.mktemp("compiled")
    assert half_of_seven(package_in(place), place / "home", place) == 4
    return place


def call(package: Path, home: Path, temporary: Path, first: str = "") -> subprocess.CompletedProcess[str]:
    """Call the kernel in a process of its own, after some other code."""
    places = {"PYTHONPATH": str(package.parents[1]), "XDG_CACHE_HOME": str(home), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", f"{first}\nfrom simulator.cost.caller import half; print(half(7))"]
    return subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=True, cwd=temporary)


def half_of_seven(package: Path, home: Path, temporary: Path) -> int:
    """Return half of seven, by the kernel."""
    return int(call(package, home, temporary).stdout)


@pytest.mark.parametrize("unusable", one_in(2, [((),), (("home",),), (("home", "temporary"),)]))
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
    kept = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.kernel")}
    assert kept == {("home", "temporary")[len(unusable)]} if len(unusable) < 2 else not kept


@pytest.mark.parametrize("damage", one_in(3, ["changed", "empty", "a folder"]))
def test_compiled_code_that_is_damaged_is_told_once_compiled_again_and_kept(
    compiled: Path, tmp_path: Path, damage: str
) -> None:
    home, package = tmp_path / "home", compiled / "package" / "simulator" / "cost"
    shutil.copytree(compiled / "home", home)
    files = sorted(home.rglob("*.kernel"))
    before = [file.read_bytes() for file in files]
    for file, content in zip(files, before, strict=True):
        if damage == "a folder":
            file.unlink()
            file.mkdir()
            (file / "x").touch()
        else:
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if damage == "changed" else b"")
    ran = call(package, home, tmp_path)
    assert (ran.stdout, ran.stderr.count("note: "), ran.stderr.count("were damaged")) == ("4\n", 1, 1)
    again = call(package, home, tmp_path)
    assert (again.stdout, again.stderr) == ("4\n", "")
    assert all(file.is_file() for file in files) and not list(home.rglob("*.tmp"))


def test_a_full_disk_under_compiled_code_is_told_once_and_does_no_harm(package: Path, tmp_path: Path) -> None:
    full = "import errno, os, pathlib\ndef write_bytes(*_): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
    ran = call(package, tmp_path / "home", tmp_path, f"{full}pathlib.Path.write_bytes = write_bytes")
    assert ran.stdout == "4\n" and ran.stderr.count("No space left on device") == 1
    assert not list(tmp_path.rglob("*.kernel"))


def test_processes_that_need_a_kernel_at_once_compile_it_once(package: Path, tmp_path: Path) -> None:
    told = "from simulator.cost import compiled as c\nsave = c.save\nc.save = lambda *a: (print('saved'), save(*a))"
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(lambda _: call(package, tmp_path / "home", tmp_path, told).stdout, range(4)))
    assert all(out.endswith("4\n") for out in ran)
    assert sum(out.count("saved") for out in ran) == len(list(tmp_path.rglob("*.kernel")))
