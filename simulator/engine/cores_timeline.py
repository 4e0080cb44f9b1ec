"""A run on several cores as events: op after op with all cores on it, or a period in which each has a frame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from simulator.engine.core_player import CorePlayer
from simulator.engine.cores import cuts_of
from simulator.engine.schedules import schedule_of
from simulator.engine.store import NO_STORE, Rows
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping as Mapped
from simulator.network.ir import Network
from simulator.result.laws import LawViolation, Violation
from simulator.result.run import Run
from simulator.schedule import PlannedOp, Schedule
from simulator.schedule.split import OpOfCores, ops_of_cores, slices_of
from simulator.timing.cores_timeline import Phase, play_cores
from simulator.timing.timeline import Timeline

Own = tuple[str, PlannedOp]
"""An op, or a slice of one, and the name of the op that it is of."""


def cores_timeline(run: Run, network: Network, mappings: Mapping[str, Mapped], hardware: Hardware) -> Timeline:
    """Play a run on several cores; where they have frames of their own, a period of those.

    Raise InputError if there are too many tiles, `LawViolation` unless each core is over when the run says.
    """
    player, schedule = CorePlayer(hardware, Rows(NO_STORE), mappings, {}), schedule_of(run) or Schedule()
    ops = ops_of_cores(network, hardware)
    timeline = play_cores(
        [_phase(player, cores) for cores in _phases(ops, schedule, hardware.cores)], hardware.dram_streams
    )
    if broken := [*_broken(timeline, run)]:
        raise LawViolation(broken)
    return timeline


def _phases(ops: Sequence[OpOfCores], schedule: Schedule, cores: int) -> Iterator[list[list[Own]]]:
    """Yield what each core runs in each phase."""
    running = [(op.planned.layer.name, op.planned) for op in ops]
    if schedule.together == "frames":
        yield [running] * cores
    elif schedule.together == "pipelined":
        yield [running[begin:end] for begin, end in cuts_of(schedule, [op for _, op in running])]
    else:
        for op in ops:
            name = op.planned.layer.name
            split = schedule.splits.get(name)
            yield [[(name, own)] for own in (slices_of(op, split) if split else (op.planned,))]


def _phase(player: CorePlayer, cores: Sequence[Sequence[Own]]) -> Phase:
    """Return the tiles of each core; what works behind the array begins so that it ends when the op does."""
    spans = player.together([[op for _, op in own] for own in cores])
    return [
        [
            replace(tiles, added_from=span.end - span.begin - tiles.setup_cycles - tiles.added_cycles)
            for tiles, span in zip((player.tiles(op, at, of) for of, op in own), ends, strict=True)
        ]
        for at, (own, ends) in enumerate(zip(cores, spans, strict=True))
    ]


def _broken(timeline: Timeline, run: Run) -> Iterator[Violation]:
    """Find ops, or cores, that are not over when the run says."""
    assert run.cores is not None
    law, ranges = "events take the cycles of the run", run.cores.ranges
    taken: dict[str, tuple[int, int]] = {}
    for op, (begin, end) in zip(timeline.ops, timeline.spans, strict=True):
        key = f"core {op.core}" if ranges else op.name
        first, last = taken.get(key, (begin, end))
        taken[key] = min(first, begin), max(last, end)
    told = {layer.name: layer.cycles for layer in run.layers}
    told |= {f"core {at}": each.cycles for at, each in enumerate(ranges)}
    for key, (begin, end) in taken.items():
        if end - begin != told[key]:
            yield Violation(key, "cycles", law, f"{end - begin} of {told[key]}")
