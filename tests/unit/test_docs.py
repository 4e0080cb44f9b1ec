"""What the documents name is there, and they name what there is."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from simulator import load_network, simulate
from simulator.nest import OPERAND_NAMES
from simulator.network.graph import Graph
from simulator.result.run import CYCLE_PARTS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
WRITTEN = (
    "../CONTRIBUTING.md",
    "architecture.md",
    "cache.md",
    "formats.md",
    "glossary.md",
    "howto/ci.md",
    "report.md",
    "schedule.md",
    "security.md",
    "sweep.md",
)
PLACE = re.compile(r"`([\w./]+\.py)(?::(\w+))?`")  # a file, or a name in it
FOLDER = re.compile(r"`([\w./]+/)`")
LINK = re.compile(r"\]\(([^)#]*)(#[^)]*)?\)")


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def resolve(path: str) -> Path:
    """Paths are inside `simulator`, unless they begin with another folder at the top."""
    return ROOT / path if (ROOT / path.split("/")[0]).is_dir() and "/" in path else ROOT / "simulator" / path


@cache
def names_in(path: Path) -> frozenset[str]:
    """Everything that a module defines: functions, classes and their methods, constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            found |= {name.id for name in ast.walk(target) if isinstance(name, ast.Name)}
    return frozenset(found)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_place_that_a_document_names_exists(name: str):
    absent = []
    for path, what in PLACE.findall(text_of(name)):
        file = resolve(path)
        if not file.is_file() or (what and what not in names_in(file)):
            absent.append(f"{path}:{what}")
    absent += [folder for folder in FOLDER.findall(text_of(name)) if not exists(folder)]
    assert absent == []


def exists(folder: str) -> bool:
    """Whether a folder is at the top, in the package, or in one that the text is about."""
    return any((base / folder).is_dir() for base in homes())


def homes() -> tuple[Path, ...]:
    above = ("", "simulator", "hw_configs", "workloads", "analysis/read", "analysis/drive", "analysis/drive/accuracy")
    return tuple(ROOT / base for base in (*above, "tests"))


@pytest.mark.parametrize("name", [*WRITTEN, "../README.md"])
def test_every_link_leads_to_a_file_and_a_heading(name: str):
    for target, anchor in LINK.findall(text_of(name)):
        if "://" in target:
            continue
        file = (DOCS / name).parent / target if target else DOCS / name
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_house_is_drawn_as_imports_run():
    drawing = ARCHITECTURE.split("## The house")[1].split("```text\n")[1].split("```")[0]
    drawn = [re.split(r"\s{2,}", line)[0] for line in drawing.splitlines()]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert drawn == [layer.strip("()").replace("simulator.", "") for layer in layers]


def test_every_figure_of_a_layer_has_its_function():
    section = ARCHITECTURE.split("## From a figure to its formula")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    assert {f"`{part}`" for part in CYCLE_PARTS} <= set(rows)
    named = set(re.findall(r"`([\w.]+)`", " ".join(rows)))
    assert {f"dram.{operand}" for operand in OPERAND_NAMES} <= named
    assert {"mac", "vector", "leakage", "array", "rf"} <= named


def test_architecture_stays_short():
    assert len(ARCHITECTURE.splitlines()) <= 350


def test_the_layer_that_is_worked_through_takes_what_is_written():
    own = next(layer for layer in load_network("squeezenext").layers if layer.name == "fc1000")
    g = Graph("fc1000")
    g.linear(g.input(*own.input_shapes[0][1:]), own.output_shape[1], name="fc1000")
    (layer,) = simulate("flexible_168", g.build()).layers
    compute, delivery = (layer.cycle_parts[part] for part in ("compute", "delivery"))
    assert f'`cycle_parts["delivery"] = {delivery}`' in ARCHITECTURE
    assert f"- `compute` is 16 x 198 = {compute}." in ARCHITECTURE
    assert layer.mapping is not None
    written = (f"`{key}: [{', '.join(layer.mapping[key])}]`" for key in ("dram", "rows", "columns", "registers"))
    assert [loops for loops in written if loops not in ARCHITECTURE] == []
