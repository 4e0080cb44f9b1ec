"""A sweep of 90 points, killed twice at random moments and resumed: nothing lost, nothing doubled."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import simulator

CODE = str(Path(simulator.__file__).parents[1])
ROOT = Path(__file__).resolve().parents[2]
POINTS = 90
PLAN = """
machines: [squeezenext_16x16]
networks: [tiny]
axes:
  array.rows: [1, 2, 3, 4, 5, 6]
  array.columns: [1, 2, 3, 4, 5]
  dram.bandwidth: [1 GB/s, 4 GB/s, 16 GB/s]
  net.filters: [4]
  batch: [1]
  dataflow: [weight_stationary]
"""


def start(folder: Path, store: str, csv: str) -> subprocess.Popen[str]:
    """Start the command as the leader of a session of its own."""
    arguments = ["sweep", str(folder / "plan.yaml"), "--store", str(folder / store), "--csv", str(folder / csv)]
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/cli/sweeping.py"), *arguments],
        env=os.environ | {"PYTHONPATH": f"{CODE}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which jobs in a shell's background ignore
    )


def kept(store: Path) -> int:
    """Count the rows of a store, which may not be there yet."""
    try:
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        try:
            return int(connection.execute("SELECT count(*) FROM points").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0


def kill_at(process: subprocess.Popen[str], store: Path, rows: int) -> None:
    """Kill the command once its store has so many rows."""
    while kept(store) < rows:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def session_of(pid: int) -> set[int]:
    """Return the processes of a session that still run."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == pid and state != "Z":
                found.add(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux to see what a killed process leaves")
@pytest.mark.slow  # tests/faults/test_kills.py kills a smaller one more often
def test_a_sweep_killed_twice_and_resumed_equals_an_undisturbed_one(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    store = tmp_path / "killed.sqlite"
    seed = random.SystemRandom().randrange(10**6)
    moments = sorted(random.Random(seed).sample(range(1, POINTS - 40), 2))
    print(f"seed {seed}: killed at {moments} rows")
    for rows in moments:
        process = start(tmp_path, store.name, "killed.csv")
        kill_at(process, store, rows)
        deadline = time.monotonic() + 20
        while session_of(process.pid):
            assert time.monotonic() < deadline, "processes of a killed sweep live on"
            time.sleep(0.02)
        assert rows <= kept(store) < POINTS
        assert not (tmp_path / "killed.csv").exists()
    before = kept(store)
    finished = start(tmp_path, store.name, "killed.csv")
    out, err = finished.communicate(timeout=120)
    assert (finished.returncode, err) == (0, "")
    assert f"{POINTS}: {POINTS - before:,} simulated now, {before:,} known" in out
    assert kept(store) == POINTS
    undisturbed = start(tmp_path, "undisturbed.sqlite", "undisturbed.csv")
    undisturbed.communicate(timeout=120)
    assert undisturbed.returncode == 0
    text = (tmp_path / "killed.csv").read_text()
    assert text == (tmp_path / "undisturbed.csv").read_text()
    assert len(set(text.splitlines())) == POINTS + 1


def test_ctrl_c_ends_all_processes_and_keeps_what_is_finished(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    process = start(tmp_path, "s.sqlite", "points.csv")
    while kept(tmp_path / "s.sqlite") < 20:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"{kept(tmp_path / 's.sqlite')} of {POINTS} points are kept" in err
    assert "Traceback" not in err


def test_a_worker_that_dies_is_told_and_nothing_finished_is_lost(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    process = start(tmp_path, "s.sqlite", "points.csv")
    while kept(tmp_path / "s.sqlite") < 20:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    workers = [pid for pid in session_of(process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "a process died" in err and "Traceback" not in err
    assert kept(tmp_path / "s.sqlite") >= 20
