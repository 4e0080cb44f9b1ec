"""ONNX models of every exporter's habits, and the layers that they are."""

from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.network.ir import Layer, Network, Op
from tests.onnx_graphs import GraphWriter
from workloads.load import load_network


def ops(network: Network) -> list[str]:
    return [layer.op.value for layer in network.layers]


def only(network: Network, op: Op) -> Layer:
    (layer,) = (layer for layer in network.layers if layer.op is op)
    return layer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def test_a_batch_norm_folds_into_the_convolution_before_it(file: Path):
    g = GraphWriter()
    x = g.conv(g.input((1, 3, 8, 8)), "conv", 16, 3, 3, strides=[2, 2])
    norms = [g.weight(f"bn.{part}", 16) for part in ("weight", "bias", "running_mean", "running_var")]
    g.node("Relu", g.node("BatchNormalization", x, *norms), name="relu")
    network = load_network(g.save(file, "relu_out0"))
    conv, relu = network.layers
    assert (conv.op, conv.input_shapes, conv.output_shape) == (Op.CONV, ((1, 3, 8, 8),), (1, 16, 4, 4))
    assert (conv.kernel, conv.stride, conv.padding, conv.bias) == ((3, 3), (2, 2), (1, 1, 1, 1), False)
    assert (relu.op, relu.variant, network.outputs) == (Op.ACTIVATION, "relu", ("relu",))
    assert (network.macs, network.params) == (16 * 3 * 9 * 16, 16 * 3 * 9)


@pytest.mark.parametrize("name", ["onnx::Conv_12", "conv.weight_bias"])
def test_a_bias_that_an_exporter_made_of_a_batch_norm_is_none(file: Path, name: str):
    g = GraphWriter()
    weight = g.weight("conv.weight", 8, 3, 1, 1)
    g.node("Conv", g.input((1, 3, 4, 4)), weight, g.weight(name, 8), name="conv")
    assert load_network(g.save(file, "conv_out0")).params == 24


def test_a_bias_of_the_module_counts(file: Path):
    g = GraphWriter()
    weight = g.weight("conv.weight", 8, 3, 1, 1)
    g.node("Conv", g.input((1, 3, 4, 4)), weight, g.weight("conv.bias", 8), name="conv")
    assert load_network(g.save(file, "conv_out0")).params == 32


def test_zeros_that_are_worked_out_on_the_way_are_no_bias(file: Path):
    g = GraphWriter()
    weight = g.weight("conv.weight", 8, 3, 1, 1)
    filters = g.node("Gather", g.node("Shape", weight), g.ints("first", 0), axis=0)
    bias = g.node("Expand", g.node("CastLike", g.ints("zero", 0, scalar=True), g.input((1, 3, 4, 4))), filters)
    g.node("Conv", "input", weight, bias, name="conv")
    assert load_network(g.save(file, "conv_out0")).params == 24


def test_a_convolution_with_as_many_groups_as_channels_is_depthwise(file: Path):
    g = GraphWriter()
    x = g.conv(g.input((1, 8, 6, 6)), "dw", 8, 8, 3, group=8)
    g.conv(x, "pair", 16, 8, 1, group=2)
    first, second = load_network(g.save(file, "pair_out0")).layers
    assert (first.op, first.groups, first.macs) == (Op.DEPTHWISE, 8, 8 * 9 * 36)
    assert (second.op, second.groups, second.macs) == (Op.CONV, 2, 16 * 4 * 36)


def test_weights_may_be_missing(file: Path):
    g = GraphWriter()
    weight = g.weight("conv.weight", 8, 3, 3, 3, stripped=True)
    g.node("Conv", g.input((1, 3, 8, 8)), weight, name="conv", pads=[1] * 4)
    assert load_network(g.save(file, "conv_out0")).params == 216


