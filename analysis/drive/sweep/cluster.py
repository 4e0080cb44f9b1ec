"""Hand points to the workers of a Dask cluster, and yield what they finish.

A task takes a few points, works on them for a bounded time, and gives back what it finished; the rest is submitted
again. The client alone writes the store. What a dead worker had at hand is submitted to another one by the scheduler;
when client or scheduler die, what was finished is in the store, and the next run does the rest.
"""

import pickle
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias

from analysis.drive.sweep.keys import Keys
from analysis.drive.sweep.plan import Plan, point_of
from analysis.drive.sweep.worker import Finished, Workshop
from simulator.caches import installed_version, model_digest
from simulator.errors import InputError, Problem

Client: TypeAlias = Any  # of `distributed`, which may not be there and is untyped where it is
Future: TypeAlias = Any

CONNECT_SECONDS = 10.0
WORK_SECONDS = 1.0  # after which a task gives back what it has
POINTS_OF_A_TASK = 64
TASKS_AHEAD = 2  # for each thread of a worker, so that none waits for the client
ABSENT_SECONDS = 60.0  # without any worker, until the client gives up
SILENCE_SECONDS = 2.0  # after which the client looks whether the scheduler is still there


@dataclass(frozen=True, slots=True)
class Handed:
    """What a task gives back: finished points, each with the key that the worker finds for it.

    `model` is the digest of the worker's simulator, `version` what it calls itself.
    """

    finished: tuple[tuple[str, Finished], ...]
    left: tuple[int, ...] = ()
    model: str = ""
    worker: str = ""
    version: str = ""


def work_on(plan_bytes: bytes, model: str, numbers: Sequence[int]) -> Handed:
    """Simulate points on a worker, at least one; another version of the simulator does nothing but tell its own."""
    own = model_digest()
    name = _worker_name()
    if own != model:
        return Handed((), tuple(numbers), own, name, installed_version())
    bench = _bench(plan_bytes)
    finished: list[tuple[str, Finished]] = []
    begun = time.monotonic()
    for place, number in enumerate(numbers):
        if place and time.monotonic() - begun > WORK_SECONDS:
            return Handed(tuple(finished), tuple(numbers[place:]), own, name)
        finished.append((bench.keys.key(point_of(bench.plan, number)), bench.workshop.finish(number)))
    return Handed(tuple(finished), (), own, name)


def call(plan_bytes: bytes, model: str, numbers: Sequence[int]) -> bytes:
    """Do `work_on` where this package is; a worker without it says so."""
    import pickle

    from analysis.drive.sweep.cluster import work_on

    return pickle.dumps(work_on(plan_bytes, model, numbers))


call.__module__ = "__main__"  # so it travels by value: a function by name ends a worker that lacks its module


def _worker_name() -> str:
    try:
        return str(import_module("distributed").get_worker().address)
    except ValueError:  # not within a task
        return "this process"


class _Bench:
    """What a thread of a worker keeps of a plan from task to task: machines, networks, mappings."""

    def __init__(self, plan_bytes: bytes) -> None:
        self.plan: Plan = pickle.loads(plan_bytes)
        self.workshop = Workshop(self.plan)
        self.keys = Keys(self.plan)


_LOCAL = threading.local()


def _bench(plan_bytes: bytes) -> _Bench:
    """Return the bench of this thread, made anew for another plan."""
    if getattr(_LOCAL, "plan_bytes", None) != plan_bytes:
        _LOCAL.bench, _LOCAL.plan_bytes = _Bench(plan_bytes), plan_bytes
    bench: _Bench = _LOCAL.bench
    return bench


def finish_on_cluster(
    plan: Plan, keys: Sequence[str] | Mapping[int, str], numbers: Sequence[int], scheduler: str
) -> Generator[list[Finished], None, None]:
    """Yield the points of those numbers as the workers of a scheduler finish them, in whatever order.

    Raises InputError where there is no scheduler, no worker, or one that is not of this version or reads other files.
    """
    with _client(scheduler) as client:
        yield from Submitted(client, scheduler, plan, keys, numbers).finish()


@contextmanager
def _client(scheduler: str) -> Iterator[Client]:
    """Connect, or say in a line why not."""
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise InputError(
            Problem("--scheduler needs the extra cluster", expected='pip install "squeezesim[cluster]"')
        ) from error
    _quiet()
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, name="squeezesim")
    except (OSError, ValueError, TypeError, ImportError) as error:  # ValueError: no address; ImportError: no protocol
        expected = "the address of a running `dask scheduler`, such as tcp://10.0.0.1:8786"
        raise InputError(Problem("no scheduler answers", expected=expected, got=scheduler)) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=CONNECT_SECONDS)


def _quiet() -> None:
    """Keep Dask's logs off the terminal: what matters to the user is told by this program."""
    import logging

    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@dataclass
