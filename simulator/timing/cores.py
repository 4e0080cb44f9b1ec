"""When ops end that run on several cores at a time, whose transactions share the DRAM port.

Each core is the recurrence of `simulator.cost.pipeline`, held up wherever it wants the port: it tells from when and for
how long, and is told when its last word has crossed. Cores take the port in turns (`simulator.timing.sharing`). What a
core waits for others delays what follows on it, and nothing else, so that

    a core by itself ends when the recurrence does,
    no core ends before it would by itself,
    all end after the cycles that the port takes for all of them, and before those that they take one after the other.

`simulator.timing.cores_timeline` plays the same event by event.
"""

from collections.abc import Generator, Sequence
from math import inf
from typing import NamedTuple

from simulator.timing.sharing import RoundRobin
from simulator.timing.tiles import OpTiles, PortSpec, TileRun, exposed_cycles


class Span(NamedTuple):
    """An op on a core: its first cycle, the end of its tiles, and that of what works behind the array as well."""

    begin: int
    tiles_end: int
    end: int


class Request(NamedTuple):
    """A transaction that is ready for the port from a cycle on, and takes it for some."""

    ready: int
    cycles: int


Core = Generator[Request, int, list[Span]]
Tiles = Generator[Request, int, int]


def play_together(cores: Sequence[Sequence[OpTiles]], streams: int = 1) -> list[list[Span]]:
    """Return when each op of each core is over; all cores set out together, on their ops one after the other.

    The port serves so many `streams` at a time.

    >>> from simulator.timing.tiles import PortSpec, TileRun
    >>> op = OpTiles("conv1", "array", (TileRun(10, 8, 0),), PortSpec(1, 1, 1, 0))
    >>> [[span.end for span in core] for core in play_together([[op], [op]])]
    [[27], [28]]
    """
    playing = [_core(ops) for ops in cores]
    spans: list[list[Span]] = [[] for _ in cores]
    coming: dict[int, Request] = {}
    port, now = RoundRobin(streams), 0
    for number, core in enumerate(playing):
        _go_on(number, core, None, coming, spans)
    while coming or port.left:
        first = min((request.ready for request in coming.values()), default=inf)
        if not port.left:
            now = max(now, int(first))
        for number in [number for number, request in coming.items() if request.ready <= now]:
            port.add(number, coming.pop(number).cycles)
        upcoming = min((request.ready for request in coming.values()), default=inf)
        cycles = int(min(port.next_end(), upcoming - now))
        now += cycles
        for number in port.serve(cycles):
            _go_on(number, playing[number], now, coming, spans)
    return spans


def _go_on(number: int, core: Core, crossed: int | None, coming: dict[int, Request], spans: list[list[Span]]) -> None:
    """Let a core go on, from its start or as its transaction has crossed, until it wants the port again or is done."""
    try:
        coming[number] = next(core) if crossed is None else core.send(crossed)
    except StopIteration as done:
        spans[number] = done.value


def _core(ops: Sequence[OpTiles]) -> Core:
    spans: list[Span] = []
    now = 0
    for op in ops:
        start = now + op.setup_cycles
        tiles_end = yield from _tiles(op, start)
        beyond = exposed_cycles(op.added_cycles, tiles_end - start, op.tiles, array_waits=op.array_waits)
        spans.append(Span(now, tiles_end, tiles_end + beyond))
        now = tiles_end + beyond
    return spans


def _tiles(op: OpTiles, start: int) -> Tiles:
    """Play the tiles of an op from a cycle on, as `simulator.cost.pipeline.advance` does; return when all is over."""
    tiles, port = [run for run in op.runs for _ in range(run.count)], op.port
    loads, stores = [start] * port.channels, [start] * port.channels
    computed: list[int] = []
    free = over = start
    for i in range(len(tiles) + port.out_slots):
        begin = free
        for move in _moves(tiles, i, port):
            dma, channel = stores if move.stores else loads, move.tile % port.channels
            issue = max(dma[channel], computed[move.cause] if move.cause >= 0 else start)
            crossed = yield Request(issue + port.latency_cycles, move.cycles)
            dma[channel] = crossed
            begin, over = max(begin, crossed), max(over, crossed)
        if i < len(tiles):
            free = begin + tiles[i].compute_cycles
            computed.append(free)
    return max(over, free)


class Move(NamedTuple):
    """A transaction of a tile, which waits until the tile that is its cause is computed."""

    cycles: int
    cause: int
    tile: int
    stores: bool = False


def _moves(tiles: Sequence[TileRun], i: int, port: PortSpec) -> list[Move]:
    """Return what crosses the port before tile i is computed, or behind the last one.

    A tile brings its loads and the store of the tile whose output slot it takes, first what can be ready first.
    """
    late = i - port.out_slots
    store = [Move(tiles[late].store_cycles, late, late, stores=True)] if late >= 0 else []
    if i >= len(tiles):
        return [move for move in store if move.cycles]
    tile = tiles[i]
    loads = [
        (port.deeper_slots <= port.out_slots, Move(tile.deeper_cycles, i - port.deeper_slots, i)),
        (port.slots <= port.out_slots, Move(tile.load_cycles, i - port.slots, i)),
    ]
    before, after = ([move for later, move in loads if later is told] for told in (False, True))
    return [move for move in before + store + after if move.cycles]
