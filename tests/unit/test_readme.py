"""The README shows what the files hold and names commands and options that exist."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from simulator.cli.app import command
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.source import parse_yaml
from simulator.source.locate import bundled, locate

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
LINES = re.findall(r"^(?:pip install .*&& )?(simulate(?: .*)?)$", README.read_text(encoding="utf-8"), re.MULTILINE)
COMMANDS = [line.partition("#")[0].split() for line in LINES]


def shown_files():
    """Pairs of a YAML block and the bundled file that has its name."""
    names = {name: folder for folder in ("", "dataflows") for name in bundled(folder)}
    for block in BLOCKS:
        match = re.search(r"^name: (\w+)$", block, re.MULTILINE)
        if match and match[1] in names:
            yield block, locate(match[1], names[match[1]], "file")


def test_the_machine_and_the_dataflow_shown_are_those_that_are_bundled():
    shown = list(shown_files())
    assert {path.stem for _, path in shown} == {"squeezenext_16x16", "row_stationary"}
    for block, path in shown:
        assert path.read_text(encoding="utf-8").startswith(block)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_shown_has_its_options(words):
    root = command()
    chosen = root.commands[words[1]] if len(words) > 1 and words[1] in root.commands else root
    known = {flag for parameter in chosen.params for flag in parameter.opts}
    assert {word for word in words[1:] if word.startswith("--")} <= known
    assert chosen is not root or len(words) == 1 or words[1].startswith("--")


def test_mappings_shown_are_those_of_bundled_files():
    files = [parse_yaml(path.read_text(encoding="utf-8"), str(path)).data for path in bundled("mappings").values()]
    for block in (block for block in BLOCKS if re.match(r"layers:\n  \w+:", block)):
        shown = parse_yaml(block, "README.md").data["layers"]
        assert any(shown.items() <= data["layers"].items() for data in files)


def test_the_levels_shown_are_those_of_a_machine_that_loads():
    (block,) = (block for block in BLOCKS if block.startswith("buffers:"))
    machine = vary(load_hardware("flexible_168"), parse_yaml(block, "README.md").data)
    assert machine.level_names == ("global_buffer", "weight_pad")


def test_every_function_named_is_there():
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:simulator|analysis)(?:\.\w+)+)\(", text))
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        imports = [node for node in ast.parse(block).body if isinstance(node, ast.ImportFrom)]
        named |= {f"{node.module}.{name.name}" for node in imports for name in node.names}
    assert named
    for module, _, name in (path.rpartition(".") for path in named):
        assert callable(getattr(import_module(module), name))
