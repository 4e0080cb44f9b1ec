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
def axis_words(a: int, a_step: int, b: int, b_step: int, stride: int, dilation: int, slides: int) -> int:
    """Count the input rows (or columns) fetched while pixels step by `a_step` over a and taps by `b_step` over b.

    Each pair of steps fetches its distinct positions; the sum factors into full and last steps of each. `slides` is
    1 if consecutive pixel steps keep their overlap, 2 if consecutive filter steps do, 0 if neither.
    """
    if slides == 2:
        a, b, a_step, b_step, stride, dilation = b, a, b_step, a_step, dilation, stride
    nb = ceil_div(b, b_step)
    b_last = b - (nb - 1) * b_step
    if slides != 0:
        return (nb - 1) * slid(a, a_step, b_step, stride, dilation) + slid(a, a_step, b_last, stride, dilation)
    na = ceil_div(a, a_step)
    a_last = a - (na - 1) * a_step
    words = distinct(a_last, b_last, stride, dilation)
    if na > 1:
        words += (na - 1) * distinct(a_step, b_last, stride, dilation)
    if nb > 1:
        words += (nb - 1) * distinct(a_last, b_step, stride, dilation)
        words += (na - 1) * (nb - 1) * distinct(a_step, b_step, stride, dilation)
    return words


@jit
def box(a: int, b: int, stride: int, dilation: int) -> int:
    """Length of the interval that holds every i*stride + j*dilation, i < a, j < b: what a DMA moves."""
    return (a - 1) * stride + (b - 1) * dilation + 1


@jit
def clipped_box(
    a_start: int, a: int, b_start: int, b: int, stride: int, dilation: int, pad: int, size: int, whole: int
) -> int:
    """Length of the box of pixels [a_start, +a) and taps [b_start, +b) that lies inside a tensor of `size` rows.

    The padding (`pad` before the first row) never crosses the DRAM port. A DMA that moves `whole` rows does not leave
    out those between a tile's last window and the next tile's first, as strides wider than the filter would allow.
    """
    start = a_start * stride + b_start * dilation - pad
    length = box(a, b, stride, dilation)
    if whole:
        length = max(length, a * stride)
    return max(0, min(start + length, size) - max(start, 0))
