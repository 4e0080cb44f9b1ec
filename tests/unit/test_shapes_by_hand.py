"""Sizes of windows, shapes of ops and what they cost, counted by hand; at each edge and a step beyond."""

from dataclasses import replace

import pytest

from simulator.network.document import layer_document, network_document, padding_value, pair_value, window_keys
from simulator.network.graph import Graph
from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Layer, Network, Op, normalized_elements
from simulator.network.lifetimes import Lifetime, lifetimes
from simulator.network.ops import (
    CONVOLUTIONS,
    FREE_OPS,
    MAC_OPS,
    OPS,
    VECTOR_OPS,
    WINDOWED_OPS,
    Channels,
    follows,
)
from simulator.network.shapes import (
    Misfit,
    broadcast,
    joined,
    pair,
    require_divisible,
    sides,
    tensor_bytes,
    text,
    window_outputs,
    window_reach,
)

IN = (2, 12, 9, 7)


def layer(op: Op, output=IN, inputs=(IN,), **more) -> Layer:
    names = tuple(f"x{i}" for i in range(len(inputs)))
    return Layer("y", op, names, tuple(inputs), output, **more)


def made(op: Op, output=IN, inputs=(IN,), given=None, **more):
    """What a layer makes of its own inputs, or of others that it is given."""
    one = layer(op, output, inputs, **more)
    return OPS[op].shape(one, tuple(given or inputs))


def refusal(op: Op, *args, **more) -> tuple[str, str | None, str | None]:
    with pytest.raises(Misfit) as caught:
        made(op, *args, **more)
    return caught.value.message, caught.value.expected, caught.value.got


def test_windows_fit_down_and_across_each_with_its_own_numbers() -> None:
    assert window_reach(3, 2) == 5 and window_reach(1, 9) == 1
    assert window_outputs((9, 7), (3, 2), (2, 3), (0, 0, 0, 0)) == (4, 2)
    assert window_outputs((9, 7), (3, 2), (2, 3), (1, 0, 1, 2)) == (5, 3)
    assert window_outputs((9, 7), (3, 2), (1, 1), (0, 0, 0, 0), (2, 5)) == (5, 2)
    assert window_outputs((3, 3), (3, 4), (1, 1), (0, 0, 0, 0)) == (1, 0)
    assert window_outputs((3, 3), (3, 4), (1, 1), (0, 1, 0, 0)) == (1, 1)


def test_a_last_window_hangs_over_the_edge_if_it_starts_inside() -> None:
    """Of 8 rows by steps of 3, windows of 2 start at 0, 3, 6; of 7 rows the third still has a row."""
    for size, rows in ((8, 3), (7, 3), (6, 2), (5, 2), (4, 2), (3, 1), (2, 1)):
        assert window_outputs((size, 8), (2, 2), (3, 3), (0, 0, 0, 0), ceil=True) == (rows, 3)
        assert window_outputs((8, size), (2, 2), (3, 3), (0, 0, 0, 0), ceil=True) == (3, rows)
    assert window_outputs((4, 4), (2, 2), (2, 2), (1, 0, 1, 0), ceil=True) == (3, 2)
    assert window_outputs((4, 4), (2, 2), (3, 3), (0, 0, 2, 2), ceil=True) == (2, 2)
    assert window_outputs((3, 3), (2, 2), (3, 3), (0, 0, 2, 2), ceil=True) == (1, 1)
    assert window_outputs((3, 3), (2, 2), (4, 4), (1, 1, 2, 2), ceil=True) == (1, 1)
    assert window_outputs((4, 4), (2, 2), (4, 4), (1, 1, 2, 2), ceil=True) == (2, 2)
    assert window_outputs((1, 1), (2, 2), (1, 2), (0, 0, 0, 0), ceil=True) == (0, 0)


