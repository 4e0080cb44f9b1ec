"""`simulate sweep`: plans, stores, what is told when either cannot be used."""

import csv
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from analysis.drive.sweep import load_plan, run_sweep
from analysis.drive.sweep.results import sweep_csv
from analysis.drive.sweep.store import Store
from simulator.errors import InputError
from tests.cli.sweeps import PLAN, sweep

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")


def test_a_row_for_each_point_and_the_best_of_each_network(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(plan, tmp_path / "s.sqlite", "--csv", str(tmp_path / "points.csv")) == 0
    rows = list(csv.DictReader(StringIO((tmp_path / "points.csv").read_text())))
    assert [(row["array.rows"], row["dram.bandwidth"], row["batch"]) for row in rows] == [
        (size, speed, batch) for size in "48" for speed in ("4 GB/s", "16 GB/s") for batch in "12"
    ]
    assert all(int(row["cycles"]) > 0 and row["problem"] == "" for row in rows)
    assert int(rows[0]["cycles"]) > int(rows[-2]["cycles"])
    out = capsys.readouterr().out
    assert "tiny:filters=8, batch 2" in out and "8: 8 simulated now" in out


def test_a_second_run_simulates_nothing_and_writes_the_same_bytes(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        assert sweep(plan, tmp_path / "s.sqlite", "--out", str(tmp_path / name)) == 0
    assert "8: 0 simulated now" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names >= {"points.csv", "pareto.png", "heat_map_latency.png", "heat_map_energy.csv"}
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_larger_plan_takes_over_what_a_smaller_one_has_found(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(plan, tmp_path / "s.sqlite") == 0
    plan.write_text(PLAN.replace("[1, 2]", "[2, 1, 3]") + "  objective: [cycles_plus_dma]\n")
    assert sweep(plan, tmp_path / "s.sqlite") == 0
    assert "12: 4 simulated now" in capsys.readouterr().out


def test_energies_of_all_tables_compare(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.write_text(
        """machines: [squeezenext_16x16, systolic_32x32]
networks: [tiny]
axes:
  array.rows: [4, 8]
  dram.bandwidth: [4 GB/s, 16 GB/s]
"""
    )
    assert sweep(plan, tmp_path / "s.sqlite", "--out", str(tmp_path)) == 0
    found = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("tiny ")]
    assert [words[1] for words in found] == ["latency", "energy"]
    rows = list(csv.DictReader(StringIO((tmp_path / "points.csv").read_text())))
    assert {row["machine"] for row in rows if row["energy_relative"]} == {"squeezenext_16x16"}
    assert {row["machine"] for row in rows if row["area_mm2"]} == {"systolic_32x32"}
    assert (tmp_path / "heat_map_energy.png").exists()


def test_points_that_cannot_be_simulated_are_rows_that_say_why(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN + "  buffers.main.capacity: [16 B, 64 KiB]\n")
    assert sweep(plan, tmp_path / "s.sqlite", "--csv", "-") == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert ["fit" in row["problem"] for row in rows] == [True, False] * 8
    assert all((row["cycles"] == "") == bool(row["problem"]) for row in rows)


def test_a_plan_of_which_no_point_can_be_simulated_is_bad_input(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN + "  buffers.main.capacity: [16 B]\n")
    assert sweep(plan, tmp_path / "s.sqlite") == 2
    assert "no point of the plan could be simulated" in capsys.readouterr().err


def test_ctrl_c_says_what_is_kept(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from analysis.drive.sweep import worker

    real = worker.Workshop.finish

    def interrupted_at_five(self: worker.Workshop, number: int) -> worker.Finished:
        if number == 5:
            raise KeyboardInterrupt
        return real(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(worker.Workshop, "finish", interrupted_at_five)
        assert sweep(plan, tmp_path / "s.sqlite") == 130
    assert "5 of 8 points are kept" in capsys.readouterr().err
    assert sweep(plan, tmp_path / "s.sqlite") == 0
    assert "8: 3 simulated now" in capsys.readouterr().out


def test_every_problem_of_a_plan_is_told_with_its_place_before_anything_runs(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(
        """machines: [squeezenext_16x16, squeezenext_9x9]
networks: [tinny]
axes:
  array.row: [8]
  array.columns: [0, 8]
  dram.bandwidth: [8 GB]
  buffers.mian.capacity: [3 KiB]
  batch: [many]
  bacth: [1]
  dataflow: [row_stationery]
  objective: [time]
"""
    )
    assert sweep(plan, tmp_path / "s.sqlite") == 2
    err = capsys.readouterr().err
    for line, told in (
        (1, 'did you mean "squeezenext_8x8"?'),
        (2, 'did you mean "tiny"?'),
        (4, 'did you mean "array.rows"?'),
        (5, "expected: at least 1"),
        (6, 'did you mean "8 GB/s"?'),
        (7, 'did you mean "main"?'),
        (8, "expected: a whole number from 1 to 65536"),
        (9, 'did you mean "batch"?'),
        (10, "does not allow this dataflow"),
        (11, "expected: one of cycles, energy, edp, dram"),
    ):
        _, found, rest = err.partition(f"{plan}:{line}:")
        assert found and told in rest.partition(str(plan))[0], line
    assert not (tmp_path / "s.sqlite").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty file"),
        ("machines: []\nnetworks: [tiny]\n", "at least 1 entries"),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxis: {batch: [1]}\n", 'did you mean "axes"?'),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxes: {batch: 1}\n", "a list"),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxes: {batch: [1, 1]}\n", "each value once"),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxes: {net.filter: [1]}\n", 'did you mean "filters"?'),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxes: {net.filters: [[1]]}\n", "without a comma"),
        (
            "machines: [flexible_168]\nnetworks: [tiny]\naxes: {'batch, clock': [1]}\n",
            "a value for each of batch, clock",
        ),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxes: {batch: [1], 'batch, clock': [[1, 1 GHz]]}\n", "set by"),
        ("machines: [flexible_168]\nnetworks: [tiny]\naxes: {clock.rate: [1]}\n", "200 MHz"),
    ],
)
def test_a_bad_plan_is_told_in_its_own_terms(
    text: str, told: str, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(text)
    assert sweep(plan, tmp_path / "s.sqlite") == 2
    err = capsys.readouterr().err
    assert told in err and err.startswith(f"{plan}:")
    assert not (tmp_path / "s.sqlite").exists()


def test_too_many_points_are_refused_before_they_are_counted_out(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN.replace("[1, 2]", str(list(range(1, 1200)))) + f"  net.filters: {list(range(1, 1200))}\n")
    assert sweep(plan, tmp_path / "s.sqlite") == 2
    assert "at most 1000000 points" in capsys.readouterr().err


def test_a_file_that_is_no_store_is_refused_and_left_alone(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, foreign = tmp_path / "text.sqlite", tmp_path / "foreign.sqlite"
    text.write_text("not a database, but long enough to be taken for one. " * 40)
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE points (x)")
    connection.close()
    for path, told in ((text, "not a database"), (foreign, "not a store of sweeps"), (tmp_path, "a folder")):
        before = path.read_bytes() if path.is_file() else b""
        assert sweep(plan, path) == 2
        assert told in capsys.readouterr().err
        assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_damaged_store_is_told_and_left_alone(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "s.sqlite"
    assert sweep(plan, store) == 0
    content = bytearray(store.read_bytes())
    content[4096 : len(content)] = b"\x55" * (len(content) - 4096)
    store.write_bytes(content)
    capsys.readouterr()
    assert sweep(plan, store) == 2
    err = capsys.readouterr().err
    assert str(store) in err and "intact file" in err
    assert store.read_bytes() == content


def test_a_store_whose_folder_does_not_exist_is_told(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(plan, tmp_path / "none/s.sqlite") == 2
    assert "a folder that exists" in capsys.readouterr().err


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB, for which one has to be root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_read_only_store_is_told_before_anything_runs(
    plan: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(plan, disk / "s.sqlite") == 0
    before = (disk / "s.sqlite").read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name in ("s.sqlite", "new.sqlite"):
        assert sweep(plan, disk / name) == 2
        assert str(disk / name) in capsys.readouterr().err
    assert (disk / "s.sqlite").read_bytes() == before


def test_a_full_disk_loses_nothing_that_was_finished(
    plan: Path, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(PLAN.replace("[1, 2]", str(list(range(1, 17)))))
    (disk / "filler").write_bytes(bytes(6 * 2**20 - 160 * 1024))
    assert sweep(plan, disk / "s.sqlite") == 2
    err = capsys.readouterr().err
    assert "full" in err and "what was finished is kept" in err
    with sqlite3.connect(f"file:{disk}/s.sqlite?mode=ro", uri=True) as connection:
        kept = connection.execute("SELECT count(*) FROM points").fetchone()[0]
    connection.close()
    assert 0 < kept < 64
    (disk / "filler").unlink()
    assert sweep(plan, disk / "s.sqlite", "--csv", str(tmp_path / "resumed.csv")) == 0
    assert f"64: {64 - kept} simulated now" in capsys.readouterr().out
    undisturbed = run_sweep(load_plan(plan), tmp_path / "other.sqlite", workers=0)
    assert (tmp_path / "resumed.csv").read_text() == sweep_csv(undisturbed)


@pytest.mark.slow  # a full disk, above, is another reason for the same
def test_a_store_that_may_not_grow_loses_nothing_that_was_finished(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit on the size of files stands in for a full disk where no file system can be mounted."""
    resource = pytest.importorskip("resource")
    plan.write_text(PLAN.replace("[1, 2]", str(list(range(1, 17)))))
    store = tmp_path / "s.sqlite"
    undisturbed = run_sweep(load_plan(plan), tmp_path / "other.sqlite", workers=0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))
    try:
        assert sweep(plan, store) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    err = capsys.readouterr().err
    assert str(store) in err and "what was finished is kept" in err
    with sqlite3.connect(store) as connection:
        kept = connection.execute("SELECT count(*) FROM points").fetchone()[0]
    connection.close()
    assert 0 < kept < 64
    resumed = run_sweep(load_plan(plan), store, workers=0)
    assert resumed.simulated == 64 - kept
    assert sweep_csv(resumed) == sweep_csv(undisturbed)


def test_a_store_in_use_by_another_program_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.drive.sweep import store as module

    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    with Store(tmp_path / "s.sqlite") as first:
        first.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="no other program"):
            Store(tmp_path / "s.sqlite")
        first.connection.execute("ROLLBACK")
