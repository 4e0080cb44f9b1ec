"""What exporters write around the layers: quantization, folded norms, chains of shapes, branches, runtimes' own ops."""

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Network, Op
from simulator.network.ops import OPS
from tests.onnx_graphs import GraphWriter
from workloads.load import load_network

INT8, INT32, UINT8 = 3, 6, 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def ops(network: Network) -> list[str]:
    return [layer.op.value for layer in network.layers]


def quantities(g: GraphWriter) -> tuple[str, str]:
    """Add a scale and a zero point."""
    return g.floats("scale", 0.1, scalar=True), g.weight("zero", dtype=UINT8)


def test_a_convolution_between_quantize_and_dequantize_is_one_layer(file: Path):
    g = GraphWriter()
    scale, zero = quantities(g)
    x = g.node("DequantizeLinear", g.node("QuantizeLinear", g.input((1, 3, 8, 8)), scale, zero), scale, zero)
    weight = g.node("DequantizeLinear", g.weight("conv.weight_quantized", 8, 3, 3, 3, dtype=INT8), scale)
    bias = g.node("DequantizeLinear", g.weight("conv.bias_quantized", 8, dtype=INT32), scale)
    y = g.node("Conv", x, weight, bias, name="conv", pads=[1] * 4)
    g.node("DequantizeLinear", g.node("QuantizeLinear", y, scale, zero), scale, zero, name="out")
    (conv,) = load_network(g.save(file, "out_out0")).layers
    assert (conv.macs, conv.params, conv.padding) == (8 * 27 * 64, 224, (1, 1, 1, 1))


def test_a_quantized_bias_that_was_a_batch_norm_is_none(file: Path):
    g = GraphWriter()
    scale, _ = quantities(g)
    weight = g.node("DequantizeLinear", g.weight("onnx::Conv_10_quantized", 8, 3, 1, 1, dtype=INT8), scale)
    bias = g.node("DequantizeLinear", g.weight("onnx::Conv_11_quantized", 8, dtype=INT32), scale)
    g.node("Conv", g.input((1, 3, 4, 4)), weight, bias, name="conv")
    assert load_network(g.save(file, "conv_out0")).params == 24


def test_qlinear_ops_are_the_layers_that_they_quantize(file: Path):
    g = GraphWriter()
    scale, zero = quantities(g)
    x = g.node("QuantizeLinear", g.input((1, 8, 8, 8)), scale, zero)
    weight = g.weight("conv.weight", 8, 1, 3, 3, dtype=INT8)
    bias = g.weight("conv.bias", 8, dtype=INT32)
    y = g.node("QLinearConv", x, scale, zero, weight, scale, zero, scale, zero, bias, pads=[1] * 4, group=8)
    y = g.node("QLinearAdd", y, scale, zero, x, scale, zero, scale, zero, domain="com.microsoft")
    y = g.node("QLinearConcat", scale, zero, y, scale, zero, x, scale, zero, domain="com.microsoft", axis=1)
    y = g.node("QLinearGlobalAveragePool", y, scale, zero, scale, zero, domain="com.microsoft")
    y = g.node("Flatten", y)
    fc = g.weight("fc.weight", 16, 10, dtype=INT8)
    g.node("QLinearMatMul", y, scale, zero, fc, scale, zero, scale, zero, name="fc")
    network = load_network(g.save(file, "fc_out0"))
    assert ops(network) == ["depthwise", "add", "concat", "pool", "linear"]
    assert (network.macs, network.params) == (8 * 9 * 64 + 160, 8 * 9 + 8 + 160)


def test_a_convolution_of_integers_takes_the_bias_that_follows(file: Path):
    g = GraphWriter()
    quantized, scale, zero = g.node("DynamicQuantizeLinear", g.input((1, 3, 8, 8)), outputs=3)
    weight = g.weight("conv.weight_quantized", 8, 3, 1, 1, dtype=UINT8)
    y = g.node("ConvInteger", quantized, weight, zero, "", name="conv")
    y = g.node("Mul", g.node("Cast", y, to=1), g.node("Mul", scale, g.floats("weight_scale", 0.1, scalar=True)))
    g.node("Add", y, g.weight("conv.bias", 1, 8, 1, 1), name="sum")
    (conv,) = load_network(g.save(file, "sum_out0")).layers
    assert (conv.op, conv.bias, conv.params) == (Op.CONV, True, 32)


