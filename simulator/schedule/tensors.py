"""Tensors that ops leave in memory: what holds which, how large they are, from when to when they are needed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.hardware.model import Hardware
from simulator.nest import Operand
from simulator.network.ir import Network, Op
from simulator.network.lifetimes import Lifetime, lifetimes, summed
from simulator.network.shapes import tensor_bytes
from simulator.schedule.fusion import Fusion
from simulator.schedule.placement import Block

Storage = Mapping[str, frozenset[str]]
"""Tensor -> the stored tensors that hold it: itself, its producer's, or all that a folded op joins."""


@dataclass(frozen=True, slots=True)
class Kept(Block):
    """What stays in the buffer from when it is made until it is last read."""

    address: int = 0


KeptTensors = Mapping[str, Kept]


def storage_of(network: Network, fusion: Fusion) -> Storage:
    """Return for each tensor the stored ones that hold it."""
    storage = {name: frozenset({name}) for name in network.inputs}
    for layer in network.layers:
        if layer.name in fusion.folded:
            storage[layer.name] = frozenset().union(*(storage[name] for name in layer.inputs))
        else:
            storage[layer.name] = frozenset({fusion.producer_of.get(layer.name, layer.name)})
    return storage


def candidates(network: Network, hardware: Hardware, fusion: Fusion, storage: Storage) -> KeptTensors:
    """Tensors that may stay in the buffer, in the order they are made: what some op makes where another reads it."""
    buffer = hardware.activation_buffer
    if Operand.OUTPUTS not in buffer.holds:
        return {}
    life = stored_lifetimes(network, storage)
    elsewhere = set() if Operand.WEIGHTS in buffer.holds else second_factors(network, storage)
    found: dict[str, Kept] = {}
    for name, group in fusion.groups.items():
        if life[name].last_read < len(network.layers) and name not in elsewhere:
            stored = group.fused[-1] if group.fused else group.producer
            found[name] = Kept(life[name], tensor_bytes(stored.output_shape, hardware.output_bits))
    return found


def second_factors(network: Network, storage: Storage) -> set[str]:
    """Stored tensors that an op multiplies by as by weights."""
    products = (layer for layer in network.layers if layer.op is Op.MATMUL)
    return {stored for layer in products for stored in storage[layer.inputs[1]]}


def stored_lifetimes(network: Network, storage: Storage) -> dict[str, Lifetime]:
    """Lifetimes of the stored tensors that ops make, those of fused and folded ops that alias them included."""
    life: dict[str, Lifetime] = {}
    for name, own in lifetimes(network).items():
        for stored in storage[name]:
            if stored not in network.inputs:
                before = life.get(stored, own)
                life[stored] = Lifetime(min(before.made, own.made), max(before.last_read, own.last_read))
    return life


def occupancy(kept: Iterable[Block], ops: int) -> list[int]:
    """Bytes that kept tensors take while each op runs."""
    return summed(((tensor.lifetime.made, tensor.lifetime.last_read, tensor.size_bytes) for tensor in kept), ops)
