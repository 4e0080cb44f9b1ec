"""nn-dataflow: words that its row-stationary schemes move at every level, and their cycles, scheme by scheme."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import EQUAL
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping as LayerMapping
from simulator.mapping.text import order_of, spread
from simulator.nest import OPERAND_NAMES, Dim
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult

MACHINE = "eyeriss_isca16"
DATAFLOW = "row_stationary"
WORD_BYTES = 2
ROW_WORDS = 1 << 16
"""Room for rows in a PE: more than any scheme takes."""
REUSE = {"inputs": Dim.K, "weights": Dim.N, "outputs": Dim.C}
"""Of the three loops of the schemes, the one that does not index an operand."""
Figures = Mapping[str, str]


def rows() -> Iterator[Row]:
    """Yield the words moved for each operand, level by level, then register accesses and cycles."""
    for row, layer in replayed():
        for level, moved in words_moved(layer, row).items():
            for operand, words in moved.items():
                if coincides(row, level, operand):
                    figure = int(row[f"{level}_{operand}"])
                    yield Row(f"{layer.name}: {operand}", figure, words, EQUAL, "words", level)
        yield Row(layer.name, int(row["register_accesses"]), register_accesses(layer), EQUAL, "words", "registers")
        yield Row(layer.name, int(row["cycles"]), layer.cycle_parts["compute"], EQUAL, "cycles", "MACs")


def replayed() -> Iterator[tuple[Figures, LayerResult]]:
    """Yield each scheme with what its mapping makes of the layer."""
    schemes = published("nn_dataflow")
    layers = tuple(layer_of(row) for row in schemes)
    inputs = {layer.inputs[0]: layer.input_shapes[0] for layer in layers}
    network = Network("nn_dataflow", inputs, layers, tuple(layer.name for layer in layers))
    mappings = {layer.name: mapping_of(layer, row) for layer, row in zip(layers, schemes, strict=True)}
    yield from zip(schemes, simulate(roomy(), network, mapping=mappings).layers, strict=True)


def roomy() -> Hardware:
    """Return the machine with space for whole rows in its PEs; see the anchor's remarks."""
    machine = load_hardware(MACHINE)
    return replace(machine, array=replace(machine.array, registers_words=(ROW_WORDS,) * 3))


def layer_of(row: Figures) -> Layer:
    """Return the convolution over its padded map."""
    n, c, k, p, q, r, s, stride = (int(row[key]) for key in ("N", "C", "K", "P", "Q", "R", "S", "stride"))
    name = f"{row['network']} {row['layer']}, {row['scheme']}"
    shape = (n, c, (p - 1) * stride + r, (q - 1) * stride + s)
    return Layer(name, Op.CONV, (f"{name}, inputs",), (shape,), (n, k, p, q), (r, s), (stride, stride))