def test_a_runtimes_op_may_have_its_channels_last(file: Path):
    g = GraphWriter()
    scale, zero = quantities(g)
    x = g.node("Transpose", g.input((1, 3, 8, 8)), perm=[0, 2, 3, 1])
    weight = g.weight("conv.weight", 8, 3, 3, 3, dtype=INT8)
    last = {"domain": "com.microsoft", "channels_last": 1}
    y = g.node("QLinearConv", x, scale, zero, weight, scale, zero, scale, zero, strides=[2, 2], pads=[1] * 4, **last)
    g.node("QLinearAveragePool", y, scale, zero, scale, zero, name="pool", kernel_shape=[2, 2], strides=[2, 2], **last)
    conv, pool = load_network(g.save(file, "pool_out0")).layers
    assert (conv.output_shape, pool.output_shape) == ((1, 8, 4, 4), (1, 8, 2, 2))


def test_a_fused_convolution_has_its_activation_and_its_addition(file: Path):
    g = GraphWriter()
    x = g.input((1, 8, 4, 4))
    weight, bias = g.weight("conv.weight", 8, 8, 1, 1), g.weight("conv.bias", 8)
    g.node("FusedConv", x, weight, bias, x, name="conv", domain="com.microsoft", activation="Relu")
    network = load_network(g.save(file, "conv_out0"))
    assert ops(network) == ["conv", "add", "activation"]
    assert network.layers[-1].variant == "relu"


def test_of_equal_biases_the_name_of_one_module_is_left_to_all(file: Path):
    g = GraphWriter()
    x = g.input((1, 8, 4, 4))
    bias = g.weight("features.1.fc2.bias", 8)
    x = g.node("Conv", x, g.weight("onnx::Conv_7", 8, 8, 1, 1), bias, name="/features/features.0/features.0.0/Conv")
    g.node("Conv", x, g.weight("features.1.fc2.weight", 8, 8, 1, 1), bias, name="/features/features.1/fc2/Conv")
    network = load_network(g.save(file, "/features/features.1/fc2/Conv_out0"))
    assert [layer.bias for layer in network.layers] == [False, True]


@pytest.mark.parametrize("scope", ["net/bn1/batchnorm/add_1", "net/conv1/BiasAdd"])
def test_an_addition_in_the_scope_of_a_batch_norm_is_no_bias(file: Path, scope: str):
    g = GraphWriter()
    y = g.conv(g.input((1, 3, 4, 4)), "conv", 8, 3)
    g.node("Add", y, g.weight("const_fold", 1, 8, 1, 1), name=scope)
    (conv,) = load_network(g.save(file, f"{scope}_out0")).layers
    assert conv.bias is ("batchnorm" not in scope)


def test_same_padding_worked_out_by_a_chain_joins_the_convolution(file: Path):
    g = GraphWriter()
    x = g.input((1, 3, 7, 7))
    height = g.node("Gather", g.node("Shape", x), g.ints("two", 2, scalar=True), axis=0)
    height = g.node("Cast", height, to=1)
    rows = g.node("Ceil", g.node("Div", height, g.floats("stride", 2.0, scalar=True)))
    total = g.node("Sub", g.node("Add", g.node("Mul", rows, "stride"), g.floats("tap", 1.0, scalar=True)), height)
    total = g.node("Clip", total, g.floats("least", 0.0, scalar=True), "")
    after = g.node("Unsqueeze", g.node("Cast", total, to=7), g.ints("zero", 0))
    none = g.ints("none", 0, 0, 0, 0, 0, 0)
    padded = g.node("Pad", x, g.node("Concat", none, after, after, axis=0))
    g.conv(padded, "conv", 8, 3, 3, strides=[2, 2], pads=[0, 0, 0, 0])
    (conv,) = load_network(g.save(file, "conv_out0")).layers
    assert (conv.padding, conv.output_shape) == ((0, 0, 2, 2), (1, 8, 4, 4))


