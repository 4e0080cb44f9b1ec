"""Index arithmetic of tiles: ceilings, sliding windows and clipped boxes."""

from simulator.cost.case import Ints
from simulator.cost.jit import jit


@jit
def fill(array: Ints, value: int) -> None:
    """Set every element (a slice assignment would compile a hundred times slower)."""
    for i in range(len(array)):
        array[i] = value


@jit
def ceil_div(a: int, b: int) -> int:
    """Round a / b up, for a >= 0 and b > 0."""
    if a <= b:  # most loops turn once, and a division takes as long as twenty other instructions
        return 1 if a > 0 else 0
    return (a + b - 1) // b


@jit
def gcd(a: int, b: int) -> int:
    """Greatest common divisor of two positive integers."""
    while b:
        a, b = b, a % b
    return a


@jit
def distinct(a: int, b: int, stride: int, dilation: int) -> int:
    """Count the different values of i*stride + j*dilation for 0 <= i < a, 0 <= j < b.

    With g = gcd(stride, dilation), u = stride/g and v = dilation/g, (i, j) and (i', j') give the same value exactly
    when (i', j') = (i - k*v, j + k*u) for an integer k. The pairs thus fall into chains, and every chain has one
    member without predecessor: those pairs for which (i - v, j + u) lies outside the box. Hence

        a*b - max(0, a - v) * max(0, b - u).

    For dilation 1 and stride <= b it is the window (a - 1)*stride + b.
    """
    if stride > 1 and dilation > 1:
        common = gcd(stride, dilation)
        stride, dilation = stride // common, dilation // common
    return a * b - max(0, a - dilation) * max(0, b - stride)


@jit
def slid(total: int, step: int, other: int, stride: int, dilation: int) -> int:
    """Count the words fetched while a window slides over `total` positions in strides of `step`.

    The first window is fetched whole; each later one fetches what its predecessor does not hold, which is
    distinct(both together) - distinct(predecessor). `other` is the extent of the paired dimension (filter
    for pixels, pixels for filter: swap stride and dilation).
    """
    n = ceil_div(total, step)
    last = total - (n - 1) * step
    if n == 1:
        return distinct(last, other, stride, dilation)
    one = distinct(step, other, stride, dilation)
    two = distinct(2 * step, other, stride, dilation)
    return (n - 2) * (two - one) + distinct(step + last, other, stride, dilation)


@jit
def box(a: int, b: int, stride: int, dilation: int) -> int:
    """Length of the interval that holds every i*stride + j*dilation, i < a, j < b: what a DMA moves."""
    return (a - 1) * stride + (b - 1) * dilation + 1


@jit
def tile_box(pixels: int, taps: int, stride: int, dilation: int, whole: int) -> int:
    """Length of the box that a tile of so many pixels and filter taps loads.

    A DMA that moves `whole` rows does not leave out those between a tile's last window and the next tile's first, as
    strides wider than the filter would allow.
    """
    length = box(pixels, taps, stride, dilation)
    return max(length, pixels * stride) if whole else length


@jit
def clipped(start: int, length: int, size: int) -> int:
    """Length of what lies of [start, start + length) inside a tensor of `size` rows; padding is outside."""
    return max(0, min(start + length, size) - max(start, 0))
