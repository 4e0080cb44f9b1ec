"""What the kernels know of machine, layer and mapping, and what they find: records of integers, passed by reference.

Arrays of eight are indexed by `simulator.nest.Dim`, arrays of three by operand (inputs, weights, outputs). Flags are
0 or 1. Memory levels count from 0, the outermost on chip; `simulator.cost.convert` makes the records.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Records = NDArray[np.void]
Record = np.void  # one element of them, of a dtype below

N, G, K, C, P, Q, R, S = range(8)
INPUTS, WEIGHTS, OUTPUTS = map(np.int64, range(3))
NO_OPERAND = 3
HEIGHT, WIDTH = range(2)
"""Positions in pairs such as strides."""
SUM_BITS = 3  # position of the partial sums in the machine's `bits`
RESIDUALS = np.int64(3)
"""What crosses the DRAM port in tiles with an address for each word: the operands, and what is added to outputs."""
KINDS = 4
DEEP, CHANNELS, ROWS, COLUMNS = range(4)
"""Axes of a tensor in DRAM: batch (of weights, input channels), channels (of weights, filters), rows, columns."""
PLACES = 4
"""Their order there, innermost first."""

RELEVANT = np.array(
    [
        # N  G  K  C  P  Q  R  S
        [1, 1, 0, 1, 1, 1, 1, 1],
        [0, 1, 1, 1, 0, 0, 1, 1],
        [1, 1, 1, 0, 1, 1, 0, 0],
    ],
    dtype=np.bool_,
)

REUSED_BY = np.array([[K, K, K], [N, P, Q], [C, R, S]])
"""The dimensions that do not index each operand: K alone does not index the inputs."""
DIMS_REUSED_BY = np.array([1, 3, 3])
"""How many of them there are."""

ZERO, ONE, NONE = np.int64(0), np.int64(1), np.int64(-1)
"""Arguments of kernels that are not literals, for each of which numba would compile a callee anew."""

FIXED_POINT_BITS = 20
FIXED_POINT = 1 << FIXED_POINT_BITS
"""Denominator of the ratios (skipping, compression) that enter integer cycle and byte counts."""

MAX_LEVELS = 4
"""Memory levels on chip, registers apart."""
DESTINATIONS = MAX_LEVELS + 1
"""What words are brought to: the memory levels, then the registers at the index after the machine's last level."""
CUTS = MAX_LEVELS + 2
"""Blocks of a tile: the whole; inner tiles and steps of the array; what one PE has of a step; its inner blocks."""
EXTENTS = CUTS
"""Distinct extents that the blocks of one cut can have along a dimension."""
MAX_MEMORIES = 8
MAX_CHANNELS = 64
MAX_SLOTS = 4
MAX_VARIANTS = 512
WHOLE = 0
"""Position of the tile itself among its cuts."""
ONLY = 0
"""Position of the extent of blocks that are all alike."""
OUTERMOST = 0
"""The first memory level on chip."""
INNERMOST_PLACE = 0
"""The place of a tensor's layout along which addresses are neighbours."""

HIDDEN, EXPOSED, DOUBLE_BUFFERED = range(3)
"""How filling registers delays the MACs: not; wholly; by what it takes longer than a step of the array, where the
stationary register of a PE has a second one."""
MOVING, HELD, STATIONARY = range(3)
"""What becomes of an operand in the registers from step to step: replaced, held over some, held as the stationary."""

_I = np.int64


def record_type(fields: list[Any]) -> np.dtype[np.void]:
    """Make a type whose fields are attributes of its elements, in compiled kernels and in Python alike."""
    assert not any(hasattr(np.record, name) for name, *_ in fields), "a field named like an attribute of all records"
    return np.dtype((np.record, fields))