def test_paddings_are_written_in_any_way() -> None:
    size, kernel, stride = (9, 8), (3, 5), (2, 3)
    assert sides(2, size, kernel, stride) == (2, 2, 2, 2)
    assert sides((1, 2), size, kernel, stride) == (1, 2, 1, 2)
    assert sides((1, 2, 3, 4), size, kernel, stride) == (1, 2, 3, 4)
    assert sides("half", size, kernel, stride) == (1, 2, 1, 2)
    assert sides("half", size, kernel, stride, (3, 2)) == (3, 4, 3, 4)
    assert sides("same", size, kernel, stride) == (1, 1, 1, 2)  # 5 windows reach 11 rows, 3 reach 11 columns
    assert sides("same", size, (4, 1), (1, 3)) == (1, 0, 2, 0)
    assert sides("same", (9, 9), (1, 1), (4, 9)) == (0, 0, 0, 0)
    assert sides("same", size, kernel, (1, 1), (2, 1)) == (2, 2, 2, 2)
    assert (pair(4), pair((1, 2))) == ((4, 4), (1, 2))


def test_extents_of_one_stretch_and_others_must_agree() -> None:
    assert broadcast((1, 8, 7, 1), (2, 8, 1, 5)) == (2, 8, 7, 5)
    assert broadcast((2, 8), (3, 8)) is None
    assert broadcast((2, 2), (1, 2)) == (2, 2)


def test_a_join_adds_one_axis_and_names_what_differs_along_another() -> None:
    a, b = (1, 3, 5, 7), (1, 4, 5, 7)
    assert joined([a, b, a], ["a", "b", "c"], 1) == (1, 10, 5, 7)
    assert joined([a, a], ["a", "b"], 0) == (2, 3, 5, 7)
    assert joined([a, a], ["a", "b"], 3) == (1, 3, 5, 14)
    with pytest.raises(Misfit, match="channels of b differs") as caught:
        joined([a, b], ["a", "b"], 2)
    assert (caught.value.expected, caught.value.got) == ("3", "4")


def test_bytes_are_whole_in_all_and_extents_read_as_people_write_them() -> None:
    assert [tensor_bytes((1, 3, 1, 1), bits) for bits in (1, 2, 3, 8, 16)] == [1, 1, 2, 3, 6]
    assert tensor_bytes((2, 4, 1, 1), 1) == 1
    assert text((1, 2, 3)) == "1x2x3"


def test_groups_must_divide() -> None:
    require_divisible(4, "filters", 8)
    with pytest.raises(Misfit, match="filters do not divide into groups") as caught:
        require_divisible(4, "filters", 6)
    assert (caught.value.expected, caught.value.got) == ("a multiple of 4", "6")


def test_a_convolution_makes_its_filters_where_windows_fit() -> None:
    assert made(Op.CONV, (2, 8, 4, 5), kernel=(3, 3), stride=(2, 1)) == (2, 8, 4, 5)
    assert made(Op.CONV, (2, 8, 9, 5), kernel=(3, 3), padding=(1, 0, 1, 0), groups=4) == (2, 8, 9, 5)
    assert made(Op.CONV, (9, 8, 1, 1), given=[(5, 6, 3, 4)], kernel=(2, 3)) == (5, 8, 2, 2)
    assert refusal(Op.CONV, (2, 8, 1, 1), groups=5)[0] == "input channels do not divide into groups"
    assert refusal(Op.CONV, (2, 8, 1, 1), groups=3)[0] == "filters do not divide into groups"
    message, _, got = refusal(Op.CONV, (2, 8, 1, 1), kernel=(3, 8), dilation=(2, 1))
    assert (message, got) == ("the window is larger than the padded input", "a window of 5x8 over 9x7")
    assert refusal(Op.CONV, (2, 8, 1, 1), kernel=(10, 1))[2] == "a window of 10x1 over 9x7"


def test_a_pool_keeps_channels_and_may_hang_over() -> None:
    assert made(Op.POOL, (0, 0, 0, 0), kernel=(2, 3), stride=(2, 3)) == (2, 12, 4, 2)
    assert made(Op.POOL, (0, 0, 0, 0), kernel=(2, 3), stride=(2, 3), ceil=True) == (2, 12, 5, 3)


