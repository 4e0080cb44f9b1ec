"""A naive walk of a mapped layer: what each level holds is a set of words, and whatever enters it is counted.

Nothing here is a formula over tile counts. Words are named by the layer's own indices, input words by where they lie in
the padded tensor; tiles, array steps and PEs are visited one by one. Rules that are not geometry:

- A buffer holds one tile of each operand, a PE the words of one array step; the array starts every tile empty.
- The array's program is that of a full tile: an operand is filled again whenever a loop turns that is, or lies outside
  of, the innermost loop that indexes the operand and turns in a full tile.
- When no loop but that innermost one has turned, inputs that are there already are not sent again: those in a PE's own
  registers, or, where PEs forward inputs, those anywhere in the array. Without forwarding, a window that is spread over
  PEs is sent whole; with it, a spread window comes into each PE whole, if only from the neighbour.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, product
from math import ceil, prod

from simulator.dims import REDUCTION, RELEVANT, Dim, Operand
from simulator.kernels import evaluate as layer_totals
from simulator.kernels import steps as tile_figures
from simulator.kernels.params import FIXED_POINT, SUM_BITS
from simulator.timing.tiles import PortSpec, TileRun

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
AXES = ((P, R), (Q, S))

NAMES = {
    value: name
    for module in (tile_figures, layer_totals)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, int) and name not in vars(layer_totals.params_names)
}
