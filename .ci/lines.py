"""Check the house's limits: lines a file, lines a function, and what stands at the top."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 50
CODE_FOLDERS = ("simulator", "workloads", "analysis", "tests")
TOP_FOLDERS = frozenset({*CODE_FOLDERS, "hw_configs", "docs", ".ci"})
UNTRACKED_FOLDERS = frozenset({".git", "build", "dist", "out"})


def top_level_complaints(root: Path) -> Iterator[str]:
    """Yield a line for every folder at the top that has no place there; hidden ones are tools' caches."""
    for entry in sorted(root.iterdir()):
        known = entry.name in TOP_FOLDERS or entry.name in UNTRACKED_FOLDERS or entry.name.startswith(".")
        if entry.is_dir() and not known:
            yield f"{entry.name}/: not a folder of this project"


def length_complaints(path: Path) -> Iterator[str]:
    """Yield a line for the file if it is too long, and for each of its functions that is."""
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    if count > FILE_LINES:
        yield f"{path}:1: {count} lines, more than {FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, more than {FUNCTION_LINES}"


def complaints(root: Path) -> list[str]:
    """Return everything under `root` that breaks a limit."""
    files = sorted(path for folder in CODE_FOLDERS for path in (root / folder).rglob("*.py"))
    return [*top_level_complaints(root), *(line for path in files for line in length_complaints(path))]


if __name__ == "__main__":
    found = complaints(Path(__file__).resolve().parent.parent)
    print("\n".join(found) or "all files and functions are within their limits")
    sys.exit(bool(found))
