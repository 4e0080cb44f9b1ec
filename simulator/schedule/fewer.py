"""A schedule with fewer stacks: what one of them had in parts stays whole, as it would without stacks, or leaves."""

from collections.abc import Collection

from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.schedule.check import faults
from simulator.schedule.choice import Schedule
from simulator.schedule.fusion import fuse
from simulator.schedule.placement import Block, place
from simulator.schedule.stacks import Place, Stack, blocks_of, flow_of
from simulator.schedule.tensors import candidates, storage_of


def with_fewer_stacks(
    schedule: Schedule, stacks: Collection[Stack], kept: Collection[str], network: Network, hardware: Hardware
) -> Schedule | None:
    """Return a schedule with those of its stacks that are told, or None if what is left finds no room so.

    Tensors of the others stay whole if they are among those `kept` without stacks, and find room.
    """
    fusion = fuse(network, hardware)
    storage = storage_of(network, fusion)
    flow, able = flow_of(network, fusion, storage), candidates(network, hardware, fusion, storage)
    whole = {name for name, part in schedule.addresses if part == "whole"}
    left = {name for stack in schedule.stacks if stack not in stacks for name in stack.ops}
    for stay in (whole | (left & {*kept}), whole):
        blocks: dict[Place, Block] = {(name, "whole"): able[name] for name in able if name in stay}
        for stack in stacks:
            blocks |= blocks_of(flow, stack, hardware)
        found = Schedule(tuple(stacks), place(blocks, hardware.activation_buffer.capacity_bytes))
        if len(found.addresses) == len(blocks) and not any(faults(found, network, hardware)):
            return found
    return None
