"""docs/security.md: the limits that it tells are those of the readers, and files name no others than it says."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from analysis.drive.measured import measurements
from analysis.drive.sweep import expressions
from analysis.drive.sweep import schema as sweep_schema
from simulator import load_hardware
from simulator.errors import InputError
from simulator.hardware import schema
from simulator.result import json_io, json_parse
from simulator.source import load_yaml, parser
from simulator.source.paths import data_dir
from workloads.importers import bounds, csv_cells, csv_file, timeloop_text
from workloads.importers.from_onnx import functions, read

PAGE = (Path(__file__).resolve().parents[2] / "docs/security.md").read_text(encoding="utf-8")
LIMITS: Mapping[str, tuple[int, ...]] = {
    "| any YAML |": (parser.MAX_BYTES, parser.MAX_DEPTH, parser.MAX_VALUES, parser.MAX_DIGITS),
    "| mapping file": (parser.OF_LAYERS,),
    "| machine | 4": (schema.MAX_LEVELS, schema.MAX_BUFFERS, schema.MOST_DATAFLOWS),
    "| CSV": (csv_file.MOST_BYTES, csv_cells.MOST_COLUMNS, csv_cells.LONGEST_CELL),
    "| CSV: layer list, topology, measurements": (measurements.MOST_BYTES,),
    "| ONNX | 1": (read.MOST_BYTES, read.MOST_STRIPPED_BYTES, functions.MOST_NODES),
    "| ONNX functions": (functions.MOST_DEEP, functions.MOST_EXPANDED, functions.MOST_EXPANDED_BYTES),
    "| any network": (bounds.MOST_LAYERS, bounds.MOST_ELEMENTS, bounds.MOST_MACS, bounds.LONGEST_NAME),
    "| run |": (json_io.MAX_FILE_BYTES, json_parse.MAX_DIGITS),
    "| sweep plan | 1": (sweep_schema.MOST_POINTS, expressions.MOST_LETTERS),
    "| Timeloop's YAML": (timeloop_text.MOST_FILES, timeloop_text.MOST_NESTED),
}


@pytest.mark.parametrize("row", LIMITS)
def test_the_limits_that_the_page_tells_are_those_of_the_readers(row: str) -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith(row))
    words = line.replace(",", " ").split()
    assert [limit for limit in LIMITS[row] if str(limit) not in words] == []


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [id]", "!!python/name:os.system", "!own x"])
def test_no_tag_of_yaml_makes_anything(tag: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(f"name: {tag}\n")
    with pytest.raises(InputError, match="tag"):
        load_yaml(tmp_path / "m.yaml")


def test_what_a_machine_names_is_told_of_only_where_it_is_wrong(tmp_path: Path) -> None:
    text = (data_dir() / "squeezenext_16x16.yaml").read_text(encoding="utf-8")
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    (tmp_path / "m.yaml").write_text(
        text.partition("dataflows:")[0] + "dataflows: [secret.yaml]\nenergy: eyeriss_relative\n"
    )
    with pytest.raises(InputError) as caught:
        load_hardware(tmp_path / "m.yaml")
    assert "secret.yaml:1:1: password: unknown key" in str(caught.value) and "hunter2" not in str(caught.value)
