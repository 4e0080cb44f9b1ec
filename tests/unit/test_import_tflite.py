"""Networks from TFLite files: the same as from ONNX, whatever the types of their tensors."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("tflite")
pytest.importorskip("onnx")

import numpy as np

from simulator.errors import InputError
from simulator.network.ir import Network
from tests.onnx_graphs import GraphWriter
from tests.tflite_graphs import TfliteGraph, kinds
from workloads.importers.from_onnx.load import network_of
from workloads.importers.from_tflite import ops
from workloads.importers.from_tflite.load import model_of
from workloads.importers.from_tflite.read import Graph, Operator, read_graph
from workloads.load import load_network


def work(network: Network) -> list[tuple[object, ...]]:
    """Return what each layer costs: its op and variant, shapes, window, MACs and parameters."""
    return [
        (x.op, x.variant, x.input_shapes, x.output_shape, x.kernel, x.stride, x.padding, x.dilation, x.macs, x.params)
        for x in network.layers
    ]


def test_a_network_of_maps_is_what_its_onnx_form_is(tmp_path: Path):
    t = TfliteGraph()
    x = t.conv(t.input(1, 32, 32, 3), "stem", 16, 3, Padding=0, StrideH=2, StrideW=2, FusedActivationFunction=3)
    wide = [x, t.weights("dw/weights", (1, 3, 3, 16), 3), t.bias("dw/bias", 16)]
    fields = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, "FusedActivationFunction": 1}
    y = t.op("DEPTHWISE_CONV_2D", wide, "dw", (1, 16, 16, 16), "DepthwiseConv2DOptions", **fields)
    y = t.op("ADD", [x, t.conv(y, "project", 16)], "sum", (1, 16, 16, 16), "AddOptions")
    pooled = t.op("MEAN", [y, t.numbers("axes", [1, 2])], "mean", (1, 16), "ReducerOptions")
    learned = [t.weights("fc/weights", (10, 16), 0), t.bias("fc/bias", 10)]
    logits = t.op("FULLY_CONNECTED", [pooled, *learned], "fc", (1, 10), "FullyConnectedOptions")
    t.op("SOFTMAX", [logits], "scores", (1, 10), "SoftmaxOptions", Beta=1.0)
    found = t.network(tmp_path, "scores")

    g = GraphWriter()
    x = g.conv(g.input((1, 3, 32, 32), "data"), "stem", 16, 3, 3, strides=[2, 2], pads=[0, 0, 1, 1])
    g.nodes[-1].input.append(g.weight("stem.bias", 16))
    x = g.node("Clip", x, g.floats("low", 0.0, scalar=True), g.floats("high", 6.0, scalar=True))
    y = g.conv(x, "dw", 16, 16, 3, group=16)
    g.nodes[-1].input.append(g.weight("dw.bias", 16))
    y = g.conv(g.node("Relu", y), "project", 16, 16)
    g.nodes[-1].input.append(g.weight("project.bias", 16))
    y = g.node("Flatten", g.node("GlobalAveragePool", g.node("Add", x, y)))
    y = g.node("Gemm", y, g.weight("fc.weight", 10, 16), g.weight("fc.bias", 10), transB=1)
    wanted = load_network(g.save(tmp_path / "net.onnx", g.node("Softmax", y)))
    assert work(found) == work(wanted)
    assert (found.macs, found.inputs) == (16 * 27 * 256 + 16 * 9 * 256 + 256 * 256 + 160, {"data": (1, 3, 32, 32)})


def one_op(
    path: Path, kind: str, dims: tuple[int, ...], made: tuple[int, ...], *more: object, **fields: object
) -> Network:
    """Return the network of one op over maps: `more` are constants of integers, `Options` its table."""
    t = TfliteGraph()
    x = t.input(*dims)
    numbers = [t.numbers(f"n{at}", values) for at, values in enumerate(more)]
    t.op(kind, [x, *numbers], "y", made, str(fields.pop("Options", "")), **fields)
    return t.network(path, "y")


MAPS, VECTOR = (1, 4, 6, 8), (1, 10)
LRN, PART = "LocalResponseNormalizationOptions", "StridedSliceOptions"
SUMS: dict[str, object] = {"Options": "ReducerOptions", "KeepDims": True}
FIRST: dict[str, object] = {"Options": PART, "ShrinkAxisMask": 1, "BeginMask": 6, "EndMask": 6}


@pytest.mark.parametrize(
    ("kind", "dims", "made", "more", "fields", "wanted"),
    [
        ("PAD", MAPS, (1, 7, 6, 8), ([(0, 0), (1, 2), (0, 0), (0, 0)],), {}, ("pad", "", (1, 8, 7, 6))),
        ("RESIZE_BILINEAR", MAPS, (1, 8, 9, 8), ([8, 9],), {}, ("upsample", "bilinear", (1, 8, 8, 9))),
        ("RESIZE_NEAREST_NEIGHBOR", MAPS, (1, 8, 9, 8), ([8, 9],), {}, ("upsample", "nearest", (1, 8, 8, 9))),
        ("MEAN", MAPS, (1, 8), ([1, 2],), {}, ("pool", "average", (1, 8, 1, 1))),
        ("SUM", MAPS, (1, 4, 6, 1), ([3],), SUMS, ("activation", "sum_of_axes", (1, 1, 4, 6))),
        ("L2_NORMALIZATION", MAPS, MAPS, (), {}, ("normalization", "lp_norm", (1, 8, 4, 6))),
        (
            "LOCAL_RESPONSE_NORMALIZATION",
            MAPS,
            MAPS,
            (),
            {"Options": LRN, "Radius": 2},
            ("lrn", "across_channels", (1, 8, 4, 6)),
        ),
        ("SLICE", MAPS, (1, 2, 6, 8), ([0, 1, 0, 0], [1, 2, -1, 8]), {}, ("split", "H 1:3:1 of 4", (1, 8, 2, 6))),
        (
            "STRIDED_SLICE",
            MAPS,
            (4, 6, 3),
            ([0, 0, 0, 2], [1, 0, 0, 5], [1] * 4),
            FIRST,
            ("split", "2:5", (1, 3, 4, 6)),
        ),
        (
            "STRIDED_SLICE",
            MAPS,
            (1, 4, 6, 1),
            ([0, -1], [0, 0], [1, 1]),
            {"Options": PART, "EllipsisMask": 1, "EndMask": 2},
            ("split", "7:8", (1, 1, 4, 6)),
        ),
        (
            "GATHER",
            MAPS,
            (1, 4, 6, 2),
            ([5, 1],),
            {"Options": "GatherOptions", "Axis": 3},
            ("gather", "", (1, 2, 4, 6)),
        ),
        ("TILE", MAPS, (1, 8, 6, 8), ([1, 2, 1, 1],), {}, ("upsample", "nearest", (1, 8, 8, 6))),
        ("ARG_MAX", MAPS, (1, 4, 6), (3,), {}, ("activation", "argmax_of_axes", (1, 1, 4, 6))),
        (
            "SPACE_TO_DEPTH",
            MAPS,
            (1, 2, 3, 32),
            (),
            {"Options": "SpaceToDepthOptions", "BlockSize": 2},
            ("reshape", "transpose", (1, 32, 2, 3)),
        ),
        ("REVERSE_V2", MAPS, MAPS, ([1],), {}, ("reshape", "reverse", (1, 8, 4, 6))),
        ("LOG_SOFTMAX", VECTOR, VECTOR, (), {}, ("softmax", "", (1, 10, 1, 1))),
        ("HARD_SWISH", VECTOR, VECTOR, (), {}, ("activation", "hard_swish", (1, 10, 1, 1))),
        ("RELU_N1_TO_1", VECTOR, VECTOR, (), {}, ("activation", "clip", (1, 10, 1, 1))),
        (
            "ONE_HOT",
            VECTOR,
            (1, 10, 5),
            (5,),
            {"Options": "OneHotOptions", "Axis": -1},
            ("upsample", "nearest", (1, 10, 5, 1)),
        ),
        ("SCATTER_ND", VECTOR, (4, 4), ([4, 4],), {}, ("gather", "", (4, 4, 1, 1))),
    ],
)
def test_an_op_over_maps_is_the_layer_that_it_is(
    kind: str,
    dims: tuple[int, ...],
    made: tuple[int, ...],
    more: tuple[object, ...],
    fields: dict[str, object],
    wanted: tuple[object, ...],
    tmp_path: Path,
):
    assert kinds(one_op(tmp_path, kind, dims, made, *more, **fields)) == [wanted]


def test_an_axis_of_its_own_packs_and_unpacks(tmp_path: Path):
    t = TfliteGraph()
    x = t.input(1, 4, 6)
    y = t.op("PACK", [x, t.op("RELU", [x], "relu", (1, 4, 6))], "packed", (1, 2, 4, 6), "PackOptions", Axis=1)
    t.op("RESHAPE", [y, t.numbers("dims", [1, -1])], "flat", (1, 48), "ReshapeOptions")
    assert kinds(t.network(tmp_path, "flat"))[1] == ("concat", "", (1, 6, 4, 2))


def test_a_convolution_between_batches_of_blocks_is_dilated(tmp_path: Path):
    t = TfliteGraph()
    block, pads, crops = (
        t.numbers("block", [2, 2]),
        t.numbers("pads", [(2, 2), (2, 2)]),
        t.numbers("crops", [(0, 0), (0, 0)]),
    )
    x = t.op("SPACE_TO_BATCH_ND", [t.input(1, 8, 8, 4), block, pads], "split", (4, 6, 6, 4))
    y = t.op(
        "CONV_2D",
        [x, t.weights("w", (6, 3, 3, 4), 0)],
        "conv",
        (4, 4, 4, 6),
        "Conv2DOptions",
        Padding=1,
        StrideH=1,
        StrideW=1,
    )
    t.op("BATCH_TO_SPACE_ND", [y, block, crops], "y", (1, 8, 8, 6))
    (layer,) = t.network(tmp_path, "y").layers
    assert (layer.dilation, layer.padding, layer.output_shape) == ((2, 2), (2, 2, 2, 2), (1, 6, 8, 8))


def test_batches_of_blocks_without_a_convolution_are_moved(tmp_path: Path):
    t = TfliteGraph()
    block, none = t.numbers("block", [2, 2]), t.numbers("pads", [(0, 0), (0, 0)])
    x = t.op("SPACE_TO_BATCH_ND", [t.input(1, 8, 8, 4), block, none], "split", (4, 4, 4, 4))
    x = t.op("RELU", [x], "relu", (4, 4, 4, 4))
    t.op("BATCH_TO_SPACE_ND", [x, block, none], "y", (1, 8, 8, 4))
    assert t.network(tmp_path, "y").layers[-1].output_shape == (1, 4, 8, 8)


@pytest.mark.parametrize("kind", ["BROADCAST_TO", "MUL"])
def test_maps_that_are_repeated_by_broadcasting_are_upsampled_once(kind: str, tmp_path: Path):
    t = TfliteGraph()
    x = t.conv(t.input(1, 8, 8, 4), "conv", 16)
    x = t.op("RESHAPE", [x, t.numbers("apart", [1, 8, 1, 8, 1, 16])], "wide", (1, 8, 1, 8, 1, 16), "ReshapeOptions")
    other = t.numbers("to", [1, 8, 2, 8, 2, 16]) if kind != "MUL" else t.constant("ones", (1, 1, 2, 1, 2, 1))
    x = t.op(kind, [x, other], "many", (1, 8, 2, 8, 2, 16))
    x = t.op("RESHAPE", [x, t.numbers("joined", [1, 16, 16, 16])], "large", (1, 16, 16, 16), "ReshapeOptions")
    t.conv(x, "behind", 8)
    found = [kind for kind in kinds(t.network(tmp_path, "behind")) if kind[0] not in ("activation", "conv")]
    assert found == [("upsample", "nearest", (1, 16, 16, 16))]


def test_boxes_are_chosen_on_the_host_and_what_they_need_leaves_the_network(tmp_path: Path):
    t = TfliteGraph()
    boxes, scores = t.conv(t.input(1, 4, 4, 8), "boxes", 4), t.conv("data", "scores", 3)
    for name in ("locations", "classes"):
        t.tensor(name, (1, 10, 4))
    t.op("NON_MAX_SUPPRESSION_V4", [boxes, scores], "locations", (1, 10, 4))
    network = t.network(tmp_path, "locations")
    assert network.outputs == ("boxes", "scores")
    assert network.facts["warning"] == "locations: NON_MAX_SUPPRESSION_V4 runs on the host, which is not counted"


def test_half_precision_weights_are_weights(tmp_path: Path):
    t = TfliteGraph()
    x = t.input(1, 4, 4, 8)
    weights = t.op("DEQUANTIZE", [t.weights("half", (16, 1, 1, 8), 0)], "conv/weights", (16, 1, 1, 8))
    t.op("CONV_2D", [x, weights], "conv", (1, 4, 4, 16), "Conv2DOptions", StrideH=1, StrideW=1)
    network = t.network(tmp_path, "conv")
    assert kinds(network) == [("conv", "", (1, 16, 4, 4))]
    assert (network.macs, network.params) == (16 * 128, 128)


def test_a_batch_norm_that_was_folded_leaves_no_bias(tmp_path: Path):
    t = TfliteGraph()
    x = t.input(1, 4, 4, 8)
    learned = [t.weights("a/Conv2D", (16, 1, 1, 8), 0), t.bias("a/bn/FusedBatchNormV3", 16)]
    t.op(
        "CONV_2D",
        [x, *learned],
        "a/Relu",
        (1, 4, 4, 16),
        "Conv2DOptions",
        StrideH=1,
        StrideW=1,
        FusedActivationFunction=1,
    )
    network = t.network(tmp_path, "a/Relu")
    assert ([layer.name for layer in network.layers], network.params) == (["a/Conv2D", "a/Conv2D_relu"], 128)


def said(make: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        make()
    return caught.value.render()


def test_ops_that_nobody_counts_are_told_at_once_with_the_reason(tmp_path: Path):
    t = TfliteGraph()
    x = t.op("REAL", [t.input(1, 10)], "real", (1, 10))
    t.op("HASHTABLE_FIND", [x], "found", (1, 10))
    text = said(lambda: t.network(tmp_path, "found"))
    assert "real: the op cannot be counted: numbers are complex" in text
    assert "found: the op cannot be counted: hash tables are on the host" in text
    skipped = t.network(tmp_path, "found", skip_unknown=True)
    assert [layer.variant for layer in skipped.layers] == ["REAL", "HASHTABLE_FIND"]


@pytest.mark.parametrize("kind", ["IF", "UNIQUE", "WHERE", "WHILE"])
def test_a_graph_ends_where_the_data_decide(kind: str, tmp_path: Path):
    t = TfliteGraph()
    x = t.conv(t.input(1, 4, 4, 8), "conv", 4)
    t.op("ABS", [t.op(kind, [x], "odd", (3, 4))], "behind", (3, 4))
    network = t.network(tmp_path, "behind")
    assert (network.outputs, network.macs) == (("conv",), 16 * 32)
    assert "the graph ends here" in network.facts["warning"]


def test_every_builtin_op_of_the_schema_is_modelled_or_refused_with_a_reason():
    import tflite

    names = {name for name in vars(tflite.BuiltinOperator) if name.isupper()} - {"PLACEHOLDER_FOR_GREATER_OP_CODES"}
    assert [name for name in sorted(names) if not (name in ops.OPS or name in ops.HOST or ops.reason(name))] == []
    assert not set(ops.OPS) & set(ops.REFUSED)


@pytest.mark.parametrize("content", [b"", b"\0" * 4 + b"ONNX", b"\xff" * 200])
def test_what_is_no_tflite_file_is_said_in_one_line(content: bytes, tmp_path: Path):
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    assert "net.tflite: not a TFLite model" in said(lambda: load_network(str(path)))


def test_without_the_package_one_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tflite", None)
    assert said(lambda: load_network(str(path))) == (
        f'{path}: TFLite needs the extra tflite\n  expected: pip install "squeezesim[tflite]"'
    )


def test_rows_and_columns_that_a_file_leaves_open_are_given_by_their_place(tmp_path: Path):
    graph = Graph((Operator("RELU", ("x",), ("y",)),), {}, {}, {"x": (None, None, None, 3)}, ("y",))
    assert network_of(model_of(graph), "net", False, {"x.1": 8, "x.2": 6}).inputs == {"x": (1, 3, 8, 6)}
    assert "x.1=SIZE,x.2=SIZE" in said(lambda: network_of(model_of(graph), "net", False, {}))


def test_values_of_constants_are_read_in_every_type(tmp_path: Path):
    t = TfliteGraph()
    t.op("ADD", [t.input(1, 2), t.numbers("n", [3, -4])], "y", (1, 2), "AddOptions")
    (tmp_path / "net.tflite").write_bytes(t.serialized("net", ["data"], ["y"]))
    values = read_graph(tmp_path / "net.tflite").constants["n"].values
    assert values is not None
    assert np.array_equal(values, [3, -4])
