"""Hand points to processes, as many as there are cores, and yield what they finish.

Each process has a pipe of its own. When the parent dies, however suddenly, the pipes close and the processes end: the
executors of the standard library would leave them waiting for ever.
"""

import errno
import multiprocessing
import os
import signal
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from analysis.drive.sweep.plan import Plan
from analysis.drive.sweep.worker import Finished, Workshop, serve

AHEAD = 4  # points that a process has at hand, so that it never waits for the parent
STOP_SECONDS = 5.0


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    pending: int = 0


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def finish_all(plan: Plan, numbers: Iterable[int], workers: int) -> Generator[list[Finished], None, None]:
    """Yield the points of those numbers as they are finished, in whatever order; no worker means in this process.

    Processes are spawned: a script that calls this needs its `if __name__ == "__main__":`. Raises ChildProcessError
    if one of them dies.
    """
    with Crew(plan, workers) as crew:
        yield from crew.finish(numbers)


class Crew:
    """Processes that finish points of a plan, started when the first are there to be done; use it as a context."""

    def __init__(self, plan: Plan, workers: int) -> None:
        self.plan, self.count = plan, workers
        self.workers: list[_Worker] = []
        self.workshop: Workshop | None = None

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        _dismiss(self.workers)

    def finish(self, numbers: Iterable[int]) -> Generator[list[Finished], None, None]:
        """Yield the points of those numbers as they are finished."""
        if self.count < 1:
            self.workshop = self.workshop or Workshop(self.plan)
            for number in numbers:
                yield [self.workshop.finish(number)]
            return
        while len(self.workers) < self.count:
            self.workers.append(_start(self.plan))
        yield from _serve_crew(self.workers, iter(numbers))


def _start(plan: Plan) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(plan, theirs), daemon=True)
    with _no_interrupts():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let processes that are started now never see Ctrl-C, which reaches all of a terminal; this one sees it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let Ctrl-C through again, if it was started meanwhile
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve_crew(crew: list[_Worker], numbers: Iterator[int]) -> Iterator[list[Finished]]:
    by_connection = {worker.connection: worker for worker in crew}
    for worker in crew:
        _feed(worker, numbers)
    while busy := [worker.connection for worker in crew if worker.pending]:
        batch: list[Finished] = []
        death: ChildProcessError | None = None
        for connection in wait(busy):
            assert isinstance(connection, Connection)
            worker = by_connection[connection]
            try:
                batch.append(_receive(worker))
                while worker.pending and connection.poll():  # what is there goes into one transaction
                    batch.append(_receive(worker))
                _feed(worker, numbers)
            except ChildProcessError as error:  # what the others have finished is kept first
                death = error
        yield batch
        if death:
            raise death


def _feed(worker: _Worker, numbers: Iterator[int]) -> None:
    while worker.pending < AHEAD:
        number = next(numbers, None)
        if number is None:
            return
        with suppress(BrokenPipeError):  # the dead are noticed when their results are due
            worker.connection.send(number)
        worker.pending += 1


def _receive(worker: _Worker) -> Finished:
    try:
        finished = worker.connection.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join(STOP_SECONDS)
        how = f"a process of the sweep died (exit code {worker.process.exitcode}; out of memory?)"
        raise ChildProcessError(errno.ECHILD, f"{how}; what was finished is kept, run again to go on") from None
    assert isinstance(finished, Finished)
    worker.pending -= 1
    return finished


def _dismiss(crew: list[_Worker]) -> None:
    """Stop all: what is finished is in the store, and who has only just started would not notice a closed pipe yet."""
    for worker in crew:
        worker.connection.close()
        worker.process.terminate()
    for worker in crew:
        worker.process.join(STOP_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
