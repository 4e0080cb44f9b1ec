"""A systolic layer takes the cycles that an array of registers takes to multiply the same matrices.

SCALE-Sim (arXiv 1811.02883) names the last cycle by its number from zero: one less than ours.
"""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cost.search import Request, search_layer
from simulator.hardware.load import load_hardware
from simulator.hardware.vary import vary
from simulator.mapping.dataflow import load_dataflow
from simulator.nest import LoopNest
from simulator.verify import convolve, random_tensors
from tests.oracle.strategies import layer_of, nests
from tests.oracle.systolic import input_stationary, output_stationary, weight_stationary

ARRAYS = {
    "input_stationary_lowered": input_stationary,
    "output_stationary_lowered": output_stationary,
    "weight_stationary_lowered": weight_stationary,
}
FOLD_CYCLES = {  # SCALE-Sim's own formula for an R x C array and a stream of T
    "input_stationary_lowered": lambda r, c, m, k, n: -(-k // r) * -(-m // c) * (2 * r + c + n - 2),
    "output_stationary_lowered": lambda r, c, m, k, n: -(-m // r) * -(-n // c) * (r + c + k - 2),
    "weight_stationary_lowered": lambda r, c, m, k, n: -(-k // r) * -(-n // c) * (2 * r + c + m - 2),
}
sizes = st.integers(1, 6)
by_dataflow = pytest.mark.parametrize("dataflow", ARRAYS)


@cache
def machine(rows, columns):
    """The array of SCALE-Sim in another size."""
    return vary(load_hardware("scalesim_32x32"), {"array.rows": rows, "array.columns": columns})


def cycles_of(nest, dataflow, rows, columns):
    found = search_layer(Request(machine(rows, columns), layer_of(nest), "cycles"), [load_dataflow(dataflow)])
    return found.keys[1]


def matrices(nest, inputs, weights, group):
    """A group of the layer as a product: a row of inputs per output pixel, a column of weights per filter."""
    n, _, k, c, p, q, r, s = nest.bounds
    top, left, bottom, right = nest.padding
    padded = np.pad(inputs[:, group].astype(np.int64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    rows = np.arange(p)[:, None] * nest.stride[0] + np.arange(r) * nest.dilation[0]
    columns = np.arange(q)[:, None] * nest.stride[1] + np.arange(s) * nest.dilation[1]
    windows = padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]  # [n, c, p, q, r, s]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * p * q, c * r * s), weights[group].reshape(k, c * r * s).T


@by_dataflow
@given(nests(), sizes, sizes, st.integers(0, 99))
def test_a_layer_takes_the_cycles_of_the_registers_and_they_are_right(dataflow, nest, rows, columns, seed):
    inputs, weights = random_tensors(nest, seed)
    (n, g, k, _, p, q, _, _), outputs, total = nest.bounds, convolve(nest, inputs, weights), 0
    for group in range(g):
        product, cycles = ARRAYS[dataflow](*matrices(nest, inputs, weights, group), rows, columns)
        assert np.array_equal(product.reshape(n, p, q, k).transpose(0, 3, 1, 2), outputs[:, group])
        total += cycles
    assert cycles_of(nest, dataflow, rows, columns) == total


@by_dataflow
@given(sizes, sizes, st.tuples(*(st.integers(1, 14) for _ in "mkn")))
def test_the_registers_take_what_scale_sim_counts(dataflow, rows, columns, extents):
    m, k, n = extents
    cycles = ARRAYS[dataflow](np.ones((m, k)), np.ones((k, n)), rows, columns)[1]
    assert cycles == FOLD_CYCLES[dataflow](rows, columns, m, k, n)


@by_dataflow
@given(sizes, sizes, st.tuples(*(st.integers(1, 14) for _ in "mkn")))
def test_a_layer_takes_what_scale_sim_counts(dataflow, rows, columns, extents):
    m, k, n = extents
    nest = LoopNest((1, 1, n, k, m, 1, 1, 1), input_size=(m, 1))
    assert cycles_of(nest, dataflow, rows, columns) == FOLD_CYCLES[dataflow](rows, columns, m, k, n)
