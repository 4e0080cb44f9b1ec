"""`simulate init`, `schema` and `docs`; `list` and `show` of what is no network and no machine."""

import json
from pathlib import Path

import pytest

from simulator.cli.exits import run
from simulator.source.locate import bundled
from tests.cli.commands import complaint, output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["machine"], "ok  {}: machine mine, 256 PEs"),
        (["machine", "--like", "tpu_v1"], "ok  {}: machine mine, 65536 PEs"),
        (["dataflow"], "ok  {}: dataflow mine"),
        (["network", "--like", "alexnet"], "ok  {}: network mine, "),
        (["sweep"], "ok  {}: plan of 8 points"),
    ],
)
def test_what_init_writes_is_in_order_and_its_schema_lies_beside(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    assert run(["init", *arguments, "-o", str(file)]) == 0
    assert "simulate docs" in capsys.readouterr().err
    assert output(capsys, "check", str(file)).startswith(told.format(file))
    named = file.read_text().splitlines()[0].partition("$schema=")[2]
    assert json.loads((tmp_path / named).read_text())["title"] == arguments[0]


def test_init_prints_without_a_file_and_overwrites_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "init", "machine").startswith("# yaml-language-server")
    file = tmp_path / "mine.yaml"
    file.write_text("name: kept\n")
    assert "already" in complaint(capsys, "init", "machine", "-o", str(file))
    assert file.read_text() == "name: kept\n"
    assert 'did you mean "machine"' in complaint(capsys, "init", "machin")
    assert "machine, network, dataflow, sweep" in complaint(capsys, "init", "mapping")


def test_schema_is_printed_or_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = json.loads(output(capsys, "schema", "machine"))
    output(capsys, "schema", "machine", "-o", str(tmp_path / "s.json"))
    assert json.loads((tmp_path / "s.json").read_text()) == printed
    for machine in ("machine", "machine__part"):
        assert printed["$defs"][machine]["properties"]["array"]["description"]


def test_docs_tell_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert "PEs along a column." in output(capsys, "docs", "machine", "array.rows")
    assert 'did you mean "array.rows"' in complaint(capsys, "docs", "machine", "array.row")


@pytest.mark.parametrize("kind", ["dataflows", "energy", "mappings"])
def test_what_is_listed_is_shown_as_written_and_as_json(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = [line.split()[0] for line in output(capsys, "list", kind).splitlines()]
    assert names == sorted(bundled(kind))
    name = next(name for name in names if name not in bundled())
    assert output(capsys, "show", name) == bundled(kind)[name].read_text(encoding="utf-8")
    assert isinstance(json.loads(output(capsys, "show", name, "--json")), dict)