MACHINE = record_type(
    [
        ("macs_per_cycle", _I),  # per PE
        ("step_cycles", _I),  # that a step of the array takes at least; 1: as long as its MACs
        ("tile_setup_cycles", _I),  # before each tile of the outermost level
        ("arrays", _I),  # instances of the array under the same memories
        ("unicast", _I, 3),
        ("preload", _I, 3),  # HIDDEN, EXPOSED or DOUBLE_BUFFERED
        ("shift_cycles", _I, 3),  # to shift a fill through a systolic array, whole or partial; 0: words a cycle decide
        ("words_per_cycle", _I, 3),  # of one array
        ("forwarding", _I),
        ("windows_apart", _I),  # PEs share reads of equal windows alone, and those slide with the innermost loop alone
        ("initial_sums", _I),  # partial sums are read from the buffer the first time, too
        ("concurrent", _I),  # partial sums travel in and out at the same time
        ("skew_cycles", _I),  # fill and drain of the array: of every pass where fills are exposed, else of a tile
        ("skew_over_used", _I),  # that of the rows and columns in use
        ("bits", _I, 4),  # inputs, weights, outputs, partial sums
        ("dram_numerator", _I),  # bytes a cycle = numerator / denominator; 0: the port takes no time
        ("dram_denominator", _I),
        ("weights_ratio", _I),  # time of a byte of weights at the port by that of others, in units of 1 / FIXED_POINT
        ("burst_bytes", _I),
        ("descriptor_cycles", _I),  # that a DMA engine takes for each descriptor, while it moves what was there before
        ("descriptor_dimensions", _I),  # of a block that one describes; 1: a contiguous run
        ("overlapped", _I),  # a layer takes the longer of array and port: its ends overlap with its neighbours
        ("whole_rows", _I),  # the DMA does not leave out inputs between windows
        ("reloads", _I),  # a tile loads its inputs and weights even if the tile before had the same
        ("keeps_halo", _I),  # a tile next to the one before loads only what that one did not hold
        ("deeper_operand", _I),  # the operand with deeper buffering, `deeper_slots`, loaded by itself; or NO_OPERAND
        ("levels", _I),  # memory levels on chip
        ("chip_levels", _I),  # of these outside the array; the others lie in each PE
        ("memory_of", _I, (MAX_LEVELS, 3)),  # the memory of a level that holds the operand, or -1
        ("outermost", _I, 3),  # the first level that holds the operand
        ("array_level", _I, 3),  # the destination that the array's network brings the operand to
        ("keeps", _I, (DESTINATIONS, 3)),  # whether the destination holds the operand
        ("source", _I, (DESTINATIONS, 3)),  # the level that it takes the operand from, or -1: DRAM
        ("whole_bytes", _I),  # of the memory of inputs: room for inputs and weights that come whole, before all tiles
        ("streams", _I, 3),  # what is consumed in the outermost level is replaced at once
        ("memories", _I),  # how many of the following are in use
        ("level_of", _I, MAX_MEMORIES),
        ("capacity_bytes", _I, MAX_MEMORIES),  # of one instance
        ("double_buffered", _I, MAX_MEMORIES),
        ("read_bytes_per_cycle", _I, MAX_MEMORIES),  # 0: unlimited
        ("write_bytes_per_cycle", _I, MAX_MEMORIES),
    ]
)

PORT = record_type(
    [
        ("deeper_slots", _I),  # tiles of the operand with deeper buffering that may be in its buffer
        ("slots", _I),  # tiles whose inputs and weights may be
        ("out_slots", _I),  # tiles whose outputs may be
        ("channels", _I),  # DMA channels each way
        ("latency_cycles", _I),
    ]
)

LAYER = record_type(
    [
        ("bounds", _I, 8),
        ("macs", _I),
        ("stride", _I, 2),
        ("dilation", _I, 2),
        ("pad", _I, 2),  # top, left
        ("input_size", _I, 2),  # height, width of the inputs without padding
        ("skip", _I),  # cycles a MAC where zero weights are skipped, in units of 1 / FIXED_POINT
        ("compression", _I, 3),  # DRAM bytes per raw byte, in units of 1 / FIXED_POINT
        ("resident", _I, 3),  # 1: the whole tensor lies in the buffer already, or stays there
        ("residuals", _I),  # residual operands: tensors of the outputs' shape, added before the outputs are stored
        ("parameters", _I),  # words of fused ops: weights of depthwise layers, constants of channels
        ("residual_compression", _I),  # as above; of the outputs stored, a fused pool may leave less
        # How tensors lie in DRAM, by kind; see `simulator.cost.layout`.
        ("tiled", _I, KINDS),  # tile by tile, each in one run
        ("atom", _I, KINDS),  # channels that lie together and move as one word
        ("scattered", _I, KINDS),  # consecutive channels lie apart
        ("word_bits", _I, KINDS),  # of an atom
        ("axis", _I, (KINDS, PLACES)),  # at each place
        ("whole", _I, (KINDS, PLACES)),  # extent of the stored tensor there
        ("pitch_bits", _I, (KINDS, PLACES)),  # from one index to the next
        ("granule_bits", _I, (KINDS, PLACES + 1)),  # common divisor of a burst and the pitches outside the place
        ("prefetched_bytes", _I),  # of the first weights, which came during the layer before
        ("prefetch_bytes", _I),  # of the next layer's first weights, which come during this one
    ]
)

