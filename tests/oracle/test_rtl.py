"""Cycles equal the clock edges that a systolic array, simulated register by register, takes for the same work.

The array (`rtl.arrays`) computes real products of random bytes, and they are right. Ours are the cycles of a layer on
the array of SCALE-Sim at any size. SCALE-Sim itself reports one less: the number of the last cycle, counted from zero.
"""

from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulator import load_hardware, load_network, simulate
from simulator.hardware.vary import vary
from simulator.nest import LoopNest
from simulator.network.ir import Network
from simulator.source.locate import locate
from simulator.verify import convolve, pad_inputs, random_tensors
from tests.marks import one_in
from tests.oracle.rtl.bench import Ran, output_stationary, two_weights, weight_stationary
from tests.oracle.strategies import layer_of, nests

SHAPES = settings(max_examples=min(200, settings.default.max_examples // 4))  # beside the edges
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))  # rows, columns
seeds = st.integers(0, 2**32 - 1)


@st.composite
def cases(draw):
    """(rows, columns) of an array, and (M, K, N) of a product: smaller, as large, one more, up to several folds."""
    rows, columns = draw(sizes)
    extents = st.integers(1, 2 * max(rows, columns) + 1)
    return (rows, columns), draw(st.tuples(extents, extents, extents))


def edge_cases(test):
    """Add the shapes at which a count is likely to be off by one."""
    for array in ((1, 1), (1, 4), (4, 1), (3, 4)):
        for product in ((1, 1, 1), (1, 5, 5), (5, 1, 5), (5, 5, 1), (4, 4, 4), (3, 3, 3), (8, 8, 8), (9, 9, 9)):
            test = example((array, product), 0)(test)
    return test


def run_output_stationary(array, products):
    return output_stationary(*array).run(products)


def run_weight_stationary(array, products):
    return weight_stationary(*array).run(products)


def run_input_stationary(array, products):
    """Keep the inputs and let the weights pass: the weight-stationary array does the transposed product."""
    ran = weight_stationary(*array).run([(right.T, left.T) for left, right in products])
    return Ran([product.T for product in ran.products], ran.cycles)


RUNS = {
    "input_stationary_lowered": run_input_stationary,
    "output_stationary_lowered": run_output_stationary,
    "weight_stationary_lowered": run_weight_stationary,
}
ONE_FILTER = LoopNest((1, 1, 1, 1, 3, 2, 1, 1), input_size=(3, 2))  # its weight passes through in every fold
by_dataflow = pytest.mark.parametrize("dataflow", RUNS)


@by_dataflow
@edge_cases
@SHAPES
@given(cases(), seeds)
def test_cycles_of_a_product_are_clock_edges_of_an_array_that_computes_it(dataflow, case, seed):
    array, product = case
    pair = random_product(product, seed)
    ran = RUNS[dataflow](array, [pair])
    assert_computed(ran, [pair])
    assert ran.cycles == simulate(machine(array), network_of(nest_of(product)), dataflow=dataflow).total.cycles