def mapping_of(layer: Layer, row: Figures) -> LayerMapping:
    """Return a scheme as a mapping: the loops of `gbuf` and `regf` lie in a tile, a PE takes a row at each step.

    Its loop over images runs over their strips of output rows as well, which are tiles of their own here.
    """
    assert layer.nest is not None
    bounds = layer.nest.bounds
    pes, columns, inside, outside = (spread(row[key].split()) for key in ("rows", "columns", "regf", "gbuf"))
    tile, registers = list(bounds), list(inside)
    for dim in (Dim.N, Dim.K, Dim.C):
        tile[dim] = min(bounds[dim], outside[dim] * inside[dim] * pes[dim] * columns[dim])
    tile[Dim.P] = -(-bounds[Dim.P] // int(row["strips"]))
    registers[Dim.Q], registers[Dim.S] = bounds[Dim.Q], bounds[Dim.S]
    dram = [dim for loop in order_of(row["dram"].split()) for dim in ((Dim.N, Dim.P) if loop is Dim.N else (loop,))]
    return LayerMapping(
        dataflow=DATAFLOW,
        tile=tuple(tile),
        dram_order=tuple(dram),
        buffer_order=order_of(row["gbuf"].split()),
        rows=pes,
        columns=columns,
        registers=tuple(registers),
        registers_order=(Dim.N, Dim.K, Dim.C, Dim.S, Dim.Q),
    )


def words_moved(layer: LayerResult, row: Figures) -> dict[str, dict[str, int]]:
    """Return the words of each operand at each level, as nn-dataflow counts them.

    - The buffer's are those that the array reads and writes; what DRAM fills and takes are DRAM's alone.
    - In the array each word is counted once a PE that takes it, but of sets of PEs that take the same inputs, or add
      to the same sums, only those of one.
    - Each PE of a set hands its sums on, and takes in as many, except where they begin.
    """
    dram, buffer, array = (layer.traffic[level] for level in ("dram", "buffer", "array"))
    moved = {
        "dram": {name: dram[name].total_bytes for name in OPERAND_NAMES},
        "buffer": {
            "inputs": buffer["inputs"].read_bytes,
            "weights": buffer["weights"].read_bytes,
            "outputs": buffer["outputs"].write_bytes - dram["outputs"].read_bytes + array["outputs"].read_bytes,
        },
        "array": {
            "inputs": array["inputs"].read_bytes // sets(row, Dim.K),
            "weights": array["weights"].read_bytes,
            "outputs": 2 * array["outputs"].write_bytes // sets(row, Dim.C) - int(row["R"]) * outputs_bytes(row),
        },
    }
    return {level: {name: size // WORD_BYTES for name, size in sizes.items()} for level, sizes in moved.items()}


def register_accesses(layer: LayerResult) -> int:
    """Return the words that MACs read from registers and the sums that they write; filling these is left out."""
    registers = layer.traffic["rf"]
    return (sum(moved.read_bytes for moved in registers.values()) + registers["outputs"].write_bytes) // WORD_BYTES


def outputs_bytes(row: Figures) -> int:
    """Return the size of all outputs."""
    return int(row["N"]) * int(row["K"]) * int(row["P"]) * int(row["Q"]) * WORD_BYTES


def sets(row: Figures, dim: Dim) -> int:
    """Return over how many sets of PEs a dimension is spread."""
    return spread(row["rows"].split())[dim] * spread(row["columns"].split())[dim]


def coincides(row: Figures, level: str, operand: str) -> bool:
    """Tell whether both count the same thing; see the anchor's remarks."""
    if level == "dram":
        return True
    if is_held(row, operand) or (operand == "inputs" and int(row["stride"]) > int(row["S"])):
        return False
    if level == "buffer":
        return True
    shared = {"inputs": Dim.K, "outputs": Dim.C}.get(operand)
    whole = shared is None or int(row[shared.name]) % sets(row, shared) == 0
    return whole and int(row["P"]) % int(row["strips"]) == 0


def is_held(row: Figures, operand: str) -> bool:
    """Tell whether a scheme keeps an operand in registers from one tile to the next.

    It is if no loop over the operand iterates inside a tile, and the innermost one over tiles reuses it.
    """
    dram, inside = order_of(row["dram"].split()), order_of(row["gbuf"].split())
    return dram[-1:] == (REUSE[operand],) and set(inside) <= {REUSE[operand]}


ANCHOR = Anchor(
    name="nn_dataflow",
    title="nn-dataflow, row stationary on 16x16 PEs: 45 schemes of 15 layers",
    source="nn_dataflow 2.1 from the package index (Gao et al., TETRIS, ASPLOS 2017, and TANGRAM, ASPLOS 2019), run on "
    "the machine of its test_eyeriss_isca16: LoopBlockingScheme.get_access() and time of schemes by MapStrategyEyeriss "
    "and loop_blocking.gen_loopblocking, as written at the top of the CSV file",
    machines=(MACHINE,),
    rows=rows,
    remarks=(
        "Of each layer: the scheme that nn-dataflow itself finds cheapest, and those at a third and two thirds of all "
        "valid ones in order of its cost. Strips of output rows, which it counts as images, are tiles here.",
        "nn-dataflow charges a PE for a window of a row and one sum, while its counts keep whole rows in the PE where "
        "the loop around reuses them. There is space for rows here: words are compared, not sizes of registers.",
        "Where no loop inside a tile changes an operand and the innermost loop over tiles reuses it, nn-dataflow keeps "
        "it in registers from tile to tile; here each tile takes it from the buffer. Where a stride skips columns, it "
        "counts them in the buffer and the array, while here they are read from DRAM alone. Those rows are left out.",
        "In the array, nn-dataflow rounds partial strips and partial sets of PEs up; rows are shown where these are "
        "whole. Its networks and its DRAM take no time, so that its cycles are those of the MACs.",
    ),
)
