"""A run over time, for its page: which block works on which op, and where the tensors lie that stay on chip.

Cycles count from the first of the run. Ops follow one another, so that each begins where the one before ended.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

from analysis.read.report.layers import Data
from analysis.read.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from analysis.read.trace import OVERLAPPED, Slice, slices
from simulator.door import timeline
from simulator.errors import InputError
from simulator.result.laws import LawViolation
from simulator.result.ledger import parts_of
from simulator.result.run import Run

MOST_TILES = 20_000
"""Of a run whose blocks are shown: SimPy plays about as many in two seconds."""
MOST_SLICES = 4_000
"""What a browser draws without delay."""
SEVERAL = "several kinds"
KIND_COLOURS = {
    "compute": BLUE,
    "load": VERMILLION,
    "store": PURPLE,
    "prefetch": ORANGE,
    "deeper": SKY,
    "add": GREEN,
    "setup": GREY,
    SEVERAL: YELLOW,
}


def spans_of(run: Run) -> dict[str, tuple[int, int]]:
    """Return the first and the last cycle of every layer."""
    ends = list(accumulate(layer.cycles for layer in run.layers))
    return {layer.name: (end - layer.cycles, end) for layer, end in zip(run.layers, ends, strict=True)}


def stack_data(run: Run) -> list[list[object]]:
    """Return first and last op, first and last cycle, strips, rows of a strip, weights and overlap of each stack."""
    spans, found = spans_of(run), {(each.first, each.last): each for layer in run.layers if (each := layer.stacked)}
    carriers = run.producer_of()
    told = {pair: [each.strips, each.strip_rows, each.weights, each.overlap] for pair, each in found.items()}
    return [
        [first, last, spans[first][0], spans[carriers.get(last, last)][1], *each]
        for (first, last), each in told.items()
    ]


def timeline_data(run: Run) -> Data:
    """Return what each block does when; only a note where a run cannot be played, or has too many tiles for a page."""
    tiles = sum(layer.tiles for layer in run.layers)
    if tiles > MOST_TILES and run.hardware.layer_order != "overlapped":
        return _without(f"{tiles:,} tiles are too many for this page: --timeline FILE saves them for Perfetto")
    try:
        played = timeline(run)
    except (InputError, LawViolation) as error:
        reason = error.problems[0].message if isinstance(error, InputError) else str(error.violations[0])
        return _without(f"the blocks are not shown: {reason}")
    shown = slices(played)
    lanes, names = sorted({each.lane for each in shown}), [op.name for op in played.ops]
    found = [_slice(each, lanes.index(each.lane), names) for each in merged(shown, played.end_cycle, len(lanes))]
    note = OVERLAPPED if run.hardware.layer_order == "overlapped" else ""
    return {"lanes": lanes, "slices": found, "kinds": KIND_COLOURS, "note": note}


def merged(shown: Sequence[Slice], end_cycle: int, lanes: int) -> list[Slice]:
    """Join what follows one another on a lane until a page can draw it all: what begins within one stretch of time.

    The stretches are so many that all lanes together have at most `MOST_SLICES`.
    """
    if len(shown) <= MOST_SLICES:
        return list(shown)
    stretches = MOST_SLICES // lanes
    return [
        Slice(lane, tuple(interval for each in together for interval in each.intervals))
        for (lane, _), together in groupby(shown, lambda each: (each.lane, each.begin_cycle * stretches // end_cycle))
    ]


def _slice(each: Slice, lane: int, names: Sequence[str]) -> list[object]:
    """Return lane, first and last cycle, kind, first op, ops, busy cycles and bytes."""
    kinds = sorted({interval.kind for interval in each.intervals})
    ops = {interval.op for interval in each.intervals}
    busy = sum(interval.cycles for interval in each.intervals)
    size = sum(interval.size_bytes for interval in each.intervals)
    kind = kinds[0] if len(kinds) == 1 else SEVERAL
    return [lane, each.begin_cycle, each.end_cycle, kind, names[each.op], len(ops), busy, size]


def _without(note: str) -> Data:
    return {"lanes": [], "slices": [], "kinds": {}, "note": note}


def memory_data(run: Run) -> Data:
    """Return the activations' memory: each tensor's place and time, what is taken in all, and the capacity."""
    return {
        "tensors": list(_tensors(run)),
        "taken": [layer.sram_bytes for layer in run.layers if layer.cycles],
        "capacity": run.hardware.activation_bytes,
    }


def _tensors(run: Run) -> Iterator[list[object]]:
    """Yield name, first and last cycle, address, bytes and last reader of what stays on chip, parts of stacks too."""
    spans, producers = spans_of(run), run.producer_of()  # an op takes its time in the layer that it is fused into
    for layer in run.layers:
        for part in parts_of(layer):
            begin, end = spans[part.made_by][0], spans[producers.get(part.read_last_by, part.read_last_by)][1]
            name = layer.name if part.part == "whole" else f"{layer.name} {part.part}"
            yield [name, begin, end, part.address, part.size_bytes, part.read_last_by]