def test_other_ops_make_what_their_rule_says() -> None:
    assert made(Op.LINEAR, (9, 5, 1, 1), inputs=[(2, 12, 1, 1)]) == (2, 5, 1, 1)
    assert refusal(Op.LINEAR, (2, 5, 1, 1), groups=5)[0] == "inputs do not divide into groups"
    assert refusal(Op.LINEAR, (2, 5, 1, 1), groups=4)[0] == "filters do not divide into groups"
    assert made(Op.GATHER, (9, 5, 1, 1)) == (2, 5, 9, 7)
    assert made(Op.UPSAMPLE, (9, 5, 20, 30)) == (2, 12, 20, 30)
    assert made(Op.PAD, padding=(1, 2, 4, 8)) == (2, 12, 14, 17)
    assert made(Op.SHUFFLE, groups=4) == IN
    assert refusal(Op.SHUFFLE, groups=5)[0] == "channels do not divide into groups"
    assert made(Op.SOFTMAX) == IN
    assert made(Op.UNKNOWN, (1, 2, 3, 4)) == (1, 2, 3, 4)
    assert refusal(Op.UNKNOWN, (1, 2, 3, 4), given=[(2, 12, 9, 8)])[1] == "2x12x9x7"


def test_products_of_taps_are_added_to_a_channel_for_each_window() -> None:
    stated = (2, 3, 20, 15)
    assert made(Op.COL2IM, stated, kernel=(2, 2)) == stated
    assert made(Op.COL2IM, stated, kernel=(2, 2), given=[(5, 8, 9, 7)]) == (5, 2, 20, 15)
    message, expected, got = refusal(Op.COL2IM, stated, kernel=(2, 2), given=[(2, 12, 9, 8)])
    assert (message, expected, got) == ("it needs the rows and columns it has", "9x7", "9x8")
    assert refusal(Op.COL2IM, stated, kernel=(5, 1))[0] == "products do not divide into groups"


def test_operands_are_stretched_one_after_the_other() -> None:
    three = [(2, 12, 1, 1), (1, 12, 9, 1), (2, 1, 1, 7)]
    assert made(Op.ADD, inputs=three) == IN
    message, expected, got = refusal(Op.ADD, inputs=[*three, (2, 12, 9, 6)])
    assert (message, expected, got) == ("x3 does not match the other operands", "2x12x9x7", "2x12x9x6")


def test_a_concatenation_joins_along_the_axis_of_its_own_channels_first() -> None:
    assert made(Op.CONCAT, (2, 24, 9, 7), inputs=[IN, IN]) == (2, 24, 9, 7)
    assert made(Op.CONCAT, (2, 24, 9, 7), inputs=[IN, IN], given=[(2, 1, 9, 7), (2, 3, 9, 7)]) == (2, 4, 9, 7)
    assert made(Op.CONCAT, (4, 12, 9, 7), inputs=[IN, IN], given=[(1, 12, 9, 7), IN]) == (3, 12, 9, 7)
    assert made(Op.CONCAT, (2, 12, 18, 7), inputs=[IN, IN], given=[(2, 12, 1, 7), IN]) == (2, 12, 10, 7)
    assert made(Op.CONCAT, (2, 12, 9, 14), inputs=[IN, IN], given=[(2, 12, 9, 1), IN]) == (2, 12, 9, 8)
    assert made(Op.CONCAT, (2, 13, 9, 7), inputs=[IN, IN]) == (2, 13, 9, 7)
    assert (
        refusal(Op.CONCAT, (2, 13, 9, 7), inputs=[IN, IN], given=[IN, (2, 1, 9, 7)])[0] == "it needs the shapes it has"
    )
    assert refusal(Op.CONCAT, (2, 13, 9, 7), inputs=[IN, IN], given=[IN])[1] == "2x12x9x7 and 2x12x9x7"


def test_a_slice_takes_a_range_of_channels_and_no_more() -> None:
    assert made(Op.SPLIT, variant="0:12") == IN
    assert made(Op.SPLIT, variant="4:5") == (2, 1, 9, 7)
    assert made(Op.SPLIT, (2, 3, 4, 5), variant="height") == (2, 3, 4, 5)
    for variant in ("0:13", "4:4", "5:4", "-1:3"):
        assert refusal(Op.SPLIT, variant=variant) == ("not a range of channels", "within 0:12", variant)


