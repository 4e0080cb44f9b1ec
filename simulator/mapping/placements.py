"""Placements: what a dataflow unrolls on rows and columns and loops over inside a PE, for one layer on one machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from simulator.dims import RELEVANT, Dim, Operand
from simulator.hardware.model import Hardware
from simulator.kernels.geometry import distinct
from simulator.mapping.dataflow import Dataflow
from simulator.mapping.records import array_bounds
from simulator.network.nest import LoopNest

FILTER_TAPS = (Dim.R, Dim.S)


@dataclass(frozen=True, slots=True)
class Placement:
    """Bounds of each dimension on rows, on columns and in the registers of a PE; arrays by `Dim`."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    registers: tuple[int, ...]

    @property
    def spatial(self) -> tuple[int, ...]:
        """PEs over which each dimension is spread."""
        return tuple(r * c for r, c in zip(self.rows, self.columns, strict=True))


def balanced(extent: int) -> list[int]:
    """Bounds that cut an extent into equal parts, largest first: ceil(extent / n) for every n.

    >>> balanced(13)
    [13, 7, 5, 4, 3, 2, 1]
    """
    sizes, n = [], 1
    while not sizes or sizes[-1] > 1:
        size = -(-extent // n)
        if not sizes or size < sizes[-1]:
            sizes.append(size)
        n = max(n + 1, -(-extent // max(1, size - 1)) if size > 1 else n + 1)
    return sizes


def axis_bounds(extents: Sequence[int], dims: Sequence[Dim], length: int) -> list[tuple[int, ...]]:
    """Ways to unroll `dims` along an axis of `length` PEs so that no bound could grow; tuples in the order of `dims`.

    Filter taps take what they can; other dimensions share what is left in every balanced way.
    """
    found: list[tuple[int, ...]] = []

    def extend(chosen: tuple[int, ...], left: int) -> None:
        if len(chosen) == len(dims):
            found.append(chosen)
            return
        d = dims[len(chosen)]
        options = [b for b in balanced(extents[d]) if b <= left]
        for bound in options[:1] if d in FILTER_TAPS else options:
            extend((*chosen, bound), left // bound)

    extend((), length)
    return [a for a in found if not any(b != a and all(x >= y for x, y in zip(b, a, strict=True)) for b in found)]


def _spread(bounds: Sequence[int], dims: Sequence[Dim]) -> tuple[int, ...]:
    full = [1] * 8
    for d, bound in zip(dims, bounds, strict=True):
        full[d] = bound
    return tuple(full)


def placements(dataflow: Dataflow, nest: LoopNest, hardware: Hardware) -> list[Placement]:
    """Every placement of the dataflow that the array and the registers of a PE can hold; at least one.

    A placement is dropped if a larger one of the same kind fits, so that a larger array or register file only adds.
    """
    extents = array_bounds(nest, dataflow.lowered)
    found = []
    for row_bounds in axis_bounds(extents, dataflow.rows, hardware.array.rows):
        rows = _spread(row_bounds, dataflow.rows)
        left = [-(-e // r) for e, r in zip(extents, rows, strict=True)]
        for column_bounds in axis_bounds(left, dataflow.columns, hardware.array.columns):
            columns = _spread(column_bounds, dataflow.columns)
            rest = [-(-e // c) for e, c in zip(left, columns, strict=True)]
            for registers in register_bounds(dataflow, nest, rest, rows, columns, hardware):
                found.append(Placement(rows, columns, registers))
    return found


def register_bounds(
    dataflow: Dataflow,
    nest: LoopNest,
    rest: Sequence[int],
    rows: tuple[int, ...],
    columns: tuple[int, ...],
    hardware: Hardware,
) -> list[tuple[int, ...]]:
    """Bounds of the loops in a PE that its registers can hold and of which none could grow.

    Filter taps are held whole or one by one. Always holds the placement of a single word.
    """
    options = [[rest[d], 1] if d in FILTER_TAPS else balanced(rest[d]) for d in dataflow.registers]
    fitting: list[tuple[int, ...]] = []
    for bounds in _product(options):
        registers = _spread(bounds, dataflow.registers)
        if any(all(x >= y for x, y in zip(other, registers, strict=True)) for other in fitting):
            continue
        placement = Placement(rows, columns, registers)
        if not excess_registers(placement, dataflow, nest, hardware):
            fitting.append(registers)
    return fitting or [(1,) * 8]


def _product(options: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    if not options:
        yield ()
        return
    for last in options[-1]:
        for before in _product(options[:-1]):
            yield (*before, last)


def excess_registers(
    placement: Placement, dataflow: Dataflow, nest: LoopNest, hardware: Hardware
) -> dict[Operand, tuple[int, int]]:
    """Operands that need more register words in a PE than it has, as (needed, available)."""
    order = tuple(reversed(dataflow.registers))
    needed = register_words(placement, order, dataflow.stationary, nest, dataflow.lowered, hardware)
    available = hardware.array.registers_words
    return {o: (needed[o], available[o]) for o in Operand if needed[o] > available[o]}


def register_words(
    placement: Placement,
    order: Sequence[Dim],
    stationary: Operand | None,
    nest: LoopNest,
    lowered: bool,
    hardware: Hardware,
) -> tuple[int, int, int]:
    """Words of each operand that a PE must hold; `order` lists the loops in a PE, outermost first.

    The stationary operand is held whole, and so is a window of inputs that slides over the taps of a filter. Otherwise
    words pass through, but what lies inside a loop that reuses it must wait for the next turn. Inputs that neighbours
    hand on are spread over the PEs that share them.
    """
    words = []
    for operand in Operand:
        bounds = placement.registers
        window = operand is Operand.INPUTS and any(bounds[d] > 1 for d in FILTER_TAPS)
        if operand is not stationary and not window:
            reuse = next((j for j, d in enumerate(order) if bounds[d] > 1 and d not in RELEVANT[operand]), len(order))
            inside = order[reuse:]
            bounds = tuple(b if d in inside else 1 for d, b in zip(Dim, bounds, strict=True))
        if operand is Operand.INPUTS and not lowered:
            shared = hardware.array.delivery[Operand.INPUTS].forwarding
            words.append(_window_words(bounds, placement.spatial, nest, shared))
        else:
            words.append(prod(bounds[d] for d in RELEVANT[operand]))
    return words[0], words[1], words[2]


def _window_words(bounds: tuple[int, ...], spatial: tuple[int, ...], nest: LoopNest, shared: bool) -> int:
    """Input words of a PE's window; where PEs share, the window of all of them divided by their number."""
    height_width = []
    for axis, (pixel, tap) in enumerate(((Dim.P, Dim.R), (Dim.Q, Dim.S))):
        a, b = bounds[pixel], bounds[tap]
        pes = 1
        if shared and (bounds[tap] > 1 or bounds[pixel] > 1):
            pes = spatial[pixel] * spatial[tap]
            a, b = a * spatial[pixel], b * spatial[tap]
        height_width.append((int(distinct(a, b, nest.stride[axis], nest.dilation[axis])), pes))
    (rows, row_pes), (columns, column_pes) = height_width
    others = bounds[Dim.N] * bounds[Dim.G] * bounds[Dim.C]
    return others * -(-rows * columns // (row_pes * column_pes))
