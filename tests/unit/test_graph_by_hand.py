"""Each method of the builder adds the layer that its arguments say, the rest as usual: by hand."""

from collections.abc import Callable

import pytest

from simulator.errors import InputError
from simulator.network.graph import Graph, Tensor, check_batch, with_batch
from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Layer, Op
from workloads.importers.assembly import Assembly

X = (2, 6, 8, 10)
Build = Callable[[Graph, Tensor], object]


def made(build: Build, name: str = "x") -> tuple[Layer, ...]:
    g = Graph("net")
    build(g, g.input(6, 8, 10, name, batch=2))
    return g.build().layers


def one(op: Op, output: tuple[int, int, int, int], name: str = "y", stage: str = "", **more: object) -> Layer:
    """A layer that reads the input; a stage of its own, as what reads it is."""
    return Layer(name, op, ("x",), (X,), output, stage=stage or name, **more)  # type: ignore[arg-type]


FULL = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 2, 3, 4), "dilation": (1, 2)}
FIRST: dict[str, tuple[Build, Layer]] = {
    "conv": (lambda g, x: g.conv(x, 4), one(Op.CONV, (2, 4, 8, 10), "conv1")),
    "conv in full": (
        lambda g, x: g.conv(
            x, 4, (3, 2), (2, 1), (1, 2, 3, 4), 2, (1, 2), bias=True, name="y", zero_inputs_fraction=0.5
        ),
        one(Op.CONV, (2, 4, 5, 14), groups=2, bias=True, zero_inputs_fraction=0.5, **FULL),
    ),
    "conv of zeros": (
        lambda g, x: g.conv(x, 4, zero_weights_fraction=0.0),
        one(Op.CONV, (2, 4, 8, 10), "conv1", zero_weights_fraction=0.0),
    ),
    "conv of zero columns": (
        lambda g, x: g.conv(x, 4, zero_columns=True),
        one(Op.CONV, (2, 4, 8, 10), "conv1", zero_columns=True),
    ),
    "depthwise": (lambda g, x: g.depthwise(x, 3), one(Op.DEPTHWISE, (2, 6, 6, 8), "conv1", kernel=(3, 3), groups=6)),
    "depthwise in full": (
        lambda g, x: g.depthwise(x, (3, 2), (2, 1), (1, 2, 3, 4), (1, 2), bias=True, name="y"),
        one(Op.DEPTHWISE, (2, 6, 5, 14), groups=6, bias=True, **FULL),
    ),
    "flatten": (lambda g, x: g.flatten(x), one(Op.RESHAPE, (2, 480, 1, 1), "reshape1")),
    "reshape": (lambda g, x: g.reshape(x, (3, -1, 2), "y"), one(Op.RESHAPE, (2, 3, 80, 2))),
    "apply": (
        lambda g, x: g.apply(Op.ADD, x, name="y", constants=1),
        one(Op.ADD, X, constant_elements=1),
    ),
    "activation": (lambda g, x: g.activation(x, "tanh", "y"), one(Op.ACTIVATION, X, variant="tanh")),
    "relu": (lambda g, x: g.relu(x), one(Op.ACTIVATION, X, "x_relu", variant="relu")),
    "max pool": (lambda g, x: g.max_pool(x, 3), one(Op.POOL, (2, 6, 6, 8), "pool1", kernel=(3, 3), variant="max")),
    "max pool in full": (
        lambda g, x: g.max_pool(x, (3, 4), (3, 2), (1, 0, 0, 1), ceil=True, name="y"),
        one(Op.POOL, (2, 6, 3, 5), kernel=(3, 4), stride=(3, 2), padding=(1, 0, 0, 1), ceil=True, variant="max"),
    ),
    "average pool": (
        lambda g, x: g.avg_pool(x, 3),
        one(Op.POOL, (2, 6, 6, 8), "pool1", kernel=(3, 3), variant="average"),
    ),
    "average pool in full": (
        lambda g, x: g.avg_pool(x, (3, 4), (3, 2), (1, 0, 0, 1), ceil=True, name="y"),
        one(Op.POOL, (2, 6, 3, 5), kernel=(3, 4), stride=(3, 2), padding=(1, 0, 0, 1), ceil=True, variant="average"),
    ),
    "pool": (lambda g, x: g.pool(x, "max", 1), one(Op.POOL, X, "pool1", variant="max")),
    "dilated pool": (
        lambda g, x: g.pool(x, "max", 3, dilation=2),
        one(Op.POOL, (2, 6, 4, 6), "pool1", kernel=(3, 3), dilation=(2, 2), variant="max"),
    ),
    "global pool": (
        lambda g, x: g.global_pool(x, name="y"),
        one(Op.POOL, (2, 6, 1, 1), kernel=(8, 10), variant="average"),
    ),
    "softmax": (lambda g, x: g.softmax(x), one(Op.SOFTMAX, X, "softmax1")),
    "lrn": (lambda g, x: g.lrn(x), one(Op.LRN, X, "lrn1", variant=ACROSS_CHANNELS, window=5)),
    "lrn in a map": (
        lambda g, x: g.lrn(x, 2, WITHIN_CHANNEL, "y"),
        one(Op.LRN, X, variant=WITHIN_CHANNEL, window=2),
    ),
    "layer norm": (
        lambda g, x: g.normalize(x, "layer_norm"),
        one(Op.NORMALIZATION, X, "layer_norm1", variant="layer_norm", window=6),
    ),
    "group norm": (
        lambda g, x: g.normalize(x, "group_norm", 2, name="y"),
        one(Op.NORMALIZATION, X, variant="group_norm", window=240),
    ),
    "whole group norm": (
        lambda g, x: g.normalize(x, "group_norm", name="y"),
        one(Op.NORMALIZATION, X, variant="group_norm", window=480),
    ),
    "groups larger than there are channels": (
        lambda g, x: g.normalize(x, "group_norm", 7, name="y"),
        one(Op.NORMALIZATION, X, variant="group_norm", window=1),
    ),
    "norm of some elements": (
        lambda g, x: g.normalize(x, "layer_norm", elements=3, name="y"),
        one(Op.NORMALIZATION, X, variant="layer_norm", window=3),
    ),
    "upsample": (
        lambda g, x: g.upsample(x, (9, 13)),
        one(Op.UPSAMPLE, (2, 6, 9, 13), "upsample1", variant="bilinear"),
    ),
    "slice": (lambda g, x: g.slice(x, 1, 4), one(Op.SPLIT, (2, 3, 8, 10), "slice1", variant="1:4")),
    "shuffle": (lambda g, x: g.shuffle(x, 3), one(Op.SHUFFLE, X, "shuffle1", groups=3)),
    "gather": (lambda g, x: g.gather(x, 9), one(Op.GATHER, (2, 9, 8, 10), "gather1")),
    "pad": (lambda g, x: g.pad(x, (1, 2, 3, 4), "y"), one(Op.PAD, (2, 6, 12, 16), padding=(1, 2, 3, 4))),
    "pad alike": (lambda g, x: g.pad(x, 1), one(Op.PAD, (2, 6, 10, 12), "pad1", padding=(1, 1, 1, 1))),
    "pad of half a pixel": (lambda g, x: g.pad(x, "half"), one(Op.PAD, X, "pad1")),
}


