"""How many steps of the array the tiles of a layer take at least, by how each dimension is cut.

A step has one element of a dimension for each PE that the dimension is spread over, times what a PE has of it: so all
MACs take as many cycles as there would be steps if PEs had one element each. Cutting a dimension into tiles that are no
whole numbers of steps makes more of them.
"""

from functools import lru_cache

import numpy as np

from simulator.cost.candidates import ways_to_cut
from simulator.cost.case import Ints
from simulator.cost.spatial import axes_of, largest, most_unrolled
from simulator.hardware.model import Array
from simulator.mapping.dataflow import Dataflow
from simulator.nest import Dim, LoopNest, array_bounds

PIXELS = (Dim.N, Dim.P, Dim.Q)
MOST_SPREADS = 256
"""Ways to spread dimensions over PEs that are told apart; if there are more, none is."""
MOST_EXTENTS = 1 << 20
"""Extents of tiles along a dimension that are looked at; of a longer one, what no tiling takes fewer steps than."""


@lru_cache(maxsize=16384)
def least_steps(bound: int, each: int, pes: int, least: tuple[int, ...], most: tuple[int, ...]) -> tuple[int, ...]:
    """Steps of all tiles along a dimension at least, if their extents lie between `least` and `most` for each way.

    An extent counts `each` times, and a step has so many elements as there are `pes`.

    >>> least_steps(256, 1, 32, (256, 128, 52), (256, 255, 63))
    (8, 8, 9)
    """
    if bound > MOST_EXTENTS:
        return (-(-bound * each // pes),) * len(least)  # ceil(a / s) + ceil(b / s) >= ceil((a + b) / s)
    extent = np.arange(1, bound + 1)
    tiles = -(-bound // extent)
    last = bound - (tiles - 1) * extent
    steps = (tiles - 1) * -(-extent * each // pes) + -(-last * each // pes)
    return tuple(int(steps[low - 1 : high].min()) for low, high in zip(least, most, strict=True))


def spreads(dataflow: Dataflow, nest: LoopNest, array: Array) -> list[tuple[int, ...]]:
    """PEs along each dimension: all ways that no other exceeds, or none if they are not known."""
    axes = {*dataflow.rows, *dataflow.columns, *(dataflow.arrays if array.instances > 1 else ())}
    if dataflow.channel_packing or (dataflow.lowered and axes & set(PIXELS)):
        return []
    bounds = array_bounds(nest.bounds, dataflow.lowered)
    every = [tuple(map(int, row)) for row in most_unrolled(axes_of(dataflow, array), bounds)]
    if len(every) > MOST_SPREADS:
        return []
    return largest(every)


@lru_cache(maxsize=4096)
def step_tables(dataflow: Dataflow, nest: LoopNest, array: Array, longest: tuple[int, ...]) -> Ints:
    """Steps at least [way to spread, dimension, way to cut], whose products over dimensions bound the MAC cycles.

    The ways to cut are those of `ways_to_cut`, if steps are no longer than `longest`.
    """
    cuts = ways_to_cut(nest, dataflow, longest)
    found = spreads(dataflow, nest, array)
    table = np.ones((len(found), 8, cuts.least.shape[1]), np.int64)
    for i, spread in enumerate(found):
        for d, bound in zip(Dim, nest.bounds, strict=True):
            if dataflow.lowered and d in (Dim.R, Dim.S):
                continue  # counted with the channels
            each = nest.bounds[Dim.R] * nest.bounds[Dim.S] if dataflow.lowered and d == Dim.C else 1
            ways = slice(cuts.counts[d])
            least, most = (tuple(map(int, extents[d, ways])) for extents in (cuts.least, cuts.most))
            table[i, d, ways] = least_steps(bound, each, spread[d], least, most)
    return table
