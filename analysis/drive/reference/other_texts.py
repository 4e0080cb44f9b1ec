"""What each field of dataflows, mappings, energy tables, networks and plans means."""

from analysis.drive.reference.machine_texts import Texts
from analysis.drive.sweep.schema import WrittenPlan, WrittenSamples, WrittenSearch
from simulator.energy import schema as energy
from simulator.energy import schema_circuits as circuits
from simulator.mapping import schema as mapping
from workloads.importers.layer_schema import LayerList, Row

PJ = "Picojoules, or what a relative table counts in, "
LOOPS = ", each a dimension and its bound, as K16, outermost first."
NAMED = "The table's name."
FROM = "Where its figures are from."
GATED = "Share of a MAC's energy that a gated one takes."

MAPPING: Texts = {
    mapping.WrittenDataflow: {
        "name": "The dataflow's name; tables shorten it to its initials.",
        "source": "Where it is described.",
        "rows": "Loop dimensions (N G K C P Q R S) unrolled over the array's rows, the first as far as it goes.",
        "columns": "Loop dimensions unrolled over the array's columns.",
        "arrays": "Loop dimensions split over several arrays, where the machine has them.",
        "registers": "Loop dimensions that run inside a PE, innermost first.",
        "stationary": "The operand that stays in the registers while steps go on.",
        "lowered": "Whether the array sees a matrix product in place of a convolution (im2col).",
        "channel_packing": "Whether lanes over input channels take the taps that a stride groups.",
        "untiled": "Dimensions that no tile cuts.",
        "one_step_a_tile": "Dimensions of which a tile holds what the array covers at once.",
        "greedy": "Dimensions that take all the PEs they can before others share what is left.",
        "order": "Order of the loops over steps, innermost first; follows from what is stationary unless given.",
    },
    mapping.WrittenMapping: {
        "dataflow": "The dataflow whose mapping it is.",
        "dram": f"Loops over tiles{LOOPS} A bound after a colon is a tile's extent: K3:16.",
        "buffer": f"Loops over steps of the array in a tile{LOOPS}",
        "levels": "Loops inside each memory level by its name, in place of `buffer`, on machines of several levels.",
        "arrays": "Loops split over several arrays.",
        "rows": "Loops unrolled over the array's rows.",
        "columns": "Loops unrolled over the array's columns.",
        "registers": f"Loops inside a PE{LOOPS}",
        "lowered": "Whether the array sees a matrix product.",
        "retains": "Whether a tile keeps what the tile before had.",
        "channel_packing": "Whether lanes take the taps that a stride groups.",
        "stationary": "The operand that stays in the registers; the dataflow's unless given.",
    },
    mapping.WrittenMappings: {"layers": "The mapping of each layer, by its name."},
}
ENERGY: Texts = {
    energy.Access: {"energy": f"{PJ}of one access.", "bits": "Bits that one access moves."},
    energy.BufferAccess: {
        "capacity": "Capacity of the memory.",
        "energy": f"{PJ}of one access.",
        "bits": "Bits that one access moves.",
    },
    energy.Registers: {
        "inputs": "Registers of inputs.",
        "weights": "Registers of weights.",
        "outputs": "Registers of partial sums.",
    },
    energy.Table: {
        "name": NAMED,
        "source": FROM,
        "unit": "pJ, or what a relative table counts in, as MAC.",
        "mac_picojoules": "Picojoules of a MAC, where the table is relative.",
        "mac": f"{PJ}of a MAC.",
        "gated_mac_fraction": GATED,
        "rf": "Registers of a PE.",
        "array": "The array's networks.",
        "buffer": "Memories on the chip, by growing capacity; between them prices are interpolated.",
        "dram": "DRAM.",
        "vector_op": f"{PJ}of an operation of the vector unit.",
        "leakage_per_cycle": f"{PJ}that the chip leaks a cycle.",
    },
    circuits.Arithmetic: {"bits": "Width of the operands.", "energy": "Picojoules of one operation.", "area": "um2."},
    circuits.RegisterFile: {
        "capacity": "Capacity of the registers.",
        "energy": "Picojoules of one access.",
        "bits": "Bits that one access moves.",
        "area": "um2 of a bit.",
    },
    circuits.Bank: {
        "capacity": "Capacity of the bank.",
        "energy": "Picojoules of one access.",
        "bits": "Bits that one access moves.",
    },
    circuits.Cell: {"node": "Process node.", "area": "um2 of the cell of one bit."},
    circuits.WrittenNode: {
        "node": "Process node.",
        "voltage": "Its usual voltage.",
        "area": "Area of a circuit, relative to other nodes.",
        "energy": "a, b and c of a V^2 + b V + c: energy by voltage, relative to other nodes.",
    },
    circuits.Sram: {
        "banks": "Energy of an access by the capacity of a bank.",
        "cell": "Area of a cell by node.",
        "cells": "Share of a memory's area that its cells take.",
    },
    circuits.WrittenCircuits: {
        "name": NAMED,
        "source": FROM,
        "node": "Process node of the energies and areas.",
        "voltage": "Voltage of the energies.",
        "gated_mac_fraction": GATED,
        "multiplier": "Multipliers by width.",
        "adder": "Adders by width.",
        "registers": "Registers by capacity.",
        "sram": "Memories on the chip.",
        "pe_share": "Share of a PE's area that arithmetic and registers take.",
        "wire_per_mm": "Picojoules of moving a bit over a millimetre.",
        "clock_per_mm2": "Picojoules of the clock a cycle and mm2.",
        "leakage_mw_per_mm2": "Milliwatts that leak, a mm2.",
        "dram_per_bit": "Picojoules of a bit of DRAM, by its type.",
        "nodes": "Nodes to which energies and areas are scaled.",
    },
}
NETWORK: Texts = {
    LayerList: {
        "name": "The network's name; the file's unless given.",
        "inputs": "Shape of each input: [channels, height, width], or four numbers with the batch first.",
        "layers": "Layers in order: each reads the one above it unless it says `inputs`.",
        "outputs": "Layers whose results leave; what no layer reads unless given.",
        "facts": "What is known of the network, such as its published accuracy, as text.",
    },
    Row: {
        "op": "Kind of op: conv, depthwise, linear, matmul, max_pool, avg_pool, global_pool, add, concat, ...",
        "name": "Its name; needed only if others refer to it.",
        "inputs": "Layers or inputs that it reads; the layer above unless given.",
        "filters": "Output channels.",
        "kernel": "Size of the window: one number or [vertical, horizontal].",
        "stride": "Distance of windows: one number or [vertical, horizontal].",
        "padding": "One number, [vertical, horizontal], [top, left, bottom, right], `same` or `half`.",
        "dilation": "Distance of taps: one number or [vertical, horizontal].",
        "groups": "Groups of channels that are convolved apart.",
        "bias": "Whether each filter has a bias.",
        "activation": "Activation behind it, as relu; its name then stands for what the activation makes.",
        "ceil": "Of a pool: whether a last window that is not whole counts.",
        "size": "Factor of an upsampling, or elements that a norm or lrn takes together.",
        "channels": "Of a split or gather: how many, or [start, stop].",
        "shape": "Of a reshape: [channels, height, width], one of them -1.",
        "axis": "Of a concat: 0 batch, 1 channels, 2 rows, 3 columns.",
        "output": "Shape of what it makes, checked where it follows and taken where it does not.",
        "variant": "Which activation, norm, pool or upsampling it is.",
        "stage": "Stage under which it is reported; that of the layer before unless given.",
        "zero_inputs_fraction": "Measured share of zeros among its inputs.",
        "zero_weights_fraction": "Measured share of zeros among its weights.",
        "zero_outputs_fraction": "Measured share of zeros among its outputs.",
        "zero_columns": "Whether zero weights are whole channels of a filter.",
        "constant_elements": "Elements of operands beside its inputs, which lie in DRAM as weights do.",
    },
}
PLAN: Texts = {
    WrittenPlan: {
        "machines": "Machines to simulate on: bundled names, or files beside this one.",
        "networks": "Networks to simulate: specs as of --net, or files beside this one.",
        "axes": (
            "Values of each axis: a path into the machine's file (array.rows), net.PARAMETER, batch, dataflow or "
            "objective; paths that go together stand in one key, with a list of values each."
        ),
        "samples": "Some of the combinations instead of all of them.",
        "derived": "Columns worked out of others, by name: arithmetic such as frames_per_second / area_mm2.",
        "constraints": "What a point must keep to, such as area <= 4 mm2 or params <= 1.3 M; others are left out.",
        "accuracy": "Where top-1 comes from: csv, a file beside this one; command or function, run if a user says so.",
        "search": "What `simulate search` looks for among the combinations; a sweep takes no notice.",
    },
    WrittenSamples: {
        "method": "How samples are spread over the axes.",
        "points": "How many.",
        "seed": "Equal seeds give equal samples.",
    },
    WrittenSearch: {
        "objectives": "One to six columns, each to be as small as it can be, or as large where more is better.",
        "sampler": "What proposes the next trials: a genetic algorithm of several objectives, TPE, or chance.",
        "trials": "How many points are tried.",
        "population": "Of a generation, where the sampler is a genetic algorithm.",
        "seed": "Equal seeds give equal searches.",
    },
}
