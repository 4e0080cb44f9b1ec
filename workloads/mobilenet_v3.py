"""MobileNet v3 (Howard et al., ICCV 2019, arXiv 1905.02244), after TensorFlow's slim: padding "same", all convolutions.

Blocks are MobileNetV2's, some with a squeeze-and-excite module of a quarter of the expanded channels and a hard gate.
`minimal` is slim's version without these modules, hard-swish and 5x5. The layer before the classifier keeps its 1280
(large) or 1024 (small) filters at every width.
"""

from dataclasses import dataclass
from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from simulator.network.shapes import Padding
from workloads.blocks import Bottleneck, SqueezeExcite, inverted_residual, round_channels
from workloads.parameters import Classes, Resolution, Width

Size = Literal["large", "small"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the paper's tables 1 and 2, the expanded channels at width 1."""

    kernel: int
    expanded: int
    filters: int
    se: bool
    activation: str
    stride: int


STEM = 16
LARGE = (
    Row(3, 16, 16, False, "relu", 1),
    Row(3, 64, 24, False, "relu", 2),
    Row(3, 72, 24, False, "relu", 1),
    Row(5, 72, 40, True, "relu", 2),
    Row(5, 120, 40, True, "relu", 1),
    Row(5, 120, 40, True, "relu", 1),
    Row(3, 240, 80, False, "hard_swish", 2),
    Row(3, 200, 80, False, "hard_swish", 1),
    Row(3, 184, 80, False, "hard_swish", 1),
    Row(3, 184, 80, False, "hard_swish", 1),
    Row(3, 480, 112, True, "hard_swish", 1),
    Row(3, 672, 112, True, "hard_swish", 1),
    Row(5, 672, 160, True, "hard_swish", 2),
    Row(5, 960, 160, True, "hard_swish", 1),
    Row(5, 960, 160, True, "hard_swish", 1),
)
SMALL = (
    Row(3, 16, 16, True, "relu", 2),
    Row(3, 72, 24, False, "relu", 2),
    Row(3, 88, 24, False, "relu", 1),
    Row(5, 96, 40, True, "hard_swish", 2),
    Row(5, 240, 40, True, "hard_swish", 1),
    Row(5, 240, 40, True, "hard_swish", 1),
    Row(5, 120, 48, True, "hard_swish", 1),
    Row(5, 144, 48, True, "hard_swish", 1),
    Row(5, 288, 96, True, "hard_swish", 2),
    Row(5, 576, 96, True, "hard_swish", 1),
    Row(5, 576, 96, True, "hard_swish", 1),
)
ROWS = {"large": LARGE, "small": SMALL}
HIDDEN = {"large": 1280, "small": 1024}


def mobilenet_v3(
    size: Size = "large",
    width: Width = 1.0,
    minimal: bool = False,
    resolution: Resolution = 224,
    classes: Classes = 1000,
) -> Network:
    """Build MobileNetV3-Large or -Small."""
    g = Graph("mobilenet_v3")
    activation = "relu" if minimal else "hard_swish"
    rows = tuple(plain(row) for row in ROWS[size]) if minimal else ROWS[size]
    x = features(g, g.input(3, resolution, resolution), rows, width, activation=activation)[-1].output
    x = last_conv(g, x, round_channels(6 * rows[-1].filters * width), activation)
    with g.stage("head"):
        x = g.conv(g.global_pool(x), HIDDEN[size], bias=True, activation=activation, name="hidden")
        g.softmax(g.conv(x, classes, bias=True, name="classifier"))
    return g.build()


def plain(row: Row) -> Row:
    """Return the row as the minimal network has it."""
    return Row(3, row.expanded, row.filters, False, "relu", row.stride)


def features(
    g: Graph,
    x: Tensor,
    rows: tuple[Row, ...],
    width: float = 1.0,
    padding: Padding = "same",
    activation: str = "hard_swish",
    dilated_from: int | None = None,
) -> list[Bottleneck]:
    """Add the layers up to the last bottleneck; return all bottlenecks.

    From block `dilated_from` on, strides are dropped for a dilation of 2.
    """
    x = g.conv(x, round_channels(STEM * width), 3, stride=2, padding=padding, activation=activation, name="conv1")
    made: list[Bottleneck] = []
    before = STEM  # channels at width 1
    for number, row in enumerate(rows, start=1):
        dilated = dilated_from is not None and number >= dilated_from
        expanded = round_channels(x.channels * row.expanded / before)
        with g.scope(f"block{number}"):
            block = inverted_residual(
                g,
                x,
                round_channels(row.filters * width),
                expanded,
                row.kernel,
                stride=1 if dilated else row.stride,
                dilation=2 if dilated else 1,
                activation=row.activation,
                padding=padding,
                se=SqueezeExcite(round_channels(expanded / 4), "relu", "hard_sigmoid") if row.se else None,
            )
        made.append(block)
        x, before = block.output, row.filters
    return made


def last_conv(g: Graph, x: Tensor, filters: int, activation: str = "hard_swish") -> Tensor:
    """Add the 1x1 convolution before pooling."""
    return g.conv(x, filters, activation=activation, name="conv_last")
