"""Blocks that several families share."""

from typing import NamedTuple

from simulator.network.graph import Graph, Tensor
from simulator.network.shapes import Padding


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of `divisor` that is not below nine tenths of `channels`, as all mobile networks do.

    >>> round_channels(11.2), round_channels(24 * 1.3)
    (16, 32)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def squeeze_excite(g: Graph, x: Tensor, squeezed: int, inner: str = "relu", gate: str = "sigmoid") -> Tensor:
    """Scale each channel by a gate made of all channels' means (Hu et al., CVPR 2018, arXiv 1709.01507)."""
    with g.scope("se"):
        scale = g.conv(g.global_pool(x, name="pool"), squeezed, bias=True, activation=inner, name="reduce")
        scale = g.conv(scale, x.channels, bias=True, activation=gate, name="expand")
        return g.mul(x, scale, name="scale")


class SqueezeExcite(NamedTuple):
    """Channels between the two convolutions of a squeeze-and-excite module, and its functions."""

    squeezed: int
    inner: str
    gate: str


class Bottleneck(NamedTuple):
    """What an inverted residual makes: the expanded tensor (its input where it does not expand), and its output."""

    expanded: Tensor
    output: Tensor


def inverted_residual(
    g: Graph,
    x: Tensor,
    filters: int,
    expanded: int,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    activation: str = "relu6",
    padding: Padding = "same",
    se: SqueezeExcite | None = None,
    skip: bool = True,
) -> Bottleneck:
    """Expand with 1x1, convolve depthwise, project with 1x1; add the input where shapes agree (MobileNetV2)."""
    wide = x if expanded == x.channels else g.conv(x, expanded, activation=activation, name="expand")
    y = g.depthwise(wide, kernel, stride, padding, dilation, activation=activation, name="depthwise")
    y = squeeze_excite(g, y, *se) if se else y
    y = g.conv(y, filters, name="project")
    return Bottleneck(wide, g.add(x, y, name="add") if skip and x.shape == y.shape else y)
