"""SqueezeNext layer by layer, against the authors' Caffe definitions (github.com/amirgholami/SqueezeNext)."""

from collections.abc import Iterator

import pytest

from simulator.network.ir import Layer, Op
from workloads.load import load_network

# One line a block: filters of its convolutions, v a 3x1 and h a 1x3 (padded), else 1x1; then the size of its maps.
# A line of six begins with the convolution on the shortcut.
V1 = """
    32 16 8 16v 16h 32 @55
    16 8 16h 16v 32 @55
    16 8 16v 16h 32 @55
    16 8 16h 16v 32 @55
    16 8 16v 16h 32 @55
    16 8 16h 16v 32 @55
    64/2 32/2 16 32v 32h 64 @28
    32 16 32h 32v 64 @28
    32 16 32v 32h 64 @28
    32 16 32h 32v 64 @28
    32 16 32v 32h 64 @28
    32 16 32h 32v 64 @28
    128/2 64/2 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    256/2 128/2 64 128v 128h 256 @7
"""
V5 = """
    32 16 8 16v 16h 32 @56
    16 8 16h 16v 32 @56
    64/2 32 16 32v 32h 64 @28
    32 16 32h 32v 64 @28
    32 16 32v 32h 64 @28
    32 16 32h 32v 64 @28
    128/2 64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    64 32 64v 64h 128 @14
    64 32 64h 64v 128 @14
    256/2 128 64 128v 128h 256 @7
"""
SHAPES = {"v": ((3, 1), (1, 0, 1, 0)), "h": ((1, 3), (0, 1, 0, 1))}  # kernel, padding
Facts = tuple[int, int, tuple[int, int], tuple[int, int], tuple[int, ...], int]


def facts(layer: Layer) -> Facts:
    """Return input channels, filters, kernel, stride, padding and the size of the maps made."""
    channels, filters = layer.input_shapes[0][1], layer.output_shape[1]
    return (channels, filters, layer.kernel, layer.stride, layer.padding, layer.output_shape[2])


def blocks(table: str, squeezes_shortcut: bool) -> Iterator[Facts]:
    """Yield the facts of every convolution in the table."""
    block_input = 64
    for line in table.split("\n"):
        *words, at = line.split() or [""]
        channels = block_input
        for position, word in enumerate(words):
            stride = 2 if word.endswith("/2") else 1
            filters = int(word.removesuffix("/2").rstrip("vh"))
            kernel, padding = SHAPES.get(word[-1], ((1, 1), (0, 0, 0, 0)))
            yield (channels, filters, kernel, (stride, stride), padding, int(at[1:]))
            on_shortcut = len(words) == 6 and position == 0
            channels = block_input if on_shortcut and not squeezes_shortcut else filters
        block_input = channels


@pytest.mark.parametrize(
    ("variant", "stem", "table"),
    [
        ("v1", (3, 64, (7, 7), (2, 2), (0, 0, 0, 0), 111), V1),
        ("v5", (3, 64, (5, 5), (2, 2), (0, 0, 0, 0), 112), V5),
    ],
)
def test_every_convolution_is_that_of_the_authors_definition(variant: str, stem: Facts, table: str) -> None:
    convs = [layer for layer in load_network(f"squeezenext:variant={variant}").layers if layer.op is Op.CONV]
    head = (256, 128, (1, 1), (1, 1), (0, 0, 0, 0), 7)
    assert [facts(layer) for layer in convs] == [stem, *blocks(table, squeezes_shortcut=variant == "v5"), head]


def test_convolutions_bear_the_numbers_of_the_papers_figure_6() -> None:
    layers = {layer.name: layer for layer in load_network("squeezenext:variant=v2").layers}
    shapes = {name: facts(layers[name])[:2] for name in ("conv2", "conv3", "conv33", "conv34", "conv106", "conv109")}
    assert shapes == {
        "conv2": (64, 32),
        "conv3": (32, 16),
        "conv33": (32, 64),
        "conv34": (64, 32),
        "conv106": (256, 128),
        "conv109": (128, 128),
    }


@pytest.mark.parametrize(
    ("variant", "macs_and_biases"), [("", 281_991_768), ("variant=v5", 228_018_984), ("groups=2", 228_183_512)]
)
def test_macs_in_the_papers_convention_are_the_papers(variant: str, macs_and_biases: int) -> None:
    """The paper counts (weights + biases) x output pixels: 282 M, 228 M and 228 M in its table."""
    network = load_network(f"squeezenext:{variant}" if variant else "squeezenext")
    biases = sum(layer.output_shape[1] * layer.output_shape[2] ** 2 for layer in network.layers if layer.macs)
    assert network.macs + biases == macs_and_biases


@pytest.mark.parametrize("variant", ["v2", "v3", "v4"])
def test_variants_between_v1_and_v5_have_the_published_macs_within_half_a_percent(variant: str) -> None:
    """Table 3 of the paper: 228 M MACs with biases for v2 to v5."""
    network = load_network(f"squeezenext:variant={variant}")
    biases = sum(layer.output_shape[1] * layer.output_shape[2] ** 2 for layer in network.layers if layer.macs)
    print(f"{variant}: {(network.macs + biases) / 228e6 - 1:+.2%}")
    assert network.macs == 224_916_480
    assert abs((network.macs + biases) / 228e6 - 1) < 0.005


@pytest.mark.parametrize(
    ("spec", "published"),
    [
        ("variant=v2", 0.74),
        ("variant=v3", 0.74),
        ("variant=v4", 0.77),
        ("width=1.5", 1.4),
        ("width=1.0,depth=34", 1.0),
        ("width=1.5,depth=34", 2.1),
        ("width=2.0,depth=34", 3.8),
        ("width=1.0,depth=44", 1.2),
        ("width=1.5,depth=44", 2.6),
        ("width=2.0,depth=44", 4.4),
    ],
)
def test_parameters_of_the_other_members_are_near_the_published(spec: str, published: float) -> None:
    """Tables 2 and 3 of the paper, millions; they do not say whether batch norm counts."""
    network = load_network(f"squeezenext:{spec}")
    norms = sum(2 * layer.output_shape[1] for layer in network.layers if layer.op is Op.CONV)
    deviation = (network.params + norms) / (published * 1e6) - 1
    print(f"{spec}: {deviation:+.1%}")
    assert abs(deviation) < 0.06
    assert float(network.facts["params_m"]) == published
