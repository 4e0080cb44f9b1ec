"""The builder of networks: shapes that follow, names, stages, and what it refuses."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.network.graph import Graph, Tensor, with_batch
from simulator.network.ir import Op
from simulator.network.shapes import window_outputs


def tensor(channels: int, height: int, width: int) -> tuple[Graph, Tensor]:
    g = Graph("test")
    return g, g.input(channels, height, width)


@given(size=st.integers(1, 40), kernel=st.integers(1, 7), stride=st.integers(1, 4), dilation=st.integers(1, 3))
def test_same_padding_makes_the_size_over_the_stride_rounded_up(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    g, x = tensor(1, size, size)
    y = g.conv(x, 1, kernel, stride, padding="same", dilation=dilation)
    assert y.size == (-(-size // stride),) * 2
    top, left, bottom, right = g.build().layers[0].padding
    assert 0 <= bottom - top <= 1
    assert (left, right) == (top, bottom)


@given(size=st.integers(1, 40), kernel=st.integers(1, 7), stride=st.integers(1, 4), pad=st.integers(0, 3))
def test_windows_in_ceil_mode_start_inside_the_input_and_leave_nothing_out(
    size: int, kernel: int, stride: int, pad: int
) -> None:
    assume(pad < kernel <= size + 2 * pad)
    (down, _), (floor, _) = (
        window_outputs((size, size), (kernel, kernel), (stride, stride), (pad,) * 4, ceil=ceil)
        for ceil in (True, False)
    )
    assert (down - 1) * stride < size + pad
    assert down in (floor, floor + 1)
    reached = (down - 1) * stride + kernel
    assert reached >= size + 2 * pad or down * stride >= size + pad


def test_half_padding_keeps_the_size_of_dilated_and_oblong_windows_at_stride_one() -> None:
    g, x = tensor(4, 17, 9)
    assert g.conv(x, 8, (3, 1), padding="half").size == (17, 9)
    assert g.conv(x, 8, (1, 5), padding="half", dilation=3).size == (17, 9)


def test_a_convolution_with_a_group_for_each_channel_is_depthwise() -> None:
    g, x = tensor(6, 8, 8)
    g.conv(x, 6, 3, groups=6)
    g.depthwise(x, 3, padding=1)
    g.conv(x, 6, 3, groups=3)
    g.conv(g.slice(x, 0, 1), 6, 3)
    ops = [layer.op for layer in g.build().layers]
    assert ops == [Op.DEPTHWISE, Op.DEPTHWISE, Op.CONV, Op.SPLIT, Op.CONV]


def test_a_linear_layer_flattens_maps_first() -> None:
    g, x = tensor(3, 4, 5)
    assert g.linear(x, 10, bias=True).shape == (1, 10, 1, 1)
    reshape, linear = g.build().layers
    assert (reshape.op, reshape.output_shape) == (Op.RESHAPE, (1, 60, 1, 1))
    assert (linear.macs, linear.params) == (600, 610)


def test_elementwise_ops_stretch_extents_of_one() -> None:
    g, x = tensor(8, 7, 7)
    assert g.mul(x, g.global_pool(x)).shape == (1, 8, 7, 7)
    assert g.add(g.global_pool(x), x, x).shape == (1, 8, 7, 7)


def test_a_split_makes_consecutive_slices_of_the_channels() -> None:
    g, x = tensor(10, 2, 2)
    parts = g.split(x, 4, 6)
    assert [part.channels for part in parts] == [4, 6]
    assert [layer.variant for layer in g.build().layers] == ["0:4", "4:10"]
    assert g.concat(*parts).shape == x.shape


def test_data_movement_keeps_count_of_elements() -> None:
    g, x = tensor(12, 4, 6)
    assert g.shuffle(x, 3).shape == x.shape
    assert g.reshape(x, (3, -1, 1)).shape == (1, 3, 96, 1)
    assert g.concat(x, x, axis=2).shape == (1, 12, 8, 6)
    assert g.pad(x, (0, 1, 2, 3)).shape == (1, 12, 6, 10)
    assert g.gather(x, 16).shape == (1, 16, 4, 6)
    assert g.upsample(x, (9, 13)).shape == (1, 12, 9, 13)


def test_names_are_unique_and_say_where_a_layer_stands() -> None:
    g, x = tensor(3, 8, 8)
    for number in (1, 2):
        with g.scope(f"fire{number}"):
            x = g.conv(x, 4, activation="relu")
            g.relu(x)
    with g.stage("head"), g.scope("classifier"):
        g.linear(x, 2)
    layers = g.build().layers
    assert [layer.name for layer in layers] == [
        "fire1/conv1",
        "fire1/conv1_relu",
        "fire1/conv1_relu_relu",
        "fire2/conv1",
        "fire2/conv1_relu",
        "fire2/conv1_relu_relu",
        "classifier/reshape1",
        "classifier/linear1",
    ]
    assert [layer.stage for layer in layers] == ["fire1"] * 3 + ["fire2"] * 3 + ["head"] * 2


def test_the_second_activation_of_a_tensor_gets_a_name_of_its_own() -> None:
    g, x = tensor(3, 8, 8)
    assert [g.relu(x).name, g.relu(x).name, g.relu(x).name] == ["data_relu", "data_relu_2", "data_relu_3"]


def test_outputs_are_the_tensors_nothing_reads_unless_they_are_named() -> None:
    g, x = tensor(3, 8, 8)
    y = g.conv(x, 4)
    z = g.relu(y)
    assert g.build().outputs == (z.name,)
    assert g.build(y).outputs == (y.name,)


def test_a_batch_scales_macs_and_shapes_but_not_parameters() -> None:
    g, x = tensor(3, 8, 8)
    g.linear(g.conv(x, 4, 3, bias=True, activation="relu"), 10)
    one = g.build()
    four = with_batch(one, 4)
    assert four.macs == 4 * one.macs
    assert four.params == one.params
    assert four.inputs == {"data": (4, 3, 8, 8)}
    assert all(layer.output_shape[0] == layer.input_shapes[0][0] == 4 for layer in four.layers)


REFUSED: dict[str, tuple[Callable[[Graph, Tensor], object], str]] = {
    "window": (lambda g, x: g.conv(x, 4, kernel=9), "larger than the padded input"),
    "pool window": (lambda g, x: g.max_pool(x, 9), "larger than the padded input"),
    "groups of inputs": (lambda g, x: g.conv(x, 8, groups=4), "input channels do not divide"),
    "groups of filters": (lambda g, x: g.conv(x, 8, groups=3), "filters do not divide"),
    "no filters": (lambda g, x: g.conv(x, 0), "filters must be positive"),
    "no stride": (lambda g, x: g.conv(x, 1, stride=0), "stride must be positive"),
    "linear groups": (lambda g, x: g.linear(g.global_pool(x), 4, groups=4), "inputs do not divide"),
    "sum": (lambda g, x: g.add(x, g.conv(x, 3, 3)), "does not match"),
    "join": (lambda g, x: g.concat(x, g.conv(x, 3, 3)), "height of conv1 differs"),
    "split": (lambda g, x: g.split(x, 3, 4), "do not add up"),
    "slice": (lambda g, x: g.slice(x, 4, 9), "not a range of channels"),
    "shuffle": (lambda g, x: g.shuffle(x, 4), "do not divide into groups"),
    "reshape": (lambda g, x: g.reshape(x, (5, -1, 1)), "not the same number of elements"),
    "name": (lambda g, x: g.relu(x, name="data"), "the name is taken"),
    "nothing": (lambda g, x: g.build(), "at least one layer"),
    "batch": (lambda g, x: (g.relu(x), with_batch(g.build(), 0)), "not a batch"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_refused_with_its_place(build: Callable[[Graph, Tensor], object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build(*tensor(6, 8, 8))
    assert all(problem.path for problem in caught.value.problems)
