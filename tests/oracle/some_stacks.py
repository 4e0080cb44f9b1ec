"""Every stack that a network may have on a machine, and schedules of one of them."""

from simulator.hardware.model import Hardware
from simulator.network.ir import Network
from simulator.schedule import Schedule, Stack
from simulator.schedule.choice import saved_bytes
from simulator.schedule.fusion import Fusion, fuse
from simulator.schedule.placement import place
from simulator.schedule.stacks import Flow, StackChoice, blocks_of, choices, flow_of
from simulator.schedule.tensors import candidates, storage_of


def setting(network: Network, machine: Hardware) -> tuple[Fusion, Flow, list[StackChoice]]:
    """How rows flow through a network, and every stack there is."""
    fusion = fuse(network, machine)
    storage = storage_of(network, fusion)
    flow = flow_of(network, fusion, storage)
    saved = saved_bytes(machine, fusion, storage, candidates(network, machine, fusion, storage))
    return fusion, flow, [each for overlap in machine.overlaps for each in choices(flow, machine, saved, overlap)]


def forced(network: Network, machine: Hardware, stack: Stack) -> Schedule:
    """A schedule of one stack and nothing else on chip."""
    _, flow, _ = setting(network, machine)
    blocks = blocks_of(flow, stack, machine)
    return Schedule((stack,), place(blocks, machine.activation_buffer.capacity_bytes))
