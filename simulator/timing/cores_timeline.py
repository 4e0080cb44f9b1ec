"""Play several cores event by event, each with blocks of its own, behind one DRAM port: SimPy, as `timing.timeline`.

What cores do together is a phase: each runs its ops one after the other, and the next phase begins when all are done.
"""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from simulator.timing.sharing import RoundRobin
from simulator.timing.tiles import OpTiles
from simulator.timing.timeline import CONTROL, Interval, OpInPlay, Timeline, Transaction

if TYPE_CHECKING:
    from simpy import Environment, Event

    Process = Generator[Event, object, None]

Phase = Sequence[Sequence[OpTiles]]
"""The ops of each core."""

AFTER_ALL = 2
"""Priority of what comes after all else in a cycle, as SimPy's own events have 0 and 1."""


def lane(core: int | None, block: str) -> str:
    """Name a block of a core."""
    return block if core is None else f"core {core} {block}"


def play_cores(phases: Sequence[Phase], streams: int = 1) -> Timeline:
    """Return the timeline of phases in which cores run ops, so many of which the port serves at a time."""
    from simpy import Environment

    environment = Environment()
    playing = _Cores(environment, streams)
    environment.process(playing.control(phases))
    environment.run()
    return Timeline(tuple(playing.ops), tuple(playing.spans), tuple(playing.intervals))


class SharedPort:
    """The DRAM port, whose cycles go to the cores that have a transaction there, one after the other."""

    def __init__(self, environment: "Environment", streams: int) -> None:
        self.environment, self.turns, self.served_until = environment, RoundRobin(streams), 0
        self.crossed: dict[int, Event] = {}
        self.alarm: Event | None = None

    def take(self, core: int, cycles: int) -> "Event":
        """Let a core take the port for so many cycles from now on; return the event that they are over."""
        self._serve()
        self.turns.add(core, cycles)
        self.crossed[core] = self.environment.event()
        self._look_again()
        return self.crossed[core]

    def _serve(self) -> None:
        """Bring the cores to where they are now."""
        now = int(self.environment.now)
        cycles, self.served_until = now - self.served_until, now
        for core in self.turns.serve(cycles) if self.turns.left else []:
            self.crossed.pop(core).succeed()

    def _look_again(self) -> None:
        """Look when all that happens in this cycle has happened, and again when the first of those there is done."""
        from simpy.events import EventPriority

        alarm = self.alarm = self.environment.event()
        alarm.callbacks = [self._wait]
        alarm._ok, alarm._value = True, None
        self.environment.schedule(alarm, EventPriority(AFTER_ALL))

    def _wait(self, alarm: "Event") -> None:
        if alarm is self.alarm and self.turns.left:
            self.environment.timeout(self.turns.next_end()).callbacks = [lambda _: self._end(alarm)]

    def _end(self, alarm: "Event") -> None:
        if alarm is self.alarm:
            self._serve()
            self._look_again()


class _Cores:
    """The cores in play, phase by phase, and what they did."""

    def __init__(self, environment: "Environment", streams: int) -> None:
        self.environment, self.port = environment, SharedPort(environment, streams)
        self.ops: list[OpTiles] = []
        self.spans: list[tuple[int, int]] = []
        self.intervals: list[Interval] = []

    def control(self, phases: Sequence[Phase]) -> "Process":
        """Start one phase after the other, in each of which turns at the port begin with the first core."""
        for phase in phases:
            self.port.turns = RoundRobin(self.port.turns.streams)
            yield self.environment.all_of([self.environment.process(self.core(ops)) for ops in phase])

    def core(self, ops: Sequence[OpTiles]) -> "Process":
        """Start the ops of a core one after the other: all of its blocks set out together on each."""
        for tiles in ops:
            op, begin = len(self.ops), int(self.environment.now)
            self.ops.append(tiles)
            self.spans.append((begin, begin))
            if tiles.setup_cycles:
                yield self.environment.timeout(tiles.setup_cycles)
                name, now = lane(tiles.core, CONTROL), int(self.environment.now)
                self.intervals.append(Interval(name, op, 0, "setup", begin, now))
            blocks = _OpOnCore(self, op, tiles).blocks()
            yield self.environment.all_of([self.environment.process(block) for block in blocks])
            self.spans[op] = begin, int(self.environment.now)


class _OpOnCore(OpInPlay):
    """An op in play on a core, which shares the port."""

    def __init__(self, cores: _Cores, op: int, tiles: OpTiles) -> None:
        super().__init__(cores.environment, op, tiles, cores.intervals, None)
        self.shared, self.core = cores.port, tiles.core or 0

    def crossing(self, item: Transaction) -> "Event":
        """Return the event at which a transaction has crossed in turns with those of other cores."""
        return self.shared.take(self.core, item.cycles)

    def record(self, block: str, tile: int, kind: str, begin: int, size_bytes: int = 0) -> None:
        """Add what a block of the core did."""
        super().record(lane(self.core, block), tile, kind, begin, size_bytes)
