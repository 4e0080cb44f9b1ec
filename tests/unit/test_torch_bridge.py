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
    torch.zeros = lambda shape: SimpleNamespace(shape=shape)
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
