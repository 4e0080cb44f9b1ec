"""Write Timeloop problems (version 0.4), a file for each layer that multiplies, into a folder.

A problem holds a layer's loop nest: bounds, strides, dilations and the shares of zeros. Timeloop knows no
padding, so the map grows by it; names of layers make the files' names.
"""

import os
import re
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.nest import Dim
from simulator.network.ir import Layer, Network
from simulator.network.ops import CONVOLUTIONS
from simulator.source.files import write_atomically

LETTERS = {Dim.N: "N", Dim.G: "G", Dim.K: "M", Dim.C: "C", Dim.P: "P", Dim.Q: "Q", Dim.R: "R", Dim.S: "S"}
CONVOLUTION = """\
  shape:
    name: convolution
    dimensions: [N, G, M, C, P, Q, R, S]
    coefficients:
      - {name: Hstride, default: 1}
      - {name: Wstride, default: 1}
      - {name: Hdilation, default: 1}
      - {name: Wdilation, default: 1}
    data_spaces:
      - name: Weights
        projection: [[[G]], [[M]], [[C]], [[R]], [[S]]]
      - name: Inputs
        projection: [[[N]], [[G]], [[C]], [[R, Hdilation], [P, Hstride]], [[S, Wdilation], [Q, Wstride]]]
      - name: Outputs
        projection: [[[N]], [[G]], [[M]], [[P]], [[Q]]]
        read_write: true
"""
PRODUCT = """\
  shape:
    name: product
    dimensions: [N, G, M, C, P, Q]
    data_spaces:
      - name: Weights
        projection: [[[G]], [[M]], [[C]]]
      - name: Inputs
        projection: [[[N]], [[G]], [[C]], [[P]], [[Q]]]
      - name: Outputs
        projection: [[[N]], [[G]], [[M]], [[P]], [[Q]]]
        read_write: true
"""


def export_problems(network: Network, path: Path) -> None:
    """Write the problems of a network into a folder, numbered in order."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise InputError(Problem("not a folder", str(path), expected="a folder for a file of each layer"))
    layers = [layer for layer in network.layers if layer.nest]
    if not layers:
        raise InputError(Problem("no layer multiplies, so there is no problem to write", path=network.name))
    digits = len(str(len(layers)))
    for number, layer in enumerate(layers, start=1):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", layer.name)[:100]
        write_atomically(path / f"{number:0{digits}}_{name}.yaml", problem_text(layer))


def problem_text(layer: Layer) -> str:
    """Return a layer's loop nest as a problem."""
    nest = layer.nest
    if nest is None:
        raise InputError(Problem("the layer multiplies nothing", path=layer.name))
    slides = layer.op in CONVOLUTIONS
    sizes = {LETTERS[dim]: nest.bounds[dim] for dim in Dim if slides or dim not in (Dim.R, Dim.S)}
    if slides:
        sizes |= dict(zip(("Hstride", "Wstride"), nest.stride, strict=True))
        sizes |= dict(zip(("Hdilation", "Wdilation"), nest.dilation, strict=True))
    instance = ", ".join(f"{key}: {value}" for key, value in sizes.items())
    zeros = {
        "Weights": layer.zero_weights_fraction,
        "Inputs": layer.zero_inputs_fraction,
        "Outputs": layer.zero_outputs_fraction,
    }
    told = ", ".join(f"{name}: {1 - share!r}" for name, share in zeros.items() if share is not None)
    densities = f", densities: {{{told}}}" if told else ""
    shape = CONVOLUTION if slides else PRODUCT
    return f'problem:\n  version: "0.4"\n{shape}  instance: {{{instance}{densities}}}\n'