MAPPING = record_type(
    [
        ("tile", _I, 8),  # of the outermost level
        ("dram_order", _I, 8),  # permutations of all eight dimensions, outermost first
        ("inner_tile", _I, (MAX_LEVELS, 8)),  # of the levels from 1, as the array sees them
        ("orders", _I, (MAX_LEVELS, 8)),  # loops inside a tile of each level, like `dram_order`
        ("spatial", _I, 8),  # arrays * rows * columns
        ("rows", _I, 8),
        ("arrays", _I, 8),
        ("registers", _I, 8),
        ("lowered", _I),
        ("retains", _I),
        ("stationary", _I),  # the operand whose fills begin a pass of the array; NO_OPERAND: whichever is filled least
        ("skips", _I),  # zero weights are skipped: all PEs share each weight
        ("channel_packing", _I),  # channel packing: lanes over input channels take the taps that a stride groups, too
    ]
)

REUSE = record_type(
    [
        ("cuts", _I),  # position of the last cut, the registers'
        ("steps", _I),  # position of the steps of the array; the next cut is what one PE has of a step
        ("block", _I, (CUTS, 8)),  # extents of a block of each cut
        ("spatial", _I, 8),  # PEs along each dimension
        ("trips", _I, (MAX_LEVELS, 8)),  # trip counts, in a full tile, of the loops inside each level
        ("deepest", _I, (3, DESTINATIONS, 8)),  # the last cut whose loop over d replaces the words
        ("held", _I, 3),  # MOVING, HELD or STATIONARY in the PEs
        ("slides", _I, 2),  # sliding-window reuse of inputs on the array, along height and width; see `axis_words`
        ("slide_cut", _I),  # the cut whose loop slides
        ("y", _I, 8),  # scratch: extents as the array sees them
    ]
)

BLOCKS = record_type(
    [
        ("kinds", _I, (CUTS, 8)),  # distinct extents of the blocks of each cut
        ("extent", _I, (CUTS, 8, EXTENTS)),
        ("times", _I, (CUTS, 8, EXTENTS)),  # how many blocks have this extent
        ("count", _I, (CUTS, 8)),  # how many blocks there are
    ]
)

TILES = record_type(
    [
        ("loops", _I),  # number of DRAM loops that run more than once
        ("order", _I, 8),  # their dimensions, outermost first
        ("trips", _I, 8),
        ("last", _I, 8),  # extent of the last tile
        ("bit", _I, 8),  # bit of an edge variant that tells a shorter last extent; 0 where all are equal
        ("variants", _I),  # number of edge variants
        ("whole", _I, 3),  # words of an operand that comes whole before the first tile, else 0
        ("depth", _I, 3),  # position in order of the innermost loop that indexes the operand, or -1
        ("at", _I, 8),  # the current tile: index,
        ("extent", _I, 8),  # extents
        ("box", _I, PLACES),  # what it takes of a tensor: extents by axis,
        ("start", _I, PLACES),  # where it begins,
        ("step", _I, PLACES),  # the steps in which tiles begin,
        ("copies", _I),  # and how often it does so
        ("window_step", _I, 2),  # steps in which inputs of tiles begin along height and width, 0 for one tile
        ("variant", _I),  # and edge variant
    ]
)

_STEPS_OF_A_TILE = [
    ("mac_cycles", _I),
    ("mac_slots", _I),  # MACs that the most-loaded PE has time for; with channel packing, times the taps packed
    ("sums", _I),  # distinct outputs
    ("array_cycles", _I),
    ("delivery_cycles", _I),  # of these, in excess of the MACs because an operand's network is slower
    ("preload_cycles", _I),
    ("skew_cycles", _I),
    # Words to each destination, of outputs from it: read from the source (or written to it), a word that several PEs
    # share once; and those of all PEs added up.
    ("crossed", _I, (DESTINATIONS, 3)),
    ("delivered", _I, (DESTINATIONS, 3)),
    ("returned", _I, DESTINATIONS),  # partial sums that come back to each destination
]

VARIANT = record_type(
    [
        *_STEPS_OF_A_TILE,
        ("passes", _I),  # fills of the stationary operand
        ("first_window", _I),  # words of inputs that the array takes at its first step
        ("first_step", _I),  # MACs of the most-loaded PE at the first step
        ("first_skew", _I),  # rows + columns - 2 of those that have work then
        ("network_words", _I, 3),  # words over the network of one array
        ("network_sums", _I),  # distinct outputs of one array
        ("network_returned", _I),  # partial sums that come back over its network
        # Of the inputs, the last box that a tile of this variant loaded, and what that made:
        ("box_rows", _I),
        ("box_columns", _I),
        ("box_at_edge", _I),  # whether it begins with the first row, and the first column
        ("inputs_bytes", _I),
        ("inputs_runs", _I),
        ("inputs_descriptors", _I),
        ("weights_bytes", _I),  # at the DRAM port, in bursts,
        ("weights_runs", _I),  # contiguous runs of them,
        ("weights_descriptors", _I),  # and DMA descriptors
        ("outputs_bytes", _I),
        ("outputs_runs", _I),
        ("outputs_descriptors", _I),
        ("sums_bytes", _I),
        ("tiles", _I),  # how many tiles are of this variant
    ]
)

