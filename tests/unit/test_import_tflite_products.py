"""Recurrent ops of TFLite files, products, volumes and states."""

from math import prod
from pathlib import Path

import pytest

pytest.importorskip("tflite")

from tests.tflite_graphs import TfliteGraph


def lstm(gates: int, projected: int) -> TfliteGraph:
    """Return an LSTM over 5 steps of 8 features, with 12 cells."""
    t = TfliteGraph()
    state = projected or 12
    names = [t.weights(f"w{at}", (12, 8), 0) if at or gates == 4 else "" for at in range(4)]
    names += [t.weights(f"r{at}", (12, state), 0) if at or gates == 4 else "" for at in range(4)]
    names += ["", "", "", *(t.bias(f"b{at}", 12) if at or gates == 4 else "" for at in range(4))]
    names += [t.weights("p", (projected, 12), 0), ""] if projected else ["", ""]
    t.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [t.input(2, 5, 8), *names],
        "y",
        (2, 5, state),
        "UnidirectionalSequenceLSTMOptions",
    )
    return t


@pytest.mark.parametrize(("gates", "projected"), [(4, 0), (3, 0), (4, 6), (3, 6)])
def test_an_lstm_multiplies_inputs_and_state_for_each_gate_and_maybe_projects(
    gates: int, projected: int, tmp_path: Path
):
    found = lstm(gates, projected).network(tmp_path, "y")
    state = projected or 12
    assert found.macs == 2 * 5 * (gates * 12 * (8 + state) + projected * 12)
    assert found.layers[-1].output_shape[1] == state


@pytest.mark.parametrize("rank", [1, 2])
def test_svdf_multiplies_by_features_and_filters_over_time(rank: int, tmp_path: Path):
    t = TfliteGraph()
    inputs = [
        t.input(1, 40),
        t.weights("features", (64, 40), 0),
        t.weights("time", (64, 10), 0),
        t.bias("b", 64 // rank),
    ]
    t.op("SVDF", inputs, "y", (1, 64 // rank), "SVDFOptions", Rank=rank, FusedActivationFunction=1)
    network = t.network(tmp_path, "y")
    assert network.macs == 64 * 40 + 64 * 10
    assert sorted(network.layers[-1].output_shape) == [1, 1, 1, 64 // rank]


def test_a_plain_recurrence_multiplies_inputs_and_state(tmp_path: Path):
    t = TfliteGraph()
    learned = [t.weights("w", (16, 8), 0), t.weights("r", (16, 16), 0), t.bias("b", 16)]
    x = t.op("UNIDIRECTIONAL_SEQUENCE_RNN", [t.input(2, 5, 8), *learned], "steps", (2, 5, 16), "SequenceRNNOptions")
    assert t.network(tmp_path, x).macs == 2 * 5 * 16 * (8 + 16)


def test_one_step_of_an_lstm_is_a_sequence_of_one(tmp_path: Path):
    t = TfliteGraph()
    kernel = [t.weights("w", (64, 8 + 16), 0), t.bias("b", 64)]
    t.tensor("state", (1, 16))
    x = t.op("LSTM", [t.input(1, 8), "state", *kernel], "y", (1, 16), "LSTMOptions", KernelType=1)
    assert t.network(tmp_path, x).macs == 64 * (8 + 16)


@pytest.mark.parametrize("padding", [0, 1])
def test_a_transposed_convolution_is_as_large_as_its_shape_says(padding: int, tmp_path: Path):
    t = TfliteGraph()
    x, weights = t.input(1, 4, 4, 8), t.weights("w", (6, 3, 3, 8), 0)
    shape = t.numbers("shape", [1, 9, 9, 6])
    fields = {"StrideH": 2, "StrideW": 2, "Padding": padding}
    t.op("TRANSPOSE_CONV", [shape, weights, x], "y", (1, 9, 9, 6), "TransposeConvOptions", **fields)
    network = t.network(tmp_path, "y")
    assert (network.macs, network.layers[-1].output_shape) == (16 * 8 * 6 * 9, (1, 6, 9, 9))


def test_a_convolution_over_volumes_has_its_weights_last(tmp_path: Path):
    t = TfliteGraph()
    x, weights = t.input(1, 6, 8, 8, 4), t.weights("w", (3, 3, 3, 4, 16), 4)
    strides = {f"Stride{axis}": 1 for axis in "DHW"} | {f"Dilation{axis}Factor": 1 for axis in "DHW"}
    t.op("CONV_3D", [x, weights], "y", (1, 6, 8, 8, 16), "Conv3DOptions", Padding=0, **strides)
    assert t.network(tmp_path, "y").macs == 6 * 64 * 27 * 4 * 16


def test_a_transposed_convolution_over_volumes_has_its_inputs_last(tmp_path: Path):
    t = TfliteGraph()
    shape, weights = t.numbers("shape", [1, 12, 16, 16, 16]), t.weights("w", (2, 2, 2, 16, 4), 3)
    strides = {f"Stride{axis}": 2 for axis in "DHW"}
    inputs = [shape, weights, t.input(1, 6, 8, 8, 4)]
    t.op("CONV_3D_TRANSPOSE", inputs, "y", (1, 12, 16, 16, 16), "Conv3DOptions", Padding=0, **strides)
    network = t.network(tmp_path, "y")
    assert network.macs == 6 * 64 * 8 * 4 * 16
    assert prod(network.layers[-1].output_shape) == 12 * 256 * 16


def test_products_of_two_tensors_turn_either(tmp_path: Path):
    t = TfliteGraph()
    left, right = t.input(1, 4, 8, 6, name="left"), t.input(1, 4, 8, 6, name="right")
    t.op("BATCH_MATMUL", [left, right], "y", (1, 4, 8, 8), "BatchMatMulOptions", AdjY=True)
    assert t.network(tmp_path, "y").macs == 4 * 8 * 8 * 6


def test_a_state_is_an_input_and_an_output(tmp_path: Path):
    t = TfliteGraph()
    handle = t.op("VAR_HANDLE", [], "handle", (), "VarHandleOptions")
    old = t.op("READ_VARIABLE", [handle], "old", (1, 16))
    new = t.op("ADD", [old, t.input(1, 16)], "new", (1, 16), "AddOptions")
    t.op("ASSIGN_VARIABLE", [handle, new], "nothing", (), "AssignVariableOptions")
    network = t.network(tmp_path, t.op("RELU", [new], "y", (1, 16)))
    assert (set(network.inputs), network.outputs) == ({"old", "data"}, ("y", "new"))