@by_dataflow
@example((1, 3), ONE_FILTER, 0)
@settings(max_examples=min(40, settings.default.max_examples // 2))
@given(sizes, nests(), seeds)
def test_cycles_of_a_lowered_convolution_are_clock_edges_of_an_array_that_computes_it(dataflow, array, nest, seed):
    inputs, weights = random_tensors(nest, seed)
    ran = RUNS[dataflow](array, lowered(nest, inputs, weights))
    assert np.array_equal(raised(nest, ran.products), convolve(nest, inputs, weights))
    assert ran.cycles == simulate(machine(array), network_of(nest), dataflow=dataflow).total.cycles


@edge_cases
@SHAPES
@given(cases(), seeds)
def test_hidden_preloads_cost_nothing_but_the_wait_for_the_first_weights(case, seed):
    """The first weights take a cycle a row, of which ours leaves as much as a pass can hide to whatever ran before.

    Streams shorter than the array has rows leave the next weights too little time to come.
    """
    array, product = case
    pair = random_product(product, seed)
    ran = two_weights(*array).run([pair])
    assert_computed(ran, [pair])
    run = simulate(machine(array, "hidden"), network_of(nest_of(product)), dataflow="weight_stationary_lowered")
    assert ran.cycles == min(array[0], product[0]) + run.total.cycles


NETWORK = """
name: tiny
inputs: {image: [3, 5, 5]}
layers:
  - {name: stem, op: conv, filters: 6, kernel: 3, padding: 1, activation: relu}
  - {name: grouped, op: conv, filters: 6, kernel: [3, 1], groups: 2, stride: [2, 1], padding: half}
  - {name: dw, op: depthwise, kernel: 3, padding: [0, 0, 1, 1]}
  - {name: skip, op: conv, inputs: grouped, filters: 6, kernel: 2, dilation: 2, padding: [0, 0, 1, 0]}
  - {name: classes, op: linear, inputs: dw, filters: 10}
outputs: [skip, classes]
"""


@by_dataflow
@pytest.mark.parametrize("array", one_in(3, [((4, 3),), ((2, 2),), ((3, 5),)]))
def test_a_network_from_files_takes_the_clock_edges_of_all_its_layers(dataflow, array, tmp_path):
    network, hardware = tmp_path / "tiny.yaml", tmp_path / "array.yaml"
    network.write_text(NETWORK)
    text = locate("scalesim_32x32", "", "machine").read_text()
    hardware.write_text(text.replace("rows: 32", f"rows: {array[0]}").replace("columns: 32", f"columns: {array[1]}"))
    assert load_hardware(hardware).array.pes == array[0] * array[1]
    run = simulate(hardware, network, dataflow=dataflow)
    layers = [layer for layer in load_network(str(network)).layers if layer.nest]
    products = {layer.name: products_of(layer.nest, seed) for seed, layer in enumerate(layers)}
    edges = {name: RUNS[dataflow](array, pairs).cycles for name, pairs in products.items()}
    assert edges == {layer.name: layer.cycles for layer in run.layers if layer.macs}
    pairs = [pair for layer in layers for pair in products[layer.name]]
    whole = RUNS[dataflow](array, pairs)
    assert_computed(whole, pairs)
    assert whole.cycles == run.total.cycles


@settings(max_examples=min(30, settings.default.max_examples // 2))
@given(cases(), seeds)
def test_the_dataflow_chosen_for_a_product_is_the_fastest_array(case, seed):
    array, product = case
    pair = random_product(product, seed)
    edges = {dataflow: run(array, [pair]).cycles for dataflow, run in RUNS.items()}
    (layer,) = simulate(machine(array), network_of(nest_of(product))).layers
    assert layer.cycles == edges[layer.dataflow] == min(edges.values())


@cache
def machine(array, preload="exposed"):
    """The array of SCALE-Sim with other rows and columns, and with preloads before each fold or during the last one."""
    preloads = {f"array.delivery.{name}.preload": preload for name in ("inputs", "weights")}
    changes = {"array.rows": array[0], "array.columns": array[1], **preloads}
    return vary(load_hardware("scalesim_32x32"), changes)


def nest_of(product):
    """A product M x K x N as a pointwise convolution of M rows of a single pixel."""
    m, k, n = product
    return LoopNest((1, 1, n, k, m, 1, 1, 1), input_size=(m, 1))


def network_of(nest):
    layer = layer_of(nest)
    return Network("drawn", {"x": layer.input_shapes[0]}, (layer,), (layer.name,))


def random_product(product, seed):
    """Two matrices of bytes, [M, K] and [K, N]."""
    m, k, n = product
    generator = np.random.default_rng(seed)
    return generator.integers(-128, 128, (m, k)), generator.integers(-128, 128, (k, n))


def assert_computed(ran, products):
    for computed, (left, right) in zip(ran.products, products, strict=True):
        assert np.array_equal(computed, left @ right)


def products_of(nest, seed):
    return lowered(nest, *random_tensors(nest, seed))


def lowered(nest, inputs, weights):
    """The matrix products of a convolution, one a group: [N*P*Q, C*R*S] x [C*R*S, K]."""
    n, g, k, c, p, q, r, s = nest.bounds
    reach = [(taps - 1) * dilation + 1 for taps, dilation in zip((r, s), nest.dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(pad_inputs(nest, inputs), reach, axis=(3, 4))
    windows = windows[:, :, :, :: nest.stride[0], :: nest.stride[1], :: nest.dilation[0], :: nest.dilation[1]]
    left = windows.transpose(1, 0, 3, 4, 2, 5, 6).reshape(g, n * p * q, c * r * s).astype(np.int64)
    right = weights.reshape(g, k, c * r * s).transpose(0, 2, 1).astype(np.int64)
    return list(zip(left, right, strict=True))


def raised(nest, products):
    """Outputs [N, G, K, P, Q] from the products of the groups [N*P*Q, K]."""
    n, g, k, _, p, q, _, _ = nest.bounds
    return np.stack(products).reshape(g, n, p, q, k).transpose(1, 0, 4, 2, 3)
