"""Write a SCALE-Sim topology: a row for each layer that multiplies, and for each group of one.

SCALE-Sim knows neither padding, batch, dilation nor groups. The map is as large as the windows reach; a layer with a
batch or a dilation is written as the matrix product that SCALE-Sim makes of any layer: a 1x1 filter over C*R*S
channels at N*P*Q positions. A depthwise layer has DP in its name, by which SCALE-Sim tells one. A second stride is
written where it differs from the first: version 3 reads one stride, and takes what follows for the sparsity.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.nest import LoopNest
from simulator.network.ir import Layer, Network
from simulator.network.shapes import Pair
from simulator.source.files import write_atomically
from workloads.importers.bounds import MOST_LAYERS
from workloads.importers.scalesim import CONV_COLUMNS, DEPTHWISE

MOST_PARTS = 1000  # of N:M, to which a share of zero weights is rounded


def export_topology(network: Network, path: Path) -> None:
    """Write the layers of a network that multiply to a file."""
    write_atomically(path, topology_text(network))


def topology_text(network: Network) -> str:
    """Return the layers of a network that multiply as a topology."""
    rows = [row for layer in network.layers if layer.nest for row in _rows(layer, layer.nest)]
    if not 1 <= len(rows) <= MOST_LAYERS:
        expected = f"1 to {MOST_LAYERS} rows: a row a layer that multiplies and group"
        raise InputError(Problem("no topology", path=network.name, expected=expected, got=str(len(rows))))
    columns = ("Layer name", *CONV_COLUMNS)
    return "".join(f"{', '.join(map(str, row))},\n" for row in (columns, *rows))


def _rows(layer: Layer, nest: LoopNest) -> Iterator[tuple[str | int, ...]]:
    """Yield a row for each group, or one for all of a depthwise layer."""
    _, groups, filters, channels, *_ = nest.bounds
    name = re.sub(r"[,;\s#]+", "_", layer.name).strip("_") or layer.op.value
    zeros = layer.zero_weights_fraction
    rest = () if zeros is None else (f"{max(1, round(MOST_PARTS * (1 - zeros)))}:{MOST_PARTS}",)
    window, folded, (down, across) = _window(nest)
    strides = (down,) if down == across else (down, across)
    if filters < groups and channels * folded == 1:
        yield (f"{name}_DP", *window, groups, filters, *strides, *rest)
        return
    plain = DEPTHWISE.sub(lambda match: f"{match[0][:-1]}_{match[0][-1]}", name)
    for group in range(1, groups + 1):
        yield (f"{plain}_g{group}" if groups > 1 else plain, *window, channels * folded, filters, *strides, *rest)


def _window(nest: LoopNest) -> tuple[tuple[int, ...], int, Pair]:
    """Return the sizes of map and filter, the taps that become channels, and the strides."""
    n, _, _, _, p, q, r, s = nest.bounds
    if n > 1 or nest.dilation != (1, 1):
        return (n * p, q, 1, 1), r * s, (1, 1)
    down, right = nest.stride
    return ((p - 1) * down + r, (q - 1) * right + s, r, s), 1, nest.stride
