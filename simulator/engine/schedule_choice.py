"""Which schedule a network runs by: without stacks, with those that save most DRAM bytes, or with those that pay."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from simulator.engine.frames import Frame
from simulator.engine.run_choice import best_run, paying_stacks
from simulator.engine.schedules import schedule_of
from simulator.errors import InputError
from simulator.hardware.model import Hardware
from simulator.log import LOG, timed
from simulator.network.ir import Network
from simulator.schedule import PlannedOp, Schedule, plan, played
from simulator.schedule.fewer import with_fewer_stacks

Ops: TypeAlias = tuple[PlannedOp, ...]


def plans_of(
    hardware: Hardware, network: Network, asked: Sequence[Schedule | None], given: Collection[str]
) -> list[Ops]:
    """Return the plans to choose from: those of the schedules asked for that know all mappings given."""
    with timed("planned"):
        plans = [plan(network, hardware, each) for each in asked]
    known = [ops for ops in plans if _knows(ops, given)]
    for each, stacked in zip(asked[1:], plans[1:], strict=True) if not known else ():
        stacks = {own.stack for op in stacked if (own := op.in_stack) and _names(own.shapes) & {*given}}
        fewer = [stack for stack in each.stacks if stack in stacks] if each else []
        found = with_fewer_stacks(each, fewer, _kept(plans[0]), network, hardware) if each else None
        known += [ops for ops in [plan(network, hardware, found)] if _knows(ops, given)] if found else []
    return known or plans[:1]


def best_frame(
    plans: Sequence[Ops], attempt: Callable[[Ops], Frame], network: Network, hardware: Hardware, objective: str
) -> Frame:
    """Return the best run of several plans, and of their stacks that pay; raise what all `attempt` to run refuse."""
    frames, refused = list[Frame](), list[InputError]()
    for ops in plans:
        try:
            frames.append(attempt(ops))
        except InputError as error:  # another plan may leave an op more room
            refused.append(error)
    if not frames:
        raise refused[0]
    first, *others = frames
    for stacked in others if not any(op.in_stack for op in first.ops) else ():
        frames += _improved(first, stacked, attempt, network, hardware, objective)
    run = best_run([each.run for each in frames], objective)
    LOG.info("took the best of %d schedules by %s: %d cycles", len(frames), objective, run.total.cycles)
    return next(each for each in frames if each.run is run)


def _improved(
    without: Frame,
    stacked: Frame,
    attempt: Callable[[Ops], Frame],
    network: Network,
    hardware: Hardware,
    objective: str,
) -> list[Frame]:
    """Leave out stacks that do not pay, as long as that makes the run better; what else runs is not searched again."""
    found = list[Frame]()
    while schedule := schedule_of(stacked.run):
        stacks = paying_stacks(stacked.run, without.run, objective)
        if not 0 < len(stacks) < len(schedule.stacks):
            break
        fewer = with_fewer_stacks(schedule, stacks, _kept(without.ops), network, hardware)
        if fewer is None:
            break
        try:
            frame = attempt(plan(network, hardware, fewer))
        except InputError:
            break
        if best_run([stacked.run, frame.run], objective) is stacked.run:
            break
        found.append(frame)
        stacked = frame
    return found


def _names(ops: Sequence[PlannedOp]) -> set[str]:
    return {op.layer.name for op in ops}


def _knows(ops: Ops, given: Collection[str]) -> bool:
    return {*given} <= {op.layer.name for op in played(ops)}


def _kept(ops: Ops) -> set[str]:
    return {op.layer.name for op in ops if op.kept}