@pytest.mark.parametrize("case", FIRST)
def test_a_method_adds_a_layer(case: str) -> None:
    build, expected = FIRST[case]
    assert made(build) == (expected,)


def test_an_activation_follows_where_one_is_asked_for() -> None:
    builds: list[Build] = [
        lambda g, x: g.conv(x, 4, activation="relu", name="y"),
        lambda g, x: g.depthwise(x, 3, activation="relu", name="y"),
        lambda g, x: g.add(x, x, activation="relu", name="y"),
    ]
    for build in builds:
        first, second = made(build)
        shape = first.output_shape
        assert second == Layer("y_relu", Op.ACTIVATION, ("y",), (shape,), shape, variant="relu", stage="y")


def test_a_linear_layer_flattens_what_is_no_vector_and_nothing_else() -> None:
    flat, product, relu = made(lambda g, x: g.linear(x, 4, bias=True, activation="relu", groups=2, name="y"))
    assert flat == one(Op.RESHAPE, (2, 480, 1, 1), "reshape1")
    wanted = {"groups": 2, "bias": True, "stage": "y"}
    assert product == Layer("y", Op.LINEAR, ("reshape1",), ((2, 480, 1, 1),), (2, 4, 1, 1), **wanted)  # type: ignore[arg-type]
    assert (relu.name, relu.inputs) == ("y_relu", ("y",))
    g = Graph("net")
    g.linear(g.input(6, 1, 1, "x"), 4)
    (plain,) = g.build().layers
    assert plain == Layer("linear1", Op.LINEAR, ("x",), ((1, 6, 1, 1),), (1, 4, 1, 1), stage="linear1")


