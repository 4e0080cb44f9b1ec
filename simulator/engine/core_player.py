"""Play ops on cores that share the DRAM port: their tiles, and what they cost with what they wait for others."""

from collections.abc import Mapping, Sequence

from simulator.engine.array_ops import behind_array
from simulator.engine.core_costs import cycles_of
from simulator.engine.mapping_cache import Choice, op_key, vector_key
from simulator.engine.player import Player
from simulator.engine.results import Cost
from simulator.engine.store import Rows
from simulator.engine.timeline import Asked, Listed, array_runs, block_of, port_of, vector_runs
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping as Mapped
from simulator.schedule import PlannedOp
from simulator.timing.cores import Span, play_together
from simulator.timing.tiles import OpTiles

MOST_TILES = 1_000_000
"""Of ops that are played together, on all cores: some ten seconds, and a hundred bytes each."""

OnCores = Sequence[Sequence[PlannedOp]]
"""The ops, or slices of one, of each core."""


class CorePlayer:
    """Plays ops on the cores of a machine, under their mappings."""

    def __init__(
        self,
        hardware: Hardware,
        rows: Rows,
        mappings: Mapping[str, Mapped],
        found: Mapping[str, Choice],
    ) -> None:
        self.hardware, self.core = hardware, hardware.core
        self.player = Player(mappings, self.core, rows, found=found)
        self.listed: dict[Asked, Listed] = {}
        self.known: dict[tuple[tuple[Asked, ...], ...], list[list[Span]]] = {}

    def tiles(self, op: PlannedOp, core: int, of: str) -> OpTiles:
        """Return the tiles of an op, or of a slice `of` one, on a core."""
        hardware, asked = self.core, self._asked(op)
        if asked not in self.listed:
            own = asked.mapping
            self.listed[asked] = array_runs(op, own, hardware, 0) if own else vector_runs(op, hardware)
        behind = behind_array(op, hardware) if asked.mapping else None
        return OpTiles(
            name=of,
            block=block_of(op, hardware),
            runs=self.listed[asked].runs,
            port=port_of(hardware, 0, on_array=asked.mapping is not None),
            setup_cycles=hardware.launch_cycles + (hardware.configuration_cycles if asked.mapping else 0),
            added_cycles=behind.cycles if behind else 0,
            array_waits=behind.array_waits if behind else False,
            strip=op.layer.name if op.layer.name != of else "",
            core=core,
        )

    def together(self, cores: OnCores) -> list[list[Span]]:
        """Return when each op is over on each core, all of which set out together."""
        keys = tuple(tuple(self._asked(op) for op in ops) for ops in cores)
        alone = [sum(map(self.tile_count, ops)) for ops in cores]
        if sum(alone) > MOST_TILES:
            message = (
                f"too many tiles to be played together on {len(cores)} cores: take a smaller batch, or fewer layers"
            )
            raise InputError(Problem(message, expected=f"at most {MOST_TILES:,}", got=f"{sum(alone):,}"))
        if keys not in self.known:
            tiles = [[self.tiles(op, at, op.layer.name) for op in own] for at, own in enumerate(cores)]
            self.known[keys] = play_together(tiles, self.hardware.dram_streams)
        return self.known[keys]

    def tile_count(self, op: PlannedOp) -> int:
        """Return how many tiles an op has."""
        return self.player.waiting(op).tiles

    def costs(self, ops: Sequence[PlannedOp], spans: Sequence[Span]) -> list[Cost]:
        """Return what each op costs that took so long beside others; they wait for DRAM, and for nothing else."""
        costs = []
        for op, span in zip(ops, spans, strict=True):
            setup = self.core.launch_cycles + (self.core.configuration_cycles if op.layer.nest is not None else 0)
            waited = span.tiles_end - span.begin - setup - self.player.tile_cycles(op)
            cost = self.player.waiting(op, waited)
            assert waited >= 0 and cycles_of(cost) == span.end - span.begin, f"{op.layer.name}: events and cost differ"
            costs.append(cost)
        return costs

    def _asked(self, op: PlannedOp) -> Asked:
        if op.layer.nest is None:
            return Asked(vector_key(op, self.core), None, 0)
        return Asked(op_key(op), self.player.mappings[op.layer.name], 0)
