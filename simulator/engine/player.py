"""Play ops one after the other, or recall how they were played: the second time nothing is worked out."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from simulator.engine.array_ops import Played, array_cost, play_mapping
from simulator.engine.mapping_cache import Choice, PlayKey, ResultKey, machine_key, op_key, result_key, vector_key
from simulator.engine.results import FREE, Cost, layer_result
from simulator.engine.store import Rows, key_of
from simulator.engine.vector_ops import Streamed, fastest, stream, streamed_of, sum_streamed, vector_cost
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.nest import Operand
from simulator.network.ir import Op
from simulator.result.run import LayerResult
from simulator.schedule import PlannedOp, in_order

if TYPE_CHECKING:
    from simulator.cost.vector_tiles import Tiles


K = TypeVar("K")
V = TypeVar("V")

MOST_KEPT = 20_000
"""Ops of a machine; some tens of megabytes."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What was worked out before on a machine: what played mappings left, and what ops cost that obeyed the laws."""

    plays: dict[PlayKey, Played] = field(default_factory=dict)
    costs: dict[ResultKey, Cost] = field(default_factory=dict)

    def keep(self, costs: MappingType[ResultKey, Cost]) -> None:
        """Keep costs that obeyed the laws; the oldest of what is kept go when it is more than `MOST_KEPT`."""
        self.costs.update(costs)
        _keep_latest(self.plays)
        _keep_latest(self.costs)


def _keep_latest(known: dict[K, V]) -> None:
    for key in list(islice(known, max(0, len(known) - MOST_KEPT))):
        del known[key]


class Turn(NamedTuple):
    """An op, or a strip `of` one; bytes of its first weights that have come, and of those that come next meanwhile."""

    op: PlannedOp
    of: str
    come: int
    wanted: int


def with_gaps(cost: Cost, choices: Sequence[Choice]) -> Cost:
    """Say how far an op's mappings may be from the best, if any was searched."""
    gaps = [choice.cycles_gap for choice in choices if choice.cycles_gap is not None]
    return replace(cost, gap=max((choice.gap for choice in choices), default=None), cycles_gap=max(gaps, default=None))


