"""A sweep on a Dask cluster: workers, client and scheduler die, nothing finished is lost and nothing is doubled."""

import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis.drive.sweep import load_plan, run_sweep
from analysis.drive.sweep.results import sweep_csv
from simulator.caches import installed_version
from simulator.errors import InputError
from tests.cli.test_sweep_killed import CODE, ROOT, kept, kill_at

pytest.importorskip("distributed", reason="needs the extra cluster")
pytestmark = pytest.mark.usefixtures("tiny_is_bundled")

PLAN = """
machines: [squeezenext_16x16]
networks: [tiny]
axes:
  array.rows: [1, 2, 3, 4, 5, 6]
  array.columns: [1, 2, 3, 4, 5]
  dram.bandwidth: [1 GB/s, 2 GB/s, 4 GB/s, 8 GB/s]
  dataflow: [weight_stationary]
"""
POINTS = 120
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{CODE}{os.pathsep}{ROOT}", "NUMBA_NUM_THREADS": "1"}


@dataclass
class Cluster:
    """A scheduler and two workers that know the network `tiny`."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: "list[subprocess.Popen[bytes]]"


def dask(role: str, *options: str) -> "subprocess.Popen[bytes]":
    arguments = [sys.executable, "-m", f"distributed.cli.dask_{role}", *options]
    return subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
    preload = ["--preload", str(ROOT / "tests/cli/sweeping.py")]
    workers = [dask("worker", address, *options, *preload) for _ in range(2)]
    try:
        yield Cluster(address, scheduler, workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def start(folder: Path, address: str, store: str = "cluster.sqlite") -> "subprocess.Popen[str]":
    options = ["--store", str(folder / store), "--csv", str(folder / "cluster.csv"), "--scheduler", address]
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/cli/sweeping.py"), "sweep", str(folder / "plan.yaml"), *options],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_rows(process: "subprocess.Popen[str]", store: Path, rows: int) -> None:
    while kept(store) < rows:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def rows_of(store: Path) -> dict[str, tuple[object, ...]]:
    """Return the rows of a store by their keys."""
    connection = sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
    try:
        return {key: tuple(rest) for key, *rest in connection.execute("SELECT * FROM points")}
    finally:
        connection.close()


def undisturbed(folder: Path) -> str:
    plan = load_plan(folder / "plan.yaml")
    return sweep_csv(run_sweep(plan, folder / "local.sqlite", workers=0))


@pytest.mark.slow
def test_a_worker_the_client_and_the_scheduler_die_and_nothing_finished_is_lost_or_doubled(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    store = tmp_path / "cluster.sqlite"
    with cluster(tmp_path) as running:
        kill_at(start(tmp_path, running.address), store, 5)
        before = kept(store)
        process = start(tmp_path, running.address)
        await_rows(process, store, before + 5)
        running.workers[0].kill()
        await_rows(process, store, before + 15)
        running.scheduler.kill()
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err.splitlines()[:1]) == (2, ["the scheduler is gone"]), err
        assert "Traceback" not in err
    left = kept(store)
    assert before + 15 <= left < POINTS
    assert not (tmp_path / "cluster.csv").exists()
    whole = undisturbed(tmp_path)
    plan, local = load_plan(tmp_path / "plan.yaml"), tmp_path / "local.sqlite"
    rows, others = rows_of(store), rows_of(local)
    assert len(rows) == left and rows.items() <= others.items()
    outcome = run_sweep(plan, store, others=[local], workers=0)
    assert (outcome.simulated, kept(store), outcome.damaged) == (0, POINTS, ())
    assert sweep_csv(outcome) == whole


MANY = """
machines: [squeezenext_16x16]
networks: [tiny]
axes:
  array.rows: [2, 3, 4, 5, 6]
  array.columns: [1, 2, 4, 8]
  net.filters: FILTERS
  vector.lanes: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
  dataflow: [weight_stationary]
