"""From when to when tensors live."""

from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.network.lifetimes import Lifetime, lifetimes, summed, words_alive
from workloads.load import load_network


def residual() -> Network:
    g = Graph("residual")
    x = g.input(4, 8, 8)
    y = g.conv(g.conv(x, 4), 4)
    g.add(x, y)
    g.relu(y)
    return g.build()


def test_a_tensor_lives_from_its_layer_to_its_last_reader() -> None:
    assert lifetimes(residual()) == {
        "data": Lifetime(-1, 2),
        "conv1": Lifetime(0, 1),
        "conv2": Lifetime(1, 3),
        "add1": Lifetime(2, 4),
        "conv2_relu": Lifetime(3, 4),
    }


def test_the_shortcut_of_a_squeezenext_block_outlives_the_whole_branch() -> None:
    network = load_network("squeezenext")
    order = [layer.name for layer in network.layers]
    assert lifetimes(network)["add1_relu"].last_read == order.index("add2")
    assert order.index("add2") - order.index("add1_relu") == 11  # five convolutions with activations, and the add


def test_only_what_follows_place_by_place_from_what_nobody_else_reads_lies_where_that_lay() -> None:
    """Of 18 words an activation leaves 18 in their place; a product, a window and a second reader need both."""
    g = Graph("alone")
    g.conv(g.relu(g.input(2, 3, 3)), 1)
    assert words_alive(g.build()) == [18, 18 + 9]
    g = Graph("product")
    g.linear(g.input(4, 1, 1), 4)
    assert words_alive(g.build()) == [4 + 4]
    g = Graph("window")
    g.max_pool(g.input(2, 3, 3), kernel=3, stride=1, padding=1)
    assert words_alive(g.build()) == [18 + 18]
    g = Graph("shared")
    x = g.input(2, 3, 3)
    g.add(x, g.relu(x))
    assert words_alive(g.build()) == [18 + 18, 18 + 18 + 18]


def test_sizes_count_at_their_places_and_at_none_before_the_first_or_after_the_last() -> None:
    assert summed([(0, 1, 10), (-1, 0, 5), (1, 7, 2)], 3) == [15, 12, 2]
    assert summed([(5, 9, 1), (2, 0, 4), (-3, -2, 7)], 3) == [0, 0, 0]
