"""Hand tasks, such as a sweep's points, to processes, as many as there are cores, and yield what they finish.

Each process has a pipe of its own. When the parent dies, however suddenly, the pipes close and the processes end: the
executors of the standard library would leave them waiting for ever.
"""

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from analysis.drive.sweep.plan import Plan
from analysis.drive.sweep.worker import Finished, Shop, Workshop, serve

AHEAD = 4  # points that a process has at hand, so that it never waits for the parent
STOP_SECONDS = 5.0
F = TypeVar("F")


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
    with Crew(partial(Workshop, plan), workers) as crew:
        yield from crew.finish(numbers)


class Crew(Generic[F]):
    """Processes that finish tasks, each in a shop of its own that is made there; use it as a context.

    They are started when the first tasks are there to be done, and have so many of them `ahead`.
    """

    def __init__(self, make: Callable[[], Shop[F]], workers: int, ahead: int = AHEAD) -> None:
        self.make, self.count, self.ahead = make, workers, ahead
        self.workers: list[_Worker] = []
        self.shop: Shop[F] | None = None

    def __enter__(self) -> "Crew[F]":
        return self

    def __exit__(self, *_: object) -> None:
        _dismiss(self.workers)

    def finish(self, numbers: Iterable[int]) -> Generator[list[F], None, None]:
        """Yield what was asked for by those numbers, as it is finished."""
        if self.count < 1:
            self.shop = self.shop or self.make()
            for number in numbers:
                yield [self.shop.finish(number)]
            return
        while len(self.workers) < self.count:
            self.workers.append(_start(self.make))
        yield from _serve_crew(self.workers, iter(numbers), self.ahead)


def _start(make: Callable[[], Shop[F]]) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(make, theirs), daemon=True)
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


def _serve_crew(crew: list[_Worker], numbers: Iterator[int], ahead: int) -> Iterator[list[Any]]:
    by_connection = {worker.connection: worker for worker in crew}
    for worker in crew:
        _feed(worker, numbers, ahead)
    while busy := [worker.connection for worker in crew if worker.pending]:
        batch: list[Any] = []
        death: ChildProcessError | None = None
        for connection in wait(busy):
            assert isinstance(connection, Connection)
            worker = by_connection[connection]
            try:
                batch.append(_receive(worker))
                while worker.pending and connection.poll():  # what is there goes into one transaction
                    batch.append(_receive(worker))
                _feed(worker, numbers, ahead)
            except ChildProcessError as error:  # what the others have finished is kept first
                death = error
        yield batch
        if death:
            raise death


def _feed(worker: _Worker, numbers: Iterator[int], ahead: int) -> None:
    while worker.pending < ahead:
        number = next(numbers, None)
        if number is None:
            return
        with suppress(BrokenPipeError):  # the dead are noticed when their results are due
            worker.connection.send(number)
        worker.pending += 1


def _receive(worker: _Worker) -> object:
    try:
        finished: object = worker.connection.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join(STOP_SECONDS)
        how = f"a process died (exit code {worker.process.exitcode}; out of memory?)"
        raise ChildProcessError(errno.ECHILD, f"{how}; what was finished is kept, run again to go on") from None
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