def test_several_operands_are_read_in_their_order() -> None:
    pooled, product, total, joined, below = made(
        lambda g, x: (
            y := g.global_pool(x, "max", "p"),
            z := g.mul(y, x),
            t := g.add(x, z, name="t"),
            g.concat(t, x),
            g.concat(y, y, axis=3, name="c"),
        )
    )
    assert pooled.variant == "max"
    assert (product.op, product.name, product.inputs, product.output_shape) == (Op.MUL, "mul1", ("p", "x"), X)
    assert (total.op, total.name, total.inputs, total.output_shape) == (Op.ADD, "t", ("x", "mul1"), X)
    assert (joined.op, joined.name, joined.inputs) == (Op.CONCAT, "concat1", ("t", "x"))
    assert (joined.output_shape, below.output_shape) == ((2, 12, 8, 10), (2, 6, 1, 2))
    assert joined.input_shapes == (X, X)


def test_a_split_names_its_parts_and_counts_them_from_one() -> None:
    parts = made(lambda g, x: g.split(x, 1, 2, 3))
    assert [(part.name, part.variant, part.output_shape[1]) for part in parts] == [
        ("split1_1", "0:1", 1), ("split1_2", "1:3", 2), ("split1_3", "3:6", 3)
    ]  # fmt: skip
    assert [part.name for part in made(lambda g, x: g.split(x, 2, 4, name="s"))] == ["s_1", "s_2"]


def test_what_follows_a_product_belongs_to_its_stage_and_another_product_to_one_of_its_own() -> None:
    layers = made(lambda g, x: g.conv(g.relu(g.softmax(g.conv(x, 4, name="a"))), 4, name="b"))
    assert [layer.stage for layer in layers] == ["a", "a", "a", "b"]
    first, second = made(lambda g, x: g.softmax(g.relu(x, "r"), "s"))
    assert (first.stage, second.stage) == ("r", "r")


def test_stages_hold_what_is_made_inside_and_scopes_prefix_it() -> None:
    def build(g: Graph, x: Tensor) -> None:
        with g.scope("outer"), g.scope("inner"):
            x = g.conv(x, 4)
            with g.stage("own"):
                x = g.conv(x, 4)
        with g.stage("plain"):
            with g.stage("within"):
                x = g.conv(x, 4)
            x = g.relu(x)
        with pytest.raises(KeyError), g.stage("broken"), g.scope("broken"):
            raise KeyError
        g.conv(x, 4, name="last")

    layers = [(layer.name, layer.stage) for layer in made(build)]
    names = ["outer/inner/conv1", "outer/inner/conv2", "conv1", "conv1_relu", "last"]
    assert layers == list(zip(names, ["outer", "own", "within", "plain", "last"], strict=True))


def test_a_layer_that_is_put_has_the_stage_of_where_it_stands() -> None:
    g = Assembly("net")
    x = g.input(6, 8, 10, "x", batch=2)
    with g.stage("here"):
        g.put(Layer("y", Op.CONCAT, ("x",), (x.shape,), X))
    g.put(Layer("z", Op.CONCAT, ("x",), (x.shape,), X, stage="z"))
    assert [layer.stage for layer in g.build().layers] == ["here", "z"]


def test_running_numbers_pass_by_names_that_are_taken_and_go_on() -> None:
    def build(g: Graph, x: Tensor) -> None:
        g.conv(x, 4, name="conv2")
        for _ in range(3):
            g.conv(x, 4)
        with g.scope("s"):
            g.conv(x, 4)
        g.relu(x, name="x_relu_2")
        g.relu(x)
        g.relu(x)

    names = [layer.name for layer in made(build)]
    assert names == ["conv2", "conv1", "conv3", "conv4", "s/conv1", "x_relu_2", "x_relu", "x_relu_3"]


def test_the_second_activation_of_a_tensor_is_counted() -> None:
    first, second = made(lambda g, x: (g.relu(x), g.relu(x)))
    assert (first.name, second.name) == ("x_relu", "x_relu_2")


