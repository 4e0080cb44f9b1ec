"""Changes of networks: filters, kernels and blocks, and the shapes that follow."""

from collections.abc import Iterator

import pytest

from analysis.drive.explain.blocks import residual_blocks, with_block_again, without_block
from analysis.drive.explain.change import CannotChange
from analysis.drive.explain.layer_levers import alike, factored, layer_changes
from analysis.drive.explain.shapes import Edit, edited
from analysis.drive.explain.stage_levers import stage_changes
from analysis.drive.explain.ties import tied
from simulator import load_hardware, load_network
from simulator.network.graph import Graph
from simulator.network.ir import Network
from simulator.network.shapes import window_outputs

FAMILIES = [
    "alexnet", "condensenet", "densenet", "efficientnet", "googlenet", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3",
    "resnet", "shufflenet_v1", "shufflenet_v2", "squeezenet:bypass=complex", "squeezenext", "ssdlite",
]  # fmt: skip


def faults(network: Network) -> Iterator[str]:
    """What no graph would have built: inputs of other shapes than what was made, names twice, odd windows."""
    shapes = dict(network.inputs)
    for layer in network.layers:
        if layer.name in shapes or tuple(shapes.get(name) for name in layer.inputs) != layer.input_shapes:
            yield layer.name
        if layer.op in ("conv", "depthwise"):
            sizes = layer.input_shapes[0][2:], layer.kernel, layer.stride, layer.padding, layer.dilation
            if window_outputs(*sizes) != layer.output_shape[2:]:
                yield layer.name
            if layer.input_shapes[0][1] % layer.groups or layer.output_shape[1] % layer.groups:
                yield layer.name
        shapes[layer.name] = layer.output_shape
    yield from (name for name in network.outputs if name not in shapes)


def mixing(network: Network) -> int:
    """Axes along which some layer sees more than one pixel, over all layers."""
    return sum(size > 1 for layer in network.layers if layer.nest for size in layer.kernel)


@pytest.mark.parametrize("spec", FAMILIES)
def test_every_change_of_every_family_is_a_network_that_fits_together(spec: str) -> None:
    network, machine = load_network(spec), load_hardware("systolic_32x32")
    changes = [change for group in alike(network)[:12] for change in layer_changes(network, group, machine)]
    changes += stage_changes(network)
    assert changes
    for change in changes:
        assert change.network is not None and not change.of_machine and change.accuracy == "unknown"
        assert mixing(change.network) >= mixing(network) or change.lever.startswith("block"), change.what
        assert list(faults(change.network)) == [], change.what
        assert change.network != network


def test_the_network_of_an_edit_is_the_one_that_its_builder_would_have_built() -> None:
    v1 = load_network("squeezenext:resolution=229")
    five = load_network("squeezenext:resolution=229,kernel=5")
    assert edited(v1, {"conv1": Edit(kernel=(5, 5))}).layers == five.layers


def test_a_pool_that_rounds_up_does_so_over_a_map_where_that_counts() -> None:
    def built(kernel: int) -> Network:
        g = Graph("net")
        x = g.conv(g.input(3, 35, 35), 8, kernel, stride=2, name="conv")
        g.max_pool(x, 3, stride=2, ceil=True)
        return g.build()

    assert built(7).layers[1].output_shape == (1, 8, 7, 7)
    assert built(5).layers[1].output_shape == (1, 8, 8, 8)
    assert edited(built(7), {"conv": Edit(kernel=(5, 5))}) == built(5)


@pytest.mark.parametrize(("moved", "built"), [(False, "5-6-8-1"), (True, "5-6-9-1")])
def test_dropped_and_moved_blocks_cost_what_the_builders_do(moved: bool, built: str) -> None:
    base = load_network("squeezenext:order=3x1_first")
    blocks = residual_blocks(base)
    assert len(blocks) == 17
    network = without_block(base, [block for block in blocks if block.stage == "block1"][-1])
    if moved:
        network = with_block_again(network, [block for block in blocks if block.stage == "block3"][-1])
    other = load_network(f"squeezenext:order=3x1_first,blocks={built}")
    assert [layer.nest for layer in network.layers] == [layer.nest for layer in other.layers]
    assert [layer.stage for layer in network.layers] == [layer.stage for layer in other.layers]
    assert (network.macs, network.params) == (other.macs, other.params)


def test_layers_whose_outputs_are_added_change_their_filters_together() -> None:
    network = load_network("squeezenext")
    assert tied(network, "conv7") == {"conv2", *(f"conv{number}" for number in range(7, 33, 5))}
    assert tied(network, "conv3") == {"conv3"}


def test_what_the_network_makes_is_not_free() -> None:
    for spec, layer in (("squeezenext", "fc1000"), ("squeezenet", "conv10")):
        with pytest.raises(CannotChange, match="not free"):
            tied(load_network(spec), layer)


def test_a_smaller_kernel_takes_less_padding_and_leaves_as_many_outputs() -> None:
    g = Graph("net")
    g.conv(g.input(3, 20, 20), 8, kernel=5, padding=2, name="conv")
    layer = edited(g.build(), {"conv": Edit(kernel=(3, 3))}).layers[0]
    assert (layer.kernel, layer.padding, layer.output_shape) == ((3, 3), (1, 1, 1, 1), (1, 8, 20, 20))


def test_a_depthwise_layer_follows_the_filters_in_front_of_it() -> None:
    network = edited(load_network("mobilenet_v1"), {"conv1": Edit(filters=24)})
    depthwise = next(layer for layer in network.layers if layer.op == "depthwise")
    assert (depthwise.groups, depthwise.output_shape[1], depthwise.macs) == (24, 24, 24 * 9 * 112 * 112)


def test_a_factored_window_makes_the_same_outputs_with_fewer_macs() -> None:
    network = load_network("vgg")
    layer = max((one for one in network.layers if one.nest), key=lambda one: one.macs)
    changed = factored(network, layer)
    down, across = (one for one in changed.layers if one.name in (f"{layer.name}_down", layer.name))
    assert (down.kernel, across.kernel) == ((3, 1), (1, 3))
    assert across.output_shape == layer.output_shape
    assert changed.macs == network.macs - layer.macs // 3
    assert list(faults(changed)) == []


def test_an_impossible_edit_says_why() -> None:
    g = Graph("net")
    x = g.input(4, 8, 8)
    g.add(g.conv(x, 8, name="a"), g.conv(x, 8, name="b"))
    with pytest.raises(CannotChange, match="does not match"):
        edited(g.build(), {"a": Edit(filters=4)})
