"""What the kernels know of machine, layer and mapping: records of integers, passed by reference.

Arrays of eight are indexed by `simulator.nest.Dim`, arrays of three by operand (inputs, weights, outputs). Flags are
0 or 1.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Record = np.void  # one element of an array of a dtype below

N, G, K, C, P, Q, R, S = range(8)
INPUTS, WEIGHTS, OUTPUTS = range(3)
SUM_BITS = 3  # position of the partial sums in the machine's `bits`

RELEVANT = np.array(
    [
        # N  G  K  C  P  Q  R  S
        [1, 1, 0, 1, 1, 1, 1, 1],
        [0, 1, 1, 1, 0, 0, 1, 1],
        [1, 1, 1, 0, 1, 1, 0, 0],
    ],
    dtype=np.bool_,
)

FIXED_POINT_BITS = 20
FIXED_POINT = 1 << FIXED_POINT_BITS
"""Denominator of the ratios (skipping, compression) that enter integer cycle and byte counts."""

MAX_BUFFERS = 3
_I = np.int64

MACHINE = np.dtype(
    [
        ("macs_per_cycle", _I),  # per PE
        ("step_cycles", _I),  # that a step of the array takes at least; 1: as long as its MACs
        ("unicast", _I, 3),
        ("exposed", _I, 3),  # filling registers delays the MACs: 1, or 2 by as much as it is longer than a step
        ("shift_cycles", _I, 3),  # to shift a fill through a systolic array, whole or partial; 0: words a cycle decide
        ("words_per_cycle", _I, 3),
        ("forwarding", _I),
        ("initial_sums", _I),  # partial sums are read from the buffer the first time, too
        ("concurrent", _I),  # partial sums travel in and out at the same time
        ("skew_cycles", _I),  # fill and drain of the array: of every pass where fills are exposed, else of a tile
        ("bits", _I, 4),  # inputs, weights, outputs, partial sums
        ("dram_numerator", _I),  # bytes a cycle = numerator / denominator; 0: the port takes no time
        ("dram_denominator", _I),
        ("latency_cycles", _I),
        ("burst_bytes", _I),
        ("channels", _I),
        ("overlapped", _I),  # a layer takes the longer of array and port: its ends lie beneath its neighbours
        ("whole_rows", _I),  # the DMA does not leave out inputs between windows
        ("reloads", _I),  # a tile loads its inputs and weights even if the tile before had the same
        ("slots", _I),  # tiles whose inputs and weights may be in the buffers at a time
        ("early", _I),  # the operand of which there may be more, `early_slots`, and which is loaded by itself; or 3
        ("early_slots", _I),
        ("out_slots", _I),  # tiles whose outputs may be
        ("buffers", _I),  # how many of the following are in use
        ("buffer_of", _I, 3),  # per operand
        ("streams", _I, 3),  # per operand: what is consumed is replaced at once
        ("capacity_bytes", _I, MAX_BUFFERS),
        ("double_buffered", _I, MAX_BUFFERS),
        ("read_bytes_per_cycle", _I, MAX_BUFFERS),  # 0: unlimited
        ("write_bytes_per_cycle", _I, MAX_BUFFERS),
    ]
)

LAYER = np.dtype(
    [
        ("bounds", _I, 8),
        ("macs", _I),
        ("stride", _I, 2),
        ("dilation", _I, 2),
        ("pad", _I, 2),  # top, left
        ("size", _I, 2),  # height, width of the inputs without padding
        ("skip", _I),  # cycles a MAC where zero weights are skipped, in units of 1 / FIXED_POINT
        ("compression", _I, 3),  # DRAM bytes per raw byte, in units of 1 / FIXED_POINT
        ("resident", _I, 3),  # 1: the whole tensor lies in the buffer already, or stays there
        ("addends", _I),  # tensors of the outputs' shape that are added before the outputs are stored
        ("addends_compression", _I),  # as above; of the outputs stored, a pool on their way out may leave less
        ("prefetched_bytes", _I),  # of the first weights, which came during the layer before
        ("prefetch_bytes", _I),  # of the next layer's first weights, which come during this one
    ]
)

MAPPING = np.dtype(
    [
        ("tile", _I, 8),
        ("dram_order", _I, 8),  # permutations of all eight dimensions, outermost first
        ("buffer_order", _I, 8),
        ("spatial", _I, 8),  # rows * columns
        ("registers", _I, 8),
        ("lowered", _I),
        ("retains", _I),
        ("stationary", _I),  # the operand whose fills begin a pass of the array; 3: whichever is filled least
        ("skips", _I),  # zero weights are skipped: all PEs share each weight
        ("packs", _I),  # lanes over input channels take the taps that a stride groups, too
    ]
)

PROGRAM = np.dtype(
    [
        ("reloads", _I, (3, 8)),  # the loop over d lies at or outside the operand's reload depth
        ("stays", _I, 3),  # registers keep the operand: 1 over more than one step, 2 as the stationary one
        ("slides", _I, 2),  # overlap of consecutive input windows along height and width, as in `axis_words`
        ("y", _I, 8),  # scratch: extents that the array sees,
        ("turns", _I, 8),  # and turns of the loops over them
    ]
)

WALK = np.dtype(
    [
        ("loops", _I),  # number of DRAM loops that turn more than once
        ("order", _I, 8),  # their dimensions, outermost first
        ("tiles", _I, 8),
        ("last", _I, 8),  # extent of the last tile
        ("bit", _I, 8),  # bit of a tile's kind that tells a shorter last extent; 0 where all are equal
        ("kinds", _I),  # number of kinds of tile
        ("depth", _I, 3),  # position in order of the innermost loop that indexes the operand, or -1
        ("at", _I, 8),  # the current tile: index,
        ("extent", _I, 8),  # extents
        ("kind", _I),  # and kind
    ]
)

ENERGY = np.dtype(
    [
        ("mac_pj", np.float64),
        ("rf_pj", np.float64, 3),  # a register access of one word; outputs: a read or a write
        ("array_pj", np.float64, 3),  # one word into or out of one PE
        ("buffer_pj", np.float64, 3),  # one word read or written
        ("dram_pj_per_byte", np.float64),
        ("leakage_pj_per_cycle", np.float64),
    ]
)
