"""How circuits scale: with capacity, width and distance, and from node to node."""

from bisect import bisect_left
from collections.abc import Sequence
from math import exp, log

Points = Sequence[tuple[float, float]]

DIBL = 0.1
"""Volts of threshold that a short transistor loses for a volt at its drain (Roy et al., Proc. IEEE 91(2), 2003)."""

SLOPE_V = 0.0388
"""Volts of threshold that change leakage by e: n k T / q, with n = 1.5 (likewise) and 26 mV at room temperature."""


def power_law(points: Points, x: float) -> float:
    """Return y at x by a power law between points, and beyond them by that of the two outermost.

    That is a line through (log x, log y): y = y0 (x / x0)^a with a = log(y1 / y0) / log(x1 / x0). A memory comes out
    near the square root of its capacity, as doubling the bits lengthens word and bit lines by sqrt(2). A single point
    holds for every x.

    >>> power_law([(8, 0.2), (32, 3.2)], 16)
    0.8
    """
    if len(points) == 1:
        return points[0][1]
    upper = next((i for i, (at, _) in enumerate(points[1:], 1) if x <= at), len(points) - 1)
    (x0, y0), (x1, y1) = points[upper - 1], points[upper]
    return y0 * exp(log(y1 / y0) / log(x1 / x0) * log(x / x0))


def between(points: Points, x: float) -> float:
    """Return y at x on the line between the neighbouring points, whose x grow and of which x is between two.

    >>> between([(20, 2.0), (32, 5.0)], 28)
    4.0
    """
    upper = max(1, bisect_left([at for at, _ in points], x))
    (x0, y0), (x1, y1) = points[upper - 1], points[upper]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def leakage_share(voltage: float, usual: float) -> float:
    """Return the power that leaks at a voltage, of that at another.

    P = V I, and I goes with e^(-Vth / (n k T / q)), where V lowers Vth by DIBL V: in volts of SLOPE_V = n k T / q,
    P / P0 = (V / V0) e^(DIBL (V - V0) / SLOPE_V). So from 0.9 to 0.65 V nearly as the cube of the voltage.

    >>> leakage_share(0.9, 0.9), round(leakage_share(0.65, 0.9), 3)
    (1.0, 0.379)
    """
    return voltage / usual * exp(DIBL * (voltage - usual) / SLOPE_V)