"""
MANY_POINTS = 10_000


@pytest.mark.slow
def test_ten_thousand_points_with_deaths_equal_an_undisturbed_run(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(MANY.replace("FILTERS", str([*range(4, 54)])))
    store = tmp_path / "cluster.sqlite"
    with cluster(tmp_path) as running:
        kill_at(start(tmp_path, running.address), store, 500)
        kill_at(start(tmp_path, running.address), store, 2000)
        process = start(tmp_path, running.address)
        await_rows(process, store, 4000)
        running.workers[0].kill()
        _, err = process.communicate(timeout=1800)
        assert (process.returncode, err) == (0, "")
    assert kept(store) == MANY_POINTS
    assert (tmp_path / "cluster.csv").read_text() == undisturbed(tmp_path)
    rows, others = rows_of(store), rows_of(tmp_path / "local.sqlite")
    assert rows == others


def test_a_scheduler_that_does_not_answer_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.drive.sweep.cluster.CONNECT_SECONDS", 0.3)
    (tmp_path / "plan.yaml").write_text(PLAN)
    with pytest.raises(InputError, match="no scheduler answers") as caught:
        run_sweep(load_plan(tmp_path / "plan.yaml"), tmp_path / "s.sqlite", scheduler="tcp://127.0.0.1:1")
    assert "got: tcp://127.0.0.1:1" in caught.value.render()


def test_a_worker_of_another_version_simulates_nothing_and_is_named(tmp_path: Path) -> None:
    from analysis.drive.sweep import cluster as clustering

    class Given:
        def result(self) -> bytes:
            return b""

    (tmp_path / "plan.yaml").write_text(PLAN)
    plan = load_plan(tmp_path / "plan.yaml")
    future = Given()
    own = clustering.model_digest()
    submitted = clustering.Submitted(None, "tcp://somewhere", plan, (), (0, 1), pending={future: (0, 1)})
    assert clustering.work_on(b"", "another digest", (0, 1)).finished == ()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(InputError, match="another version of the simulator"):
        patch.setattr(clustering, "model_digest", lambda: own[::-1])
        future.result = lambda: pickle.dumps(clustering.Handed((), (0, 1), own, "tcp://worker"))  # type: ignore[method-assign]
        submitted.result_of(future)
    same = clustering.Handed((), (0, 1), own[::-1], "tcp://worker", installed_version())
    submitted.pending[future] = (0, 1)
    future.result = lambda: pickle.dumps(same)  # type: ignore[method-assign]
    with pytest.raises(InputError) as caught:
        submitted.result_of(future)
    assert caught.value.problems[0].got == f"other sources of {installed_version()}, at tcp://worker"


def test_what_others_have_finished_is_kept_before_a_worker_of_another_version_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from analysis.drive.sweep import cluster as clustering
    from analysis.drive.sweep.worker import Finished

    own = clustering.model_digest()
    answers = [
        clustering.Handed((), (0,), own[::-1], "tcp://old", "0.0.9"),
        clustering.Handed((("key", Finished(1, "{}")),), (), own, "tcp://new"),
    ]

    class Given:
        def result(self) -> bytes:
            return pickle.dumps(answers.pop(0))

    class Client:
        def submit(self, *_: object, pure: bool) -> Given:
            return Given()

    class Submitted(clustering.Submitted):
        def wait_for_workers(self) -> None: ...

        def threads(self) -> int:
            return 2

        def done(self) -> list[object]:
            return list(self.pending)

    monkeypatch.setattr(clustering, "POINTS_OF_A_TASK", 1)
    finishing = Submitted(Client(), "tcp://somewhere", None, ("", "key"), (0, 1)).finish()  # type: ignore[arg-type]
    assert next(finishing) == [Finished(1, "{}")]
    with pytest.raises(InputError, match="another version of the simulator"):
        next(finishing)


@pytest.mark.slow
def test_a_worker_of_another_version_that_joins_ends_a_sweep_which_goes_on_without_it(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    store = tmp_path / "cluster.sqlite"
    with cluster(tmp_path) as running:
        process = start(tmp_path, running.address)
        await_rows(process, store, 5)
        preload = ["--preload", str(ROOT / "tests/cli/other_version.py")]
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)]
        running.workers.append(dask("worker", running.address, *options, *preload))
        _, err = process.communicate(timeout=90)
        message, expected, got = err.splitlines()[:3]
        assert (process.returncode, message) == (2, "a worker has another version of the simulator"), err
        assert expected.strip().startswith(f"expected: squeezesim {installed_version()} as the client has")
        assert got.strip().startswith("got: 0.0.9, at tcp://127.0.0.1:")
        before = rows_of(store)
        assert 5 <= len(before) < POINTS and not (tmp_path / "cluster.csv").exists()
        running.workers[-1].kill()
        running.workers[-1].wait()
        process = start(tmp_path, running.address)
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    assert before.items() <= rows_of(store).items()
    assert (tmp_path / "cluster.csv").read_text() == undisturbed(tmp_path)


def test_a_worker_that_reads_another_file_is_named(tmp_path: Path) -> None:
    from analysis.drive.sweep import cluster as clustering
    from analysis.drive.sweep.worker import Finished

    class Given:
        def result(self) -> bytes:
            handed = ("the key of something else", Finished(0, "{}"))
            return pickle.dumps(clustering.Handed((handed,), (), clustering.model_digest(), "tcp://worker"))

    (tmp_path / "plan.yaml").write_text(PLAN)
    plan, future = load_plan(tmp_path / "plan.yaml"), Given()
    submitted = clustering.Submitted(None, "tcp://somewhere", plan, ("key",), (0,), pending={future: (0,)})
    with pytest.raises(InputError, match="reads another machine or network"):
        submitted.result_of(future)
