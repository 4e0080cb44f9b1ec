"""SCALE-Sim: cycles and SRAM accesses of its layers under its three dataflows, on arrays of any size."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from analysis.drive.accuracy.anchor import Anchor, Row
from analysis.drive.accuracy.bounds import EQUAL
from analysis.drive.accuracy.figures import published
from analysis.drive.accuracy.machines import resized
from simulator import simulate
from simulator.network.ir import Layer, Network, Op
from simulator.result.run import LayerResult

MACHINE = "scalesim_32x32"
DATAFLOWS = {
    "is": "input_stationary_lowered",
    "os": "output_stationary_lowered",
    "ws": "weight_stationary_lowered",
}
Figures = Mapping[str, str]


def rows() -> Iterator[Row]:
    """Yield the number of each layer's last cycle, then its SRAM accesses.

    Layers of one array and dataflow are simulated together.
    """
    groups: dict[tuple[str, int, int], list[Figures]] = defaultdict(list)
    for row in published("scalesim"):
        groups[row["dataflow"], int(row["rows"]), int(row["cols"])].append(row)
    for (dataflow, height, width), members in sorted(groups.items()):
        network = network_of(members)
        run = simulate(resized(MACHINE, height, width), network, dataflow=DATAFLOWS[dataflow])
        for row, layer in zip(members, run.layers, strict=True):
            name = f"{row['topology']} {row['layer']}"
            part = f"{dataflow} on {height}x{width}"
            yield Row(name, int(row["total_cycles"]), layer.cycles - 1, EQUAL, "cycles", part)
            yield from accesses(row, layer, name, part)


def accesses(row: Figures, layer: LayerResult, name: str, part: str) -> Iterator[Row]:
    """Yield the words that the array takes of each operand's SRAM, and writes of outputs.

    Under output stationary SCALE-Sim lists a write for each row and column in every fold on top of the outputs, though
    nothing leaves the array then; those are left out.
    """
    sram, idle = layer.traffic["buffer"], 0
    if row["dataflow"] == "os":
        height, width = int(row["rows"]), int(row["cols"])
        folds = -(-int(row["gemm_M"]) // height) * -(-int(row["gemm_N"]) // width)
        idle = folds * (height + width)
    for column, published_words, ours in (
        ("ifmap reads", int(row["sram_ifmap_reads"]), sram["inputs"].read_bytes),
        ("filter reads", int(row["sram_filter_reads"]), sram["weights"].read_bytes),
        ("ofmap writes", int(row["sram_ofmap_writes"]) - idle, sram["outputs"].write_bytes),
    ):
        yield Row(name, published_words, ours, EQUAL, "words", f"{part}: {column}")


def network_of(members: Sequence[Figures]) -> Network:
    """Return layers that stand for themselves, each with an input of its own."""
    layers = tuple(product(i, row) if row["input_type"] == "gemm" else conv(i, row) for i, row in enumerate(members))
    inputs = {layer.inputs[0]: layer.input_shapes[0] for layer in layers}
    return Network("scalesim", inputs, layers, tuple(layer.name for layer in layers))


def conv(number: int, row: Figures) -> Layer:
    """Return a convolution over the map as it is; a window that hangs over its edge counts, as SCALE-Sim rounds up."""
    height, width, tall, wide = (int(row[key]) for key in ("ifmap_h", "ifmap_w", "filt_h", "filt_w"))
    down, across = int(row["stride_h"]), int(row["stride_w"])
    pixels = -(-(height - tall) // down) + 1, -(-(width - wide) // across) + 1
    hanging = (pixels[0] - 1) * down + tall - height, (pixels[1] - 1) * across + wide - width
    shape = (1, int(row["channels"]), height, width)
    made = (1, int(row["num_filters"]), *pixels)
    name = f"layer{number}"
    return Layer(
        name,
        Op.CONV,
        (f"{name}_input",),
        (shape,),
        made,
        (tall, wide),
        (down, across),
        (0, 0, max(0, hanging[0]), max(0, hanging[1])),
    )


def product(number: int, row: Figures) -> Layer:
    """Return a product of M x K by K x N: M positions of K inputs and N filters."""
    m, n, k = (int(row[f"gemm_{letter}"]) for letter in "MNK")
    name = f"layer{number}"
    return Layer(name, Op.LINEAR, (f"{name}_input",), ((1, k, m, 1),), (1, n, m, 1))


ANCHOR = Anchor(
    name="scalesim",
    title="SCALE-Sim, three dataflows, arrays of 8x8 to 128x128",
    source="SCALE-Sim (Samajdar et al., ISPASS 2020), main branch of August 2025, run on its topologies",
    machines=(MACHINE,),
    rows=rows,
    remarks=(
        "SCALE-Sim reports the number of the last cycle, counted from 0; so does this table.",
        "SRAM accesses are words of one byte at the edge of the array. What passes through a systolic array comes "
        "again in every fold, whichever loops run.",
        "Under output stationary SCALE-Sim lists rows + columns writes a fold in which nothing leaves the array: they "
        "are taken off its figure.",
        "A depthwise layer of its topologies is one channel and one filter, once; imported by name, ours costs all "
        "groups.",
    ),
)
