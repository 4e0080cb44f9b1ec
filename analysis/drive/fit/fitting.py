"""Bounded least squares on the logarithms of ours / measured; mappings are held meanwhile and searched between rounds.

A step of the optimiser plays the mappings that the machine had at the start of a round. They are searched anew at what
the round finds, until it finds no better: played again, they tell a parameter's slope without the jumps of a search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.drive.fit.parameters import Parameter
from analysis.drive.measured.comparison import Pair, Progress, measured_networks, paired
from analysis.drive.measured.measurements import Measurement
from simulator import simulate
from simulator.door import saved_mappings
from simulator.engine.mapping_cache import MappingCache
from simulator.engine.store import NO_STORE
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.hardware.vary import vary
from simulator.mapping.mapping import Mapping as LayerMapping
from simulator.source.parser import Value

Vector = npt.NDArray[np.float64]

HELD_OUT = 4  # every so many-th row is kept from the fit, the first of them the third
LEAST_ROWS, ROWS_PER_PARAMETER = 8, 4
ROUNDS = 4
STEP = 0.01  # of a range, to either side, for slopes
SETTLED = 0.005  # of a time: searched anew, no figure differs by more from what it was with mappings held
PRECISION = 0.0025  # of the parameters' ranges
SEEN = 1e-6  # slope over the range below which a figure does not depend on a parameter
UNIFORM_VARIANCE = 1 / 12  # of a value anywhere in its range, which is what is known without rows
LEAST_SIGMA = 1e-4
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A parameter's fitted value, with an interval of 95%; `told` is how much narrower rows make it than its range."""

    parameter: Parameter
    value: float
    low: float
    high: float
    told: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The machine before and after, ours beside each figure on both, and what the rows tell of the parameters.

    `fitted` are the lines that were fitted on; the others were held out. `correlations` are those of the estimates.
    `searches` and `plays` count simulations of all networks with mappings searched and held.
    """

    hardware: Hardware
    estimates: tuple[Estimate, ...]
    correlations: tuple[tuple[str, str, float], ...]
    before: tuple[Pair, ...]
    after: tuple[Pair, ...]
    fitted: frozenset[int]
    unmoved: int
    searches: int
    plays: int


class _Bench:
    """Simulates everything that was measured on the machine with other values."""

    def __init__(
        self,
        hardware: Hardware,
        measurements: Sequence[Measurement],
        parameters: Sequence[Parameter],
        progress: Progress | None,
    ) -> None:
        self.hardware, self.measurements, self.parameters = hardware, measurements, parameters
        self._progress = progress
        self.networks = measured_networks(measurements)
        self._cache, self._unkept = MappingCache(), MappingCache(store=NO_STORE)
        self.searches = self.plays = 0

    def machine(self, x: Vector) -> Hardware:
        """Return the machine at places of the parameters' ranges."""
        values = [own.value(float(at)) for own, at in zip(self.parameters, x, strict=True)]
        return self.with_values(values)

    def with_values(self, values: Sequence[float]) -> Hardware:
        """Return the machine with values of the parameters."""
        changes: dict[str, Value] = {
            own.path: own.written(value) for own, value in zip(self.parameters, values, strict=True)
        }
        return vary(self.hardware, changes)

    def searched(self, hardware: Hardware) -> tuple[Pair, ...]:
        """Return ours beside all figures, mappings searched."""
        self.searches += 1
        runs = {subject: simulate(hardware, net, cache=self._cache) for subject, net in self.networks.items()}
        return paired(self.measurements, runs)

    def played(self, x: Vector, held: Mapping[str, Mapping[str, LayerMapping]]) -> Vector:
        """Return the logarithms of ours / measured, mappings held."""
        self.plays += 1
        if self._progress:
            self._progress(self.plays, max(self.plays, 200), "mappings held")
        machine = self.machine(x)
        runs = {
            subject: simulate(machine, net, mapping=held[subject], cache=self._unkept)
            for subject, net in self.networks.items()
        }
        return _logs(paired(self.measurements, runs))

    def mappings(self, pairs: Sequence[Pair]) -> dict[str, dict[str, LayerMapping]]:
        """Return the mappings that runs have, by subject and layer."""
        runs = {pair.measured.subject: pair.run for pair in pairs}
        return {
            subject: {layer.name: own for layer, own in saved_mappings(run, self.networks[subject].layers)}
            for subject, run in runs.items()
        }


def _logs(pairs: Sequence[Pair]) -> Vector:
    return np.array([log(max(pair.ours, 1e-12) / pair.measured.value) for pair in pairs])


def fit_machine(
    hardware: Hardware,
    measurements: Sequence[Measurement],
    parameters: Sequence[Parameter],
    progress: Progress | None = None,
) -> Fit:
    """Fit the parameters on three rows of four, and judge them on the others.

    Raises InputError where rows are too few, or tell nothing of the parameters.
    """
    lines = sorted({own.line for own in measurements})
    _check_rows(len(lines), parameters, measurements[0].file)
    fitted = frozenset(line for at, line in enumerate(lines) if at % HELD_OUT != HELD_OUT - 2)
    chosen = np.array([own.line in fitted for own in measurements])
    bench = _Bench(hardware, measurements, parameters, progress)
    before = bench.searched(hardware)
    x = np.array([own.place(own.low if own.own is None else own.own) for own in parameters])
    best, after, slopes = _rounds(bench, before, x, chosen)
    moved = np.abs(slopes).max(axis=1) > SEEN
    if moved.sum() <= len(parameters):
        raise InputError(_nothing_told(parameters, measurements[0].file, int(moved.sum())))
    residuals = _logs(after)[chosen]
    estimates, correlations = _told(parameters, best, residuals[moved], slopes[moved])
    counts = (int((~moved).sum()), bench.searches, bench.plays)
    return Fit(bench.machine(best), estimates, correlations, before, after, fitted, *counts)


