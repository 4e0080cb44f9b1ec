"""Some of a plan's combinations, spread evenly over machines, networks and axes."""

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.drive.sweep.plan import Plan, combination_of
from simulator.errors import InputError, Problem

if TYPE_CHECKING:
    from analysis.drive.sweep.schema import WrittenSamples


def sampled(plan: Plan, samples: "WrittenSamples") -> Plan:
    """Return the plan with as many points as it asks for, or fewer: those that fall together count once.

    A coordinate in [0, 1) of the sequence takes the choice at that share of an axis' list.
    """
    try:
        from scipy.stats import qmc
    except ImportError as error:
        expected = 'pip install "squeezesim[search]"'
        raise InputError(Problem("samples need the extra search", plan.document.file, expected=expected)) from error
    dimensions = len(plan.extents)
    if samples.method == "sobol":
        exponent = (samples.points - 1).bit_length()  # sequences of other lengths than powers of two are uneven
        drawn = qmc.Sobol(dimensions, rng=samples.seed).random_base2(exponent)[: samples.points]
    else:
        drawn = qmc.LatinHypercube(dimensions, rng=samples.seed).random(samples.points)
    chosen = (
        combination_of(plan, [int(share * extent) for share, extent in zip(row, plan.extents, strict=True)])
        for row in drawn.tolist()
    )
    return replace(plan, sampled=tuple(dict.fromkeys(chosen)))
