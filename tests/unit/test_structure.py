"""The house keeps its own rules: sizes, imports, start-up and examples."""

import ast
import doctest
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import simulator
from simulator.caches import KERNEL_FOLDERS
from simulator.cost import case
from simulator.source import paths

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("simulator", "workloads", "analysis")
HEAVY = ("matplotlib", "numba", "onnx", "plotly", "pydantic", "rich", "simpy")


def lines_checker() -> ModuleType:
    spec = spec_from_file_location("lines", ROOT / ".ci" / "lines.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8"))


def kernel_modules() -> dict[str, ast.Module]:
    """Modules that define compiled functions."""
    paths = (path for folder in KERNEL_FOLDERS for path in sorted((ROOT / "simulator" / folder).glob("*.py")))
    trees = {f"simulator.{path.parent.name}.{path.stem}": ast.parse(path.read_text("utf-8")) for path in paths}
    return {name: tree for name, tree in trees.items() if any(map(is_compiled, ast.walk(tree)))}


def is_compiled(node: ast.AST) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(isinstance(each, ast.Name) and each.id == "jit" for each in decorators)


def imported_names(tree: ast.Module) -> list[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def numbered_fields(tree: ast.AST) -> list[str]:
    """Elements of a record's fields that are told by bare numbers."""
    dtypes = [value for value in vars(case).values() if isinstance(value, np.dtype)]
    fields = {name for dtype in dtypes for name in dtype.names or () if dtype[name].shape}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if field_of(node.value) in fields and any(map(is_number, places)):
                found.append(ast.unparse(node))
    return found


def field_of(node: ast.expr) -> str | None:
    """The field whose element, or element of an element, an expression is."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return key if isinstance(key, str) else field_of(node.value)
    return None


def is_number(node: ast.expr) -> bool:
    node = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


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


def test_kernels_import_numpy_numba_the_standard_library_and_each_other_only():
    kernels = kernel_modules()
    assert {"simulator.cost.evaluate", "simulator.cost.search_tiles", "simulator.verify.functional"} <= kernels.keys()
    allowed = {"numba", "numpy", *sys.stdlib_module_names}
    own = {*kernels, "simulator.caches", *(f"simulator.cost.{name}" for name in ("case", "compiled", "jit", "parts"))}
    for module in own:
        for name in imported_names(tree_of(module)):
            assert name in own or name.partition(".")[0] in allowed, f"{module} imports {name}"


def test_types_are_checked_less_in_kernels_alone():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    (loose,) = (override["module"] for override in settings if "disable_error_code" in override)
    assert loose == sorted(kernel_modules())


@pytest.mark.parametrize("folder", ["cost", "energy", "engine"])
def test_positions_in_fields_of_records_have_names(folder: str):
    for path in sorted((ROOT / "simulator" / folder).glob("*.py")):
        assert numbered_fields(ast.parse(path.read_text(encoding="utf-8"))) == [], path


def test_numbered_fields_are_noticed():
    numbered = ["layer.stride[1]", "blocks.extent[cut, d, 0]", "totals['dram_read'][-1]", "blocks.kinds[cut][2]"]
    others = ["y[0]", "layer.bounds[K]", "blocks.extent[cut, d, ONLY]", "inner.levels[0]", "x[blocks.kinds[cut, d]]"]
    assert numbered_fields(ast.parse("\n".join(numbered + others))) == numbered


def test_listing_machines_imports_nothing_heavy():
    code = "import sys; from simulator.hardware.load import list_hardware; list_hardware()"
    code += f"; print([m for m in {HEAVY} if m in sys.modules])"
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