def _check_rows(rows: int, parameters: Sequence[Parameter], file: str) -> None:
    needed = max(LEAST_ROWS, ROWS_PER_PARAMETER * len(parameters))
    if rows < needed:
        message = f"too few rows to fit {_counted(len(parameters))}"
        expected = f"at least {needed}: {ROWS_PER_PARAMETER} for each, of which one is held out"
        raise InputError(Problem(message, file, expected=expected, got=f"{rows}"))


def _counted(parameters: int) -> str:
    return f"{parameters} parameter{'s' * (parameters != 1)}"


def _nothing_told(parameters: Sequence[Parameter], file: str, moved: int) -> Problem:
    names = ", ".join(own.path for own in parameters)
    expected = f"more figures that depend on {names} than there are parameters"
    return Problem("the rows do not tell of the parameters", file, expected=expected, got=f"{moved}")


def _rounds(
    bench: _Bench, before: tuple[Pair, ...], x: Vector, chosen: npt.NDArray[np.bool_]
) -> tuple[Vector, tuple[Pair, ...], Vector]:
    """Fit with mappings held, search them anew at what is found, and again until nothing moves.

    Returns the best place, ours there with mappings searched, and the slopes of the figures that are fitted on.
    """
    pairs = bench.searched(bench.machine(x)) if bench.machine(x) != bench.hardware else before
    best: tuple[float, Vector, tuple[Pair, ...]] = (_loss(pairs, chosen), x, pairs)
    for _ in range(ROUNDS):
        found, promised = _least_squares(bench, best[1], bench.mappings(pairs), chosen)
        pairs = bench.searched(bench.machine(found))
        loss = _loss(pairs, chosen)
        if loss >= best[0]:
            break
        best = (loss, found, pairs)
        if float(np.abs(_logs(pairs)[chosen] - promised).max()) < SETTLED:
            break
    held = bench.mappings(best[2])
    return best[1], best[2], _slopes(bench, best[1], held)[chosen]


def _loss(pairs: Sequence[Pair], chosen: npt.NDArray[np.bool_]) -> float:
    return float((_logs(pairs)[chosen] ** 2).sum())


def _least_squares(
    bench: _Bench, x: Vector, held: Mapping[str, Mapping[str, LayerMapping]], chosen: npt.NDArray[np.bool_]
) -> tuple[Vector, Vector]:
    """Return the best place with mappings held, and the logarithms there of what is fitted on."""
    found = _scipy("optimize").least_squares(
        lambda at: bench.played(at, held)[chosen],
        x,
        jac=lambda at: _slopes(bench, at, held)[chosen],
        bounds=(0.0, 1.0),
        xtol=PRECISION,
        ftol=1e-4,
        max_nfev=40,
    )
    return np.array(found.x, dtype=np.float64), np.array(found.fun, dtype=np.float64)


def _slopes(bench: _Bench, x: Vector, held: Mapping[str, Mapping[str, LayerMapping]]) -> Vector:
    """Return how much each logarithm grows over the range of each parameter, by central differences at a place."""
    columns = []
    for at, own in enumerate(bench.parameters):
        step = max(STEP, _unit_step(own, float(x[at])))
        low, high = x.copy(), x.copy()
        low[at], high[at] = max(0.0, x[at] - step), min(1.0, x[at] + step)
        columns.append((bench.played(high, held) - bench.played(low, held)) / (high[at] - low[at]))
    return np.stack(columns, axis=1)


def _unit_step(parameter: Parameter, at: float) -> float:
    """Return the share of the range that one more makes, where values are whole and few."""
    value = parameter.value(at)
    return abs(parameter.place(value + 1) - parameter.place(value)) if isinstance(parameter.written(value), int) else 0


def _told(
    parameters: Sequence[Parameter], x: Vector, residuals: Vector, slopes: Vector
) -> tuple[tuple[Estimate, ...], tuple[tuple[str, str, float], ...]]:
    """Return estimates with intervals, and how they go together.

    covariance = (J^T J / sigma^2 + 12 I)^-1 in shares of the ranges: what the rows tell, of residuals of variance
    sigma^2 = sum(r^2) / (rows - parameters), and that each value lies in its range, uniformly, of variance 1 / 12.
    """
    freedom = len(residuals) - len(parameters)
    sigma = max(LEAST_SIGMA, float(np.sqrt((residuals**2).sum() / freedom)))
    known = slopes.T @ slopes / sigma**2 + np.eye(len(parameters)) / UNIFORM_VARIANCE
    covariance = np.linalg.inv(known)
    deviations = np.sqrt(np.diag(covariance))
    reach = float(_scipy("stats").t.ppf((1 + CONFIDENCE) / 2, freedom)) * deviations
    estimates = tuple(
        Estimate(own, own.value(at), own.value(max(0.0, at - by)), own.value(min(1.0, at + by)), float(told))
        for own, at, by, told in zip(parameters, x, reach, 1 - deviations / UNIFORM_VARIANCE**0.5, strict=True)
    )
    correlation = covariance / np.outer(deviations, deviations)
    pairs = [(i, j) for j in range(len(parameters)) for i in range(j)]
    return estimates, tuple((parameters[i].path, parameters[j].path, float(correlation[i, j])) for i, j in pairs)


def _scipy(module: str) -> Any:
    """Return a module of SciPy, which the extra search holds."""
    try:
        return import_module(f"scipy.{module}")
    except ImportError as error:
        raise InputError(
            Problem("simulate fit needs the extra search", expected='pip install "squeezesim[search]"')
        ) from error