_CROSSED = [
    ("loaded", _I, 3),  # words from DRAM; of outputs, partial sums that return
    ("loaded_residuals", _I),  # words of other tensors added to the outputs
    ("loaded_parameters", _I),  # words of fused ops, which come with the first weights
    ("stored_outputs", _I),  # final outputs, words
    ("stored_sums", _I),  # partial sums that leave before they are complete
    ("dram_read", _I, 3),  # bytes through the port: compressed, in bursts
    ("dram_written", _I),
    ("port_cycles", _I),
    ("dma_cycles", _I),  # of all transactions: latency and port
    ("dma_runs", _I),  # contiguous runs of all transactions
    ("dma_descriptors", _I),
]

CROSSED = record_type(_CROSSED)
"""What has crossed the DRAM port so far."""

TOTALS = record_type(
    [
        *_STEPS_OF_A_TILE,
        ("network_words", _I, 3),  # words over the networks of one array,
        ("network_returned", _I),  # and partial sums that come back over them
        *_CROSSED,
        ("tiles", _I),
        ("tile_bytes", _I, 4),  # at the port, as if each tile moved its own, as `bits`; inputs as at the first corner
        ("cycles", _I),
        ("fill_cycles", _I),  # of these, before the first tile is computed,
        ("wait_cycles", _I),  # between tiles,
        ("drain_cycles", _I),  # and after the last
        ("first_weights_bytes", _I),  # that the first tile loads
        ("executed_macs", _I),  # all, less skipped zero weights
        ("retains", _I),  # 1 where PEs keep operands in registers, 0 where these come from the networks at every MAC
    ]
)

PIPE = record_type(
    [
        ("port_free", _I),  # when the port is next free,
        ("array_free", _I),  # the array,
        ("last_end", _I),  # and when all so far is over
        ("fill_cycles", _I),  # before the first compute,
        ("wait_cycles", _I),  # and between computes
        ("load_free", _I, MAX_CHANNELS),  # when each channel is
        ("store_free", _I, MAX_CHANNELS),
        ("compute_end", _I, MAX_SLOTS),  # of the last tiles, by tile modulo the ring
        ("store_cycles", _I, MAX_SLOTS),  # port cycles of their stores, 0 for none
    ]
)

MARK = record_type(
    [
        ("first", _I),  # iterations of a DRAM loop from this one,
        ("last", _I),  # to this one, are alike
        ("at", _I),  # the iteration before which its mark was set, or -1,
        ("tile", _I),  # and the number of its first tile
    ]
)

MOVED = record_type([("read", _I, (MAX_LEVELS + 2, 3)), ("written", _I, (MAX_LEVELS + 2, 3))])
"""Words read from and written to each level on chip, by operand: memories, the array's networks, then registers."""

PRICES = record_type(
    [
        ("mac_pj", np.float64),
        ("word_pj", np.float64, (MAX_LEVELS + 2, 3)),  # a word read or written, by level and operand as in `MOVED`
        ("dram_pj_per_byte", np.float64),
        ("leakage_pj_per_cycle", np.float64),
        ("least_words_pj", np.float64, 2),  # of each word going each way once; without and with words in registers
    ]
)


class Case(NamedTuple):
    """A layer with a mapping on a machine, and what its actions cost."""

    machine: Record
    port: Record
    layer: Record
    prices: Record
    mapping: Record


class Marks(NamedTuple):
    """How things stood before an iteration of each DRAM loop [8]: `MARK`, `PIPE`, `CROSSED`."""

    states: Records
    pipes: Records
    crossed: Records


WORK = record_type([("left", _I)])  # tiles that may still be played, or looked at by a search
UNLIMITED = 1 << 62


class Scratch(NamedTuple):
    """What an evaluation writes into; one a thread. `variants` is an array of `MAX_VARIANTS` records."""

    reuse: Record
    blocks: Record  # of all PEs
    lead: Record  # of the most-loaded PE
    tiles: Record
    pipe: Record
    variants: Records
    spare: Record  # a variant
    totals: Record
    moved: Record
    marks: Marks
    work: Record


class Best(NamedTuple):
    """The best mapping so far and its keys, see `simulator.cost.objectives`."""

    mapping: Record
    keys: Floats
