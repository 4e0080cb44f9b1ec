"""SSDLite (Sandler et al., 2018, arXiv 1801.04381, section 6.2): SSD with separable convolutions in all its heads.

Six feature maps feed the heads: the last expansion at a sixteenth of the resolution, the backbone's last 1x1, and four
extra blocks that halve the map. With MobileNetV2 it follows TensorFlow's object detection (ssdlite_mobilenet_v2_coco:
padding "same", three boxes a position on the first map, sigmoid scores); with MobileNetV3 torchvision
(ssdlite320_mobilenet_v3_large: half the filters in the last stage, six boxes, softmax). Boxes are decoded on the host.
"""

from dataclasses import replace
from typing import Literal

from simulator.network.graph import Graph, Tensor
from simulator.network.ir import Network
from simulator.network.shapes import Padding
from workloads import mobilenet_v2, mobilenet_v3
from workloads.parameters import Classes, Resolution

Backbone = Literal["mobilenet_v2", "mobilenet_v3_large"]

EXTRAS = (512, 256, 256, 128)  # filters
BOXES = 6  # a position; 3 on the first map of MobileNetV2's


def ssdlite(backbone: Backbone = "mobilenet_v2", resolution: Resolution = 320, classes: Classes = 91) -> Network:
    """Build SSDLite on a backbone; the classes include the background."""
    g = Graph("ssdlite")
    x = g.input(3, resolution, resolution)
    padding: Padding = "same" if backbone == "mobilenet_v2" else "half"
    maps = v2_maps(g, x) if backbone == "mobilenet_v2" else v3_maps(g, x)
    for number, filters in enumerate(EXTRAS, start=1):
        with g.scope(f"extra{number}"):
            maps.append(extra(g, maps[-1], filters, padding))
    first_boxes = BOXES // 2 if backbone == "mobilenet_v2" else BOXES
    boxes, scores = [], []
    for number, feature_map in enumerate(maps, start=1):
        count = first_boxes if number == 1 else BOXES
        with g.scope(f"head{number}"):
            boxes.append(prediction(g, feature_map, count, 4, padding, "box"))
            scores.append(prediction(g, feature_map, count, classes, padding, "class"))
    with g.stage("outputs"):
        g.concat(*boxes, axis=2, name="boxes")
        joined = g.concat(*scores, axis=2, name="scores")
        g.activation(joined, "sigmoid") if backbone == "mobilenet_v2" else g.softmax(joined)
    return g.build()


def v2_maps(g: Graph, x: Tensor) -> list[Tensor]:
    """Add MobileNetV2; return the expansion of block 14, the first that halves the map to 1/32, and the last layer."""
    blocks = mobilenet_v2.features(g, x)
    return [blocks[13].expanded, mobilenet_v2.last_conv(g, blocks[-1].output)]


def v3_maps(g: Graph, x: Tensor) -> list[Tensor]:
    """Add MobileNetV3-Large with half the last stage (paper, table 6); return the expansion of block 13 and the end."""
    rows = mobilenet_v3.LARGE
    first, *others = (replace(row, filters=row.filters // 2) for row in rows[12:])
    halved = (first, *(replace(row, expanded=row.expanded // 2) for row in others))
    blocks = mobilenet_v3.features(g, x, rows[:12] + halved, padding="half")
    return [blocks[12].expanded, mobilenet_v3.last_conv(g, blocks[-1].output, 480)]


def extra(g: Graph, x: Tensor, filters: int, padding: Padding) -> Tensor:
    """Halve the map: 1x1 to half the filters, depthwise 3x3 with stride 2, 1x1."""
    x = g.conv(x, filters // 2, activation="relu6", name="reduce")
    x = g.depthwise(x, 3, stride=2, padding=padding, activation="relu6", name="depthwise")
    return g.conv(x, filters, activation="relu6", name="expand")


def prediction(g: Graph, x: Tensor, boxes: int, values: int, padding: Padding, name: str) -> Tensor:
    """Predict `values` numbers for each box of each position, one box a row of the result."""
    x = g.depthwise(x, 3, padding=padding, activation="relu6", name=f"{name}_depthwise")
    x = g.conv(x, boxes * values, bias=True, name=name)
    return g.reshape(x, (values, -1, 1), name=f"{name}_reshape")
