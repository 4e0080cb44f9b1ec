"""Networks that are bombs: what is huge, deep or endless is noticed before it takes time or memory."""

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from simulator.errors import InputError
from simulator.network.ir import Network
from tests.fuzz.models import onnx_seed
from tests.fuzz.subjects import TEXTS
from workloads.load import load_network


def outcome(content: bytes, suffix: str) -> Network | str:
    """Return the network, or the error that says what is wrong; anything else is raised."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"net.{suffix}"
        path.write_bytes(content)
        try:
            return load_network(str(path))
        except InputError as error:
            return error.render()


def is_clear(error: object) -> bool:
    """Tell whether an outcome is an error that names the file, in lines that can be read."""
    named = isinstance(error, str) and "net." in error and "Traceback" not in error
    return named and max(map(len, str(error).splitlines())) < 2000


@pytest.mark.parametrize(
    ("op", "values"),
    [
        ("ConstantOfShape", [1 << 40]),
        ("ConstantOfShape", [1 << 20] * 3),
        ("Expand", [1 << 40, 1]),
        ("Tile", [1 << 40]),
        ("Range", [0, 1 << 40, 1]),
        ("Reshape", [1 << 40]),
    ],
)
def test_a_constant_without_bounds_is_not_computed(op: str, values: list[int]):
    pytest.importorskip("onnx")
    from tests.onnx_graphs import GraphWriter

    g = GraphWriter()
    numbers = g.ints("numbers", *values)
    starts = [g.ints(f"n{at}", value, scalar=True) for at, value in enumerate(values)]
    inputs = {"ConstantOfShape": [numbers], "Range": starts}.get(op, [g.floats("one", 1.0), numbers])
    g.node("Add", g.input((1, 8, 4, 4)), g.node(op, *inputs), name="sum")
    assert is_clear(outcome(g.model("sum_out0").SerializeToString(), "onnx"))


def test_a_length_beyond_the_end_of_a_model_is_noticed():
    pytest.importorskip("onnx")
    huge = bytes([0x3A]) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"  # field 7, the graph, of 2^62 bytes
    assert is_clear(outcome(huge, "onnx"))
    assert is_clear(outcome(onnx_seed()[:-100], "onnx"))
    nested = b""
    for _ in range(200):
        nested = bytes([0x0A]) + struct.pack("B", min(127, len(nested))) + nested[:127]
    assert is_clear(outcome(nested, "onnx"))


def test_deep_nesting_is_noticed_in_every_text():
    assert is_clear(outcome(b"layer {" * 100_000, "prototxt"))
    assert is_clear(outcome(b"[" * 100_000, "yaml"))
    assert is_clear(outcome(b"a: " + b"{a: " * 1000, "yaml"))


def test_aliases_that_multiply_are_noticed():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert is_clear(outcome("\n".join(lines).encode(), "yaml"))


def test_more_layers_than_any_network_has_are_refused():
    conv = '\nlayer { type: "ReLU" bottom: "data" top: "data" }'
    head = 'input: "data" input_shape { dim: 1 dim: 1 dim: 1 dim: 1 }'
    assert is_clear(outcome((head + conv * 30_000).encode(), "prototxt"))
    assert is_clear(outcome(("Layer, M, N, K,\n" + "a, 1, 1, 1,\n" * 30_000).encode(), "csv"))


@pytest.mark.parametrize("suffix", [*TEXTS, "onnx", "tflite"])
def test_an_empty_file_is_told_to_be_empty_or_no_network(suffix: str):
    assert is_clear(outcome(b"", suffix))
    assert is_clear(outcome(b"\n\n", suffix))
