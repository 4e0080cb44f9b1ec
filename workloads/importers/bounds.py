"""What a file may hold at most, so that a broken or hostile one costs neither much time nor memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import Layer, Op, Shape
from simulator.source.files import read_bytes

MOST_LAYERS = 20_000
LARGEST_SIDE = 1 << 22  # rows or columns of a kernel, a stride, a padding: of whole signals too
LARGEST_EXTENT = 1 << 31  # of a tensor along an axis: a signal or the rows of a product have no other bound
MOST_ELEMENTS = 1 << 36  # of one tensor
MOST_MACS = 1 << 56  # of one layer: twenty thousand of them still fit 64 bits many times over
LONGEST_NAME = 500


def read_text(path: Path, most_bytes: int) -> str:
    """Return a file's text, whatever its encoding; raise InputError where it cannot be read or is too large."""
    return read_bytes(path, most_bytes).decode("utf-8-sig", errors="replace")


def check_shape(name: str, shape: Shape) -> None:
    """Raise InputError for a tensor that no machine could hold."""
    if min(shape) < 1:
        raise _too_much(name, "a tensor needs at least one element", "extents of 1 or more", "x".join(map(str, shape)))
    if max(shape) > LARGEST_EXTENT or prod(shape) > MOST_ELEMENTS:
        expected = f"at most {MOST_ELEMENTS} elements, {LARGEST_EXTENT} along an axis"
        raise _too_much(name, "the tensor is too large", expected, "x".join(map(str, shape)))


def check_layer(layer: Layer) -> None:
    """Raise InputError for a layer beyond what the simulator counts."""
    for shape in (*layer.input_shapes, layer.output_shape):
        check_shape(layer.name, shape)
    if layer.constant_elements > MOST_ELEMENTS:
        got = str(layer.constant_elements)
        raise _too_much(layer.name, "constants are too large", f"at most {MOST_ELEMENTS} elements", got)
    sizes = (*layer.kernel, *layer.stride, *layer.dilation, *layer.padding, layer.window)
    if max(sizes) > LARGEST_SIDE or min(sizes) < 0:
        got = ", ".join(map(str, sizes))
        raise _too_much(layer.name, "a window is out of range", f"sizes of 0 to {LARGEST_SIDE}", got)
    if layer.op is Op.MATMUL:
        check_factor(layer)
    if layer.macs > MOST_MACS:
        raise _too_much(layer.name, "too many multiplications", f"at most {MOST_MACS}", str(layer.macs))


def check_factor(layer: Layer) -> None:
    """Raise InputError unless the second factor is a matrix for each sample and group, for some of them, or for all."""
    samples, channels, *_ = layer.input_shapes[0]
    matrix = (channels // layer.groups) * (layer.output_shape[1] // layer.groups)
    matrices, rest = divmod(prod(layer.input_shapes[1]), matrix)
    if rest or samples * layer.groups % matrices:
        expected, got = f"matrices of {matrix} elements", f"{prod(layer.input_shapes[1])} elements"
        raise _too_much(layer.name, "the second factor does not fit", expected, got)


@contextmanager
def located(file: str, line: int | None = None) -> Iterator[None]:
    """Add file and line to the problems raised inside that do not know theirs."""
    try:
        yield
    except InputError as error:
        problems = [p if p.file else replace(p, file=file, line=line) for p in error.problems]
        raise InputError(*problems) from error


def shorten(text: str, limit: int = 60) -> str:
    """Return a text that fits a message."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _too_much(name: str, message: str, expected: str, got: str | None = None) -> InputError:
    return InputError(Problem(message, path=shorten(name), expected=expected, got=shorten(got) if got else None))
