"""The four networks of MLPerf Tiny (Banbury et al., 2021, arXiv 2106.07597), after mlcommons/tiny's reference models.

An autoencoder of sounds, ResNet-8, DS-CNN for words, and MobileNet v1 of a quarter of the width.
"""

from typing import Literal

from simulator.network.graph import Graph
from simulator.network.ir import Network
from workloads.mobilenet_v1 import mobilenet_v1

Task = Literal["anomaly_detection", "image_classification", "keyword_spotting", "visual_wake_words"]

FRAME, HIDDEN, CODE = 640, 128, 8
"""Words of five frames of 128 bands, of the autoencoder's hidden layers, and of its narrowest."""


def mlperf_tiny(task: Task = "image_classification") -> Network:
    """Build the reference model of a task."""
    if task == "visual_wake_words":
        return mobilenet_v1(width=0.25, resolution=96, classes=2)
    return {"anomaly_detection": autoencoder, "image_classification": resnet_8, "keyword_spotting": ds_cnn}[task]()


def autoencoder() -> Network:
    """Build the fully connected autoencoder of DCASE 2020's second task."""
    g = Graph("autoencoder")
    x = g.input(FRAME, 1, 1)
    for filters in (HIDDEN,) * 4 + (CODE,) + (HIDDEN,) * 4:
        x = g.linear(x, filters, bias=True, activation="relu")
    g.linear(x, FRAME, bias=True)
    return g.build()


def resnet_8() -> Network:
    """Build ResNet-8 for 32x32: three blocks of two 3x3 convolutions."""
    g = Graph("resnet_8")
    x = g.conv(g.input(3, 32, 32), 16, 3, padding="same", bias=True, activation="relu", name="conv1")
    for number, (filters, stride) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
        with g.scope(f"block{number}"):
            y = g.conv(x, filters, 3, stride, padding="same", bias=True, activation="relu", name="conv1")
            y = g.conv(y, filters, 3, padding="same", bias=True, name="conv2")
            x = x if stride == 1 else g.conv(x, filters, stride=stride, bias=True, name="shortcut")
            x = g.add(x, y, activation="relu", name="add")
    with g.stage("head"):
        g.softmax(g.linear(g.global_pool(x), 10, bias=True, name="fc"))
    return g.build()


def ds_cnn() -> Network:
    """Build DS-CNN for 49 frames of 10 coefficients: a 10x4 convolution and four depthwise separable ones."""
    g = Graph("ds_cnn")
    x = g.input(1, 49, 10)
    x = g.conv(x, 64, (10, 4), stride=2, padding="same", bias=True, activation="relu", name="conv1")
    for number in range(1, 5):
        with g.scope(f"block{number}"):
            x = g.depthwise(x, 3, padding="same", bias=True, activation="relu", name="depthwise")
            x = g.conv(x, 64, bias=True, activation="relu", name="pointwise")
    with g.stage("head"):
        g.softmax(g.linear(g.global_pool(x), 12, bias=True, name="fc"))
    return g.build()
