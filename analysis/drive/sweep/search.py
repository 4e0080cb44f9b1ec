"""Look for the best combinations of a plan, machine and network together, without simulating all of them.

Optuna proposes a generation after the other; what a point costs is looked up in the sweep's store, or simulated and
kept there. The same seed proposes the same points, whoever simulates them and however often the search is interrupted:
a resumed search plays its own history again from the store, and goes on.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.drive.estimate.accuracy import chosen
from analysis.drive.estimate.command import NoAccuracy
from analysis.drive.sweep.census import Counter
from analysis.drive.sweep.columns import REASON, judged, values_of, with_accuracy
from analysis.drive.sweep.effects import dimensions_of
from analysis.drive.sweep.expressions import number_of
from analysis.drive.sweep.figures import Figures, figures_of_problem, from_json
from analysis.drive.sweep.measures import Ranked, read_measures
from analysis.drive.sweep.plan import Plan, Point, combination_of, point_of
from analysis.drive.sweep.pool import Crew, cores
from analysis.drive.sweep.reading import load_plan
from analysis.drive.sweep.run import Progress, row_of
from analysis.drive.sweep.store import Store
from analysis.drive.sweep.worker import Finished, Workshop
from simulator.errors import InputError, Problem
from simulator.source import validate

if TYPE_CHECKING:
    from analysis.drive.sweep.schema import WrittenSearch

TOGETHER = 10
"""Trials that a sampler without generations proposes before it is told of any of them."""
HOPELESS = 1e30
"""Costs of a point that is ruled out without being simulated, and the most that a constraint counts as missed by."""


@dataclass(frozen=True, slots=True)
class Search:
    """A plan, and what is looked for in it."""

    plan: Plan
    objectives: tuple[Ranked, ...]
    sampler: str
    trials: int
    population: int
    seed: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A point that was tried: its figures, or why it does not count; `values` are those of the objectives."""

    point: Point
    figures: Figures
    values: tuple[float, ...] | None

    @property
    def feasible(self) -> bool:
        """Whether it was simulated and meets all constraints."""
        return self.values is not None


@dataclass(frozen=True, slots=True)
class Found:
    """The trials of a search in their order, and how many of them were simulated now."""

    search: Search
    trials: tuple[Trial, ...]
    simulated: int


def load_search(path: str | Path, accuracy: str | None = "") -> Search:
    """Read a plan that says what to search for; raise InputError with what is wrong with it.

    Beside published accuracies networks have those that `chosen` means by a text; None: whatever is needed.
    """
    from analysis.drive.sweep.schema import WrittenPlan

    plan = load_plan(path, every=False)
    written = validate(plan.document, WrittenPlan).search
    if written is None:
        expected = "`search: {objectives: [latency, energy]}`"
        raise InputError(plan.document.problem("", "the plan says not what to search for", expected=expected))
    if not dimensions_of(plan):
        raise InputError(plan.document.problem("axes", "nothing varies", expected="axes of several values"))
    objectives = _objectives(plan, written)
    if accuracy is not None:
        plan = with_accuracy(plan, chosen(accuracy, plan.document), [each.column for each in objectives])
    return Search(
        plan,
        objectives,
        written.sampler,
        written.trials,
        written.population,
        written.seed,
    )


def _objectives(plan: Plan, written: "WrittenSearch") -> tuple[Ranked, ...]:
    try:
        return read_measures(",".join(written.objectives), plan, least=1, most=len(written.objectives))
    except InputError as error:
        problems = [
            plan.document.problem(
                "search.objectives", p.message, expected=p.expected, got=p.got, suggestion=p.suggestion
            )
            for p in error.problems
        ]
        raise InputError(*problems) from error


class _Bench:
    """Finds the figures of points: known ones in the store, others by simulating them."""

    def __init__(self, plan: Plan, store: Store, crew: Crew[Finished], scheduler: str | None) -> None:
        self.plan, self.store, self.crew, self.scheduler = plan, store, crew, scheduler
        self.counter = Counter(plan)
        self.simulated = 0

    def figures(self, numbers: Sequence[int]) -> dict[int, Figures]:
        """Return the figures of combinations; those of one that is ruled out say why."""
        found: dict[int, Figures] = {}
        keys: dict[int, str] = {}
        for number in dict.fromkeys(numbers):
            point = point_of(self.plan, number)
            try:
                reason = self.counter.excluded(point)
                if reason:
                    found[number] = {REASON: reason, **self.counter.before(point)}
                else:
                    keys[number] = self.counter.key(point)
            except NoAccuracy:
                raise
            except InputError as error:
                found[number] = figures_of_problem(error)
        known = self.store.results(keys.values())
        missing = {key: number for number, key in keys.items() if key not in known}
        known |= self._simulate(keys, sorted(missing.values()))
        return found | {number: from_json(known[key]) for number, key in keys.items()}

    def _simulate(self, keys: Mapping[int, str], numbers: Sequence[int]) -> dict[str, str]:
        """Simulate points and keep them; a fault of the simulator ends the search."""
        found: dict[str, str] = {}
        for batch in self._finished(keys, numbers):
            self.store.add([row_of(self.plan, keys, finished) for finished in batch if not finished.fault])
            for finished in batch:
                if finished.fault:
                    raise RuntimeError(f"point {finished.number}: {finished.fault}; what was finished is kept")
                found[keys[finished.number]] = finished.figures
        self.simulated += len(found)
        return found

    def _finished(self, keys: Mapping[int, str], numbers: Sequence[int]) -> Iterator[list[Any]]:
        if not numbers:
            return iter(())
        if self.scheduler is None:
            return self.crew.finish(numbers)
        from analysis.drive.sweep.cluster import finish_on_cluster

        return finish_on_cluster(replace(self.plan, accuracy=None), keys, numbers, self.scheduler)


