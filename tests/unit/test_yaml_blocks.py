"""Every YAML block of README and docs is in order: it loads as what it is, or as part of a machine."""

import re
from pathlib import Path

import pytest

from analysis.drive.sweep import load_plan
from simulator.hardware.load import load_hardware, read_hardware
from simulator.hardware.schema import Machine
from simulator.hardware.vary import vary
from simulator.mapping.schema import WrittenDataflow, WrittenMappings
from simulator.schedule.schema import WrittenSchedule
from simulator.source import Document, parse_yaml, validate
from workloads.importers.layer_list import network_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {
    f"{page.relative_to(ROOT)}-{number}": block
    for page in PAGES
    for number, block in enumerate(re.findall(r"```ya?ml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL), 1)
}
OF_OTHERS = ("jobs",)
"""Keys by which a file of another tool is told, which only has to be YAML."""


def loaded(document: Document, folder: Path) -> object:
    """Return what a block says, read by what reads such files."""
    keys = document.data.keys()
    if "machines" in keys:
        return load_plan(folder)
    if "stationary" in keys:
        return validate(document, WrittenDataflow)
    if "layers" in keys and isinstance(document.data["layers"], list):
        return network_of(document, "block")
    if keys == {"layers"} and any(
        isinstance(layer, dict) and "dataflow" in layer
        for layer in document.data["layers"].values()  # type: ignore[union-attr]
    ):
        return validate(document, WrittenMappings)
    if "order" in keys:
        return validate(document, WrittenSchedule)
    if "clock" in keys or "extends" in keys:
        return read_hardware(document)
    machine = load_hardware("flexible_168")
    assert machine.document is not None and keys <= Machine.model_fields.keys()
    merged = {key: {**machine.document[key], **value} if isinstance(value, dict) else value  # type: ignore[dict-item]
              for key, value in document.data.items() if key in machine.document}  # fmt: skip
    return vary(machine, merged)


@pytest.mark.parametrize("name", list(BLOCKS))
def test_every_block_of_yaml_loads(name: str, tmp_path: Path) -> None:
    document = parse_yaml(BLOCKS[name], name)
    (tmp_path / "plan.yaml").write_text(BLOCKS[name])
    assert any(key in document.data for key in OF_OTHERS) or loaded(document, tmp_path / "plan.yaml") is not None


def test_there_are_blocks_of_every_kind() -> None:
    assert len(BLOCKS) >= 8
