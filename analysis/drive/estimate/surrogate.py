"""A surrogate of top-1 accuracy, fitted on published networks, and judged by families that it has not seen.

A Gaussian process of one length for all features, which are scaled to a mean of 0 and a deviation of 1: the length is
the square root of their number, about the distance of two networks. Twice and half of it were seen: their rank
correlations are 0.94 and 0.81. Nothing else of a family that is left out is in what predicts it. Members of a family
differ in width and resolution, which helps the correlation over all: of two families it says less.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import sqrt
from typing import Any

from analysis.drive.estimate.features import FEATURES, features_of
from analysis.drive.estimate.specs import meaning
from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from workloads.load import load_network
from workloads.published import FIGURES
from workloads.spec import split_spec

LEAST_CORRELATION = 0.8
"""Below it nothing is concluded from an estimate."""
NOISE = 0.05
"""Variance of what features do not tell, such as training, as a share of that of accuracy."""
COVERED = 0.9
"""The share of networks of families left out that lie within the interval."""
NORMAL_90 = 1.645  # deviations of a normal distribution on either side of which 5 % lie


@dataclass(frozen=True, slots=True)
class Estimate:
    """Top-1 accuracy in percent, and the interval around it."""

    percent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How well networks are told whose whole family was left out of the fit."""

    networks: int
    families: int
    rank_correlation: float
    mean_error: float
    covering_error: float
    """The error that a share of COVERED of them stays below."""

    @property
    def concludes(self) -> bool:
        """Whether conclusions may be drawn from estimates."""
        return self.rank_correlation >= LEAST_CORRELATION

    @property
    def text(self) -> str:
        """All of it in a line, to stand wherever an estimate does."""
        return (
            f"top-1 estimated from {self.networks} published networks; of families left out, {self.families} in turn: "
            f"rank correlation {self.rank_correlation:.2f}, mean error {self.mean_error:.1f} points, "
            f"{COVERED:.0%} within {self.covering_error:.1f}"
        )


class Surrogate:
    """Tells the accuracy of networks like those it was fitted on, and refuses others."""

    def __init__(self, rows: list[tuple[str, tuple[float, ...], float]]) -> None:
        """Fit on (family, features, percent) of networks."""
        import numpy as np

        families = np.array([family for family, _, _ in rows])
        features, percents = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
        self.lows, self.highs = features.min(axis=0).tolist(), features.max(axis=0).tolist()
        left_out = np.zeros(len(rows))
        for family in dict.fromkeys(families.tolist()):
            own = families == family
            left_out[own] = _fitted(features[~own], percents[~own]).predict(features[own])
        errors = np.abs(left_out - percents)
        correlation = import_module("scipy.stats").spearmanr(left_out, percents).statistic
        quantile = float(np.quantile(errors, COVERED))
        count = len(set(families.tolist()))
        self.left_out = LeftOut(len(rows), count, float(correlation), float(errors.mean()), quantile)
        self.model = _fitted(features, percents)

    def estimate(self, network: Network) -> Estimate:
        """Return the estimate of a network; raise InputError for one beyond those that it was fitted on.

        The interval is that of families left out, or the model's own where that is wider.
        """
        if not network.macs:
            raise InputError(Problem("a network that multiplies nothing has no accuracy", path=network.name))
        features = features_of(network)
        ranges = zip(FEATURES, features, self.lows, self.highs, strict=True)
        problems = [_beyond(network, *each) for each in ranges if not each[2] <= each[1] <= each[3]]
        if problems:
            raise InputError(*problems)
        (percent,), (deviation,) = self.model.predict([features], return_std=True)
        half = max(self.left_out.covering_error, NORMAL_90 * float(deviation))
        return Estimate(float(percent), max(0.0, float(percent) - half), min(100.0, float(percent) + half))


def _beyond(network: Network, name: str, value: float, low: float, high: float) -> Problem:
    message = f"accuracy is not estimated: {name} is beyond that of published networks"
    return Problem(message, path=network.name, expected=f"{low:.3g} to {high:.3g}", got=f"{value:.3g}")


def _fitted(features: Any, percents: Any) -> Any:
    process, kernels = import_module("sklearn.gaussian_process"), import_module("sklearn.gaussian_process.kernels")
    kernel = kernels.RBF(sqrt(len(FEATURES))) + kernels.WhiteKernel(NOISE)
    model = process.GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
    scaler = import_module("sklearn.preprocessing").StandardScaler()
    return import_module("sklearn.pipeline").make_pipeline(scaler, model).fit(features, percents)


@cache
def published_surrogate() -> Surrogate:
    """Return the surrogate of all bundled networks with a published top-1, the first source of each."""
    try:
        import_module("sklearn")
    except ImportError as error:
        expected = 'pip install "squeezesim[search]"'
        raise InputError(Problem("estimates of accuracy need the extra search", expected=expected)) from error
    with FIGURES.open(encoding="utf-8", newline="") as file:
        published = [(row["spec"], float(row["top1_percent"])) for row in csv.DictReader(file) if row["top1_percent"]]
    first = {meaning(spec): (spec, percent) for spec, percent in reversed(published)}
    rows = [(split_spec(spec)[0], features_of(load_network(spec)), percent) for spec, percent in first.values()]
    return Surrogate(sorted(rows))
