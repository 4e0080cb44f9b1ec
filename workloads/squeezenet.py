"""SqueezeNet (Iandola et al., 2016, arXiv 1602.07360), versions 1.0 and 1.1, with the paper's bypasses.

A fire module squeezes with 1x1 convolutions and expands with 1x1 and 3x3 ones side by side. A simple bypass adds a
module's input to its output where both have the same shape; a complex one also puts a 1x1 convolution where not.

Versions 1.0, 1.1 and 1.0 with simple bypass follow the authors' Caffe definitions at 227x227; 1.0 pads its last
convolution by 1, so that its pooled map is 15x15. Version 1.0 with complex bypass (Keras, GoogleCloudPlatform's
keras-idiomatic-programmer) and 1.1 with simple bypass (PyTorch, pytorchcv 0.0.74) are published at 224x224, the former
with a padded first convolution and no padding at the end. Papers that count 837M MACs for version 1.0 leave out the
padding of its last convolution, too.
"""

from typing import Annotated, Literal

from simulator.errors import InputError, Problem
from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from simulator.network.shapes import Padding
from workloads.parameters import Between, Classes, Resolution

Version = Literal["1.0", "1.1"]
Bypass = Literal["none", "simple", "complex"]
Share = Annotated[float, Between(0.0, 1.0)]
Ratio = Annotated[float, Between(0.01, 1.0)]

FIRES = {2: 128, 3: 128, 4: 256, 5: 256, 6: 384, 7: 384, 8: 512, 9: 512}  # fire: filters that expand, 1x1 and 3x3
POOL_AFTER = {"1.0": (4, 8), "1.1": (3, 5)}
STEM = {"1.0": (96, 7), "1.1": (64, 3)}  # filters, kernel
RESOLUTION = {("1.0", "complex"): 224, ("1.1", "simple"): 224}  # 227 elsewhere


def squeezenet(
    version: Version = "1.0",
    bypass: Bypass = "none",
    squeeze_ratio: Ratio = 0.125,
    share_3x3: Share = 0.5,
    pools: str | None = None,
    resolution: Resolution | None = None,
    classes: Classes = 1000,
    last_padding: Literal[0, 1] | None = None,
) -> Network:
    """Build SqueezeNet; the resolution and the padding of the last convolution are the source's unless given.

    What the paper's section 5 varies is free: `squeeze_ratio` and `share_3x3` of the filters that expand (SR and
    pct_3x3 there), and `pools`, the fire modules after which maps are halved (4-8 in version 1.0).
    """
    complex_1_0 = (version, bypass) == ("1.0", "complex")
    stem_padding: Padding = "same" if complex_1_0 else 0
    size = resolution or RESOLUTION.get((version, bypass), 227)
    pool_after = pools_of(pools) if pools else POOL_AFTER[version]
    g = Graph("squeezenet")
    x = g.input(3, size, size)
    filters, kernel = STEM[version]
    x = g.conv(x, filters, kernel, stride=2, padding=stem_padding, bias=True, activation="relu", name="conv1")
    x = g.max_pool(x, kernel=3, stride=2, ceil=not complex_1_0, name="pool1")
    for number, expand in FIRES.items():
        with g.scope(f"fire{number}"):
            x = bypassed_fire(g, x, max(1, round(expand * squeeze_ratio)), expand, share_3x3, bypass)
        if number in pool_after:
            x = g.max_pool(x, kernel=3, stride=2, ceil=not complex_1_0, name=f"pool{number}")
    if last_padding is None:
        last_padding = 1 if version == "1.0" and not complex_1_0 else 0
    x = g.conv(x, classes, padding=last_padding, bias=True, activation="relu", name="conv10")
    g.softmax(g.flatten(g.global_pool(x, name="pool10")))
    return g.build()


def pools_of(text: str) -> tuple[int, ...]:
    """Read the fire modules that a pool follows.

    >>> pools_of("4-8")
    (4, 8)
    """
    numbers = tuple(int(part) if part.isdecimal() else 0 for part in text.split("-"))
    if not set(numbers) <= set(FIRES) or len(set(numbers)) < len(numbers):
        expected = f"numbers from {min(FIRES)} to {max(FIRES)}, each once, such as 4-8"
        raise InputError(Problem("no fire modules", path="pools", expected=expected, got=text))
    return numbers


def bypassed_fire(g: Graph, x: Tensor, squeeze: int, expand: int, share_3x3: float, bypass: str) -> Tensor:
    """Add a fire module and what the bypass adds to it."""
    y = fire(g, x, squeeze, expand, share_3x3)
    if bypass != "none" and x.channels == y.channels:
        return g.add(x, y, name="bypass_add")
    if bypass == "complex":
        return g.add(g.conv(x, y.channels, bias=True, activation="relu", name="bypass1x1"), y, name="bypass_add")
    return y


def fire(g: Graph, x: Tensor, squeeze: int, expand: int, share_3x3: float) -> Tensor:
    """Squeeze with 1x1, expand with 1x1 and 3x3, join."""
    x = g.conv(x, squeeze, bias=True, activation="relu", name="squeeze1x1")
    wide = round(expand * share_3x3)
    made = []
    if wide < expand:
        made.append(g.conv(x, expand - wide, bias=True, activation="relu", name="expand1x1"))
    if wide:
        made.append(g.conv(x, wide, kernel=3, padding=1, bias=True, activation="relu", name="expand3x3"))
    return g.concat(*made, name="concat") if len(made) > 1 else made[0]
