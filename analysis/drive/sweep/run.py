"""Run a sweep: simulate the points that the store does not have, and read all of them back in the plan's order."""

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from analysis.drive.sweep.census import take_census
from analysis.drive.sweep.columns import REASON, judged
from analysis.drive.sweep.figures import Figures, from_json
from analysis.drive.sweep.plan import Plan, Point, point_of, settings_of
from analysis.drive.sweep.pool import cores, finish_all
from analysis.drive.sweep.store import Row, Store
from analysis.drive.sweep.worker import Finished
from simulator.errors import InputError, Problem
from simulator.log import LOG

Progress = Callable[[int, int, str], None]

AT_ONCE = 1000  # points read back together


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sweep that has been run.

    `keys` holds the store's key of every point, "" for one whose network cannot be built, told in `unbuilt`, and for
    one that cannot meet a constraint, told in `excluded`. `faults` are points, by number, in which the simulator itself
    failed: they have no result, the store does not have them, and the next run tries them again. `damaged` are keys of
    rows that were not as they had been written: those points were simulated again.
    """

    plan: Plan
    store: Path
    keys: tuple[str, ...]
    unbuilt: dict[int, Figures]
    simulated: int
    faults: dict[int, str]
    damaged: tuple[str, ...] = ()
    excluded: dict[int, str] = field(default_factory=dict)

    def points(self) -> Iterator[tuple[Point, Figures]]:
        """Yield every point that meets the constraints with its figures, in the plan's order."""
        yield from ((point, figures) for _, point, figures in self.numbered() if REASON not in figures)

    def exclusions(self) -> Counter[str]:
        """Count the points that do not meet a constraint, by what they do not meet."""
        return Counter(str(figures[REASON]) for _, _, figures in self.numbered() if REASON in figures)

    def numbered(self) -> Iterator[tuple[int, Point, Figures]]:
        """Yield every point with its number and figures; those of one that does not count say why."""
        with Store(self.store) as store:
            for start in range(0, len(self.keys), AT_ONCE):
                part = self.keys[start : start + AT_ONCE]
                found = store.results(key for key in part if key)
                for number, key in enumerate(part, start):
                    point = point_of(self.plan, number)
                    yield number, point, judged(self.plan, point, self._figures(number, found.get(key)))

    def _figures(self, number: int, text: str | None) -> Figures:
        if text is not None:
            return from_json(text)
        if number in self.faults:
            return {"problem": f"internal error: {self.faults[number]}"}
        if number in self.unbuilt:
            return self.unbuilt[number]
        if number in self.excluded:
            return {REASON: self.excluded[number]}
        problem = f"the row of key {self.keys[number]} has been altered meanwhile"
        raise InputError(Problem(problem, file=str(self.store), expected="that nobody else writes to the store"))


def run_sweep(
    plan: Plan,
    store: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    others: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> Outcome:
    """Simulate every point of a plan that the store lacks, on all cores unless `workers` says how many.

    Each point is in the store as soon as it is finished. Points of equal content are simulated once. What `others`,
    stores too, have of the plan comes into this one first. Processes are spawned: call it behind
    `if __name__ == "__main__":`, or with `workers=0`, which simulates in this process. With the address of a Dask
    `scheduler`, its workers simulate.
    """
    census = take_census(plan)
    keys, path = census.keys, Path(store)
    failed: dict[str, str] = {}  # by key
    advance = progress or (lambda done, total, what: None)
    with Store(path) as opened:
        wanted = dict.fromkeys(key for key in keys if key)
        for other in others:
            _take_over(opened, Path(other), wanted)
        found = opened.intact(wanted)
        there = {key for key, intact in found.items() if intact}
        missing = {key: number for number, key in reversed(list(enumerate(keys))) if key and key not in there}
        numbers = sorted(missing.values())
        LOG.info("%d points, %d of them distinct, %d kept in %s", len(keys), len(wanted), len(there), path)
        done, total = len(there), len(there) + len(numbers)
        advance(done, total, "")
        with closing(_finished(plan, keys, numbers, workers, scheduler)) as batches:
            for batch in batches:
                opened.add([row_of(plan, keys, finished) for finished in batch if not finished.fault])
                failed |= {keys[finished.number]: finished.fault for finished in batch if finished.fault}
                done += len(batch)
                advance(done, total, f"{len(failed)} failed" if failed else "")
    faults = census.faults | {number: failed[key] for number, key in enumerate(keys) if key in failed}
    damaged = tuple(found.keys() - there)
    return Outcome(plan, path, keys, census.unbuilt, len(numbers) - len(failed), faults, damaged, census.excluded)


def _finished(
    plan: Plan, keys: Sequence[str], numbers: Sequence[int], workers: int | None, scheduler: str | None
) -> Generator[list[Finished], None, None]:
    """Yield points as they are finished, by a cluster or by processes of this machine; accuracies stay here."""
    plan = replace(plan, accuracy=None)
    if scheduler is None or not numbers:
        return finish_all(plan, numbers, min(cores() if workers is None else workers, len(numbers)))
    from analysis.drive.sweep.cluster import finish_on_cluster

    return finish_on_cluster(plan, keys, numbers, scheduler)


def _take_over(store: Store, path: Path, keys: Iterable[str]) -> None:
    """Copy rows of those keys, as they were written, from another store."""
    if not path.is_file():
        raise InputError(Problem("no such store", file=str(path), expected="a file that `simulate sweep` made"))
    with Store(path, read_only=True) as other:
        rows = other.rows(keys)
        for start in range(0, len(rows), AT_ONCE):
            store.add(rows[start : start + AT_ONCE])


def row_of(plan: Plan, keys: Sequence[str] | Mapping[int, str], finished: Finished) -> Row:
    """Return the row of the store for a finished point."""
    point = point_of(plan, finished.number)
    settings = {s.path: s.value for s in settings_of(plan, point)}
    return Row(
        keys[finished.number],
        plan.machines[point.machine],
        plan.networks[point.network],
        json.dumps(settings),
        finished.figures,
    )
