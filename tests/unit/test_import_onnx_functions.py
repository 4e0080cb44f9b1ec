"""A model's own functions and outer files: what they come to is known before anything is expanded or opened."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from simulator.errors import InputError
from tests.onnx_graphs import GraphWriter
from workloads.importers.from_onnx import functions
from workloads.load import load_network

OWN = "own"


def model(path: Path, *bodies: tuple[str, Sequence[str]], calls: str) -> str:
    """Write a model of functions by name, each a row of calls, of which the graph calls one."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OWN, 1)]
    own = [
        helper.make_function(OWN, name, ["x0"], [f"x{len(body)}"], [node(op, i) for i, op in enumerate(body)], opsets)
        for name, body in bodies
    ]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 4, 4]) for name in ("x0", "x1")]
    graph = helper.make_graph([node(calls, 0)], "g", value[:1], value[1:])
    path.write_bytes(helper.make_model(graph, functions=own, opset_imports=opsets).SerializeToString())
    return str(path)


def node(op: str, at: int) -> onnx.NodeProto:
    return helper.make_node(op, [f"x{at}"], [f"x{at + 1}"], domain="" if op == "Relu" else OWN)


def doubling(count: int) -> list[tuple[str, Sequence[str]]]:
    """Functions of which each calls the one before twice."""
    return [("F0", ["Relu"]), *((f"F{i}", [f"F{i - 1}"] * 2) for i in range(1, count))]


HOSTILE: dict[str, tuple[list[tuple[str, Sequence[str]]], str]] = {
    "one that calls itself": ([("F", ["F"])], "F calls itself"),
    "two that call each other": ([("F", ["G"]), ("G", ["F"])], "calls itself"),
    "one that nobody calls and that calls itself": ([("F", ["Relu"]), ("G", ["G"])], "G calls itself"),
    "two of one name": ([("F", ["Relu"]), ("F", ["Relu"])], "F is there twice"),
    "a chain, last one first": ([(f"F{i}", [f"F{i + 1}"]) for i in range(101)] + [("F101", ["Relu"])], "64 deep"),
    "a chain, first one first": ([("F0", ["Relu"]), *((f"F{i}", [f"F{i - 1}"]) for i in range(1, 102))], "64 deep"),
    "24 that double": (doubling(24), "come to 8388608 nodes"),
    "16 that double": (doubling(16), "come to 32768 nodes"),
    "63 that double": (doubling(63), f"come to {2**62} nodes"),
}


@pytest.mark.parametrize(("bodies", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_functions_that_come_to_too_much_are_refused_before_they_expand(
    bodies: list[tuple[str, Sequence[str]]], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnx.inliner.inline_local_functions", lambda _: pytest.fail("expanded"))
    last = "F0" if "last" in reason else bodies[-1][0]
    file = model(tmp_path / "net.onnx", *bodies, calls=last)
    with pytest.raises(InputError, match=reason) as caught:
        load_network(file)
    assert caught.value.problems[0].file == file


def test_functions_within_the_bounds_are_put_in_place(tmp_path: Path) -> None:
    network = load_network(model(tmp_path / "net.onnx", *doubling(5), calls="F4"))
    assert [layer.op.value for layer in network.layers] == ["activation"] * 16


def test_the_bytes_of_functions_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "MOST_EXPANDED_BYTES", 100)
    with pytest.raises(InputError, match="at most 20000 nodes and 100 bytes"):
        load_network(model(tmp_path / "net.onnx", *doubling(5), calls="F4"))


def test_a_function_that_is_not_there_is_an_unknown_op(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="G"):
        load_network(model(tmp_path / "net.onnx", ("F", ["G"]), calls="F"))


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "sub/../../weights.bin", "link.bin", "."])
def test_a_constant_outside_the_folder_of_the_model_is_refused(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "weights.bin").write_bytes(bytes(1 << 16))
    (folder / "link.bin").symlink_to("../weights.bin")
    with pytest.raises(InputError, match="a constant lies elsewhere") as caught:
        load_network(with_weights_in(folder, location))
    assert caught.value.problems[0].file == str(folder / "net.onnx")


@pytest.mark.parametrize("location", ["weights.bin", "sub/weights.bin", "absent.bin"])
def test_a_constant_in_the_folder_or_below_is_none_of_that(location: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/weights.bin").write_bytes(bytes(1 << 16))
    assert load_network(with_weights_in(tmp_path, location)).params == 24


def with_weights_in(folder: Path, location: str) -> str:
    g = GraphWriter()
    g.node("Conv", g.input((1, 3, 4, 4)), g.weight("conv.weight", 8, 3, 1, 1), name="conv")
    proto = g.model("conv_out0")
    for tensor in proto.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        tensor.external_data.add(key="length", value="96")
    (folder / "net.onnx").write_bytes(proto.SerializeToString())
    return str(folder / "net.onnx")
