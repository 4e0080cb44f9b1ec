"""Run a sweep: simulate the points that the store does not have, and read all of them back in the plan's order."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from analysis.drive.sweep.figures import Figures, fault_text, figures_of_problem, from_json
from analysis.drive.sweep.keys import Keys
from analysis.drive.sweep.plan import Plan, Point, point_of, settings_of
from analysis.drive.sweep.pool import cores, finish_all
from analysis.drive.sweep.store import Row, Store
from analysis.drive.sweep.worker import Finished
from simulator.errors import InputError, Problem

Progress = Callable[[int, int, str], None]

AT_ONCE = 1000  # points read back together


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sweep that has been run.

    `keys` holds the store's key of every point, "" for one whose network cannot be built, told in `unbuilt`. `faults`
    are points, by number, in which the simulator itself failed: they have no result, the store does not have them, and
    the next run tries them again. `damaged` are keys of rows that were not as they had been written: those points were
    simulated again.
    """

    plan: Plan
    store: Path
    keys: tuple[str, ...]
    unbuilt: dict[int, Figures]
    simulated: int
    faults: dict[int, str]
    damaged: tuple[str, ...] = ()

    def points(self) -> Iterator[tuple[Point, Figures]]:
        """Yield every point with its figures, in the plan's order."""
        with Store(self.store) as store:
            for start in range(0, len(self.keys), AT_ONCE):
                part = self.keys[start : start + AT_ONCE]
                found = store.results(key for key in part if key)
                for number, key in enumerate(part, start):
                    yield point_of(self.plan, number), self._figures(number, found.get(key))

    def _figures(self, number: int, text: str | None) -> Figures:
        if text is not None:
            return from_json(text)
        if number in self.faults:
            return {"problem": f"internal error: {self.faults[number]}"}
        if number in self.unbuilt:
            return self.unbuilt[number]
        problem = f"the row of key {self.keys[number]} has been altered meanwhile"
        raise InputError(Problem(problem, file=str(self.store), expected="that nobody else writes to the store"))


def run_sweep(
    plan: Plan, store: str | Path, *, workers: int | None = None, progress: Progress | None = None
) -> Outcome:
    """Simulate every point of a plan that the store lacks, on all cores unless `workers` says how many.

    Each point is in the store as soon as it is finished. Points of equal content are simulated once. Processes are
    spawned: call it behind `if __name__ == "__main__":`, or with `workers=0`, which simulates in this process.
    """
    keys, unbuilt, faults = _keys(plan)
    failed: dict[str, str] = {}  # by key
    path = Path(store)
    with Store(path) as opened:
        found = opened.intact(dict.fromkeys(key for key in keys if key))
        there = {key for key, intact in found.items() if intact}
        missing = {key: number for number, key in reversed(list(enumerate(keys))) if key and key not in there}
        numbers = sorted(missing.values())
        done, total = len(there), len(there) + len(numbers)
        crew = min(cores() if workers is None else workers, len(numbers))
        advance = progress or (lambda done, total, what: None)
        advance(done, total, "")
        with closing(finish_all(plan, numbers, crew)) as batches:
            for batch in batches:
                opened.add([_row(plan, keys, finished) for finished in batch if not finished.fault])
                failed |= {keys[finished.number]: finished.fault for finished in batch if finished.fault}
                done += len(batch)
                advance(done, total, f"{len(failed)} failed" if failed else "")
    faults |= {number: failed[key] for number, key in enumerate(keys) if key in failed}
    return Outcome(plan, path, keys, unbuilt, len(numbers) - len(failed), faults, tuple(found.keys() - there))


def _keys(plan: Plan) -> tuple[tuple[str, ...], dict[int, Figures], dict[int, str]]:
    """Return every point's key, "" where its network cannot be built; why not; and where building it failed."""
    namer = Keys(plan)
    keys, unbuilt, faults = [""] * plan.points, {}, {}
    for number in range(plan.points):
        try:
            keys[number] = namer.key(point_of(plan, number))
        except InputError as error:
            unbuilt[number] = figures_of_problem(error)
        except Exception as error:
            faults[number] = fault_text(error)
    return tuple(keys), unbuilt, faults


def _row(plan: Plan, keys: tuple[str, ...], finished: Finished) -> Row:
    point = point_of(plan, finished.number)
    settings = {s.path: s.value for s in settings_of(plan, point)}
    return Row(
        keys[finished.number],
        plan.machines[point.machine],
        plan.networks[point.network],
        json.dumps(settings),
        finished.figures,
    )
