"""Work out the sizes of windows, broadcasts and joins: the only shape arithmetic there is."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from typing import Literal

Shape = tuple[int, int, int, int]  # [N, C, H, W]; a vector is [N, C, 1, 1]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, left, bottom, right
Padding = int | Pair | Sides | Literal["same", "half"]


AXES = ("batch", "channels", "height", "width")


class Misfit(ValueError):
    """What a layer is given does not fit it: what is wrong, what it must be, what it is."""

    def __init__(self, message: str, expected: str | None = None, got: str | None = None) -> None:
        super().__init__(message)
        self.message, self.expected, self.got = message, expected, got


def shape_of(extents: Iterable[int]) -> Shape:
    """Return four extents as a shape."""
    n, c, h, w = extents
    return (n, c, h, w)


def text(extents: Iterable[int]) -> str:
    """Return extents as people write them.

    >>> text((1, 3, 224, 224))
    '1x3x224x224'
    """
    return "x".join(map(str, extents))


def pair(value: int | Pair) -> Pair:
    """Return (vertical, horizontal), an int meaning both.

    >>> pair(3), pair((1, 3))
    ((3, 3), (1, 3))
    """
    return (value, value) if isinstance(value, int) else value


def window_reach(kernel: int, dilation: int) -> int:
    """Return how many input elements a window spans, its holes included."""
    return (kernel - 1) * dilation + 1


def sides(padding: Padding, size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Sides:
    """Return (top, left, bottom, right) for any way of writing a padding.

    "same" makes ceil(size / stride) outputs and, where the sum is odd, pads one more below and to the right
    (TensorFlow); "half" pads half the window on each side whatever the stride (PyTorch's `kernel // 2`).

    >>> sides("same", (224, 224), (3, 3), (2, 2))
    (0, 0, 1, 1)
    >>> sides("half", (224, 224), (3, 1), (2, 2))
    (1, 0, 1, 0)
    """
    if padding == "half":
        vertical, horizontal = (window_reach(k, d) // 2 for k, d in zip(kernel, dilation, strict=True))
        return (vertical, horizontal, vertical, horizontal)
    if padding == "same":
        spans = zip(size, kernel, stride, dilation, strict=True)
        (top, bottom), (left, right) = (_same(extent, window_reach(k, d), s) for extent, k, s, d in spans)
        return (top, left, bottom, right)
    if isinstance(padding, int):
        return (padding, padding, padding, padding)
    if len(padding) == 2:
        vertical, horizontal = padding
        return (vertical, horizontal, vertical, horizontal)
    return padding


def _same(size: int, reach: int, stride: int) -> Pair:
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


@lru_cache(maxsize=4096)
def window_outputs(
    size: Pair, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair = (1, 1), ceil: bool = False
) -> Pair:
    """Return how many windows fit, down and across; below 1 where none does.

    With `ceil` a last window may hang over the padded edge, as long as it starts inside the input or the padding
    before it (Caffe's and PyTorch's rule).

    >>> window_outputs((112, 112), (3, 3), (2, 2), (0, 0, 0, 0), ceil=True)
    (56, 56)
    """
    before, after = padding[:2], padding[2:]
    spans = zip(size, kernel, stride, dilation, before, after, strict=True)
    rows, columns = (_windows(extent, window_reach(k, d), s, low, high, ceil) for extent, k, s, d, low, high in spans)
    return rows, columns


def _windows(size: int, reach: int, stride: int, before: int, after: int, ceil: bool) -> int:
    room = size + before + after - reach
    if room < 0:
        return 0
    if not ceil:
        return room // stride + 1
    windows = -(-room // stride) + 1
    starts_outside = (windows - 1) * stride >= size + before
    return windows - 1 if starts_outside else windows


def broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape two operands stretch to where extents are equal or 1, or None where they cannot.

    >>> broadcast((1, 8, 7, 7), (1, 8, 1, 1))
    (1, 8, 7, 7)
    """
    pairs = list(zip(first, second, strict=True))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        return None
    return tuple(max(a, b) for a, b in pairs)


def joined(shapes: Sequence[Shape], names: Sequence[str], axis: int) -> Shape:
    """Return the shape of tensors joined along an axis; raise Misfit where they differ along another.

    >>> joined([(1, 3, 7, 7), (1, 5, 7, 7)], ["a", "b"], axis=1)
    (1, 8, 7, 7)
    """
    first = shapes[0]
    for name, other in zip(names[1:], shapes[1:], strict=True):
        for at, (extent, others) in enumerate(zip(first, other, strict=True)):
            if at != axis and extent != others:
                raise Misfit(f"{AXES[at]} of {name} differs", str(extent), str(others))
    return shape_of(sum(shape[at] for shape in shapes) if at == axis else first[at] for at in range(4))


def require_divisible(groups: int, what: str, extent: int) -> None:
    """Raise Misfit unless so many channels can be dealt out to groups."""
    if extent % groups:
        raise Misfit(f"{what} do not divide into groups", f"a multiple of {groups}", str(extent))


def tensor_bytes(shape: Iterable[int], bits: int) -> int:
    """Return the bytes of a tensor, whole bytes in all.

    >>> tensor_bytes((1, 3, 1, 1), bits=4)
    2
    """
    return (prod(shape) * bits + 7) // 8
