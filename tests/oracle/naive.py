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

from simulator.dims import Dim, Operand

N, G, K, C, P, Q, R, S = Dim
INPUTS, WEIGHTS, OUTPUTS = Operand
