"""Gemmini: cycles of its register-transfer model under FireSim, mapping by mapping."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median, quantiles

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import at_most
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping as LayerMapping
from simulator.nest import Dim, Operand
from simulator.network.ir import Layer, Network, Op

MACHINE = "gemmini_16x16"
DATAFLOW = "weight_stationary_streamed"
ACCUMULATOR_BYTES = 4
LETTERS = {**Dim.__members__, "P": Dim.Q, "Q": Dim.P, "R": Dim.S, "S": Dim.R}
"""Dimensions by the letters of the data, where P is the width of an output map and R that of a filter."""
Figures = Mapping[str, str]
Factors = list[tuple[Dim, int, bool]]


def rows() -> Iterator[Row]:
    """Yield the cycles of each layer, then how far they are off in all; layers of one design run together."""
    groups: dict[tuple[str, int, int], list[Figures]] = defaultdict(list)
    for row in published("gemmini_rtl"):
        size = int(row["scratchpad_bytes"]), int(row["accumulator_words_per_column"]) * int(row["pe_columns"])
        groups[row["set"], *size].append(row)
    off = []
    for (design, scratchpad, accumulator), members in sorted(groups.items()):
        layers = tuple(layer_of(i, row) for i, row in enumerate(members))
        inputs = {layer.inputs[0]: layer.input_shapes[0] for layer in layers}
        network = Network("gemmini", inputs, layers, tuple(layer.name for layer in layers))
        mappings = {layer.name: mapping_of(layer, row) for layer, row in zip(layers, members, strict=True)}
        run = simulate(sized(scratchpad, accumulator * ACCUMULATOR_BYTES), network, mapping=mappings)
        for row, result in zip(members, run.layers, strict=True):
            name = "{network_rows} {C} to {K}, {P}x{Q}, {R}x{S}/{stride}".format(**row)
            made = Row(name, int(row["rtl_cycles"]), result.cycles, None, "cycles", f"{design} design")
            off.append(abs(made.deviation or 0.0))
            yield made
    yield Row("median deviation", None, 100 * median(off), at_most(8), "%", "all", counts=False)
    yield Row(
        "ninetieth percentile",
        None,
        100 * quantiles(off, n=10, method="inclusive")[-1],
        at_most(25),
        "%",
        "all",
        counts=False,
    )


def sized(scratchpad_bytes: int, accumulator_bytes: int) -> Hardware:
    """Return the machine with buffers for two tiles of that many bytes: the designs were sized for their networks."""
    machine = load_hardware(MACHINE)
    bytes_of = {"scratchpad": 2 * scratchpad_bytes, "accumulator": 2 * accumulator_bytes}
    buffers = tuple(replace(buffer, capacity_bytes=bytes_of[buffer.name]) for buffer in machine.buffers)
    return replace(machine, buffers=buffers)


def layer_of(number: int, row: Figures) -> Layer:
    """Return the convolution, padded to keep its map; a product's positions lie along one row of a map."""
    k, c, p, q, r, s, stride = (int(row[key]) for key in ("K", "C", "Q", "P", "S", "R", "stride"))
    pad = (r - 1) // 2, (s - 1) // 2
    size = ((p - 1) * stride + r - 2 * pad[0], (q - 1) * stride + s - 2 * pad[1])
    return Layer(
        f"layer{number}",
        Op.CONV,
        (f"input{number}",),
        ((1, c, *size),),
        (1, k, p, q),
        (r, s),
        (stride, stride),
        (pad[0], pad[1], pad[0], pad[1]),
    )


def mapping_of(layer: Layer, row: Figures) -> LayerMapping:
    """Return the row's mapping: what L2, L1 and L0 cover is a tile, X marks PEs, L3 holds the loops over tiles.

    L3's loops that reduce go innermost, as the accumulator keeps an output tile until it is complete.
    """
    levels = factors(row)
    tile, rows_, columns, registers = ([1] * 8 for _ in range(4))
    for dim, factor, spatial in [*levels["L2"], *levels["L1"], *levels["L0"]]:
        tile[dim] *= factor
        if spatial:
            (rows_ if dim is Dim.C else columns)[dim] *= factor
    registers[Dim.Q] = min(tile[Dim.Q], load_hardware(MACHINE).array.registers_words[Operand.OUTPUTS])
    outer = dict.fromkeys(dim for dim, factor, _ in levels["L3"] if factor > 1)
    order = sorted(outer, key=lambda dim: dim in (Dim.C, Dim.R, Dim.S))
    steps = (Dim.K, Dim.C, Dim.R, Dim.S, Dim.P, Dim.Q)
    shape = (tuple(rows_), tuple(columns), tuple(registers), (Dim.Q,))
    return LayerMapping(DATAFLOW, tuple(tile), tuple(order), steps, *shape, stationary=Operand.WEIGHTS)


def factors(row: Figures) -> dict[str, Factors]:
    """Read the loops of each level: `L1[O] C4 P8 C16X` is four of C, eight of P, and sixteen of C over PEs."""
    levels: dict[str, Factors] = {}
    for part in row["mapping"].split(" - "):
        level, *loops = part.split()
        found = [match for match in map(re.compile(r"([NKCPQRS])(\d+)(X?)").fullmatch, loops) if match]
        levels[level[:2]] = [(LETTERS[match[1]], int(match[2]), bool(match[3])) for match in found]
    return levels


ANCHOR = Anchor(
    name="gemmini",
    title="Gemmini, 16x16, weight stationary: 81 layers of BERT and U-Net",
    source="FireSim cycles published with DOSA (Hong et al., MICRO 2023), github.com/ucb-bar/dosa",
    machines=(MACHINE,),
    rows=rows,
    machines_are="systolic (Gemmini, TPU)",
    remarks=(
        "In the data P is the width of an output map and Q its height, R and S likewise. An instruction streams at "
        "most 16 positions of one row.",
        "Weights change behind a single instruction, so that narrow maps expose the rest of their 16 cycles.",
        "An instruction of one to seven positions takes the cycles of eight.",
        "16 requests of 64 bytes are under way at 100 cycles each: 10.24 bytes a cycle.",
        "Every tile loads both operands, as Gemmini's tiled loops do.",
        "2048 to 256 with stride 2 takes twice our cycles, about what loads and products take one after the other; why "
        "its tiles do not overlap as others do is not known. 256 to 720 at 2x2 waits for weights, which an instruction "
        "moves 64 bytes of a row at a time: of rows of 720 bytes three such pieces of four straddle bursts, and the "
        "model takes contiguous rows for one run. Where a layer is one tile, as 256 to 256 with 1x1 is, products begin "
        "on its first blocks; the model waits for the tile.",
    ),
)
