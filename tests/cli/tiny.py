"""A network small enough to be simulated and verified in a blink."""

from simulator.network.graph import Graph
from simulator.network.ir import Network


def tiny(filters: int = 8) -> Network:
    """Two convolutions around a pool, a shortcut, and a classifier."""
    g = Graph("tiny")
    x = g.input(3, 16, 16)
    with g.stage("stem"):
        x = g.max_pool(g.conv(x, filters, kernel=3, stride=1, padding=1, activation="relu"), kernel=2, stride=2)
    with g.stage("block"):
        x = g.add(x, g.conv(x, filters, kernel=3, padding=1))
    with g.stage("head"):
        g.linear(g.global_pool(x), 10)
    return g.build()