def test_a_running_number_is_not_given_twice() -> None:
    g = Graph("net")
    x = g.input(6, 8, 10, "x")
    assert [g._count("conv") for _ in range(2)] == ["conv1", "conv2"]
    assert g.conv(x, 4).name == "conv3"


def test_a_network_has_its_name_its_inputs_and_the_outputs_that_nothing_reads() -> None:
    g = Graph("net")
    x, y = g.input(6, 8, 10), g.input(4, 2, 3, "y", batch=5)
    a, b = g.relu(x, "a"), g.relu(y, "b")
    g.relu(a, "c")
    net = g.build()
    assert (net.name, net.inputs) == ("net", {"data": (1, 6, 8, 10), "y": (5, 4, 2, 3)})
    assert net.outputs == ("b", "c")
    assert g.build(a, b).outputs == ("a", "b")
    assert (x.name, x.shape, x.channels, x.size) == ("data", (1, 6, 8, 10), 6, (8, 10))


REFUSED: dict[str, tuple[Build, tuple[str, str]]] = {
    "an input without rows": (lambda g, x: g.input(1, 0, 1, "z"), ("z", "extents must be positive")),
    "an input twice": (lambda g, x: g.input(1, 1, 1, "x"), ("x", "the name is taken")),
    "a layer twice": (lambda g, x: (g.relu(x, "y"), g.relu(x, "y")), ("y", "the name is taken")),
    "a kernel of nothing": (lambda g, x: g.conv(x, 1, (1, 0)), ("conv1", "kernel must be positive")),
    "groups of nothing": (lambda g, x: g.conv(x, 1, groups=0), ("conv1", "groups must be positive")),
    "a product without filters": (lambda g, x: g.linear(x, 0), ("linear1", "filters must be positive")),
    "a pool that does not move": (lambda g, x: g.max_pool(x, 2, 0), ("pool1", "stride must be positive")),
    "a pool that is cut": (
        lambda g, x: g.max_pool(x, 2, 1, (0, -1, 0, 0)),
        ("pool1", "padding must not be negative"),
    ),
    "a norm of nothing": (lambda g, x: g.lrn(x, 0), ("lrn1", "size must be positive")),
    "a region that is none": (lambda g, x: g.lrn(x, 3, "around"), ("lrn1", "not a region")),
    "groups of no channels": (
        lambda g, x: g.normalize(x, "group_norm", 0),
        ("group_norm1", "groups must be positive"),
    ),
    "a map of nothing": (lambda g, x: g.upsample(x, (0, 1)), ("upsample1", "size must be positive")),
    "a shuffle of nothing": (lambda g, x: g.shuffle(x, 0), ("shuffle1", "groups must be positive")),
    "no channels": (lambda g, x: g.gather(x, 0), ("gather1", "channels must be positive")),
    "parts that are too few": (
        lambda g, x: g.split(x, 2, 3),
        ("split1", "parts do not add up to the channels"),
    ),
    "a shape of two extents": (
        lambda g, x: g.reshape(x, (6, 80)),
        ("reshape1", "not the same number of elements"),
    ),
    "a shape of fewer elements": (
        lambda g, x: g.reshape(x, (6, 79, 1)),
        ("reshape1", "not the same number of elements"),
    ),
    "a network of nothing": (lambda g, x: None, ("net", "a network needs at least one layer")),
    "rows that differ": (lambda g, x: g.concat(x, g.pad(x, (1, 0, 0, 0), "p"), name="y"), ("y", "height of p differs")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_at_its_layer(case: str) -> None:
    build, (path, message) = REFUSED[case]
    with pytest.raises(InputError) as caught:
        made(build)
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (path, message)


def test_a_batch_is_a_whole_number_from_one() -> None:
    check_batch(1)
    for wrong in (0, -1, 1.5, "2"):
        with pytest.raises(InputError, match="not a batch"):
            check_batch(wrong)  # type: ignore[arg-type]
    g = Graph("net")
    g.relu(g.input(6, 8, 10))
    with pytest.raises(InputError, match="not a batch"):
        with_batch(g.build(), 0)
    net = with_batch(g.build(), 3)
    assert (net.inputs, net.layers[0].input_shapes, net.layers[0].output_shape) == (
        {"data": (3, 6, 8, 10)}, ((3, 6, 8, 10),), (3, 6, 8, 10)
    )  # fmt: skip