class Submitted:
    """The tasks of a sweep: so many at a time that no worker waits, each of so few points that none is lost long."""

    client: Client
    scheduler: str
    plan: Plan
    keys: Sequence[str] | Mapping[int, str]
    numbers: Sequence[int]
    pending: dict[Future, tuple[int, ...]] = field(default_factory=dict)
    seen: float = field(default_factory=time.monotonic)
    """When there last were workers."""

    def finish(self) -> Iterator[list[Finished]]:
        """Submit all points, and yield them as they are finished."""
        self.wait_for_workers()
        plan_bytes, model = pickle.dumps(self.plan), model_digest()
        waiting = deque(_batches(self.numbers, self.threads()))
        while waiting or self.pending:
            most = TASKS_AHEAD * self.threads()
            while waiting and len(self.pending) < most:
                numbers = waiting.popleft()
                future = self.client.submit(call, plan_bytes, model, numbers, pure=False)
                self.pending[future] = numbers
            refused: InputError | None = None
            for future in self.done():
                try:
                    handed = self.result_of(future)
                except InputError as error:
                    refused = error  # what others have finished is kept first
                    continue
                if handed.left:
                    waiting.appendleft(handed.left)
                yield [finished for _, finished in handed.finished]
            if refused:
                raise refused

    def threads(self) -> int:
        """How many tasks the cluster works on at a time; workers come and go."""
        try:
            return max(1, sum(map(int, self.client.nthreads().values())))
        except OSError as error:
            raise self.gone() from error

    def wait_for_workers(self) -> None:
        """Wait a little for the first worker."""
        try:
            self.client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (TimeoutError, OSError) as error:
            expected = f"a running `dask worker {self.scheduler}` that has squeezesim installed"
            raise InputError(Problem("the scheduler has no workers", expected=expected, got=self.scheduler)) from error

    def done(self) -> list[Future]:
        """Wait for tasks to end; notice a scheduler that is gone."""
        wait = import_module("distributed").wait
        while True:
            with suppress(TimeoutError, CancelledError):
                wait(list(self.pending), timeout=SILENCE_SECONDS, return_when="FIRST_COMPLETED")
            ended = [future for future in self.pending if future.done()]
            if self.client.status != "running" or any(future.status in ("cancelled", "lost") for future in ended):
                raise self.gone()
            if ended:
                return ended
            self.look_for_workers()

    def look_for_workers(self) -> None:
        """Bear that there are none for a while: others may come."""
        try:
            self.seen = time.monotonic() if self.client.nthreads() else self.seen
        except OSError as error:
            raise self.gone() from error
        if time.monotonic() - self.seen > ABSENT_SECONDS:
            expected = "workers until the sweep ends; what was finished is kept, run again to go on"
            raise InputError(Problem("all workers are gone", expected=expected, got=self.scheduler))

    def gone(self) -> InputError:
        """Return that the scheduler died, and what to do."""
        expected = "that it runs until the sweep ends; what was finished is kept, run again to go on"
        return InputError(Problem("the scheduler is gone", expected=expected, got=self.scheduler))

    def result_of(self, future: Future) -> Handed:
        """Return what a task gave back; raise InputError where the worker is not of this version or reads others."""
        numbers = self.pending.pop(future)
        handed = self._gathered(future)
        if handed.model != model_digest():
            own = installed_version()
            expected = f"squeezesim {own} as the client has; what was finished is kept, run again to go on"
            other = f"other sources of {own}" if handed.version == own else handed.version or "one that does not say"
            got = f"{other}, at {handed.worker}"
            raise InputError(Problem("a worker has another version of the simulator", expected=expected, got=got))
        for key, finished in handed.finished:
            if key != self.keys[finished.number]:
                expected = "the same content of the plan's files where the workers run"
                message = f"a worker reads another machine or network for point {finished.number}"
                raise InputError(Problem(message, expected=expected, got=handed.worker))
        assert handed.finished or not numbers
        return handed

    def _gathered(self, future: Future) -> Handed:
        distributed = import_module("distributed")
        try:
            result: object = pickle.loads(future.result())
        except distributed.KilledWorker as error:
            expected = "workers with enough memory; what was finished is kept, run again to go on"
            raise InputError(Problem("workers die of a task, one after the other", expected=expected)) from error
        except CancelledError as error:
            raise self.gone() from error
        except Exception as error:
            raise self._unable(error) from error
        assert isinstance(result, Handed)
        return result

    def answers(self) -> bool:
        """Whether the scheduler is there."""
        try:
            return self.client.status == "running" and self.client.nthreads() is not None
        except OSError:
            return False

    def _unable(self, error: Exception) -> InputError:
        """Return why a worker cannot take a task: it lacks the package, or speaks another version of Python.

        Or the scheduler has just gone, which breaks connections.
        """
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, OSError) and not self.answers():
            return self.gone()
        version = ".".join(map(str, sys.version_info[:2]))
        own = f"squeezesim {installed_version()}, its dependencies and Python {version}"
        expected = f"workers with {own}, as the client has; what was finished is kept, run again to go on"
        return InputError(Problem(f"a worker cannot take points: {type(cause).__name__}: {cause}", expected=expected))


def _batches(numbers: Sequence[int], threads: int) -> Iterator[tuple[int, ...]]:
    """Cut the numbers: neighbours share machines, so they stay together, but every thread gets some."""
    size = max(1, min(POINTS_OF_A_TASK, len(numbers) // (TASKS_AHEAD * threads)))
    for start in range(0, len(numbers), size):
        yield tuple(numbers[start : start + size])