def squeezed(g: GraphWriter, x: str, condition: str) -> str:
    """Squeeze an axis if it has one element, as PyTorch writes it where it does not know."""
    from onnx import TensorProto, helper

    branches = {}
    for branch, op in (("then_branch", "Squeeze"), ("else_branch", "Identity")):
        inputs = [x, "axis"] if op == "Squeeze" else [x]
        node = helper.make_node(op, inputs, [branch], f"{branch}_{op}")
        output = helper.make_tensor_value_info(branch, TensorProto.FLOAT, None)
        branches[branch] = helper.make_graph([node], branch, [], [output])
    return str(g.node("If", condition, name="if", **branches))


@pytest.mark.parametrize(("extent", "rank"), [(1, 3), (2, 4)])
def test_a_branch_that_shapes_decide_is_followed(file: Path, extent: int, rank: int):
    g = GraphWriter()
    x = g.input((1, extent, 4, 4))
    channels = g.node("Gather", g.node("Shape", x), g.ints("axis", 1), axis=0)
    y = squeezed(g, x, g.node("Equal", channels, g.ints("one", 1)))
    g.node("Transpose", g.node("Relu", y), name="out", perm=list(range(rank))[::-1])
    assert ops(load_network(g.save(file, "out_out0")))[0] == "activation"


def test_a_graph_ends_where_values_decide_which_branch_runs(file: Path):
    g = GraphWriter()
    g.ints("axis", 1)
    squeezed(g, g.input((1, 1, 4, 4)), g.node("ReduceMax", "input", axes=[0, 1, 2, 3], keepdims=0))
    network = load_network(g.save(file, "if_out0"))
    assert len(network.layers) == 1
    assert "the graph ends here, as of If which layers run depends on the data" in network.facts["warning"]


def test_factors_are_stretched_over_a_split_of_channels(file: Path):
    g = GraphWriter()
    x = g.input((1, 16, 6, 6))
    wide = g.node("Reshape", x, g.ints("wide", 1, 2, 8, 6, 6))
    pooled = g.node("Softmax", g.node("Reshape", g.node("GlobalAveragePool", x), g.ints("few", 1, 2, 8, 1, 1)), axis=1)
    g.node("ReduceSum", g.node("Mul", wide, pooled), g.ints("axis", 1), keepdims=0, name="sum")
    network = load_network(g.save(file, "sum_out0"))
    mul = next(layer for layer in network.layers if layer.op is Op.MUL)
    assert {shape[1] * shape[2] * shape[3] for shape in mul.input_shapes} == {16 * 36, 16}


@pytest.mark.parametrize(
    ("equation", "left", "right", "macs"),
    [
        ("bik,bkj->bij", (2, 3, 4), (2, 4, 5), 2 * 3 * 4 * 5),
        ("bhid,bhjd->bhij", (1, 2, 3, 8), (1, 2, 3, 8), 2 * 9 * 8),
        ("bchw,bnc->bnhw", (1, 8, 4, 4), (1, 3, 8), 3 * 8 * 16),
    ],
)
def test_an_einsum_of_two_tensors_is_a_product(
    file: Path, equation: str, left: tuple[int, ...], right: tuple[int, ...], macs: int
):
    g = GraphWriter()
    g.node("Einsum", g.input(left, "left"), g.input(right, "right"), name="product", equation=equation)
    assert load_network(g.save(file, "product_out0")).macs == macs


def test_an_einsum_with_weights_is_a_linear_layer(file: Path):
    g = GraphWriter()
    g.node("Einsum", g.input((1, 6, 8)), g.weight("w", 8, 10), name="product", equation="bik,kj->bij")
    network = load_network(g.save(file, "product_out0"))
    assert (ops(network), network.macs, network.params) == (["linear"], 6 * 80, 80)


def test_a_normalisation_squares_and_sums_as_many_channels_as_its_size(file: Path):
    g = GraphWriter()
    g.node("LRN", g.input((1, 8, 4, 4)), size=7, name="lrn")
    (layer,) = load_network(g.save(file, "lrn_out0")).layers
    assert OPS[layer.op].operations(layer) == 8 * 4 * 4 * (7 + 7 + 3)


