"""The house keeps its own rules: sizes, imports, start-up and examples."""

import ast
import doctest
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import simulator
from simulator.source import paths

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("simulator", "workloads", "analysis")
HEAVY = ("matplotlib", "numba", "onnx", "pydantic", "rich", "simpy")


def lines_checker() -> ModuleType:
    spec = spec_from_file_location("lines", ROOT / ".ci" / "lines.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def module_names() -> list[str]:
    packages = [importlib.import_module(name) for name in PACKAGES if importlib.util.find_spec(name)]
    found = [info.name for p in packages for info in pkgutil.walk_packages(p.__path__, f"{p.__name__}.")]
    return sorted(name for name in found if not name.endswith("__main__"))


def test_every_file_and_function_is_within_the_limits():
    assert lines_checker().complaints(ROOT) == []


def test_the_limits_are_noticed_when_broken(tmp_path: Path):
    long_function = "def f():\n" + "    x = 1\n" * 50
    for name, text in {"fits": long_function.replace("    x = 1\n", "", 1), "long": long_function}.items():
        (tmp_path / "simulator").mkdir(exist_ok=True)
        (tmp_path / "simulator" / f"{name}.py").write_text(text)
    (tmp_path / "simulator" / "large.py").write_text("x = 1\n" * 401)
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".cache").mkdir()
    found = lines_checker().complaints(tmp_path)
    assert [line.removeprefix(f"{tmp_path}/") for line in found] == [
        "scripts/: not a folder of this project",
        "simulator/large.py:1: 401 lines, more than 400",
        "simulator/long.py:1: f has 51 lines, more than 50",
    ]


def test_kernels_import_numpy_numba_and_the_standard_library_only():
    allowed = {"numba", "numpy", *sys.stdlib_module_names}
    for path in (ROOT / "simulator" / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith("simulator.cost") or name.partition(".")[0] in allowed, path


def test_listing_machines_imports_nothing_heavy():
    code = f"import sys, simulator.hardware as h; h.list_hardware(); print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_data_is_found_in_a_checkout_and_in_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert (paths.data_dir() / "eyeriss_chip.yaml").is_file()
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "simulator")
    assert paths.data_dir() == tmp_path / "hw_configs"
    installed = tmp_path / "simulator" / "_data" / "hw_configs"
    installed.mkdir(parents=True)
    assert paths.data_dir() == installed


def test_the_package_is_typed():
    assert (Path(simulator.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", module_names())
def test_the_examples_in_docstrings_hold(name: str):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
