"""Networks straight from PyTorch modules; with a stand-in where PyTorch is not installed."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import simulator
from simulator.errors import InputError
from tests.onnx_graphs import GraphWriter


class Module:
    """Stands for a torch.nn.Module."""

    training = True

    def eval(self) -> None:
        self.training = False

    def train(self, mode: bool) -> None:
        self.training = mode


def torch_that(export: Any) -> ModuleType:
    torch = ModuleType("torch")
    torch.zeros = lambda shape, dtype="float32": SimpleNamespace(shape=shape, dtype=dtype)
    torch.int64 = "int64"
    torch.onnx = SimpleNamespace(export=export, TrainingMode=SimpleNamespace(PRESERVE="preserve"))
    return torch


def model_of(inputs: Any) -> bytes:
    g = GraphWriter()
    g.conv(g.input(inputs[0].shape), "conv", 8, 3, 3)
    content: bytes = g.model("conv_out0").SerializeToString()
    return content


def test_without_pytorch_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError) as caught:
        simulator.from_torch(Module(), (1, 3, 8, 8))
    assert caught.value.render() == "from_torch: PyTorch is not installed\n  expected: pip install torch"


def test_a_module_is_exported_at_inference_and_left_as_it_was(monkeypatch: pytest.MonkeyPatch):
    module, modes = Module(), []

    def export(module: Module, inputs: Any, buffer: Any, **options: Any) -> None:
        modes.append(module.training)
        buffer.write(model_of(inputs))

    monkeypatch.setitem(sys.modules, "torch", torch_that(export))
    network = simulator.from_torch(module, (2, 3, 8, 8))
    assert (network.name, network.macs) == ("Module", 2 * 8 * 27 * 64)
    assert (modes, module.training) == ([False], True)
    assert simulator.from_torch(module, [(1, 3, 8, 8)], name="mine").name == "mine"


def recorded(monkeypatch: pytest.MonkeyPatch, module: Module, inputs: Any, **options: Any) -> list[Any]:
    """Return what the exporter is called with."""
    seen: list[Any] = []

    def export(module: Module, inputs: Any, buffer: Any, **options: Any) -> None:
        seen.append(inputs)
        buffer.write(model_of([SimpleNamespace(shape=(1, 3, 8, 8))]))

    monkeypatch.setitem(sys.modules, "torch", torch_that(export))
    simulator.from_torch(module, inputs, **options)
    return [entry.dtype for entry in seen[0]] if not isinstance(seen[0][0], dict) else seen


TOKENS = SimpleNamespace(shape=(1, 16), dtype="int64")


@pytest.mark.parametrize(
    ("inputs", "dtype", "types"),
    [
        (TOKENS, "", ["int64"]),
        ([TOKENS, (1, 3)], "", ["int64", "float32"]),
        ((1, 16), "int64", ["int64"]),
        ([(1, 16), (1, 3)], ["int64", ""], ["int64", "float32"]),
    ],
)
def test_inputs_are_examples_or_shapes_of_some_type(
    inputs: Any, dtype: Any, types: list[str], monkeypatch: pytest.MonkeyPatch
):
    assert recorded(monkeypatch, Module(), inputs, dtype=dtype) == types


def test_a_shape_is_of_the_modules_own_type(monkeypatch: pytest.MonkeyPatch):
    module, half = Module(), SimpleNamespace(is_floating_point=True)
    module.parameters = lambda: iter([SimpleNamespace(dtype=half)])  # type: ignore[attr-defined]
    assert recorded(monkeypatch, module, (1, 3, 8, 8)) == [half]


def test_keyword_arguments_go_by_their_names(monkeypatch: pytest.MonkeyPatch):
    ((told,),) = recorded(monkeypatch, Module(), {"input_ids": TOKENS, "mask": (1, 16)})
    assert [(name, entry.dtype) for name, entry in told.items()] == [("input_ids", "int64"), ("mask", "float32")]


@pytest.mark.parametrize(("dtype", "message"), [("int65", "not a type"), (["int64"] * 3, "not as many types")])
def test_a_type_that_is_none_is_refused(dtype: Any, message: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", torch_that(None))
    with pytest.raises(InputError, match=message):
        simulator.from_torch(Module(), (1, 3), dtype=dtype)


def test_an_unknown_op_names_the_argument_that_lets_it_pass(monkeypatch: pytest.MonkeyPatch):
    def export(module: Module, inputs: Any, buffer: Any, **options: Any) -> None:
        g = GraphWriter()
        g.node("Odd", g.input((1, 3)), name="odd")
        buffer.write(g.model("odd_out0").SerializeToString())

    monkeypatch.setitem(sys.modules, "torch", torch_that(export))
    with pytest.raises(InputError) as caught:
        simulator.from_torch(Module(), (1, 3))
    assert "skip_unknown=True" in (caught.value.problems[0].expected or "")
    assert simulator.from_torch(Module(), (1, 3), skip_unknown=True).layers[0].variant == "Odd"


def test_what_the_older_exporter_cannot_do_the_newer_one_tries(monkeypatch: pytest.MonkeyPatch):
    def export(module: Module, inputs: Any, *rest: Any, dynamo: bool, **options: Any) -> Any:
        if not dynamo:
            raise ValueError("no such operator")
        return SimpleNamespace(model_proto=SimpleNamespace(SerializeToString=lambda: model_of(inputs)))

    monkeypatch.setitem(sys.modules, "torch", torch_that(export))
    assert simulator.from_torch(Module(), (1, 3, 8, 8)).macs == 8 * 27 * 64


def test_a_module_that_cannot_be_exported_is_told_why(monkeypatch: pytest.MonkeyPatch):
    def export(*arguments: Any, dynamo: bool, **options: Any) -> None:
        raise RuntimeError("\x1b[96mthe newer\x1b[0m reason\nmore" if dynamo else "the older reason")

    monkeypatch.setitem(sys.modules, "torch", torch_that(export))
    with pytest.raises(InputError) as caught:
        simulator.from_torch(Module(), (1, 3, 8, 8))
    assert caught.value.problems[0].got == "the older reason; then the newer reason"


@pytest.mark.parametrize("shape", [(), (0, 3), (1, "3"), [(1, 3), ()], "x"])
def test_a_shape_that_is_none_is_refused(shape: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", torch_that(None))
    with pytest.raises(InputError, match="not a shape"):
        simulator.from_torch(Module(), shape)


def test_a_real_module_is_the_network_that_it_is(tmp_path: Path):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.ChannelShuffle(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )
    network = simulator.from_torch(net, (1, 3, 16, 16))
    ops = [layer.op.value for layer in network.layers]
    assert ops == ["conv", "activation", "depthwise", "shuffle", "pool", "linear"]
    assert (network.macs, network.params) == (8 * 27 * 64 + 72 * 64 + 80, 216 + 80 + 90)
