"""Play a layer's tiles through DMA, DRAM port, buffer slots and array with SimPy, one generator per hardware block.

Transactions cross the port in an order fixed beforehand: for each tile its loads and the store that frees its output
slot; then the next layer's weights, then the stores still due. Within that order everything waits for what it
physically needs: a load for a free slot, a tile for its data, a store for its tile.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.timing.tiles import PortSpec, TileRun

if TYPE_CHECKING:
    from simpy import Event

    Process = Generator[Event, object, None]

PORT = "dram port"


@dataclass(frozen=True, slots=True)
class Interval:
    """A block at work on a tile from `begin_cycle` until `end_cycle`; the prefetch counts as the tile after the last.

    `kind` is "deeper", "load", "compute", "store" or "prefetch". A DMA channel is at work from issue to last word,
    latency included; the port only while words cross it.
    """

    block: str
    tile: int
    kind: str
    begin_cycle: int
    end_cycle: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that took time, in order of its end, and when all of it was over."""

    intervals: tuple[Interval, ...]
    end_cycle: int

    def by_block(self) -> dict[str, tuple[Interval, ...]]:
        """Return each block's intervals in order of time, blocks in alphabetical order."""
        blocks: dict[str, list[Interval]] = {}
        for interval in self.intervals:
            blocks.setdefault(interval.block, []).append(interval)
        return {block: tuple(blocks[block]) for block in sorted(blocks)}

    def busy_cycles(self, block: str) -> int:
        """Return the cycles for which a block was at work."""
        return sum(i.end_cycle - i.begin_cycle for i in self.intervals if i.block == block)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transfer over the port. `tile` picks its DMA channel; the prefetch counts as the tile after the last."""

    kind: str
    tile: int
    cycles: int


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Per tile: port cycles in, of the operand with deeper buffering and of others, array cycles, port cycles out."""

    deepers: list[int]
    loads: list[int]
    computes: list[int]
    stores: list[int]


def play(tiles: Sequence[TileRun], machine: PortSpec, block: str = "array") -> Timeline:
    """Return the timeline of one layer's tiles; `block` names what computes them ("array" or "vector").

    >>> timeline = play([TileRun(load_cycles=10, compute_cycles=20, store_cycles=5, count=3)], PortSpec(2, 2, 1, 0))
    >>> timeline.end_cycle, timeline.busy_cycles("array")
    (75, 60)
    """
    return _Layer(tiles, machine, block).play()


def to_chrome_trace(layers: Iterable[tuple[str, int, Timeline]]) -> str:
    """Return (layer name, start cycle, timeline) triples as Chrome trace JSON, one cycle drawn as a microsecond.

    Open it at chrome://tracing or ui.perfetto.dev. Each hardware block is a row.
    """
    placed = list(layers)
    blocks = sorted({interval.block for _, _, timeline in placed for interval in timeline.intervals})
    rows = {block: row for row, block in enumerate(blocks)}
    events: list[dict[str, object]] = [
        {"ph": "M", "pid": 0, "tid": row, "name": "thread_name", "args": {"name": block}} for block, row in rows.items()
    ]
    for name, start, timeline in placed:
        events.extend(
            {
                "ph": "X",
                "pid": 0,
                "tid": rows[interval.block],
                "name": f"{interval.kind} {name}[{interval.tile}]",
                "cat": interval.kind,
                "ts": start + interval.begin_cycle,
                "dur": interval.end_cycle - interval.begin_cycle,
                "args": {"layer": name, "tile": interval.tile},
            }
            for interval in timeline.intervals
        )
    return json.dumps({"traceEvents": events, "otherData": {"time_unit": "1 us = 1 cycle"}}, separators=(",", ":"))


def _expand(runs: Sequence[TileRun]) -> _Tiles:
    tiles = _Tiles([], [], [], [])
    for run in runs:
        tiles.deepers.extend([run.deeper_cycles] * run.count)
        tiles.loads.extend([run.load_cycles] * run.count)
        tiles.computes.extend([run.compute_cycles] * run.count)
        tiles.stores.extend([run.store_cycles] * run.count)
    return tiles


