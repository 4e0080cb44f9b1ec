"""Every path that a user names, through every door: what the system has against it is one problem, and exit code 2."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.cli.output import check_outputs
from tests.cli.commands import complaint, output
from tests.cli.sweeps import PLAN

LONG = "a" * 300  # more than a file system allows
SIMULATE = ("--hw", "squeezenext_16x16", "--net", "tiny")
READERS = {
    "machine": ("--hw", "{}.yaml", "--net", "tiny"),
    "network": ("--hw", "squeezenext_16x16", "--net", "./{}.yaml"),
    "ONNX": ("--hw", "squeezenext_16x16", "--net", "./{}.onnx"),
    "TFLite": ("show", "./{}.tflite"),
    "prototxt": ("show", "./{}.prototxt"),
    "CSV": ("convert", "./{}.csv", "--to", "yaml"),
    "machine of another tool": ("convert", "{}.cfg", "--to", "hw"),
    "mapping": (*SIMULATE, "--mapping", "{}.yaml"),
    "schedule": (*SIMULATE, "--schedule", "{}.yaml"),
    "plan": ("sweep", "{}.yaml"),
    "checked": ("check", "{}.yaml"),
    "checked run": ("check", "{}.json"),
    "explained run": ("explain", "{}.json"),
    "compared runs": ("compare", "{}.json", "{}.json"),
    "drawn run": ("report", "{}.json", "--out", "out"),
    "measurements": ("accuracy", "--hw", "squeezenext_16x16", "--measured", "{}.csv"),
}
"""Door -> a command that reads through it."""
WRITERS = {
    "run": (*SIMULATE, "--json", "{}"),
    "table": (*SIMULATE, "--csv", "{}"),
    "folder": (*SIMULATE, "--out", "{}"),
    "network": ("convert", "tiny", "--to", "yaml", "-o", "{}"),
    "problems": ("convert", "tiny", "--to", "timeloop", "-o", "{}"),
    "machine": ("convert", "machine.cfg", "--to", "hw", "-o", "{}"),
    "store": ("sweep", "plan.yaml", "--store", "{}"),
    "points": ("sweep", "plan.yaml", "--out", "{}"),
    "changes": ("compare", "--hw", "squeezenext_16x16", "--net", "tiny,tiny", "--csv", "{}"),
    "waterfalls": ("compare", "--hw", "squeezenext_16x16", "--net", "tiny,tiny", "--out", "{}"),
    "run's page": ("report", "run.json", "--html", "{}"),
    "page of two": ("compare", "--hw", "squeezenext_16x16", "--net", "tiny,tiny", "--html", "{}"),
    "pictures": ("report", "run.json", "--out", "{}"),
    "experiment": ("experiment", "squeezenet", "--out", "{}"),
    "page": ("accuracy", "--out", "{}"),
}
"""Door -> a command that would write through it."""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_is_bundled: None) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_text(PLAN)
    yield


def filled(command: tuple[str, ...], name: str) -> list[str]:
    return [part.format(name) for part in command]


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
def test_a_name_that_is_too_long_to_read_is_told_in_a_line(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "File name too long" in complaint(capsys, *filled(command, LONG))


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
def test_a_pipe_is_refused_and_never_waited_for(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in ("yaml", "onnx", "tflite", "prototxt", "csv", "cfg", "json"):
        os.mkfifo(f"pipe.{suffix}")
    assert "it is a pipe" in complaint(capsys, *filled(command, "pipe"))


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
def test_a_link_onto_itself_is_not_read(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in ("yaml", "onnx", "tflite", "prototxt", "csv", "cfg", "json"):
        os.symlink(f"self.{suffix}", f"self.{suffix}")
    assert "Too many levels of symbolic links" in complaint(capsys, *filled(command, "self"))


@pytest.mark.parametrize("command", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("name", [LONG, f"new/{LONG}/x", "self"], ids=["long", "long folder", "link onto itself"])
def test_an_output_that_cannot_be_is_refused_before_any_work(
    command: tuple[str, ...], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.symlink("self", "self")
    monkeypatch.setattr("simulator.cli.inputs.load", lambda *_: pytest.fail("work was done"))
    assert "cannot write the file: " in complaint(capsys, *filled(command, name))
    assert not Path("new").exists()


def test_a_dataflow_that_a_machine_names_is_refused_where_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    import simulator.source.paths

    text = (simulator.source.paths.data_dir() / "squeezenext_16x16.yaml").read_text(encoding="utf-8")
    before, _, _ = text.partition("dataflows:")
    Path("m.yaml").write_text(f"{before}dataflows: [{LONG}.yaml]\nenergy: eyeriss_relative\n")
    line = before.count("\n") + 1
    err = complaint(capsys, "--hw", "m.yaml", "--net", "tiny")
    assert err.startswith(f"m.yaml:{line}:13: dataflows.0: cannot read the file: File name too long\n")


def test_names_go_as_far_as_the_file_system_allows(capsys: pytest.CaptureFixture[str]) -> None:
    name = "b" * 255
    output(capsys, "convert", "tiny", "--to", "yaml", "-o", name)
    assert [path.name for path in Path().iterdir() if path.name.startswith("b")] == [name]


def test_one_file_takes_no_two_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--json and --csv cannot both go to" in complaint(capsys, *SIMULATE, "--json", "f", "--csv", "./f")
    assert "--out and --json cannot both" in complaint(capsys, *SIMULATE, "--json", "o/run.json", "--out", "o")
    assert "--store and --csv cannot both" in complaint(capsys, "sweep", "plan.yaml", "--store", "f", "--csv", "f")
    assert sorted(path.name for path in Path().iterdir()) == ["plan.yaml"]


def test_a_pipe_that_nobody_reads_is_no_place_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert "cannot write the file" in complaint(capsys, "convert", "tiny", "--to", "yaml", "-o", "pipe")


def test_a_device_takes_several_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    check_outputs({"--json": Path(os.devnull), "--csv": Path(os.devnull)})
    assert output(capsys, "convert", "tiny", "--to", "yaml", "-o", os.devnull) == f"{os.devnull}\n"
