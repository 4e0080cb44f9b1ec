"""Tiny Darknet (Redmon, pjreddie.com/darknet/tiny-darknet), after its configuration tiny.cfg."""

from simulator.network.graph import Graph
from simulator.network.ir import Network
from workloads.parameters import Classes, Resolution

STAGES = (  # (filters, kernel) of each convolution; a pool after each stage but the last
    ((16, 3),),
    ((32, 3),),
    ((16, 1), (128, 3), (16, 1), (128, 3)),
    ((32, 1), (256, 3), (32, 1), (256, 3)),
    ((64, 1), (512, 3), (64, 1), (512, 3), (128, 1)),
)


def tiny_darknet(resolution: Resolution = 224, classes: Classes = 1000) -> Network:
    """Build Tiny Darknet."""
    g = Graph("tiny_darknet")
    x = g.input(3, resolution, resolution)
    for number, convs in enumerate(STAGES, start=1):
        with g.stage(f"stage{number}"):
            x = x if number == 1 else g.max_pool(x, 2, stride=2)
            for filters, kernel in convs:
                x = g.conv(x, filters, kernel, padding="half", activation="leaky_relu")
    with g.stage("head"):
        x = g.conv(x, classes, bias=True)
        g.softmax(g.global_pool(x))
    return g.build()
