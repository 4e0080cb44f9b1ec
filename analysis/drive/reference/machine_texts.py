"""What each field of a machine's file means; units are those of its values."""

from collections.abc import Mapping

from pydantic import BaseModel

from simulator.hardware import schema, schema_array, schema_layers
from simulator.hardware.layout import Layout

Texts = Mapping[type[BaseModel], Mapping[str, str]]
NETWORK = (
    "How words reach PEs: multicast (a word serves all that need it at once), systolic (handed on from PE to PE) or "
    "unicast (each PE by itself)."
)
WORDS = "Words a cycle that the network carries; `edge` is one for each row or column, whichever are more."
PRELOAD = (
    "What of filling registers is seen: hidden (behind the pass before), exposed (the array waits) or double_buffered "
    "(hidden behind the step before)."
)

MACHINE: Texts = {
    schema.Machine: {
        "name": "The machine's name, as tables and runs show it.",
        "source": "Where its figures are from: papers, manuals, measurements.",
        "clock": "Clock of array, memories and vector unit.",
        "precision_bits": "Widths of words, in bits.",
        "array": "The array of processing elements (PEs).",
        "buffers": "Memories on the chip, outermost first; each of inputs, weights and outputs lies in one of a level.",
        "dma": "Engines that move tiles between DRAM and buffers.",
        "dram": "The DRAM port.",
        "vector": "The unit of all that is no MAC: pools, additions, activations, norms.",
        "fuses": "Kinds of op that may be applied to another op's outputs on their way out, at no cost of their own.",
        "folds": "Kinds of op that cost nothing: addressing does them, or published figures leave them out.",
        "layers": "How one layer follows another, and what stays on the chip between them.",
        "dataflows": "Dataflows that it can run, each a bundled name, a file beside this one, or written here.",
        "cores": "So many of all that stands here but DRAM, whose bandwidth they share.",
        "host_time": "What driver and copies of the host add to every run.",
        "objective": "What mappings minimize unless a command says otherwise, as the machine's compiler does.",
        "process": "Node and voltage, for energy tables of circuits.",
        "energy": "Prices of actions or circuits: a bundled table's name, a file beside this one, or the table.",
    },
    schema.Precision: {
        "inputs": "Bits of an input word.",
        "weights": "Bits of a weight word.",
        "outputs": "Bits of an output word, as it is stored.",
        "partial_sums": "Bits of a partial sum; 32 where inputs and weights have at most 8, else as outputs.",
    },
    schema.Buffer: {
        "name": "The memory's name, by which levels of a mapping and `below` mean it.",
        "below": "The memory that fills this one; none is above an outermost memory, which DRAM fills.",
        "in_pe": "Whether every PE has one of these.",
        "holds": "Operands that lie in it; others pass it by.",
        "capacity": "Bytes of it, both slots of a double buffer included; of each, where every PE has one.",
        "tiles": "Bytes that tiles may take at most; the rest is for tensors that are there whole.",
        "banks": "Banks it consists of, which tables of circuits price; conflicts between them are not modelled.",
        "read_bytes_per_cycle": "Bytes that all its banks together give a cycle; without it, it never limits.",
        "write_bytes_per_cycle": "Bytes that all its banks together take a cycle; without it, it never limits.",
        "double_buffered": "Whether the next tile is loaded while one is used; usual outside PEs, and not inside.",
        "streams": "Operands that are replaced as they are used up, and so need no second slot.",
    },
    schema.Dma: {
        "channels": "Transfers under way at a time, in either direction.",
        "whole_rows": "Whether rows are loaded whole that a stride would skip parts of.",
        "padding": "Whether padding is added on the chip, or lies in DRAM and is moved.",
        "reuse": "Whether a tile keeps what the tile before had of its inputs and weights, or loads everything.",
        "halo": "Whether tiles that follow one another keep the rows or columns that they share.",
        "outstanding": "Bursts that may be on their way at a time; without it, they never limit the bandwidth.",
        "descriptor_cycles": "Cycles that an engine takes for each descriptor, while it moves the one before.",
        "descriptor_dimensions": "Dimensions of a descriptor: with more than one it repeats runs at equal distances.",
    },
    schema.RunLength: {
        "operands": "Operands that are coded so in DRAM.",
        "longest_run": "Most zeros that one code can stand for.",
        "run_bits": "Bits of the number of zeros.",
    },
    schema.Winograd: {
        "outputs": "Outputs of a tile, along either side.",
        "taps": "Filter taps, along either side.",
    },
    schema.Compression: {
        "run_length": "Run-length coding of zeros.",
        "winograd_weights": "Square filters of so many taps and stride 1 lie in DRAM transformed.",
    },
    schema.Dram: {
        "type": "Kind of DRAM, which tables of circuits price a bit of.",
        "bandwidth": "Bytes a second at the port, or `unlimited`, where memory takes no time.",
        "weights_bandwidth": "Bytes a second of weights, where they come from a slower memory such as flash.",
        "latency_cycles": "Cycles of the machine from a request to its data.",
        "latency": "Time from a request to its data, in place of `latency_cycles`.",
        "efficiency": "Share of the bandwidth that is reached: refresh, row misses, turning the bus round.",
        "streams": "Of several cores, how many have the bandwidth at a time.",
        "page_policy": "`open`: timelines play banks and rows of the `type`, left open, in place of the efficiency.",
        "burst": "Bytes of a burst; a contiguous run of addresses takes the bursts that it touches.",
        "layout": "How tensors lie in DRAM.",
        "compression": "Coding of what travels to and from DRAM.",
    },
    schema.Vector: {
        "lanes": "Elements a cycle.",
        "on_array": "Kinds of op that PEs run in its place, an operation a PE and cycle.",
        "epilogue": "What it does to each output of the array on its way out: bias, scale, clip.",
        "depthwise": "An engine beside the array that runs depthwise layers behind it.",
    },
    schema.DepthwiseEngine: {
        "channels": "Channels of which it takes a tap a cycle.",
        "pixels": "Pixels of a row, likewise.",
    },
    schema.Epilogue: {
        "operations": "Operations on each output.",
        "array": "Whether the array runs beside it or waits, as where both share a memory.",
    },
    schema_layers.Layers: {
        "order": "serial, prefetch_weights (the next layer's first weights come meanwhile) or overlapped.",
        "keep_activations": "Whether outputs stay in the buffer, where that saves DRAM bytes and there is room.",
        "stacks": "With depth_first, ops may run in stacks, strip by strip, where activations are kept; else none.",
        "strip_overlap": "Rows that two strips share: kept in line buffers, recomputed by each, or either.",
        "across_cores": "What several cores do: split each op, pipelined ops, frames of their own, or either.",
        "keep_weights": "Bytes of weights that stay on chip from run to run, op after op.",
        "configuration_cycles": "Cycles that a layer of the array waits until the array is set up for it.",
        "launch": "What every op that runs on its own waits, until it is decoded and started.",
    },
    schema.Process: {
        "node": "Process node; the table's unless given.",
        "voltage": "Supply voltage; the node's usual one unless given.",
    },
    Layout: {
        "activations": "Order of the axes of maps, outermost first, or `tiled`: each tile in one piece.",
        "atom_channels": "Channels that lie together and move as one word; the last ones are filled up.",
        "weights": "Order of the axes of filters, outermost first, or `tiled`: each tile in one piece.",
    },
    schema_array.Array: {
        "rows": "PEs along a column.",
        "columns": "PEs along a row.",
        "macs_per_cycle": "MACs of one PE a cycle: lanes, at the machine's one precision.",
        "step_cycles": "Cycles that a step of the array takes at least, however few MACs are in it.",
        "tile_setup_cycles": "Cycles that the array waits before each tile of the outermost memory.",
        "instances": "Arrays under the same memories.",
        "registers_words": "Words that one PE keeps of each operand.",
        "delivery": "The networks between buffer and PEs, one for each operand.",
        "skewed": "Whether operands move through the array as a wave front that fills and drains.",
        "skew_over": "Whether the wave front crosses the whole array, or the rows and columns that are used.",
        "zero": "What the machine makes of zeros among weights and inputs.",
    },
    schema_array.Registers: {
        "inputs": "Input words of one PE.",
        "weights": "Weight words of one PE.",
        "outputs": "Partial sums of one PE.",
    },
    schema_array.Deliveries: {
        "inputs": "The network that brings inputs.",
        "weights": "The network that brings weights.",
        "outputs": "The network of partial sums and outputs.",
    },
    schema_array.InputDelivery: {
        "network": NETWORK,
        "words_per_cycle": WORDS,
        "preload": PRELOAD,
        "forwarding": "Whether neighbours hand on what the array already holds, so that it is read once.",
        "windows": "Whether windows that overlap are read together (joined) or each by itself (apart).",
    },
    schema_array.WeightDelivery: {"network": NETWORK, "words_per_cycle": WORDS, "preload": PRELOAD},
    schema_array.OutputDelivery: {
        "network": NETWORK,
        "words_per_cycle": WORDS,
        "directions": "Whether sums go in and out at the same time (concurrent) or one at a time (shared).",
        "reduce_along": "Along which axis of the array partial sums of PEs are added up.",
        "initial_sums": "Whether partial sums are read from the buffer the first time too, as zeros or biases.",
    },
    schema_array.ZeroWeights: {
        "fraction": "Share of zero weights.",
        "skip_window": "Weights in a row that the front end inspects a cycle; 1 skips none.",
    },
    schema_array.ZeroInputs: {
        "fraction": "Share of zeros among inputs, where a layer does not say it.",
        "gate": "Whether a zero input stops the MAC, which saves its energy and not its cycle.",
    },
    schema_array.Zero: {
        "weights": "Zero weights, and how many are skipped.",
        "inputs": "Zero inputs, and whether they gate.",
        "skipped_in_pes": "Operands that PEs hold compressed: each leaves out products with their zeros, at best.",
    },
}
