"""A run's timeline as Chrome trace-event JSON, which Perfetto (https://ui.perfetto.dev) and chrome://tracing open.

A lane a block, of several cores a set of lanes each, its slices by op and tile. Equal tiles in a row are drawn singly
at first, the rest of them as one slice a lane. Times are microseconds of the machine's clock; `cycles` among the
arguments of a slice are those for which the block was busy, `bytes` what crossed the port.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from simulator.result.run import LayerResult, Run
from simulator.timing.cores_timeline import lane
from simulator.timing.tiles import OpTiles
from simulator.timing.timeline import ARRAY, CONTROL, PORT, VECTOR, Interval, Timeline

Event = dict[str, object]

LAYERS = "layers"
LANES = (LAYERS, CONTROL, ARRAY, VECTOR, PORT)
"""From the top; DMA channels come below."""
SINGLY = 64
"""Of so many equal tiles in a row each has slices of its own."""
WITH_FLOWS = 4
"""So many tiles of an op have arrows."""
BANDWIDTH, KEPT = "DRAM bandwidth (bytes a cycle)", "kept tensors (bytes)"
PROCESS = 1
OVERLAPPED = "ops overlap with their neighbours: each is drawn with block and DRAM port busy from its first cycle"


@dataclass(frozen=True, slots=True)
class Slice:
    """What a lane shows: one interval, or those of equal tiles together."""

    lane: str
    intervals: tuple[Interval, ...]

    @property
    def begin_cycle(self) -> int:
        """When the first interval begins."""
        return self.intervals[0].begin_cycle

    @property
    def end_cycle(self) -> int:
        """When the last one ends."""
        return self.intervals[-1].end_cycle

    @property
    def op(self) -> int:
        """Position of the op, one for all."""
        return self.intervals[0].op


def trace_text(timeline: Timeline, run: Run) -> str:
    """Return the timeline of a run as trace-event JSON, an event a line."""
    lines = ",\n".join(json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in events(timeline, run))
    about = {"network": run.network.name, "machine": run.hardware.name, "clock_hz": run.hardware.clock_hz}
    about |= {"cycles": run.total.cycles, "layer_order": run.hardware.layer_order}
    if run.hardware.layer_order == "overlapped":
        about["note"] = OVERLAPPED
    if run.cores:
        about |= {"cores": run.cores.count, "together": run.cores.together, "end_cycle": timeline.end_cycle}
    if timeline.dram:
        about |= {"dram": str(timeline.dram), "end_cycle": timeline.end_cycle}
    head = f'"displayTimeUnit":"ns","otherData":{json.dumps(about, ensure_ascii=False)}'
    return f'{{{head},"traceEvents":[\n{lines}\n]}}\n'


def events(timeline: Timeline, run: Run) -> Iterator[Event]:
    """Yield all events: names of the lanes, slices of layers and blocks, counters, and flows from tile to tile."""
    shown, clock = slices(timeline), run.hardware.clock_hz
    used = {each.lane for each in shown} | {lane(core, LAYERS) for core in _cores(timeline)}
    lanes = _lanes(timeline, used)
    layers = {layer.name: layer for layer in run.layers}
    yield from _names(f"{run.network.name} on {run.hardware.name}", {n: lanes[n] for n in lanes if n in used})
    for op, span in zip(timeline.ops, timeline.spans, strict=True):
        yield _slice(op.strip or op.name, "layer", lanes[lane(op.core, LAYERS)], span, clock) | {
            "args": _about(layers[op.name], op, span)
        }
    for each in shown:
        op = timeline.ops[each.op]
        yield _drawn(each, op.strip or op.name, lanes[each.lane], clock)
    yield from _counters(timeline, layers, clock)
    yield from _flows(timeline, lanes, clock)


def _cores(timeline: Timeline) -> list[int | None]:
    """Return the cores in play; None for a machine of one."""
    several = sorted({op.core for op in timeline.ops if op.core is not None})
    return [*several] or [None]


def _lanes(timeline: Timeline, used: Collection[str]) -> dict[str, int]:
    """Return the row of each lane, core by core."""
    names: list[str] = []
    for core in _cores(timeline):
        first = [lane(core, name) for name in LANES]
        names += [*first, *sorted(name for name in used if name.startswith(lane(core, "")) and name not in first)]
    return {name: row for row, name in enumerate(names, 1)}


def slices(timeline: Timeline) -> list[Slice]:
    """Return what the lanes of the blocks show, lane by lane; intervals of a lane never overlap, nor do its slices.

    The rest of a run of equal tiles is one slice as far as nothing else comes in between. On the port it holds loads
    and stores.
    """
    places = [_places(op) for op in timeline.ops]
    shown = []
    for block, intervals in timeline.by_block().items():
        numbered = enumerate(intervals)
        for _, together in groupby(numbered, lambda pair: _together(places[pair[1].op], *pair)):
            shown.append(Slice(block, tuple(interval for _, interval in together)))
    return shown


def _places(op: OpTiles) -> list[tuple[int, int]]:
    """Return for each tile the number of its run and its place there."""
    return [(number, place) for number, run in enumerate(op.runs) for place in range(run.count)]


def _together(places: Sequence[tuple[int, int]], number: int, interval: Interval) -> tuple[int, ...]:
    """Return what intervals of one slice have in common: op and run, or the interval itself."""
    of_tile = interval.kind in ("deeper", "load", "compute", "store")
    if of_tile and places[interval.tile][1] >= SINGLY:
        return interval.op, places[interval.tile][0]
    return (number,)


def _names(title: str, lanes: dict[str, int]) -> Iterator[Event]:
    yield {"ph": "M", "pid": PROCESS, "name": "process_name", "args": {"name": title}}
    for name, row in lanes.items():
        yield {"ph": "M", "pid": PROCESS, "tid": row, "name": "thread_name", "args": {"name": name}}
        yield {"ph": "M", "pid": PROCESS, "tid": row, "name": "thread_sort_index", "args": {"sort_index": row}}


def _about(layer: LayerResult, op: OpTiles, span: tuple[int, int]) -> Event:
    """Tell of a layer what it did, and of a strip of one what it took of that."""
    begin, end = span
    about: Event = {"op": layer.op, "cycles": end - begin}
    if op.strip:
        return about | {"of": layer.name, "strips": layer.stacked.strips if layer.stacked else 1}
    return about | {
        "tiles": layer.tiles,
        "dataflow": layer.dataflow,
        "bottleneck": layer.bottleneck,
        "dram_bytes": layer.bytes_at("dram"),
        "fused": list(layer.fused),
        "on_chip": list(layer.on_chip),
    }


def _drawn(each: Slice, op: str, lane: int, clock_hz: int) -> Event:
    """Return a slice with the tiles that it is of, the bytes that cross the port, and the cycles of work in it."""
    tiles = sorted({interval.tile for interval in each.intervals})
    kinds = sorted({interval.kind for interval in each.intervals})
    first, last = tiles[0], tiles[-1]
    name = f"{'+'.join(kinds)} {op}[{first if first == last else f'{first}..{last}'}]"
    args = {
        "op": op,
        "first_tile": first,
        "tiles": len(tiles),
        "cycles": sum(interval.cycles for interval in each.intervals),
        "bytes": sum(interval.size_bytes for interval in each.intervals),
    }
    span = each.begin_cycle, each.end_cycle
    return _slice(name, "+".join(kinds), lane, span, clock_hz) | {"args": args}


def _slice(name: str, category: str, lane: int, span: tuple[int, int], clock_hz: int) -> Event:
    begin, end = (microseconds(cycle, clock_hz) for cycle in span)
    event: Event = {"ph": "X", "pid": PROCESS, "tid": lane, "name": name, "cat": category}
    return event | {"ts": begin, "dur": round(end - begin, 6)}


def microseconds(cycle: float, clock_hz: int) -> float:
    """Return the time of a cycle, to the picosecond: cycle / clock."""
    return round(cycle / clock_hz * 1e6, 6)


def _counters(timeline: Timeline, layers: dict[str, LayerResult], clock_hz: int) -> Iterator[Event]:
    """Yield at each op the bytes a cycle that cross the DRAM port while it runs, and what kept tensors take.

    Where memory takes no time nothing is seen to cross.
    """
    crossed = [0] * len(timeline.ops)
    for interval in timeline.intervals:
        if interval.block.endswith(PORT):
            crossed[interval.op] += interval.size_bytes
    for op, (begin, end), size in zip(timeline.ops, timeline.spans, crossed, strict=True):
        at = microseconds(begin, clock_hz)
        yield _counter(lane(op.core, BANDWIDTH), at, round(size / (end - begin), 3) if end > begin else 0)
        yield _counter(lane(op.core, KEPT), at, layers[op.name].kept_bytes)
    for core in _cores(timeline):
        for name in (BANDWIDTH, KEPT):
            yield _counter(lane(core, name), microseconds(timeline.end_cycle, clock_hz), 0)


def _counter(name: str, at: float, value: float) -> Event:
    return {"ph": "C", "pid": PROCESS, "name": name, "ts": at, "args": {"value": value}}


def _flows(timeline: Timeline, lanes: dict[str, int], clock_hz: int) -> Iterator[Event]:
    """Yield arrows from load to compute to store, between slices on the port and those of what computes.

    Those are of the first tiles of each op, which have slices of their own. An end lies in the middle of its slice, so
    that it belongs to no neighbour.
    """
    first = {
        (i.op, i.tile, i.kind): i
        for i in timeline.intervals
        if i.tile < WITH_FLOWS and (i.block.endswith(PORT) or i.kind == "compute") and not timeline.ops[i.op].apart
    }
    number = 0
    for (op, tile, kind), interval in first.items():
        for effect in ("compute",) if kind in ("deeper", "load") else ("store",) if kind == "compute" else ():
            caused = first.get((op, tile, effect))
            if caused is not None:
                number += 1
                yield _end_of_flow("s", number, interval, lanes, clock_hz)
                yield _end_of_flow("f", number, caused, lanes, clock_hz) | {"bp": "e"}


def _end_of_flow(phase: str, number: int, at: Interval, lanes: dict[str, int], clock_hz: int) -> Event:
    middle = microseconds((at.begin_cycle + at.end_cycle) / 2, clock_hz)
    flow: Event = {"ph": phase, "id": number, "pid": PROCESS, "tid": lanes[at.block], "name": "tile", "cat": "tile"}
    return flow | {"ts": middle}
