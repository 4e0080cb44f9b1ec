"""From when to when tensors live."""

from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.network.lifetimes import Lifetime, lifetimes
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
