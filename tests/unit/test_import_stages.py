"""Stages of imported networks: scopes of names, or blocks of the structure where names tell nothing."""

from pathlib import Path

import pytest

pytest.importorskip("onnx")

from simulator.network.ir import Network
from tests.onnx_graphs import GraphWriter
from workloads.importers.blocks import blocks_of
from workloads.load import load_network


def own_blocks(network: Network, *tails: str) -> list[list[str]]:
    """Return the layers of each scope of more than one product, but for such that only follow: those of a tail."""
    scopes: dict[str, list[str]] = {}
    for layer in network.layers:
        scope, _, rest = layer.name.partition("/")
        if rest and rest not in tails:
            scopes.setdefault(scope, []).append(layer.name)
    return list(scopes.values())


def found_blocks(network: Network) -> list[list[str]]:
    blocks: dict[str, list[str]] = {}
    for name, block in blocks_of(network.layers).items():
        blocks.setdefault(block, []).append(name)
    return list(blocks.values())


@pytest.mark.parametrize(
    ("name", "tails"),
    [
        ("mobilenet_v1", ("pointwise_relu", "pointwise_relu6")),
        ("mobilenet_v2", ()),
        ("mobilenet_v3", ()),
        ("squeezenet", ()),
        ("googlenet", ()),
        ("shufflenet_v2", ("shuffle",)),
        ("efficientnet", ()),
    ],
)
def test_blocks_by_structure_are_those_that_names_tell(name: str, tails: tuple[str, ...]):
    network = load_network(name)
    assert found_blocks(network) == own_blocks(network, *tails)


def test_a_residual_block_is_one_and_a_chain_is_none():
    found = found_blocks(load_network("resnet:depth=18"))
    assert len(found) == 8
    assert not found_blocks(load_network("vgg"))


def test_reads_across_most_of_a_network_make_no_block_of_it(tmp_path: Path):
    g = GraphWriter()
    x = first = g.conv(g.input((1, 4, 8, 8)), "first", 4, 4)
    for block in range(4):
        x = g.node("Add", x, g.conv(g.conv(x, f"a{block}", 4, 4), f"b{block}", 4, 4), name=f"add{block}")
    x = g.node("Concat", first, x, name="all", axis=1)
    network = load_network(g.save(tmp_path / "net.onnx", x))
    blocks = blocks_of(network.layers)
    assert [blocks[f"a{block}"] for block in range(4)] == ["block1", "block2", "block3", "block4"]
    assert "first" not in blocks and "all" not in blocks
    assert {layer.name: layer.stage for layer in network.layers}["b3"] == "block4"