class Player:
    """Plays ops of a network on a machine, under their mappings; what `rows` and `shared` know is not worked out again.

    What equal ops cost that obeyed the laws is in `shared`, and ops that cost the same are `lawful`; what is found
    anew is `fresh`. Beside `mappings` that are given there are those that a search `found`. `weights_bytes` of the
    weights' buffer are taken by weights that stay from frame to frame.
    """

    def __init__(
        self,
        mappings: MappingType[str, Mapping],
        hardware: Hardware,
        rows: Rows,
        shared: Shared | None = None,
        found: MappingType[str, Choice] = MappingProxyType({}),
        weights_bytes: int = 0,
    ) -> None:
        self.mappings = {**mappings, **{name: choice.mapping for name, choice in found.items()}}
        self.found, self.hardware, self.rows, self.weights_bytes = found, hardware, rows, weights_bytes
        self.machine, self.shared = key_of(machine_key(hardware)), shared or Shared()
        self.fresh: dict[ResultKey, Cost] = {}
        self.lawful: set[str] = set()
        self._known: dict[tuple[str, int, int], Played] = {}
        self._tiles: dict[str, Tiles] = {}

    def again(self, weights_bytes: int) -> "Player":
        """Return a player of the same mappings, for ops whose weights may be on chip already."""
        return Player(self.mappings, self.hardware, self.rows, self.shared, self.found, weights_bytes)

    def play(self, ops: Sequence[PlannedOp], *, frames: bool = False) -> list[LayerResult]:
        """Play the ops one after the other, those of a stack strip by strip; with the first weights of what follows on
        the way where the machine prefetches. With `frames`, the same ops were played before and are again.
        """
        taken = dict[str, list[Turn]]()
        for turn in self.turns(ops, frames=frames):
            taken.setdefault(turn.of, []).append(turn)
        return [self.result(op, taken.get(op.layer.name, ())) for op in ops]

    def turns(self, ops: Sequence[PlannedOp], *, frames: bool = False) -> Iterator[Turn]:
        """Yield what runs in the order of time; with `frames`, as if the last op came before the first."""
        running = list(in_order(ops))
        behind = [*running[1:], *running[:1]] if frames else running[1:]
        come = self._wanted(running[-1][0], running[0][0]) if frames and running else 0
        for (strip, op), following in zip_longest(running, behind):
            wanted = self._wanted(strip, following[0]) if following else 0
            yield Turn(strip, op.layer.name, come, wanted)
            come = wanted

    def _wanted(self, running: PlannedOp, following: PlannedOp) -> int:
        """Bytes of what follows that come meanwhile: its first weights, where the machine does so and has room."""
        wanted = self.first_weights(following) if self.hardware.layer_order == "prefetch_weights" else 0
        return wanted if wanted and wanted <= self.free_bytes(running) else 0

    def result(self, op: PlannedOp, turns: Sequence[Turn]) -> LayerResult:
        """Put together what an op cost in all of its turns; one that takes none is free."""
        if op.in_stack:
            return layer_result(op, self.hardware, self._cost(op, turns))
        own = self.found.get(op.layer.name) or self.mappings.get(op.layer.name)
        played = ((own, turn.come, turn.wanted) for turn in turns)
        key = result_key(op, tuple(played))
        cost = self.shared.costs.get(key)
        if cost is not None:
            self.lawful.add(op.layer.name)
        elif key not in self.fresh:
            self.fresh[key] = self._cost(op, turns)
        return layer_result(op, self.hardware, cost or self.fresh[key])

    def _cost(self, op: PlannedOp, turns: Sequence[Turn]) -> Cost:
        if not turns:
            return FREE
        if op.layer.nest is None:
            streamed = sum_streamed([self._streamed(turn.op, turn.wanted) for turn in turns])
            return vector_cost(op, streamed, self.hardware)
        strips = [
            (turn.op, self.mappings[turn.op.layer.name], self._played(turn.op, turn.come, turn.wanted))
            for turn in turns
        ]
        cost = array_cost(op, strips, self.hardware, sum(turn.come for turn in turns))
        choices = [self.found[strip.layer.name] for strip, *_ in strips if strip.layer.name in self.found]
        return with_gaps(cost, choices)

    def waiting(self, op: PlannedOp, cycles: int = 0) -> Cost:
        """Return what an op costs that nothing comes ahead of, and that waits so many cycles for others at DRAM."""
        if op.layer.nest is None:
            streamed = self._streamed(op)
            timing = streamed.cost.timing
            later = replace(timing, cycles=timing.cycles + cycles, wait_cycles=timing.wait_cycles + cycles)
            return vector_cost(op, replace(streamed, cost=replace(streamed.cost, timing=later)), self.hardware)
        played, mapping = self._played(op), self.mappings[op.layer.name]
        played = replace(played, cycles=played.cycles + cycles, wait_cycles=played.wait_cycles + cycles)
        own = self.found.get(op.layer.name)
        return with_gaps(array_cost(op, [(op, mapping, played)], self.hardware), [own] if own else [])

    def tile_cycles(self, op: PlannedOp) -> int:
        """Return when the tiles of an op are over that nothing comes ahead of."""
        return self._played(op).cycles if op.layer.nest is not None else self._streamed(op).cost.timing.cycles

    def first_weights(self, op: PlannedOp) -> int:
        """Bytes of weights that an op's first tile loads; a second factor that ops make may not be there before."""
        if op.layer.nest is None or op.layer.op is Op.MATMUL:
            return 0
        return self._played(op).first_weights_bytes

    def free_bytes(self, op: PlannedOp) -> int:
        """Bytes that the weights' buffer has left while an op runs in its tiles.

        Tensors that are kept, and tiles of the vector unit, lie where inputs do.
        """
        index = next(i for i, b in enumerate(self.hardware.buffers) if Operand.WEIGHTS in b.holds)
        buffer, taken = self.hardware.buffers[index], self.weights_bytes
        if op.layer.nest is not None:
            taken += self._played(op).demand_bytes[index]
        elif Operand.INPUTS in buffer.holds:
            taken += self._streamed(op).demand_bytes
        if Operand.INPUTS in buffer.holds:
            taken += op.reserved_bytes
        return buffer.capacity_bytes - taken

    def _played(self, op: PlannedOp, come: int = 0, wanted: int = 0) -> Played:
        asked, mapping = (op.layer.name, come, wanted), self.mappings[op.layer.name]
        if asked not in self._known:
            own, plays = PlayKey(op_key(op), mapping, come, wanted), self.shared.plays
            if own not in plays:
                key = key_of("played", self.machine, own.op, mapping, come, wanted)
                found = self.rows.recall(key, lambda: play_mapping(op, mapping, self.hardware, come, wanted))
                plays[own] = Played(**found)
            self._known[asked] = plays[own]
        return self._known[asked]

    def _streamed(self, op: PlannedOp, wanted: int = 0) -> Streamed:
        key = key_of("streamed", self.machine, vector_key(op, self.hardware), wanted)
        return streamed_of(self.rows.recall(key, lambda: stream(op, self._cut(op), self.hardware, wanted)))

    def _cut(self, op: PlannedOp) -> "Tiles":
        if op.layer.name not in self._tiles:
            self._tiles[op.layer.name] = fastest(op, self.hardware)
        return self._tiles[op.layer.name]
