"""A run as events: the ops of a network, tile by tile, on the blocks of a machine.

What the run holds is played again with its own mappings: where ops follow one another, the events end when the run
does, to the cycle. Where a machine overlaps ops with their neighbours, an op takes the longer of its block and the
port; it is drawn so, each busy from the op's first cycle.

On a machine whose off-chip memory has pages, banks and rows take the place of the share of the bandwidth that is
reached, and the events end when they end. What works behind the array begins when it does in the run.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from simulator.engine.array_ops import behind_array, evaluated
from simulator.engine.mapping_cache import OpKey, VectorKey, op_key, vector_key
from simulator.engine.pages import (
    EVENLY,
    UNBOUNDED,
    at_full_rate,
    of_tile,
    pages_of,
    pitches_of,
    streamed,
    tensors_of,
)
from simulator.engine.player import Player
from simulator.engine.store import NO_STORE, Rows
from simulator.engine.vector_ops import fastest
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import Operand
from simulator.result.laws import LawViolation, Violation
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp
from simulator.timing.tiles import OpTiles, Placed, PortSpec, Stretch, TileRun
from simulator.timing.timeline import ARRAY, VECTOR, Timeline, play

if TYPE_CHECKING:
    from simulator.cost.case import Records


MOST_TILES = 300_000
"""Of a run that is played: about a thousand bytes each, and twenty seconds in all."""


class Asked(NamedTuple):
    """What tiles follow from: ops of which this is equal have equal ones."""

    op: OpKey | VectorKey
    mapping: Mapping | None
    come: int


def run_timeline(
    layers: Sequence[LayerResult],
    ops: Sequence[PlannedOp],
    mappings: MappingType[str, Mapping],
    hardware: Hardware,
) -> Timeline:
    """Play the ops of a run under its mappings.

    Raise InputError if there are too many tiles, `LawViolation` unless each op takes the cycles that the run says, or
    the machine's memory has pages.
    """
    tiles = sum(layer.tiles for layer in layers)
    pages, hardware = pages_of(hardware), at_full_rate(hardware)
    if tiles > MOST_TILES and hardware.layer_order != "overlapped":
        message = "too many tiles to be played one by one: take a smaller batch, or fewer layers"
        raise InputError(Problem(message, expected=f"at most {MOST_TILES}", got=str(tiles)))
    timeline, told = play(list(ops_in_play(ops, mappings, hardware)), pages), {x.name: x.cycles for x in layers}
    if pages:
        return timeline
    taken: Counter[str] = Counter()
    for op, (begin, end) in zip(timeline.ops, timeline.spans, strict=True):
        taken[op.name] += end - begin
    broken = [
        Violation(name, "cycles", "events take the cycles of the run", f"{cycles} of {told[name]}")
        for name, cycles in taken.items()
        if cycles != told[name]
    ]
    if broken:
        raise LawViolation(broken)
    return timeline


def ops_in_play(ops: Sequence[PlannedOp], mappings: MappingType[str, Mapping], hardware: Hardware) -> Iterator[OpTiles]:
    """Yield the ops that run, those of stacks strip by strip, with their tiles."""
    player = Player(mappings, hardware, Rows(NO_STORE))
    known: dict[Asked, Listed] = {}
    launched: set[str] = set()
    for turn in player.turns(ops):
        op, mapping = turn.op, mappings.get(turn.op.layer.name)
        setup = 0 if turn.of in launched else hardware.launch_cycles
        launched.add(turn.of)
        strip = op.layer.name if turn.of != op.layer.name else ""
        setup += hardware.configuration_cycles if mapping else 0
        beside = around(op, hardware, setup, partial(player.result, op, [turn]))
        if hardware.layer_order == "overlapped":
            yield replace(apart(op, player.result(op, [turn]), hardware, beside), name=turn.of, strip=strip)
            continue
        key = Asked(op_key(op) if mapping else vector_key(op, hardware), mapping, turn.come)
        if key not in known:
            known[key] = array_runs(op, mapping, hardware, turn.come) if mapping else vector_runs(op, hardware)
        port = port_of(hardware, turn.wanted, on_array=mapping is not None)
        runs, pitches = known[key]
        tensors = tensors_of(player.result(op, [turn]), pitches, turn.wanted) if hardware.pages else ()
        yield OpTiles(turn.of, block_of(op, hardware), runs, port, *beside, strip=strip, tensors=tensors)


def apart(op: PlannedOp, result: LayerResult, hardware: Hardware, beside: tuple[int, int, int]) -> OpTiles:
    """Return an op whose ends overlap with its neighbours: block and port are busy for as long as each needs alone."""
    block = "array" if op.layer.nest is not None else "vector"
    dram = result.traffic["dram"].values()
    work = TileRun(
        load_cycles=result.bounds["dram"],
        compute_cycles=result.bounds[block],
        store_cycles=0,
        load_bytes=sum(traffic.total_bytes for traffic in dram),
    )
    port = PortSpec(slots=1, out_slots=1, channels=1, latency_cycles=0)
    together = Placed(max(1, work.load_bytes), UNBOUNDED)
    work = replace(work, load=(Stretch(0, work.load_bytes, result.dma_runs),) if work.load_bytes else ())
    return OpTiles(op.layer.name, block_of(op, hardware), (work,), port, *beside, apart=True, tensors=(together,))


def block_of(op: PlannedOp, hardware: Hardware) -> str:
    """Name what computes an op: the vector unit runs what does not multiply, unless the array does."""
    on_array = op.layer.nest is not None or op.layer.op in hardware.ops_on_array
    return ARRAY if on_array else VECTOR


def around(
    op: PlannedOp, hardware: Hardware, setup_cycles: int, result: Callable[[], LayerResult]
) -> tuple[int, int, int]:
    """Return the cycles before an op's tiles, those of the vector unit behind the array, and when these begin.

    They end with the op, as its `result` says.
    """
    behind = behind_array(op, hardware).cycles if op.layer.nest is not None else 0
    if not behind:
        return setup_cycles, 0, 0
    found = result()
    return setup_cycles, behind, found.cycles - found.cycle_parts["configuration"] - behind


MOST_LISTED = 5_000_000
"""Tiles of a layer whose times are worked out one by one, which takes a hundred bytes each."""


class Listed(NamedTuple):
    """Tiles of an op, and how far runs of addresses of its tensors lie apart."""

    runs: tuple[TileRun, ...]
    pitches: Sequence[int] = EVENLY


def array_runs(op: PlannedOp, mapping: Mapping, hardware: Hardware, come: int) -> Listed:
    """List the tiles of a mapping; so many bytes of the first one's weights have come before."""
    import numpy as np

    from simulator.cost.tile_runs import TILE_RUN, list_runs

    case, scratch = evaluated(op, mapping, hardware, come)
    tiles = int(scratch.totals["tiles"])
    if tiles > MOST_LISTED:
        problem = f"layer {op.layer.name} has too many tiles to be listed one by one"
        raise InputError(Problem(problem, expected=f"at most {MOST_LISTED:,}", got=f"{tiles:,}"))
    runs = np.zeros(tiles, TILE_RUN)
    listed = runs[: list_runs(case, scratch, runs)]
    if hardware.pages is None:
        return Listed(as_runs(listed))
    deeper = int(case.machine["deeper_operand"])
    told = (of_tile(tile, run, deeper) for tile, run in zip(as_runs(listed), listed, strict=True))
    return Listed(tuple(told), pitches_of(case))


