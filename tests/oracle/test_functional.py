"""A mapped nest, executed MAC by MAC, computes the convolution, whatever the mapping and the machine's levels."""

from dataclasses import replace
from itertools import product
from math import prod
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.cost.convert import complete_order
from simulator.nest import Dim, array_bounds
from simulator.verify import convolve, execute, random_tensors
from simulator.verify.loops import begin_loops, begin_tile, next_cycle, next_tile
from simulator.verify.nest import nest_record
from tests.oracle.naive import tiles_of
from tests.oracle.naive_array import iterations, own_block, steps_by
from tests.oracle.strategies import MANY, SHAPES, mapped_nests, nests

seeds = st.integers(0, 2**32 - 1)


@st.composite
def shaped(draw):
    """A nest, a mapping of it, and the shape of the machine that it is for."""
    shape = draw(SHAPES)
    return *draw(mapped_nests(shapes=st.just(shape))), shape


@MANY
@given(shaped(), seeds)
def test_every_legal_mapping_computes_the_convolution(case, seed):
    nest, mapping, shape = case
    inputs, weights = random_tensors(nest, seed)
    executed = execute(nest, mapping, inputs, weights, shape.chip)
    assert np.array_equal(executed.outputs, convolve(nest, inputs, weights))
    assert executed.macs == executed.busy.sum() == nest.macs
    assert executed.array_cycles == executed.busy.max()


@given(nests(), seeds)
def test_the_convolution_is_a_sum_of_products_of_shifted_inputs(nest, seed):
    inputs, weights = random_tensors(nest, seed)
    assert np.array_equal(convolve(nest, inputs, weights), shifted_products(nest, inputs, weights))


@given(shaped())
def test_each_pe_does_the_macs_that_its_position_gives_it(case):
    nest, mapping, shape = case
    executed = execute(nest, mapping, *random_tensors(nest, seed=0), shape.chip)
    assert np.array_equal(executed.busy, positions_work(nest, mapping, shape))


@given(shaped())
def test_the_loops_of_every_level_run_in_their_order(case):
    nest, mapping, shape = case
    loops, indices = nest_record(nest, mapping, shape.chip, operand_shapes(nest)), []
    tiles = list(tiles_of(nest, replace(mapping, dram_order=complete_order(mapping.dram_order))))
    for tile in tiles:
        begin_tile(loops)
        assert loops["start"].tolist() == [part[0] for part in tile]
        loops["extent"][0] = array_bounds([len(part) for part in tile], mapping.lowered)
        begin_loops(loops, 0)
        indices.append(first_indices(loops))
        while next_cycle(loops):
            indices.append(first_indices(loops))
        next_tile(loops)
    assert indices == [at for tile in tiles for at in walked_indices(tile, mapping, shape)]


def operand_shapes(nest):
    n, g, k, c, p, q, r, s = nest.bounds
    return (n, g, c, *nest.input_size), (g, k, c, r, s), (n, g, k, p, q)


def first_indices(loops):
    """Where the first PE is in a tile."""
    return tuple((loops["begin"] + loops["at"])[loops["registers"]].tolist())


def walked_indices(tile, mapping, shape):
    """Where the first PE is, MAC by MAC, in nested loops."""
    machine = SimpleNamespace(levels=shape.levels, chip_levels=shape.chip)
    tiles = [level.tile for level in mapping.inner]
    cuts = SimpleNamespace(inner_tile=[None, *tiles], registers=mapping.registers, spatial=mapping.spatial)
    sizes, own = [*steps_by(machine, cuts), [1] * 8], own_block(machine, cuts)
    orders = [mapping.buffer_order, *(level.order for level in mapping.inner), mapping.registers_order]

    def within(level, parts):
        if level == len(orders):
            yield tuple(parts[d][0][0] for d in Dim)
            return
        for _, inside in iterations(parts, orders[level], sizes[level]):
            if level == shape.chip - 1:
                inside = {d: [inside[d][0][: own[d]]] for d in Dim}
            yield from within(level + 1, inside)

    extents = array_bounds([len(part) for part in tile], mapping.lowered)
    return within(0, {d: [range(extent)] for d, extent in zip(Dim, extents, strict=True)})


def shifted_products(nest, inputs, weights):
    """The convolution in numpy: pad, then add a strided slice of the inputs per filter tap."""
    (p, q), (top, left, bottom, right) = nest.bounds[4:6], nest.padding
    padded = np.pad(inputs.astype(np.int64), ((0, 0),) * 3 + ((top, bottom), (left, right)))
    total = 0
    for r, s in product(range(weights.shape[3]), range(weights.shape[4])):
        rows = slice(r * nest.dilation[0], None, nest.stride[0])
        columns = slice(s * nest.dilation[1], None, nest.stride[1])
        shifted = padded[..., rows, columns][..., :p, :q]
        total = total + np.einsum("ngcpq,gkc->ngkpq", shifted, weights[..., r, s].astype(np.int64))
    return total


def positions_work(nest, mapping, shape):
    """MACs per PE, read off the definition: the indices that belong to each position, dimension by dimension."""
    busy = 0
    inside = [*(level.tile for level in mapping.inner), mapping.registers]
    for extents in product(*(cut(bound, part) for bound, part in zip(nest.bounds, mapping.tile, strict=True))):
        on_array = array_bounds(extents, mapping.lowered)
        tile_busy = np.ones((1, 1, 1), np.int64)
        for x in Dim:
            parts = [on_array[x]]
            for level in inside[: shape.chip - 1]:
                parts = [part for extent in parts for part in cut(extent, level[x])]
            places = mapping.arrays[x], mapping.rows[x], mapping.columns[x]
            tile_busy = np.kron(tile_busy, sum(share(part, places, inside[shape.chip - 1][x]) for part in parts))
        busy = busy + tile_busy.reshape(-1, tile_busy.shape[2])
    return busy


def cut(bound, part):
    """The extents of the tiles along one dimension."""
    return [min(part, bound - start) for start in range(0, bound, part)]


def share(extent, places, own):
    """How many of `extent` indices fall to each (array, row, column), of which each takes `own` in a row."""
    counts = np.zeros(prod(places), np.int64)
    for index in range(extent):
        counts[index // own % prod(places)] += 1
    return counts.reshape(places)