def test_a_reshape_keeps_elements_of_each_sample() -> None:
    assert made(Op.RESHAPE, (2, 756, 1, 1)) == (2, 756, 1, 1)
    assert made(Op.RESHAPE, (2, 756, 1, 1), given=[(6, 12, 9, 7)]) == (6, 756, 1, 1)
    assert made(Op.RESHAPE, (1, 1512, 1, 1)) == (1, 1512, 1, 1)
    assert refusal(Op.RESHAPE, (2, 755, 1, 1)) == ("not the same number of elements", "2x12x9x7", "2x755x1x1")


OPERATIONS = {
    Op.ADD: ([IN, IN, IN], {}, 2 * 1512),
    Op.MUL: ([IN], {}, 1512),
    Op.POOL: ([IN], {"kernel": (2, 3)}, 6 * 1512),
    Op.ACTIVATION: ([IN], {}, 1512),
    Op.SOFTMAX: ([IN], {}, 4 * 1512),
    Op.CONV: ([IN], {}, 0),
    Op.CONCAT: ([IN, IN], {}, 0),
}


@pytest.mark.parametrize("op", OPERATIONS)
def test_an_op_costs_so_many_operations_an_output(op: Op) -> None:
    inputs, more, wanted = OPERATIONS[op]
    assert OPS[op].operations(layer(op, inputs=inputs, **more)) == wanted


def test_interpolating_costs_four_products_or_a_copy() -> None:
    costs = [OPS[Op.UPSAMPLE].operations(layer(Op.UPSAMPLE, variant=variant)) for variant in ("bilinear", "nearest")]
    assert costs == [4 * 1512, 1512]


def test_a_normalisation_costs_a_product_and_a_sum_an_element_and_three_more() -> None:
    for variant, window, each in ((ACROSS_CHANNELS, 5, 13), (WITHIN_CHANNEL, 3, 21)):
        assert OPS[Op.LRN].operations(layer(Op.LRN, variant=variant, window=window)) == each * 1512


def test_the_table_tells_what_runs_an_op_and_whether_it_may_be_free() -> None:
    assert {Op.CONV, Op.DEPTHWISE, Op.LINEAR, Op.MATMUL} == MAC_OPS
    on_elements = {Op.ADD, Op.MUL, Op.ACTIVATION, Op.SOFTMAX, Op.LRN, Op.NORMALIZATION, Op.UPSAMPLE}
    assert {Op.POOL, Op.COL2IM, *on_elements} == VECTOR_OPS
    assert {Op.CONV, Op.DEPTHWISE, Op.POOL} == WINDOWED_OPS
    assert {Op.CONV, Op.DEPTHWISE} == CONVOLUTIONS
    assert {Op.CONV, Op.DEPTHWISE, Op.LINEAR, Op.MATMUL, Op.COL2IM, Op.UNKNOWN} == set(Op) - FREE_OPS
    assert [op for op in Op if OPS[op].inputs is None] == [Op.ADD, Op.MUL, Op.CONCAT, Op.UNKNOWN]
    assert [op for op in Op if OPS[op].inputs == 2] == [Op.MATMUL]
    assert [op for op in Op if OPS[op].residuals] == [Op.ADD]
    assert [op for op in Op if OPS[op].downsamples] == [Op.POOL, Op.COL2IM]
    assert [op for op in Op if OPS[op].accumulates] == [Op.COL2IM]
    assert [(op, OPS[op].passes) for op in Op if OPS[op].passes != 1] == [(Op.NORMALIZATION, 2)]
    assert {op: OPS[op].onnx for op in MAC_OPS if OPS[op].onnx} == {Op.CONV: {"": "Conv"}}
    chosen = [op for op in Op if OPS[op].channels is Channels.CHOSEN]
    assert chosen == [Op.CONV, Op.LINEAR]


def test_what_a_file_states_may_not_follow() -> None:
    right = layer(Op.CONV, (2, 8, 9, 7))
    assert follows(right)
    assert not follows(replace(right, output_shape=(2, 8, 9, 6)))
    assert not follows(replace(right, groups=5))


