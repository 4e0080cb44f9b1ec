"""What an ONNX file leaves open and a user gives; every problem of a file at once; stages from scopes."""

from pathlib import Path

import pytest

pytest.importorskip("onnx")

from onnx import TensorProto, helper

from tests.onnx_graphs import GraphWriter, refused
from workloads.importers.scopes import stages_of
from workloads.load import load_network


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def test_one_of_two_axes_of_a_name_is_given_by_its_place(file: Path):
    g = GraphWriter()
    g.node("MatMul", g.input(("batch", "seq", 8), "left"), g.input(("batch", 8, "seq"), "right"), name="y")
    spec = g.save(file, "y_out0")
    assert load_network(f"{spec}:seq=6").macs == 6 * 8 * 6
    assert load_network(f"{spec}:seq=6,right.2=48").macs == 6 * 8 * 48
    assert load_network(f"{spec}:left.1=3,right.2=5").inputs == {"left": (1, 8, 3, 1), "right": (1, 5, 8, 1)}
    told = refused(spec)
    assert told.count("of the input has no size") == 1
    assert "FILE:seq=SIZE" in told


def test_a_number_that_decides_a_shape_is_given_by_its_value(file: Path):
    g = GraphWriter()
    g.inputs.append(helper.make_tensor_value_info("steps", TensorProto.INT64, [1]))
    g.node("Expand", g.node("Relu", g.input((1, 8))), g.node("Concat", "steps", g.ints("wide", 8), axis=0), name="y")
    spec = g.save(file, "y_out0")
    assert load_network(f"{spec}:steps=5").layers[-1].output_shape == (5, 8, 1, 1)
    assert "the file leaves open no size of this name" in refused(f"{spec}:step=5")


def test_what_is_wrong_with_one_op_does_not_hide_what_is_wrong_with_another(file: Path):
    g = GraphWriter()
    x = g.input((1, 4, 8, 8))
    broken = g.node("Conv", x, g.weight("w", 4, 5, 3, 3), name="broken")
    g.node("Relu", broken, name="behind")
    g.node("Odd", x, name="odd")
    text = refused(g.save(file, "behind_out0", g.node("Transpose", x, perm=[0, 0, 1, 2], name="turned")))
    assert [part in text for part in ("broken (Conv)", "odd: unknown op", "turned (Transpose)", "behind")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("/layer1/layer1.0/conv1/Conv", "layer1"),
        ("/layer2/layer2.1/conv1/Conv", "layer2"),
        ("/fc/Gemm", "fc"),
        ("alone", None),
    ],
)
def test_a_scope_is_a_stage(name: str, stage: str | None):
    names = [f"/layer{n}/layer{n}.{block}/conv{m}/Conv" for n in (1, 2) for block in (0, 1) for m in (1, 2)]
    assert stages_of([*names, "/fc/Gemm", "alone"]).get(name) == stage


@pytest.mark.parametrize(
    ("names", "stages"),
    [
        (
            ["features.0.0", "features.0.1", "features.1.0", "head.fc"],
            ["features.0", "features.0", "features.1", "head"],
        ),
        (["M/M/conv/a", "M/M/conv/b", "M/M/next/a", "M/out"], ["M/M/conv", "M/M/conv", "M/M/next", "M"]),
    ],
)
def test_a_scope_of_most_layers_is_divided(names: list[str], stages: list[str]):
    assert list(stages_of(names).values()) == stages


def test_layers_of_a_model_are_reported_by_their_scopes(file: Path):
    g = GraphWriter()
    x = g.input((1, 4, 8, 8))
    for stage in ("stem", "body", "head"):
        x = g.node("Relu", g.conv(x, f"/{stage}/conv/Conv", 4, 4), name=f"/{stage}/act/Relu")
    network = load_network(g.save(file, x))
    assert [layer.stage for layer in network.layers] == ["stem", "stem", "body", "body", "head", "head"]