def run_search(
    search: Search,
    store: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Found:
    """Try as many points as the search says; all that is simulated is in the store as soon as it is finished.

    Processes are spawned: call it behind `if __name__ == "__main__":`, or with `workers=0`.
    """
    plan = replace(search.plan, sampled=None)
    study, advance = _study(search), progress or (lambda done, total, what: None)
    trials: list[Trial] = []
    with ExitStack() as stack:
        opened = stack.enter_context(Store(Path(store)))
        make = partial(Workshop, replace(plan, accuracy=None))
        crew = stack.enter_context(Crew(make, cores() if workers is None else workers))
        bench = _Bench(plan, opened, crew, scheduler)
        while len(trials) < search.trials:
            together = search.population if search.sampler.startswith("nsga") else TOGETHER
            asked = [study.ask() for _ in range(min(together, search.trials - len(trials)))]
            numbers = [combination_of(plan, _proposed(plan, trial)) for trial in asked]
            figures = bench.figures(numbers)
            for trial, number in zip(asked, numbers, strict=True):
                trials.append(_tell(study, trial, search, point_of(plan, number), figures[number]))
            advance(len(trials), search.trials, f"{bench.simulated} simulated")
        simulated = bench.simulated
    return Found(replace(search, plan=plan), tuple(trials), simulated)


def _study(search: Search) -> Any:
    """Return a study in memory, its sampler seeded."""
    try:
        optuna: Any = import_module("optuna")
    except ImportError as error:
        raise InputError(
            Problem("simulate search needs the extra search", expected='pip install "squeezesim[search]"')
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed, missed = search.seed, _missed if search.plan.constraints else None
    with warnings.catch_warnings(action="ignore"):  # constraints are called experimental
        sampler = {
            "nsga2": lambda: optuna.samplers.NSGAIISampler(
                seed=seed, population_size=search.population, constraints_func=missed
            ),
            "nsga3": lambda: optuna.samplers.NSGAIIISampler(
                seed=seed, population_size=search.population, constraints_func=missed
            ),
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, constraints_func=missed),
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        }[search.sampler]()
    return optuna.create_study(directions=["minimize"] * len(search.objectives), sampler=sampler)


def _missed(trial: Any) -> Sequence[float]:
    """Return by how much a finished trial misses each constraint."""
    missed: Sequence[float] = trial.user_attrs["missed"]
    return missed


def _proposed(plan: Plan, trial: Any) -> list[int]:
    """Return the places of machine, network and choices that a trial proposes; of one choice it is that."""
    places = [0] * len(plan.extents)
    for dimension in dimensions_of(plan):
        count, name = len(dimension.choices), dimension.name
        ordered = dimension.place >= 2 and _is_ordered(plan, dimension.place - 2)
        chosen = trial.suggest_int(name, 0, count - 1) if ordered else trial.suggest_categorical(name, range(count))
        places[dimension.place] = int(chosen)
    return places


def _is_ordered(plan: Plan, axis: int) -> bool:
    """Whether the choices of an axis are quantities, neighbours of which are alike."""
    return all(number_of(s.value) is not None for choice in plan.axes[axis].choices for s in choice)


def _tell(study: Any, trial: Any, search: Search, point: Point, figures: Figures) -> Trial:
    """Tell the study what a trial found, by costs and by how far constraints are missed; return it."""
    plan = search.plan
    values = values_of(plan, point, figures)
    ruled_out, impossible = REASON in figures, "problem" in figures
    missed = [each.excess(values) for each in plan.constraints]
    if ruled_out:  # what only a simulation tells is not held against it
        missed = [value if isfinite(value) else 0.0 for value in missed]
    trial.set_user_attr("missed", [min(value, HOPELESS) if not impossible else HOPELESS for value in missed] or [0.0])
    own = [values.get(each.column) for each in search.objectives]
    counts = not ruled_out and not impossible and None not in own
    costs = [each.cost(value) for each, value in zip(search.objectives, own, strict=True) if value is not None]
    kept = figures if ruled_out else judged(plan, point, figures)
    with warnings.catch_warnings(action="ignore"):
        if counts:
            study.tell(trial, costs)
        elif plan.constraints:
            study.tell(trial, [HOPELESS] * len(search.objectives))
        else:
            study.tell(trial, state=import_module("optuna").trial.TrialState.FAIL)
    met = counts and REASON not in kept
    return Trial(point, kept, tuple(value for value in own if value is not None) if met else None)