def test_weights_may_be_in_a_file_that_is_not_there(file: Path):
    import onnx

    g = GraphWriter()
    g.node("Gemm", g.input((1, 300)), g.weight("fc.weight", 10, 300), transB=1, name="fc")
    model = g.model("fc_out0")
    onnx.save(model, file, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (file.parent / "weights.bin").unlink()
    assert load_network(str(file)).macs == 3000


def test_a_shape_in_an_external_file_is_read(file: Path):
    import onnx

    g = GraphWriter()
    x = g.node("Reshape", g.input((1, 8, 2, 2)), g.ints("dims", 1, 32))
    g.node("Gemm", x, g.weight("fc.weight", 10, 32), transB=1, name="fc")
    onnx.save(g.model("fc_out0"), file, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert load_network(str(file)).macs == 320


def test_weights_may_be_inputs_of_the_graph_as_in_old_models(file: Path):
    g = GraphWriter(opset=7)
    x = g.input((1, 3, 8, 8))
    g.conv(x, "conv", 8, 3)
    g.input((8, 3, 1, 1), "conv.weight")
    network = load_network(g.save(file, "conv_out0"))
    assert (list(network.inputs), network.macs) == (["input"], 8 * 3 * 64)


def test_an_open_batch_is_one_unless_given(file: Path):
    g = GraphWriter()
    spec = None
    g.conv(g.input(("batch", 3, 8, 8)), "conv", 8, 3)
    spec = g.save(file, "conv_out0")
    assert load_network(spec).macs == 8 * 3 * 64
    assert load_network(spec, batch=4).layers[0].output_shape == (4, 8, 8, 8)


def test_a_fixed_batch_holds_unless_another_is_given(file: Path):
    g = GraphWriter()
    g.conv(g.input((2, 3, 8, 8)), "conv", 8, 3)
    spec = g.save(file, "conv_out0")
    assert load_network(spec).macs == 2 * 8 * 3 * 64
    assert load_network(spec, batch=1).macs == 8 * 3 * 64


def test_open_sizes_are_asked_for_by_name_and_taken_from_the_spec(file: Path):
    g = GraphWriter()
    g.conv(g.input(("N", 3, "height", "width")), "conv", 8, 3)
    spec = g.save(file, "conv_out0")
    with pytest.raises(InputError, match="height=SIZE"):
        load_network(spec)
    assert load_network(f"{spec}:height=6,width=4").layers[0].output_shape == (1, 8, 6, 4)
    with pytest.raises(InputError, match="height"):
        load_network(f"{spec}:hieght=6,width=4")


@pytest.mark.parametrize("opset", [9, 13])
def test_a_flatten_written_as_a_chain_of_shapes_costs_nothing(file: Path, opset: int):
    g = GraphWriter(opset)
    x = g.node("GlobalAveragePool", g.input(("N", 16, 7, 7)))
    batch = g.node("Gather", g.node("Shape", x), g.ints("zero", 0, scalar=True), axis=0)
    batch = g.node("Unsqueeze", batch, g.ints("axis", 0)) if opset > 12 else g.node("Unsqueeze", batch, axes=[0])
    flat = g.node("Reshape", x, g.node("Concat", batch, g.ints("rest", -1), axis=0))
    g.node("Gemm", flat, g.weight("fc.weight", 10, 16), g.weight("fc.bias", 10), transB=1, name="fc")
    assert ops(load_network(g.save(file, "fc_out0"))) == ["pool", "linear"]


def test_flattening_maps_is_a_reshape(file: Path):
    g = GraphWriter()
    flat = g.node("Flatten", g.input((1, 16, 7, 7)), axis=1)
    g.node("Gemm", flat, g.weight("fc.weight", 10, 784), transB=1, name="fc")
    reshape, linear = load_network(g.save(file, "fc_out0")).layers
    assert (reshape.op, reshape.output_shape, linear.macs) == (Op.RESHAPE, (1, 784, 1, 1), 7840)


def shuffled(g: GraphWriter, x: str, groups: int, channels: int, size: int) -> str:
    """Shuffle channels as PyTorch's tracing exporter spells it with an open batch."""

    def extent(axis: int) -> str:
        number = g.ints(f"axis{axis}_{len(g.nodes)}", axis, scalar=True)
        return g.node("Unsqueeze", g.node("Gather", g.node("Shape", x), number, axis=0), g.ints(f"u{len(g.nodes)}", 0))

    split = g.node("Div", extent(1), g.ints("groups", groups))
    wide = g.node("Concat", extent(0), g.ints("g", groups), split, extent(2), extent(3), axis=0)
    turned = g.node("Transpose", g.node("Reshape", x, wide), perm=[0, 2, 1, 3, 4])
    flat = g.node("Concat", extent(0), g.ints("all", -1), extent(2), extent(3), axis=0)
    return str(g.node("Reshape", turned, flat, name="shuffle"))


def test_a_channel_shuffle_written_as_a_chain_of_shapes_is_one_layer(file: Path):
    g = GraphWriter()
    y = shuffled(g, g.input(("batch", 12, 5, 5)), 3, 12, 5)
    g.conv(y, "conv", 8, 12)
    shuffle, conv = load_network(g.save(file, "conv_out0")).layers
    assert (shuffle.op, shuffle.groups, shuffle.output_shape) == (Op.SHUFFLE, 3, (1, 12, 5, 5))
    assert conv.inputs == (shuffle.name,)


def test_two_readers_of_a_shuffle_share_it(file: Path):
    g = GraphWriter()
    wide = g.node("Reshape", g.input((1, 8, 5, 5)), g.ints("wide", 1, 2, 4, 5, 5))
    y = g.node("Reshape", g.node("Transpose", wide, perm=[0, 2, 1, 3, 4]), g.ints("flat", 1, 8, 5, 5))
    left, right = g.node("Split", y, outputs=2, axis=1)
    g.node("Add", left, g.conv(right, "conv", 4, 4), name="sum")
    assert ops(load_network(g.save(file, "sum_out0"))) == ["shuffle", "split", "split", "conv", "add"]


@pytest.mark.parametrize(
    ("spelled", "kind"),
    [
        ("Mul(x, Sigmoid(x))", "swish"),
        ("Mul(x, HardSigmoid(x))", "hard_swish"),
        ("Mul(x, Div(Clip(Add(x, three), zero, six), six))", "hard_swish"),
        ("Div(Mul(x, Clip(Add(x, three), zero, six)), six)", "hard_swish"),
        ("Mul(Mul(x, Clip(Add(x, three), zero, six)), sixth)", "hard_swish"),
        ("Div(Clip(Add(x, three), zero, six), six)", "hard_sigmoid"),
        ("Mul(x, Tanh(Softplus(x)))", "mish"),
        ("Mul(Mul(x, half), Add(Erf(Div(x, root)), one))", "gelu"),
        ("Mul(Mul(x, Add(Erf(Div(x, root)), one)), half)", "gelu"),
        ("HardSwish(x)", "hard_swish"),
        ("HardSigmoid(x)", "hard_sigmoid"),
        ("Clip(x, zero, six)", "relu6"),
        ("Clip(x, zero)", "relu"),
        ("Clip(x, zero, three)", "clip"),
        ("LeakyRelu(x)", "leaky_relu"),
        ("Gelu(x)", "gelu"),
    ],
)
def test_an_activation_is_one_layer_however_it_is_spelled(file: Path, spelled: str, kind: str):
    g = GraphWriter(20)
    g.input((1, 8, 4, 4), "x")
    names = {"three": 3, "zero": 0, "six": 6, "sixth": 1 / 6, "half": 0.5, "one": 1, "root": 1.414}
    for name, value in names.items():
        g.floats(name, value, scalar=True)

    def write(text: str) -> str:
        if "(" not in text:
            return text
        op, _, rest = text.removesuffix(")").partition("(")
        arguments, depth = [""], 0
        for character in rest:
            depth += (character == "(") - (character == ")")
            if character == "," and depth == 0:
                arguments.append("")
            else:
                arguments[-1] += character
        return str(g.node(op, *(write(argument.strip()) for argument in arguments)))

    y = write(spelled)
    layer = only(load_network(g.save(file, y)), Op.ACTIVATION)
    assert (layer.variant, layer.output_shape) == (kind, (1, 8, 4, 4))


def test_an_old_clip_has_its_bounds_as_attributes(file: Path):
    g = GraphWriter(opset=9)
    g.node("Clip", g.input((1, 8, 4, 4)), min=0.0, max=6.0, name="clip")
    assert only(load_network(g.save(file, "clip_out0")), Op.ACTIVATION).variant == "relu6"


def test_squeeze_and_excite_is_a_pool_two_products_and_a_multiplication(file: Path):
    g = GraphWriter()
    x = g.input((1, 16, 8, 8))
    pooled = g.node("ReduceMean", x, axes=[2, 3], keepdims=1)
    narrow = g.node("Relu", g.conv(pooled, "fc1", 4, 16))
    g.node("Mul", x, g.node("HardSigmoid", g.conv(narrow, "fc2", 16, 4)), name="scale")
    network = load_network(g.save(file, "scale_out0"))
    assert ops(network) == ["pool", "conv", "activation", "conv", "activation", "mul"]
    assert (network.layers[0].kernel, network.layers[-1].output_shape) == ((8, 8), (1, 16, 8, 8))


def test_squeeze_and_excite_through_vectors_is_the_same(file: Path):
    g = GraphWriter()
    x = g.input((1, 16, 8, 8))
    pooled = g.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    narrow = g.node("Relu", g.node("Gemm", pooled, g.weight("fc1.weight", 4, 16), transB=1))
    wide = g.node("Sigmoid", g.node("Gemm", narrow, g.weight("fc2.weight", 16, 4), transB=1))
    wide = g.node("Reshape", wide, g.ints("dims", 1, 16, 1, 1))
    g.node("Mul", x, wide, name="scale")
    network = load_network(g.save(file, "scale_out0"))
    assert ops(network) == ["pool", "linear", "activation", "linear", "activation", "mul"]
    assert network.macs == 2 * 4 * 16


def test_maps_that_lie_channels_last_are_turned_without_moving(file: Path):
    g = GraphWriter()
    x = g.node("Transpose", g.input((1, 8, 8, 3)), perm=[0, 3, 1, 2])
    y = g.node("Transpose", g.conv(x, "conv", 16, 3, 3), perm=[0, 2, 3, 1])
    y = g.node("Transpose", g.node("Relu", y), perm=[0, 3, 1, 2])
    g.conv(y, "last", 4, 16)
    network = load_network(g.save(file, "last_out0"))
    assert (network.inputs, ops(network)) == ({"input": (1, 3, 8, 8)}, ["conv", "activation", "conv"])


def test_zeros_put_around_maps_join_the_convolution_that_alone_reads_them(file: Path):
    g = GraphWriter()
    padded = g.node("Pad", g.input((1, 3, 8, 8)), g.ints("pads", 0, 0, 0, 0, 0, 0, 1, 1))
    g.conv(padded, "conv", 8, 3, 3, strides=[2, 2], pads=[0, 0, 0, 0])
    (conv,) = load_network(g.save(file, "conv_out0")).layers
    assert (conv.input_shapes, conv.padding, conv.output_shape) == (((1, 3, 8, 8),), (0, 0, 1, 1), (1, 8, 4, 4))


def test_zeros_put_around_maps_that_others_read_too_are_a_layer(file: Path):
    g = GraphWriter()
    padded = g.node("Pad", g.input((1, 3, 8, 8)), g.ints("pads", 0, 0, 1, 1, 0, 0, 1, 1), name="pad")
    g.conv(padded, "conv", 8, 3, 3, pads=[0, 0, 0, 0])
    pad, conv = load_network(g.save(file, "conv_out0", "pad_out0")).layers
    assert (pad.op, pad.output_shape, conv.padding) == (Op.PAD, (1, 3, 10, 10), (0, 0, 0, 0))


def test_same_padding_is_worked_out_on_either_side(file: Path):
    g = GraphWriter()
    x = g.input((1, 3, 8, 8))
    for name, side in (("upper", "SAME_UPPER"), ("lower", "SAME_LOWER")):
        weight = g.weight(f"{name}.weight", 4, 3, 3, 3)
        g.node("Conv", x, weight, name=name, auto_pad=side, strides=[2, 2])
    first, second = load_network(g.save(file, "upper_out0", "lower_out0")).layers
    assert (first.padding, second.padding) == ((0, 0, 1, 1), (1, 1, 0, 0))


def test_a_product_with_a_bias_behind_it_is_one_linear_layer(file: Path):
    g = GraphWriter()
    y = g.node("MatMul", g.input((1, 64)), g.weight("fc.weight", 64, 10), name="fc")
    g.node("Add", y, g.weight("fc.bias", 10), name="sum")
    (layer,) = load_network(g.save(file, "sum_out0")).layers
    assert (layer.op, layer.bias, layer.params) == (Op.LINEAR, True, 650)


def test_pools_round_up_where_they_say_so(file: Path):
    g = GraphWriter()
    x = g.input((1, 4, 8, 8))
    for name, ceil in (("floor", 0), ("ceil", 1)):
        g.node("MaxPool", x, name=name, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=ceil)
    floor, ceil = load_network(g.save(file, "floor_out0", "ceil_out0")).layers
    assert (floor.output_shape[2], ceil.output_shape[2], floor.variant) == (3, 4, "max")


@pytest.mark.parametrize("opset", [9, 10, 13])
def test_maps_are_resized_by_a_factor_or_to_a_size(file: Path, opset: int):
    g = GraphWriter(opset)
    x = g.input((1, 4, 5, 5))
    scales = g.floats("scales", 1, 1, 2, 2)
    if opset == 13:
        g.node("Resize", x, "", "", g.ints("sizes", 1, 4, 10, 10), mode="linear", name="up")
    else:
        g.node("Upsample" if opset == 9 else "Resize", x, scales, mode="linear", name="up")
    layer = only(load_network(g.save(file, "up_out0")), Op.UPSAMPLE)
    assert (layer.variant, layer.output_shape) == ("bilinear", (1, 4, 10, 10))


def test_a_transposed_convolution_counts_the_products_of_its_inputs(file: Path):
    g = GraphWriter()
    weight = g.weight("up.weight", 8, 4, 2, 2)
    g.node("ConvTranspose", g.input((1, 8, 5, 5)), weight, name="up", strides=[2, 2], kernel_shape=[2, 2])
    network = load_network(g.save(file, "up_out0"))
    assert (network.macs, network.params) == (8 * 4 * 4 * 25, 8 * 4 * 4)
    assert network.layers[-1].output_shape == (1, 4, 10, 10)


def test_attention_is_products_of_activations(file: Path):
    g = GraphWriter()
    x = g.input((1, 16, 32))

    def heads(name: str, perm: list[int]) -> str:
        y = g.node("MatMul", x, g.weight(f"{name}.weight", 32, 32))
        y = g.node("Reshape", y, g.ints(f"{name}.heads", 1, 16, 4, 8))
        return str(g.node("Transpose", y, perm=perm))

    scores = g.node("MatMul", heads("q", [0, 2, 1, 3]), heads("k", [0, 2, 3, 1]))
    y = g.node("MatMul", g.node("Softmax", scores, axis=-1), heads("v", [0, 2, 1, 3]))
    y = g.node("Reshape", g.node("Transpose", y, perm=[0, 2, 1, 3]), g.ints("flat", 1, 16, 32))
    g.node("MatMul", y, g.weight("out.weight", 32, 32), name="out")
    network = load_network(g.save(file, "out_out0"))
    products = [layer for layer in network.layers if layer.op is Op.MATMUL]
    assert [layer.macs for layer in products] == [4 * 16 * 16 * 8] * 2
    assert (network.macs, network.params) == (4 * 16 * 32 * 32 + 2 * 4 * 16 * 16 * 8, 4 * 32 * 32)


def test_a_sequence_of_parts_is_a_split(file: Path):
    g = GraphWriter()
    x = g.node("SplitToSequence", g.input((1, 8, 4, 4)), g.ints("size", 4, scalar=True), axis=1)
    parts = [g.node("SequenceAt", x, g.ints(f"at{at}", at, scalar=True)) for at in (0, 1)]
    g.node("Concat", parts[1], parts[0], axis=1, name="join")
    first, second, concat = load_network(g.save(file, "join_out0")).layers
    assert [(part.op, part.variant) for part in (first, second)] == [(Op.SPLIT, "0:4"), (Op.SPLIT, "4:8")]
    assert (concat.op, concat.inputs, concat.output_shape) == (Op.CONCAT, (second.name, first.name), (1, 8, 4, 4))


def test_an_index_of_channels_is_a_gather_and_a_range_of_them_a_slice(file: Path):
    g = GraphWriter()
    x = g.input((1, 8, 4, 4))
    g.node("Gather", x, g.ints("some", 5, 1, 3), axis=1, name="gather")
    g.node("Slice", x, g.ints("start", 2), g.ints("end", 6), g.ints("axis", 1), name="slice")
    gather, cut = load_network(g.save(file, "gather_out0", "slice_out0")).layers
    assert (gather.op, gather.output_shape) == (Op.GATHER, (1, 3, 4, 4))
    assert (cut.op, cut.variant, cut.output_shape) == (Op.SPLIT, "2:6", (1, 4, 4, 4))


def test_a_function_of_the_model_is_put_in_its_place(file: Path):
    import onnx
    from onnx import helper

    g = GraphWriter(18)
    g.node("Twice", g.input((1, 8, 4, 4)), domain="mine", name="twice")
    model = g.model("twice_out0")
    body = [helper.make_node("Relu", ["a"], ["b"], "inner"), helper.make_node("Sigmoid", ["b"], ["c"], "outer")]
    function = helper.make_function("mine", "Twice", ["a"], ["c"], body, [helper.make_opsetid("", 18)])
    model.functions.append(function)
    onnx.save(model, file)
    assert [layer.variant for layer in load_network(str(file)).layers] == ["relu", "sigmoid"]


def test_without_the_onnx_package_one_line_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch):
    g = GraphWriter()
    g.conv(g.input((1, 3, 8, 8)), "conv", 8, 3)
    spec = g.save(file, "conv_out0")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(InputError) as caught:
        load_network(spec)
    assert 'pip install "squeezesim[onnx]"' in caught.value.render()
