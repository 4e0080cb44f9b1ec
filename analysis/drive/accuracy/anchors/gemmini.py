"""Gemmini: cycles of its register-transfer model under FireSim, mapping by mapping."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median, quantiles

from analysis.drive.accuracy.anchor import Anchor, Missing, Row
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
    yield Row("median deviation", None, 100 * median(off), at_most(10), "%", "all", counts=False)
    yield Row(
        "ninetieth percentile",
        None,
        100 * quantiles(off, n=10, method="inclusive")[-1],
        at_most(30),
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
    k, c, r, s, stride = (int(row[key]) for key in ("K", "C", "R", "S", "stride"))
    p, q = positions(row)
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


def positions(row: Figures) -> tuple[int, int]:
    """Output rows and columns; an instruction streams positions of one row, for a product any of them."""
    p, q = int(row["P"]), int(row["Q"])
    return (1, p) if q == 1 else (p, q)


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
    product = int(row["Q"]) == 1
    levels: dict[str, Factors] = {}
    for part in row["mapping"].split(" - "):
        level, *loops = part.split()
        found = [match for match in map(re.compile(r"([NKCPQRS])(\d+)(X?)").fullmatch, loops) if match]
        named = [("Q" if product and match[1] == "P" else match[1], int(match[2]), bool(match[3])) for match in found]
        levels[level[:2]] = [(Dim[name], factor, spatial) for name, factor, spatial in named]
    return levels


ANCHOR = Anchor(
    name="gemmini",
    title="Gemmini, 16x16, weight stationary: 81 layers of BERT and U-Net",
    source="FireSim cycles published with DOSA (Hong et al., MICRO 2023), github.com/ucb-bar/dosa",
    machines=(MACHINE,),
    rows=rows,
    machines_are="systolic (Gemmini, TPU)",
    missing=(
        Missing(
            "Six rows take 1.8 to 2.5 times our cycles (512 to 256 at 28x28, 2048 to 256 with stride 2): an "
            "instruction there takes about 15 cycles longer than its rows, and no parameter of the machine says why. "
            "Six more take 1.2 to 1.6 times (256 to 720 at 4x4 and 2x2): they wait for weights, which an instruction "
            "there moves 64 bytes of a row at a time. Of rows of 720 bytes, three such pieces of four straddle bursts; "
            "the model takes contiguous rows for one run.",
            ("all: ninetieth percentile",),
        ),
    ),
    remarks=(
        "Weights change behind a single instruction of at most 16 rows, so that narrow maps expose the rest.",
        "An instruction of one to three rows takes the cycles of four.",
        "16 requests of 64 bytes are under way at 100 cycles each: 10.24 bytes a cycle.",
        "Every tile loads both operands, as Gemmini's tiled loops do.",
    ),
)
