"""What the tiles of an op move of which tensor, and how these lie off chip: for timelines of banks and rows.

Tensors of an op are its inputs, residual operands among them, its weights, what it makes, partial sums that return
among that, and the next op's first weights. A tile's contiguous runs are taken as equally long. How far they lie apart
follows from where a full tile cuts the layout of its tensor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.hardware.model import Hardware
from simulator.nest import Dim, Operand
from simulator.result.run import LayerResult
from simulator.timing.dram import OpenPages
from simulator.timing.tiles import Placed, Stretch, Stretches, TileRun

if TYPE_CHECKING:
    from simulator.cost.case import Case, Record

INPUTS, WEIGHTS, OUTPUTS = Operand
UNBOUNDED = 1 << 62


def at_full_rate(hardware: Hardware) -> Hardware:
    """Return the machine with all of its bandwidth: what banks and rows leave of it, a timeline finds out."""
    if hardware.pages is None:
        return hardware
    return replace(hardware, dram=replace(hardware.dram, bytes_per_cycle=hardware.pages.bytes_per_cycle))


def pages_of(hardware: Hardware) -> OpenPages | None:
    """Return the off-chip memory with all its rows closed, if its banks and rows are played."""
    return OpenPages(hardware.pages, hardware.clock_hz) if hardware.pages else None


def of_tile(tile: TileRun, run: "Record", deeper: int) -> TileRun:
    """Tell of a tile what it loads, by itself of the operand with deeper buffering, and what it stores."""
    inputs, weights = int(run["inputs_bytes"]), int(run["weights_bytes"])
    loaded = {
        INPUTS: inputs,
        WEIGHTS: weights,
        OUTPUTS: int(run["load_bytes"] + run["deeper_bytes"]) - inputs - weights,
    }
    runs = {WEIGHTS: int(run["weights_runs"]), OUTPUTS: int(loaded[OUTPUTS] > 0)}
    runs[INPUTS] = int(run["load_runs"]) - sum(runs.values())
    first = {o: int(run["deeper_bytes"]) for o in Operand if o == deeper}
    rest = {operand: size - first.get(operand, 0) for operand, size in loaded.items()}
    return replace(
        tile,
        deeper=_stretches(first, runs),
        load=_stretches(rest, runs),
        store=_stretches({OUTPUTS: int(run["store_bytes"])}, {OUTPUTS: int(run["store_runs"])}),
    )


def _stretches(sizes: Mapping[Operand, int], runs: Mapping[Operand, int]) -> Stretches:
    return tuple(Stretch(o, size, runs[o]) for o, size in sizes.items() if size > 0)


def tensors_of(result: LayerResult, pitches: Sequence[int], ahead_bytes: int) -> tuple[Placed, ...]:
    """Return the tensors of an op, each as large as what crosses of it, but for what comes again."""
    dram = result.traffic["dram"]
    sizes = (
        _once(result, "inputs"),
        _once(result, "weights"),
        dram["outputs"].total_bytes,
    )
    return (*(Placed(*each) for each in zip(sizes, pitches, strict=True)), Placed(max(1, ahead_bytes)))


def _once(result: LayerResult, operand: str) -> int:
    moved = result.traffic["dram"].get(operand)
    return max(1, min(moved.read_bytes, result.footprint_bytes.get(operand, moved.read_bytes))) if moved else 1


def pitches_of(case: "Case") -> list[int]:
    """Return how far apart contiguous runs of a full tile lie of inputs, weights, outputs; 0 where it is one run."""
    tile, layer = case.mapping["tile"], case.layer
    n, g, k, c, p, q, r, s = (min(int(tile[d]), int(layer["bounds"][d])) for d in Dim)
    rows, columns = (
        (outputs - 1) * int(layer["stride"][axis]) + (taps - 1) * int(layer["dilation"][axis]) + 1
        for axis, (outputs, taps) in enumerate(((p, r), (q, s)))
    )
    atoms = [int(layer["atom"][o]) for o in Operand]
    boxes = ((n, -(-g * c // atoms[0]), rows, columns), (c, g * k, r, s), (n, -(-g * k // atoms[2]), p, q))
    return [_pitch(layer, operand, box) for operand, box in zip(Operand, boxes, strict=True)]


def _pitch(layer: "Record", kind: int, box: Sequence[int]) -> int:
    """Return the bytes between runs of a box: the pitch of the first place outside the one that it has not whole."""
    extents = [min(box[axis], whole) for axis, whole in zip(layer["axis"][kind], layer["whole"][kind], strict=True)]
    cut = next((i for i, whole in enumerate(layer["whole"][kind]) if extents[i] < whole), len(extents))
    outside = next((i for i in range(cut + 1, len(extents)) if extents[i] > 1), None)
    return 0 if layer["tiled"][kind] or outside is None else int(layer["pitch_bits"][kind][outside]) // 8


def streamed(run: TileRun, read: int, written: int) -> TileRun:
    """Tell the runs of a tile of an op that does not multiply."""
    loads = {INPUTS: run.load_bytes}, {INPUTS: read}
    stores = {OUTPUTS: run.store_bytes}, {OUTPUTS: written}
    return replace(run, load=_stretches(*loads), store=_stretches(*stores))


EVENLY = (UNBOUNDED, 0, UNBOUNDED)
"""Pitches of an op that does not multiply: its runs are spread over the tensor."""
