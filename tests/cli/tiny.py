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


def tall(filters: int = 8) -> Network:
    """Convolutions that run in one stack where the buffer holds no map of theirs, and a classifier."""
    g = Graph("tall")
    x = g.input(3, 24, 16)
    with g.stage("stem"):
        x = g.conv(g.conv(x, filters, 3, padding=1, name="first"), filters, 3, padding=1, name="second")
    with g.stage("head"):
        g.linear(g.global_pool(g.conv(x, 32, kernel=1, stride=2, name="thin")), 10)
    return g.build()