def test_a_normalisation_without_a_size_is_refused(file: Path):
    g = GraphWriter()
    g.node("LRN", g.input((1, 8, 4, 4)), name="lrn")
    with pytest.raises(InputError, match="not a size"):
        load_network(g.save(file, "lrn_out0"))


def test_a_normalisation_spelled_with_a_pool_across_channels_is_understood(file: Path):
    g = GraphWriter()
    x = g.input((1, 8, 4, 4))
    squares = g.node("Unsqueeze", g.node("Mul", x, x), g.ints("axis", 1))
    padded = g.node("Pad", squares, g.ints("pads", 0, 0, 2, 0, 0, 0, 0, 2, 0, 0))
    mean = g.node("AveragePool", padded, kernel_shape=[5, 1, 1], strides=[1, 1, 1])
    power = g.node("Pow", g.node("Squeeze", mean, "axis"), g.floats("beta", 0.75, scalar=True))
    g.node("Div", x, power, name="lrn")
    last = load_network(g.save(file, "lrn_out0")).layers[-1]
    assert last.output_shape == (1, 8, 4, 4)


def test_an_unknown_op_is_an_error_that_names_node_and_op(file: Path):
    g = GraphWriter()
    g.node("Convv", g.input((1, 3, 8, 8)), name="/features/odd")
    with pytest.raises(InputError) as caught:
        load_network(g.save(file, "/features/odd_out0"))
    message = caught.value.render()
    assert "/features/odd" in message and "Convv" in message and 'did you mean "Conv"?' in message
    assert "--skip-unknown" in message


@pytest.mark.parametrize("told", [True, False])
def test_a_skipped_op_makes_what_the_file_says_or_as_much_as_it_reads(file: Path, told: bool):
    from onnx import TensorProto, helper

    g = GraphWriter()
    g.node("Odd", g.input((1, 3, 8, 8)), name="odd", domain="mine")
    if told:
        g.shapes.append(helper.make_tensor_value_info("odd_out0", TensorProto.FLOAT, (1, 6, 4, 4)))
    g.node("Relu", "odd_out0", name="relu")
    network = load_network(g.save(file, "relu_out0"), skip_unknown=True)
    odd = network.layers[0]
    assert (odd.name, odd.op, odd.variant) == ("odd", Op.UNKNOWN, "Odd")
    assert odd.output_shape == ((1, 6, 4, 4) if told else (1, 3, 8, 8))
    assert network.facts["warning"] == "odd: the op Odd is unknown, only its traffic is counted"


def test_weights_that_were_taken_out_follow_from_the_shapes_that_are_left(file: Path):
    from onnx import TensorProto, helper

    g = GraphWriter()
    x = g.node("Conv", g.input((1, 3, 8, 8)), "conv.weight", name="conv", kernel_shape=[3, 3], pads=[1] * 4)
    x = g.node("Reshape", g.node("GlobalAveragePool", x), g.weight("dims", 2, dtype=7, stripped=True), name="flat")
    g.node("Gemm", x, "fc.weight", "fc.bias", transB=1, name="fc")
    for name, dims in (("conv_out0", (1, 8, 8, 8)), ("flat_out0", (1, 8)), ("fc_out0", (1, 10))):
        g.shapes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
    network = load_network(g.save(file, "fc_out0"))
    assert (network.macs, network.params) == (8 * 27 * 64 + 80, 216 + 90)


@pytest.mark.parametrize("left", [(1, 1, 16, 8), (16, 8)])
def test_rows_that_all_matrices_of_a_product_share_are_read_once(file: Path, left: tuple[int, ...]):
    """Four matrices of 8 x 12 for the same 16 rows of 8."""
    g = GraphWriter()
    g.node("MatMul", g.input(left, "a"), g.input((1, 4, 8, 12), "b"), name="product")
    network = load_network(g.save(file, "product_out0"))
    (product,) = [layer for layer in network.layers if layer.op is Op.MATMUL]
    assert (network.macs, product.groups) == (4 * 16 * 8 * 12, 1)
    assert network.layers[-1].output_shape == (1, 4, 16, 12)
    assert product.nest is not None and product.nest.bounds == (1, 1, 48, 8, 16, 1, 1, 1)