def _port_order(tiles: _Tiles, machine: PortSpec) -> Iterator[Transaction]:
    """Yield the transactions as the port serves them; one without words does not exist.

    A tile brings its loads and the store of the tile whose output slot it takes, first what can be ready first.
    """
    n, late = len(tiles.loads), machine.out_slots
    for i in range(n):
        turns = [
            (machine.deeper_slots <= late, Transaction("deeper", i, tiles.deepers[i])),
            (machine.slots <= late, Transaction("load", i, tiles.loads[i])),
        ]
        before = [load for after, load in turns if not after]
        store = [Transaction("store", i - late, tiles.stores[i - late])] if i >= late else []
        after = [load for after, load in turns if after]
        yield from (turn for turn in before + store + after if turn.cycles)
    if machine.prefetch_cycles:
        yield Transaction("prefetch", n, machine.prefetch_cycles)
    for i in range(max(0, n - late), n):
        if tiles.stores[i]:
            yield Transaction("store", i, tiles.stores[i])


class _Layer:
    """One layer in play: the blocks, and the events by which they wait for one another."""

    def __init__(self, runs: Sequence[TileRun], machine: PortSpec, block: str) -> None:
        from simpy import Environment

        self.environment = Environment()
        self.machine = machine
        self.block = block
        self.tiles = _expand(runs)
        self.order = list(_port_order(self.tiles, machine))
        self.intervals: list[Interval] = []
        event = self.environment.event
        self.requested = [event() for _ in self.order]  # the DMA channel and DRAM are ready for the port
        self.crossed = [event() for _ in self.order]  # the last word has crossed the port
        self.computed = [event() for _ in self.tiles.computes]
        self.moved = {(item.kind, item.tile): self.crossed[turn] for turn, item in enumerate(self.order)}

    def play(self) -> Timeline:
        process = self.environment.process
        process(self.port())
        process(self.compute())
        for kinds in (("load", "deeper", "prefetch"), ("store",)):
            for channel in range(self.machine.channels):
                process(self.dma(kinds, channel))
        self.environment.run()
        return Timeline(tuple(self.intervals), max((i.end_cycle for i in self.intervals), default=0))

    @property
    def now(self) -> int:
        return int(self.environment.now)

    def record(self, block: str, tile: int, kind: str, begin: int) -> None:
        self.intervals.append(Interval(block, tile, kind, begin, self.now))

    def ready(self, item: Transaction) -> "Event | None":
        """Return what must have happened before a transaction may be issued: a slot empty, a tile computed."""
        if item.kind == "prefetch":
            return None
        slots = {"deeper": self.machine.deeper_slots, "load": self.machine.slots, "store": 0}
        cause = item.tile - slots[item.kind]
        return self.computed[cause] if cause >= 0 else None

    def dma(self, kinds: tuple[str, ...], channel: int) -> "Process":
        """Take every `channels`-th tile: issue its transaction, sit out the latency, hold on until the last word."""
        name = f"dma {kinds[0]} {channel}"
        for turn, item in enumerate(self.order):
            if item.kind not in kinds or item.tile % self.machine.channels != channel:
                continue
            cause = self.ready(item)
            if cause is not None:
                yield cause
            issue = self.now
            if self.machine.latency_cycles:
                yield self.environment.timeout(self.machine.latency_cycles)
            self.requested[turn].succeed()
            yield self.crossed[turn]
            self.record(name, item.tile, item.kind, issue)

    def port(self) -> "Process":
        """Serve the transactions strictly in their order, one at a time."""
        for item, requested, crossed in zip(self.order, self.requested, self.crossed, strict=True):
            yield requested
            begin = self.now
            yield self.environment.timeout(item.cycles)
            self.record(PORT, item.tile, item.kind, begin)
            crossed.succeed()

    def compute(self) -> "Process":
        """Work on the tiles in turn, each once its data are in and its slot's last results are out."""
        for tile, cycles in enumerate(self.tiles.computes):
            for cause in (("deeper", tile), ("load", tile), ("store", tile - self.machine.out_slots)):
                moved = self.moved.get(cause)
                if moved is not None:
                    yield moved
            begin = self.now
            if cycles:
                yield self.environment.timeout(cycles)
                self.record(self.block, tile, "compute", begin)
            self.computed[tile].succeed()
