"""Cores behind one DRAM port, cycle by cycle: nothing is worked out ahead, each block looks at what is there now."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.timing.tiles import OpTiles


@dataclass
class Transfer:
    """Words of a tile that still have to cross the port; `cause` is the tile that must be computed before."""

    kind: str
    tile: int
    left: int
    cause: int
    issued: int | None = None
    crossed: bool = False


@dataclass
class SlowOp:
    """An op under way on a core."""

    op: OpTiles
    transfers: list[Transfer] = field(default_factory=list)
    computed: int = 0  # tiles
    work: int | None = None  # cycles left of the tile in the array

    def __post_init__(self) -> None:
        self.tiles = [run for run in self.op.runs for _ in range(run.count)]
        port = self.op.port
        for i in range(len(self.tiles) + port.out_slots):
            if i < len(self.tiles) and port.deeper_slots > port.out_slots:
                self._load("deeper", i, port.deeper_slots)
            if i < len(self.tiles) and port.slots > port.out_slots:
                self._load("load", i, port.slots)
            if 0 <= i - port.out_slots < len(self.tiles):
                done = i - port.out_slots
                self.transfers.append(Transfer("store", done, self.tiles[done].store_cycles, done))
            if i < len(self.tiles) and port.deeper_slots <= port.out_slots:
                self._load("deeper", i, port.deeper_slots)
            if i < len(self.tiles) and port.slots <= port.out_slots:
                self._load("load", i, port.slots)
        self.transfers = [each for each in self.transfers if each.left]

    def _load(self, kind: str, tile: int, slots: int) -> None:
        cycles = self.tiles[tile].deeper_cycles if kind == "deeper" else self.tiles[tile].load_cycles
        self.transfers.append(Transfer(kind, tile, cycles, tile - slots))

    def settle(self, now: int) -> None:
        """Let all happen that takes no time: tiles end and begin, transactions are issued."""
        changed = True
        while changed:
            changed = self._compute() or self._issue(now)

    def _compute(self) -> bool:
        if self.work == 0:
            self.work, self.computed = None, self.computed + 1
            return True
        wanted = [("load", self.computed), ("deeper", self.computed), ("store", self.computed - self.op.port.out_slots)]
        waits = any((each.kind, each.tile) in wanted and not each.crossed for each in self.transfers)
        if self.work is None and self.computed < len(self.tiles) and not waits:
            self.work = self.tiles[self.computed].compute_cycles
            return True
        return False

    def _issue(self, now: int) -> bool:
        busy = set()
        for each in self.transfers:
            channel = each.kind == "store", each.tile % self.op.port.channels
            if each.crossed:
                continue
            if each.issued is None and channel not in busy and each.cause < self.computed:
                each.issued = now
                return True
            busy.add(channel)
        return False

    def at_port(self, now: int) -> Transfer | None:
        """The transaction that wants the port: the next in order, a latency after its issue."""
        first = next((each for each in self.transfers if not each.crossed), None)
        there = first and first.issued is not None and first.issued + self.op.port.latency_cycles <= now
        return first if there else None

    @property
    def over(self) -> bool:
        return self.computed == len(self.tiles) and all(each.crossed for each in self.transfers)


def begun(playing: list[SlowOp | None], core: int, op: OpTiles, setup: int, now: int) -> SlowOp:
    """Let a core that is set up begin its next op, or go on with it; return it as it is now."""
    own = playing[core]
    if own is None and setup:
        return SlowOp(op)
    own = playing[core] = own or SlowOp(op)
    own.settle(now)
    return own


def ends(cores: Sequence[Sequence[OpTiles]], streams: int) -> list[list[int]]:
    """When each op of each core is over, none of which has work behind the array; so many are served in a cycle."""
    found: list[list[int]] = [[] for _ in cores]
    waiting = [list(ops) for ops in cores]
    setup = [ops[0].setup_cycles for ops in cores]
    playing: list[SlowOp | None] = [None for _ in cores]
    now, last = 0, -1
    while any(waiting):
        for core, ops in enumerate(waiting):
            while ops and begun(playing, core, ops[0], setup[core], now).over:
                found[core].append(now)
                ops.pop(0)
                playing[core], setup[core] = None, ops[0].setup_cycles if ops else 0
        there = [core for core, own in enumerate(playing) if own and own.at_port(now)]
        for _ in range(min(streams, len(there))):
            last = min(there, key=lambda core: (core <= last, core))
            there.remove(last)
            transfer = playing[last].at_port(now)
            transfer.left -= 1
            transfer.crossed = not transfer.left
        for core, own in enumerate(playing):
            if own is None:
                setup[core] = max(0, setup[core] - 1)
            elif own.work:
                own.work -= 1
        now += 1
    return found
