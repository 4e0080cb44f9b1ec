"""Decide which tensor lives where and when: what is stored, what stays in the buffer, what that takes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

from simulator.hardware.model import Hardware
from simulator.network.ir import Layer, Network
from simulator.schedule.choice import Schedule, choose_schedule
from simulator.schedule.fusion import Fusion, fuse
from simulator.schedule.keeping import rounded
from simulator.schedule.room import strip_bytes
from simulator.schedule.stacks import Place, Stack, blocks_of, flow_of, stacked_layers
from simulator.schedule.tensors import Kept, KeptTensors, Storage, candidates, occupancy, storage_of


@dataclass(frozen=True, slots=True)
class Residency:
    """Where tensors are stored, which of them stay on chip, and what those take while each op runs.

    `kept` are whole tensors, `parts` those of `stacks`, whose `inner` tensors are on chip in parts. `alive_bytes` are
    those of all, `reserved_bytes` these rounded up.
    """

    storage: Storage
    kept: KeptTensors
    alive_bytes: tuple[int, ...]
    reserved_bytes: tuple[int, ...]
    stacks: tuple[Stack, ...] = ()
    parts: Mapping[Place, Kept] = field(default_factory=dict)

    @property
    def inner(self) -> frozenset[str]:
        """Ops whose tensors are never whole."""
        return stacked_layers(self.stacks)

    def stored_in(self, tensors: Iterable[str]) -> frozenset[str]:
        """Return the stored tensors that hold some tensors."""
        return frozenset().union(*(self.storage[name] for name in tensors))

    def on_chip(self, tensors: Iterable[str]) -> bool:
        """Return whether all that holds some tensors stays on chip."""
        return self.stored_in(tensors) <= self.kept.keys() | self.inner


def residency(network: Network, hardware: Hardware, fusion: Fusion, schedule: Schedule | None = None) -> Residency:
    """Return where the tensors of a network live on a machine: as a schedule says, else those kept that save most."""
    storage = storage_of(network, fusion)
    if schedule is None:
        keeps = hardware.keeps_activations
        schedule = choose_schedule(network, hardware, fusion, storage) if keeps else Schedule()
    blocks = candidates(network, hardware, fusion, storage) if schedule.addresses else {}
    parts = dict[Place, Kept]()
    kept = {
        name: Kept(block.lifetime, block.size_bytes, schedule.addresses[name, "whole"])
        for name, block in blocks.items()
        if (name, "whole") in schedule.addresses
    }
    flows = [flow_of(network, fusion, storage)] if schedule.stacks else []
    for flow, stack in product(flows, schedule.stacks):
        for place, block in blocks_of(flow, stack, hardware).items():
            parts[place] = Kept(block.lifetime, block.size_bytes, schedule.addresses[place])
    alive = tuple(occupancy([*kept.values(), *parts.values()], len(network.layers)))
    reserved = tuple(rounded(size, hardware.activation_buffer.capacity_bytes) for size in alive)
    return Residency(storage, kept, alive, reserved, schedule.stacks, parts)


def full_residency_bytes(network: Network, hardware: Hardware) -> int:
    """Return a capacity of the activations' buffer at which every tensor between two ops of a network stays there.

    Bytes: the most, over all ops, of all tensors alive, in sixteenths of the buffer, and the op's strip with its inputs
    and outputs there. As sixteenths grow with the buffer, it is grown until all ops fit.
    """
    fusion = fuse(network, hardware)
    storage = storage_of(network, fusion)
    all_kept = candidates(network, hardware, fusion, storage)
    strips = [_strip(layer, hardware, fusion, storage, all_kept) for layer in network.layers]
    ops = [(size, strip) for size, strip in zip(occupancy(all_kept.values(), len(strips)), strips, strict=True) if size]
    capacity = max((size + strip for size, strip in ops), default=0)
    while (needed := max((rounded(size, capacity) + strip for size, strip in ops), default=0)) > capacity:
        capacity = needed
    return capacity


def _strip(layer: Layer, hardware: Hardware, fusion: Fusion, storage: Storage, kept: KeptTensors) -> int:
    """Bytes of a strip of an op, or none if it does not run."""
    if layer.name not in fusion.groups:
        return 0
    inputs = frozenset().union(*(storage[name] for name in layer.inputs))
    return strip_bytes(layer, hardware, inputs <= kept.keys(), layer.name in kept)
