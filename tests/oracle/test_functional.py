"""A mapped nest, executed MAC by MAC, computes the convolution, whatever the mapping."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.nest import Dim
from simulator.verify import convolve, execute, random_tensors
from tests.oracle.strategies import MANY, array_extents, mapped_nests, nests

seeds = st.integers(0, 2**32 - 1)


@MANY
@given(mapped_nests(), seeds)
def test_every_legal_mapping_computes_the_convolution(case, seed):
    nest, mapping = case
    inputs, weights = random_tensors(nest, seed)
    executed = execute(nest, mapping, inputs, weights)
    assert np.array_equal(executed.outputs, convolve(nest, inputs, weights))
    assert executed.macs == executed.busy.sum() == nest.macs
    assert executed.array_cycles == executed.busy.max()


@given(nests(), seeds)
def test_the_convolution_is_a_sum_of_products_of_shifted_inputs(nest, seed):
    inputs, weights = random_tensors(nest, seed)
    assert np.array_equal(convolve(nest, inputs, weights), shifted_products(nest, inputs, weights))


@given(mapped_nests())
def test_each_pe_does_the_macs_that_its_position_gives_it(case):
    nest, mapping = case
    executed = execute(nest, mapping, *random_tensors(nest, seed=0))
    assert np.array_equal(executed.busy, positions_work(nest, mapping))


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


def positions_work(nest, mapping):
    """MACs per PE, read off the definition: the indices that belong to each position, dimension by dimension."""
    busy = 0
    for extents in product(*(cut(bound, part) for bound, part in zip(nest.bounds, mapping.tile, strict=True))):
        on_array = array_extents(extents, mapping.lowered)
        shares = [share(on_array[x], mapping.rows[x], mapping.columns[x], mapping.registers[x]) for x in Dim]
        tile_busy = np.ones((1, 1), np.int64)
        for part in shares:
            tile_busy = np.kron(tile_busy, part)
        busy = busy + tile_busy
    return busy


def cut(bound, part):
    """The extents of the tiles along one dimension."""
    return [min(part, bound - start) for start in range(0, bound, part)]


def share(extent, rows, columns, registers):
    """How many of `extent` indices fall to each (row, column) position."""
    counts = np.zeros((rows, columns), np.int64)
    for index in range(extent):
        position = index // registers % (rows * columns)
        counts[divmod(position, columns)] += 1
    return counts
