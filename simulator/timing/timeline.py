"""Play ops tile by tile through DMA, DRAM port, buffer slots, array and vector unit: SimPy, one process a block.

Ops follow one another: the next begins when all of the last is over, but for weights that come ahead. Transactions of
an op cross the port in an order fixed beforehand: for each tile its loads and the store that frees its output slot;
then the next op's weights, then the stores still due. Within that order everything waits for what it physically needs:
a load for a free slot, a tile for its data, a store for its tile. Of a memory with banks and rows a transaction takes
the port as long as these take, and never shorter than its bytes.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.timing.tiles import AHEAD, OpTiles, PortSpec, Stretch, Stretches, TileRun

if TYPE_CHECKING:
    from simpy import Environment, Event

    from simulator.timing.dram import DramUse, OpenPages

    Process = Generator[Event, object, None]

ARRAY, VECTOR, PORT, CONTROL = "array", "vector unit", "dram port", "control"


@dataclass(frozen=True, slots=True)
class Interval:
    """A block at work on a tile of an op (a position in `Timeline.ops`) from `begin_cycle` until `end_cycle`.

    `kind` is "deeper", "load", "compute", "store" or "prefetch", which counts as the tile after the last; "add" behind
    the array and "setup" are of the whole op. A DMA channel is at work from issue to last word, latency included; the
    port only while words cross it.
    """

    block: str
    op: int
    tile: int
    kind: str
    begin_cycle: int
    end_cycle: int
    size_bytes: int = 0

    @property
    def cycles(self) -> int:
        """For how long the block is at work."""
        return self.end_cycle - self.begin_cycle


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that took time, in order of its end; each op from its first to its last cycle, and the end of all."""

    ops: tuple[OpTiles, ...]
    spans: tuple[tuple[int, int], ...]
    intervals: tuple[Interval, ...]
    dram: "DramUse | None" = None  # of a memory with banks and rows

    @property
    def end_cycle(self) -> int:
        """When all is over."""
        return max((end for _, end in self.spans), default=0)

    def by_block(self) -> dict[str, tuple[Interval, ...]]:
        """Return each block's intervals in order of time, blocks in alphabetical order."""
        blocks: dict[str, list[Interval]] = {}
        for interval in self.intervals:
            blocks.setdefault(interval.block, []).append(interval)
        return {block: tuple(blocks[block]) for block in sorted(blocks)}

    def busy_cycles(self, block: str) -> int:
        """Return the cycles for which a block was at work."""
        return sum(i.cycles for i in self.intervals if i.block == block)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transfer over the port. `tile` picks its DMA channel; the prefetch counts as the tile after the last."""

    kind: str
    tile: int
    cycles: int
    size_bytes: int
    stretches: Stretches = ()


def play(ops: Sequence[OpTiles], pages: "OpenPages | None" = None) -> Timeline:
    """Return the timeline of ops that run one after the other, maybe on a memory with banks and rows.

    >>> runs = (TileRun(load_cycles=10, compute_cycles=20, store_cycles=5, count=3),)
    >>> timeline = play([OpTiles("conv1", ARRAY, runs, PortSpec(2, 2, 1, 0))])
    >>> timeline.end_cycle, timeline.busy_cycles("array")
    (75, 60)
    """
    return _Machine(ops, pages).play()


def _expand(runs: Sequence[TileRun]) -> list[TileRun]:
    """Name the run of each tile."""
    return [run for run in runs for _ in range(run.count)]


def _port_order(tiles: Sequence[TileRun], port: PortSpec) -> Iterator[Transaction]:
    """Yield the transactions as the port serves them; one without words does not exist.

    A tile brings its loads and the store of the tile whose output slot it takes, first what can be ready first.
    """
    n, late = len(tiles), port.out_slots
    for i, tile in enumerate(tiles):
        turns = [
            (port.deeper_slots <= late, Transaction("deeper", i, tile.deeper_cycles, tile.deeper_bytes, tile.deeper)),
            (port.slots <= late, Transaction("load", i, tile.load_cycles, tile.load_bytes, tile.load)),
        ]
        before = [load for after, load in turns if not after]
        store = [_store(tiles, i - late)] if i >= late else []
        after = [load for after, load in turns if after]
        yield from (turn for turn in before + store + after if turn.cycles)
    if port.prefetch_cycles:
        ahead = (Stretch(AHEAD, port.prefetch_bytes, 1),)
        yield Transaction("prefetch", n, port.prefetch_cycles, port.prefetch_bytes, ahead)
    for i in range(max(0, n - late), n):
        if tiles[i].store_cycles:
            yield _store(tiles, i)


def _store(tiles: Sequence[TileRun], i: int) -> Transaction:
    return Transaction("store", i, tiles[i].store_cycles, tiles[i].store_bytes, tiles[i].store)


class _Machine:
    """The blocks of a machine in play, op by op, and what they did."""

    def __init__(self, ops: Sequence[OpTiles], pages: "OpenPages | None") -> None:
        from simpy import Environment

        self.environment = Environment()
        self.ops, self.pages = tuple(ops), pages
        self.spans: list[tuple[int, int]] = []
        self.intervals: list[Interval] = []

    def play(self) -> Timeline:
        self.environment.process(self.control())
        self.environment.run()
        return Timeline(self.ops, tuple(self.spans), tuple(self.intervals), self.pages.use if self.pages else None)

    def control(self) -> "Process":
        """Start one op after the other: all blocks set out on it together, and the next waits for the last of them."""
        environment = self.environment
        for op, tiles in enumerate(self.ops):
            begin = int(environment.now)
            if tiles.setup_cycles:
                yield environment.timeout(tiles.setup_cycles)
                self.intervals.append(Interval(CONTROL, op, 0, "setup", begin, int(environment.now)))
            blocks = OpInPlay(environment, op, tiles, self.intervals, self.pages).blocks()
            yield environment.all_of([environment.process(block) for block in blocks])
            self.spans.append((begin, int(environment.now)))


class OpInPlay:
    """One op in play: the blocks, and the events by which they wait for one another."""

    def __init__(
        self,
        environment: "Environment",
        op: int,
        tiles: OpTiles,
        intervals: list[Interval],
        pages: "OpenPages | None",
    ) -> None:
        self.environment, self.op, self.intervals, self.pages = environment, op, intervals, pages
        self.places = pages.place(tiles.tensors) if pages else []
        self.facts, self.machine = tiles, tiles.port
        self.tiles = _expand(tiles.runs)
        self.order = list(_port_order(self.tiles, self.machine))
        event = environment.event
        self.requested = [event() for _ in self.order]  # the DMA channel and DRAM are ready for the port
        self.crossed = [event() for _ in self.order]  # the last word has crossed the port
        self.computed = [event() for _ in self.tiles]
        self.moved = {(item.kind, item.tile): self.crossed[turn] for turn, item in enumerate(self.order)}

    def blocks(self) -> "Iterator[Process]":
        """Yield what each block does."""
        yield self.port()
        yield self.compute()
        yield self.add()
        for kinds in (("load", "deeper", "prefetch"), ("store",)):
            for channel in range(self.machine.channels):
                yield self.dma(kinds, channel)

    @property
    def now(self) -> int:
        """The cycle that it is."""
        return int(self.environment.now)

    def record(self, block: str, tile: int, kind: str, begin: int, size_bytes: int = 0) -> None:
        """Add what a block did until now."""
        self.intervals.append(Interval(block, self.op, tile, kind, begin, self.now, size_bytes))

    def ready(self, item: Transaction) -> "Event | None":
        """Return what must have happened before a transaction may be issued: a slot empty, a tile computed."""
        if item.kind == "prefetch" or self.facts.apart:
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
            self.record(name, item.tile, item.kind, issue, item.size_bytes)

    def port(self) -> "Process":
        """Serve the transactions strictly in their order, one at a time."""
        for item, requested, crossed in zip(self.order, self.requested, self.crossed, strict=True):
            yield requested
            begin = self.now
            yield self.crossing(item)
            self.record(PORT, item.tile, item.kind, begin, item.size_bytes)
            crossed.succeed()

    def crossing(self, item: Transaction) -> "Event":
        """Return the event at which a transaction that has the port from now on has crossed it."""
        return self.environment.timeout(self.cycles_at_port(item))

    def cycles_at_port(self, item: Transaction) -> int:
        """Return for how long a transaction that begins now takes the port: for its bytes, or its banks and rows."""
        if self.pages is None:
            return item.cycles
        runs = [self.places[each.tensor].take(each) for each in item.stretches]
        issued = self.now - self.machine.latency_cycles
        end = self.pages.serve(runs, issued, write=item.kind == "store")
        cycles = max(item.cycles, end - self.now)
        self.pages.count(item.size_bytes, cycles)
        return cycles

    def compute(self) -> "Process":
        """Work on the tiles in turn, each once its data are in and its slot's last results are out."""
        for tile, run in enumerate(self.tiles):
            for cause in (("deeper", tile), ("load", tile), ("store", tile - self.machine.out_slots)):
                moved = None if self.facts.apart else self.moved.get(cause)
                if moved is not None:
                    yield moved
            begin = self.now
            if run.compute_cycles:
                yield self.environment.timeout(run.compute_cycles)
                self.record(self.facts.block, tile, "compute", begin)
            self.computed[tile].succeed()

    def add(self) -> "Process":
        """Work on outputs of the array on the vector unit, behind it, whatever the array waits for."""
        if self.facts.added_cycles:
            yield self.environment.timeout(self.facts.added_from)
            begin = self.now
            yield self.environment.timeout(self.facts.added_cycles)
            self.record(VECTOR, 0, "add", begin)