def test_what_a_layer_leaves_open_is_a_plain_op_of_one_element() -> None:
    plain = layer(Op.CONV)
    assert (plain.kernel, plain.stride, plain.dilation, plain.padding) == ((1, 1), (1, 1), (1, 1), (0, 0, 0, 0))
    assert (plain.groups, plain.window, plain.constant_elements) == (1, 1, 0)
    assert not (plain.bias or plain.ceil or plain.zero_columns)
    assert {plain.zero_inputs_fraction, plain.zero_weights_fraction, plain.zero_outputs_fraction} == {None}
    assert layer(Op.ADD, constant_elements=7).params == 7


def test_elements_share_statistics_by_map_by_group_or_by_position() -> None:
    shape = (2, 12, 9, 7)
    assert [normalized_elements(kind, shape) for kind in ("instance_norm", "mean_variance_norm")] == [63, 63]
    assert [normalized_elements("group_norm", shape, *groups) for groups in ((), (1,), (4,))] == [756, 756, 189]
    assert [normalized_elements(kind, shape, 4) for kind in ("layer_norm", "rms_norm", "l2_norm")] == [12, 12, 12]


def test_a_grouped_convolution_counts_by_group() -> None:
    one = layer(Op.CONV, (2, 8, 4, 5), kernel=(3, 2), stride=(2, 1), dilation=(1, 2), padding=(1, 2, 3, 4), groups=4)
    nest = one.nest
    assert nest is not None
    assert nest.bounds == (2, 4, 2, 3, 4, 5, 3, 2)
    assert (nest.stride, nest.dilation, nest.padding, nest.input_size) == ((2, 1), (1, 2), (1, 2, 3, 4), (9, 7))
    assert (one.macs, one.params) == (2 * 8 * 3 * 20 * 6, 8 * 3 * 6)
    assert replace(one, bias=True).params == 8 * 3 * 6 + 8
    pool = layer(Op.POOL, kernel=(3, 3), bias=True)
    assert (pool.nest, pool.macs, pool.params) == (None, 0, 0)


def test_a_product_has_no_parameters_and_shares_what_all_samples_share() -> None:
    """A matrix of 5 x 12 for all samples, for each, or two groups of 5 x 6 for each of them."""
    left = (4, 12, 3, 1)
    for second, groups, bounds in (
        ((1, 12, 5, 1), 1, (4, 1, 5, 12, 3, 1, 1, 1)),
        ((4, 12, 5, 1), 1, (1, 4, 5, 12, 3, 1, 1, 1)),
        ((4, 12, 5, 1), 2, (1, 8, 5, 6, 3, 1, 1, 1)),
        ((1, 12, 5, 1), 2, (4, 2, 5, 6, 3, 1, 1, 1)),
    ):
        product = layer(Op.MATMUL, (4, 5 * groups, 3, 1), inputs=[left, second], groups=groups, bias=True)
        assert product.nest is not None
        assert product.nest.bounds == bounds
        assert (product.macs, product.params) == (4 * 5 * 12 * 3, 0)
    tiny = layer(Op.MATMUL, (4, 5, 3, 1), inputs=[left, (1, 1, 5, 1)])
    assert tiny.nest is not None
    assert tiny.nest.bounds == (4, 1, 5, 12, 3, 1, 1, 1)


def branches() -> Network:
    g = Graph("branches")
    x, unread = g.input(4, 8, 8), g.input(1, 1, 1, name="unread")
    y = g.conv(x, 4, bias=True)
    g.relu(y)
    z = g.conv(g.conv(y, 3), 2)
    assert unread.name == "unread"
    return g.build(z, y)


def test_a_tensor_that_nothing_reads_dies_where_it_is_made_and_an_output_outlives_all() -> None:
    assert lifetimes(branches()) == {
        "data": Lifetime(-1, 0),
        "unread": Lifetime(-1, -1),
        "conv1": Lifetime(0, 4),
        "conv1_relu": Lifetime(1, 1),
        "conv2": Lifetime(2, 3),
        "conv3": Lifetime(3, 4),
    }