def as_runs(runs: "Records") -> tuple[TileRun, ...]:
    """Read records of `TILE_RUN`."""
    names = ("load", "compute", "store", "count", "deeper", "load_bytes", "store_bytes", "deeper_bytes")
    return tuple(TileRun(*run) for run in zip(*(runs[name].tolist() for name in names), strict=True))


def vector_runs(op: PlannedOp, hardware: Hardware) -> Listed:
    """List the tiles of an op that does not multiply, equal ones in a row together."""
    from simulator.cost.vector_tiles import transfer_cycles
    from simulator.cost.windows import BYTES, RUNS

    tiles = fastest(op, hardware)
    loads, stores = transfer_cycles(tiles.loading, hardware), transfer_cycles(tiles.storing, hardware)
    both = tiles.loading, tiles.storing
    columns = (loads, tiles.computes, stores, *(each[:, of] for of in (BYTES, RUNS) for each in both))
    runs: list[TileRun] = []
    for tile, alike in groupby(zip(*(column.tolist() for column in columns), strict=True)):
        load, compute, store, read, written, *stretches = tile
        run = TileRun(load, compute, store, len(list(alike)), 0, read, written)
        runs.append(streamed(run, *stretches) if hardware.pages else run)
    return Listed(tuple(runs))


def port_of(hardware: Hardware, prefetch_bytes: int, *, on_array: bool) -> PortSpec:
    """Return the port as an op sees it: tiles of the vector unit lie where inputs do."""
    from simulator.cost.convert import port_record
    from simulator.cost.vector_tiles import prefetch_cycles

    port, slots = port_record(hardware), hardware.slots_of(Operand.INPUTS)
    return PortSpec(
        slots=int(port["slots"]) if on_array else slots,
        out_slots=int(port["out_slots"]),
        channels=int(port["channels"]),
        latency_cycles=int(port["latency_cycles"]),
        prefetch_cycles=prefetch_cycles(prefetch_bytes, hardware),
        deeper_slots=int(port["deeper_slots"]) if on_array else slots,
        prefetch_bytes=prefetch_bytes,
    )