def test_a_network_counts_all_of_its_layers() -> None:
    assert branches().params == (4 * 4 + 4) + 4 * 3 + 3 * 2
    assert branches().macs == 64 * (16 + 12 + 6)


PLAIN = {"name": "y", "op": "conv", "inputs": ["x0"], "filters": 12, "output": [2, 12, 9, 7], "stage": ""}
WRITTEN: dict[str, tuple[Op, dict[str, object], dict[str, object]]] = {
    "nothing": (Op.CONV, {}, {}),
    "oblong kernel": (Op.CONV, {"kernel": (3, 1)}, {"kernel": [3, 1]}),
    "square kernel": (Op.CONV, {"kernel": (3, 3)}, {"kernel": 3}),
    "stride": (Op.CONV, {"stride": (2, 2)}, {"stride": 2}),
    "dilation": (Op.CONV, {"dilation": (1, 2)}, {"dilation": [1, 2]}),
    "padding of all sides": (Op.CONV, {"padding": (1, 1, 1, 1)}, {"padding": 1}),
    "padding of axes": (Op.CONV, {"padding": (0, 1, 0, 1)}, {"padding": [0, 1]}),
    "padding of sides": (Op.CONV, {"padding": (0, 1, 0, 0)}, {"padding": [0, 1, 0, 0]}),
    "groups": (Op.CONV, {"groups": 2}, {"groups": 2}),
    "bias": (Op.CONV, {"bias": True}, {"bias": True}),
    "zeros": (Op.CONV, {"zero_inputs_fraction": 0.0, "zero_columns": True},
              {"zero_inputs_fraction": 0.0, "zero_columns": True}),
    "zero weights and outputs": (Op.CONV, {"zero_weights_fraction": 0.5, "zero_outputs_fraction": 0.25},
                                 {"zero_weights_fraction": 0.5, "zero_outputs_fraction": 0.25}),
    "depthwise": (Op.DEPTHWISE, {"groups": 12}, {"op": "depthwise", "kernel": 1}),
    "linear": (Op.LINEAR, {"stage": "head"}, {"op": "linear", "stage": "head"}),
    "pool": (Op.POOL, {"variant": "max", "ceil": True},
             {"op": "pool", "kernel": 1, "ceil": True, "variant": "max", "filters": None}),
    "activation": (Op.ACTIVATION, {}, {"op": "activation", "variant": "", "filters": None}),
    "normalisation": (Op.LRN, {"window": 5, "variant": ACROSS_CHANNELS},
                      {"op": "lrn", "size": 5, "variant": ACROSS_CHANNELS, "filters": None}),
    "shuffle": (Op.SHUFFLE, {"groups": 1}, {"op": "shuffle", "groups": 1, "filters": None}),
    "product": (Op.MATMUL, {"groups": 3}, {"op": "matmul", "groups": 3, "filters": None}),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN)
def test_a_layer_is_written_without_what_is_as_usual(case: str) -> None:
    op, changes, differs = WRITTEN[case]
    wanted = {key: value for key, value in (PLAIN | differs).items() if value is not None}
    assert layer_document(layer(op, **changes)) == wanted


def test_a_network_is_written_with_facts_if_it_has_any() -> None:
    network = Network("n", {"x0": IN}, (layer(Op.SOFTMAX),), ("y",))
    document = network_document(network)
    assert list(document) == ["name", "inputs", "layers", "outputs"]
    assert (document["inputs"], document["outputs"]) == ({"x0": [2, 12, 9, 7]}, ["y"])
    assert network_document(replace(network, facts={"macs": "1"}))["facts"] == {"macs": "1"}
    assert (pair_value((3, 3)), pair_value((1, 3)), padding_value((2, 2, 2, 2))) == (3, [1, 3], 2)
    assert (padding_value((2, 1, 2, 1)), padding_value((1, 1, 1, 2))) == ([2, 1], [1, 1, 1, 2])
    assert padding_value((1, 1, 2, 1)) == [1, 1, 2, 1]
    assert window_keys(layer(Op.DEPTHWISE, groups=1)) == {"filters": 12, "kernel": 1}
